package takeover_test

import (
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

type (
	ownBool   bool
	ownString string
	ownInt    int16
	ownBytes  []byte
	ownMap    map[ownString]ownInt
)

// valueOf returns what is in v under a name, of whatever kind.
func valueOf(v session.Values, name string) any {
	for _, lookup := range []func() (any, bool){
		func() (any, bool) { return session.Key[bool](name).Lookup(v) },
		func() (any, bool) { return session.Key[string](name).Lookup(v) },
		func() (any, bool) { return session.Key[int64](name).Lookup(v) },
		func() (any, bool) { return session.Key[float64](name).Lookup(v) },
		func() (any, bool) { return session.Key[[]byte](name).Lookup(v) },
		func() (any, bool) { return session.Key[time.Time](name).Lookup(v) },
		func() (any, bool) { return session.Key[[]any](name).Lookup(v) },
		func() (any, bool) { return session.Key[map[string]any](name).Lookup(v) },
	} {
		if x, ok := lookup(); ok {
			return x
		}
	}
	return nil
}

func TestValuesHaveWhatIsThere(t *testing.T) {
	id := takeover.UUID{0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff}
	const idText = "00112233-4455-6677-8899-aabbccddeeff"
	at := time.Date(2026, 2, 3, 4, 5, 6, 7, time.UTC)
	for _, tt := range []struct {
		name    string
		x, want any
	}{
		{"true", true, true},
		{"false", false, false},
		{"true of another type", ownBool(true), true},
		{"no text", "", ""},
		{"text", "Zoë\x00", "Zoë\x00"},
		{"text of another type", ownString("x"), "x"},
		{"text that is not UTF-8", "a\xff", []byte("a\xff")},
		{"text of another type that is not UTF-8", ownString("\xc3"), []byte("\xc3")},
		{"markup", takeover.Markup("<b>"), "<b>"},
		{"an atom", takeover.Atom("ok"), "ok"},
		{"a UUID", id, idText},
		{"int", int(-5), int64(-5)},
		{"int8", int8(math.MinInt8), int64(math.MinInt8)},
		{"int16", int16(math.MinInt16), int64(math.MinInt16)},
		{"int32", int32(math.MinInt32), int64(math.MinInt32)},
		{"int64", int64(math.MinInt64), int64(math.MinInt64)},
		{"an integer of another type", ownInt(-7), int64(-7)},
		{"uint", uint(5), int64(5)},
		{"uint8", uint8(math.MaxUint8), int64(math.MaxUint8)},
		{"uint16", uint16(math.MaxUint16), int64(math.MaxUint16)},
		{"uint32", uint32(math.MaxUint32), int64(math.MaxUint32)},
		{"uint64", uint64(math.MaxInt64), int64(math.MaxInt64)},
		{"float32", float32(1.5), 1.5},
		{"float64", -0.1, -0.1},
		{"a float that is whole", 2.0, 2.0},
		{"the largest float", math.MaxFloat64, math.MaxFloat64},
		{"bytes", []byte{0, 255}, []byte{0, 255}},
		{"no bytes", []byte{}, []byte{}},
		{"a time", at, at},
		{"a time elsewhere", at.In(time.FixedZone("", 3600)), at},
		{"a list", []any{"a", nil, int8(1), takeover.Tuple{true}}, []any{"a", nil, int64(1), []any{true}}},
		{"an empty list", []any{}, []any{}},
		{"a tuple", takeover.Tuple{id, takeover.Atom("a")}, []any{idText, "a"}},
		{"strings", []string{"a", "\xff"}, []any{"a", []byte("\xff")}},
		{"integers", []int32{1, 2}, []any{int64(1), int64(2)}},
		{"bytes of another type are a slice", ownBytes{1}, []any{int64(1)}},
		{"an array", [2]bool{true, false}, []any{true, false}},
		{"a map", map[string]any{"a": nil, "b": uint8(1)}, map[string]any{"a": nil, "b": int64(1)}},
		{"an empty map", map[string]any{}, map[string]any{}},
		{"a map of one type", map[string][]string{"a": {"b"}}, map[string]any{"a": []any{"b"}}},
		{"a map of other types", ownMap{"a": 1}, map[string]any{"a": int64(1)}},
		{"a map of any", map[any]any{"a": map[any]any{takeover.Atom("b"): id}}, map[string]any{"a": map[string]any{"b": idText}}},
		{"nested", []any{map[string]any{"a": []any{[]any{at, []byte("x")}}}}, []any{map[string]any{"a": []any{[]any{at, []byte("x")}}}}},
		{"nil", nil, nil},
	} {
		for of, data := range map[string]any{
			"map[string]any": map[string]any{"x": tt.x, "other": "o"},
			"map[any]any":    map[any]any{"x": tt.x, "other": "o"},
			"its own keys":   map[ownString]any{"x": tt.x, "other": "o"},
		} {
			v, err := takeover.Values(data)
			if err != nil {
				t.Errorf("%s in %s: %v", tt.name, of, err)
				continue
			}
			if got := valueOf(v, "x"); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%s in %s: %#v, want %#v", tt.name, of, got, tt.want)
			}
			if v.Has("x") != (tt.x != nil) || valueOf(v, "other") != "o" {
				t.Errorf("%s in %s: it has %d members", tt.name, of, v.Len())
			}
		}
	}
	for _, data := range []any{map[string]any{}, map[string]any(nil), map[any]any{}, map[string]string(nil)} {
		if v, err := takeover.Values(data); err != nil || v.Len() != 0 {
			t.Errorf("%T: %d members, %v", data, v.Len(), err)
		}
	}
	if v, err := takeover.Values(map[string]int{"a": 1}); err != nil || valueOf(v, "a") != int64(1) {
		t.Errorf("a map of integers: %v", err)
	}
}

func TestValuesHaveNoPlaceForTheRest(t *testing.T) {
	const secret = "of the client"
	for _, tt := range []struct {
		name string
		x    any
		says string
	}{
		{"a large integer", new(big.Int).Lsh(big.NewInt(1), 64), " is an integer of more than 64 bits"},
		{"a large uint64", uint64(math.MaxInt64 + 1), " is an integer of more than 63 bits"},
		{"not a number", math.NaN(), " is a number that is not finite"},
		{"infinity", math.Inf(1), " is a number that is not finite"},
		{"infinity below", math.Inf(-1), " is a number that is not finite"},
		{"infinity of 32 bits", float32(math.Inf(1)), " is a number that is not finite"},
		{"in a list", []any{1, math.NaN()}, "[1] is a number that is not finite"},
		{"in a tuple in a map", map[string]any{secret: takeover.Tuple{math.NaN()}}, "[...][0] is a number that is not finite"},
		{"integers as keys", map[any]any{int64(1): true}, " has a key that is not text"},
		{"integers as keys of their type", map[int]bool{1: true}, " has a key that is not text"},
		{"nil as a key", map[any]any{nil: true}, " has a key that is not text"},
		{"bytes as a key", map[any]any{[1]byte{1}: true}, " has a key that is not text"},
		{"a key that is not UTF-8", map[string]any{secret + "\xff": true}, " has a key that is not text"},
		{"two keys of one text", map[any]any{secret: 1, takeover.Markup(secret): 2}, " has two keys of the same text"},
		{"a complex number", complex(1, 2), " is of a type that a session.Values has no place for"},
		{"a struct", struct{ A string }{secret}, " is of a type that a session.Values has no place for"},
		{"a pointer", new(string), " is of a type that a session.Values has no place for"},
		{"a function", func() {}, " is of a type that a session.Values has no place for"},
		{"a pointer to nothing", (*time.Time)(nil), " is of a type that a session.Values has no place for"},
	} {
		v, err := takeover.Values(map[string]any{secret: tt.x})
		if err == nil || v.Len() != 0 {
			t.Errorf("%s: %d members, %v", tt.name, v.Len(), err)
			continue
		}
		if want := "the data[...]" + tt.says; err.Error() != want {
			t.Errorf("%s: %q, want %q", tt.name, err, want)
		}
	}
	for _, data := range []any{nil, secret, "\xff", int64(1), []any{secret}, takeover.Tuple{}, []byte(secret), time.Time{}, takeover.UUID{}} {
		if v, err := takeover.Values(data); err == nil || v.Len() != 0 || !strings.HasSuffix(err.Error(), "and not a map") || strings.Contains(err.Error(), secret) {
			t.Errorf("%T: %v", data, err)
		}
	}
	for _, data := range []any{map[any]any{1: 2}, math.NaN(), struct{}{}, big.NewInt(1)} {
		if _, err := takeover.Values(data); err == nil || !strings.HasPrefix(err.Error(), "the data ") {
			t.Errorf("%T: %v", data, err)
		}
	}
}

// TestValuesShareNothingWithTheData: both are somebody's own.
func TestValuesShareNothingWithTheData(t *testing.T) {
	bytes, list, object := []byte("x"), []any{"x"}, map[string]any{"x": []byte("x")}
	v, err := takeover.Values(map[string]any{"bytes": bytes, "list": list, "object": object})
	if err != nil {
		t.Fatal(err)
	}
	bytes[0], list[0] = 'y', "y"
	object["x"].([]byte)[0] = 'y'
	want := []any{[]byte("x"), []any{"x"}, map[string]any{"x": []byte("x")}}
	if got := []any{valueOf(v, "bytes"), valueOf(v, "list"), valueOf(v, "object")}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v", got)
	}
}
