package stripe

import (
	"sync"
	"testing"
	"unsafe"
)

func TestACounterLosesNothing(t *testing.T) {
	const goroutines, each = 8, 10_000
	var c Counter
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			for range each {
				c.Inc()
			}
		})
	}
	wg.Wait()
	if n := c.Load(); n != goroutines*each {
		t.Errorf("counted %d, want %d", n, goroutines*each)
	}
}

func TestStripesAreApart(t *testing.T) {
	if size := unsafe.Sizeof(Counter{}); size != count*line {
		t.Errorf("%d stripes in %d bytes", count, size)
	}
}

func TestWhatRunsOnOneProcessorKeepsItsStripe(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector has pools forget")
	}
	var c Counter
	for range 100_000 {
		c.Inc()
	}
	most := uint64(0)
	for i := range c.stripes {
		most = max(most, c.stripes[i].n.Load())
	}
	if most < 10_000 { // were each another one, it would be 100,000 / count
		t.Errorf("no stripe has more than %d", most)
	}
}

// Who counts at the same time counts in other stripes, of which there are no more
// than a counter has, however many pools have been emptied.
func TestWhoCountsAtTheSameTimeHasAnotherStripe(t *testing.T) {
	seen := make(map[int]bool)
	for range 10 * count {
		indexes.Get() // and does not come back
		n := pick()
		if n < 0 || n >= count {
			t.Fatalf("stripe %d of %d", n, count)
		}
		seen[n] = true
	}
	if len(seen) < count/2 {
		t.Errorf("only %d of %d stripes are used", len(seen), count)
	}
}

func BenchmarkInc(b *testing.B) {
	var c Counter
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c.Inc()
		}
	})
}
