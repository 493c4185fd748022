package codectest

import (
	"fmt"
	"math"
	"reflect"
	"time"
)

// difference says where want and got first differ, and how.
// It is empty where reflect finds no difference.
func difference(want, got any) string {
	return comparison{}.differ("", reflect.ValueOf(want), reflect.ValueOf(got))
}

// looseDifference is difference for values of the caller's own, of which no more than
// codecs promise can be asked: empty slices and maps are like nil, times are instants,
// what is carried as text has the same text, and fields that are not carried do not count.
func looseDifference(want, got any) string {
	return comparison{loose: true}.differ("", reflect.ValueOf(want), reflect.ValueOf(got))
}

type comparison struct{ loose bool }

func (c comparison) differ(path string, want, got reflect.Value) string {
	for want.IsValid() && want.Kind() == reflect.Interface {
		want = want.Elem()
	}
	for got.IsValid() && got.Kind() == reflect.Interface {
		got = got.Elem()
	}
	if !want.IsValid() && !got.IsValid() {
		return ""
	}
	if !want.IsValid() || !got.IsValid() || want.Type() != got.Type() {
		return became(path, want, got)
	}
	if want.Type() == timeType {
		if want.CanInterface() && !c.sameTime(want.Interface().(time.Time), got.Interface().(time.Time)) {
			return became(path, want, got)
		}
		return ""
	}
	if c.loose {
		if a, b, ok := texts(want, got); ok {
			return differInText(path, reflect.ValueOf(a), reflect.ValueOf(b))
		}
	}
	switch want.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		if want.IsNil() != got.IsNil() && !(c.loose && want.Kind() != reflect.Pointer) {
			return became(path, want, got)
		}
	}
	switch want.Kind() {
	case reflect.Pointer:
		return c.differ(path, want.Elem(), got.Elem())
	case reflect.Struct:
		for i := range want.NumField() {
			f := want.Type().Field(i)
			if c.loose && (!f.IsExported() && !f.Anonymous || f.Tag.Get("json") == "-") {
				continue
			}
			if d := c.differ(path+"."+f.Name, want.Field(i), got.Field(i)); d != "" {
				return d
			}
		}
		return ""
	case reflect.Slice, reflect.Array:
		return c.differInElements(path, want, got)
	case reflect.Map:
		return c.differInMembers(path, want, got)
	case reflect.String:
		return differInText(path, want, got)
	case reflect.Float32, reflect.Float64:
		if math.Float64bits(want.Float()) != math.Float64bits(got.Float()) {
			return became(path, want, got)
		}
		return ""
	}
	if want.Comparable() && !want.Equal(got) {
		return became(path, want, got)
	}
	return ""
}

func (c comparison) sameTime(a, b time.Time) bool {
	return c.loose && a.Equal(b) || reflect.DeepEqual(a, b)
}

// texts returns what values of a type that is carried as text are on the wire.
func texts(a, b reflect.Value) (textA, textB string, ok bool) {
	if !reflect.PointerTo(a.Type()).Implements(reflect.TypeFor[textual]()) || !a.CanInterface() || a.Kind() == reflect.Pointer {
		return "", "", false
	}
	textA, errA := textOf(a)
	textB, errB := textOf(b)
	return textA, textB, errA == nil && errB == nil
}

func textOf(v reflect.Value) (string, error) {
	p := reflect.New(v.Type()) // whose methods may be those of the pointer
	p.Elem().Set(v)
	text, err := p.Interface().(textual).MarshalText()
	return string(text), err
}

func (c comparison) differInElements(path string, want, got reflect.Value) string {
	for i := range min(want.Len(), got.Len()) {
		if d := c.differ(fmt.Sprintf("%s[%d]", path, i), want.Index(i), got.Index(i)); d != "" {
			return d
		}
	}
	if want.Len() != got.Len() {
		return fmt.Sprintf("%s: %d elements became %d", place(path), want.Len(), got.Len())
	}
	return ""
}

func (c comparison) differInMembers(path string, want, got reflect.Value) string {
	for _, key := range sortedKeys(want) {
		at := path + "[" + printed(key, false) + "]"
		if !got.MapIndex(key).IsValid() {
			return at + " is missing"
		}
		if d := c.differ(at, want.MapIndex(key), got.MapIndex(key)); d != "" {
			return d
		}
	}
	for _, key := range sortedKeys(got) {
		if !want.MapIndex(key).IsValid() {
			return fmt.Sprintf("%s[%s] is there, as %s", path, printed(key, false), printed(got.MapIndex(key), true))
		}
	}
	return ""
}

// differInText shows long texts from where they begin to differ.
func differInText(path string, want, got reflect.Value) string {
	a, b := want.String(), got.String()
	if a == b {
		return ""
	}
	if len(a) <= maxText && len(b) <= maxText {
		return became(path, want, got)
	}
	i := 0
	for i < min(len(a), len(b)) && a[i] == b[i] {
		i++
	}
	return became(fmt.Sprintf("%s[%d:]", path, i), reflect.ValueOf(a[i:]), reflect.ValueOf(b[i:]))
}

func became(path string, want, got reflect.Value) string {
	return fmt.Sprintf("%s: %s became %s", place(path), printed(want, true), printed(got, true))
}

func place(path string) string {
	if path == "" {
		return "the value"
	}
	return path
}

func printed(v reflect.Value, typed bool) string {
	var p printer
	p.value(v, typed)
	return p.String()
}
