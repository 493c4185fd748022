package codectest

import (
	"maps"
	"math"
	"reflect"
	"slices"
	"time"
)

func checkKinds(p *promise) {
	all := kinds()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		v := all[name]
		p.kindsComeBack(map[string]any{"v": v})
		p.kindsComeBack(map[string]any{"v": []any{v, v}})
		p.kindsComeBack(map[string]any{name: v})
	}
	p.kindsComeBack(all)
}

// kindsComeBack checks that in comes back from a map and from an any.
func (p *promise) kindsComeBack(in map[string]any) bool {
	p.t.Helper()
	return p.comesBack(in, same, reflect.TypeFor[map[string]any](), reflect.TypeFor[any]())
}

// comesBack checks that in comes back as one that is the same, when one encoding is
// decoded into targets of each of the types; if there is none, into one of in's type.
func (p *promise) comesBack(in any, same func(a, b any) bool, types ...reflect.Type) bool {
	p.t.Helper()
	return p.verify(in, func(in any) verdict {
		data, err := p.append(nil, pointerTo(in))
		if err != nil {
			return verdict{problem("Append", err), []fact{given(in), because(err)}}
		}
		if len(types) == 0 {
			return decodesAs(p, "Decode", data, in, reflect.TypeOf(in), same)
		}
		for _, into := range types {
			if found := decodesAs(p, "Decode into "+typeName(into), data, in, into, same); found.what != "" {
				return found
			}
		}
		return verdict{}
	})
}

// decodesAs says what is wrong if data, the encoding of in, are not decoded as it was.
func decodesAs(p *promise, decode string, data []byte, in any, into reflect.Type, same func(a, b any) bool) verdict {
	target := reflect.New(into)
	if err := p.decode(data, target.Interface()); err != nil {
		return verdict{problem(decode, err), []fact{given(in), encoded(data), because(err)}}
	}
	if out := target.Elem().Interface(); !same(out, in) {
		return verdict{decode + " gives another value", []fact{given(in), encoded(data), got(in, out)}}
	}
	return verdict{}
}

func checkEmpty(p *promise) {
	in := map[string]any{"b": []byte(nil), "a": []any(nil), "m": map[string]any(nil)}
	wanted := map[string]any{"b": []byte{}, "a": []any{}, "m": map[string]any{}}
	if out := through[map[string]any](p, in); !same(out, wanted) {
		p.fail("kinds of Values that are nil do not come back empty", given(in), got(wanted, out), want(wanted))
	}
	if out := through[map[string]any](p, map[string]any(nil)); out == nil || len(out) != 0 {
		p.fail("a nil map does not come back empty", given(map[string]any(nil)), got(map[string]any{}, out), want(map[string]any{}))
	}
}

func checkTyped(p *promise) {
	for _, in := range records() {
		p.comesBack(*in, reflect.DeepEqual)
	}
	for _, in := range []any{
		map[int64]string{math.MinInt64: "", -1: "x", math.MaxInt64: "y"},
		map[uint64]uint64{0: math.MaxUint64, math.MaxUint64: 0},
		[]string{"a", "$b", ""},
		[2]bool{true, false},
		"$text",
		math.Copysign(0, -1),
		struct{}{},
		negative{F: math.Copysign(0, -1)},
		negative{S: struct{ F float32 }{float32(math.Copysign(0, -1))}},
		negative{A: [1]float64{math.Copysign(0, -1)}},
	} {
		p.comesBack(in, sameTyped)
	}
}

// negative has places for -0, which is not what omitzero leaves out.
type negative struct {
	F float64             `json:"f,omitzero"`
	S struct{ F float32 } `json:"s,omitzero"`
	A [1]float64          `json:"a,omitzero"`
}

// sameTyped is reflect.DeepEqual, but that -0 is not 0.
func sameTyped(a, b any) bool {
	if !reflect.DeepEqual(a, b) {
		return false
	}
	switch a := a.(type) {
	case float64:
		return math.Signbit(a) == math.Signbit(b.(float64))
	case negative:
		b := b.(negative)
		return math.Signbit(a.F) == math.Signbit(b.F) && math.Signbit(float64(a.S.F)) == math.Signbit(float64(b.S.F)) && math.Signbit(a.A[0]) == math.Signbit(b.A[0])
	}
	return true
}

func checkTimes(p *promise) {
	type times struct {
		T time.Time
		P *time.Time
		L []time.Time
		M map[string]time.Time
		A [1]time.Time
		S struct{ T time.Time }
	}
	for _, when := range []time.Time{
		time.Now(), {}, time.Date(2026, 7, 1, 0, 0, 0, 1, time.FixedZone("east", 5*3600+1800)),
		time.Date(1, 1, 1, 0, 0, 0, 0, time.FixedZone("west", -3600)),
	} {
		in := times{T: when, P: &when, L: []time.Time{when}, M: map[string]time.Time{"m": when}, A: [1]time.Time{when}}
		in.S.T = when
		wanted := when.UTC().Round(0)
		out := through[times](p, &in)
		if out.P == nil || len(out.L) != 1 {
			p.fatal("Decode gives another value", given(in), got(in, out))
		}
		for _, place := range []struct {
			name string
			got  time.Time
		}{
			{"a field", out.T}, {"a pointer", *out.P}, {"a slice", out.L[0]}, {"a map", out.M["m"]}, {"an array", out.A[0]}, {"a struct", out.S.T},
		} {
			if !reflect.DeepEqual(place.got, wanted) {
				p.fail("a time in "+place.name+" comes back as another", given(when), got(wanted, place.got), want(wanted))
			}
		}
		values := map[string]any{"t": when}
		if out := through[map[string]any](p, values); !reflect.DeepEqual(out["t"], wanted) {
			p.fail("a time in kinds of Values comes back as another", given(values), got(wanted, out["t"]), want(wanted))
		}
	}
}
