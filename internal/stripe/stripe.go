// Package stripe spreads counters over memory, so that processors that count at
// the same time do not take it from each other, which would cost more than the
// counting.
package stripe

import (
	"sync"
	"sync/atomic"
)

const (
	count = 16  // stripes of a counter
	line  = 128 // bytes of a stripe: two cache lines, which processors fetch together
)

// An index is the number of a stripe. A pool has those that are in use: it gives a
// processor the one back that it had before, for as long as it can.
type index struct{ n int }

var (
	last    atomic.Uint32
	indexes = sync.Pool{New: func() any { return &index{int(last.Add(1) % count)} }}
)

// pick returns the stripe to count in: mostly the same one for what runs on the same
// processor, and another one for what runs on another.
func pick() int {
	i := indexes.Get().(*index)
	n := i.n
	indexes.Put(i)
	return n
}

// A Counter is a number that is counted in stripes. Its zero value is 0. It is safe
// for concurrent use.
type Counter struct {
	stripes [count]struct {
		n atomic.Uint64
		_ [line - 8]byte
	}
}

// Inc adds 1.
func (c *Counter) Inc() { c.stripes[pick()].n.Add(1) }

// Load returns the number.
func (c *Counter) Load() (sum uint64) {
	for i := range c.stripes {
		sum += c.stripes[i].n.Load()
	}
	return sum
}
