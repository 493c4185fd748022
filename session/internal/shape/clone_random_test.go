package shape

import (
	"reflect"
	"testing"
	"time"
)

type lentCopies struct {
	Bytes []byte
	Names map[string][]string
}

type copies struct {
	lentCopies
	Kids  []copies
	By    map[string]*copies
	Pair  [2][]int
	Deep  *[]map[int8]*[2][]byte
	Many  [][][]string
	When  []*time.Time
	Maps  map[string]map[string]struct{ P *int }
	Plain [3]struct{ A, B int }
	_     int
}

// scramble changes whatever v refers to, without replacing what v itself holds.
func scramble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			scramble(v.Elem())
			v.Elem().SetZero()
		}
	case reflect.Slice:
		for i := range v.Len() {
			scramble(v.Index(i))
			v.Index(i).SetZero()
		}
	case reflect.Array:
		for i := range v.Len() {
			scramble(v.Index(i))
		}
	case reflect.Map:
		for k, e := range v.Seq2() {
			scramble(e)
			v.SetMapIndex(k, reflect.Value{})
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type() != timeType && v.Type().Field(i).Name != "_" {
				scramble(v.Field(i))
			}
		}
	}
}

// Nothing that a copy refers to is the original's, at any depth of types that contain
// themselves, of embedded ones and of those without a name.
func TestWhatACopyRefersToIsNotTheOriginals(t *testing.T) {
	s, err := Of(reflect.TypeFor[copies]())
	if err != nil {
		t.Fatal(err)
	}
	v, same := s.Filled(), s.Filled()
	if len(v.Interface().(copies).By) == 0 || len(v.Interface().(copies).Bytes) == 0 {
		t.Fatal("not filled")
	}
	c := s.Clone(v)
	if path, ok := Equal(v, c); !ok {
		t.Fatalf("the copy differs at %s", path)
	}
	scramble(c)
	if path, ok := Equal(v, same); !ok {
		t.Errorf("what was done to the copy is in the original at %s", path)
	}
}
