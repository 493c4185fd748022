package codectest

import (
	"errors"
	"fmt"
	"path"
	"reflect"
	"runtime"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/codec"
)

// Codecs are called by these methods alone, which make an error of a panic: a
// codec that panics at one value is checked with the others nonetheless.

func (p *promise) append(dst []byte, v any) (out []byte, err error) {
	defer catch(&err)
	return p.c.Append(dst, v)
}

func (p *promise) decode(data []byte, v any) (err error) {
	defer catch(&err)
	return p.c.Decode(data, v)
}

func (p *promise) extra(dst, data []byte, known func(string) bool) (out []byte, err error) {
	defer catch(&err)
	return p.c.(codec.Merger).Extra(dst, data, known)
}

func (p *promise) merge(dst, a, b []byte) (out []byte, err error) {
	defer catch(&err)
	return p.c.(codec.Merger).Merge(dst, a, b)
}

// A panicked error is never what a codec should have returned.
type panicked struct {
	value any
	where string
}

func (e *panicked) Error() string { return fmt.Sprintf("panic in %s: %v", e.where, e.value) }

func catch(err *error) {
	if value := recover(); value != nil {
		*err = &panicked{value, panicSite()}
	}
}

// panicSite returns the function, file and line that panicked.
func panicSite() string {
	var pcs [64]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs[:])])
	panicking := false
	for {
		f, more := frames.Next()
		switch {
		case f.Function == "runtime.gopanic":
			panicking = true
		case panicking && !strings.HasPrefix(f.Function, "runtime."):
			return fmt.Sprintf("%s (%s:%d)", path.Base(f.Function), path.Base(f.File), f.Line)
		}
		if !more {
			return "an unknown place"
		}
	}
}

func isPanic(err error) bool {
	var panicked *panicked
	return errors.As(err, &panicked)
}

// refused checks that a call returned an error for what it was given, as it must.
func (p *promise) refused(err error, call, of string, facts ...fact) bool {
	p.t.Helper()
	switch {
	case err == nil:
		p.fail(call+" takes "+of+", want an error", facts...)
	case isPanic(err):
		facts = slices.DeleteFunc(facts, func(f fact) bool { return f.label == "got" })
		p.fail(call+" panics at "+of+", want an error", append(facts, because(err))...)
	default:
		return true
	}
	return false
}

// problem returns what happens if a call returns err.
func problem(call string, err error) string {
	if isPanic(err) {
		return call + " panics"
	}
	return call + " returns an error"
}

// encode returns the encoding of v. The subtest ends if there is none.
func (p *promise) encode(v any) []byte {
	p.t.Helper()
	data, err := p.append(nil, v)
	if err != nil {
		reproduced := !p.verify(pointed(v), func(v any) verdict {
			if _, err := p.append(nil, pointerTo(v)); err != nil {
				return verdict{problem("Append", err), []fact{given(v), because(err)}}
			}
			return verdict{}
		})
		if reproduced {
			p.t.FailNow()
		}
		p.fatal(problem("Append", err), given(v), because(err))
	}
	return data
}

// pointed returns what v points to if it is a pointer, and v if not.
func pointed(v any) any {
	if p := reflect.ValueOf(v); p.Kind() == reflect.Pointer && !p.IsNil() {
		return p.Elem().Interface()
	}
	return v
}

// pointerTo returns a pointer to a copy of v, or v itself if it is a map of kinds of Values.
func pointerTo(v any) any {
	switch v := v.(type) {
	case nil:
		return new(any)
	case map[string]any:
		return v
	}
	p := reflect.New(reflect.TypeOf(v))
	p.Elem().Set(reflect.ValueOf(v))
	return p.Interface()
}

// decodeTo decodes data. The subtest ends if they cannot be.
func decodeTo[T any](p *promise, data []byte) T {
	p.t.Helper()
	var v T
	if err := p.decode(data, &v); err != nil {
		p.fatal(problem("Decode into "+typeName(reflect.TypeFor[T]()), err), encoded(data), because(err))
	}
	return v
}

// through encodes v and decodes it into a T. The subtest ends if that cannot be.
func through[T any](p *promise, v any) T {
	p.t.Helper()
	data := p.encode(v)
	into := reflect.TypeFor[T]()
	what := "Decode into " + typeName(into)
	var out T
	err := p.decode(data, &out)
	if err == nil {
		return out
	}
	v = pointed(v)
	ownType := reflect.TypeOf(v) == into
	reproduced := !p.verify(v, func(v any) verdict {
		data, err := p.append(nil, pointerTo(v))
		if err != nil {
			return verdict{}
		}
		into := into
		if ownType {
			into = reflect.TypeOf(v)
		}
		if err := p.decode(data, reflect.New(into).Interface()); err != nil {
			return verdict{problem(what, err), []fact{given(v), encoded(data), because(err)}}
		}
		return verdict{}
	})
	if !reproduced {
		p.fail(problem(what, err), given(v), encoded(data), because(err))
	}
	p.t.FailNow()
	return out
}
