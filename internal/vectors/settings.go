package vectors

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keyturn/keyturn/session/takeover"
)

// Settings are the settings of a system by their names in a file of cases. The values
// are what encoding/json makes of them, with json.Number for numbers; those of a command
// line are text, see [Words].
//
// A setting that is missing is as the system has it by default. Whatever nobody asked
// for is reported by Err.
type Settings struct {
	values   map[string]any
	words    bool       // the values are of a command line
	asked    []*Setting // in this order
	elements []*Settings
	problems []string
	checked  bool // Err has been called
}

// NewSettings returns the settings of these values.
func NewSettings(values map[string]any) *Settings { return &Settings{values: values} }

// Words returns the settings of a command line: each name with the texts it was given.
// More than one make a list. Where a setting is a list or an object, a text may also be
// that in JSON. The text null is for what is null in a file.
func Words(words map[string][]string) *Settings {
	s := &Settings{values: map[string]any{}, words: true}
	for name, texts := range words {
		list := make([]any, len(texts))
		for i, text := range texts {
			list[i] = text
		}
		s.values[name] = list
		if len(list) == 1 {
			s.values[name] = list[0]
		}
	}
	return s
}

// A SettingsError says everything that is wrong with settings.
type SettingsError struct{ Problems []string }

func (e *SettingsError) Error() string { return "settings: " + strings.Join(e.Problems, "; ") }

func (s *Settings) problem(format string, args ...any) {
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

// Err returns what is wrong, including settings that no method has been asked for.
func (s *Settings) Err() error {
	problems := s.wrong()
	for _, name := range s.unknown() {
		problems = append(problems, fmt.Sprintf("%q is not a setting here, known are %s", name, strings.Join(s.names(), ", ")))
	}
	if len(problems) > 0 {
		return &SettingsError{problems}
	}
	return nil
}

// wrong returns the problems with what has been asked for.
func (s *Settings) wrong() []string {
	s.checked = true
	for _, e := range s.elements {
		if e.checked { // by who asked for it, who says which one it is
			continue
		}
		if err := e.Err(); err != nil {
			s.problems = append(s.problems, err.(*SettingsError).Problems...)
		}
	}
	return slices.Clone(s.problems)
}

// unknown returns the names that nobody has asked for.
func (s *Settings) unknown() (names []string) {
	for _, name := range slices.Sorted(maps.Keys(s.values)) {
		if s.setting(name) == nil {
			names = append(names, name)
		}
	}
	return names
}

// names returns what has been asked for.
func (s *Settings) names() (names []string) {
	for _, k := range s.asked {
		if k.Kind != Ignored {
			names = append(names, k.Name)
		}
	}
	return names
}

func (s *Settings) setting(name string) *Setting {
	for _, k := range s.asked {
		if k.Name == name {
			return k
		}
	}
	return nil
}

// get returns a setting of any kind. Lists and objects of a command line are what they
// are in JSON.
func (s *Settings) get(name string) (any, bool) {
	v, _, ok := s.ask(name, "")
	if !s.words {
		return v, ok
	}
	if list, is := v.([]any); is {
		list = slices.Clone(list)
		for i, e := range list {
			list[i] = structured(e)
		}
		return list, ok
	}
	return structured(v), ok
}

// structured returns the list or the object that a text is in JSON, if it is one.
func structured(v any) any {
	if text, is := v.(string); is && (strings.HasPrefix(text, "[") || strings.HasPrefix(text, "{")) {
		if decoded, err := decode(text); err == nil {
			return decoded
		}
	}
	return v
}

// ask returns a setting and what is known of it, which is from now on that it is of
// this kind.
func (s *Settings) ask(name string, kind Kind) (any, *Setting, bool) {
	k := s.setting(name)
	if k == nil {
		k = &Setting{Name: name}
		s.asked = append(s.asked, k)
	}
	k.is(kind)
	v, ok := s.values[name]
	if s.words && v == "null" {
		v = nil
	}
	return v, k, ok
}

// one is ask for a setting that is not a list, which it becomes if it is repeated.
func (s *Settings) one(name string, kind Kind) (any, *Setting, bool) {
	v, k, ok := s.ask(name, kind)
	if list, is := v.([]any); is && s.words {
		s.problem("%q is there %d times, and is not a list", name, len(list))
		return nil, k, false
	}
	return v, k, ok
}

// Ignore is for settings that say how a case was made, and nothing about reading it.
func (s *Settings) Ignore(names ...string) {
	for _, name := range names {
		s.ask(name, Ignored)
	}
}

// Has reports whether a setting is there and not null.
func (s *Settings) Has(name string) bool {
	v, _ := s.get(name)
	return v != nil
}

// String returns a setting that is text, or what it is by default.
func (s *Settings) String(name, byDefault string) string {
	return s.text(name, Text, byDefault)
}

func (s *Settings) text(name string, kind Kind, byDefault string) string {
	v, k, _ := s.one(name, kind)
	k.byDefault(byDefault)
	if v == nil {
		return byDefault
	}
	text, ok := v.(string)
	if !ok {
		s.problem("%q is not text", name)
	}
	return text
}

// Only reports a setting that is there and not one of the values that can be read.
func (s *Settings) Only(name string, values ...string) {
	got := s.String(name, values[0])
	s.setting(name).Values = values
	if !slices.Contains(values, got) {
		s.problem("%q is %q, known is %q", name, got, values)
	}
}

// Bool returns a setting that is true or false.
func (s *Settings) Bool(name string, byDefault bool) bool {
	v, k, _ := s.one(name, Boolean)
	k.byDefault(strconv.FormatBool(byDefault))
	switch v := v.(type) {
	case nil:
		return byDefault
	case bool:
		return v
	case string:
		if b, err := strconv.ParseBool(v); err == nil {
			return b
		}
	}
	s.problem("%q is neither true nor false", name)
	return byDefault
}

// Int returns a setting that is an integer.
func (s *Settings) Int(name string, byDefault int64) int64 {
	v, k, _ := s.one(name, Integer)
	k.byDefault(strconv.FormatInt(byDefault, 10))
	if v == nil {
		return byDefault
	}
	i, err := strconv.ParseInt(fmt.Sprint(v), 10, 64)
	if err != nil {
		s.problem("%q is not an integer", name)
	}
	return i
}

// MaxAge returns the setting max_age, in seconds: 0 where it is missing, for what the
// system has by default, and takeover.NoMaxAge where it is null or 0.
func (s *Settings) MaxAge() time.Duration {
	v, _, ok := s.one("max_age", Seconds)
	switch {
	case !ok:
		return 0
	case v == nil:
		return takeover.NoMaxAge
	}
	age, err := strconv.ParseInt(fmt.Sprint(v), 10, 64)
	switch {
	case err != nil, age < 0, age > int64(math.MaxInt64/time.Second):
		s.problem(`"max_age" is not a number of seconds`)
		return 0
	case age == 0:
		return takeover.NoMaxAge
	}
	return time.Duration(age) * time.Second
}

// Secrets returns the secrets, with the encodings that belong to them: those of the
// list of this name, whose elements are texts or objects, or else the one in name.
func (s *Settings) Secrets(list, name string) [][]byte {
	elements, k := s.list(list, Secrets)
	if elements == nil {
		return [][]byte{s.Secret(name)}
	}
	s.Ignore(name, name+"_encoding")
	if s.words && s.Has(name) {
		s.problem("%q and %q are both there: put every secret into the list", list, name)
	}
	var secrets [][]byte
	for i, e := range elements {
		element, ok := e.(map[string]any)
		if text, is := e.(string); is && s.words && strings.HasPrefix(text, "{") {
			if object, err := decode(text); err == nil { // and else it is a secret
				element, ok = object.(map[string]any)
				ok = ok && element[name] != nil
			}
		}
		if !ok {
			element = map[string]any{name: e, name + "_encoding": s.values[name+"_encoding"]}
		}
		inner := Settings{values: element}
		secrets = append(secrets, inner.Secret(name))
		if err := inner.Err(); err != nil {
			s.problem("%s[%d]: %s", list, i, strings.Join(err.(*SettingsError).Problems, "; "))
		}
		k.of(&inner)
	}
	return secrets
}

// texts returns secrets as a configuration has them that takes text.
func texts(secrets [][]byte) []string {
	all := make([]string, len(secrets))
	for i, secret := range secrets {
		all[i] = string(secret)
	}
	return all
}

// Secret returns a secret, which name_encoding says how to read: utf8, which is the
// default, or hex.
func (s *Settings) Secret(name string) []byte {
	text := s.text(name, Secret, "")
	encoding := s.String(name+"_encoding", "utf8")
	s.setting(name + "_encoding").Values = []string{"utf8", "hex"}
	if !s.Has(name) {
		s.problem("%q is missing", name)
		return nil
	}
	switch {
	case encoding == "utf8", strings.HasPrefix(encoding, "fernet-key"): // the text itself
		return []byte(text)
	case encoding != "hex":
		s.problem(`%q is neither utf8 nor hex`, name+"_encoding")
		return nil
	}
	b, err := hex.DecodeString(text)
	if err != nil {
		s.problem("%q is not hex, and %q says that it is", name, name+"_encoding")
	}
	return b
}

// List returns a setting that is a list of objects, each as settings of its own.
func (s *Settings) List(name string) []*Settings {
	elements, k := s.list(name, Objects)
	var list []*Settings
	for i, e := range elements {
		if text, is := e.(string); is && s.words {
			e, _ = decode(text)
		}
		object, ok := e.(map[string]any)
		if !ok {
			s.problem("%s[%d] is not an object", name, i)
			continue
		}
		inner := &Settings{values: object}
		list = append(list, inner)
		s.elements = append(s.elements, inner)
		k.Of = inner
	}
	return list
}

// list returns the elements of a setting that is a list, nil if it is not there.
func (s *Settings) list(name string, kind Kind) ([]any, *Setting) {
	v, k, _ := s.ask(name, kind)
	switch v := v.(type) {
	case nil:
		return nil, k
	case []any:
		return v, k
	case string:
		if !s.words || !strings.HasPrefix(v, "[") {
			return []any{v}, k
		}
		list, err := decode(v)
		if elements, ok := list.([]any); err == nil && ok {
			return elements, k
		}
		s.problem("%q begins as a list of JSON, and is not one", name)
	default:
		s.problem("%q is not a list", name)
	}
	return []any{}, k
}

// Object returns a setting that is an object.
func (s *Settings) Object(name string) map[string]any {
	v, _, _ := s.one(name, Object)
	if text, is := v.(string); is && s.words {
		v, _ = decode(text)
		if v == nil {
			v = text
		}
	}
	if v == nil {
		return nil
	}
	object, ok := v.(map[string]any)
	if !ok {
		s.problem("%q is not an object", name)
	}
	return object
}

// decode decodes one JSON value as those of a file are.
func decode(text string) (any, error) {
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, errors.New("there is more behind it")
	}
	return v, nil
}
