package codec

import (
	"encoding"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/fxamacker/cbor/v2"
	"github.com/go-json-experiment/json"
)

// A plan says how values of one type are carried, worked out once per type.
// What cannot be carried alike by all three codecs has an error instead.
type plan struct {
	root *node
	err  error

	jsonCares bool // has times, or texts with a JSON form of their own
	float32s  bool // has float32s, which JSON would round into their range
}

type kind uint8

const (
	kindBool kind = iota
	kindInt
	kindUint
	kindFloat32
	kindFloat64
	kindString
	kindBytes     // []byte
	kindByteArray // [N]byte
	kindTime      // so far, one item each, without code of others: see node.plain
	kindText      // has MarshalText and UnmarshalText
	kindPointer
	kindSlice
	kindArray
	kindMap
	kindStruct
)

// A node is the plan for one type inside another.
type node struct {
	kind   kind
	typ    reflect.Type
	elem   *node // of pointers, slices, arrays, maps
	key    kind  // of maps: kindString, kindInt, kindUint
	fields []field
	byName map[string]int // index in fields
	omits  bool           // some field may be left out
	plain  bool           // of structs: 64 fields at most, none of which holds more than one item
}

type field struct {
	name  string
	index []int
	*node

	omitEmpty, omitZero bool
	isZero              bool // omitZero goes by the type's IsZero

	encoded [formats][]byte // the name, as each format writes it
}

// field returns the index of the field of the struct n with the name, or -1. It looks
// at the field with the index expect first.
func (n *node) field(name []byte, expect int) int {
	if expect < len(n.fields) && n.fields[expect].name == string(name) {
		return expect
	}
	if f, ok := n.byName[string(name)]; ok {
		return f
	}
	return -1
}

// value is the field of the struct v. Embedded structs are held by value, so
// that there is no pointer on the way.
func (f *field) value(v reflect.Value) reflect.Value {
	for _, i := range f.index {
		v = v.Field(i)
	}
	return v
}

// omitted reports whether the field of value v is left out.
func (f *field) omitted(v reflect.Value) bool {
	if f.omitZero {
		if f.isZero {
			return v.Addr().Interface().(interface{ IsZero() bool }).IsZero()
		}
		return isZero(v)
	}
	if !f.omitEmpty {
		return false
	}
	switch v.Kind() {
	case reflect.Slice, reflect.Map, reflect.Array, reflect.String:
		return v.Len() == 0
	case reflect.Struct:
		return false
	}
	return isZero(v) // bools, numbers, pointers
}

// isZero is v.IsZero, for which -0 is 0, also in parts: what is left out comes back as 0.
func isZero(v reflect.Value) bool {
	if !v.IsZero() {
		return false
	}
	switch v.Kind() {
	case reflect.Float32, reflect.Float64:
		return !math.Signbit(v.Float())
	case reflect.Array:
		if v.Type().Elem().Kind() < reflect.Float32 {
			return true // integers, of which there may be many
		}
		for i := range v.Len() {
			if !isZero(v.Index(i)) {
				return false
			}
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !isZero(v.Field(i)) {
				return false
			}
		}
	}
	return true
}

var plans sync.Map // reflect.Type to *plan

func planOf(t reflect.Type) *plan {
	if p, ok := plans.Load(t); ok {
		return p.(*plan)
	}
	pl := &planner{plan: new(plan), nodes: make(map[reflect.Type]*node)}
	name := t.Name()
	if name == "" {
		name = t.String()
	}
	pl.root = pl.node(t, name)
	if pl.err = errors.Join(pl.errs...); pl.err != nil {
		pl.root = nil
	}
	p, _ := plans.LoadOrStore(t, pl.plan)
	return p.(*plan)
}

type planner struct {
	*plan
	nodes map[reflect.Type]*node // composite types met, perhaps not finished: types may be recursive
	errs  []error
}

func (p *planner) refuse(path, format string, args ...any) {
	p.errs = append(p.errs, fmt.Errorf("codec: %s: %s", path, fmt.Sprintf(format, args...)))
}

var (
	byteType     = reflect.TypeFor[byte]()
	timeType     = reflect.TypeFor[time.Time]()
	durationType = reflect.TypeFor[time.Duration]()
	numberType   = reflect.TypeFor[stdjson.Number]() // a string in Go 1.26, with methods in 1.27

	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
	isZeroer        = reflect.TypeFor[interface{ IsZero() bool }]()

	jsonMethods = []reflect.Type{
		reflect.TypeFor[json.Marshaler](), reflect.TypeFor[json.MarshalerTo](),
		reflect.TypeFor[json.Unmarshaler](), reflect.TypeFor[json.UnmarshalerFrom](),
	}
	cborMethods = []reflect.Type{
		reflect.TypeFor[cbor.Marshaler](), reflect.TypeFor[cbor.Unmarshaler](),
	}
)

// implements reports whether t or *t has the methods of any of the interfaces.
func implements(t reflect.Type, interfaces ...reflect.Type) bool {
	for _, i := range interfaces {
		if reflect.PointerTo(t).Implements(i) {
			return true
		}
	}
	return false
}

func (p *planner) node(t reflect.Type, path string) *node {
	if n := p.nodes[t]; n != nil {
		return n
	}
	n := &node{typ: t}
	switch {
	case t == timeType:
		n.kind, p.jsonCares = kindTime, true
		return n
	case t.Kind() == reflect.Interface:
		p.refuse(path, "an interface cannot be carried: its type would be lost")
		return n
	case t.Kind() == reflect.Pointer: // has the methods of what it points to
	case implements(t, textMarshaler) && implements(t, textUnmarshaler):
		p.text(n, path)
		return n
	case implements(t, textMarshaler, textUnmarshaler):
		p.refuse(path, "%v has only one of MarshalText and UnmarshalText", t)
		return n
	case implements(t, jsonMethods...) || implements(t, cborMethods...) || t == numberType:
		p.refuse(path, "%v has its own JSON or CBOR form, but not MarshalText and UnmarshalText, which serve all codecs", t)
		return n
	}

	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map, reflect.Struct:
		p.nodes[t] = n
	}
	switch t.Kind() {
	case reflect.Bool:
		n.kind = kindBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n.kind = kindInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n.kind = kindUint
	case reflect.Float32:
		n.kind, p.float32s = kindFloat32, true
	case reflect.Float64:
		n.kind = kindFloat64
	case reflect.String:
		n.kind = kindString
	case reflect.Pointer:
		n.kind = kindPointer
		if t.Elem().Kind() == reflect.Pointer {
			p.refuse(path, "a pointer to a pointer cannot be carried: which of them is nil would be lost")
			return n
		}
		n.elem = p.node(t.Elem(), path)
	case reflect.Slice, reflect.Array:
		p.list(n, path)
	case reflect.Map:
		p.mapping(n, path)
	case reflect.Struct:
		n.kind = kindStruct
		p.structure(n, path)
	default:
		p.refuse(path, "%v cannot be carried", t)
	}
	return n
}

func (p *planner) text(n *node, path string) {
	n.kind = kindText
	if implements(n.typ, cborMethods...) {
		p.refuse(path, "%v has a CBOR form of its own beside MarshalText", n.typ)
	}
	if implements(n.typ, jsonMethods...) {
		p.jsonCares = true
	}
	if e := embeddedText(n.typ); e != nil {
		p.refuse(path, "%v has the MarshalText of its embedded %v, which leaves out the other fields or may be nil; give it a field name", n.typ, e)
	}
}

// embeddedText returns the type embedded in t, which is a text, that would make
// t less than it is: struct{ time.Time; Name string } is a text by the methods of
// its time and would lose the name, and struct{ *time.Time } has none where that
// is nil, as it is before decoding.
func embeddedText(t reflect.Type) reflect.Type {
	if t.Kind() != reflect.Struct {
		return nil
	}
	for i := range t.NumField() {
		f := t.Field(i)
		methods, nilable := reflect.PointerTo(f.Type), false
		if k := f.Type.Kind(); k == reflect.Pointer || k == reflect.Interface {
			methods, nilable = f.Type, true
		}
		switch {
		case !f.Anonymous || !methods.Implements(textMarshaler) && !methods.Implements(textUnmarshaler):
		case t.NumField() > 1 || nilable:
			return f.Type
		default:
			return embeddedText(f.Type)
		}
	}
	return nil
}

func (p *planner) list(n *node, path string) {
	elem := n.typ.Elem()
	array := n.typ.Kind() == reflect.Array
	switch {
	case elem == byteType && array:
		n.kind = kindByteArray
		return
	case elem == byteType:
		n.kind = kindBytes
		return
	case elem.Kind() == reflect.Uint8:
		p.refuse(path, "%v cannot be carried: use []byte or [N]byte", n.typ)
		return
	case array:
		n.kind = kindArray
	default:
		n.kind = kindSlice
	}
	n.elem = p.node(elem, path+"[]")
}

func (p *planner) mapping(n *node, path string) {
	n.kind = kindMap
	key := n.typ.Key()
	switch k := key.Kind(); {
	case key == durationType || implements(key, textMarshaler, textUnmarshaler) || implements(key, jsonMethods...) || implements(key, cborMethods...):
		p.refuse(path, "a map by %v cannot be carried: use strings or integers without methods", key)
	case k == reflect.String:
		n.key = kindString
	case k >= reflect.Int && k <= reflect.Int64:
		n.key = kindInt
	case k >= reflect.Uint && k <= reflect.Uint64:
		n.key = kindUint
	default:
		p.refuse(path, "a map by %v cannot be carried: use strings or integers", key)
	}
	n.elem = p.node(n.typ.Elem(), path+"[]")
}

func (p *planner) structure(n *node, path string) {
	n.byName = make(map[string]int)
	p.collect(n, n.typ, path, nil)
	n.plain = len(n.fields) <= 64 && !slices.ContainsFunc(n.fields, func(f field) bool { return f.kind > kindTime })
}

// collect adds the fields of t, which is n's type or a struct embedded in it at index.
func (p *planner) collect(n *node, t reflect.Type, path string, index []int) {
	if blank(t) {
		p.refuse(path, "a struct of nothing but blank fields cannot be carried")
		return
	}
	for i := range t.NumField() {
		sf := t.Field(i)
		at := path + "." + sf.Name
		if _, ok := sf.Tag.Lookup("cbor"); ok {
			p.refuse(at, "the json tag serves all codecs: a cbor tag would give CBOR another form")
			continue
		}
		tag, tagged := sf.Tag.Lookup("json")
		if tag == "-" || sf.Name == "_" && !tagged {
			continue
		}
		if sf.Name == "_" {
			p.refuse(at, "a blank field cannot be carried: drop its json tag")
			continue
		}
		name, options, more := strings.Cut(tag, ",")
		if sf.Anonymous && name == "" {
			switch {
			case more:
				p.refuse(at, "an embedded struct has no options")
			case sf.Type.Kind() != reflect.Struct:
				p.refuse(at, "an embedded %v needs a name in its json tag", sf.Type)
			case sf.Type == timeType || implements(sf.Type, textMarshaler, textUnmarshaler) || implements(sf.Type, jsonMethods...) || implements(sf.Type, cborMethods...):
				p.refuse(at, "an embedded type with its own form needs a name in its json tag")
			default:
				p.collect(n, sf.Type, at, append(index[:len(index):len(index)], i))
			}
			continue
		}
		if !sf.IsExported() {
			p.refuse(at, "an unexported field would not come back: export it, or give its type MarshalText and UnmarshalText")
			continue
		}
		f := field{name: name, index: append(index[:len(index):len(index)], i)}
		if name == "" {
			f.name = sf.Name
		}
		if !validName(f.name) {
			p.refuse(at, "malformed json tag")
			continue
		}
		if _, ok := n.byName[f.name]; ok {
			p.refuse(at, "another field has its name, %s", f.name)
			continue
		}
		for more {
			var option string
			option, options, more = strings.Cut(options, ",")
			switch {
			case option == "":
				p.refuse(at, "malformed json tag")
			case option == "omitempty" && !f.omitEmpty:
				f.omitEmpty, n.omits = true, true
			case option == "omitzero" && !f.omitZero:
				f.omitZero, n.omits = true, true
				f.isZero = implements(sf.Type, isZeroer)
			default:
				p.refuse(at, "json tags may have the options omitempty and omitzero only, each once, not %q", option)
			}
		}
		for i, fm := range allFormats {
			f.encoded[i] = fm.fieldName(f.name)
		}
		f.node = p.node(sf.Type, at)
		n.byName[f.name] = len(n.fields)
		n.fields = append(n.fields, f)
	}
}

// blank reports whether t has fields and no program can use one.
func blank(t reflect.Type) bool {
	for i := range t.NumField() {
		if f := t.Field(i); f.Name != "_" || f.Tag != "" {
			return false
		}
	}
	return t.NumField() > 0
}

// validName reports whether the libraries take name from a tag as it is.
func validName(name string) bool {
	return name != "-" && utf8.ValidString(name) && !strings.ContainsAny(name, "\\'\"`")
}
