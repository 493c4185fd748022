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

func TestAGoroutineKeepsItsStripe(t *testing.T) {
	var c Counter
	for range 1000 {
		c.Inc()
	}
	most := uint64(0)
	for i := range c.stripes {
		most = max(most, c.stripes[i].n.Load())
	}
	if most < 500 { // its stack may be moved
		t.Errorf("it counted %d in one stripe at most", most)
	}
}

func TestGoroutinesHaveStripesOfTheirOwn(t *testing.T) {
	const goroutines = 10 * count // that all live at the same time
	var c Counter
	var counted, done sync.WaitGroup
	release := make(chan struct{})
	counted.Add(goroutines)
	for range goroutines {
		done.Go(func() {
			c.Inc()
			counted.Done()
			<-release
		})
	}
	counted.Wait()
	close(release)
	done.Wait()
	used := 0
	for i := range c.stripes {
		n := c.stripes[i].n.Load()
		if n > 0 {
			used++
		}
		if n > goroutines/3 {
			t.Errorf("%d of %d count in one stripe", n, goroutines)
		}
	}
	if used < count/2 {
		t.Errorf("only %d of %d stripes are used", used, count)
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
