package codec

import (
	"bytes"
	"encoding"
	"encoding/base64"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	jsonv1 "github.com/go-json-experiment/json/v1"
)

// JSON returns the codec that writes JSON (RFC 8259), and reads it strictly as
// I-JSON (RFC 7493) asks: valid UTF-8, no name twice in an object.
//
// Bytes are text in base64, and times are text in RFC 3339. So that kinds of
// Values stay apart, there a float64 always has a point or an exponent and an int64
// never, and a string that begins with a dollar sign is something else: "$bytes:"
// and unpadded base64url is []byte, "$time:" and RFC 3339 is a time, and two
// dollar signs stand for a string that begins with one.
func JSON() Codec { return jsonCodec }

type jsonCodecType struct {
	appender
	decoders sync.Pool
}

var jsonCodec = &jsonCodecType{
	appender: appender{index: formatJSON},
	decoders: sync.Pool{New: func() any { return new(jsonReader) }},
}

func (*jsonCodecType) ID() byte     { return 1 }
func (*jsonCodecType) Name() string { return "json" }

// jsonFormat writes JSON.
type jsonFormat struct{}

func (jsonFormat) null(e *encoder)           { e.buf = append(e.buf, "null"...) }
func (jsonFormat) bool(e *encoder, v bool)   { e.buf = strconv.AppendBool(e.buf, v) }
func (jsonFormat) int(e *encoder, v int64)   { e.buf = strconv.AppendInt(e.buf, v, 10) }
func (jsonFormat) uint(e *encoder, v uint64) { e.buf = strconv.AppendUint(e.buf, v, 10) }

func (jsonFormat) float32(e *encoder, v float32) { e.buf = appendFloat(e.buf, float64(v), 32) }

func (jsonFormat) float64(e *encoder, v float64) {
	start := len(e.buf)
	e.buf = appendFloat(e.buf, v, 64)
	if e.values && !bytes.ContainsAny(e.buf[start:], ".e") {
		e.buf = append(e.buf, ".0"...)
	}
}

// appendFloat writes v as ECMAScript does: no exponent where it is not needed.
func appendFloat(dst []byte, v float64, bits int) []byte {
	format := byte('f')
	if a := math.Abs(v); a != 0 {
		if bits == 64 && (a < 1e-6 || a >= 1e21) || bits == 32 && (float32(a) < 1e-6 || float32(a) >= 1e21) {
			format = 'e'
		}
	}
	return strconv.AppendFloat(dst, v, format, -1, bits)
}

func (jsonFormat) text(e *encoder, s string) {
	if e.values && strings.HasPrefix(s, "$") {
		e.buf = append(e.buf, `"$`...)
		start := len(e.buf)
		e.buf = appendQuoted(e.buf, s)
		e.buf = append(e.buf[:start], e.buf[start+1:]...) // its opening quote
		return
	}
	e.buf = appendQuoted(e.buf, s)
}

// appendQuoted writes s, which is valid UTF-8, as a JSON string.
func appendQuoted(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			dst, _ = jsontext.AppendQuote(dst, s) // errs on invalid UTF-8 only
			return dst
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}

const (
	bytesPrefix = "$bytes:"
	timePrefix  = "$time:"
)

func (jsonFormat) bytes(e *encoder, b []byte) {
	if e.values {
		e.buf = append(e.buf, `"`+bytesPrefix...)
		e.buf = base64.RawURLEncoding.AppendEncode(e.buf, b)
	} else {
		e.buf = append(e.buf, '"')
		e.buf = base64.StdEncoding.AppendEncode(e.buf, b)
	}
	e.buf = append(e.buf, '"')
}

func (jsonFormat) time(e *encoder, t time.Time) {
	e.buf = append(e.buf, '"')
	if e.values {
		e.buf = append(e.buf, timePrefix...)
	}
	e.buf = t.AppendFormat(e.buf, time.RFC3339Nano)
	e.buf = append(e.buf, '"')
}

func (jsonFormat) array(e *encoder, n int)   { e.buf = append(e.buf, '[') }
func (jsonFormat) endArray(e *encoder)       { e.buf = append(e.buf, ']') }
func (jsonFormat) mapping(e *encoder, n int) { e.buf = append(e.buf, '{') }
func (jsonFormat) endMap(e *encoder)         { e.buf = append(e.buf, '}') }

func (jsonFormat) next(e *encoder, i int) {
	if i > 0 {
		e.buf = append(e.buf, ',')
	}
}

func (jsonFormat) fieldName(name string) []byte      { return append(appendQuoted(nil, name), ':') }
func (jsonFormat) compareNames(a, b string) int      { return strings.Compare(a, b) }
func (jsonFormat) textName(e *encoder, s string)     { e.buf = append(appendQuoted(e.buf, s), ':') }
func (jsonFormat) intName(e *encoder, sorted []byte) { jsonFormat{}.textName(e, string(sorted)) }

func (jsonFormat) appendIntName(dst []byte, v int64) []byte   { return strconv.AppendInt(dst, v, 10) }
func (jsonFormat) appendUintName(dst []byte, v uint64) []byte { return strconv.AppendUint(dst, v, 10) }

func (c *jsonCodecType) Decode(data []byte, v any) error {
	if err := jsonLimits(data); err != nil {
		return err
	}
	if target := valuesTarget(v); target != nil {
		r := c.decoders.Get().(*jsonReader)
		r.reset(data)
		x, err := r.document()
		r.reset(nil)
		c.decoders.Put(r)
		if err != nil {
			return err
		}
		return setValues(target, x)
	}
	target, pl, err := typedTarget(v)
	if err != nil {
		return err
	}
	if k := pl.root.kind; k == kindStruct || k == kindMap {
		if !isObject(data) {
			return errNotMap
		}
	}
	options := jsonOptions
	if pl.jsonCares {
		options = jsonCareOptions
	}
	err = json.Unmarshal(data, v, options)
	if err == nil && pl.float32s && extreme(target, pl.root) {
		target.SetZero()
		err = json.Unmarshal(data, v, jsonFloat32Options)
	}
	if err != nil {
		return jsonError(err)
	}
	return nil
}

// isObject reports whether data, if it is JSON, is an object.
func isObject(data []byte) bool {
	for _, c := range data {
		if c != ' ' && c != '\t' && c != '\r' && c != '\n' {
			return c == '{'
		}
	}
	return false
}

// jsonLimits checks depth and entries of text that is JSON, and as far as it goes
// of any other. It is a fraction of the cost of parsing: most values cannot be
// beyond the limits, going by the number of commas and brackets alone.
func jsonLimits(data []byte) error {
	opening := bytes.Count(data, []byte("{")) + bytes.Count(data, []byte("["))
	if opening <= MaxDepth && opening+bytes.Count(data, []byte(",")) <= MaxEntries {
		return nil // each entry comes after a bracket or a comma
	}
	depth, entries := 0, 0
	empty := false // a bracket has just been opened
	for i := 0; i < len(data); i++ {
		switch c := data[i]; c {
		case ' ', '\t', '\r', '\n', ':':
			continue
		case '}', ']':
			depth--
			empty = false
			continue
		case ',':
			entries++
			continue
		default:
			if empty {
				entries++
				empty = false
			}
			switch c {
			case '{', '[':
				if depth++; depth > MaxDepth {
					return errDepth
				}
				empty = true
			case '"':
				for i++; i < len(data) && data[i] != '"'; i++ {
					if data[i] == '\\' {
						i++
					}
				}
			}
		}
		if entries > MaxEntries {
			return errEntries
		}
	}
	return nil
}

var (
	jsonOptions = json.JoinOptions(
		json.DefaultOptionsV2(),
		jsonv1.FormatDurationAsNano(true),
	)
	// The same where the plan has times, which have one spelling here, or types
	// that the library would rather ask for their JSON than for their text.
	jsonCareOptions = json.JoinOptions(jsonOptions, json.WithUnmarshalers(jsonCare))
	jsonCare        = json.JoinUnmarshalers(
		json.UnmarshalFromFunc(func(d *jsontext.Decoder, t *time.Time) error {
			return unmarshalText(d, func(text []byte) (err error) {
				*t, err = parseTime(text)
				return err
			})
		}),
		json.UnmarshalFromFunc(func(d *jsontext.Decoder, u encoding.TextUnmarshaler) error {
			return unmarshalText(d, u.UnmarshalText)
		}),
	)
	// The same with a look at float32s, of any type, which costs a call for each value.
	jsonFloat32Options = json.JoinOptions(jsonOptions, json.WithUnmarshalers(json.JoinUnmarshalers(
		jsonCare, json.UnmarshalFromFunc(unmarshalFloat32))))
)

// extreme reports whether a float32 in v is at an end of its range, where the
// library may have rounded a number to it from beyond.
func extreme(v reflect.Value, n *node) bool {
	switch n.kind {
	case kindFloat32:
		return math.Abs(v.Float()) == math.MaxFloat32
	case kindPointer:
		return !v.IsNil() && extreme(v.Elem(), n.elem)
	case kindSlice, kindArray:
		for i := range v.Len() {
			if extreme(v.Index(i), n.elem) {
				return true
			}
		}
	case kindMap:
		for members := v.MapRange(); members.Next(); {
			if extreme(members.Value(), n.elem) {
				return true
			}
		}
	case kindStruct:
		for i := range n.fields {
			if f := &n.fields[i]; extreme(f.value(v), f.node) {
				return true
			}
		}
	}
	return false
}

// unmarshalFloat32 reads a number into v if that points to a float32.
func unmarshalFloat32(d *jsontext.Decoder, v any) error {
	f := reflect.ValueOf(v).Elem()
	if f.Kind() != reflect.Float32 || d.PeekKind() != '0' {
		return errors.ErrUnsupported // the library goes on
	}
	raw, err := d.ReadValue()
	if err != nil {
		return err
	}
	// What math.MaxFloat32 is written as is a little more than it is.
	const most = 3.4028235e38
	wide, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || math.Abs(wide) > most {
		return &json.SemanticError{GoType: f.Type(), Err: strconv.ErrRange}
	}
	narrow, err := strconv.ParseFloat(string(raw), 32) // rounds once only
	f.SetFloat(narrow)
	return err
}

var errNotText = errors.New("not a string")

// unmarshalText gives the next value of d, a string, to set. A null leaves zero.
func unmarshalText(d *jsontext.Decoder, set func([]byte) error) error {
	raw, err := d.ReadValue()
	if err != nil {
		return err
	}
	switch raw.Kind() {
	case 'n':
		return nil
	case '"':
		text := raw[1 : len(raw)-1]
		if bytes.IndexByte(text, '\\') >= 0 {
			if text, err = jsontext.AppendUnquote(nil, raw); err != nil {
				return err
			}
		}
		return set(text)
	}
	return errNotText
}

// jsonError words an error of the library without the client's values.
func jsonError(err error) error {
	if se, ok := errors.AsType[*json.SemanticError](err); ok && se.GoType != nil {
		return &reworded{fmt.Sprintf("codec: a JSON value at byte %d does not fit %v", se.ByteOffset, se.GoType), err}
	}
	if se, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return &reworded{fmt.Sprintf("codec: malformed JSON at byte %d", se.ByteOffset), err}
	}
	return &reworded{"codec: malformed JSON", err}
}

// A jsonReader reads kinds of Values. Limits have been checked before.
type jsonReader struct {
	buf bytes.Buffer
	dec jsontext.Decoder
}

// reset makes r read data, or forget what it read.
func (r *jsonReader) reset(data []byte) {
	// The decoder reads out of such a buffer without copying, writes nothing into
	// it, and lets go of it at the next Reset.
	r.buf = *bytes.NewBuffer(data)
	// Names are not compared here: a map tells.
	r.dec.Reset(&r.buf, jsontext.AllowDuplicateNames(true))
}

// document reads all of the data as one value.
func (r *jsonReader) document() (any, error) {
	v, err := r.value()
	if err != nil {
		return nil, err
	}
	if _, err := r.dec.ReadToken(); err == nil {
		return nil, errTrailing
	} else if se, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return nil, jsonError(se)
	}
	return v, nil
}

var errDuplicate = errors.New("codec: two members of one name")

func (r *jsonReader) value() (any, error) {
	switch r.dec.PeekKind() {
	case '[':
		r.dec.ReadToken()
		a := []any{}
		for r.dec.PeekKind() != ']' {
			v, err := r.value()
			if err != nil {
				return nil, err
			}
			a = append(a, v)
		}
		if _, err := r.dec.ReadToken(); err != nil {
			return nil, jsonError(err)
		}
		return a, nil
	case '{':
		r.dec.ReadToken()
		m := make(map[string]any)
		for r.dec.PeekKind() != '}' {
			raw, err := r.dec.ReadValue()
			if err != nil {
				return nil, jsonError(err)
			}
			name, err := unquote(raw)
			if err != nil {
				return nil, err
			}
			before := len(m)
			m[name] = nil
			if len(m) == before {
				return nil, errDuplicate
			}
			if m[name], err = r.value(); err != nil {
				return nil, err
			}
		}
		if _, err := r.dec.ReadToken(); err != nil {
			return nil, jsonError(err)
		}
		return m, nil
	}
	raw, err := r.dec.ReadValue()
	if err != nil {
		return nil, jsonError(err)
	}
	switch raw.Kind() {
	case 'n':
		return nil, nil
	case 't':
		return true, nil
	case 'f':
		return false, nil
	case '"':
		return textOfValues(raw)
	}
	if bytes.ContainsAny(raw, ".eE") {
		f, err := strconv.ParseFloat(string(raw), 64)
		if err != nil {
			return nil, errors.New("codec: a number beyond float64")
		}
		return f, nil
	}
	i, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil {
		return nil, errInt64
	}
	return i, nil
}

var errInt64 = errors.New("codec: an integer beyond int64")

// unquote returns the text of a JSON string.
func unquote(raw []byte) (string, error) {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1]), nil // the decoder has checked the UTF-8
	}
	text, err := jsontext.AppendUnquote(nil, raw)
	if err != nil {
		return "", jsonError(err)
	}
	return string(text), nil
}

// textOfValues returns the string, the bytes or the time that a JSON string
// means among kinds of Values.
func textOfValues(raw []byte) (any, error) {
	s, err := unquote(raw)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(s, "$") {
		return s, nil
	}
	if strings.HasPrefix(s, "$$") {
		return s[1:], nil
	}
	if text, ok := strings.CutPrefix(s, bytesPrefix); ok {
		b, err := base64.RawURLEncoding.Strict().DecodeString(text)
		if err != nil || strings.ContainsAny(text, "\r\n") {
			return nil, errors.New("codec: $bytes that are not base64url")
		}
		return b, nil
	}
	if text, ok := strings.CutPrefix(s, timePrefix); ok {
		return parseTime([]byte(text))
	}
	return nil, errors.New("codec: a string that begins with one dollar sign and has no meaning")
}

// Extra and Merge copy members as they are written, white space around them apart.

func (c *jsonCodecType) Extra(dst, data []byte, known func(name string) bool) ([]byte, error) {
	start := len(dst)
	out := dst
	err := c.members(data, func(name string, member []byte) error {
		if known(name) {
			return nil
		}
		if len(out) == start {
			out = append(out, '{')
		} else {
			out = append(out, ',')
		}
		out = append(out, member...)
		return nil
	})
	if err != nil {
		return dst, err
	}
	if len(out) > start {
		out = append(out, '}')
	}
	return out, nil
}

func (c *jsonCodecType) Merge(dst, a, b []byte) ([]byte, error) {
	start := len(dst)
	out := append(dst, '{')
	seen := make(map[string]struct{})
	add := func(member []byte) {
		if len(out) > start+1 {
			out = append(out, ',')
		}
		out = append(out, member...)
	}
	if err := c.members(a, func(name string, member []byte) error {
		seen[name] = struct{}{}
		add(member)
		return nil
	}); err != nil {
		return dst, err
	}
	if err := c.members(b, func(name string, member []byte) error {
		if _, ok := seen[name]; !ok {
			add(member)
		}
		return nil
	}); err != nil {
		return dst, err
	}
	out = append(out, '}')
	if err := jsonLimits(out[start:]); err != nil {
		return dst, err
	}
	return out, nil
}

// members calls f with each member of the object data: its name, and its bytes
// from the name to the end of the value.
func (c *jsonCodecType) members(data []byte, f func(name string, member []byte) error) error {
	if err := jsonLimits(data); err != nil {
		return err
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(data))
	if d.PeekKind() != '{' {
		return errNotMap
	}
	d.ReadToken()
	for d.PeekKind() != '}' {
		raw, err := d.ReadValue()
		if err != nil {
			return jsonError(err)
		}
		from := int(d.InputOffset()) - len(raw)
		name, err := unquote(raw)
		if err != nil {
			return err
		}
		if err := d.SkipValue(); err != nil {
			return jsonError(err)
		}
		if err := f(name, data[from:d.InputOffset()]); err != nil {
			return err
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return jsonError(err)
	}
	if _, err := d.ReadToken(); err == nil {
		return errTrailing
	} else if se, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return jsonError(se)
	}
	return nil
}
