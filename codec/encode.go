package codec

import (
	"encoding"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/vmihailenco/msgpack/v5"
)

// One walk encodes for all three codecs, so that order, limits and what is
// refused are the same in each. The libraries' own walks do not sort every kind
// of map (MessagePack), turn a pointer to the zero time into a null (CBOR), and
// do not reach pointer methods of map values (MessagePack).

// A format writes single items. Counts are known beforehand; next comes before
// each element of an array and each name of a map.
type format interface {
	null(e *encoder)
	bool(e *encoder, v bool)
	int(e *encoder, v int64)
	uint(e *encoder, v uint64)
	float32(e *encoder, v float32)
	float64(e *encoder, v float64)
	text(e *encoder, s string) // valid UTF-8
	bytes(e *encoder, b []byte)
	time(e *encoder, t time.Time) // UTC, years 1 to 9999

	array(e *encoder, n int)
	endArray(e *encoder)
	mapping(e *encoder, n int)
	endMap(e *encoder)
	next(e *encoder, i int)

	fieldName(name string) []byte               // a member's name with all that separates it from the value
	compareNames(a, b string) int               // the order of text names
	appendIntName(dst []byte, v int64) []byte   // the name of a member that is an integer,
	appendUintName(dst []byte, v uint64) []byte // in a form that sorts
	textName(e *encoder, s string)
	intName(e *encoder, sorted []byte)
}

const (
	formatJSON = iota
	formatMessagePack
	formatCBOR
	formats
)

var allFormats = [formats]format{jsonFormat{}, msgpackFormat{}, cborFormat{}}

// An encoder is the state of one Append.
type encoder struct {
	format
	index   int // of format in allFormats
	buf     []byte
	values  bool // kinds of Values, which JSON spells differently
	depth   int
	entries int

	msgpack *msgpack.Encoder // writes to the encoder itself; MessagePack only
}

// Write and WriteByte let the MessagePack library append to buf.
func (e *encoder) Write(p []byte) (int, error) {
	e.buf = append(e.buf, p...)
	return len(p), nil
}

func (e *encoder) WriteByte(c byte) error {
	e.buf = append(e.buf, c)
	return nil
}

// An appender is what all codecs encode with.
type appender struct {
	index    int       // of the format in allFormats
	encoders sync.Pool // of *encoder
}

func (a *appender) Append(dst []byte, v any) ([]byte, error) {
	e, _ := a.encoders.Get().(*encoder)
	if e == nil {
		e = newEncoder(a.index)
	}
	e.buf, e.depth, e.entries = dst, 0, 0
	err := e.root(v)
	out := e.buf
	e.buf = nil
	a.encoders.Put(e)
	if err != nil {
		return dst, err
	}
	return out, nil
}

func newEncoder(index int) *encoder {
	e := &encoder{format: allFormats[index], index: index}
	if index == formatMessagePack {
		e.msgpack = msgpack.NewEncoder(e)
		e.msgpack.UseCompactInts(true)
	}
	return e
}

var errNilPointer = errors.New("codec: a nil pointer cannot be encoded")

func (e *encoder) root(v any) error {
	e.values = true
	switch v := v.(type) {
	case nil, map[string]any, []any:
		return e.any(v)
	case *map[string]any:
		if v == nil {
			return errNilPointer
		}
		return e.any(*v)
	case *[]any:
		if v == nil {
			return errNilPointer
		}
		return e.any(*v)
	case *any:
		if v == nil {
			return errNilPointer
		}
		return e.any(*v)
	}
	e.values = false
	rv := reflect.ValueOf(v)
	if rv.Kind() == reflect.Pointer {
		if rv.IsNil() {
			return errNilPointer
		}
		rv = rv.Elem()
	} else {
		// A copy that has an address, so that methods of pointers are found.
		p := reflect.New(rv.Type())
		p.Elem().Set(rv)
		rv = p.Elem()
	}
	pl := planOf(rv.Type())
	if pl.err != nil {
		return pl.err
	}
	return e.typed(rv, pl.root)
}

// enter counts a container of n entries.
func (e *encoder) enter(n int) error {
	if e.depth++; e.depth > MaxDepth {
		return errDepth
	}
	if e.entries += n; e.entries > MaxEntries {
		return errEntries
	}
	return nil
}

func (e *encoder) string(s string) error {
	if !utf8.ValidString(s) {
		return errUTF8
	}
	e.text(e, s)
	return nil
}

func (e *encoder) float(v float64) error {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return errNotANum
	}
	e.float64(e, v)
	return nil
}

func (e *encoder) instant(t time.Time) error {
	t = t.UTC()
	if y := t.Year(); y < 1 || y > 9999 {
		return errYear
	}
	e.time(e, t)
	return nil
}

// any encodes one of the kinds of Values.
func (e *encoder) any(v any) error {
	switch v := v.(type) {
	case nil:
		e.null(e)
	case bool:
		e.bool(e, v)
	case string:
		return e.string(v)
	case int64:
		e.int(e, v)
	case float64:
		return e.float(v)
	case []byte:
		e.bytes(e, v)
	case time.Time:
		return e.instant(v)
	case []any:
		if err := e.enter(len(v)); err != nil {
			return err
		}
		e.array(e, len(v))
		for i, x := range v {
			e.next(e, i)
			if err := e.any(x); err != nil {
				return err
			}
		}
		e.endArray(e)
		e.depth--
	case map[string]any:
		if err := e.enter(len(v)); err != nil {
			return err
		}
		e.mapping(e, len(v))
		var few [16]string
		names := few[:0]
		for name := range v {
			names = append(names, name)
		}
		slices.SortFunc(names, e.compareNames)
		for i, name := range names {
			e.next(e, i)
			if err := e.name(name); err != nil {
				return err
			}
			if err := e.any(v[name]); err != nil {
				return err
			}
		}
		e.endMap(e)
		e.depth--
	default:
		return fmt.Errorf("codec: %T is not one of the kinds of Values", v)
	}
	return nil
}

func (e *encoder) name(s string) error {
	if !utf8.ValidString(s) {
		return errUTF8
	}
	e.textName(e, s)
	return nil
}

// typed encodes v, which has an address, as n says.
func (e *encoder) typed(v reflect.Value, n *node) error {
	switch n.kind {
	case kindBool:
		e.bool(e, v.Bool())
	case kindInt:
		e.int(e, v.Int())
	case kindUint:
		e.uint(e, v.Uint())
	case kindFloat32:
		f := float32(v.Float())
		if math.IsNaN(float64(f)) || math.IsInf(float64(f), 0) {
			return errNotANum
		}
		e.float32(e, f)
	case kindFloat64:
		return e.float(v.Float())
	case kindString:
		return e.string(v.String())
	case kindBytes:
		if v.IsNil() {
			e.null(e)
			break
		}
		e.bytes(e, v.Bytes())
	case kindByteArray:
		e.bytes(e, v.Bytes())
	case kindTime:
		return e.instant(*v.Addr().Interface().(*time.Time))
	case kindText:
		text, err := v.Addr().Interface().(encoding.TextMarshaler).MarshalText()
		if err != nil {
			return &reworded{fmt.Sprintf("codec: MarshalText of %v failed", n.typ), err}
		}
		return e.string(string(text))
	case kindPointer:
		if v.IsNil() {
			e.null(e)
			break
		}
		v = v.Elem()
		if k := n.elem.kind; (k == kindBytes || k == kindSlice || k == kindMap) && v.IsNil() {
			v = emptyOf(v.Type()) // null would be a nil pointer
		}
		return e.typed(v, n.elem)
	case kindSlice:
		if v.IsNil() {
			e.null(e)
			break
		}
		return e.list(v, n)
	case kindArray:
		return e.list(v, n)
	case kindMap:
		if v.IsNil() {
			e.null(e)
			break
		}
		return e.typedMap(v, n)
	case kindStruct:
		return e.structure(v, n)
	}
	return nil
}

func emptyOf(t reflect.Type) reflect.Value {
	if t.Kind() == reflect.Map {
		return reflect.MakeMap(t)
	}
	return reflect.MakeSlice(t, 0, 0)
}

func (e *encoder) list(v reflect.Value, n *node) error {
	l := v.Len()
	if err := e.enter(l); err != nil {
		return err
	}
	e.array(e, l)
	for i := range l {
		e.next(e, i)
		if err := e.typed(v.Index(i), n.elem); err != nil {
			return err
		}
	}
	e.endArray(e)
	e.depth--
	return nil
}

func (e *encoder) structure(v reflect.Value, n *node) error {
	count := len(n.fields)
	if n.omits {
		for i := range n.fields {
			if f := &n.fields[i]; f.omitted(f.value(v)) {
				count--
			}
		}
	}
	if err := e.enter(count); err != nil {
		return err
	}
	e.mapping(e, count)
	written := 0
	for i := range n.fields {
		f := &n.fields[i]
		fv := f.value(v)
		if n.omits && f.omitted(fv) {
			continue
		}
		e.next(e, written)
		written++
		e.buf = append(e.buf, f.encoded[e.index]...)
		if err := e.typed(fv, f.node); err != nil {
			return err
		}
	}
	e.endMap(e)
	e.depth--
	return nil
}

// typedMap encodes the map v with its members in order.
func (e *encoder) typedMap(v reflect.Value, n *node) error {
	l := v.Len()
	if err := e.enter(l); err != nil {
		return err
	}
	e.mapping(e, l)

	// The values are copied into a slice, where they have addresses.
	values := reflect.MakeSlice(reflect.SliceOf(n.elem.typ), l, l)
	members := make([]member, l)
	key := reflect.New(n.typ.Key()).Elem()
	iter := v.MapRange()
	for i := 0; iter.Next(); i++ {
		key.SetIterKey(iter)
		values.Index(i).SetIterValue(iter)
		m := &members[i]
		m.value = i
		switch n.key {
		case kindString:
			m.name = key.String()
		case kindInt:
			m.name = string(e.appendIntName(nil, key.Int()))
		case kindUint:
			m.name = string(e.appendUintName(nil, key.Uint()))
		}
	}
	compare := strings.Compare
	if n.key == kindString {
		compare = e.compareNames
	}
	slices.SortFunc(members, func(a, b member) int { return compare(a.name, b.name) })

	for i, m := range members {
		e.next(e, i)
		if n.key == kindString {
			if err := e.name(m.name); err != nil {
				return err
			}
		} else {
			e.intName(e, []byte(m.name))
		}
		if err := e.typed(values.Index(m.value), n.elem); err != nil {
			return err
		}
	}
	e.endMap(e)
	e.depth--
	return nil
}

// A member of a map: its text name, or its integer name in the form that sorts,
// and which of the values it has.
type member struct {
	name  string
	value int
}
