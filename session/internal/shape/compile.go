package shape

import (
	"encoding"
	"errors"
	"fmt"
	"maps"
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
	byteType            = reflect.TypeFor[byte]()
	timeType            = reflect.TypeFor[time.Time]()
	durationType        = reflect.TypeFor[time.Duration]()
	textMarshalerType   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()
	isZeroerType        = reflect.TypeFor[interface{ IsZero() bool }]()
)

// A compiler makes the plan for a type and collects what is wrong with it.
type compiler struct {
	shape *Shape
	nodes map[reflect.Type]*node             // composite types begun so far: the same node for the same type, so that recursive types end
	names map[reflect.Type]map[string]string // of structs: member names to Go fields
	errs  []error
}

func (c *compiler) refuse(path, format string, args ...any) *node {
	c.errs = append(c.errs, fmt.Errorf("%s: "+format, append([]any{path}, args...)...))
	return leaf[fine]
}

// root checks t as the type of a whole payload, which has to be a map of members.
func (c *compiler) root(t reflect.Type) {
	path := c.shape.name
	switch kind := t.Kind(); {
	case kind == reflect.Pointer:
		c.refuse(path, "a session holds a struct, not a pointer: use %s itself", rootName(t.Elem()))
	case t == timeType, marshals(t) != plain:
		c.refuse(path, "it marshals itself, or embeds what does; a session holds a struct, or a map with string keys, whose members each codec can see")
	case kind == reflect.Map && t.Key().Kind() != reflect.String, kind != reflect.Map && kind != reflect.Struct:
		c.refuse(path, "a session holds a struct, or a map with string keys, not %s", describe(t))
	default:
		c.shape.root = c.compile(t, path)
		c.shape.names = c.names[t]
	}
}

// compile returns the plan for t, which is found at path.
func (c *compiler) compile(t reflect.Type, path string) *node {
	if n, ok := c.nodes[t]; ok {
		return n
	}
	if t == timeType {
		return leaf[instant]
	}
	switch marshals(t) {
	case byText:
		return c.opaque(t, path)
	case byHalf:
		return c.refuse(path, "%s has only one of MarshalText and UnmarshalText: a session needs both", t)
	case otherwise:
		return c.refuse(path, "%s marshals itself for some codecs but not as text: give it MarshalText and UnmarshalText, or carry its parts", t)
	}

	switch t.Kind() {
	case reflect.Bool,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return leaf[fine]
	case reflect.Float32, reflect.Float64:
		return leaf[float]
	case reflect.String:
		if t.PkgPath() == "encoding/json" && t.Name() == "Number" {
			return c.refuse(path, "json.Number is a number to one codec and a string to another: use int64, float64 or string")
		}
		return leaf[text]
	case reflect.Pointer:
		return c.pointer(t, path)
	case reflect.Slice:
		c.shape.flat = false
		return c.list(t, path)
	case reflect.Array:
		if t.Len() > codec.MaxEntries && t.Elem().Kind() != reflect.Uint8 { // bytes are one entry
			return c.refuse(path, "an array of %d elements is over the %d that a payload may have", t.Len(), codec.MaxEntries)
		}
		return c.list(t, path)
	case reflect.Map:
		return c.table(t, path)
	case reflect.Struct:
		return c.record(t, path)
	case reflect.Interface:
		return c.refuse(path, "%s does not say which type comes back: use a concrete type", describe(t))
	}
	return c.refuse(path, "%s cannot be carried", describe(t))
}

// begin enters t as being compiled. Until its parts are known it counts as in
// need of a check, which is right for a type that contains itself: its depth is
// without bound.
func (c *compiler) begin(t reflect.Type, o op) *node {
	n := &node{op: o}
	c.nodes[t] = n
	return n
}

func (c *compiler) pointer(t reflect.Type, path string) *node {
	c.shape.flat = false
	if t.Elem().Kind() == reflect.Pointer {
		return c.refuse(path, "a nil %s and a pointer to a nil %s come back the same: drop a pointer", t, t.Elem())
	}
	n := c.begin(t, pointer)
	n.elem = c.compile(t.Elem(), path)
	return n.settle()
}

func (c *compiler) list(t reflect.Type, path string) *node {
	if e := t.Elem(); e.Kind() == reflect.Uint8 && e != byteType {
		return c.refuse(path, "%s is a list of numbers to one codec and bytes to another: use byte itself", t)
	}
	n := c.begin(t, list)
	n.elem = c.compile(t.Elem(), path+"[]")
	return n.settle()
}

func (c *compiler) table(t reflect.Type, path string) *node {
	c.shape.flat = false
	n := c.begin(t, table)
	switch key := t.Key(); {
	case key == durationType || marshals(key) != plain:
		c.refuse(path, "keys of type %s have a form of their own to some codecs: use a string or an integer without methods", key)
	case key.Kind() == reflect.String:
		n.texts = true
	case !integer(key.Kind()):
		c.refuse(path, "keys are strings or integers, not %s", describe(key))
	}
	n.elem = c.compile(t.Elem(), path+"[]")
	return n.settle()
}

// opaque accepts a type that marshals itself as text.
func (c *compiler) opaque(t reflect.Type, path string) *node {
	if t.Kind() == reflect.Struct && t.NumField() > 1 {
		for i := range t.NumField() {
			// Its methods are, most likely, the embedded field's.
			if f := t.Field(i); f.Anonymous && marshals(indirect(f.Type)) != plain {
				return c.refuse(path+"."+f.Name, "the embedded %s marshals itself in place of all of %s: give the field a name", f.Type, t)
			}
		}
	}
	c.shape.opaque = true
	c.shape.flat = c.shape.flat && !indirections(t)
	return leaf[fine]
}

func (c *compiler) record(t reflect.Type, path string) *node {
	n := c.begin(t, record)
	names := make(map[string]string)
	c.names[t] = names
	add := func(name, goName string) {
		if other, ok := names[name]; ok {
			c.refuse(path+"."+goName, "its name %q is also that of %s, and one of them would be lost", name, other)
			return
		}
		names[name] = goName
	}
	for i := range t.NumField() {
		f := t.Field(i)
		path := path + "." + f.Name
		if !f.IsExported() && !(f.Anonymous && indirect(f.Type).Kind() == reflect.Struct) {
			c.refuse(path, "an unexported field would not come back: export it, or give %s MarshalText and UnmarshalText", t)
			continue
		}
		tag, err := parseTag(f)
		if err == nil && f.Anonymous && !tag.named {
			if err = embeddable(f.Type, tag); err == nil {
				part := c.compile(f.Type, path)
				n.add(i, f.Name, true, part)
				members := c.names[f.Type]
				for _, name := range slices.Sorted(maps.Keys(members)) {
					add(name, f.Name+"."+members[name])
				}
				continue
			}
		}
		if err == nil && !f.IsExported() {
			err = errors.New("an unexported field would not come back: export it, or embed it without a name")
		}
		if err != nil {
			c.refuse(path, "%w", err)
			continue
		}
		add(tag.name, f.Name)
		errs := len(c.errs)
		part := c.compile(f.Type, path)
		if len(c.errs) == errs { // else the type is the thing to say
			if err := tag.lossless(f.Type); err != nil {
				c.refuse(path, "%w", err)
			}
		}
		n.add(i, f.Name, false, part)
	}
	return n.settle()
}

// add notes a field that needs a check.
func (n *node) add(i int, name string, embedded bool, part *node) {
	if part.op != fine {
		n.fields = append(n.fields, field{i, name, embedded, part})
	}
}

// settle ends what begin began: a type none of whose parts needs a check needs
// none either.
func (n *node) settle() *node {
	if n.op == record && len(n.fields) == 0 || n.op != record && n.elem.op == fine && !n.texts {
		n.op = fine
	}
	return n
}

// embeddable says why a field of type t that is embedded without a name cannot be
// carried: its members are to be those of the struct around it.
func embeddable(t reflect.Type, tag tag) error {
	const name = "give it a name in a `json` tag"
	switch {
	case t.Kind() == reflect.Pointer:
		return errors.New("an embedded pointer that is nil comes back as a pointer to a zero value: embed the struct, or " + name)
	case t == timeType || marshals(t) != plain:
		return fmt.Errorf("the embedded %s marshals itself: %s", t, name)
	case t.Kind() != reflect.Struct:
		return errors.New("an embedded field that is not a struct has no name to all codecs: " + name)
	case tag.omitempty || tag.omitzero:
		return errors.New("an embedded struct is not left out: drop the option, or " + name)
	}
	return nil
}

// marshalling is how a type marshals itself.
type marshalling uint8

const (
	plain     marshalling = iota // it does not
	byText                       // MarshalText and UnmarshalText
	byHalf                       // one of the two
	otherwise                    // in other ways only
)

func marshals(t reflect.Type) marshalling {
	if k := t.Kind(); k == reflect.Pointer || k == reflect.Interface {
		return plain
	}
	p := reflect.PointerTo(t)
	switch out, in := p.Implements(textMarshalerType), p.Implements(textUnmarshalerType); {
	case out && in:
		return byText
	case out || in:
		return byHalf
	case custom(p):
		return otherwise
	}
	return plain
}

// opaque reports whether only a type itself knows what its values hold.
func opaque(t reflect.Type) bool { return t != timeType && marshals(t) == byText }

// custom reports whether a type has a method by which one of the codecs, and not
// all of them, would have it marshal itself. The names are constants one by one
// so that the linker still drops the methods of other names.
func custom(p reflect.Type) bool {
	var ok [14]bool
	_, ok[0] = p.MethodByName("MarshalJSON")
	_, ok[1] = p.MethodByName("UnmarshalJSON")
	_, ok[2] = p.MethodByName("MarshalJSONTo")
	_, ok[3] = p.MethodByName("UnmarshalJSONFrom")
	_, ok[4] = p.MethodByName("MarshalCBOR")
	_, ok[5] = p.MethodByName("UnmarshalCBOR")
	_, ok[6] = p.MethodByName("MarshalMsgpack")
	_, ok[7] = p.MethodByName("UnmarshalMsgpack")
	_, ok[8] = p.MethodByName("EncodeMsgpack")
	_, ok[9] = p.MethodByName("DecodeMsgpack")
	_, ok[10] = p.MethodByName("MarshalBinary")
	_, ok[11] = p.MethodByName("UnmarshalBinary")
	_, ok[12] = p.MethodByName("AppendText")
	_, ok[13] = p.MethodByName("AppendBinary")
	return ok != [14]bool{}
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

func integer(k reflect.Kind) bool { return reflect.Int <= k && k <= reflect.Uint64 }

func indirect(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// describe names a type that is refused, and its kind where the name hides it.
func describe(t reflect.Type) string {
	name, kind := t.String(), t.Kind().String()
	if strings.Contains(name, kind) {
		return name
	}
	return name + " (" + kind + ")"
}
