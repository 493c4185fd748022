// Package codectest checks that a codec keeps the promises of package codec, and
// measures it on the caller's own values.
//
//	func TestCodec(t *testing.T) { codectest.Run(t, mycodec.New()) }
package codectest

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
)

// Run checks c, one subtest for each promise, named after it. What fails says
// which rule is broken. The subtests of [codec.Merger] run if c is one.
//
// Run it with the race detector too: it calls c from several goroutines.
func Run(t *testing.T, c codec.Codec) {
	t.Run("IDAndNameAreFixed", func(t *testing.T) { testIDAndName(t, c) })
	t.Run("AppendKeepsWhatIsThere", func(t *testing.T) { testAppend(t, c) })
	t.Run("AppendDoesNotChangeItsValue", func(t *testing.T) { testAppendReadsOnly(t, c) })
	t.Run("EqualValuesEqualBytes", func(t *testing.T) { testDeterministic(t, c) })
	t.Run("KindsOfValuesComeBack", func(t *testing.T) { testKinds(t, c) })
	t.Run("EmptyStaysEmpty", func(t *testing.T) { testEmpty(t, c) })
	t.Run("TypedValuesComeBack", func(t *testing.T) { testTyped(t, c) })
	t.Run("TimesComeBackInUTC", func(t *testing.T) { testTimes(t, c) })
	t.Run("DecodeReplacesTheTarget", func(t *testing.T) { testReplaces(t, c) })
	t.Run("UnknownMembersAreIgnored", func(t *testing.T) { testUnknown(t, c) })
	t.Run("NamesMatchExactly", func(t *testing.T) { testExactNames(t, c) })
	t.Run("OverflowIsAnError", func(t *testing.T) { testOverflow(t, c) })
	t.Run("WrongShapeIsAnError", func(t *testing.T) { testShape(t, c) })
	t.Run("UnfitValuesAreRefused", func(t *testing.T) { testRefused(t, c) })
	t.Run("LimitsHold", func(t *testing.T) { testLimits(t, c) })
	t.Run("AllOfTheDataIsOneValue", func(t *testing.T) { testWhole(t, c) })
	t.Run("DecodeNeitherKeepsNorChangesData", func(t *testing.T) { testOwnership(t, c) })
	t.Run("DamagedDataIsHarmless", func(t *testing.T) { testDamage(t, c) })
	t.Run("ConcurrentUse", func(t *testing.T) { testConcurrent(t, c) })
	if m, ok := c.(codec.Merger); ok {
		t.Run("ExtraAndMergeKeepBytes", func(t *testing.T) { testMerger(t, m) })
		t.Run("ExtraAndMergeHoldLimits", func(t *testing.T) { testMergerLimits(t, m) })
	}
}

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

func encode(t *testing.T, c codec.Codec, v any) []byte {
	t.Helper()
	b, err := c.Append(nil, v)
	if err != nil {
		t.Fatalf("Append of %T: %v", v, err)
	}
	return b
}

func decode[T any](t *testing.T, c codec.Codec, data []byte) T {
	t.Helper()
	var v T
	if err := c.Decode(data, &v); err != nil {
		t.Fatalf("Decode into %T: %v", &v, err)
	}
	return v
}

func testIDAndName(t *testing.T, c codec.Codec) {
	if c.ID() == 0 {
		t.Error("ID is 0")
	}
	if !regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`).MatchString(c.Name()) {
		t.Errorf("the name %q is not of lower-case letters, digits and hyphens", c.Name())
	}
	if len(c.Name()) > 32 {
		t.Errorf("the name %q is longer than 32", c.Name())
	}
	id, name := c.ID(), c.Name()
	encode(t, c, kinds())
	if c.ID() != id || c.Name() != name {
		t.Error("ID or Name changes")
	}
	builtin := map[byte]string{1: "json", 2: "msgpack", 3: "cbor"}
	if c.ID() < 128 && builtin[c.ID()] != c.Name() {
		t.Errorf("%q has the ID %d: those below 128 are for package codec", c.Name(), c.ID())
	}
	if c.ID() >= 128 {
		for _, name := range builtin {
			if c.Name() == name {
				t.Errorf("the name %q is taken by package codec", name)
			}
		}
	}
}

func testAppend(t *testing.T, c codec.Codec) {
	for _, v := range []any{map[string]any{"a": "b"}, &inner{N: 1}} {
		want := encode(t, c, v)
		for _, spare := range []int{0, 1, 1000} {
			prefix := append(make([]byte, 0, 3+spare), "pre"...)
			got, err := c.Append(prefix, v)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, append([]byte("pre"), want...)) {
				t.Errorf("with %d bytes to spare, Append after %q gives %q, want it followed by %q", spare, "pre", got, want)
			}
			if !bytes.Equal(prefix, []byte("pre")) {
				t.Error("Append changed the bytes that were there")
			}
		}
		got, err := c.Append([]byte("pre"), map[string]any{"a": "b", "z": make(chan int)})
		if err == nil {
			t.Error("a channel was encoded")
		} else if string(got) != "pre" {
			t.Errorf("with an error, Append returned %q, want dst at its former length", got)
		}
	}
}

func testAppendReadsOnly(t *testing.T, c codec.Codec) {
	for i, v := range records() {
		encode(t, c, v)
		if !reflect.DeepEqual(v, records()[i]) {
			t.Error("Append changed the value")
		}
	}
	v := kinds()
	encode(t, c, v)
	if !reflect.DeepEqual(v, kinds()) {
		t.Error("Append changed the values")
	}
	buf := []byte("abc")
	first := encode(t, c, map[string]any{"b": buf})
	copied := bytes.Clone(first)
	copy(buf, "xyz")
	encode(t, c, map[string]any{"b": buf})
	if !bytes.Equal(first, copied) {
		t.Error("what Append returned changed when its value did")
	}
}

func testDeterministic(t *testing.T, c codec.Codec) {
	type maps struct {
		A map[string]int
		B map[int]string
		C map[uint16]bool
		D map[int8]map[string][]map[uint64]string
		E map[string]any `json:"-"`
	}
	build := func(order []int) (*maps, map[string]any) {
		m := &maps{A: map[string]int{}, B: map[int]string{}, C: map[uint16]bool{}, D: map[int8]map[string][]map[uint64]string{}}
		values := map[string]any{}
		for _, i := range order {
			name := strings.Repeat("n", i%5) + fmt.Sprint(i)
			m.A[name] = i
			m.B[i*i*i-5000] = name
			m.C[uint16(i*2000)] = i%2 == 0
			m.D[int8(i-20)] = map[string][]map[uint64]string{name: {{uint64(i) << 40: "a", uint64(i): "b", 3: "c"}}, "x": nil, "yy": {}}
			values[name] = map[string]any{name: int64(i), "x": []any{map[string]any{"p": nil, "q": true, "rr": ""}}}
		}
		return m, values
	}
	order := rand.Perm(30)
	typed, values := build(order)
	wantTyped, wantValues := encode(t, c, typed), encode(t, c, values)
	for range 20 {
		typed, values := build(rand.Perm(30))
		if !bytes.Equal(encode(t, c, typed), wantTyped) {
			t.Fatal("equal structs with maps have different encodings")
		}
		if !bytes.Equal(encode(t, c, values), wantValues) {
			t.Fatal("equal maps have different encodings")
		}
	}
	// By value, by pointer, and after a round trip.
	if !bytes.Equal(encode(t, c, *typed), wantTyped) {
		t.Error("a struct and a pointer to it have different encodings")
	}
	again := decode[maps](t, c, wantTyped)
	if !bytes.Equal(encode(t, c, &again), wantTyped) {
		t.Error("what was decoded has another encoding")
	}
	if !bytes.Equal(encode(t, c, &values), wantValues) {
		t.Error("a map and a pointer to it have different encodings")
	}
	for i, m := range records() {
		if !bytes.Equal(encode(t, c, m), encode(t, c, *m)) {
			t.Errorf("record %d: a struct and a pointer to it have different encodings", i)
		}
	}
}

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

// same reports whether two kinds of Values are the same, which is more than that
// they are equal: -0 is not 0, nil is not empty, and a time is in UTC.
func same(a, b any) bool {
	switch a := a.(type) {
	case float64:
		b, ok := b.(float64)
		return ok && math.Float64bits(a) == math.Float64bits(b)
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) || (a == nil) != (b == nil) {
			return false
		}
		for i := range a {
			if !same(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) || (a == nil) != (b == nil) {
			return false
		}
		for name, x := range a {
			if y, ok := b[name]; !ok || !same(x, y) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
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

func testReplaces(t *testing.T, c codec.Codec) {
	ms := records()
	for i, in := range ms {
		data := encode(t, c, in)
		for _, before := range records() {
			if err := c.Decode(data, before); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(before, in) {
				t.Errorf("record %d into a target that is in use:\nput in %+v\n   got %+v", i, in, before)
			}
		}
	}
	m := map[string]any{"old": true}
	kept := m
	if err := c.Decode(encode(t, c, map[string]any{"new": true}), &m); err != nil {
		t.Fatal(err)
	}
	if !same(m, map[string]any{"new": true}) || !same(kept, map[string]any{"old": true}) {
		t.Errorf("Decode into a map that is in use gives %v and leaves %v", m, kept)
	}
}

func testUnknown(t *testing.T, c codec.Codec) {
	type newer struct {
		A     int `json:"a"`
		Extra struct {
			M map[int][]string
			T time.Time
		} `json:"extra"`
		U    uint64  `json:"u"`
		B    string  `json:"b"`
		F    float64 `json:"f"`
		Blob []byte  `json:"blob"`
	}
	type older struct {
		B string `json:"b"`
		A int8   `json:"a"`
	}
	in := newer{A: 1, U: math.MaxUint64, B: "x", F: 0.1, Blob: []byte{1}}
	in.Extra.M = map[int][]string{1: {"x"}, -300: {}}
	if got := decode[older](t, c, encode(t, c, &in)); got != (older{"x", 1}) {
		t.Errorf("a struct with fewer fields got %+v", got)
	}
}

func testExactNames(t *testing.T, c codec.Codec) {
	type upper struct {
		X int `json:"NAME"`
		Y int
	}
	type lower struct {
		X int `json:"name"`
		Y int `json:"y"`
	}
	if got := decode[lower](t, c, encode(t, c, &upper{1, 2})); got != (lower{}) {
		t.Errorf("members NAME and Y went into fields name and y: %+v", got)
	}
}

func testOverflow(t *testing.T, c codec.Codec) {
	fits(t, c, int64(math.MinInt64), narrow[int8], narrow[int16], narrow[int32], narrow[uint8], narrow[uint16], narrow[uint32], narrow[uint64])
	fits(t, c, int64(-1), narrow[uint8], narrow[uint16], narrow[uint32], narrow[uint64], narrow[uint])
	for _, v := range []int64{math.MinInt8 - 1, math.MaxInt8 + 1, 300} {
		fits(t, c, v, narrow[int8])
	}
	for _, v := range []int64{math.MinInt16 - 1, math.MaxInt16 + 1} {
		fits(t, c, v, narrow[int8], narrow[int16])
	}
	for _, v := range []int64{math.MinInt32 - 1, math.MaxInt32 + 1} {
		fits(t, c, v, narrow[int8], narrow[int16], narrow[int32])
	}
	fits(t, c, int64(math.MaxUint8+1), narrow[uint8])
	fits(t, c, int64(math.MaxUint16+1), narrow[uint8], narrow[uint16])
	fits(t, c, int64(math.MaxUint32+1), narrow[uint8], narrow[uint16], narrow[uint32])
	for _, v := range []uint64{math.MaxInt64 + 1, math.MaxUint64} {
		fits(t, c, v, narrow[int8], narrow[int16], narrow[int32], narrow[int64], narrow[int], narrow[uint8], narrow[uint16], narrow[uint32], narrow[time.Duration])
	}
	fits(t, c, math.MaxFloat64, narrow[float32])
	fits(t, c, -1e39, narrow[float32])
	fits(t, c, 1.5, narrow[int64], narrow[uint64], narrow[int8], narrow[time.Duration])
	fits(t, c, 1e300, narrow[int64], narrow[uint64])
}

// fits checks that v comes back in its own type and is refused by the others.
func fits[T comparable](t *testing.T, c codec.Codec, v T, others ...func(*testing.T, codec.Codec, any, []byte, []byte)) {
	t.Helper()
	type holder struct{ V T }
	field, list := encode(t, c, &holder{v}), encode(t, c, map[string][]T{"V": {v}})
	if got := decode[holder](t, c, field); got.V != v {
		t.Errorf("%T: put in %v, got %v", v, v, got.V)
	}
	for _, other := range others {
		other(t, c, v, field, list)
	}
}

func narrow[N any](t *testing.T, c codec.Codec, v any, field, list []byte) {
	t.Helper()
	var f struct{ V N }
	if err := c.Decode(field, &f); err == nil {
		t.Errorf("%T %v in a field of type %T became %v, want an error", v, v, f.V, f.V)
	}
	var l struct{ V []N }
	if err := c.Decode(list, &l); err == nil {
		t.Errorf("%T %v in a slice of %T became %v, want an error", v, v, f.V, l.V)
	}
}

func testShape(t *testing.T, c codec.Codec) {
	shapes := map[string][]byte{
		"bool":   encode(t, c, map[string]any{"v": true}),
		"int":    encode(t, c, map[string]any{"v": int64(1)}),
		"text":   encode(t, c, map[string]any{"v": "x"}),
		"array":  encode(t, c, map[string]any{"v": []any{"x"}}),
		"map":    encode(t, c, map[string]any{"v": map[string]any{"x": "x"}}),
		"array3": encode(t, c, map[string]any{"v": []any{int64(1), int64(2), int64(3)}}),
	}
	refuse := func(shape string, v any) {
		t.Helper()
		if err := c.Decode(shapes[shape], v); err == nil {
			t.Errorf("%s went into %T", shape, v)
		}
	}
	for shape := range shapes {
		if shape != "bool" {
			refuse(shape, &struct {
				V bool `json:"v"`
			}{})
		}
		if shape != "int" {
			refuse(shape, &struct {
				V int `json:"v"`
			}{})
		}
		if shape != "text" {
			refuse(shape, &struct {
				V string `json:"v"`
			}{})
			refuse(shape, &struct {
				V time.Time `json:"v"`
			}{})
		}
		if shape != "array" {
			refuse(shape, &struct {
				V []string `json:"v"`
			}{})
		}
		if shape != "map" {
			refuse(shape, &struct {
				V map[string]string `json:"v"`
			}{})
			refuse(shape, &struct {
				V inner `json:"v"`
			}{})
		}
	}
	refuse("array3", &struct {
		V [2]int `json:"v"`
	}{})
	refuse("array3", &struct {
		V [4]int `json:"v"`
	}{})

	hash := encode(t, c, &struct{ V []byte }{[]byte("abc")})
	for _, v := range []any{new(struct{ V [2]byte }), new(struct{ V [4]byte }), new(struct{ V *[0]byte }), new(struct{ V []struct{ A [4]byte } })} {
		if err := c.Decode(hash, v); err == nil {
			t.Errorf("3 bytes went into %T", v)
		}
	}
	list := encode(t, c, &struct{ V [][]byte }{[][]byte{[]byte("abc")}})
	for _, v := range []any{new(struct{ V [][4]byte }), new(struct{ V [2][3]byte }), new(struct{ V map[string][3]byte })} {
		if err := c.Decode(list, v); err == nil {
			t.Errorf("a list of 3 bytes went into %T", v)
		}
	}
	if got := decode[struct{ V [1][3]byte }](t, c, list); string(got.V[0][:]) != "abc" {
		t.Errorf("a list of 3 bytes became %v", got)
	}

	// What is not a map is neither a map nor a struct.
	for _, v := range []any{nil, true, int64(1), "", []any{}, 1.5} {
		data := encode(t, c, &v)
		var m map[string]any
		if err := c.Decode(data, &m); err == nil {
			t.Errorf("%#v went into a map[string]any", v)
		}
		if err := c.Decode(data, new(inner)); err == nil {
			t.Errorf("%#v went into a struct", v)
		}
		if err := c.Decode(data, new(map[int]int)); err == nil {
			t.Errorf("%#v went into a map[int]int", v)
		}
	}
	for _, target := range []any{nil, inner{}, (*inner)(nil), map[string]any{}, (*map[string]any)(nil), (*any)(nil)} {
		if err := c.Decode(shapes["int"], target); err == nil {
			t.Errorf("Decode into %#v has no error, want one: it is not a pointer to something", target)
		}
	}
}

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

func testWhole(t *testing.T, c codec.Codec) {
	for _, v := range []any{map[string]any{"a": int64(1)}, map[string]any{}, &inner{N: 1, Tags: []string{"x"}}} {
		data := encode(t, c, v)
		for n := range data {
			if bytes.Equal(data[:n], data) {
				continue
			}
			if err := c.Decode(data[:n], new(any)); err == nil {
				t.Errorf("the first %d of the %d bytes of %T were decoded", n, len(data), v)
			}
			if err := c.Decode(data[:n], new(inner)); err == nil {
				t.Errorf("the first %d of the %d bytes of %T were decoded into a struct", n, len(data), v)
			}
		}
		for _, more := range [][]byte{{0}, {0xff}, []byte("x"), data} {
			long := append(bytes.Clone(data), more...)
			if err := c.Decode(long, new(any)); err == nil {
				t.Errorf("%T followed by %q was decoded", v, more)
			}
			if err := c.Decode(long, new(inner)); err == nil {
				t.Errorf("%T followed by %q was decoded into a struct", v, more)
			}
		}
	}
	if err := c.Decode(nil, new(any)); err == nil {
		t.Error("no data at all was decoded")
	}
}

func testOwnership(t *testing.T, c codec.Codec) {
	for i, in := range records() {
		data := encode(t, c, in)
		before := bytes.Clone(data)
		got := decode[record](t, c, data)
		if !bytes.Equal(data, before) {
			t.Fatal("Decode changed data")
		}
		for i := range data {
			data[i] ^= 0x55
		}
		if !reflect.DeepEqual(&got, in) {
			t.Errorf("record %d changed with the data they were decoded from", i)
		}
	}
	data := encode(t, c, kinds())
	before := bytes.Clone(data)
	got := decode[map[string]any](t, c, data)
	if !bytes.Equal(data, before) {
		t.Fatal("Decode changed data")
	}
	for i := range data {
		data[i] ^= 0x55
	}
	if !same(got, kinds()) {
		t.Error("values changed with the data they were decoded from")
	}
	// Nor may one value be in the memory of another.
	first, second := decode[record](t, c, encode(t, c, records()[1])), decode[record](t, c, encode(t, c, records()[1]))
	copy(first.Bytes, "\x99\x99")
	copy(first.Blob, "\x99\x99\x99\x99")
	if !reflect.DeepEqual(&second, records()[1]) {
		t.Error("two decoded values share memory")
	}
}

// testDamage changes encodings in many ways. What is decoded nonetheless must be
// a value like any other: one that can be encoded, and then comes back.
func testDamage(t *testing.T, c codec.Codec) {
	random := rand.New(rand.NewPCG(1, 2))
	small := map[string]any{"a": []any{"x", int64(7), 7.5, nil, true}, "t": time.Unix(1, 1).UTC(), "b": []byte("b"), "m": map[string]any{"n": "$"}}
	seeds := [][]byte{encode(t, c, small), encode(t, c, records()[1]), encode(t, c, kinds())}
	try := func(data []byte) {
		t.Helper()
		defer func() {
			if r := recover(); r != nil {
				t.Fatalf("a panic: %v, from % x", r, data)
			}
		}()
		var v any
		if err := c.Decode(data, &v); err == nil {
			again, err := c.Append(nil, &v)
			if err != nil {
				t.Fatalf("what was decoded cannot be encoded: %v, from % x", err, data)
			}
			if back := decode[any](t, c, again); !same(back, v) {
				t.Fatalf("what was decoded comes back as another: %#v and %#v, from % x", v, back, data)
			}
		}
		var m record
		if err := c.Decode(data, &m); err == nil {
			if _, err := c.Append(nil, &m); err != nil {
				t.Fatalf("a struct that was decoded cannot be encoded: %v, from % x", err, data)
			}
		}
	}
	var before, after runtime.MemStats
	for _, seed := range seeds {
		tries := 0
		runtime.ReadMemStats(&before)
		for range 3000 {
			data := bytes.Clone(seed)
			for range 1 + random.IntN(3) {
				switch i := random.IntN(len(data)); random.IntN(5) {
				case 0:
					data[i] ^= 1 << random.IntN(8)
				case 1:
					data[i] = byte(random.Uint32())
				case 2:
					data = append(data[:i], data[i+1:]...)
				case 3:
					data = append(data[:i:i], append([]byte{byte(random.Uint32())}, data[i:]...)...)
				case 4:
					data[i] = 0xff
				}
				if len(data) == 0 {
					break
				}
			}
			try(data)
			tries++
		}
		runtime.ReadMemStats(&after)
		if perTry := (after.TotalAlloc - before.TotalAlloc) / uint64(tries); perTry > 1<<20 {
			t.Errorf("damaged data of %d bytes make for %d bytes allocated each, want no more than 1 MB", len(seed), perTry)
		}
	}
	for n := range 64 {
		for range 200 {
			data := make([]byte, n)
			for i := range data {
				data[i] = byte(random.Uint32())
			}
			try(data)
		}
	}
	// Every first byte before a length that is not there.
	for first := range 256 {
		data := append([]byte{byte(first)}, bytes.Repeat([]byte{0xff}, 8)...)
		for n := 1; n <= len(data); n++ {
			runtime.ReadMemStats(&before)
			try(data[:n])
			runtime.ReadMemStats(&after)
			if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
				t.Errorf("% x makes for %d bytes allocated, want no more than 1 MB", data[:n], got)
			}
		}
	}
}

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

func testMerger(t *testing.T, c codec.Merger) {
	type deep struct {
		M map[int]map[string]uint64
		T []time.Time
	}
	type newer struct {
		A    int             `json:"a"`
		Deep deep            `json:"deep"`
		Big  uint64          `json:"big"`
		B    string          `json:"b"`
		Blob []byte          `json:"blob"`
		F    float64         `json:"f"`
		When time.Time       `json:"when"`
		By   map[int8]string `json:"by"`
		Odd  string          `json:"odd name é"`
	}
	type older struct {
		A int    `json:"a"`
		B string `json:"b"`
	}
	known := func(name string) bool { return name == "a" || name == "b" }
	in := newer{
		A: 1, B: "b", Big: math.MaxUint64, Blob: []byte{0, 0xff}, F: 0.1, When: time.Unix(9, 9).UTC(),
		Deep: deep{M: map[int]map[string]uint64{-1: {"x": 1}, 300: {}}, T: []time.Time{{}}},
		By:   map[int8]string{-1: "$"}, Odd: "odd",
	}
	data := encode(t, c, &in)
	before := bytes.Clone(data)

	extra, err := c.Extra(nil, data, known)
	if err != nil {
		t.Fatal(err)
	}
	old := decode[older](t, c, data)
	old.A, old.B = 2, "changed"
	merged, err := c.Merge(nil, encode(t, c, &old), extra)
	if err != nil {
		t.Fatal(err)
	}
	want := in
	want.A, want.B = 2, "changed"
	if got := decode[newer](t, c, merged); !reflect.DeepEqual(got, want) {
		t.Errorf("after a change by an older struct:\n got %+v\nwant %+v", got, want)
	}
	// The members keep their bytes: what is extra in the merged map is what was extra.
	again, err := c.Extra([]byte("pre"), merged, known)
	if err != nil || !bytes.Equal(again, append([]byte("pre"), extra...)) {
		t.Errorf("extra members changed on the way, %v:\n got %q\nwant %q", err, again, extra)
	}
	if !bytes.Equal(data, before) {
		t.Error("Extra or Merge changed its argument")
	}

	if got, err := c.Extra([]byte("pre"), data, func(string) bool { return true }); err != nil || string(got) != "pre" {
		t.Errorf("Extra of a map that is known in full gives %q, %v, want dst as it is", got, err)
	}
	if got, err := c.Extra(nil, data, func(string) bool { return false }); err != nil || !reflect.DeepEqual(decode[newer](t, c, got), in) {
		t.Errorf("Extra of a map that is not known at all is not the map: %v", err)
	}
	var names []string
	if _, err := c.Extra(nil, data, func(name string) bool { names = append(names, name); return true }); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a", "deep", "big", "b", "blob", "f", "when", "by", "odd name é"}; len(names) != len(want) {
		t.Errorf("Extra asked for %q, want %q in some order", names, want)
	} else {
		have := make(map[string]bool)
		for _, name := range names {
			have[name] = true
		}
		for _, name := range want {
			if !have[name] {
				t.Errorf("Extra asked for %q, want %q in some order", names, want)
			}
		}
	}

	// Of two members of one name, the first map's is kept.
	a, b := encode(t, c, map[string]any{"x": int64(1), "y": int64(2)}), encode(t, c, map[string]any{"y": int64(9), "z": int64(3)})
	both, err := c.Merge([]byte("pre"), a, b)
	if err != nil {
		t.Fatal(err)
	}
	if got := decode[map[string]any](t, c, both[3:]); !same(got, map[string]any{"x": int64(1), "y": int64(2), "z": int64(3)}) || string(both[:3]) != "pre" {
		t.Errorf("Merge gives %q", both)
	}
	none := encode(t, c, map[string]any{})
	for _, pair := range [][2][]byte{{a, none}, {none, a}, {a, a}} {
		got, err := c.Merge(nil, pair[0], pair[1])
		if err != nil || !same(decode[any](t, c, got), decode[any](t, c, a)) {
			t.Errorf("Merge with nothing new gives %q, %v", got, err)
		}
	}
}

func testMergerLimits(t *testing.T, c codec.Merger) {
	none, some := encode(t, c, map[string]any{}), encode(t, c, map[string]any{"a": int64(1)})
	array := encode(t, c, &[]any{int64(1)})
	yes := func(string) bool { return true }
	for name, bad := range map[string][]byte{
		"no data": nil, "an array": array, "half of a map": some[:len(some)-1], "a map and more": append(bytes.Clone(some), some...),
	} {
		if got, err := c.Extra([]byte("pre"), bad, yes); err == nil || string(got) != "pre" {
			t.Errorf("Extra of %s gives %q, %v, want an error and dst", name, got, err)
		}
		if got, err := c.Merge([]byte("pre"), bad, none); err == nil || string(got) != "pre" {
			t.Errorf("Merge of %s gives %q, %v, want an error and dst", name, got, err)
		}
		if got, err := c.Merge([]byte("pre"), some, bad); err == nil || string(got) != "pre" {
			t.Errorf("Merge with %s gives %q, %v, want an error and dst", name, got, err)
		}
	}
	half := func(prefix string, n int) []byte {
		m := make(map[string]any)
		for i := range n {
			m[fmt.Sprint(prefix, i)] = nil
		}
		return encode(t, c, m)
	}
	const n = codec.MaxEntries / 2
	if got, err := c.Merge(nil, half("a", n), half("b", n)); err != nil {
		t.Errorf("Merge to %d entries: %v", 2*n, err)
	} else {
		decode[any](t, c, got)
	}
	if _, err := c.Merge(nil, half("a", n), half("b", n+1)); err == nil {
		t.Errorf("Merge to %d entries has no error", 2*n+1)
	}
	lists := func(name string) []byte { return encode(t, c, map[string]any{name: make([]any, n)}) }
	if _, err := c.Merge(nil, lists("a"), lists("b")); err == nil {
		t.Errorf("Merge to %d entries further in has no error", 2*n+2)
	}
}
