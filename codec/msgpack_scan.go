package codec

import (
	"encoding/binary"
	"math"

	"github.com/vmihailenco/msgpack/v5/msgpcode"
)

type msgpackKind uint8

const (
	classNone msgpackKind = iota // 0xc1, never used
	classNil
	classBool
	classInt
	classFloat
	classString
	classBytes
	classTime // any extension: the scan accepts no other
	classArray
	classMap
)

var msgpackClasses = func() (t [256]msgpackKind) {
	for c := range t {
		switch c := byte(c); {
		case msgpcode.IsFixedNum(c), c >= msgpcode.Uint8 && c <= msgpcode.Int64:
			t[c] = classInt
		case msgpcode.IsString(c):
			t[c] = classString
		case msgpcode.IsBin(c):
			t[c] = classBytes
		case msgpcode.IsExt(c):
			t[c] = classTime
		case msgpcode.IsFixedArray(c), c == msgpcode.Array16, c == msgpcode.Array32:
			t[c] = classArray
		case msgpcode.IsFixedMap(c), c == msgpcode.Map16, c == msgpcode.Map32:
			t[c] = classMap
		case c == msgpcode.Nil:
			t[c] = classNil
		case c == msgpcode.False, c == msgpcode.True:
			t[c] = classBool
		case c == msgpcode.Float, c == msgpcode.Double:
			t[c] = classFloat
		}
	}
	return t
}()

// msgpackClass says what kind of item begins with the byte code.
func msgpackClass(code byte) msgpackKind { return msgpackClasses[code] }

// msgpackScan accepts data that is exactly one value within the limits: lengths
// within the data, text in UTF-8, finite numbers, maps by distinct texts and
// integers, no extension but timestamps.
func msgpackScan(data []byte) error {
	s := scanner{data: data}
	if err := s.msgpack(0); err != nil {
		return err
	}
	if s.off != len(data) {
		return errTrailing
	}
	return nil
}

// msgpackHead reads the first byte of an item and the number in it or after it:
// the length of texts, bytes, arrays and maps, or the value of other items.
func (s *scanner) msgpackHead() (class msgpackKind, code byte, arg uint64, ok bool) {
	if s.off >= len(s.data) {
		return 0, 0, 0, false
	}
	code = s.data[s.off]
	s.off++
	class = msgpackClasses[code]
	size := 0
	switch {
	case code <= msgpcode.PosFixedNumHigh:
		return class, code, uint64(code), true
	case code <= msgpcode.FixedArrayHigh: // 0x80 to 0x9f
		return class, code, uint64(code & 0xf), true
	case code <= msgpcode.FixedStrHigh: // 0xa0 to 0xbf
		return class, code, uint64(code & 0x1f), true
	case code >= msgpcode.NegFixedNumLow:
		return class, code, uint64(int64(int8(code))), true
	}
	switch code {
	case msgpcode.Nil, msgpcode.False, msgpcode.True:
		return class, code, 0, true
	case msgpcode.Bin8, msgpcode.Str8, msgpcode.Uint8, msgpcode.Int8, msgpcode.Ext8:
		size = 1
	case msgpcode.Bin16, msgpcode.Str16, msgpcode.Uint16, msgpcode.Int16, msgpcode.Array16, msgpcode.Map16:
		size = 2
	case msgpcode.Bin32, msgpcode.Str32, msgpcode.Uint32, msgpcode.Int32, msgpcode.Array32, msgpcode.Map32, msgpcode.Float:
		size = 4
	case msgpcode.Uint64, msgpcode.Int64, msgpcode.Double:
		size = 8
	case msgpcode.FixExt4, msgpcode.FixExt8:
		return class, code, 0, true
	default:
		return class, code, 0, false // 0xc1, and extensions that no timestamp has
	}
	b := s.data[s.off:]
	if len(b) < size {
		return class, code, 0, false
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
	switch code {
	case msgpcode.Int8:
		arg = uint64(int64(int8(arg)))
	case msgpcode.Int16:
		arg = uint64(int64(int16(arg)))
	case msgpcode.Int32:
		arg = uint64(int64(int32(arg)))
	}
	return class, code, arg, true
}

// msgpack scans one value; depth containers are around it.
func (s *scanner) msgpack(depth int) error {
	class, code, arg, ok := s.msgpackHead()
	if !ok {
		return errMsgpack
	}
	rest := uint64(len(s.data) - s.off)
	switch class {
	case classNil, classBool, classInt:
	case classFloat:
		f := math.Float64frombits(arg)
		if code == msgpcode.Float {
			f = float64(math.Float32frombits(uint32(arg)))
		}
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return errNotANum
		}
	case classString:
		if arg > rest {
			return errMsgpack
		}
		text := s.data[s.off : s.off+int(arg)]
		if !validText(text) {
			return errUTF8
		}
		s.off += int(arg)
	case classBytes:
		if arg > rest {
			return errMsgpack
		}
		s.off += int(arg)
	case classTime:
		return s.msgpackTime(code, arg)
	case classArray:
		if err := s.enter(depth, arg); err != nil {
			return err
		}
		for range arg {
			if err := s.msgpack(depth + 1); err != nil {
				return err
			}
		}
	case classMap:
		if err := s.enter(depth, arg); err != nil {
			return err
		}
		return s.msgpackMap(arg, depth)
	default:
		return errMsgpack
	}
	return nil
}

// msgpackMap scans the n members of a map.
func (s *scanner) msgpackMap(n uint64, depth int) error {
	var names scannedNames
	var few [12]scannedName
	seen := few[:0]
	for range n {
		class, code, arg, ok := s.msgpackHead()
		if !ok {
			return errMsgpack
		}
		var name scannedName
		var bit uint64
		switch class {
		case classString:
			if arg > uint64(len(s.data)-s.off) {
				return errMsgpack
			}
			text := s.data[s.off : s.off+int(arg)]
			if !validText(text) {
				return errUTF8
			}
			name, bit = textName(s.off, s.off+int(arg)), textBit(text)
			s.off += int(arg)
		case classInt:
			name, bit = intName(arg, code == msgpcode.Uint64 && arg > math.MaxInt64), intBit(arg)
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
		if err := s.msgpack(depth + 1); err != nil {
			return err
		}
	}
	return s.distinct(&names, seen)
}

// msgpackTime scans what follows the head of an extension: a timestamp in one of
// its three forms, of the years 1 to 9999.
func (s *scanner) msgpackTime(code byte, length uint64) error {
	size := 0
	switch {
	case code == msgpcode.FixExt4:
		size = 4
	case code == msgpcode.FixExt8:
		size = 8
	case code == msgpcode.Ext8 && length == 12:
		size = 12
	default:
		return errExtension
	}
	if len(s.data)-s.off < 1+size {
		return errMsgpack
	}
	if s.data[s.off] != 0xff {
		return errExtension
	}
	b := s.data[s.off+1 : s.off+1+size]
	s.off += 1 + size
	switch size {
	case 8:
		if binary.BigEndian.Uint64(b)>>34 > 999_999_999 {
			return errExtension
		}
	case 12:
		if binary.BigEndian.Uint32(b) > 999_999_999 {
			return errExtension
		}
		if sec := int64(binary.BigEndian.Uint64(b[4:])); sec < firstSecond || sec > lastSecond {
			return errYear
		}
	}
	return nil
}

// msgpackMembers walks the members of the map data.
func msgpackMembers(data []byte, f func(name memberName, raw []byte)) error {
	if err := msgpackScan(data); err != nil {
		return err
	}
	s := scanner{data: data}
	class, _, n, _ := s.msgpackHead()
	if class != classMap {
		return errNotMap
	}
	for range n {
		from := s.off
		class, code, arg, _ := s.msgpackHead()
		name := memberName{isInt: true, big: code == msgpcode.Uint64 && arg > math.MaxInt64, value: arg}
		if class == classString {
			name = memberName{text: string(s.data[s.off : s.off+int(arg)])}
			s.off += int(arg)
		}
		if err := s.msgpack(1); err != nil {
			return err // not after the scan
		}
		f(name, data[from:s.off])
	}
	return nil
}
