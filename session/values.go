package session

import (
	"iter"
	"maps"
	"time"

	"github.com/keyturn/keyturn/codec"
)

// Values is the dictionary form of a session: use it as the T of a Manager,
// and typed keys to read and write it.
//
//	const User session.Key[string] = "user"
//
//	name := User.Get(s.Data())
//	err := s.Update(func(v *session.Values) { User.Set(v, "tom") })
//
// What is set comes back as the same Go value through every codec, in
// whatever order codecs follow one another. What could not (a string that is
// not UTF-8, a NaN, a time outside of the years 1 to 9999, a Go type that is
// not one of the kinds of [Kind]) is refused by Update.
//
// A copy of a Values is independent of the original: setting a key changes
// only the one it is set in. The zero value is empty and ready to use.
type Values struct {
	m map[string]any // never modified once it is here
}

// Len returns the number of keys.
func (v Values) Len() int { return len(v.m) }

// Names returns the names of the keys that are set, in no particular order.
func (v Values) Names() iter.Seq[string] { return maps.Keys(v.m) }

// Has reports whether the key of this name is set, to whatever kind of value.
func (v Values) Has(name string) bool {
	_, ok := v.m[name]
	return ok
}

// Clear removes every key.
func (v *Values) Clear() { v.m = nil }

// tree returns the values as a codec takes them.
func (v Values) tree() map[string]any {
	if v.m == nil {
		return map[string]any{}
	}
	return v.m
}

func (v *Values) set(name string, x any) {
	m := make(map[string]any, len(v.m)+1)
	maps.Copy(m, v.m)
	m[name] = x
	v.m = m
}

func (v *Values) delete(name string) {
	m := maps.Clone(v.m)
	delete(m, name)
	v.m = m
}

// Kind is the kinds of values that a Values can hold. An int is not one:
// codecs carry integers and not Go's types, and it would come back as an
// int64. In a []any and in a map[string]any each element must be one of these
// kinds again, or nil, as it is: an int is refused, an int64 is not.
type Kind interface {
	bool | string | int64 | float64 | []byte | time.Time | []any | map[string]any
}

// A Key is the name of a value in a [Values], and says of which kind it is.
// Keys are best declared as constants:
//
//	const Seen session.Key[time.Time] = "seen"
type Key[V Kind] string

// Lookup returns the value of k in v, and whether v has one of the kind V.
// The value is the caller's: changing it changes nothing in v.
func (k Key[V]) Lookup(v Values) (V, bool) {
	e := v.m[string(k)]
	switch e.(type) {
	case []byte, []any, map[string]any:
		e = clone(e)
	}
	x, ok := e.(V)
	return x, ok
}

// Get returns the value of k in v, or the zero V if v has none of that kind.
func (k Key[V]) Get(v Values) V {
	x, _ := k.Lookup(v)
	return x
}

// Set sets k in v to a copy of x. A time is kept as the instant, in UTC, to
// the nanosecond; a nil slice or map as an empty one.
func (k Key[V]) Set(v *Values, x V) { v.set(string(k), clone(x)) }

// Delete removes k from v.
func (k Key[V]) Delete(v *Values) { v.delete(string(k)) }

// Pop removes k from v and returns what Lookup would have.
// A message for the next page only is one that is popped where it is shown.
func (k Key[V]) Pop(v *Values) (V, bool) {
	x, ok := k.Lookup(*v)
	k.Delete(v)
	return x, ok
}

// GetIn returns the value of k in the session s, or the zero V: Get on the
// session's data.
func (k Key[V]) GetIn(s *Session[Values]) V { return k.Get(s.Data()) }

// SetIn sets k in the session s: an Update of this one change. It encodes all
// of the data, as each Update does: make several changes in one.
func (k Key[V]) SetIn(s *Session[Values], x V) error {
	return s.Update(func(v *Values) { k.Set(v, x) })
}

// DeleteIn removes k from the session s: an Update of this one change, as in
// SetIn.
func (k Key[V]) DeleteIn(s *Session[Values]) error {
	return s.Update(func(v *Values) { k.Delete(v) })
}

// PopIn pops k from the session s: an Update of this one change, as in SetIn.
// Without the change there is no value: an error comes with the zero V and
// false.
func (k Key[V]) PopIn(s *Session[Values]) (V, bool, error) {
	var x V
	var ok bool
	if err := s.Update(func(v *Values) { x, ok = k.Pop(v) }); err != nil {
		var zero V
		return zero, false, err
	}
	return x, ok, nil
}

// clone returns a copy of x that shares nothing with it. What is larger than
// any codec takes, as what contains itself is, is cut short here, and refused
// by the codec later.
func clone(x any) any {
	left := codec.MaxEntries
	return cloneWithin(x, &left)
}

func cloneWithin(x any, left *int) any {
	switch x := x.(type) {
	case time.Time:
		return x.UTC() // without a monotonic part
	case []byte:
		return append([]byte{}, x...)
	case []any:
		if *left -= len(x); *left < 0 {
			return unencodable{}
		}
		c := make([]any, len(x))
		for i := range x {
			c[i] = cloneWithin(x[i], left)
		}
		return c
	case map[string]any:
		if *left -= len(x); *left < 0 {
			return unencodable{}
		}
		c := make(map[string]any, len(x))
		for k, e := range x {
			c[k] = cloneWithin(e, left)
		}
		return c
	}
	return x
}

// unencodable is of no kind that a codec takes.
type unencodable struct{}
