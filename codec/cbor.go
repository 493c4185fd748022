package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/fxamacker/cbor/v2"
)

// CBOR returns the codec that writes CBOR (RFC 8949): the preferred, shortest
// form of each item, definite lengths, times as tag 0, and no other tag.
//
// Reading takes longer forms of numbers and lengths too, as other writers make them.
func CBOR() Codec { return cborCodec }

type cborCodecType struct{ appender }

var cborCodec = &cborCodecType{appender{index: formatCBOR}}

func (*cborCodecType) ID() byte     { return 3 }
func (*cborCodecType) Name() string { return "cbor" }

// The major types of CBOR (RFC 8949, section 3.1), in their place in the first byte.
const (
	cborUint   = 0 << 5
	cborNegint = 1 << 5
	cborBytes  = 2 << 5
	cborText   = 3 << 5
	cborArray  = 4 << 5
	cborMap    = 5 << 5
	cborTag    = 6 << 5
	cborOther  = 7 << 5

	cborFalse  = cborOther | 20
	cborTrue   = cborOther | 21
	cborNull   = cborOther | 22
	cborHalf   = cborOther | 25
	cborFloat  = cborOther | 26
	cborDouble = cborOther | 27

	cborTimeTag = cborTag // tag 0
)

// appendCBORHead writes the head of an item with the argument n in its shortest form.
func appendCBORHead(dst []byte, major byte, n uint64) []byte {
	switch {
	case n < 24:
		return append(dst, major|byte(n))
	case n <= math.MaxUint8:
		return append(dst, major|24, byte(n))
	case n <= math.MaxUint16:
		return binary.BigEndian.AppendUint16(append(dst, major|25), uint16(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, major|26), uint32(n))
	}
	return binary.BigEndian.AppendUint64(append(dst, major|27), n)
}

func appendCBORInt(dst []byte, v int64) []byte {
	if v < 0 {
		return appendCBORHead(dst, cborNegint, uint64(^v))
	}
	return appendCBORHead(dst, cborUint, uint64(v))
}

func appendCBORText(dst []byte, s string) []byte {
	return append(appendCBORHead(dst, cborText, uint64(len(s))), s...)
}

// cborFormat writes CBOR.
type cborFormat struct{}

func (cborFormat) null(e *encoder)           { e.buf = append(e.buf, cborNull) }
func (cborFormat) int(e *encoder, v int64)   { e.buf = appendCBORInt(e.buf, v) }
func (cborFormat) uint(e *encoder, v uint64) { e.buf = appendCBORHead(e.buf, cborUint, v) }

func (cborFormat) bool(e *encoder, v bool) {
	if v {
		e.buf = append(e.buf, cborTrue)
	} else {
		e.buf = append(e.buf, cborFalse)
	}
}

func (cborFormat) float32(e *encoder, v float32) {
	if h, ok := halfOf(v); ok {
		e.buf = binary.BigEndian.AppendUint16(append(e.buf, cborHalf), h)
		return
	}
	e.buf = binary.BigEndian.AppendUint32(append(e.buf, cborFloat), math.Float32bits(v))
}

func (f cborFormat) float64(e *encoder, v float64) {
	if single := float32(v); float64(single) == v {
		f.float32(e, single)
		return
	}
	e.buf = binary.BigEndian.AppendUint64(append(e.buf, cborDouble), math.Float64bits(v))
}

// halfOf returns the half-precision bits of v if they are all of v.
func halfOf(v float32) (bits uint16, ok bool) {
	b := math.Float32bits(v)
	sign := uint16(b>>16) & 0x8000
	exponent := int(b>>23&0xff) - 127
	mantissa := b & (1<<23 - 1)
	switch {
	case v == 0:
		return sign, true
	case exponent >= -14 && exponent <= 15:
		return sign | uint16(exponent+15)<<10 | uint16(mantissa>>13), mantissa&(1<<13-1) == 0
	case exponent >= -24 && exponent < -14: // subnormal: a multiple of 2^-24
		mantissa |= 1 << 23
		shift := -exponent - 1
		return sign | uint16(mantissa>>shift), mantissa&(1<<shift-1) == 0
	}
	return 0, false
}

// fromHalf is the value of half-precision bits (RFC 8949, appendix D).
func fromHalf(bits uint16) float64 {
	exponent := int(bits >> 10 & 0x1f)
	mantissa := float64(bits & 0x3ff)
	var v float64
	switch exponent {
	case 0:
		v = math.Ldexp(mantissa, -24)
	case 31:
		v = math.Inf(1)
		if mantissa != 0 {
			v = math.NaN()
		}
	default:
		v = math.Ldexp(mantissa+1024, exponent-25)
	}
	if bits&0x8000 != 0 {
		return -v
	}
	return v
}

func (cborFormat) text(e *encoder, s string) { e.buf = appendCBORText(e.buf, s) }

func (cborFormat) bytes(e *encoder, b []byte) {
	e.buf = append(appendCBORHead(e.buf, cborBytes, uint64(len(b))), b...)
}

// time writes tag 0, and not tag 1, which has no integers for fractions of a second.
func (cborFormat) time(e *encoder, t time.Time) {
	var text [len(time.RFC3339Nano)]byte
	s := t.AppendFormat(text[:0], time.RFC3339Nano)
	e.buf = append(appendCBORHead(append(e.buf, cborTimeTag), cborText, uint64(len(s))), s...)
}

func (cborFormat) array(e *encoder, n int)                  { e.buf = appendCBORHead(e.buf, cborArray, uint64(n)) }
func (cborFormat) endArray(e *encoder)                      {}
func (cborFormat) mapping(e *encoder, n int)                { e.buf = appendCBORHead(e.buf, cborMap, uint64(n)) }
func (cborFormat) endMap(e *encoder)                        {}
func (cborFormat) next(e *encoder, i int)                   {}
func (cborFormat) fieldName(name string) []byte             { return appendCBORText(nil, name) }
func (cborFormat) compareNames(a, b string) int             { return compareShorter(a, b) }
func (cborFormat) textName(e *encoder, s string)            { e.buf = appendCBORText(e.buf, s) }
func (cborFormat) intName(e *encoder, sorted []byte)        { e.buf = append(e.buf, sorted...) }
func (cborFormat) appendIntName(dst []byte, v int64) []byte { return appendCBORInt(dst, v) }
func (cborFormat) appendUintName(dst []byte, v uint64) []byte {
	return appendCBORHead(dst, cborUint, v)
}

// cborMode decodes typed values of which cborScan has checked what the library
// does not, or not as the other codecs do: text, tags, names met twice, the limits,
// and some shapes.
var cborMode = func() cbor.DecMode {
	mode, err := cbor.DecOptions{
		MaxNestedLevels:   2 * MaxDepth, // tags count as levels there; the scan is exact
		MaxArrayElements:  MaxEntries,
		MaxMapPairs:       MaxEntries,
		IndefLength:       cbor.IndefLengthForbidden,
		TimeTag:           cbor.DecTagRequired,
		FieldNameMatching: cbor.FieldNameMatchingCaseSensitive,
		BinaryUnmarshaler: cbor.BinaryUnmarshalerNone,
		TextUnmarshaler:   cbor.TextUnmarshalerTextString,
		BignumTag:         cbor.BignumTagForbidden,
		UTF8:              cbor.UTF8DecodeInvalid, // checked by the scan
	}.DecMode()
	if err != nil {
		panic("codec: " + err.Error()) // the options are constant
	}
	return mode
}()

func (c *cborCodecType) Decode(data []byte, v any) error {
	if target := valuesTarget(v); target != nil {
		s := scanner{data: data}
		x, err := s.cborValue(0)
		if err != nil {
			return err
		}
		if s.off != len(data) {
			return errTrailing
		}
		return setValues(target, x)
	}
	target, pl, err := typedTarget(v)
	if err != nil {
		return err
	}
	if pl.root.plain {
		return cborStruct(data, target, pl.root)
	}
	if err := cborScan(data, pl.root); err != nil {
		return err
	}
	if k := pl.root.kind; (k == kindStruct || k == kindMap) && data[0]&cborOther != cborMap {
		return errNotMap
	}
	if err := cborMode.Unmarshal(data, v); err != nil {
		return cborError(err)
	}
	return nil
}

// cborError words an error of the library without the client's values.
func cborError(err error) error {
	if te, ok := errors.AsType[*cbor.UnmarshalTypeError](err); ok {
		return &reworded{fmt.Sprintf("codec: a CBOR %s does not fit %s", te.CBORType, te.GoType), err}
	}
	return &reworded{"codec: a CBOR value does not fit", err}
}

func (*cborCodecType) Extra(dst, data []byte, known func(name string) bool) ([]byte, error) {
	return binaryExtra(dst, data, known, cborMembers, appendCBORMap)
}

func (*cborCodecType) Merge(dst, a, b []byte) ([]byte, error) {
	scan := func(data []byte) error { return cborScan(data, nil) }
	return binaryMerge(dst, a, b, cborMembers, appendCBORMap, scan)
}

func appendCBORMap(dst []byte, n int) []byte { return appendCBORHead(dst, cborMap, uint64(n)) }
