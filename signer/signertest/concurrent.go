package signertest

import (
	"errors"
	"sync"
)

// concurrently calls f from several goroutines at once and returns their errors.
func concurrently(f func(worker int) error) error {
	errs := make([]error, 8)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			<-start
			errs[i] = calmly(func() error { return f(i) })
		})
	}
	close(start)
	wg.Wait()
	return errors.Join(errs...)
}
