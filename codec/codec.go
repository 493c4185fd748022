package codec

import (
	"errors"
	"fmt"
	"reflect"
)

// What a codec accepts of one value, in both directions: a value beyond a limit
// is refused by Append, and an encoding beyond it by Decode.
const (
	// MaxDepth is how deep arrays and maps may nest. The outermost is at
	// depth 1; structs are maps.
	MaxDepth = 16

	// MaxEntries is how many elements of arrays and members of maps and structs
	// there may be in one value, at all depths together. Bytes are not elements.
	MaxEntries = 1024
)

// A Codec turns values into bytes and back.
//
// It is safe for concurrent use. What it promises beyond the comments of its
// methods is in the package comment; package codectest checks all of it.
type Codec interface {
	// ID returns the byte that names the encoding inside a token. It is fixed
	// for ever once tokens exist: 1 to 127 are this package's, 128 to 255 are
	// free for others.
	ID() byte

	// Name returns the name by which people and ring files call the encoding:
	// 1 to 32 lower-case letters, digits and hyphens.
	Name() string

	// Append appends the encoding of v, or of what v points to, to dst and
	// returns the extended slice. Equal values have equal encodings. If it
	// returns an error, it returns dst at its former length.
	//
	// Append neither changes nor keeps v, and does not keep dst.
	Append(dst []byte, v any) ([]byte, error)

	// Decode sets what v points to, which must not be nil, to the value that
	// data encodes. All of data is one value, or there is an error. What the
	// target held before makes no difference; after an error it is unspecified.
	//
	// Decode neither changes nor keeps data: the value shares no memory with it.
	Decode(data []byte, v any) error
}

// A Merger is a Codec whose encoded maps can be taken apart and joined without
// knowing the types of their members. It lets a program that knows some members
// of a map change those and pass the others on as they came.
//
// Its methods neither change nor keep their arguments, and hold to the same
// limits as Decode. If they return an error, they return dst at its former length.
type Merger interface {
	Codec

	// Extra appends to dst an encoded map of the members of the encoded map
	// data, at its top level, whose names known does not report. The members
	// keep their bytes and their order. If there is none, dst is returned as it is.
	// A member with an integer for a name is known by its decimal digits.
	Extra(dst, data []byte, known func(name string) bool) ([]byte, error)

	// Merge appends to dst an encoded map with the members of the encoded map a,
	// and after them those of the encoded map b whose names a does not have.
	Merge(dst, a, b []byte) ([]byte, error)
}

// All returns the codecs of this package: JSON, which comes first where nothing
// else is chosen, MessagePack and CBOR.
func All() []Codec { return []Codec{JSON(), MessagePack(), CBOR()} }

var (
	errTrailing = errors.New("codec: bytes after the value")
	errTarget   = errors.New("codec: Decode needs a pointer that is not nil")
	errNotMap   = errors.New("codec: the value is not a map")
	errDepth    = fmt.Errorf("codec: nested deeper than %d levels", MaxDepth)
	errEntries  = fmt.Errorf("codec: more than %d entries", MaxEntries)
	errUTF8     = errors.New("codec: text that is not valid UTF-8")
	errNotANum  = errors.New("codec: a number that is not finite")
	errYear     = errors.New("codec: a time outside of the years 1 to 9999")
)

// A reworded error says in its own words what a library's error says with the
// client's values in it. The library's error stays within reach of errors.As.
type reworded struct {
	text  string
	cause error
}

func (e *reworded) Error() string { return e.text }
func (e *reworded) Unwrap() error { return e.cause }

// valuesTarget is what v points to if that may hold kinds of Values; nil otherwise.
func valuesTarget(v any) any {
	switch v := v.(type) {
	case *any, *map[string]any, *[]any:
		if !reflect.ValueOf(v).IsNil() {
			return v
		}
	}
	return nil
}

// setValues stores the decoded x in target, one of the types of valuesTarget.
func setValues(target, x any) error {
	switch t := target.(type) {
	case *any:
		*t = x
	case *map[string]any:
		m, ok := x.(map[string]any)
		if !ok {
			return errNotMap
		}
		*t = m
	case *[]any:
		a, ok := x.([]any)
		if !ok {
			return errors.New("codec: the value is not an array")
		}
		*t = a
	}
	return nil
}

// typedTarget returns what v points to, set to its zero value, and how to carry it.
func typedTarget(v any) (reflect.Value, *plan, error) {
	p := reflect.ValueOf(v)
	if p.Kind() != reflect.Pointer || p.IsNil() {
		return reflect.Value{}, nil, errTarget
	}
	t := p.Elem()
	pl := planOf(t.Type())
	if pl.err != nil {
		return reflect.Value{}, nil, pl.err
	}
	t.SetZero()
	return t, pl, nil
}
