package codectest

import (
	"encoding"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"
)

type unmarshalOnly struct{ N int }

func (*unmarshalOnly) UnmarshalText([]byte) error { return nil }

type textual interface {
	encoding.TextMarshaler
	encoding.TextUnmarshaler
}

type failing struct{ N int }

func (failing) MarshalText() ([]byte, error) { return nil, fmt.Errorf("failing") }
func (*failing) UnmarshalText([]byte) error  { return fmt.Errorf("failing") }

// structOf returns a pointer to a struct of the fields.
func structOf(fields ...reflect.StructField) any {
	return reflect.New(reflect.StructOf(fields)).Interface()
}

func checkRefused(p *promise) {
	pointed := "x"
	pointer := &pointed
	tooEarly, tooLate := time.Date(0, 12, 31, 23, 59, 59, 0, time.UTC), time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)
	unfit := map[string]any{
		"NaN": math.NaN(), "infinity": math.Inf(1), "-infinity": math.Inf(-1),
		"bad UTF-8": "a\xff", "surrogate": "\xed\xa0\x80",
		"year 0": tooEarly, "year 10000": tooLate,
		"int": 1, "int8": int8(1), "uint64": uint64(1), "float32": float32(1), "[]string": []string{"x"},
		"map[string]string": map[string]string{}, "pointer": pointer, "struct": inner{}, "chan": make(chan int),
		"Duration": time.Second, "named": text("x"), "map[any]any": map[any]any{}, "complex": 1i, "func": func() {},
	}
	for _, within := range []func(v any) map[string]any{
		func(v any) map[string]any { return map[string]any{"v": v} },
		func(v any) map[string]any { return map[string]any{"v": []any{v}} },
		func(v any) map[string]any { return map[string]any{"v": map[string]any{"v": v}} },
	} {
		for _, name := range slices.Sorted(maps.Keys(unfit)) {
			in := within(unfit[name])
			data, err := p.append(nil, in)
			p.refused(err, "Append", name+" in kinds of Values", given(in), encoded(data))
		}
	}
	badName := map[string]any{"a\xff": true}
	data, err := p.append(nil, badName)
	p.refused(err, "Append", "a name that is not UTF-8", given(badName), encoded(data))

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
	unfit = map[string]any{
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
		"pointer to pointer":    &struct{ V **string }{&pointer},
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
		// Structs that vet would not let stand.
		"option of a tag twice": structOf(reflect.StructField{Name: "V", Type: reflect.TypeFor[int](), Tag: `json:"v,omitempty,omitempty"`}),
		"blank field with a name": structOf(
			reflect.StructField{Name: "_", PkgPath: "codectest", Type: reflect.TypeFor[struct{}](), Tag: `json:"x"`},
			reflect.StructField{Name: "A", Type: reflect.TypeFor[int]()},
		),
		"pointer that is nested": &struct{ V []**int }{},
		"text of an embedded pointer, and a name": &struct {
			*time.Time
			Name string
		}{Time: &time.Time{}, Name: "lost"},
		"text of an embedded pointer that is nil": &struct{ *time.Time }{},
		"text of an embedded interface": &struct {
			textual
			Name string
		}{},
	}
	for _, name := range slices.Sorted(maps.Keys(unfit)) {
		v := unfit[name]
		data, err := p.append(nil, v)
		declared := note("type", "%s", declaration(reflect.TypeOf(v)))
		if p.refused(err, "Append", "a value that would not come back as it was: "+name, declared, given(v), encoded(data)) &&
			strings.Contains(err.Error(), "failing") && name != "failing text" {
			p.fail("an error is about another value", declared, given(v), because(err))
		}
	}
	empty := p.encode(map[string]any{})
	for _, v := range []any{new(any1), new(struct{ V map[string]any }), new(struct{ V chan int }), new(twice), new(shadow), new(hidden)} {
		err := p.decode(empty, v)
		p.refused(err, "Decode", "a target of a type that Append must refuse", note("target", "%s", declaration(reflect.TypeOf(v).Elem())))
	}
}
