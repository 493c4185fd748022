package shape

import (
	"bytes"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
)

var codecs = codec.All()

func TestEveryCodecCarriesWhatIsAccepted(t *testing.T) {
	for _, test := range accepted {
		for _, c := range codecs {
			t.Run(c.Name()+"/"+test.of.String(), func(t *testing.T) {
				s, err := Of(test.of)
				if err != nil {
					t.Fatal(err)
				}
				if err := s.RoundTrip(c); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// A broken codec is encoding/json with a fault.
type broken struct {
	append func(v any) ([]byte, error)
	decode func(data []byte, v any) error
}

func (broken) ID() byte     { return 200 }
func (broken) Name() string { return "broken" }
func (c broken) Append(dst []byte, v any) ([]byte, error) {
	if c.append == nil {
		c.append = json.Marshal
	}
	data, err := c.append(v)
	return append(dst, data...), err
}
func (c broken) Decode(data []byte, v any) error {
	if c.decode == nil {
		c.decode = json.Unmarshal
	}
	return c.decode(data, v)
}

// A renaming codec writes the name "note" as "NOTE".
type renaming struct{ broken }

func (renaming) Extra(dst, data []byte, known func(name string) bool) ([]byte, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(data, &members); err != nil {
		return dst, err
	}
	for name := range members {
		if !known(strings.ReplaceAll(name, "note", "NOTE")) {
			dst = append(dst, name...)
		}
	}
	return dst, nil
}
func (renaming) Merge(dst, a, b []byte) ([]byte, error) { return dst, nil }

// A brittle codec cannot be asked for the members.
type brittle struct{ renaming }

func (brittle) Extra(dst, data []byte, known func(name string) bool) ([]byte, error) {
	return dst, errors.New("no idea")
}

func TestRoundTripTellsWhatACodecLoses(t *testing.T) {
	type visit struct {
		ID    int64             `json:"id"`
		Small int8              `json:"small"`
		Seen  time.Time         `json:"seen"`
		Note  *string           `json:"note"`
		Tags  map[string]string `json:"tags"`
		Sub   *struct{ Note *string }
	}
	s := shapeOf[visit](t)
	if err := s.RoundTrip(broken{}); err != nil {
		t.Fatalf("without a fault: %v", err)
	}
	after := func(change func(v *visit)) broken {
		return broken{decode: func(data []byte, v any) error {
			err := json.Unmarshal(data, v)
			change(v.(*visit))
			return err
		}}
	}
	nope := errors.New("nope")
	for name, test := range map[string]struct {
		codec codec.Codec
		want  string
	}{
		"numbers by float64": {after(func(v *visit) { v.ID = int64(float64(v.ID)) }), "visit.ID: its filled value comes back different from codec broken"},
		"numbers narrowed":   {after(func(v *visit) { v.Small = v.Small << 1 >> 1 }), "visit.Small: its filled value comes back different"},
		"local times":        {after(func(v *visit) { v.Seen = v.Seen.In(cet) }), "visit.Seen: its zero value comes back different"},
		"seconds":            {after(func(v *visit) { v.Seen = v.Seen.Truncate(time.Second) }), "visit.Seen: its filled value comes back different"},
		"a pointer lost":     {after(func(v *visit) { v.Note = nil }), "visit.Note: its mostly empty value comes back different"},
		"a pointer to nothing much lost": {after(func(v *visit) {
			if v.Sub != nil && v.Sub.Note != nil && *v.Sub.Note == "" {
				v.Sub.Note = nil
			}
		}), "visit.Sub.Note: its mostly empty value comes back different"},
		"a pointer won":   {after(func(v *visit) { v.Note = new(string) }), "visit.Note: its zero value comes back different"},
		"an element lost": {after(func(v *visit) { clear(v.Tags) }), "visit.Tags: its mostly empty value comes back different"},
		"cannot encode": {broken{append: func(v any) ([]byte, error) {
			if data, _ := json.Marshal(v); !bytes.Contains(data, []byte(`"tags":{"`)) {
				return data, nil
			}
			return nil, nope
		}}, "visit.Tags: codec broken cannot encode its mostly empty value: nope"},
		"cannot encode together": {broken{append: func(v any) ([]byte, error) {
			data, _ := json.Marshal(v)
			if len(data) < 145 {
				return data, nil
			}
			return nil, nope
		}}, "visit: codec broken cannot encode its filled value: nope"},
		"cannot decode": {broken{decode: func(data []byte, v any) error {
			if bytes.Contains(data, []byte(`"seen"`)) {
				return nope
			}
			return json.Unmarshal(data, v)
		}}, "visit.Seen: codec broken cannot decode its zero value: nope"},
		"renames":   {renaming{}, "visit: codec broken gives its members other names than their fields have"},
		"no merger": {brittle{}, "visit: codec broken cannot take its zero value apart: no idea"},
	} {
		err := s.RoundTrip(test.codec)
		if err == nil || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
		if strings.HasSuffix(test.want, "nope") && !errors.Is(err, nope) {
			t.Errorf("%s: the codec's error is not within %v", name, err)
		}
	}
}

// What a type does not say about itself, the trial finds.
func TestRoundTripFindsTypesThatLoseThemselves(t *testing.T) {
	type lossy struct {
		A string
		V forgets
	}
	type silent struct {
		base
		A string
		V mute
	}
	for _, test := range []struct {
		of   reflect.Type
		want string
	}{
		{reflect.TypeFor[lossy](), "lossy.V: its zero value comes back different from codec "},
		{reflect.TypeFor[silent](), "silent.V: codec "},
	} {
		s, err := Of(test.of)
		if err != nil {
			t.Fatal(err)
		}
		if !s.Opaque() {
			t.Errorf("%v is not opaque", test.of)
		}
		for _, c := range codecs {
			if err := s.RoundTrip(c); err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		}
	}
	for _, c := range codecs {
		if err := shapeOf[struct{ A, V [1025]bool }](t).RoundTrip(c); err == nil || !strings.HasPrefix(err.Error(), "T.A: codec ") || !strings.HasSuffix(err.Error(), "more than 1024 entries") {
			t.Errorf("an array of more than there may be: %v", err)
		}
	}
	if err := shapeOf[struct{ V *mute }](t).RoundTrip(codecs[0]); err != nil {
		t.Errorf("a pointer to it, which may be nil: %v", err)
	}
}

// What panics fails, and no value of the panic's is told.
func TestRoundTripFindsWhatPanics(t *testing.T) {
	type odd struct {
		A string
		V explosive
		Z string
	}
	type reader struct {
		A string
		V unreadable
	}
	type comparer struct {
		A string
		V incomparable
	}
	for _, test := range []struct {
		of    reflect.Type
		codec codec.Codec
		want  string
	}{
		{reflect.TypeFor[odd](), codecs[0], "odd.V: codec json cannot encode its zero value: it panicked with a *errors.errorString"},
		{reflect.TypeFor[reader](), codecs[1], "reader.V: codec msgpack cannot decode its zero value: it panicked with a string"},
		{reflect.TypeFor[comparer](), codecs[2], "comparer: its zero value cannot be compared: it panicked with a runtime."},
		{reflect.TypeFor[map[string]explosive](), codecs[0], "T: codec json cannot encode its mostly empty value: it panicked with a *errors.errorString"},
		{reflect.TypeFor[standard](), broken{append: func(any) ([]byte, error) { panic("secret") }}, "standard.UserID: codec broken cannot encode its zero value: it panicked with a string"},
		{reflect.TypeFor[standard](), exploding{}, "standard: codec broken cannot take its zero value apart: it panicked with a string"},
	} {
		s, err := Of(test.of)
		if err != nil {
			t.Fatal(err)
		}
		err = s.RoundTrip(test.codec)
		if err == nil || !strings.HasPrefix(err.Error(), test.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

// An explosive type panics at its zero value, as one that holds a nil pointer would.
type explosive struct{ lit bool }

func (e explosive) MarshalText() ([]byte, error) {
	if !e.lit {
		panic(errors.New("secret"))
	}
	return nil, nil
}
func (e *explosive) UnmarshalText(text []byte) error { return nil }

type unreadable struct{}

func (unreadable) MarshalText() ([]byte, error) { return nil, nil }
func (*unreadable) UnmarshalText([]byte) error  { panic("secret") }

type incomparable struct{ n *int }

func (incomparable) MarshalText() ([]byte, error)    { return nil, nil }
func (*incomparable) UnmarshalText([]byte) error     { return nil }
func (i incomparable) Equal(other incomparable) bool { return *i.n == *other.n }

// An exploding codec panics at taking apart.
type exploding struct{ renaming }

func (exploding) Extra(dst, data []byte, known func(string) bool) ([]byte, error) { panic("secret") }

// A type that forgets reads something else than it writes.
type forgets struct{ s, rest string }

func (f forgets) MarshalText() ([]byte, error) { return []byte(f.s), nil }
func (f *forgets) UnmarshalText(text []byte) error {
	f.s, f.rest = string(text), ""
	if len(text) < 3 {
		f.rest = f.s
		f.s += "..."
	}
	return nil
}
