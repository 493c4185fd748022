package shape

import "reflect"

// Clone returns a copy of v, of a type that Of accepts, that shares nothing
// with it of what Normalize changes. Types that marshal themselves are copied
// by assignment.
func Clone(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	clone(c, v, 0)
	return c
}

// maxClone is deeper than anything that Normalize lets pass.
const maxClone = 100

func clone(dst, src reflect.Value, depth int) {
	dst.Set(src)
	t := src.Type()
	if depth > maxClone || t == timeType || opaque(t) {
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		if !src.IsNil() {
			dst.Set(reflect.New(t.Elem()))
			clone(dst.Elem(), src.Elem(), depth+1)
		}
	case reflect.Slice:
		if !src.IsNil() {
			dst.Set(reflect.MakeSlice(t, src.Len(), src.Len()))
			for i := range src.Len() {
				clone(dst.Index(i), src.Index(i), depth+1)
			}
		}
	case reflect.Array:
		for i := range src.Len() {
			clone(dst.Index(i), src.Index(i), depth+1)
		}
	case reflect.Map:
		if !src.IsNil() {
			dst.Set(reflect.MakeMapWithSize(t, src.Len()))
			for k, e := range src.Seq2() {
				c := reflect.New(t.Elem()).Elem()
				clone(c, e, depth+1)
				dst.SetMapIndex(k, c)
			}
		}
	case reflect.Struct:
		for i := range t.NumField() {
			if t.Field(i).IsExported() {
				clone(dst.Field(i), src.Field(i), depth+1)
			}
		}
	}
}
