package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/session"
)

// A payload in a session is an application's, whatever its type there: this
// program carries it as it is. It is therefore the only value of its session's
// Values, and a rawCodec takes it from there and puts it there.
const payload session.Key[[]byte] = "payload"

// A rawCodec is a codec for payloads of applications that are not known. It
// writes what it makes of JSON text, and reads what any type could be read
// from, as the bytes that it is.
type rawCodec struct{ codec.Codec }

// Append appends the encoding of the JSON object in v, if it is not empty.
func (c rawCodec) Append(dst []byte, v any) ([]byte, error) {
	m, _ := v.(map[string]any)
	text, ok := m[string(payload)].([]byte)
	switch {
	case !ok:
		return c.Codec.Append(dst, v)
	case c.ID() == codec.JSON().ID():
		return append(dst, text...), nil
	}
	object, err := valuesOf(text)
	if err != nil {
		return dst, err
	}
	return c.Codec.Append(dst, object)
}

// Decode hands the payload over, if it is a map of the codec's and within its
// limits. Every type that a session can have is read from such a map, and which
// type it is, it does not say.
func (c rawCodec) Decode(data []byte, v any) error {
	m, ok := v.(*map[string]any)
	if !ok {
		return errors.New("a payload is decoded into its bytes only")
	}
	if err := c.Codec.Decode(data, new(struct{})); err != nil {
		return err
	}
	*m = map[string]any{string(payload): bytes.Clone(data)}
	return nil
}

// rawCodecs returns the built-in codecs, or the one of that name, for payloads.
func rawCodecs(name string) []codec.Codec {
	var raw []codec.Codec
	for _, c := range codec.All() {
		if name == "" || name == c.Name() {
			raw = append(raw, rawCodec{c})
		}
	}
	return raw
}

// beginsObject returns an error that says why text is no JSON object from its very
// beginning on, which it is not where an editor or a shell has put a mark there.
func beginsObject(text []byte) error {
	switch begin := bytes.TrimSpace(text); {
	case len(begin) == 0:
		return errors.New("empty, a JSON object is expected")
	case bytes.HasPrefix(text, []byte("\ufeff")):
		return errors.New("begins with a byte order mark; save it as UTF-8 without one")
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")):
		return errors.New("is in UTF-16; save it as UTF-8")
	case begin[0] != '{':
		return errors.New("not a JSON object")
	}
	return nil
}

// compactObject returns JSON text without the space in it. The error says why
// it is not one object that every codec could carry.
func compactObject(text []byte) ([]byte, error) {
	if err := beginsObject(text); err != nil {
		return nil, err
	}
	v := jsontext.Value(bytes.TrimSpace(text))
	if _, err := jsontext.NewDecoder(bytes.NewReader(v)).ReadValue(); errors.Is(err, jsontext.ErrDuplicateName) {
		return nil, errors.New("not a JSON object that a session can carry: a member is in its object twice")
	}
	if err := codec.JSON().Decode(v, new(struct{})); err != nil {
		return nil, fmt.Errorf("not a JSON object that a session can carry: %s", strings.TrimPrefix(err.Error(), "codec: "))
	}
	if _, err := valuesOf(v); err != nil {
		return nil, err // with every codec, as they are interchangeable
	}
	v = v.Clone()
	if err := v.Compact(); err != nil {
		return nil, errors.New("not a JSON object")
	}
	return v, nil
}

// errNumber is returned for an integer that not every codec can carry.
var errNumber = errors.New("a number is out of range: integers have 64 bits and a sign, others are of double precision")

// valuesOf returns the object in JSON text, which must be valid, in the kinds of
// session.Values: numbers with a point or an exponent as float64, others as
// int64, and strings as they are.
func valuesOf(text []byte) (any, error) {
	return value(jsontext.NewDecoder(bytes.NewReader(text)), number)
}

// value reads the next value. What number makes of JSON's is what they are.
func value(d *jsontext.Decoder, number func(string) (any, error)) (any, error) {
	t, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch t.Kind() {
	case '{':
		m := map[string]any{}
		for d.PeekKind() != '}' {
			name, err := d.ReadToken()
			if err != nil {
				return nil, err
			}
			n := name.String() // before the decoder reads on
			if m[n], err = value(d, number); err != nil {
				return nil, err
			}
		}
		_, err := d.ReadToken()
		return m, err
	case '[':
		a := []any{}
		for d.PeekKind() != ']' {
			v, err := value(d, number)
			if err != nil {
				return nil, err
			}
			a = append(a, v)
		}
		_, err := d.ReadToken()
		return a, err
	case '"':
		return t.String(), nil
	case '0':
		return number(t.String())
	case 't', 'f':
		return t.Bool(), nil
	}
	return nil, nil
}

func number(s string) (any, error) {
	if strings.ContainsAny(s, ".eE") {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			return nil, errNumber
		}
		return f, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return nil, errNumber
	}
	return n, nil
}

// showPayload returns the payload as JSON, or nil if only its type could tell
// what it means. JSON is shown as it is. In the other encodings, what JSON has
// no word for is shown as the JSON codec writes it in a struct: bytes in base64,
// and times as RFC 3339 in UTC. A float64 always has a point or an exponent, an
// integer never.
func showPayload(name string, data []byte) json.RawMessage {
	for _, c := range codec.All() {
		if c.Name() != name {
			continue
		}
		if c.ID() == codec.JSON().ID() {
			return data
		}
		var v any
		if c.Decode(data, &v) != nil {
			return nil
		}
		var b bytes.Buffer
		if writeJSON(&b, shown(v)) != nil {
			return nil
		}
		return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	}
	return nil
}

// shown makes v, of the kinds of session.Values, what encoding/json writes as
// showPayload says.
func shown(v any) any {
	switch v := v.(type) {
	case map[string]any:
		m := make(map[string]any, len(v))
		for name, e := range v {
			m[name] = shown(e)
		}
		return m
	case []any:
		a := make([]any, len(v))
		for i, e := range v {
			a[i] = shown(e)
		}
		return a
	case float64:
		s := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return json.RawMessage(s)
	case time.Time:
		return v.UTC().Format(time.RFC3339Nano)
	}
	return v
}
