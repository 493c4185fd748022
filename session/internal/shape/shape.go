// Package shape says whether a Go type can be carried in a session, and keeps
// its values within what every codec carries.
//
// A session outlives the codec it was first written with. So a type is accepted
// only if every codec gives back what was put in, judged by what the type says
// ([Of]) and by a trial ([Shape.RoundTrip]); and a value is written only if every
// codec can write it ([Shape.Normalize]).
//
// What a type may be made of is for package codec to say. A session asks for more:
// it is a struct, or a map with string keys, in which no field is left out by the
// name "-", or by omitzero with a value that is not the zero value. Equality is up
// to nil against empty.
//
// Errors begin with the path of a field and never contain a value, so that they
// can be logged. Package session puts its own name before them.
package shape

import (
	"errors"
	"reflect"
)

// A Shape is what is known of one type that a session can carry.
// It is immutable and safe for concurrent use.
type Shape struct {
	typ    reflect.Type // a struct or a map with string keys
	ptr    reflect.Type // to typ
	name   string       // with which paths begin
	root   *node
	refers *reference      // nil if a copy by assignment shares nothing
	names  map[string]bool // of top-level members; nil for a map
	flat   bool
	opaque bool
	times  bool // there are times in T
}

// Of returns the shape of t, or an error that names every field that cannot be
// carried, by [errors.Join].
//
// A field of a type that occurs in several places is named once.
func Of(t reflect.Type) (*Shape, error) {
	c := compiler{
		shape: &Shape{typ: t, ptr: reflect.PointerTo(t), name: rootName(t), flat: true},
		nodes: make(map[reflect.Type]*node),
	}
	c.root(t)
	if len(c.errs) > 0 {
		return nil, errors.Join(c.errs...)
	}
	c.shape.refers = referenceOf(t, make(map[reflect.Type]*reference))
	return c.shape, nil
}

// Flat reports whether a copy by assignment shares nothing with the original
// that either could change.
func (s *Shape) Flat() bool { return s.flat }

// Opaque reports whether the type contains types that marshal themselves. What
// they write may not be what they read: only decoding what was encoded, and
// [Equal], can tell whether a value of theirs is carried.
func (s *Shape) Opaque() bool { return s.opaque }

// Changes reports whether there is anything in a T that Normalize may change. If
// not, it only refuses what each of the codecs would.
func (s *Shape) Changes() bool { return s.times || s.typ.Kind() == reflect.Map }

// Known reports whether name is that of a top-level member of an encoded value.
// A map has every name.
func (s *Shape) Known(name string) bool {
	return s.names == nil || s.names[name]
}

// rootName is how paths call t.
func rootName(t reflect.Type) string {
	if t.Name() == "" {
		return "T"
	}
	return t.Name()
}
