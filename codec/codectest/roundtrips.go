package codectest

import (
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
)

func testKinds(t *testing.T, c codec.Codec) {
	all := kinds()
	check := func(name string, in map[string]any) {
		data := encode(t, c, in)
		if got := decode[map[string]any](t, c, data); !same(got, in) {
			t.Errorf("%s: put in %#v, got %#v", name, in, got)
		}
		if got := decode[any](t, c, data); !same(got, in) {
			t.Errorf("%s, into any: put in %#v, got %#v", name, in, got)
		}
	}
	for name, v := range all {
		check(name, map[string]any{"v": v})
		check(name+" in an array", map[string]any{"v": []any{v, v}})
		check(name+" as name", map[string]any{name: v})
	}
	check("all", all)
}

func testEmpty(t *testing.T, c codec.Codec) {
	in := map[string]any{"b": []byte(nil), "a": []any(nil), "m": map[string]any(nil)}
	want := map[string]any{"b": []byte{}, "a": []any{}, "m": map[string]any{}}
	if got := decode[map[string]any](t, c, encode(t, c, in)); !same(got, want) {
		t.Errorf("kinds of Values that are nil come back as %#v, want them empty and not nil", got)
	}
	if got := decode[map[string]any](t, c, encode(t, c, map[string]any(nil))); got == nil || len(got) != 0 {
		t.Errorf("a nil map comes back as %#v, want it empty and not nil", got)
	}
}

func testTyped(t *testing.T, c codec.Codec) {
	for i, in := range records() {
		if got := decode[record](t, c, encode(t, c, in)); !reflect.DeepEqual(&got, in) {
			t.Errorf("record %d:\nput in %+v\n   got %+v", i, in, &got)
		}
	}
	roundTrip(t, c, map[int64]string{math.MinInt64: "", -1: "x", math.MaxInt64: "y"})
	roundTrip(t, c, map[uint64]uint64{0: math.MaxUint64, math.MaxUint64: 0})
	roundTrip(t, c, []string{"a", "$b", ""})
	roundTrip(t, c, [2]bool{true, false})
	roundTrip(t, c, "$text")
	roundTrip(t, c, math.Copysign(0, -1))
	roundTrip(t, c, struct{}{})
}

func roundTrip[T any](t *testing.T, c codec.Codec, in T) {
	t.Helper()
	got := decode[T](t, c, encode(t, c, &in))
	if !reflect.DeepEqual(got, in) {
		t.Errorf("put in %#v, got %#v", in, got)
	}
	if f, ok := any(in).(float64); ok && math.Signbit(f) != math.Signbit(any(got).(float64)) {
		t.Errorf("put in %v, got %v", in, got)
	}
}

func testTimes(t *testing.T, c codec.Codec) {
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
		want := when.UTC().Round(0)
		got := decode[times](t, c, encode(t, c, &in))
		for place, g := range map[string]time.Time{"field": got.T, "pointer": *got.P, "slice": got.L[0], "map": got.M["m"], "array": got.A[0], "struct": got.S.T} {
			if !reflect.DeepEqual(g, want) {
				t.Errorf("%s: put in %v, got %#v, want %#v", place, when, g, want)
			}
		}
		if v := decode[map[string]any](t, c, encode(t, c, map[string]any{"t": when})); !reflect.DeepEqual(v["t"], want) {
			t.Errorf("kinds of Values: put in %v, got %#v, want %#v", when, v["t"], want)
		}
	}
}
