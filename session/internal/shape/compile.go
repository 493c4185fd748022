package shape

import (
	"cmp"
	"encoding"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/codec"
)

// An op is what there is to check in a value.
type op uint8

const (
	fine op = iota // nothing, here and below
	text           // a string
	float
	instant // a time.Time
	pointer
	list // an array or a slice
	table
	record // a struct
)

// A node is the part of a plan that checks the values of one type. Parts of a
// type that need no check have no node but leaf(fine).
type node struct {
	op     op
	elem   *node   // of a pointer, list or table
	texts  bool    // the keys of a table are strings
	fields []field // of a record: only those that need a check
}

type field struct {
	index    int
	name     string
	embedded bool // its members are those of the record: no nesting level of its own
	*node
}

var leaf = [...]*node{
	fine:    {op: fine},
	text:    {op: text},
	float:   {op: float},
	instant: {op: instant},
}

var (
	timeType            = reflect.TypeFor[time.Time]()
	dictionaryType      = reflect.TypeFor[map[string]any]()
	textMarshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
	isZeroerType        = reflect.TypeFor[interface{ IsZero() bool }]()
)

// fitsCodecs returns what package codec has against t, a struct or a map with
// string keys. It says what a type may be made of, and says it before it looks at
// data: an empty map, which fits every such type.
func fitsCodecs(t reflect.Type) []error {
	err := codec.JSON().Decode([]byte("{}"), reflect.New(t).Interface())
	if err == nil {
		return nil
	}
	var errs []error
	for problem := range strings.SplitSeq(err.Error(), "\n") {
		problem, ok := strings.CutPrefix(problem, "codec: "+cmp.Or(t.Name(), t.String()))
		if !ok {
			problem = ": " + problem // of the type as a whole
		}
		errs = append(errs, errors.New(rootName(t)+problem))
	}
	return errs
}

// A compiler makes the plan for a type and collects what is wrong with it.
type compiler struct {
	shape *Shape
	nodes map[reflect.Type]*node // composite types begun so far: the same node for the same type, so that recursive types end
	errs  []error
}

func (c *compiler) refuse(path, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("%s: "+format, append([]any{path}, args...)...))
}

// root checks t as the type of a whole payload, which has to be a map of members.
func (c *compiler) root(t reflect.Type) {
	path := c.shape.name
	switch kind := t.Kind(); {
	case kind == reflect.Pointer:
		c.refuse(path, "a session holds a struct, not a pointer: use %s itself", rootName(t.Elem()))
	case t == timeType, opaque(t):
		c.refuse(path, "it marshals itself, or embeds what does; a session holds a struct, or a map with string keys, whose members each codec can see")
	case kind == reflect.Map && t.Key().Kind() != reflect.String, kind != reflect.Map && kind != reflect.Struct:
		c.refuse(path, "a session holds a struct, or a map with string keys, not %s", describe(t))
	case t == dictionaryType:
		c.refuse(path, "any does not say which type comes back: use a concrete type, or session.Values")
	default:
		c.errs = fitsCodecs(t)
		c.shape.root = c.compile(t, path)
		if len(c.errs) == 0 && kind == reflect.Struct {
			c.shape.names = make(map[string]bool)
			addNames(c.shape.names, t)
		}
	}
}

// compile returns the plan for t, which is found at path. It refuses what the
// codecs carry but a session does not; what they do not carry has any plan.
func (c *compiler) compile(t reflect.Type, path string) *node {
	if n, ok := c.nodes[t]; ok {
		return n
	}
	switch kind := t.Kind(); {
	case t == timeType:
		c.shape.times = true
		return leaf[instant]
	case opaque(t):
		c.shape.opaque = true
		c.shape.flat = c.shape.flat && !indirections(t)
	case kind == reflect.Float32, kind == reflect.Float64:
		return leaf[float]
	case kind == reflect.String:
		return leaf[text]
	case kind == reflect.Pointer:
		c.shape.flat = false
		n := c.begin(t, pointer)
		n.elem = c.compile(t.Elem(), path)
		return n.settle()
	case kind == reflect.Slice, kind == reflect.Array:
		c.shape.flat = c.shape.flat && kind == reflect.Array
		n := c.begin(t, list)
		n.elem = c.compile(t.Elem(), path+"[]")
		return n.settle()
	case kind == reflect.Map:
		c.shape.flat = false
		n := c.begin(t, table)
		n.texts = t.Key().Kind() == reflect.String
		n.elem = c.compile(t.Elem(), path+"[]")
		return n.settle()
	case kind == reflect.Struct:
		return c.record(t, path)
	}
	return leaf[fine]
}

// begin enters t as being compiled. Until its parts are known it counts as in
// need of a check, which is right for a type that contains itself: its depth is
// without bound.
func (c *compiler) begin(t reflect.Type, o op) *node {
	n := &node{op: o}
	c.nodes[t] = n
	return n
}

func (c *compiler) record(t reflect.Type, path string) *node {
	n := c.begin(t, record)
	for i := range t.NumField() {
		f := t.Field(i)
		name, options := tagOf(f)
		path := path + "." + f.Name
		switch {
		case f.Name == "_":
			continue
		case f.Tag.Get("json") == "-":
			c.refuse(path, "the name - leaves the field out, and it would not come back: move it out of the session's type")
			continue
		case slices.Contains(options, "omitzero") && sayZero(f.Type):
			c.refuse(path, "with omitzero, all that the IsZero method of %s calls zero would come back as the zero value: drop the option", f.Type)
		}
		if part := c.compile(f.Type, path); part.op != fine {
			n.fields = append(n.fields, field{i, f.Name, f.Anonymous && name == "", part})
		}
	}
	return n.settle()
}

// settle ends what begin began: a type none of whose parts needs a check needs
// none either.
func (n *node) settle() *node {
	if n.op == record && len(n.fields) == 0 || n.op != record && n.elem.op == fine && !n.texts {
		n.op = fine
	}
	return n
}

// tagOf returns what the json tag of a field says.
func tagOf(f reflect.StructField) (name string, options []string) {
	parts := strings.Split(f.Tag.Get("json"), ",")
	return parts[0], parts[1:]
}

// addNames adds the names of the members of t, a struct.
func addNames(names map[string]bool, t reflect.Type) {
	for i := range t.NumField() {
		f := t.Field(i)
		switch name, _ := tagOf(f); {
		case f.Name == "_":
		case name != "":
			names[name] = true
		case f.Anonymous:
			addNames(names, f.Type)
		default:
			names[f.Name] = true
		}
	}
}

// sayZero reports whether values of t say of themselves when they are zero. Those
// of [time.Time] are right.
func sayZero(t reflect.Type) bool {
	return t != timeType && t.Kind() != reflect.Pointer && reflect.PointerTo(t).Implements(isZeroerType)
}

// opaque reports whether t marshals itself as text, so that only itself knows what
// its values hold.
func opaque(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t != timeType && p.Implements(textMarshalerType) && p.Implements(textUnmarshalerType)
}

// indirections reports whether a copy of a t shares memory with the original.
func indirections(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Array:
		return indirections(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.Type != timeType && indirections(f.Type) {
				return true
			}
		}
		return false
	case reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer:
		return true
	}
	return false
}

// describe names a type that is refused, and its kind where the name hides it.
func describe(t reflect.Type) string {
	name, kind := t.String(), t.Kind().String()
	if strings.Contains(name, kind) {
		return name
	}
	return name + " (" + kind + ")"
}
