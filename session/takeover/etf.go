package takeover

import (
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"slices"
	"unicode/utf8"

	"github.com/keyturn/keyturn/session"
)

// decodeTerm decodes data, which has been verified, as one term in Erlang's external
// term format (erts, "External Term Format"), as far as it is plain data: see [Plug].
func decodeTerm(data []byte) (any, error) {
	if len(data) == 0 || data[0] != 131 {
		return nil, refuse(session.ErrUndecodable, "the payload is not Erlang's external term format")
	}
	r := termReader{rest: data[1:]}
	term, err := r.term(0)
	if err == nil && len(r.rest) > 0 {
		err = errTermMore
	}
	if err != nil {
		return nil, refuse(session.ErrUndecodable, "%s", "the term "+err.Error())
	}
	return term, nil
}

var (
	errTermShort = errors.New("is cut short")
	errTermMore  = errors.New("has something behind it")
	errTermDeep  = errors.New("is nested too deeply")
	errTermMany  = errors.New("is of too many entries")
	errTermAtom  = errors.New("has an atom that is too long, or not text")
	errTermFloat = errors.New("has a float that is not finite")
	errTermSign  = errors.New("has an integer with a sign of its own")
	errTermList  = errors.New("has a list whose tail is no list")
	errTermKey   = errors.New("has a map with a key that is a list, a tuple, a map, a binary that is not text, or an integer of more than 64 bits")
	errTermTwice = errors.New("has a map with a key twice")
	errTermFun   = errors.New("has a function, which is never read")
	errTermPid   = errors.New("has the identifier of a process, which is never read")
	errTermPort  = errors.New("has the identifier of a port, which is never read")
	errTermRef   = errors.New("has a reference, which is never read")
	errTermBits  = errors.New("has a bitstring that does not end with a byte")
	errTermZlib  = errors.New("is compressed, as Plug does not write it")
	errTermOther = errors.New("has something of a kind that is not read")
)

// A termReader reads a term. It allocates no more than what it finds there takes: a
// count is compared with the bytes that are left, of which each entry has one or more.
type termReader struct {
	rest    []byte
	entries int
}

// take returns the next n bytes.
func (r *termReader) take(n int) ([]byte, error) {
	if n > len(r.rest) {
		return nil, errTermShort
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b, nil
}

// length reads a length of that many bytes. It is no more than what is left.
func (r *termReader) length(size int) (int, error) {
	b, err := r.take(size)
	if err != nil {
		return 0, err
	}
	n := uint64(0)
	for _, x := range b {
		n = n<<8 | uint64(x)
	}
	if n > uint64(len(r.rest)) {
		return 0, errTermShort
	}
	return int(n), nil
}

// bytes reads a length of size bytes, and as many bytes as it says.
func (r *termReader) bytes(size int) ([]byte, error) {
	n, err := r.length(size)
	if err != nil {
		return nil, err
	}
	return r.take(n)
}

// count reads a number of entries of size bytes.
func (r *termReader) count(size int) (int, error) {
	n, err := r.length(size)
	if err != nil {
		return 0, err
	}
	if r.entries += n; r.entries > maxEntries {
		return 0, errTermMany
	}
	return n, nil
}

// term reads the term that is next.
func (r *termReader) term(depth int) (any, error) {
	tag, err := r.take(1)
	if err != nil {
		return nil, err
	}
	switch tag[0] {
	case 70: // NEW_FLOAT_EXT
		b, err := r.take(8)
		if err != nil {
			return nil, err
		}
		f := math.Float64frombits(binary.BigEndian.Uint64(b))
		if math.IsNaN(f) || math.IsInf(f, 0) {
			return nil, errTermFloat
		}
		return f, nil
	case 97: // SMALL_INTEGER_EXT
		b, err := r.take(1)
		if err != nil {
			return nil, err
		}
		return int64(b[0]), nil
	case 98: // INTEGER_EXT
		b, err := r.take(4)
		if err != nil {
			return nil, err
		}
		return int64(int32(binary.BigEndian.Uint32(b))), nil
	case 110: // SMALL_BIG_EXT
		return r.big(1)
	case 111: // LARGE_BIG_EXT
		return r.big(4)
	case 100: // ATOM_EXT
		return r.atom(2, false)
	case 115: // SMALL_ATOM_EXT
		return r.atom(1, false)
	case 118: // ATOM_UTF8_EXT
		return r.atom(2, true)
	case 119: // SMALL_ATOM_UTF8_EXT
		return r.atom(1, true)
	case 109: // BINARY_EXT
		b, err := r.bytes(4)
		if err != nil {
			return nil, err
		}
		if utf8.Valid(b) {
			return string(b), nil
		}
		return slices.Clone(b), nil
	case 106: // NIL_EXT
		return []any{}, nil
	case 107: // STRING_EXT: a list of bytes
		return r.byteList()
	case 104: // SMALL_TUPLE_EXT
		list, err := r.list(1, depth)
		return Tuple(list), err
	case 105: // LARGE_TUPLE_EXT
		list, err := r.list(4, depth)
		return Tuple(list), err
	case 108: // LIST_EXT
		list, err := r.list(4, depth)
		if err != nil {
			return nil, err
		}
		end, err := r.take(1)
		if err == nil && end[0] != 106 {
			err = errTermList
		}
		return list, err
	case 116: // MAP_EXT
		return r.pairs(depth)
	case 112, 113, 117: // NEW_FUN_EXT, EXPORT_EXT, FUN_EXT
		return nil, errTermFun
	case 88, 103: // NEW_PID_EXT, PID_EXT
		return nil, errTermPid
	case 89, 102, 120: // NEW_PORT_EXT, PORT_EXT, V4_PORT_EXT
		return nil, errTermPort
	case 90, 101, 114: // NEWER_REFERENCE_EXT, REFERENCE_EXT, NEW_REFERENCE_EXT
		return nil, errTermRef
	case 77: // BIT_BINARY_EXT
		return nil, errTermBits
	case 80:
		return nil, errTermZlib
	}
	return nil, errTermOther
}

// big reads an integer of any size: its length, its sign, and its bytes, the lowest first.
func (r *termReader) big(size int) (any, error) {
	n, err := r.length(size)
	if err != nil {
		return nil, err
	}
	sign, err := r.take(1)
	if err != nil {
		return nil, err
	}
	b, err := r.take(n)
	if err != nil {
		return nil, err
	}
	if sign[0] > 1 {
		return nil, errTermSign
	}
	b = slices.Clone(b)
	slices.Reverse(b)
	i := new(big.Int).SetBytes(b)
	if sign[0] == 1 {
		i.Neg(i)
	}
	if i.IsInt64() {
		return i.Int64(), nil
	}
	return i, nil
}

// atom reads an atom, of 255 characters at most, in UTF-8 or in Latin-1.
func (r *termReader) atom(size int, isUTF8 bool) (any, error) {
	b, err := r.bytes(size)
	if err != nil {
		return nil, err
	}
	name := string(b)
	if !isUTF8 {
		runes := make([]rune, len(b))
		for i, x := range b {
			runes[i] = rune(x)
		}
		name = string(runes)
	}
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > 255 {
		return nil, errTermAtom
	}
	switch name {
	case "nil":
		return nil, nil
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return Atom(name), nil
}

func (r *termReader) byteList() (any, error) {
	n, err := r.count(2)
	if err != nil {
		return nil, err
	}
	b, err := r.take(n)
	if err != nil {
		return nil, err
	}
	list := make([]any, n)
	for i, x := range b {
		list[i] = int64(x)
	}
	return list, nil
}

// list reads a count of size bytes, and as many terms.
func (r *termReader) list(size, depth int) ([]any, error) {
	if depth >= maxDepth {
		return nil, errTermDeep
	}
	n, err := r.count(size)
	if err != nil {
		return nil, err
	}
	list := make([]any, n)
	for i := range list {
		if list[i], err = r.term(depth + 1); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// pairs reads a map.
func (r *termReader) pairs(depth int) (any, error) {
	if depth >= maxDepth {
		return nil, errTermDeep
	}
	n, err := r.count(4)
	if err != nil {
		return nil, err
	}
	named, keyed := map[string]any{}, map[any]any(nil)
	for range n {
		key, err := r.term(depth + 1)
		if err != nil {
			return nil, err
		}
		switch key.(type) {
		case nil, bool, string, int64, float64, Atom:
		default: // not comparable, or, as a *big.Int, not by what it is
			return nil, errTermKey
		}
		value, err := r.term(depth + 1)
		if err != nil {
			return nil, err
		}
		name, isName := key.(string)
		if !isName && keyed == nil {
			keyed = make(map[any]any, len(named)+1)
			for k, v := range named {
				keyed[k] = v
			}
		}
		var twice bool
		if keyed != nil {
			_, twice = keyed[key]
			keyed[key] = value
		} else {
			_, twice = named[name]
			named[name] = value
		}
		if twice {
			return nil, errTermTwice
		}
	}
	if keyed != nil {
		return keyed, nil
	}
	return named, nil
}
