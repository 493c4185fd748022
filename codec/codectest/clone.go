package codectest

import "reflect"

// clone returns a copy of v that shares no slice, map or pointer with it. Fields
// without an exported name are copied as they are.
func clone[T any](v T) T {
	var out T
	cloneInto(reflect.ValueOf(&out).Elem(), reflect.ValueOf(&v).Elem())
	return out
}

// cloneInto sets out, which is of v's type.
func cloneInto(out, v reflect.Value) {
	if isNil(v) || v.Type() == timeType {
		out.Set(v)
		return
	}
	switch v.Kind() {
	case reflect.Interface:
		if v.IsNil() {
			return
		}
		x := reflect.New(v.Elem().Type()).Elem()
		cloneInto(x, v.Elem())
		out.Set(x)
	case reflect.Pointer:
		out.Set(reflect.New(v.Type().Elem()))
		cloneInto(out.Elem(), v.Elem())
	case reflect.Struct:
		if v.CanInterface() {
			out.Set(v)
		}
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() || f.Anonymous {
				cloneInto(out.Field(i), v.Field(i))
			}
		}
	case reflect.Slice:
		out.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
		cloneElements(out, v)
	case reflect.Array:
		cloneElements(out, v)
	case reflect.Map:
		out.Set(reflect.MakeMapWithSize(v.Type(), v.Len()))
		for key, x := range v.Seq2() {
			element := reflect.New(v.Type().Elem()).Elem()
			cloneInto(element, x)
			out.SetMapIndex(key, element)
		}
	default:
		out.Set(v)
	}
}

func cloneElements(out, v reflect.Value) {
	for i := range v.Len() {
		cloneInto(out.Index(i), v.Index(i))
	}
}
