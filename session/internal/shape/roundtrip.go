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
// checked too.
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
	data, err := c.Append(nil, p.Interface())
	if err != nil {
		return fmt.Errorf("%s: codec %s cannot encode its %s value: %w", s.culprit(c, p), c.Name(), which, err)
	}
	back := reflect.New(s.typ)
	if err := c.Decode(data, back.Interface()); err != nil {
		return fmt.Errorf("%s: codec %s cannot decode its %s value: %w", s.culprit(c, p), c.Name(), which, err)
	}
	if path, ok := Equal(p.Elem(), back.Elem()); !ok {
		return fmt.Errorf("%s: its %s value comes back different from codec %s", path, which, c.Name())
	}
	if m, ok := c.(codec.Merger); ok {
		switch extra, err := m.Extra(nil, data, s.Known); {
		case err != nil:
			return fmt.Errorf("%s: codec %s cannot take its %s value apart: %w", s.name, c.Name(), which, err)
		case len(extra) != 0:
			return fmt.Errorf("%s: codec %s gives its members other names than their fields have", s.name, c.Name())
		}
	}
	return nil
}

// culprit returns the path of the first field of *p that c fails at when it is
// alone, or the type's name if it fails at none.
func (s *Shape) culprit(c codec.Codec, p reflect.Value) string {
	if s.typ.Kind() != reflect.Struct {
		return s.name
	}
	for i := range s.typ.NumField() {
		f := s.typ.Field(i)
		if f.Anonymous {
			continue // reflect does not make every such struct
		}
		t := reflect.StructOf([]reflect.StructField{f})
		alone, back := reflect.New(t), reflect.New(t)
		alone.Elem().Field(0).Set(p.Elem().Field(i))
		data, err := c.Append(nil, alone.Interface())
		if err == nil {
			err = c.Decode(data, back.Interface())
		}
		if err != nil {
			return s.name + "." + f.Name
		}
	}
	return s.name
}
