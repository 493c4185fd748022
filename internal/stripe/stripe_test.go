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

func BenchmarkInc(b *testing.B) {
	var c Counter
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c.Inc()
		}
	})
}
