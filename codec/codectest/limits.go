package codectest

import (
	"bytes"
	"fmt"
	"reflect"
	"testing"

	"github.com/keyturn/keyturn/codec"
)

func nest(depth int) (values any, typed *nestedStruct) {
	values, typed = map[string]any{}, &nestedStruct{}
	for range depth - 1 {
		values, typed = map[string]any{"N": values}, &nestedStruct{N: typed}
	}
	return values, typed
}

// nestedStruct is a struct as deep as one likes.
type nestedStruct struct{ N *nestedStruct }

func testLimits(t *testing.T, c codec.Codec) {
	depth := func(d int) {
		t.Helper()
		values, typed := nest(d)
		data, err := c.Append(nil, values)
		typedData, typedErr := c.Append(nil, typed)
		if (err == nil) != (d <= codec.MaxDepth) || (typedErr == nil) != (d <= codec.MaxDepth) {
			t.Errorf("depth %d: kinds of Values: %v; typed: %v", d, err, typedErr)
		}
		if d <= codec.MaxDepth && err == nil && typedErr == nil {
			if got := decode[any](t, c, data); !same(got, values) {
				t.Errorf("depth %d does not come back", d)
			}
			if got := decode[nestedStruct](t, c, typedData); !reflect.DeepEqual(&got, typed) {
				t.Errorf("depth %d does not come back", d)
			}
		}
	}
	depth(1)
	depth(codec.MaxDepth)
	depth(codec.MaxDepth + 1)
	depth(3000)
	type loop struct{ L []*loop }
	l := &loop{}
	l.L = []*loop{l}
	if _, err := c.Append(nil, l); err == nil {
		t.Error("a value that holds itself was encoded")
	}

	entries := func(n int) {
		t.Helper()
		array, m, numbers := make([]any, n-1), make(map[string]any), make(map[int]bool)
		for i := range n - 1 {
			m[fmt.Sprint(i)] = nil
		}
		for i := range n {
			numbers[i] = true
		}
		for name, v := range map[string]any{
			"array":   &map[string]any{"a": array},
			"map":     &map[string]any{"m": m},
			"both":    &map[string]any{"a": array[:(n-2)/2], "b": array[:n-2-(n-2)/2]},
			"slice":   &struct{ A []bool }{make([]bool, n-1)},
			"numbers": &numbers,
			"nested":  &struct{ A [][]int }{append(make([][]int, n-3), []int{1})},
		} {
			data, err := c.Append(nil, v)
			if (err == nil) != (n <= codec.MaxEntries) {
				t.Errorf("%s of %d entries: %v", name, n, err)
				continue
			}
			if err == nil {
				got := reflect.New(reflect.TypeOf(v).Elem())
				if err := c.Decode(data, got.Interface()); err != nil {
					t.Errorf("%s of %d entries does not come back: %v", name, n, err)
				} else if !reflect.DeepEqual(got.Interface(), v) {
					t.Errorf("%s of %d entries comes back as another", name, n)
				}
			}
		}
	}
	entries(codec.MaxEntries)
	entries(codec.MaxEntries + 1)

	// Bytes are not elements, and a struct's omitted fields are not entries.
	roundTrip(t, c, struct{ B []byte }{bytes.Repeat([]byte{1}, 3000)})
	roundTrip(t, c, struct {
		A []bool
		B string `json:",omitempty"`
	}{A: make([]bool, codec.MaxEntries-1)})
}
