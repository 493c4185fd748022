package takeover

import (
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/big"
	"reflect"
	"time"
	"unicode/utf8"

	"github.com/keyturn/keyturn/session"
)

// The types below are in the data of some systems, beside those of Go: see [Reader].

// A Tuple is a tuple of Python or of Erlang.
type Tuple []any

// A UUID is a uuid.UUID of Python.
type UUID [16]byte

// String returns the UUID as RFC 9562, section 4, writes it.
func (u UUID) String() string {
	b := hex.EncodeToString(u[:])
	return b[:8] + "-" + b[8:12] + "-" + b[12:16] + "-" + b[16:20] + "-" + b[20:]
}

// Markup is text that Flask has marked as HTML which is safe as it is.
type Markup string

// An Atom is an atom of Erlang other than nil, true and false.
type Atom string

// Values returns the data of a session as a session.Values: it is the Convert of a
// [session.Takeover] for who keeps a dictionary. The data have to be a map whose keys
// are strings. Integers of every size become int64, a float32 a float64, a Tuple and
// every other slice a []any, a map[string]V a map[string]any, a UUID, a Markup and an
// Atom a string. A string that is not UTF-8 becomes a []byte. A member of the outermost
// map that is nil is left out.
//
// For the rest, a session.Values has no place, and the error says where it is: an
// integer beyond int64, a number that is not finite, a map with other keys, a key that
// is not UTF-8, another type.
func Values(data any) (session.Values, error) {
	var v session.Values
	x, err := plain("the data", data)
	if err != nil {
		return v, err
	}
	object, ok := x.(map[string]any)
	if !ok {
		return v, fmt.Errorf("the data are a %T and not a map", x)
	}
	for name, x := range object {
		switch x := x.(type) {
		case nil:
		case bool:
			session.Key[bool](name).Set(&v, x)
		case string:
			session.Key[string](name).Set(&v, x)
		case int64:
			session.Key[int64](name).Set(&v, x)
		case float64:
			session.Key[float64](name).Set(&v, x)
		case []byte:
			session.Key[[]byte](name).Set(&v, x)
		case time.Time:
			session.Key[time.Time](name).Set(&v, x)
		case []any:
			session.Key[[]any](name).Set(&v, x)
		case map[string]any:
			session.Key[map[string]any](name).Set(&v, x)
		}
	}
	return v, nil
}

// plain returns x in the types of session.Kind, and nil.
func plain(at string, x any) (any, error) {
	switch x := x.(type) {
	case nil, bool, int64, []byte, time.Time:
		return x, nil
	case UUID:
		return x.String(), nil
	case *big.Int:
		return nil, fmt.Errorf("%s is an integer of more than 64 bits", at)
	}
	v := reflect.ValueOf(x)
	switch v.Kind() {
	case reflect.Bool:
		return v.Bool(), nil
	case reflect.String:
		if s := v.String(); utf8.ValidString(s) {
			return s, nil
		}
		return []byte(v.String()), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return v.Int(), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if v.Uint() > math.MaxInt64 {
			return nil, fmt.Errorf("%s is an integer of more than 63 bits", at)
		}
		return int64(v.Uint()), nil
	case reflect.Float32, reflect.Float64:
		if f := v.Float(); !math.IsNaN(f) && !math.IsInf(f, 0) {
			return f, nil
		}
		return nil, fmt.Errorf("%s is a number that is not finite", at)
	case reflect.Slice, reflect.Array:
		list := make([]any, v.Len())
		for i := range list {
			var err error
			if list[i], err = plain(fmt.Sprintf("%s[%d]", at, i), v.Index(i).Interface()); err != nil {
				return nil, err
			}
		}
		return list, nil
	case reflect.Map:
		object := make(map[string]any, v.Len())
		for i := v.MapRange(); i.Next(); {
			name := i.Key()
			if name.Kind() == reflect.Interface {
				name = name.Elem()
			}
			if name.Kind() != reflect.String || !utf8.ValidString(name.String()) {
				return nil, fmt.Errorf("%s has a key that is not text", at)
			}
			if _, twice := object[name.String()]; twice {
				return nil, fmt.Errorf("%s has two keys of the same text", at)
			}
			// The name may be the client's: it is not told.
			var err error
			if object[name.String()], err = plain(at+"[...]", i.Value().Interface()); err != nil {
				return nil, err
			}
		}
		return object, nil
	}
	return nil, errors.New(at + " is of a type that a session.Values has no place for")
}
