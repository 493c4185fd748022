package shape

import (
	"reflect"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
)

type times struct {
	Times []time.Time
	More  map[string]*time.Time
}

// TestCloneSharesNothing of what Normalize changes, also in what is embedded by a
// name that is not exported.
func TestCloneSharesNothing(t *testing.T) {
	of := []reflect.Type{
		reflect.TypeFor[struct{ times }](), reflect.TypeFor[struct{ Deep []struct{ times } }](),
		reflect.TypeFor[struct{ Fixed [2][]int }](), reflect.TypeFor[struct{ Pair [2]*int }](),
	}
	for _, test := range accepted {
		of = append(of, test.of)
	}
	for _, typ := range of {
		s, err := Of(typ)
		if err != nil {
			t.Fatal(err)
		}
		v := s.Filled()
		c := s.Clone(v)
		if path, ok := Equal(c, v); !ok {
			t.Errorf("%v: %s differs", typ, path)
		}
		unshared(t, typ.String(), v, c)
		if zero := reflect.Zero(typ); !reflect.DeepEqual(s.Clone(zero).Interface(), zero.Interface()) {
			t.Errorf("%v: the zero value becomes another", typ)
		}
	}
}

// TestCloneSharesNothingOfAsMuchAsNormalizeLetsPass counts and nests to the limits.
func TestCloneSharesNothingOfAsMuchAsNormalizeLetsPass(t *testing.T) {
	many := struct{ F []*string }{pointers(codec.MaxEntries - 1)}
	deep := &link{Value: 1}
	for range codec.MaxDepth - 1 {
		deep = &link{Next: deep}
	}
	for _, v := range []reflect.Value{reflect.ValueOf(many), reflect.ValueOf(*deep)} {
		unshared(t, v.Type().String(), v, shapeOfType(t, v.Type()).Clone(v))
	}
}

// TestCloneEndsOnWhatContainsItself also where there are two ways at each step.
func TestCloneEndsOnWhatContainsItself(t *testing.T) {
	loop := &link{}
	loop.Next = loop
	twice := &tree{Kids: make([]tree, 2)}
	twice.Kids[0].Kids, twice.Kids[1].Kids = twice.Kids, twice.Kids
	twice.More = map[string]*tree{"a": twice, "b": twice}
	for _, v := range []reflect.Value{reflect.ValueOf(*loop), reflect.ValueOf(*twice)} {
		shapeOfType(t, v.Type()).Clone(v)
	}
}

func unshared(t *testing.T, path string, a, b reflect.Value) {
	t.Helper()
	if a.Type() == timeType || opaque(a.Type()) {
		return
	}
	switch a.Kind() {
	case reflect.Pointer:
		if !a.IsNil() {
			if a.Pointer() == b.Pointer() && a.Type().Elem().Size() > 0 {
				t.Errorf("%s is shared", path)
			}
			unshared(t, path, a.Elem(), b.Elem())
		}
	case reflect.Slice, reflect.Array:
		if a.Kind() == reflect.Slice && a.Len() > 0 && a.Pointer() == b.Pointer() {
			t.Errorf("%s is shared", path)
		}
		for i := range a.Len() {
			unshared(t, path+"[]", a.Index(i), b.Index(i))
		}
	case reflect.Map:
		if !a.IsNil() && a.Pointer() == b.Pointer() {
			t.Errorf("%s is shared", path)
		}
		for k, elem := range a.Seq2() {
			unshared(t, path+"[]", elem, b.MapIndex(k))
		}
	case reflect.Struct:
		for i := range a.NumField() {
			unshared(t, path+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))
		}
	}
}

func shapeOfType(t *testing.T, typ reflect.Type) *Shape {
	t.Helper()
	s, err := Of(typ)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
