package codectest

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/codec"
)

// Benchmark measures Append and Decode for each value, a pointer to what is to be
// encoded: the caller's own type, or a map[string]any. It reports the time, the
// allocations, and the size of the encoding as "bytes".
func Benchmark(b *testing.B, c codec.Codec, values ...any) {
	for i, v := range values {
		name := fmt.Sprintf("%d-%s", i, strings.TrimPrefix(fmt.Sprintf("%T", v), "*"))
		p := reflect.ValueOf(v)
		if p.Kind() != reflect.Pointer || p.IsNil() {
			b.Fatalf("%s: not a pointer", name)
		}
		data, err := c.Append(nil, v)
		if err != nil {
			b.Fatalf("%s: %v", name, err)
		}
		b.Run(name+"/append", func(b *testing.B) {
			b.ReportAllocs()
			dst := make([]byte, 0, 2*len(data))
			for b.Loop() {
				if _, err := c.Append(dst, v); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(data)), "bytes")
		})
		b.Run(name+"/decode", func(b *testing.B) {
			b.ReportAllocs()
			target := reflect.New(p.Type().Elem())
			for b.Loop() {
				target.Elem().SetZero()
				if err := c.Decode(data, target.Interface()); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(data)), "bytes")
		})
	}
}
