package shape

import (
	"fmt"
	"reflect"

	"github.com/keyturn/keyturn/codec"
)

// RoundTrip tries the type with c: it encodes the zero value, one that is made of
// zero values, and the one that [Shape.Filled] makes up, decodes them, and returns
// an error that names the codec and the first field that does not come back the
// same. If c is a [codec.Merger], the names of the members that it writes are
// checked too. What panics is such an error.
func (s *Shape) RoundTrip(c codec.Codec) error {
	for _, trial := range []struct {
		name  string
		value reflect.Value
	}{
		{"zero", reflect.New(s.typ)},
		{"mostly empty", s.hollow().Addr()},
		{"filled", s.Filled().Addr()},
	} {
		if err := s.roundTrip(c, trial.value, trial.name); err != nil {
			return err
		}
	}
	return nil
}

func (s *Shape) roundTrip(c codec.Codec, p reflect.Value, which string) error {
	if err := s.Normalize(p.Interface()); err != nil {
		return err
	}
	data, err := encode(c, p)
	if err != nil {
		return fmt.Errorf("%s: codec %s cannot encode its %s value: %w", s.culprit(c, p), c.Name(), which, err)
	}
	back := reflect.New(s.typ)
	if err := decode(c, data, back); err != nil {
		return fmt.Errorf("%s: codec %s cannot decode its %s value: %w", s.culprit(c, p), c.Name(), which, err)
	}
	switch path, same, err := compare(p, back); {
	case err != nil:
		return fmt.Errorf("%s: its %s value cannot be compared: %w", s.name, which, err)
	case !same:
		return fmt.Errorf("%s: its %s value comes back different from codec %s", path, which, c.Name())
	}
	if m, ok := c.(codec.Merger); ok {
		switch extra, err := s.extra(m, data); {
		case err != nil:
			return fmt.Errorf("%s: codec %s cannot take its %s value apart: %w", s.name, c.Name(), which, err)
		case len(extra) != 0:
			return fmt.Errorf("%s: codec %s gives its members other names than their fields have", s.name, c.Name())
		}
	}
	return nil
}

// In a trial, what panics fails: a codec, or a method of a type that marshals itself.

func encode(c codec.Codec, p reflect.Value) (data []byte, err error) {
	defer fail(&err)
	return c.Append(nil, p.Interface())
}

func decode(c codec.Codec, data []byte, p reflect.Value) (err error) {
	defer fail(&err)
	return c.Decode(data, p.Interface())
}

func compare(a, b reflect.Value) (path string, same bool, err error) {
	defer fail(&err)
	path, same = Equal(a.Elem(), b.Elem())
	return path, same, nil
}

func (s *Shape) extra(m codec.Merger, data []byte) (extra []byte, err error) {
	defer fail(&err)
	return m.Extra(nil, data, s.Known)
}

// fail makes an error of a panic. It names the type only: the value may be of the data.
func fail(err *error) {
	if value := recover(); value != nil {
		*err = fmt.Errorf("it panicked with a %T", value)
	}
}

// culprit returns the path of the first field of *p that c fails at when it is
// alone, or the type's name if it fails at none.
func (s *Shape) culprit(c codec.Codec, p reflect.Value) string {
	if s.typ.Kind() != reflect.Struct {
		return s.name
	}
	for i := range s.typ.NumField() {
		f := s.typ.Field(i)
		if f.Anonymous || f.Name == "_" {
			continue // reflect does not make every such struct
		}
		t := reflect.StructOf([]reflect.StructField{f})
		alone, back := reflect.New(t), reflect.New(t)
		alone.Elem().Field(0).Set(p.Elem().Field(i))
		data, err := encode(c, alone)
		if err == nil {
			err = decode(c, data, back)
		}
		if err != nil {
			return s.name + "." + f.Name
		}
	}
	return s.name
}
