package codectest

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
)

type unmarshalOnly struct{ N int }

func (*unmarshalOnly) UnmarshalText([]byte) error { return nil }

type failing struct{ N int }

func (failing) MarshalText() ([]byte, error) { return nil, fmt.Errorf("failing") }
func (*failing) UnmarshalText([]byte) error  { return fmt.Errorf("failing") }

func testRefused(t *testing.T, c codec.Codec) {
	pointed := "x"
	p := &pointed
	tooEarly, tooLate := time.Date(0, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, v := range map[string]any{
		"NaN": math.NaN(), "infinity": math.Inf(1), "-infinity": math.Inf(-1),
		"bad UTF-8": "a\xff", "surrogate": "\xed\xa0\x80",
		"year 0": tooEarly, "year 10000": tooLate,
		"int": 1, "int8": int8(1), "uint64": uint64(1), "float32": float32(1), "[]string": []string{"x"},
		"map[string]string": map[string]string{}, "pointer": p, "struct": inner{}, "chan": make(chan int),
		"Duration": time.Second, "named": text("x"), "map[any]any": map[any]any{}, "complex": 1i, "func": func() {},
	} {
		for place, in := range map[string]map[string]any{
			"member": {"v": v}, "in an array": {"v": []any{v}}, "in a map": {"v": map[string]any{"v": v}},
		} {
			if b, err := c.Append(nil, in); err == nil {
				t.Errorf("%s as %s of kinds of Values was encoded, as %q", name, place, b)
			}
		}
	}
	if _, err := c.Append(nil, map[string]any{"a\xff": true}); err == nil {
		t.Error("a name that is not UTF-8 was encoded")
	}

	type any1 struct{ V any }
	type shadow struct {
		embedded
		Lent int `json:"lent"`
	}
	type twice struct {
		A int `json:"B"`
		B int
	}
	type hidden struct{ n int }
	_ = hidden{}.n
	for name, v := range map[string]any{
		"NaN":                   &struct{ V float64 }{math.NaN()},
		"float32 infinity":      &struct{ V float32 }{float32(math.Inf(-1))},
		"bad UTF-8":             &struct{ V string }{"\xc3\x28"},
		"bad UTF-8 name":        &struct{ V map[string]int }{map[string]int{"\xff": 1}},
		"bad UTF-8 in a slice":  &struct{ V []string }{[]string{"\xff"}},
		"year 10000":            &struct{ V time.Time }{tooLate},
		"year 0":                &struct{ V *time.Time }{&tooEarly},
		"any":                   &any1{V: 1},
		"error":                 &struct{ V error }{},
		"[]any":                 &struct{ V []any }{},
		"map of any":            &struct{ V map[string]any }{},
		"chan":                  &struct{ V chan int }{},
		"func":                  &struct{ V func() }{},
		"complex":               &struct{ V complex128 }{},
		"uintptr":               &struct{ V uintptr }{},
		"pointer to pointer":    &struct{ V **string }{&p},
		"map by float":          &struct{ V map[float64]int }{},
		"map by bool":           &struct{ V map[bool]int }{},
		"map by array":          &struct{ V map[[2]int]int }{},
		"map by any":            &struct{ V map[any]int }{},
		"half of a text":        &struct{ V unmarshalOnly }{},
		"failing text":          &struct{ V failing }{},
		"fields of one name":    &twice{},
		"embedded and shadowed": &shadow{},
		"unexported field":      &hidden{},
		"nil pointer to struct": (*inner)(nil),
		"nil pointer to map":    (*map[string]any)(nil),
		"option of a tag": &struct {
			V int `json:"v,string"`
		}{},
		"pointer that is nested": &struct{ V []**int }{},
	} {
		b, err := c.Append(nil, v)
		if err == nil {
			t.Errorf("%s was encoded, as %q", name, b)
			continue
		}
		if s := err.Error(); strings.Contains(s, "failing") && name != "failing text" {
			t.Errorf("%s: %v", name, err)
		}
	}
	empty := encode(t, c, map[string]any{})
	for _, v := range []any{new(any1), new(struct{ V map[string]any }), new(struct{ V chan int }), new(twice), new(shadow), new(hidden)} {
		if err := c.Decode(empty, v); err == nil {
			t.Errorf("Decode into %T has no error", v)
		}
	}
}
