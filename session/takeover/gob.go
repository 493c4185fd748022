package takeover

import (
	"encoding"
	"encoding/binary"
	"encoding/gob"
	"math"
	"math/bits"
	"net/url"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/keyturn/keyturn/session"
)

// decodeGob decodes data, which has been verified, as one value of type t in the format
// of encoding/gob (its documentation, "Encoding Details"). Types are those that the
// value of an interface may have, by their names in a gob.
//
// It does not use gob.Decoder, whose limits cannot be set, and whose types are those of
// the whole program: see [Gorilla]. Every element, entry, field and type counts against
// maxEntries before there is memory for it, and takes a byte of the data at least.
func decodeGob(data []byte, t reflect.Type, types map[string]reflect.Type) (any, error) {
	d := gobReader{types: types, rest: data, wire: map[int64]*gobWire{}, fitting: map[gobFit]bool{}}
	id, err := d.sequence(false)
	if err != nil {
		return nil, err
	}
	v := reflect.New(t).Elem()
	if err := d.whole(id, v, 0); err != nil {
		return nil, err
	}
	if len(d.message) > 0 || len(d.rest) > 0 {
		return nil, refuse(session.ErrUndecodable, "there is more behind the gob")
	}
	return v.Interface(), nil
}

var (
	errNotGob      = refuse(session.ErrUndecodable, "the payload is not gob")
	errGobTooDeep  = refuse(session.ErrUndecodable, "the gob is nested too deeply")
	errGobTooMany  = refuse(session.ErrUndecodable, "the gob is of too many entries")
	errGobNumber   = refuse(session.ErrUndecodable, "the gob is of a number that is out of range")
	errGobMismatch = refuse(session.ErrUndecodable, "the gob is of another type")
	errGobUnknown  = refuse(session.ErrUndecodable, "the gob has a type that is neither a usual one nor in Types")
	errGobKey      = refuse(session.ErrUndecodable, "the gob has a key that cannot be one")
	errGobTwice    = refuse(session.ErrUndecodable, "the gob has a key twice")
	errGobValue    = refuse(session.ErrUndecodable, "the gob has a value that its type does not decode")
)

// Numbers of types in a gob. The program's own begin at gobFirst.
const (
	gobBool      = 1
	gobInt       = 2
	gobUint      = 3
	gobFloat     = 4
	gobBytes     = 5
	gobString    = 6
	gobComplex   = 7
	gobInterface = 8
	gobFirst     = 64
)

// What a type of the program's own is, by the number of the field of gob's wireType.
const (
	gobArray = 1 + iota
	gobSlice
	gobStruct
	gobMap
	gobEncoder // GobEncode
	gobBinary  // MarshalBinary
)

// A gobWire is a type as the gob defines it.
type gobWire struct {
	kind      int
	key, elem int64
	length    int64 // of an array
	fields    []gobField
}

type gobField struct {
	name string
	id   int64
}

// A gobFit is a type of Go, and one of the gob that it shall hold.
type gobFit struct {
	t  reflect.Type
	id int64
}

type gobReader struct {
	types   map[string]reflect.Type
	message []byte // what is left of the current one
	rest    []byte // the messages behind it
	wire    map[int64]*gobWire
	fitting map[gobFit]bool // what fits, as far as is known; false if only within another value
	entries int
}

// uint reads an unsigned integer.
func (d *gobReader) uint() (uint64, error) { return gobReadUint(&d.message) }

func gobReadUint(data *[]byte) (uint64, error) {
	b := *data
	if len(b) == 0 {
		return 0, errNotGob
	}
	if b[0] <= 0x7f {
		*data = b[1:]
		return uint64(b[0]), nil
	}
	n := 256 - int(b[0]) // bytes that follow
	if n > 8 || n >= len(b) {
		return 0, errNotGob
	}
	var x uint64
	for _, c := range b[1 : 1+n] {
		x = x<<8 | uint64(c)
	}
	*data = b[1+n:]
	return x, nil
}

// int reads a signed integer, whose lowest bit says that the rest is complemented.
func (d *gobReader) int() (int64, error) {
	x, err := d.uint()
	if x&1 != 0 {
		return ^int64(x >> 1), err
	}
	return int64(x >> 1), err
}

// float reads a floating-point number, whose bytes are reversed.
func (d *gobReader) float() (float64, error) {
	x, err := d.uint()
	return math.Float64frombits(bits.ReverseBytes64(x)), err
}

// bytes reads a length and as many bytes, which are still the data's.
func (d *gobReader) bytes() ([]byte, error) {
	n, err := d.uint()
	if err != nil || n > uint64(len(d.message)) {
		return nil, errNotGob
	}
	b := d.message[:n]
	d.message = d.message[n:]
	return b, nil
}

// count reads how many elements follow, each of which takes a number of bytes at least.
func (d *gobReader) count(bytes int) (int, error) {
	n, err := d.uint()
	if err != nil || n > uint64((len(d.message)+len(d.rest))/bytes) {
		return 0, errNotGob
	}
	return int(n), d.entry(int(n))
}

// entry counts n entries.
func (d *gobReader) entry(n int) error {
	if d.entries += n; d.entries > maxEntries {
		return errGobTooMany
	}
	return nil
}

// sequence reads definitions of types, up to the number of the type of the value that
// follows. Behind one within the value of an interface is the length of what follows,
// which otherwise is that of the next message.
func (d *gobReader) sequence(within bool) (int64, error) {
	for {
		if len(d.message) == 0 {
			n, err := gobReadUint(&d.rest)
			if err != nil || n > uint64(len(d.rest)) {
				return 0, errNotGob
			}
			d.message, d.rest = d.rest[:n], d.rest[n:]
		}
		id, err := d.int()
		if err != nil || id >= 0 {
			return id, err
		}
		if err := d.define(-id); err != nil {
			return 0, err
		}
		if len(d.message) > 0 {
			if !within {
				return 0, errNotGob
			}
			if _, err := d.uint(); err != nil {
				return 0, err
			}
		}
	}
}

// define reads the definition of a type (wireType in encoding/gob/type.go).
func (d *gobReader) define(id int64) error {
	if id < gobFirst || id > math.MaxInt32 || d.wire[id] != nil {
		return errNotGob
	}
	if err := d.entry(1); err != nil {
		return err
	}
	w := &gobWire{}
	err := d.members(func(kind int) error {
		if w.kind != 0 || kind > gobBinary { // that of MarshalText, which gob does not use, is one more
			return errNotGob
		}
		w.kind = kind
		return d.members(func(n int) (err error) {
			switch {
			case n == 1:
				return d.members(d.common)
			case n == 2 && kind == gobStruct:
				w.fields, err = d.fields()
			case n == 2 && kind == gobMap:
				w.key, err = d.int()
			case n == 2 && (kind == gobArray || kind == gobSlice), n == 3 && kind == gobMap:
				w.elem, err = d.int()
			case n == 3 && kind == gobArray:
				w.length, err = d.int()
			default:
				err = errNotGob
			}
			return err
		})
	})
	if err != nil {
		return err
	}
	if w.kind == 0 {
		return errNotGob
	}
	d.wire[id] = w
	return nil
}

// members calls f with the number, from 1, of each field of a struct of gob's own.
func (d *gobReader) members(f func(n int) error) error {
	n := 0
	for {
		delta, err := d.uint()
		if err != nil || delta == 0 {
			return err
		}
		if delta > 8 {
			return errNotGob
		}
		n += int(delta)
		if err := f(n); err != nil {
			return err
		}
	}
}

// common skips the name of a type, which is for people, and its number once more.
func (d *gobReader) common(n int) error {
	var err error
	switch n {
	case 1:
		_, err = d.bytes()
	case 2:
		_, err = d.int()
	default:
		err = errNotGob
	}
	return err
}

func (d *gobReader) fields() ([]gobField, error) {
	n, err := d.count(1)
	if err != nil {
		return nil, err
	}
	fields := make([]gobField, n)
	for i := range fields {
		err := d.members(func(n int) (err error) {
			switch n {
			case 1:
				var name []byte
				name, err = d.bytes()
				fields[i].name = string(name)
			case 2:
				fields[i].id, err = d.int()
			default:
				err = errNotGob
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return fields, nil
}

// whole reads a value that is not within another, or is that of an interface, into v.
func (d *gobReader) whole(id int64, v reflect.Value, depth int) error {
	if err := d.fits(v.Type(), id, depth); err != nil {
		return err
	}
	if !d.fitting[gobFit{gobBase(v.Type()), id}] {
		return errGobMismatch
	}
	if err := d.single(id); err != nil {
		return err
	}
	return d.value(id, v, depth)
}

// single reads the zero that is before a value that is not a struct.
func (d *gobReader) single(id int64) error {
	if w := d.wire[id]; w != nil && w.kind == gobStruct {
		return nil
	}
	if zero, err := d.uint(); err != nil || zero != 0 {
		return errNotGob
	}
	return nil
}

// fits reports, as an error, that a value of the gob's type does not fit into t, whatever
// it is. What is being looked at already fits for now.
func (d *gobReader) fits(t reflect.Type, id int64, depth int) error {
	t = gobBase(t)
	if _, ok := d.fitting[gobFit{t, id}]; ok {
		return nil
	}
	if depth > maxDepth {
		return errGobTooDeep
	}
	d.fitting[gobFit{t, id}] = true
	w := d.wire[id]
	if w == nil {
		w = &gobWire{}
	}
	own := gobDecoderOf(t)
	if own != 0 || w.kind == gobEncoder || w.kind == gobBinary {
		if own != w.kind {
			return errGobMismatch
		}
		return nil
	}
	var basic int64
	switch t.Kind() {
	case reflect.Bool:
		basic = gobBool
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		basic = gobInt
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		basic = gobUint
	case reflect.Float32, reflect.Float64:
		basic = gobFloat
	case reflect.Complex64, reflect.Complex128:
		basic = gobComplex
	case reflect.String:
		basic = gobString
	case reflect.Interface:
		basic = gobInterface
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			basic = gobBytes
			break
		}
		if w.kind == gobSlice {
			return d.fits(t.Elem(), w.elem, depth+1)
		}
	case reflect.Array:
		if w.kind == gobArray && w.length == int64(t.Len()) {
			return d.fits(t.Elem(), w.elem, depth+1)
		}
	case reflect.Map:
		if w.kind == gobMap {
			if err := d.fits(t.Key(), w.key, depth+1); err != nil {
				return err
			}
			return d.fits(t.Elem(), w.elem, depth+1)
		}
	case reflect.Struct:
		if w.kind == gobStruct {
			return d.fieldsFit(t, id, depth)
		}
	}
	if basic == 0 || basic != id {
		return errGobMismatch
	}
	return nil
}

// fieldsFit is fits for structs. One that has none of the fields is another struct
// altogether, which gob.Decoder takes for a value within another.
func (d *gobReader) fieldsFit(t reflect.Type, id int64, depth int) error {
	fields := d.wire[id].fields
	known := 0
	for _, f := range fields {
		local, ok := gobLocal(t, f.name)
		if !ok {
			continue
		}
		if err := d.fits(local.Type, f.id, depth+1); err != nil {
			return err
		}
		known++
	}
	if known == 0 && len(fields) > 0 && t.NumField() > 0 {
		d.fitting[gobFit{t, id}] = false
	}
	return nil
}

// gobLocal returns the field of t that is for a field of the gob.
func gobLocal(t reflect.Type, name string) (reflect.StructField, bool) {
	f, ok := t.FieldByName(name)
	return f, ok && f.IsExported()
}

// gobBase returns what t points to, which is what is in a gob.
func gobBase(t reflect.Type) reflect.Type {
	for range 16 { // a type can be a pointer to itself
		if t.Kind() != reflect.Pointer {
			break
		}
		t = t.Elem()
	}
	return t
}

// gobDecoderOf says which of its own methods decode a type, if it has any.
func gobDecoderOf(t reflect.Type) int {
	if t.Kind() == reflect.Interface {
		return 0
	}
	switch p := reflect.PointerTo(t); {
	case p.Implements(reflect.TypeFor[gob.GobDecoder]()):
		return gobEncoder
	case p.Implements(reflect.TypeFor[encoding.BinaryUnmarshaler]()):
		return gobBinary
	}
	return 0
}

// value reads a value into v, into which it fits.
func (d *gobReader) value(id int64, v reflect.Value, depth int) error {
	if depth > maxDepth {
		return errGobTooDeep
	}
	for v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	w := d.wire[id]
	if w != nil && (w.kind == gobEncoder || w.kind == gobBinary) {
		return d.own(v, w.kind)
	}
	switch v.Kind() {
	case reflect.Interface:
		return d.concrete(v, depth)
	case reflect.Slice:
		if id == gobBytes {
			b, err := d.bytes()
			if len(b) > 0 { // else nil, as gob.Decoder leaves it
				v.SetBytes(slices.Clone(b))
			}
			return err
		}
		n, err := d.count(1)
		if err != nil || n == 0 {
			return err
		}
		v.Set(reflect.MakeSlice(v.Type(), n, n))
		return d.elements(w, v, n, depth)
	case reflect.Array:
		n, err := d.count(1)
		if err != nil {
			return err
		}
		if n != v.Len() {
			return errNotGob
		}
		return d.elements(w, v, n, depth)
	case reflect.Map:
		return d.table(w, v, depth)
	case reflect.Struct:
		return d.record(w, v, depth)
	}
	return d.basic(v)
}

// basic reads a value that has no others in it.
func (d *gobReader) basic(v reflect.Value) error {
	switch v.Kind() {
	case reflect.Bool:
		x, err := d.uint()
		v.SetBool(x != 0)
		return err
	case reflect.String:
		b, err := d.bytes()
		v.SetString(string(b))
		return err
	case reflect.Float32, reflect.Float64:
		x, err := d.float()
		if v.OverflowFloat(x) {
			return errGobNumber
		}
		v.SetFloat(x)
		return err
	case reflect.Complex64, reflect.Complex128:
		re, err := d.float()
		if err != nil {
			return err
		}
		im, err := d.float()
		if v.OverflowComplex(complex(re, im)) {
			return errGobNumber
		}
		v.SetComplex(complex(re, im))
		return err
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		x, err := d.int()
		if v.OverflowInt(x) {
			return errGobNumber
		}
		v.SetInt(x)
		return err
	}
	x, err := d.uint() // fits has seen to it that there is nothing else
	if v.OverflowUint(x) {
		return errGobNumber
	}
	v.SetUint(x)
	return err
}

func (d *gobReader) elements(w *gobWire, v reflect.Value, n, depth int) error {
	for i := range n {
		if err := d.value(w.elem, v.Index(i), depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (d *gobReader) table(w *gobWire, v reflect.Value, depth int) error {
	n, err := d.count(2)
	if err != nil {
		return err
	}
	t := v.Type()
	v.Set(reflect.MakeMap(t))
	for range n {
		key, elem := reflect.New(t.Key()).Elem(), reflect.New(t.Elem()).Elem()
		if err := d.value(w.key, key, depth+1); err != nil {
			return err
		}
		if !key.Comparable() {
			return errGobKey
		}
		if v.MapIndex(key).IsValid() {
			return errGobTwice
		}
		if err := d.value(w.elem, elem, depth+1); err != nil {
			return err
		}
		v.SetMapIndex(key, elem)
	}
	return nil
}

// next reads which field of a struct follows the one of number i; end says that none does.
func (d *gobReader) next(w *gobWire, i int) (next int, end bool, err error) {
	delta, err := d.uint()
	if err != nil || delta == 0 {
		return i, true, err
	}
	if delta >= uint64(len(w.fields)-i) {
		return i, false, errNotGob
	}
	return i + int(delta), false, d.entry(1)
}

// record reads a struct. What v has no field for is skipped.
func (d *gobReader) record(w *gobWire, v reflect.Value, depth int) error {
	i := -1
	for {
		next, end, err := d.next(w, i)
		if err != nil || end {
			return err
		}
		i = next
		f := w.fields[i]
		local, ok := gobLocal(v.Type(), f.name)
		if !ok {
			if err := d.skip(f.id, depth+1); err != nil {
				return err
			}
			continue
		}
		field, err := v.FieldByIndexErr(local.Index)
		if err != nil { // of an embedded struct that is not there
			return errGobMismatch
		}
		if err := d.value(f.id, field, depth+1); err != nil {
			return err
		}
	}
}

// concrete reads the value of an interface.
func (d *gobReader) concrete(v reflect.Value, depth int) error {
	name, err := d.bytes()
	if err != nil || len(name) == 0 { // nil
		return err
	}
	t, ok := d.types[string(name)]
	if !ok {
		return errGobUnknown
	}
	id, err := d.sequence(true)
	if err != nil {
		return err
	}
	if _, err := d.uint(); err != nil { // its length, up to where a type is defined within it
		return err
	}
	if !t.AssignableTo(v.Type()) {
		return errGobMismatch
	}
	x := reflect.New(t).Elem()
	if err := d.whole(id, x, depth); err != nil {
		return err
	}
	v.Set(x)
	return nil
}

// own has a type decode its value by itself.
func (d *gobReader) own(v reflect.Value, kind int) error {
	b, err := d.bytes()
	if err != nil {
		return err
	}
	if kind == gobEncoder {
		err = v.Addr().Interface().(gob.GobDecoder).GobDecode(b)
	} else {
		err = v.Addr().Interface().(encoding.BinaryUnmarshaler).UnmarshalBinary(b)
	}
	if err != nil {
		return errGobValue // its own words may be the client's
	}
	// UnmarshalBinary of a time takes any number of nanoseconds, and one that is out of
	// range for a reading of the monotonic clock.
	if v.Type() == reflect.TypeFor[time.Time]() && binary.BigEndian.Uint32(b[9:]) >= 1e9 {
		return errGobValue
	}
	return nil
}

// skip reads a value that nothing is done with.
func (d *gobReader) skip(id int64, depth int) error {
	if depth > maxDepth {
		return errGobTooDeep
	}
	var err error
	switch id {
	case gobBool, gobInt, gobUint, gobFloat:
		_, err = d.uint()
		return err
	case gobComplex:
		if _, err = d.uint(); err == nil {
			_, err = d.uint()
		}
		return err
	case gobBytes, gobString:
		_, err = d.bytes()
		return err
	case gobInterface:
		name, err := d.bytes()
		if err != nil || len(name) == 0 {
			return err
		}
		if id, err = d.sequence(true); err != nil {
			return err
		}
		if _, err := d.uint(); err != nil {
			return err
		}
		if err := d.single(id); err != nil {
			return err
		}
		return d.skip(id, depth+1)
	}
	w := d.wire[id]
	if w == nil {
		return errNotGob
	}
	switch w.kind {
	case gobStruct:
		for i, end := -1, false; ; {
			if i, end, err = d.next(w, i); err != nil || end {
				return err
			}
			if err := d.skip(w.fields[i].id, depth+1); err != nil {
				return err
			}
		}
	case gobEncoder, gobBinary:
		_, err = d.bytes()
		return err
	}
	bytes := 1
	if w.kind == gobMap {
		bytes = 2
	}
	n, err := d.count(bytes)
	for ; n > 0 && err == nil; n-- {
		if w.kind == gobMap {
			if err = d.skip(w.key, depth+1); err != nil {
				break
			}
		}
		err = d.skip(w.elem, depth+1)
	}
	return err
}

// gobName returns the name under which gob.Register has a type.
func gobName(t reflect.Type) string {
	if t.Name() == "" || t.PkgPath() == "" {
		return t.String() // of a pointer to a type of a package, it has the package's last element only
	}
	return t.PkgPath() + "." + t.Name()
}

// usualGob has the types that the value of an interface may have without the program
// saying so, by their names. They are few and made once: package reflect keeps every
// type that it makes for ever, so that a name must not choose one.
var usualGob = sync.OnceValue(func() map[string]reflect.Type {
	text, any := reflect.TypeFor[string](), reflect.TypeFor[any]()
	basic := []reflect.Type{
		text, any, reflect.TypeFor[bool](),
		reflect.TypeFor[int](), reflect.TypeFor[int8](), reflect.TypeFor[int16](), reflect.TypeFor[int32](), reflect.TypeFor[int64](),
		reflect.TypeFor[uint](), reflect.TypeFor[uint8](), reflect.TypeFor[uint16](), reflect.TypeFor[uint32](), reflect.TypeFor[uint64](), reflect.TypeFor[uintptr](),
		reflect.TypeFor[float32](), reflect.TypeFor[float64](), reflect.TypeFor[complex64](), reflect.TypeFor[complex128](),
		reflect.TypeFor[time.Time](), reflect.TypeFor[time.Duration](),
	}
	all := slices.Clone(basic)
	for _, t := range basic {
		all = append(all, reflect.SliceOf(t), reflect.MapOf(text, t), reflect.MapOf(reflect.TypeFor[int](), t), reflect.MapOf(reflect.TypeFor[int64](), t), reflect.MapOf(any, t))
	}
	for _, t := range []reflect.Type{text, any, reflect.TypeFor[int](), reflect.TypeFor[byte]()} {
		list, object := reflect.SliceOf(t), reflect.MapOf(text, t)
		all = append(all, reflect.SliceOf(list), reflect.SliceOf(object), reflect.MapOf(text, list), reflect.MapOf(text, object))
	}
	all = append(all, reflect.TypeFor[map[string]struct{}](), reflect.TypeFor[url.Values]())
	types := make(map[string]reflect.Type, len(all))
	for _, t := range all {
		types[gobName(t)] = t
	}
	delete(types, gobName(any)) // an interface is not the value of one
	return types
})
