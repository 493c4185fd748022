package shape

import (
	"math"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/keyturn/keyturn/codec"
)

// A fault is what is wrong at a path. The path is put together only once there
// is a fault, on the way back to the root.
type fault struct{ path, reason string }

func (f *fault) within(path string) *fault {
	f.path = path + f.path
	return f
}

func (f *fault) Error() string { return f.path + ": " + f.reason }

// Instants of the years 1 to 9999, which is what RFC 3339 can write.
var (
	earliest = time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC).Unix()
	latest   = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
)

// A walk is one pass over a value.
type walk struct {
	depth   int // nesting levels above
	entries int // at most as many as the codecs will count
	changed int // times that were not normal
}

// Normalize brings the value that p points to, a *T, into the form in which it
// comes back from every codec: times become instants in UTC without a monotonic
// part, and a nil map T becomes an empty one. What p's value refers to is changed
// too, where it has to be.
//
// It returns an error that names the path if a part of the value cannot be
// carried: strings and keys that are not valid UTF-8, floats that are not finite,
// times outside of the years 1 to 9999, and what nests or counts beyond
// [codec.MaxDepth] or [codec.MaxEntries], as what refers to itself does. The value
// may then be normal in part. Types that marshal themselves are not looked into.
//
// It panics if p is not a *T. It does not allocate unless there is an error or a
// map whose keys or values need a check.
func (s *Shape) Normalize(p any) error {
	v := reflect.ValueOf(p)
	if v.Type() != s.ptr {
		panic("shape: Normalize of " + v.Type().String() + ", not of " + s.ptr.String())
	}
	v = v.Elem()
	if v.Kind() == reflect.Map && v.IsNil() {
		v.Set(reflect.MakeMap(s.typ))
	}
	var w walk
	if f := s.root.walk(v, &w); f != nil {
		return f.within(s.name)
	}
	return nil
}

// walk checks and normalizes v. It is addressable.
func (n *node) walk(v reflect.Value, w *walk) *fault {
	switch n.op {
	case text:
		if !utf8.ValidString(v.String()) {
			return &fault{reason: "not valid UTF-8"}
		}
	case float:
		if f := v.Float(); math.IsNaN(f) || math.IsInf(f, 0) {
			return &fault{reason: "not a finite number"}
		}
	case instant:
		p := v.Addr().Interface().(*time.Time)
		t := p.UTC() // without a monotonic part
		if s := t.Unix(); s < earliest || s > latest {
			return &fault{reason: "a time outside of the years 1 to 9999"}
		}
		if t != *p { // else leave it alone: others may be reading it
			*p = t
			w.changed++
		}
	case pointer:
		if v.IsNil() {
			return nil
		}
		if w.entries++; w.entries > codec.MaxEntries {
			return tooMany()
		}
		return n.elem.walk(v.Elem(), w)
	case list:
		return n.walkList(v, w)
	case table:
		return n.walkTable(v, w)
	case record:
		if w.depth == codec.MaxDepth {
			return tooDeep(v)
		}
		w.depth++
		f := n.walkFields(v, w)
		w.depth--
		return f
	}
	return nil
}

func (n *node) walkFields(v reflect.Value, w *walk) *fault {
	for i := range n.fields {
		var bad *fault
		f := &n.fields[i]
		switch {
		case f.op == text: // the most frequent, without a call
			if !utf8.ValidString(v.Field(f.index).String()) {
				bad = &fault{reason: "not valid UTF-8"}
			}
		case f.embedded:
			bad = f.walkFields(v.Field(f.index), w)
		default:
			bad = f.walk(v.Field(f.index), w)
		}
		if bad != nil {
			return bad.within("." + f.name)
		}
	}
	return nil
}

// enter counts the elements of a list or a table, unless they are pointers, which
// count themselves. The caller leaves the level that it enters, or fails.
func (n *node) enter(length int, w *walk) *fault {
	if n.elem.op != pointer {
		w.entries += length
	}
	if w.entries > codec.MaxEntries {
		return tooMany()
	}
	w.depth++
	return nil
}

func (n *node) walkList(v reflect.Value, w *walk) *fault {
	switch {
	case v.Len() == 0:
		return nil
	case w.depth == codec.MaxDepth:
		return tooDeep(v)
	}
	if f := n.enter(v.Len(), w); f != nil {
		return f
	}
	for i := range v.Len() {
		if f := n.elem.walk(v.Index(i), w); f != nil {
			return f.within("[" + strconv.Itoa(i) + "]")
		}
	}
	w.depth--
	return nil
}

func (n *node) walkTable(v reflect.Value, w *walk) *fault {
	switch {
	case v.Len() == 0:
		return nil
	case w.depth == codec.MaxDepth:
		return tooDeep(v)
	}
	if f := n.enter(v.Len(), w); f != nil {
		return f
	}
	var value reflect.Value // an addressable copy of a map's value
	if n.elem.op != fine {
		value = reflect.New(v.Type().Elem()).Elem()
	}
	for pairs := v.MapRange(); pairs.Next(); {
		if n.texts && !utf8.ValidString(pairs.Key().String()) {
			return &fault{path: "[]", reason: "a key that is not valid UTF-8"}
		}
		if n.elem.op == fine {
			continue
		}
		value.SetIterValue(pairs)
		changed := w.changed
		if f := n.elem.walk(value, w); f != nil {
			return f.within("[]")
		}
		if w.changed != changed {
			v.SetMapIndex(pairs.Key(), value)
		}
	}
	w.depth--
	return nil
}

// tooDeep refuses v, for which there is no level left. A zero value passes: it may
// be one that is left out, or written as a null, which takes none.
func tooDeep(v reflect.Value) *fault {
	if v.IsZero() {
		return nil
	}
	return &fault{reason: "nested deeper than " + strconv.Itoa(codec.MaxDepth) + " levels, or within itself"}
}

func tooMany() *fault {
	return &fault{reason: "more than " + strconv.Itoa(codec.MaxEntries) + " entries"}
}
