package shape

import (
	"encoding"
	"reflect"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
)

// leaves calls f for each part of v that has no parts.
func leaves(v reflect.Value, f func(v reflect.Value)) {
	if v.CanInterface() { // else an embedded struct
		if _, ok := v.Addr().Interface().(encoding.TextMarshaler); ok {
			f(v)
			return
		}
	}
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			f(v)
			return
		}
		leaves(v.Elem(), f)
	case reflect.Slice, reflect.Array:
		if v.Len() == 0 {
			f(v)
		}
		for i := range v.Len() {
			leaves(v.Index(i), f)
		}
	case reflect.Map:
		if v.Len() == 0 {
			f(v)
		}
		for pairs := v.MapRange(); pairs.Next(); {
			value := reflect.New(v.Type().Elem()).Elem()
			value.Set(pairs.Value())
			leaves(value, f)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			leaves(v.Field(i), f)
		}
	default:
		f(v)
	}
}

func TestFilledLeavesNothingZero(t *testing.T) {
	for _, of := range []reflect.Type{
		reflect.TypeFor[standard](), reflect.TypeFor[everything](), reflect.TypeFor[opaques](), reflect.TypeFor[map[role]item](),
	} {
		s, err := Of(of)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		seen := make(map[any]int)
		leaves(s.Filled(), func(v reflect.Value) {
			n++
			if v.IsZero() {
				t.Errorf("%v: a zero %v", of, v.Type())
			}
			switch x := v.Interface().(type) {
			case string, role, int, int64, int32, float64, time.Duration:
				if seen[x]++; seen[x] > 1 {
					t.Errorf("%v: %v twice", of, x)
				}
			case time.Time:
				if x != x.UTC().Round(0) || x.Nanosecond()%1000 == 0 {
					t.Errorf("%v: %v is not an instant to the nanosecond", of, x)
				}
			}
		})
		if n == 0 {
			t.Errorf("%v: nothing there", of)
		}
	}
}

func TestFilledHasTwoOfEach(t *testing.T) {
	v := filled[everything](t)
	for name, n := range map[string]int{
		"Bytes": len(v.Bytes), "Cart": len(v.Cart), "Shelf": len(v.Shelf), "Grid": len(v.Grid), "Grid[1]": len(v.Grid[1]),
		"Prefs": len(v.Prefs), "ByID": len(v.ByID), "ByByte": len(v.ByByte), "Set": len(v.Set), "Deeper": len(v.Nested.Deep.Deeper),
	} {
		if n != 2 {
			t.Errorf("%s has %d elements, want 2", name, n)
		}
	}
	if v.Cart[0] == v.Cart[1] {
		t.Error("two elements are the same")
	}
}

func TestFilledIsBounded(t *testing.T) {
	l := filled[link](t)
	if l.Next == nil || l.Next.Next != nil {
		t.Error("want a list of two")
	}
	tr := filled[tree](t)
	if len(tr.Kids) != 2 || len(tr.More) != 2 || len(tr.Kids[0].Kids) != 0 || !only(nil, tr.Kids[0].More) {
		t.Error("want a tree with one generation")
	}
	h := filled[holder](t)
	if len(h.Nest) != 2 || len(h.Maze) != 2 {
		t.Error("want a slice and a map of their own")
	}
	p := filled[ping](t)
	if p.Pong == nil || len(p.Pong.Ping) != 2 || p.Pong.Ping[0].Pong == nil || len(p.Pong.Ping[0].Pong.Ping) != 0 {
		t.Error("want each of two types twice at most")
	}

	if s := shapeOf[cycle1](t); s.RoundTrip(codecs[0]) != nil {
		t.Error(s.RoundTrip(codecs[0]))
	}

	// A type that is large without containing itself.
	type rows [][][][][][][][][][][]item
	if s, v := shapeOf[struct{ Rows rows }](t), filled[struct{ Rows rows }](t); len(v.Rows) != 2 {
		t.Error("want two rows")
	} else if data, err := codecs[0].Append(nil, v); err != nil {
		t.Errorf("beyond what a payload may have: %v", err)
	} else if len(data) < codec.MaxEntries/2 {
		t.Errorf("only %d bytes", len(data))
	} else if err := s.RoundTrip(codecs[0]); err != nil {
		t.Error(err)
	}
}

// Types that contain each other, twice of which would be nested too deep.
type (
	cycle1 struct{ Next *cycle2 }
	cycle2 struct{ Next *cycle3 }
	cycle3 struct{ Next []cycle4 }
	cycle4 struct{ Next *cycle5 }
	cycle5 struct{ Next map[string]cycle6 }
	cycle6 struct{ Next *cycle7 }
	cycle7 struct{ Next []*cycle8 }
	cycle8 struct{ Next *cycle1 }
)

func only(kid *tree, kids map[string]*tree) bool {
	for _, k := range kids {
		if k != kid {
			return false
		}
	}
	return true
}

func TestFilledIsNormal(t *testing.T) {
	for _, test := range accepted {
		s, err := Of(test.of)
		if err != nil {
			t.Fatal(err)
		}
		v, same := s.Filled(), s.Filled()
		if err := s.Normalize(v.Addr().Interface()); err != nil {
			t.Errorf("%v: %v", test.of, err)
		}
		if !reflect.DeepEqual(v.Interface(), same.Interface()) {
			t.Errorf("%v: changed when normalized", test.of)
		}
	}
}
