package codec

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math"
	"reflect"
	"time"
)

var (
	errCBOR    = errors.New("codec: malformed CBOR")
	errCBORTag = errors.New("codec: a CBOR tag other than that of a time")
)

// cborScan accepts data that is exactly one value within the limits: definite
// lengths within the data, text in UTF-8, finite numbers, maps by distinct texts
// and integers, no simple value but false, true and null, no tag but 0. If it is
// known what the value goes into, n, it fits that as far as the library would not
// look itself.
func cborScan(data []byte, n *node) error {
	s := scanner{data: data}
	if err := s.cbor(0, n); err != nil {
		return err
	}
	if s.off != len(data) {
		return errTrailing
	}
	return nil
}

// cborHead reads the head of an item: its first byte, and its argument.
func (s *scanner) cborHead() (first byte, arg uint64, ok bool) {
	if s.off >= len(s.data) {
		return 0, 0, false
	}
	first = s.data[s.off]
	s.off++
	info := first & 0x1f
	if info < 24 {
		return first, uint64(info), true
	}
	if info > 27 {
		return first, 0, false // reserved, or an indefinite length
	}
	b := s.data[s.off:]
	size := 1 << (info - 24)
	if len(b) < size {
		return first, 0, false
	}
	s.off += size
	switch size {
	case 1:
		arg = uint64(b[0])
	case 2:
		arg = uint64(binary.BigEndian.Uint16(b))
	case 4:
		arg = uint64(binary.BigEndian.Uint32(b))
	case 8:
		arg = binary.BigEndian.Uint64(b)
	}
	return first, arg, true
}

// cborString reads the n bytes of a text or byte string.
func (s *scanner) cborString(n uint64, text bool) ([]byte, error) {
	if n > uint64(len(s.data)-s.off) {
		return nil, errCBOR
	}
	b := s.data[s.off : s.off+int(n)]
	s.off += int(n)
	if text && !validText(b) {
		return nil, errUTF8
	}
	return b, nil
}

// cborEnter checks the n elements or members of a container that begins.
func (s *scanner) cborEnter(first byte, n uint64, depth int) error {
	rest := uint64(len(s.data) - s.off)
	if first&cborOther == cborMap {
		rest /= 2
	}
	if n > rest {
		return errCBOR
	}
	return s.enter(depth, n)
}

// cborNumber is the number with the first byte and the bits of one.
func cborNumber(first byte, bits uint64) (float64, error) {
	var f float64
	switch first {
	case cborHalf:
		f = fromHalf(uint16(bits))
	case cborFloat:
		f = float64(math.Float32frombits(uint32(bits)))
	case cborDouble:
		f = math.Float64frombits(bits)
	default:
		return 0, errors.New("codec: a CBOR simple value other than false, true and null")
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, errNotANum
	}
	return f, nil
}

// cborFits reports whether an item of this head may go into n, as far as the
// library takes what the other codecs do not: it drops tags, makes bytes of arrays
// and texts of numbers, drops elements of an array that are too many, and does not
// miss any.
func cborFits(first byte, arg uint64, n *node) bool {
	if first == cborNull {
		return true
	}
	major := first & cborOther
	switch n.kind {
	case kindString, kindText:
		return major == cborText
	case kindBytes:
		return major == cborBytes
	case kindByteArray:
		return major == cborBytes && arg == uint64(n.typ.Len())
	case kindArray:
		return major == cborArray && arg == uint64(n.typ.Len())
	}
	return true
}

// cbor scans one value; depth containers are around it, and it goes into n unless
// that is nil.
func (s *scanner) cbor(depth int, n *node) error {
	first, arg, ok := s.cborHead()
	if !ok {
		return errCBOR
	}
	var elem *node // what elements go into
	if n != nil {
		if n.kind == kindPointer {
			n = n.elem
		}
		if !cborFits(first, arg, n) {
			return misfit(n.typ)
		}
		elem = n.elem
	}
	switch first & cborOther {
	case cborUint:
	case cborNegint:
		if arg > math.MaxInt64 {
			return errInt64
		}
	case cborBytes, cborText:
		_, err := s.cborString(arg, first&cborOther == cborText)
		return err
	case cborArray:
		if err := s.cborEnter(first, arg, depth); err != nil {
			return err
		}
		for range arg {
			if err := s.cbor(depth+1, elem); err != nil {
				return err
			}
		}
	case cborMap:
		if err := s.cborEnter(first, arg, depth); err != nil {
			return err
		}
		return s.cborMap(arg, depth, n, reflect.Value{})
	case cborTag:
		text, err := s.cborTime(first)
		if err != nil {
			return err
		}
		_, err = parseTime(text)
		return err
	case cborOther:
		if first != cborFalse && first != cborTrue && first != cborNull {
			_, err := cborNumber(first, arg)
			return err
		}
	}
	return nil
}

// cborMap scans the members of a map that goes into n unless that is nil. If v is
// valid it is a struct of single items, and they are set.
func (s *scanner) cborMap(members uint64, depth int, n *node, v reflect.Value) error {
	var names scannedNames
	var few [12]scannedName
	seen := few[:0]
	fields := uint64(0) // a bit for each of the first fields that has been seen
	expect := 0         // the field that comes next if the writer had the same struct
	for range members {
		var elem *node // what the member goes into
		if n != nil {
			elem = n.elem // a struct has none
		}
		first, arg, ok := s.cborHead()
		if !ok {
			return errCBOR
		}
		var name scannedName
		var bit uint64
		switch first & cborOther {
		case cborText:
			text, err := s.cborString(arg, false)
			if err != nil {
				return err
			}
			if n != nil && n.kind == kindStruct {
				if f := n.field(text, expect); f >= 0 {
					elem, expect = n.fields[f].node, f+1
					if f < 64 {
						// Its name is known, as is that it is text, and tells it from the others.
						if fields&(1<<f) != 0 {
							return errDuplicate
						}
						fields |= 1 << f
						var err error
						if v.IsValid() {
							err = s.cborItem(n.fields[f].value(v), elem)
						} else {
							err = s.cbor(depth+1, elem)
						}
						if err != nil {
							return err
						}
						continue
					}
				}
			}
			if !validText(text) {
				return errUTF8
			}
			name, bit = textName(s.off-len(text), s.off), textBit(text)
		case cborUint:
			if arg > math.MaxInt64 && n != nil && n.kind == kindStruct {
				return errBigName // for the library, too
			}
			name, bit = intName(arg, arg > math.MaxInt64), intBit(arg)
		case cborNegint:
			if arg > math.MaxInt64 {
				return errInt64
			}
			name, bit = intName(^arg, false), intBit(^arg)
		default:
			return errName
		}
		if names.bits&bit != 0 {
			if err := s.meet(&names, seen, name); err != nil {
				return err
			}
		}
		names.bits |= bit
		seen = append(seen, name)
		if err := s.cbor(depth+1, elem); err != nil {
			return err
		}
	}
	return s.distinct(&names, seen)
}

const sharedText = 512 // bytes

// cborStruct decodes data, which it checks as cborScan does, into the struct v of
// single items: in one pass, and without the library.
func cborStruct(data []byte, v reflect.Value, n *node) error {
	s := scanner{data: data}
	first, members, ok := s.cborHead()
	switch {
	case !ok:
		return errCBOR
	case first&cborOther != cborMap:
		return cmp.Or(cborScan(data, n), errNotMap)
	}
	if err := s.cborEnter(first, members, 0); err != nil {
		return err
	}
	if err := s.cborMap(members, 0, n, v); err != nil {
		return err
	}
	if s.off != len(data) {
		return errTrailing
	}
	return nil
}

// textOf returns b, which s has just read, as a string. Those of a short payload share
// one copy of it: a string that is kept keeps no more than sharedText.
func (s *scanner) textOf(b []byte) string {
	switch {
	case len(b) == 0:
		return ""
	case len(s.data) > sharedText:
		return string(b)
	case s.text == "":
		s.text = string(s.data)
	}
	return s.text[s.off-len(b) : s.off]
}

// cborItem reads a single item into v, which holds its zero value, as n says.
func (s *scanner) cborItem(v reflect.Value, n *node) error {
	first, arg, ok := s.cborHead()
	if !ok {
		return errCBOR
	}
	if first == cborNull {
		return nil // v is zero already
	}
	major := first & cborOther
	switch n.kind {
	case kindBool:
		if first != cborFalse && first != cborTrue {
			return misfit(n.typ)
		}
		v.SetBool(first == cborTrue)
	case kindInt:
		i := int64(arg)
		if major == cborNegint {
			i = ^i
		}
		if major > cborNegint || arg > math.MaxInt64 || v.OverflowInt(i) {
			return misfit(n.typ)
		}
		v.SetInt(i)
	case kindUint:
		if major != cborUint || v.OverflowUint(arg) {
			return misfit(n.typ)
		}
		v.SetUint(arg)
	case kindFloat32, kindFloat64:
		f, err := float64(arg), error(nil)
		switch {
		case major == cborNegint && arg <= math.MaxInt64:
			f = float64(^int64(arg))
		case major == cborOther:
			f, err = cborNumber(first, arg)
		case major != cborUint:
			return misfit(n.typ)
		}
		if err != nil {
			return err
		}
		if v.OverflowFloat(f) {
			return misfit(n.typ)
		}
		v.SetFloat(f)
	case kindString:
		if major != cborText {
			return misfit(n.typ)
		}
		b, err := s.cborString(arg, true)
		v.SetString(s.textOf(b))
		return err
	case kindBytes, kindByteArray:
		if major != cborBytes || n.kind == kindByteArray && arg != uint64(v.Len()) {
			return misfit(n.typ)
		}
		b, err := s.cborString(arg, false)
		if err != nil {
			return err
		}
		if n.kind == kindBytes {
			v.SetBytes(append([]byte{}, b...))
		} else {
			copy(v.Bytes(), b)
		}
	case kindTime:
		if major != cborTag {
			return misfit(n.typ)
		}
		text, err := s.cborTime(first)
		if err != nil {
			return err
		}
		*v.Addr().Interface().(*time.Time), err = parseTime(text)
		return err
	}
	return nil
}

// cborTime reads the text that follows the head of tag 0.
func (s *scanner) cborTime(first byte) ([]byte, error) {
	if first != cborTimeTag {
		return nil, errCBORTag
	}
	first, arg, ok := s.cborHead()
	if !ok {
		return nil, errCBOR
	}
	if first&cborOther != cborText {
		return nil, errTime
	}
	return s.cborString(arg, true)
}

// cborValue reads one of the kinds of Values, checking what cbor checks.
func (s *scanner) cborValue(depth int) (any, error) {
	first, arg, ok := s.cborHead()
	if !ok {
		return nil, errCBOR
	}
	switch first & cborOther {
	case cborUint:
		if arg > math.MaxInt64 {
			return nil, errInt64
		}
		return int64(arg), nil
	case cborNegint:
		if arg > math.MaxInt64 {
			return nil, errInt64
		}
		return ^int64(arg), nil
	case cborBytes:
		b, err := s.cborString(arg, false)
		return append([]byte{}, b...), err
	case cborText:
		b, err := s.cborString(arg, true)
		return string(b), err
	case cborArray:
		if err := s.cborEnter(first, arg, depth); err != nil {
			return nil, err
		}
		a := make([]any, arg)
		for i := range a {
			var err error
			if a[i], err = s.cborValue(depth + 1); err != nil {
				return nil, err
			}
		}
		return a, nil
	case cborMap:
		if err := s.cborEnter(first, arg, depth); err != nil {
			return nil, err
		}
		m := make(map[string]any, arg)
		for i := range arg {
			first, n, ok := s.cborHead()
			if !ok {
				return nil, errCBOR
			}
			if first&cborOther != cborText {
				return nil, errIntName
			}
			name, err := s.cborString(n, true)
			if err != nil {
				return nil, err
			}
			v, err := s.cborValue(depth + 1)
			if err != nil {
				return nil, err
			}
			m[string(name)] = v
			if uint64(len(m)) != i+1 {
				return nil, errDuplicate
			}
		}
		return m, nil
	case cborTag:
		text, err := s.cborTime(first)
		if err != nil {
			return nil, err
		}
		return parseTime(text)
	}
	switch first {
	case cborFalse:
		return false, nil
	case cborTrue:
		return true, nil
	case cborNull:
		return nil, nil
	}
	return cborNumber(first, arg)
}

// cborSkip passes over a value that has been scanned before.
func (s *scanner) cborSkip() error {
	s.entries = 0
	return s.cbor(0, nil)
}

// cborMembers walks the members of the map data.
func cborMembers(data []byte, f func(name memberName, raw []byte)) error {
	if err := cborScan(data, nil); err != nil {
		return err
	}
	s := scanner{data: data}
	first, n, _ := s.cborHead()
	if first&cborOther != cborMap {
		return errNotMap
	}
	for range n {
		from := s.off
		first, arg, _ := s.cborHead()
		var name memberName
		switch first & cborOther {
		case cborText:
			text, _ := s.cborString(arg, false)
			name.text = string(text)
		case cborUint:
			name = memberName{isInt: true, value: arg, big: arg > math.MaxInt64}
		default:
			name = memberName{isInt: true, value: ^arg}
		}
		if err := s.cborSkip(); err != nil {
			return err
		}
		f(name, data[from:s.off])
	}
	return nil
}
