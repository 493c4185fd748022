package shape

import (
	"reflect"

	"github.com/keyturn/keyturn/codec"
)

// Clone returns a copy of v, of a type that Of accepts, that shares nothing
// with it of what Normalize changes. Types that marshal themselves are copied
// by assignment. Of what is more than Normalize lets pass, as what refers to
// itself is, the copy shares a part.
func Clone(v reflect.Value) reflect.Value {
	c := reflect.New(v.Type()).Elem()
	c.Set(v)
	left := codec.MaxEntries
	unshare(c, &left)
	return c
}

// unshare puts copies in place of what v, a copy by assignment, refers to, as
// long as any are left. Normalize counts an entry for each that is not empty.
func unshare(v reflect.Value, left *int) {
	t := v.Type()
	if t == timeType || opaque(t) {
		return
	}
	switch t.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && *left > 0 {
			*left--
			c := reflect.New(t.Elem())
			c.Elem().Set(v.Elem())
			unshare(c.Elem(), left)
			v.Set(c)
		}
	case reflect.Slice:
		if !v.IsNil() && *left > 0 {
			*left -= min(v.Len(), 1)
			c := reflect.MakeSlice(t, v.Len(), v.Len())
			reflect.Copy(c, v)
			v.Set(c)
			unshareAll(v, left)
		}
	case reflect.Array:
		unshareAll(v, left)
	case reflect.Map:
		if !v.IsNil() && *left > 0 {
			*left -= min(v.Len(), 1)
			c := reflect.MakeMapWithSize(t, v.Len())
			for key, elem := range v.Seq2() {
				e := reflect.New(t.Elem()).Elem()
				e.Set(elem)
				unshare(e, left)
				c.SetMapIndex(key, e)
			}
			v.Set(c)
		}
	case reflect.Struct:
		for i := range t.NumField() {
			unshare(v.Field(i), left) // one that is not exported is embedded, or has nothing to copy
		}
	}
}

func unshareAll(v reflect.Value, left *int) {
	for i := range v.Len() {
		unshare(v.Index(i), left)
	}
}
