package codectest

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// How much of a value is printed: beyond that, it is only said how much there is.
const (
	maxPrinted = 120 // bytes of a value, after which no more elements begin
	maxText    = 48  // bytes of one text, or of one []byte
	maxShown   = 8   // levels of nesting
)

// show returns v in the words of Go and on one line, and whether that is all of v.
//
// Every value whose type is not seen elsewhere on the line has it written, as
// int64(7) and float64(7) are different values. Fields that are zero are left out.
func show(v any) (text string, complete bool) {
	var p printer
	p.value(reflect.ValueOf(v), true)
	return p.String(), !p.cut
}

// describe is show where it does not matter whether that is all.
func describe(v any) string {
	s, _ := show(v)
	return s
}

type printer struct {
	strings.Builder
	depth int
	cut   bool // whether something was left out
}

var timeType = reflect.TypeFor[time.Time]()

// value writes v, and its type unless the type around it tells.
func (p *printer) value(v reflect.Value, typed bool) {
	if !v.IsValid() {
		p.WriteString("nil")
		return
	}
	if v.Type() == timeType && v.CanInterface() {
		p.WriteString(showTime(v.Interface().(time.Time)))
		return
	}
	if text, ok := marshaled(v); ok {
		p.WriteString(typeName(v.Type()) + "{MarshalText: " + p.text(text) + "}")
		return
	}
	switch v.Kind() {
	case reflect.Interface:
		p.value(v.Elem(), true)
	case reflect.Pointer:
		if v.IsNil() {
			p.none(v, typed)
			return
		}
		p.WriteByte('&')
		p.value(v.Elem(), true)
	case reflect.Slice, reflect.Map:
		if v.IsNil() {
			p.none(v, typed)
			return
		}
		p.composite(v, typed)
	case reflect.Array, reflect.Struct:
		p.composite(v, typed)
	default:
		s, implied := p.scalar(v)
		if typed && v.Type() != implied {
			s = typeName(v.Type()) + "(" + s + ")"
		}
		p.WriteString(s)
	}
}

// marshaled returns the text of the types of this package that have one.
func marshaled(v reflect.Value) (string, bool) {
	if v.Type() != reflect.TypeFor[level]() || !v.CanInterface() {
		return "", false
	}
	l := v.Interface().(level)
	text, err := l.MarshalText()
	return string(text), err == nil
}

func (p *printer) none(v reflect.Value, typed bool) {
	switch {
	case !typed:
		p.WriteString("nil")
	case v.Kind() == reflect.Pointer:
		p.WriteString("(" + typeName(v.Type()) + ")(nil)")
	default:
		p.WriteString(typeName(v.Type()) + "(nil)")
	}
}

// scalar returns v in the words of Go, and the type that these words are of.
func (p *printer) scalar(v reflect.Value) (s string, implied reflect.Type) {
	switch {
	case v.Kind() == reflect.Bool:
		return strconv.FormatBool(v.Bool()), reflect.TypeFor[bool]()
	case v.Kind() == reflect.String:
		return p.text(v.String()), reflect.TypeFor[string]()
	case v.CanInt():
		return strconv.FormatInt(v.Int(), 10), nil
	case v.CanUint():
		return strconv.FormatUint(v.Uint(), 10), nil
	case v.CanFloat():
		return strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits()), nil
	case v.CanComplex():
		return strconv.FormatComplex(v.Complex(), 'g', -1, v.Type().Bits()), nil
	case v.IsZero():
		return "nil", nil
	}
	return "...", nil // a channel or a function
}

func (p *printer) text(s string) string {
	if len(s) <= maxText {
		return strconv.Quote(s)
	}
	p.cut = true
	n := maxText
	for n > maxText-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return fmt.Sprintf("%q... (%d bytes)", s[:n], len(s))
}

// composite writes a value of several: an array, slice, map or struct.
func (p *printer) composite(v reflect.Value, typed bool) {
	if typed {
		p.WriteString(typeName(v.Type()))
	}
	if k := v.Kind(); k != reflect.Map && k != reflect.Struct && v.Type().Elem().Kind() == reflect.Uint8 {
		p.bytes(v, typed)
		return
	}
	p.depth++
	defer func() { p.depth-- }()
	p.WriteByte('{')
	defer p.WriteByte('}')
	if p.depth > maxShown {
		p.cut = true
		p.WriteString("...")
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		p.fields(v)
	case reflect.Map:
		keys := sortedKeys(v)
		p.list(len(keys), func(i int) {
			p.value(keys[i], false)
			p.WriteString(": ")
			p.value(v.MapIndex(keys[i]), false)
		})
	default:
		p.list(v.Len(), func(i int) { p.value(v.Index(i), false) })
	}
}

func (p *printer) bytes(v reflect.Value, typed bool) {
	b := make([]byte, v.Len())
	for i := range b {
		b[i] = byte(v.Index(i).Uint())
	}
	open, end := "(", ")"
	if !typed {
		open, end = "", ""
	}
	p.WriteString(open + p.text(string(b)) + end)
}

// fields writes the fields of a struct that are not zero.
func (p *printer) fields(v reflect.Value) {
	t := v.Type()
	var set []int
	for i := range t.NumField() {
		// A float that is -0 is zero to some, not here.
		if f := v.Field(i); !f.IsZero() || f.CanFloat() && math.Signbit(f.Float()) {
			set = append(set, i)
		}
	}
	p.list(len(set), func(i int) {
		p.WriteString(t.Field(set[i]).Name + ": ")
		p.value(v.Field(set[i]), t.Name() != "") // the type of a struct without a name is written
	})
	switch {
	case t.Name() == "" || len(set) == t.NumField():
	case len(set) == 0:
		p.WriteString("all fields zero")
	default:
		p.WriteString(", other fields zero")
	}
}

// list writes n elements, as many of them as there is room for.
func (p *printer) list(n int, element func(i int)) {
	for i := range n {
		if i > 0 {
			p.WriteString(", ")
		}
		if p.Len() > maxPrinted {
			p.cut = true
			fmt.Fprintf(p, "... %d more", n-i)
			return
		}
		element(i)
	}
}

func sortedKeys(m reflect.Value) []reflect.Value {
	keys := m.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int {
		switch {
		case a.CanInt() && b.CanInt():
			return cmp.Compare(a.Int(), b.Int())
		case a.CanUint() && b.CanUint():
			return cmp.Compare(a.Uint(), b.Uint())
		}
		return cmp.Compare(a.String(), b.String())
	})
	return keys
}

// showTime tells also apart what Equal does not.
func showTime(t time.Time) string {
	var notes []string
	switch _, offset := t.Zone(); {
	case t.Location() == time.Local:
		notes = append(notes, "in time.Local")
	case t.Location() != time.UTC && offset == 0:
		notes = append(notes, "not in time.UTC")
	}
	if t != t.Round(0) {
		notes = append(notes, "with a monotonic clock")
	}
	s := "time.Time(" + t.Format(time.RFC3339Nano) + ")"
	if len(notes) > 0 {
		s += " (" + strings.Join(notes, ", ") + ")"
	}
	return s
}

var (
	quotedTag = regexp.MustCompile(`"(json:)\\"([^"\\]*)\\""`)
	uint8s    = regexp.MustCompile(`\]uint8\b`)
)

// typeName returns the name of t as people write it, without the name of this package.
func typeName(t reflect.Type) string {
	s := strings.ReplaceAll(t.String(), "interface {}", "any")
	s = strings.ReplaceAll(s, reflect.TypeFor[record]().PkgPath()+".", "") // in the arguments of generic types
	s = strings.ReplaceAll(s, "codectest.", "")
	s = quotedTag.ReplaceAllString(s, "`$1\"$2\"`")
	return uint8s.ReplaceAllString(s, "]byte")
}

// declaration returns t, and if it is a struct its fields, also where it has a name.
func declaration(t reflect.Type) string {
	switch {
	case t.Kind() == reflect.Pointer:
		return "*" + declaration(t.Elem())
	case t.Kind() != reflect.Struct:
		return typeName(t)
	}
	var fields []string
	for i := range t.NumField() {
		f := t.Field(i)
		s := typeName(f.Type)
		if !f.Anonymous {
			s = f.Name + " " + s
		}
		if f.Tag != "" {
			s += " `" + string(f.Tag) + "`"
		}
		fields = append(fields, s)
	}
	return "struct { " + strings.Join(fields, "; ") + " }"
}

// showData returns encoded data: as they are if they are text, and otherwise in hexadecimal.
func showData(data []byte) string {
	if len(data) == 0 {
		return "no bytes"
	}
	printed := data[:min(len(data), maxText)]
	s := string(printed)
	for n := 1; n < utf8.UTFMax && len(printed) < len(data) && !utf8.ValidString(s); n++ {
		s = s[:len(s)-1] // a character that is not there in full
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		s = fmt.Sprintf("% x", printed)
	}
	if len(printed) < len(data) {
		s += fmt.Sprintf(" ... (%d bytes)", len(data))
	}
	return s
}
