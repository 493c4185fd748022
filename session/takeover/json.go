package takeover

import (
	"bytes"
	"errors"
	"io"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/keyturn/keyturn/session"
)

// What the data of a session may have at most. It is more than a session of keyturn
// can hold: whether it fits there is for who converts it.
const (
	maxDepth    = 64
	maxEntries  = 4096
	maxInflated = 64 << 10 // bytes
)

// decodeJSON decodes data, which has been verified, as one JSON value (RFC 8259).
// Names have to be unique and the text UTF-8; half of a surrogate pair, which other
// languages write, becomes U+FFFD.
func decodeJSON(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, refuse(session.ErrUndecodable, "the JSON is not UTF-8")
	}
	d := jsonReader{Decoder: jsontext.NewDecoder(bytes.NewReader(data), jsontext.AllowInvalidUTF8(true))}
	v, err := d.value(0)
	if err == nil {
		if _, end := d.ReadToken(); end != io.EOF {
			err = errors.New("there is more behind it")
		}
	}
	if err != nil {
		return nil, notJSON(err)
	}
	return v, nil
}

// decodeObject is decodeJSON for what has to be an object, as a session is.
func decodeObject(data []byte) (map[string]any, error) {
	v, err := decodeJSON(data)
	if err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, refuse(session.ErrUndecodable, "the JSON is not an object")
	}
	return object, nil
}

// notJSON words an error without the client's values.
func notJSON(err error) error {
	var own limitError
	switch {
	case errors.As(err, &own):
		return refuse(session.ErrUndecodable, "the JSON is %s", string(own))
	case errors.Is(err, jsontext.ErrDuplicateName):
		return refuse(session.ErrUndecodable, "the JSON has a name twice")
	}
	return refuse(session.ErrUndecodable, "the payload is not JSON")
}

type limitError string

func (e limitError) Error() string { return string(e) }

const (
	errTooDeep  limitError = "nested too deeply"
	errTooMany  limitError = "of too many entries"
	errTooLarge limitError = "of a number that is out of range"
)

type jsonReader struct {
	*jsontext.Decoder
	entries int
}

func (d *jsonReader) value(depth int) (any, error) {
	t, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch t.Kind() {
	case 'n':
		return nil, nil
	case 't', 'f':
		return t.Bool(), nil
	case '"':
		return t.String(), nil
	case '0':
		return number(t.String())
	}
	if depth >= maxDepth {
		return nil, errTooDeep
	}
	if t.Kind() == '[' {
		list := []any{}
		for d.PeekKind() != ']' {
			x, err := d.entry(depth)
			if err != nil {
				return nil, err
			}
			list = append(list, x)
		}
		_, err := d.ReadToken()
		return list, err
	}
	object := map[string]any{}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		n := name.String() // the token is valid until the next is read
		if object[n], err = d.entry(depth); err != nil {
			return nil, err
		}
	}
	_, err = d.ReadToken()
	return object, err
}

func (d *jsonReader) entry(depth int) (any, error) {
	if d.entries++; d.entries > maxEntries {
		return nil, errTooMany
	}
	return d.value(depth + 1)
}

// number is an integer if it is written as one, of whatever size, and else a float64.
func number(text string) (any, error) {
	if strings.ContainsAny(text, ".eE") {
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, errTooLarge
		}
		return f, nil
	}
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		return i, nil
	}
	i, _ := new(big.Int).SetString(text, 10) // it is a JSON number
	return i, nil
}
