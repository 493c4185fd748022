// Package stripe spreads counters over memory, so that processors that count at
// the same time do not take it from each other, which would cost more than the
// counting.
package stripe

import (
	"sync/atomic"
	"unsafe"
)

const (
	bits  = 4
	count = 1 << bits // stripes of a counter
	line  = 128       // bytes of a stripe: two cache lines, which processors fetch together

	granule = 11         // the smallest stack is 2 kB
	mix     = 0x9E3779B1 // of Fibonacci hashing: neighbours come to lie far apart
)

// pick returns the stripe to count in: mostly the same one for a goroutine, and mostly
// another one for another. Stacks do not overlap, so the address of anything that is on
// the stack says which goroutine runs, well enough, without asking the scheduler.
func pick() int {
	var here byte
	return int(uint32(uintptr(unsafe.Pointer(&here))>>granule) * mix >> (32 - bits))
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
