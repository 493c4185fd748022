package codectest

import (
	"reflect"
	"sync"
)

func checkConcurrent(p *promise) {
	// What does not come back alone is said to, and not again by each goroutine.
	var all []*record
	for _, r := range records() {
		if p.comesBack(*r, reflect.DeepEqual) {
			all = append(all, r)
		}
	}
	values := p.kindsComeBack(kinds())

	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			ok := true
			for i := 0; i < 50 && ok; i++ {
				var data []byte
				if len(all) > 0 {
					data, ok = p.concurrently(nil, all[(g+i)%len(all)], new(record), reflect.DeepEqual)
				}
				if ok && values {
					_, ok = p.concurrently(data[:0], kinds(), new(any), same)
				}
			}
		})
	}
	wg.Wait()
}

// concurrently checks that v comes back while other goroutines use the codec. It
// returns the encoding, which is appended to dst.
func (p *promise) concurrently(dst []byte, v, target any, same func(a, b any) bool) (data []byte, ok bool) {
	p.t.Helper()
	data, err := p.append(dst, v)
	if err != nil {
		p.fail(problem("Append, while other goroutines use the codec,", err), given(v), because(err))
		return nil, false
	}
	if err := p.decode(data, target); err != nil {
		p.fail(problem("Decode, while other goroutines use the codec,", err), given(v), encoded(data), because(err))
		return nil, false
	}
	if v, out := pointed(v), pointed(target); !same(out, v) {
		p.fail("a value comes back as another while other goroutines use the codec", given(v), encoded(data), got(v, out))
		return nil, false
	}
	return data, true
}
