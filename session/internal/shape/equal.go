package shape

import (
	"math"
	"reflect"
	"strconv"
	"time"
)

// Equal reports whether a and b, of one type that [Of] accepts, are the same to a
// session: nil and empty slices and maps are, -0 and 0 are not, and times are if they
// are the same instant in the same location. Values that marshal themselves are compared by
// their type's Equal method if it has one, else by all of their parts. Where they
// differ, path names the first place.
func Equal(a, b reflect.Value) (path string, ok bool) {
	if a.Type() != b.Type() {
		return rootName(a.Type()), false
	}
	var c comparison
	if f := c.compare(a, b); f != nil {
		return f.within(rootName(a.Type())).path, false
	}
	return "", true
}

type comparison struct {
	inside bool // of a type that marshals itself, where there may be any kind, and unexported fields
	seen   map[pair]bool
}

// A pair of pointers that were met, so that values within themselves end.
type pair struct {
	a, b uintptr
	t    reflect.Type
}

func (c *comparison) compare(a, b reflect.Value) *fault {
	t := a.Type()
	if t == timeType && a.CanInterface() {
		x, y := a.Interface().(time.Time), b.Interface().(time.Time)
		return c.differ(x.Equal(y) && (c.inside || x.Location() == y.Location()))
	}
	if !c.inside && opaque(t) {
		if same, ok := callEqual(a, b); ok {
			return c.differ(same)
		}
		parts := comparison{inside: true}
		return c.differ(parts.compare(a, b) == nil)
	}

	switch a.Kind() {
	case reflect.Bool:
		return c.differ(a.Bool() == b.Bool())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return c.differ(a.Int() == b.Int())
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return c.differ(a.Uint() == b.Uint())
	case reflect.Float32, reflect.Float64:
		return c.differ(sameFloat(a.Float(), b.Float()))
	case reflect.Complex64, reflect.Complex128:
		x, y := a.Complex(), b.Complex()
		return c.differ(sameFloat(real(x), real(y)) && sameFloat(imag(x), imag(y)))
	case reflect.String:
		return c.differ(a.String() == b.String())
	case reflect.Pointer, reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return c.differ(a.IsNil() && b.IsNil())
		}
		if a.Kind() == reflect.Pointer && (a.Pointer() == b.Pointer() || c.met(a, b)) {
			return nil
		}
		if a, b = a.Elem(), b.Elem(); a.Type() != b.Type() {
			return &fault{}
		}
		return c.compare(a, b)
	case reflect.Slice, reflect.Array:
		return c.compareLists(a, b)
	case reflect.Map:
		return c.compareTables(a, b)
	case reflect.Struct:
		for i := range a.NumField() {
			if t.Field(i).Name == "_" {
				continue
			}
			if f := c.compare(a.Field(i), b.Field(i)); f != nil {
				return f.within("." + t.Field(i).Name)
			}
		}
		return nil
	case reflect.Func:
		return c.differ(a.IsNil() && b.IsNil())
	}
	return c.differ(a.Pointer() == b.Pointer()) // a channel, an unsafe pointer
}

func (*comparison) differ(same bool) *fault {
	if same {
		return nil
	}
	return &fault{}
}

// sameFloat tells -0 from 0.
func sameFloat(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }

// met reports whether the pointers a and b are being compared already, or were.
func (c *comparison) met(a, b reflect.Value) bool {
	p := pair{a.Pointer(), b.Pointer(), a.Type()}
	if c.seen[p] {
		return true
	}
	if c.seen == nil {
		c.seen = make(map[pair]bool)
	}
	c.seen[p] = true
	return false
}

func (c *comparison) compareLists(a, b reflect.Value) *fault {
	if a.Len() != b.Len() {
		return &fault{}
	}
	for i := range a.Len() {
		if f := c.compare(a.Index(i), b.Index(i)); f != nil {
			return f.within("[" + strconv.Itoa(i) + "]")
		}
	}
	return nil
}

func (c *comparison) compareTables(a, b reflect.Value) *fault {
	if a.Len() != b.Len() {
		return &fault{}
	}
	for pairs := a.MapRange(); pairs.Next(); {
		other := b.MapIndex(pairs.Key())
		if !other.IsValid() {
			return &fault{}
		}
		if f := c.compare(pairs.Value(), other); f != nil {
			return f.within("[]")
		}
	}
	return nil
}

// callEqual compares a and b by the method Equal of their type, if it has one
// that takes its own type.
func callEqual(a, b reflect.Value) (same, ok bool) {
	t := a.Type()
	p := reflect.PointerTo(t)
	m, ok := p.MethodByName("Equal")
	if !ok || m.Type.NumIn() != 2 || m.Type.NumOut() != 1 || m.Type.Out(0).Kind() != reflect.Bool {
		return false, false
	}
	receiver, arg := reflect.New(t), reflect.New(t)
	receiver.Elem().Set(a)
	arg.Elem().Set(b)
	switch m.Type.In(1) {
	case t:
		arg = arg.Elem()
	case p:
	default:
		return false, false
	}
	return m.Func.Call([]reflect.Value{receiver, arg})[0].Bool(), true
}
