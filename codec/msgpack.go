package codec

import (
	"bytes"
	"cmp"
	"encoding"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"reflect"
	"strings"
	"sync"
	"time"

	"github.com/vmihailenco/msgpack/v5"
	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

// MessagePack returns the codec that writes MessagePack: the shortest form of
// each integer, text as str, bytes as bin, times as the timestamp extension (-1).
//
// Reading takes longer forms of integers and lengths too, as other writers make them.
func MessagePack() Codec { return msgpackCodec }

// The library reads and writes the items, one at a time. Its walk over Go values
// is not used: it turns 300 into 44 in an int8, takes bytes for strings and arrays
// for structs, and reads the payload of an extension as a map where a map is
// expected, past any check made beforehand. And no byte reaches the library before
// msgpackScan has walked it: without that, dd ff ff ff ff ends the process.
type msgpackCodecType struct {
	appender
	decoders sync.Pool
}

var msgpackCodec = &msgpackCodecType{
	appender: appender{index: formatMessagePack},
	decoders: sync.Pool{New: func() any {
		r := new(msgpackReader)
		r.dec = msgpack.NewDecoder(&r.data)
		return r
	}},
}

func (*msgpackCodecType) ID() byte     { return 2 }
func (*msgpackCodecType) Name() string { return "msgpack" }

// msgpackFormat writes MessagePack. Writing into memory has no errors.
type msgpackFormat struct{}

func (msgpackFormat) null(e *encoder)               { e.msgpack.EncodeNil() }
func (msgpackFormat) bool(e *encoder, v bool)       { e.msgpack.EncodeBool(v) }
func (msgpackFormat) int(e *encoder, v int64)       { e.msgpack.EncodeInt(v) }
func (msgpackFormat) uint(e *encoder, v uint64)     { e.msgpack.EncodeUint(v) }
func (msgpackFormat) float32(e *encoder, v float32) { e.msgpack.EncodeFloat32(v) }
func (msgpackFormat) float64(e *encoder, v float64) { e.msgpack.EncodeFloat64(v) }
func (msgpackFormat) text(e *encoder, s string)     { e.msgpack.EncodeString(s) }
func (msgpackFormat) time(e *encoder, t time.Time)  { e.msgpack.EncodeTime(t) }
func (msgpackFormat) array(e *encoder, n int)       { e.msgpack.EncodeArrayLen(n) }
func (msgpackFormat) endArray(e *encoder)           {}
func (msgpackFormat) mapping(e *encoder, n int)     { e.msgpack.EncodeMapLen(n) }
func (msgpackFormat) endMap(e *encoder)             {}
func (msgpackFormat) next(e *encoder, i int)        {}
func (msgpackFormat) textName(e *encoder, s string) { e.msgpack.EncodeString(s) }
func (msgpackFormat) intName(e *encoder, b []byte)  { e.Write(b) }
func (msgpackFormat) compareNames(a, b string) int  { return compareShorter(a, b) }

func (msgpackFormat) bytes(e *encoder, b []byte) {
	e.msgpack.EncodeBytesLen(len(b))
	e.Write(b)
}

func (msgpackFormat) fieldName(name string) []byte {
	var b bytes.Buffer
	msgpack.NewEncoder(&b).EncodeString(name)
	return b.Bytes()
}

func (msgpackFormat) appendIntName(dst []byte, v int64) []byte {
	b := bytes.NewBuffer(dst)
	msgpack.NewEncoder(b).EncodeInt(v)
	return b.Bytes()
}

func (msgpackFormat) appendUintName(dst []byte, v uint64) []byte {
	b := bytes.NewBuffer(dst)
	msgpack.NewEncoder(b).EncodeUint(v)
	return b.Bytes()
}

// compareShorter orders texts as their encodings with a length in front are ordered.
func compareShorter(a, b string) int {
	if c := cmp.Compare(len(a), len(b)); c != 0 {
		return c
	}
	return strings.Compare(a, b)
}

func (c *msgpackCodecType) Decode(data []byte, v any) error {
	if err := msgpackScan(data); err != nil {
		return err
	}
	target := valuesTarget(v)
	var to reflect.Value
	var pl *plan
	if target == nil {
		var err error
		if to, pl, err = typedTarget(v); err != nil {
			return err
		}
		if k := pl.root.kind; (k == kindStruct || k == kindMap) && msgpackClass(data[0]) != classMap {
			return errNotMap
		}
	}

	r := c.decoders.Get().(*msgpackReader)
	r.data.Reset(data)
	var x any
	var err error
	if target != nil {
		x, err = r.value()
	} else {
		err = r.typed(to, pl.root)
	}
	r.data.Reset(nil)
	c.decoders.Put(r)
	if err != nil {
		return err
	}
	if target != nil {
		return setValues(target, x)
	}
	return nil
}

// A msgpackReader reads data that msgpackScan has accepted.
type msgpackReader struct {
	data bytes.Reader
	dec  *msgpack.Decoder // reads from data
	name []byte           // a member's name; kept for its capacity
}

var errMsgpack = errors.New("codec: malformed MessagePack")

// An error of the library after a scan would be one of this package's.
func msgpackError(err error) error {
	if err == nil {
		return nil
	}
	return &reworded{errMsgpack.Error(), err}
}

// value reads one of the kinds of Values.
func (r *msgpackReader) value() (any, error) {
	code, err := r.dec.PeekCode()
	if err != nil {
		return nil, msgpackError(err)
	}
	switch msgpackClass(code) {
	case classNil:
		return nil, r.dec.DecodeNil()
	case classBool:
		return r.dec.DecodeBool()
	case classInt:
		i, ok, err := r.int(code)
		if err == nil && !ok {
			err = errInt64
		}
		return i, err
	case classFloat:
		return r.dec.DecodeFloat64()
	case classString:
		return r.dec.DecodeString()
	case classBytes:
		return r.dec.DecodeBytes()
	case classTime:
		t, err := r.dec.DecodeTime()
		return t.UTC(), err
	case classArray:
		n, err := r.dec.DecodeArrayLen()
		if err != nil {
			return nil, msgpackError(err)
		}
		a := make([]any, n)
		for i := range a {
			if a[i], err = r.value(); err != nil {
				return nil, err
			}
		}
		return a, nil
	case classMap:
		n, err := r.dec.DecodeMapLen()
		if err != nil {
			return nil, msgpackError(err)
		}
		m := make(map[string]any, n)
		for range n {
			if code, err = r.dec.PeekCode(); err != nil {
				return nil, msgpackError(err)
			}
			if msgpackClass(code) != classString {
				return nil, errIntName
			}
			name, err := r.dec.DecodeString()
			if err != nil {
				return nil, msgpackError(err)
			}
			if m[name], err = r.value(); err != nil {
				return nil, err
			}
		}
		return m, nil
	}
	return nil, errMsgpack
}

var errIntName = errors.New("codec: a member whose name is not text")

// int reads an integer; ok if it is an int64.
func (r *msgpackReader) int(code byte) (i int64, ok bool, err error) {
	if code == msgpcode.Uint64 {
		u, err := r.dec.DecodeUint64()
		return int64(u), u <= math.MaxInt64, err
	}
	i, err = r.dec.DecodeInt64()
	return i, true, err
}

// uint reads an integer; ok if it is a uint64.
func (r *msgpackReader) uint(code byte) (u uint64, ok bool, err error) {
	if code == msgpcode.Uint64 {
		u, err = r.dec.DecodeUint64()
		return u, true, err
	}
	i, err := r.dec.DecodeInt64()
	return uint64(i), i >= 0, err
}

func misfit(t reflect.Type) error {
	return fmt.Errorf("codec: a value does not fit %v", t)
}

// typed reads into v, which holds its zero value, as n says.
func (r *msgpackReader) typed(v reflect.Value, n *node) error {
	code, err := r.dec.PeekCode()
	if err != nil {
		return msgpackError(err)
	}
	class := msgpackClass(code)
	if class == classNil {
		return r.dec.DecodeNil() // v is zero already
	}
	switch n.kind {
	case kindBool:
		if class != classBool {
			return misfit(n.typ)
		}
		b, err := r.dec.DecodeBool()
		v.SetBool(b)
		return msgpackError(err)
	case kindInt:
		if class != classInt {
			return misfit(n.typ)
		}
		i, ok, err := r.int(code)
		if err != nil {
			return msgpackError(err)
		}
		if !ok || v.OverflowInt(i) {
			return misfit(n.typ)
		}
		v.SetInt(i)
	case kindUint:
		if class != classInt {
			return misfit(n.typ)
		}
		u, ok, err := r.uint(code)
		if err != nil {
			return msgpackError(err)
		}
		if !ok || v.OverflowUint(u) {
			return misfit(n.typ)
		}
		v.SetUint(u)
	case kindFloat32, kindFloat64:
		return r.float(v, n, code, class)
	case kindString:
		if class != classString {
			return misfit(n.typ)
		}
		s, err := r.dec.DecodeString()
		v.SetString(s)
		return msgpackError(err)
	case kindBytes:
		if class != classBytes {
			return misfit(n.typ)
		}
		b, err := r.dec.DecodeBytes()
		v.SetBytes(b)
		return msgpackError(err)
	case kindByteArray:
		if class != classBytes {
			return misfit(n.typ)
		}
		l, err := r.dec.DecodeBytesLen()
		if err != nil {
			return msgpackError(err)
		}
		if l != v.Len() {
			return misfit(n.typ)
		}
		return msgpackError(r.dec.ReadFull(v.Bytes()))
	case kindTime:
		if class != classTime {
			return misfit(n.typ)
		}
		t, err := r.dec.DecodeTime()
		*v.Addr().Interface().(*time.Time) = t.UTC()
		return msgpackError(err)
	case kindText:
		if class != classString {
			return misfit(n.typ)
		}
		text, err := r.dec.DecodeBytes()
		if err != nil {
			return msgpackError(err)
		}
		if err := v.Addr().Interface().(encoding.TextUnmarshaler).UnmarshalText(text); err != nil {
			return &reworded{misfit(n.typ).Error(), err}
		}
	case kindPointer:
		v.Set(reflect.New(n.elem.typ))
		return r.typed(v.Elem(), n.elem)
	case kindSlice, kindArray:
		if class != classArray {
			return misfit(n.typ)
		}
		l, err := r.dec.DecodeArrayLen()
		if err != nil {
			return msgpackError(err)
		}
		if n.kind == kindSlice {
			v.Set(reflect.MakeSlice(n.typ, l, l))
		} else if l != v.Len() {
			return misfit(n.typ)
		}
		for i := range l {
			if err := r.typed(v.Index(i), n.elem); err != nil {
				return err
			}
		}
	case kindMap:
		if class != classMap {
			return misfit(n.typ)
		}
		return r.typedMap(v, n)
	case kindStruct:
		if class != classMap {
			return misfit(n.typ)
		}
		return r.structure(v, n)
	}
	return nil
}

func (r *msgpackReader) float(v reflect.Value, n *node, code byte, class msgpackKind) error {
	var f float64
	var err error
	switch {
	case class == classFloat:
		f, err = r.dec.DecodeFloat64()
	case code == msgpcode.Uint64:
		var u uint64
		u, err = r.dec.DecodeUint64()
		f = float64(u)
	case class == classInt:
		var i int64
		i, err = r.dec.DecodeInt64()
		f = float64(i)
	default:
		return misfit(n.typ)
	}
	if err != nil {
		return msgpackError(err)
	}
	if v.OverflowFloat(f) {
		return misfit(n.typ)
	}
	v.SetFloat(f)
	return nil
}

func (r *msgpackReader) typedMap(v reflect.Value, n *node) error {
	l, err := r.dec.DecodeMapLen()
	if err != nil {
		return msgpackError(err)
	}
	v.Set(reflect.MakeMapWithSize(n.typ, l))
	key := reflect.New(n.typ.Key()).Elem()
	value := reflect.New(n.elem.typ).Elem()
	keyNode := &node{kind: n.key, typ: n.typ.Key()}
	for range l {
		key.SetZero()
		value.SetZero()
		code, err := r.dec.PeekCode()
		if err != nil {
			return msgpackError(err)
		}
		if (msgpackClass(code) == classString) != (n.key == kindString) {
			return misfit(n.typ)
		}
		if err := r.typed(key, keyNode); err != nil {
			return err
		}
		if err := r.typed(value, n.elem); err != nil {
			return err
		}
		v.SetMapIndex(key, value)
	}
	return nil
}

func (r *msgpackReader) structure(v reflect.Value, n *node) error {
	l, err := r.dec.DecodeMapLen()
	if err != nil {
		return msgpackError(err)
	}
	expect := 0 // the field that comes next if the writer had the same struct
	for range l {
		f, err := r.field(n, expect)
		if err != nil {
			return err
		}
		if f < 0 {
			if err := r.dec.Skip(); err != nil {
				return msgpackError(err)
			}
			continue
		}
		expect = f + 1
		field := &n.fields[f]
		if err := r.typed(field.value(v), field.node); err != nil {
			return err
		}
	}
	return nil
}

// field reads a member's name and returns the index of its field, or -1.
func (r *msgpackReader) field(n *node, expect int) (int, error) {
	code, err := r.dec.PeekCode()
	if err != nil {
		return 0, msgpackError(err)
	}
	if code == msgpcode.Uint64 {
		u, err := r.dec.DecodeUint64()
		if err == nil && u > math.MaxInt64 {
			return 0, errBigName
		}
		return -1, msgpackError(err)
	}
	if msgpackClass(code) != classString {
		return -1, msgpackError(r.dec.Skip())
	}
	l, err := r.dec.DecodeBytesLen()
	if err != nil {
		return 0, msgpackError(err)
	}
	if cap(r.name) < l {
		r.name = make([]byte, l)
	}
	name := r.name[:l]
	if err := r.dec.ReadFull(name); err != nil && err != io.EOF {
		return 0, msgpackError(err)
	}
	return n.field(name, expect), nil
}

func (*msgpackCodecType) Extra(dst, data []byte, known func(name string) bool) ([]byte, error) {
	return binaryExtra(dst, data, known, msgpackMembers, appendMsgpackMap)
}

func (*msgpackCodecType) Merge(dst, a, b []byte) ([]byte, error) {
	return binaryMerge(dst, a, b, msgpackMembers, appendMsgpackMap, msgpackScan)
}

// appendMsgpackMap writes the beginning of a map of n members.
func appendMsgpackMap(dst []byte, n int) []byte {
	if n < 16 {
		return append(dst, msgpcode.FixedMapLow|byte(n))
	}
	return binary.BigEndian.AppendUint16(append(dst, msgpcode.Map16), uint16(n)) // MaxEntries is far below
}
