package codectest

import (
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestShow(t *testing.T) {
	pointed := "x"
	for _, test := range []struct {
		v    any
		want string
	}{
		{nil, "nil"},
		{true, "true"},
		{"a\n\xff", `"a\n\xff"`},
		{int64(7), "int64(7)"},
		{7.0, "float64(7)"},
		{math.Copysign(0, -1), "float64(-0)"},
		{math.NaN(), "float64(NaN)"},
		{float32(0.1), "float32(0.1)"},
		{uint8(200), "uint8(200)"},
		{1i, "complex128((0+1i))"},
		{text("x"), `text("x")`},
		{time.Second, "time.Duration(1000000000)"},
		{[]byte("a\x00"), `[]byte("a\x00")`},
		{[]byte(nil), "[]byte(nil)"},
		{[2]byte{1, 'x'}, `[2]byte("\x01x")`},
		{[]any{int64(7), 7.0, nil, "x"}, `[]any{int64(7), float64(7), nil, "x"}`},
		{[]int8{7, -1}, "[]int8{7, -1}"},
		{map[string]any{"b": 1, "a": []any(nil)}, `map[string]any{"a": []any(nil), "b": int(1)}`},
		{map[int8]string{10: "", 9: "", -1: ""}, `map[int8]string{-1: "", 9: "", 10: ""}`},
		{map[any]any{}, "map[any]any{}"},
		{&pointed, `&"x"`},
		{(*inner)(nil), "(*inner)(nil)"},
		{inner{}, "inner{all fields zero}"},
		{inner{N: 7}, "inner{N: int64(7), other fields zero}"},
		{struct{ F float64 }{math.Copysign(0, -1)}, "struct { F float64 }{F: -0}"},
		{struct {
			V any `json:"v,omitempty"`
		}{int64(7)}, "struct { V any `json:\"v,omitempty\"` }{V: int64(7)}"},
		{level{2}, `level{MarshalText: "++"}`},
		{time.Unix(0, 1).UTC(), "time.Time(1970-01-01T00:00:00.000000001Z)"},
		{time.Unix(0, 0).In(time.FixedZone("", 0)), "time.Time(1970-01-01T00:00:00Z) (not in time.UTC)"},
		{time.Unix(0, 0).In(time.FixedZone("", 3600)), "time.Time(1970-01-01T01:00:00+01:00)"},
		{(chan int)(nil), "chan int(nil)"},
		{(func())(nil), "func()(nil)"},
		{make(chan int), "chan int(...)"},
	} {
		if got, complete := show(test.v); got != test.want || !complete {
			t.Errorf("got %s, complete: %t; want %s", got, complete, test.want)
		}
	}
}

func TestShowIsBounded(t *testing.T) {
	values, typed := nest(3000)
	for _, v := range []any{
		values, typed, kinds(), make([]any, 1000), make([]bool, 1000), strings.Repeat("é", 1000), []byte(strings.Repeat("\xff", 1000)),
		map[string]any{strings.Repeat("n", 1000): strings.Repeat("v", 1000)}, records()[1], [][]string{{strings.Repeat("\n", 1000)}},
	} {
		got, complete := show(v)
		if complete || len(got) > 400 || strings.Contains(got, "\n") || !utf8.ValidString(got) {
			t.Errorf("%T: complete: %t, %d bytes: %s", v, complete, len(got), got)
		}
	}
	if got := describe(strings.Repeat("é", 1000)); !strings.HasSuffix(got, `é"... (2000 bytes)`) {
		t.Error(got)
	}
	if got := describe(make([]int8, 1000)); !strings.HasSuffix(got, " more}") {
		t.Error(got)
	}
}

func TestShowData(t *testing.T) {
	for _, test := range []struct{ data, want string }{
		{"", "no bytes"},
		{`{"é":1}`, `{"é":1}`},
		{"\x81\xa1v\x07", "81 a1 76 07"},
		{strings.Repeat("x", maxText-1) + "éé", strings.Repeat("x", maxText-1) + " ... (51 bytes)"},
		{strings.Repeat("\xff", maxText+1), strings.TrimSpace(strings.Repeat("ff ", maxText)) + " ... (49 bytes)"},
	} {
		if got := showData([]byte(test.data)); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
}

func TestDifference(t *testing.T) {
	long := strings.Repeat("a", 100)
	for _, test := range []struct {
		want, got any
		text      string
	}{
		{int64(7), 7.0, "the value: int64(7) became float64(7)"},
		{0.0, math.Copysign(0, -1), "the value: float64(0) became float64(-0)"},
		{nil, "", `the value: nil became ""`},
		{map[string]any{"a": []any{1, nil}}, map[string]any{"a": []any{1, 0.0}}, `["a"][1]: nil became float64(0)`},
		{map[string]any{"a": 1}, map[string]any{}, `["a"] is missing`},
		{map[string]any{}, map[string]any{"a": 1}, `["a"] is there, as int(1)`},
		{map[string]any{"a": []any{}}, map[string]any{"a": []any(nil)}, `["a"]: []any{} became []any(nil)`},
		{[]int{1}, []int{1, 2}, "the value: 1 elements became 2"},
		{long + "b", long + "c", `[100:]: "b" became "c"`},
		{inner{Next: &inner{N: 1}}, inner{Next: &inner{N: 2}}, ".Next.N: int64(1) became int64(2)"},
		{struct{ L level }{level{1}}, struct{ L level }{level{2}}, ".L.n: uint8(1) became uint8(2)"},
		{time.Unix(1, 0).UTC(), time.Unix(1, 0).In(time.FixedZone("", 0)), "the value: time.Time(1970-01-01T00:00:01Z) became time.Time(1970-01-01T00:00:01Z) (not in time.UTC)"},
		{kinds(), kinds(), ""},
		{records()[1], records()[1], ""},
	} {
		if got := difference(test.want, test.got); got != test.text {
			t.Errorf("got %s, want %s", got, test.text)
		}
	}
}

func TestLooseDifference(t *testing.T) {
	type mixed struct {
		embedded
		L []level
		T time.Time
		S []int
		M map[string]any
		N int `json:"-"`
	}
	east := time.FixedZone("east", 3600)
	for _, test := range []struct {
		want, got any
		text      string
	}{
		{mixed{}, mixed{S: []int{}, M: map[string]any{}, L: []level{}, N: 1}, ""},
		{mixed{T: time.Unix(1, 0).In(east)}, mixed{T: time.Unix(1, 0).UTC()}, ""},
		{mixed{T: time.Unix(1, 0).UTC()}, mixed{T: time.Unix(1, 1).UTC()}, ".T: time.Time(1970-01-01T00:00:01Z) became time.Time(1970-01-01T00:00:01.000000001Z)"},
		{mixed{L: []level{{1}}}, mixed{L: []level{{2}}}, `.L[0]: "+" became "++"`},
		{mixed{embedded: embedded{1}}, mixed{embedded: embedded{2}}, ".embedded.Lent: int32(1) became int32(2)"},
		{mixed{S: []int{0}}, mixed{}, ".S: 1 elements became 0"},
		{map[string]any{"a": nil}, map[string]any{"a": []any{}}, `["a"]: nil became []any{}`},
		{map[string]any{"a": int64(1)}, map[string]any{"a": 1.0}, `["a"]: int64(1) became float64(1)`},
		{new(int), (*int)(nil), "the value: &int(0) became (*int)(nil)"},
	} {
		if got := looseDifference(test.want, test.got); got != test.text {
			t.Errorf("got %s, want %s", got, test.text)
		}
	}
}

// TestDifferenceIsFoundWhereSameSeesOne: a failure never says that two values differ and not where.
func TestDifferenceIsFoundWhereSameSeesOne(t *testing.T) {
	for _, v := range []any{kinds(), *records()[1], *records()[2], *records()[3]} {
		tried := 0
		for s := range simpler(reflect.ValueOf(&v).Elem()) {
			if tried++; tried%10 != 0 { // of thousands
				continue
			}
			if other := s.Interface(); !same(v, other) && difference(v, other) == "" {
				t.Errorf("no difference between %s and %s", describe(v), describe(other))
			}
		}
	}
}
