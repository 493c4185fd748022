package shape

import "reflect"

// Clone returns a copy of v, of a type that Of accepts, that shares nothing
// with it of what Normalize changes. Types that marshal themselves are copied
// by assignment.
func Clone(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	unshare(c, 0)
	return c
}

// maxClone is deeper than anything that Normalize lets pass.
const maxClone = 100

// unshare puts copies in place of what v, a copy by assignment, refers to.
func unshare(v reflect.Value, depth int) {
	t := v.Type()
	if depth > maxClone || t == timeType || opaque(t) {
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			c := reflect.New(t.Elem())
			c.Elem().Set(v.Elem())
			unshare(c.Elem(), depth+1)
			v.Set(c)
		}
	case reflect.Slice:
		if !v.IsNil() {
			c := reflect.MakeSlice(t, v.Len(), v.Len())
			reflect.Copy(c, v)
			v.Set(c)
			unshareAll(v, depth)
		}
	case reflect.Array:
		unshareAll(v, depth)
	case reflect.Map:
		if !v.IsNil() {
			c := reflect.MakeMapWithSize(t, v.Len())
			for key, elem := range v.Seq2() {
				e := reflect.New(t.Elem()).Elem()
				e.Set(elem)
				unshare(e, depth+1)
				c.SetMapIndex(key, e)
			}
			v.Set(c)
		}
	case reflect.Struct:
		for i := range t.NumField() {
			unshare(v.Field(i), depth+1) // one that is not exported is embedded, or has nothing to copy
		}
	}
}

func unshareAll(v reflect.Value, depth int) {
	for i := range v.Len() {
		unshare(v.Index(i), depth+1)
	}
}
