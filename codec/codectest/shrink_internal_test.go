package codectest

import (
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/codec"
)

func TestSmallest(t *testing.T) {
	holds := func(word string) func(any) bool {
		return func(v any) bool {
			p := printer{}
			p.value(reflect.ValueOf(v), true)
			return strings.Contains(p.String(), word)
		}
	}
	for _, test := range []struct {
		v     any
		fails func(any) bool
		want  string
	}{
		{map[string]any{"a": []any{map[string]any{"b": int64(200)}, 7.0}, "c": true}, holds("int64("), `map[string]any{"v": int64(0)}`},
		{map[string]any{"a": "xéy", "b": nil}, holds("é"), `map[string]any{"v": "é"}`},
		{map[string]any{"xéy": nil, "b": nil}, holds("é"), `map[string]any{"é": nil}`},
		{map[string]any{"a": nil}, func(any) bool { return true }, "map[string]any{}"},
		{[]byte("abcdef"), func(v any) bool { b, ok := v.([]byte); return ok && len(b) >= 2 && b[len(b)-1] >= 'c' }, `[]byte("\x00c")`},
		{inner{N: 500, Next: &inner{N: 3}}, func(v any) bool { f := reflect.ValueOf(v).FieldByName("N"); return f.IsValid() && f.Int() >= 128 }, "struct { N int64 `json:\"n\"` }{N: 128}"},
		{record{embedded: embedded{7}, Bool: true}, func(v any) bool { r, ok := v.(record); return ok && r.Lent > 2 }, "record{embedded: embedded{Lent: int32(3)}, other fields zero}"},
	} {
		before := describe(test.v)
		if got := describe(smallest(test.v, test.fails)); got != test.want {
			t.Errorf("%s: got %s, want %s", before, got, test.want)
		}
		if after := describe(test.v); after != before {
			t.Errorf("%s became %s", before, after)
		}
	}
}

// TestSmallerValuesComeBack: what smallest tries breaks no promise of a sound codec,
// or a failure would show another value than the one at fault.
func TestSmallerValuesComeBack(t *testing.T) {
	p := &promise{t: t, c: codec.MessagePack(), printed: make(map[string]bool)}
	for _, v := range []any{kinds(), *records()[0], *records()[1], *records()[2], *records()[3]} {
		for range 5 { // ways down
			for v := v; ; {
				var next []any
				for s := range simpler(reflect.ValueOf(&v).Elem()) {
					x := s.Interface()
					if kindsOfValues(v) && !kindsOfValues(x) {
						continue
					}
					if next = append(next, x); len(next) == 100 {
						break
					}
				}
				if len(next) == 0 {
					break
				}
				v = next[rand.IntN(len(next))]
				if kindsOfValues(v) {
					p.comesBack(v, same, reflect.TypeFor[map[string]any]())
				} else {
					p.comesBack(v, reflect.DeepEqual)
				}
				if t.Failed() {
					return
				}
			}
		}
	}
}

func TestClone(t *testing.T) {
	for _, v := range []any{kinds(), *records()[0], *records()[1], *records()[2], *records()[3], nil, []any(nil), 7} {
		if got := clone(v); !reflect.DeepEqual(got, v) {
			t.Errorf("%s", difference(v, got))
		}
	}
	r := records()[1]
	c := clone(*r)
	c.Bytes[0]++
	c.Slices[2][0]++
	c.ByUint[65535][0]++
	c.InnerPtr.N++
	delete(c.Map, "z")
	if !reflect.DeepEqual(r, records()[1]) {
		t.Error("a clone shares memory with its original")
	}
}
