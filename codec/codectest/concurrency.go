package codectest

import (
	"reflect"
	"sync"
	"testing"

	"github.com/keyturn/keyturn/codec"
)

func testConcurrent(t *testing.T, c codec.Codec) {
	all := records()
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 50 {
				in := all[(g+i)%len(all)]
				data, err := c.Append(nil, in)
				if err != nil {
					t.Error(err)
					return
				}
				var got record
				if err := c.Decode(data, &got); err != nil || !reflect.DeepEqual(&got, in) {
					t.Errorf("members do not come back when goroutines share the codec: %v", err)
					return
				}
				var v any
				if data, err = c.Append(data[:0], kinds()); err == nil {
					err = c.Decode(data, &v)
				}
				if err != nil || !same(v, kinds()) {
					t.Errorf("kinds of Values do not come back when goroutines share the codec: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
}
