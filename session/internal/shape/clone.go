package shape

import (
	"reflect"

	"github.com/keyturn/keyturn/codec"
)

// Clone returns a copy of v, a T, that shares nothing with it of what Normalize
// changes. Types that marshal themselves are copied by assignment. Of what is more
// than Normalize lets pass, as what refers to itself is, the copy shares a part.
func (s *Shape) Clone(v reflect.Value) reflect.Value {
	c := reflect.New(s.typ).Elem()
	c.Set(v)
	if s.refers != nil {
		left := codec.MaxEntries
		s.refers.unshare(c, &left)
	}
	return c
}

// A reference is the plan for a type of which a copy by assignment shares memory
// with the original. A type of which it does not has none.
type reference struct {
	kind   reflect.Kind
	elem   *reference // of what a pointer, slice, array or map refers to
	fields []fieldReference
}

type fieldReference struct {
	index int
	*reference
}

// referenceOf returns the plan for t. Types in begun are in the making: they may
// contain themselves.
func referenceOf(t reflect.Type, begun map[reflect.Type]*reference) *reference {
	if r, ok := begun[t]; ok {
		return r
	}
	if t == timeType || opaque(t) || !indirections(t) {
		return nil
	}
	r := &reference{kind: t.Kind()}
	begun[t] = r
	if r.kind != reflect.Struct {
		r.elem = referenceOf(t.Elem(), begun)
		return r
	}
	for i := range t.NumField() {
		// A field that is not exported is embedded, or has nothing to copy.
		if f := referenceOf(t.Field(i).Type, begun); f != nil {
			r.fields = append(r.fields, fieldReference{i, f})
		}
	}
	return r
}

// unshare puts copies in place of what v, a copy by assignment, refers to, as
// long as any are left. Normalize counts an entry for each that is not empty.
func (r *reference) unshare(v reflect.Value, left *int) {
	switch r.kind {
	case reflect.Pointer:
		if !v.IsNil() && *left > 0 {
			*left--
			c := reflect.New(v.Type().Elem())
			c.Elem().Set(v.Elem())
			if r.elem != nil {
				r.elem.unshare(c.Elem(), left)
			}
			v.Set(c)
		}
	case reflect.Slice:
		if !v.IsNil() && *left > 0 {
			*left -= min(v.Len(), 1)
			c := reflect.MakeSlice(v.Type(), v.Len(), v.Len())
			reflect.Copy(c, v)
			v.Set(c)
			r.unshareAll(v, left)
		}
	case reflect.Array:
		r.unshareAll(v, left)
	case reflect.Map:
		if !v.IsNil() && *left > 0 {
			*left -= min(v.Len(), 1)
			c := reflect.MakeMapWithSize(v.Type(), v.Len())
			for key, elem := range v.Seq2() {
				if r.elem != nil {
					e := reflect.New(v.Type().Elem()).Elem()
					e.Set(elem)
					r.elem.unshare(e, left)
					elem = e
				}
				c.SetMapIndex(key, elem)
			}
			v.Set(c)
		}
	case reflect.Struct:
		for _, f := range r.fields {
			f.unshare(v.Field(f.index), left)
		}
	}
}

func (r *reference) unshareAll(v reflect.Value, left *int) {
	if r.elem == nil {
		return
	}
	for i := range v.Len() {
		r.elem.unshare(v.Index(i), left)
	}
}
