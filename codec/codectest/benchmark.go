package codectest

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/codec"
)

// Benchmark measures Append and Decode for each of the values: a pointer to one of
// the caller's own type, or a map[string]any in kinds of Values, as which codecs are
// given a session.Values. It reports the time, the allocations, and the size of the
// encoding as "bytes". A value that does not come back as it was is a failure: each
// kind of Values of just its type, a struct up to nil against empty and the zone of times.
func Benchmark(b *testing.B, c codec.Codec, values ...any) {
	if len(values) == 0 {
		b.Fatal("no values to measure")
	}
	for i, v := range values {
		name := fmt.Sprintf("%d-%s", i, strings.ReplaceAll(strings.TrimPrefix(fmt.Sprintf("%T", v), "*"), "interface {}", "any"))
		data, newTarget, err := prepare(c, v)
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
			target := newTarget()
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

// prepare returns the encoding of v, and what makes the target of Decode, a
// pointer, once v has come back from the data as it was.
func prepare(c codec.Codec, v any) (data []byte, newTarget func() reflect.Value, err error) {
	p := reflect.ValueOf(v)
	m, isMap := v.(map[string]any)
	switch {
	case isMap && m != nil:
		newTarget = func() reflect.Value { return reflect.New(p.Type()) }
	case !isMap && p.Kind() == reflect.Pointer && !p.IsNil():
		newTarget = func() reflect.Value { return reflect.New(p.Type().Elem()) }
	default:
		return nil, nil, errors.New("neither a pointer to a value nor a map[string]any")
	}
	if data, err = c.Append(nil, v); err != nil {
		return nil, nil, err
	}
	target := newTarget()
	if err := c.Decode(data, target.Interface()); err != nil {
		return nil, nil, err
	}
	back := target.Interface()
	if isMap {
		back = target.Elem().Interface()
	}
	if d := looseDifference(v, back); d != "" {
		return nil, nil, fmt.Errorf("it does not come back as it was: %s", d)
	}
	return data, newTarget, nil
}
