package shape

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

// A tag is what a `json` tag says of a field. All codecs follow it.
type tag struct {
	name      string
	named     bool // by the tag, not by Go
	omitempty bool
	omitzero  bool
}

// parseTag reads the tags of f, and refuses what not every codec understands in
// the same way.
func parseTag(f reflect.StructField) (tag, error) {
	for _, key := range []string{"cbor", "msgpack"} {
		if _, ok := f.Tag.Lookup(key); ok {
			return tag{}, fmt.Errorf("a `%s` tag speaks to one codec only: use a `json` tag, which serves all", key)
		}
	}
	name, options, more := strings.Cut(f.Tag.Get("json"), ",")
	if name == "-" {
		return tag{}, errors.New("the name - leaves the field out, and it would not come back: move it out of the session's type")
	}
	if err := checkName(name); err != nil {
		return tag{}, err
	}
	t := tag{name: name, named: name != ""}
	if !t.named {
		t.name = f.Name
	}
	for more {
		var option string
		option, options, more = strings.Cut(options, ",")
		switch {
		case option == "omitempty" && !t.omitempty:
			t.omitempty = true
		case option == "omitzero" && !t.omitzero:
			t.omitzero = true
		default:
			return tag{}, fmt.Errorf("the codecs do not agree on the tag option %q: only omitempty and omitzero, once each, serve all", option)
		}
	}
	return t, nil
}

// checkName refuses the names that the codecs spell differently: they part over
// quotes, backslashes, colons and outer spaces in a tag.
func checkName(name string) error {
	switch {
	case !utf8.ValidString(name):
		return errors.New("its name is not valid UTF-8")
	case strings.ContainsAny(name, "\\'\"`:"), strings.TrimSpace(name) != name:
		return fmt.Errorf("the codecs do not agree on the name %q: use one without quotes, backslashes, colons and outer spaces", name)
	}
	return nil
}

// lossless says why a field of type t that is left out under the tag's options
// would come back as another value. Empty and nil are the same to all codecs; what
// is zero a type may decide by itself.
func (t tag) lossless(typ reflect.Type) error {
	if t.omitzero && typ != timeType && typ.Kind() != reflect.Pointer && reflect.PointerTo(typ).Implements(isZeroerType) {
		return fmt.Errorf("with omitzero, all that the IsZero method of %s calls zero would come back as the zero value: drop the option", typ)
	}
	return nil
}
