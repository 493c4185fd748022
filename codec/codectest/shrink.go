package codectest

import (
	"iter"
	"math"
	"reflect"
	"time"
)

// maxTries bounds how often smallest tries a value.
const maxTries = 3000

// smallest makes v smaller, step by step, for as long as fails reports true, and
// returns the last value of which it did. It does not change v.
//
// It never makes of v what codecs refuse, or carry as something else: text stays
// UTF-8, numbers stay finite, and with the option omitempty in mind the slices and
// maps of a struct become nil, not empty. A map of kinds of Values stays one, since
// what it holds is of other promises outside of it.
func smallest(v any, fails func(any) bool) any {
	tries := 0
	for {
		smaller, found := v, false
		for candidate := range simpler(reflect.ValueOf(&v).Elem()) {
			x := candidate.Interface()
			if kindsOfValues(v) && !kindsOfValues(x) {
				continue
			}
			if tries++; tries > maxTries {
				return v
			}
			if fails(x) {
				smaller, found = x, true
				break
			}
		}
		if !found {
			return v
		}
		v = smaller
	}
}

func kindsOfValues(v any) bool {
	_, ok := v.(map[string]any)
	return ok
}

// simpler returns values of v's type that are one step simpler, the simplest first.
// In an interface the type may become another: a struct that has only one of the fields.
func simpler(v reflect.Value) iter.Seq[reflect.Value] {
	return func(yield func(reflect.Value) bool) {
		if v.Type() == timeType {
			simplerTimes(v, yield)
			return
		}
		switch v.Kind() {
		case reflect.Interface:
			simplerInInterface(v, yield)
		case reflect.Pointer:
			simplerPointers(v, yield)
		case reflect.Struct:
			simplerStructs(v, yield)
		case reflect.Map:
			simplerMaps(v, yield)
		case reflect.Slice:
			simplerSlices(v, yield)
		case reflect.Array:
			simplerElements(v, yield)
		case reflect.String:
			simplerTexts(v, yield)
		case reflect.Bool:
			if v.Bool() {
				yield(reflect.Zero(v.Type()))
			}
		default:
			simplerNumbers(v, yield)
		}
	}
}

func simplerTimes(v reflect.Value, yield func(reflect.Value) bool) {
	t := v.Interface().(time.Time)
	if t.IsZero() {
		return
	}
	for _, simple := range []time.Time{{}, time.Unix(0, 0).UTC(), t.Truncate(time.Second)} {
		if !t.Equal(simple) && !yield(reflect.ValueOf(simple)) {
			return
		}
	}
}

func simplerInInterface(v reflect.Value, yield func(reflect.Value) bool) {
	if v.IsNil() {
		return
	}
	x := v.Elem()
	// What is nil in an interface comes back empty, so that empty is simpler here.
	switch {
	case x.Kind() == reflect.Slice && x.Len() > 0:
		if !yield(reflect.MakeSlice(x.Type(), 0, 0)) {
			return
		}
	case x.Kind() == reflect.Map && x.Len() > 0:
		if !yield(reflect.MakeMap(x.Type())) {
			return
		}
	case x.Kind() == reflect.Struct && x.Type() != timeType:
		for i := range x.NumField() {
			f := x.Type().Field(i)
			if x.NumField() == 1 || !f.IsExported() || f.Anonymous {
				continue
			}
			one := reflect.New(reflect.StructOf([]reflect.StructField{f})).Elem()
			one.Field(0).Set(x.Field(i))
			if !yield(one) {
				return
			}
		}
	}
	for part := range parts(x) {
		if !yield(part) {
			return
		}
	}
	for s := range simpler(x) {
		if isNil(s) {
			continue
		}
		if !yield(s) {
			return
		}
	}
}

// parts returns the values in an array or map of kinds of Values.
func parts(v reflect.Value) iter.Seq[reflect.Value] {
	return func(yield func(reflect.Value) bool) {
		switch x := v.Interface().(type) {
		case []any:
			for _, part := range x {
				if part != nil && !yield(reflect.ValueOf(part)) {
					return
				}
			}
		case map[string]any:
			for _, key := range sortedKeys(v) {
				if part := x[key.String()]; part != nil && !yield(reflect.ValueOf(part)) {
					return
				}
			}
		}
	}
}

func isNil(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.Pointer:
		return v.IsNil()
	}
	return false
}

func simplerPointers(v reflect.Value, yield func(reflect.Value) bool) {
	if v.IsNil() || !yield(reflect.Zero(v.Type())) {
		return
	}
	for s := range simpler(v.Elem()) {
		p := reflect.New(v.Type().Elem())
		p.Elem().Set(s)
		if !yield(p) {
			return
		}
	}
}

func simplerStructs(v reflect.Value, yield func(reflect.Value) bool) {
	if !v.IsZero() && !yield(reflect.Zero(v.Type())) {
		return
	}
	for i := range v.NumField() {
		if f := v.Type().Field(i); !f.IsExported() && !f.Anonymous {
			continue
		}
		for s := range simpler(v.Field(i)) {
			one := changed(v)
			if !setField(one.Field(i), s) {
				break
			}
			if !yield(one) {
				return
			}
		}
	}
}

// setField sets an exported field, or the exported fields of an embedded struct.
func setField(field, to reflect.Value) bool {
	if field.CanSet() {
		field.Set(to)
		return true
	}
	if field.Kind() != reflect.Struct {
		return false
	}
	for i := range field.NumField() {
		if !setField(field.Field(i), to.Field(i)) {
			return false
		}
	}
	return true
}

// changed returns a copy of v that can be changed.
func changed(v reflect.Value) reflect.Value {
	one := reflect.New(v.Type()).Elem()
	if v.CanInterface() {
		one.Set(v)
		return one
	}
	for i := range v.NumField() { // v is embedded, and its type has no exported name
		setField(one.Field(i), v.Field(i))
	}
	return one
}

func simplerMaps(v reflect.Value, yield func(reflect.Value) bool) {
	if v.Len() == 0 || !yield(reflect.Zero(v.Type())) {
		return
	}
	keys := sortedKeys(v)
	only := func(keys []reflect.Value) reflect.Value {
		m := reflect.MakeMap(v.Type())
		for _, key := range keys {
			m.SetMapIndex(key, v.MapIndex(key))
		}
		return m
	}
	if half := len(keys) / 2; half > 0 && (!yield(only(keys[:half])) || !yield(only(keys[half:]))) {
		return
	}
	for _, key := range keys {
		rest := only(keys)
		rest.SetMapIndex(key, reflect.Value{})
		if len(keys) > 1 && !yield(rest) {
			return
		}
		for s := range simpler(v.MapIndex(key)) {
			m := only(keys)
			m.SetMapIndex(key, s)
			if !yield(m) {
				return
			}
		}
		for s := range simplerKeys(key) {
			if v.MapIndex(s).IsValid() {
				continue
			}
			m := only(keys)
			m.SetMapIndex(key, reflect.Value{})
			m.SetMapIndex(s, v.MapIndex(key))
			if !yield(m) {
				return
			}
		}
	}
}

// simplerKeys returns simpler keys. The simplest name is v: an empty one is rather special.
func simplerKeys(key reflect.Value) iter.Seq[reflect.Value] {
	if key.Kind() != reflect.String {
		return simpler(key)
	}
	return func(yield func(reflect.Value) bool) {
		if key.String() == "v" || !yield(reflect.ValueOf("v").Convert(key.Type())) {
			return
		}
		for s := range simpler(key) {
			if !s.IsZero() && !yield(s) {
				return
			}
		}
	}
}

func simplerSlices(v reflect.Value, yield func(reflect.Value) bool) {
	n := v.Len()
	if n == 0 || !yield(reflect.Zero(v.Type())) {
		return
	}
	for size := n / 2; size > 0; size /= 2 {
		for from := 0; from+size <= n; from += size {
			rest := reflect.MakeSlice(v.Type(), 0, n)
			rest = reflect.AppendSlice(reflect.AppendSlice(rest, v.Slice(0, from)), v.Slice(from+size, n))
			if !yield(rest) {
				return
			}
		}
	}
	simplerElements(v, yield)
}

func simplerElements(v reflect.Value, yield func(reflect.Value) bool) {
	for i := range v.Len() {
		for s := range simpler(v.Index(i)) {
			one := reflect.New(v.Type()).Elem()
			if v.Kind() == reflect.Slice {
				one.Set(reflect.MakeSlice(v.Type(), v.Len(), v.Len()))
			}
			reflect.Copy(one, v)
			one.Index(i).Set(s)
			if !yield(one) {
				return
			}
		}
	}
}

func simplerTexts(v reflect.Value, yield func(reflect.Value) bool) {
	for s := range simpler(reflect.ValueOf([]rune(v.String()))) {
		text := reflect.ValueOf(string(s.Interface().([]rune))).Convert(v.Type())
		if text.Len() < v.Len() && !yield(text) {
			return
		}
	}
}

func simplerNumbers(v reflect.Value, yield func(reflect.Value) bool) {
	number := reflect.New(v.Type()).Elem()
	switch {
	case v.CanInt():
		for d := v.Int(); d != 0; d /= 2 {
			number.SetInt(v.Int() - d)
			if !yield(number) {
				return
			}
		}
	case v.CanUint():
		for d := v.Uint(); d != 0; d /= 2 {
			number.SetUint(v.Uint() - d)
			if !yield(number) {
				return
			}
		}
	case v.CanFloat():
		f := v.Float()
		for _, simple := range []float64{0, 1, math.Trunc(f)} {
			if math.Abs(simple) >= math.Abs(f) && (simple != 0 || !math.Signbit(f)) {
				continue
			}
			number.SetFloat(simple)
			if !yield(number) {
				return
			}
		}
	}
}
