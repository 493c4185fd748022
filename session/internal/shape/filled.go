package shape

import (
	"encoding"
	"math"
	"reflect"
	"strconv"
	"time"

	"github.com/keyturn/keyturn/codec"
)

// Filled returns a new T, addressable, in which whatever can be is neither zero
// nor like anything else in it: pointers are set, slices and maps have two
// elements, numbers are near the ends of their ranges. Types that contain
// themselves end after the second of a kind at most, and large types are filled
// within the entries that a payload may have. Types that marshal themselves are
// given a sample text that they understand, or else are left zero.
func (s *Shape) Filled() reflect.Value { return s.made(false) }

// hollow returns a new T, addressable, that is made of zero values one level down:
// pointers to zero values, slices of two zero elements, and structs of the same.
// What marshals itself is as in Filled: its zero value may be without a text.
func (s *Shape) hollow() reflect.Value { return s.made(true) }

func (s *Shape) made(hollow bool) reflect.Value {
	v := reflect.New(s.typ).Elem()
	f := filler{hollow: hollow, on: make(map[reflect.Type]int)}
	f.fill(v, 0)
	return v
}

// A filler makes up values.
type filler struct {
	hollow  bool
	n       int                  // of values made up so far: what makes them distinct
	entries int                  // made so far
	on      map[reflect.Type]int // composite types around the present value
}

func (f *filler) fill(v reflect.Value, depth int) {
	t := v.Type()
	f.on[t]++
	defer func() { f.on[t]-- }()
	switch k := t.Kind(); {
	case t == timeType || opaque(t) || k < reflect.Array || k == reflect.String:
		if !f.hollow || opaque(t) {
			f.leaf(v)
		}
	case k == reflect.Pointer:
		if f.room(t, 1, depth) > 0 {
			v.Set(reflect.New(t.Elem()))
			f.part(v.Elem(), depth)
		}
	case k == reflect.Slice:
		n := f.room(t, 2, depth)
		v.Set(reflect.MakeSlice(t, n, n))
		f.parts(v, depth+1)
	case k == reflect.Array:
		f.entries += t.Len()
		f.parts(v, depth+1)
	case k == reflect.Map:
		v.Set(reflect.MakeMap(t))
		for range f.room(t, 2, depth) {
			key, value := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
			f.leaf(key)
			f.part(value, depth+1)
			v.SetMapIndex(key, value)
		}
	case k == reflect.Struct:
		f.entries += t.NumField()
		for i := range t.NumField() {
			if t.Field(i).Name != "_" {
				f.fill(v.Field(i), depth+1)
			}
		}
	}
}

// part fills what a pointer, a list or a table holds.
func (f *filler) part(v reflect.Value, depth int) {
	if t := v.Type(); !f.hollow || t.Kind() == reflect.Struct || opaque(t) {
		f.fill(v, depth)
	}
}

func (f *filler) parts(v reflect.Value, depth int) {
	for i := range v.Len() {
		f.part(v.Index(i), depth)
	}
}

// leaf gives v, which has no parts, a value that is not zero and that it gives to
// nothing else if there are enough.
func (f *filler) leaf(v reflect.Value) {
	f.n++
	t := v.Type()
	switch k := t.Kind(); {
	case t == timeType:
		v.Set(reflect.ValueOf(time.Unix(1_700_000_000+int64(f.n), 999_999_999-int64(f.n)).UTC()))
	case opaque(t):
		fillText(v)
	case k == reflect.Bool:
		v.SetBool(true)
	case v.CanInt():
		v.SetInt(math.MaxInt64>>(64-t.Bits()) - int64(f.n%100))
	case v.CanUint():
		v.SetUint(math.MaxUint64>>(64-t.Bits()) - uint64(f.n%100))
	case v.CanFloat():
		v.SetFloat(float64(f.n) + 0.1)
	default:
		v.SetString("$é" + strconv.Itoa(f.n))
	}
}

// room returns n if there is room for n elements in a value of type t at the given
// depth, and counts them; else none.
func (f *filler) room(t reflect.Type, n, depth int) int {
	within := f.on[t.Elem()]
	if within > 1 || within > 0 && depth > codec.MaxDepth/2 || f.entries > codec.MaxEntries/2 {
		return 0
	}
	f.entries += n
	return n
}

// Samples of what types that marshal themselves may understand.
var samples = []string{
	"7", "a", "true", "10.0.0.1", "10.0.0.0/8", "10.0.0.1:443", "2001-02-03T04:05:06Z", "2001-02-03",
	"01020304-0506-4708-890a-0b0c0d0e0f10", "0102030405060708090a0b0c0d0e0f10", "ERROR", "error", "en-GB", "EUR",
	"tom@example.org", "https://example.org/", "1h30m", "12.50", "7/2",
}

// fillText gives v, which marshals itself, the value of the first sample that it
// reads as one that is not zero and writes again.
func fillText(v reflect.Value) {
	for _, sample := range samples {
		p := reflect.New(v.Type())
		if readText(p, sample) && !p.Elem().IsZero() {
			v.Set(p.Elem())
			return
		}
	}
}

// readText reports whether *p reads the text and writes one again. A method that
// panics does not.
func readText(p reflect.Value, text string) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	if p.Interface().(encoding.TextUnmarshaler).UnmarshalText([]byte(text)) != nil {
		return false
	}
	_, err := p.Interface().(encoding.TextMarshaler).MarshalText()
	return err == nil
}
