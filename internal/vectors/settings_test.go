package vectors

import (
	"encoding/json"
	"errors"
	"math"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/session/takeover"
)

// problemsOf returns what Err says.
func problemsOf(s *Settings) string {
	err := s.Err()
	if err == nil {
		return ""
	}
	return strings.Join(err.(*SettingsError).Problems, "\n")
}

type values = map[string]any

// one returns words of one setting.
func one(name string, texts ...string) *Settings {
	return Words(map[string][]string{name: texts})
}

func TestSettings(t *testing.T) {
	number := func(s string) json.Number { return json.Number(s) }
	str := func(s *Settings) any { return s.String("a", "d") }
	boolean := func(s *Settings) any { return s.Bool("a", true) }
	integer := func(s *Settings) any { return s.Int("a", 7) }
	age := func(s *Settings) any { return s.MaxAge() }
	secret := func(s *Settings) any { return s.Secret("a") }
	secrets := func(s *Settings) any { return s.Secrets("as", "a") }
	object := func(s *Settings) any { return s.Object("a") }
	has := func(s *Settings) any { return s.Has("a") }
	only := func(s *Settings) any { s.Only("a", "x", "y"); return nil }
	list := func(s *Settings) any {
		var all []string
		for _, e := range s.List("a") {
			all = append(all, e.String("b", "d"))
		}
		return all
	}
	bytes := func(s ...string) (all [][]byte) {
		for _, x := range s {
			all = append(all, []byte(x))
		}
		return all
	}
	for _, tt := range []struct {
		name     string
		get      func(*Settings) any
		s        *Settings
		want     any
		problems string // the beginning of each, by \n
	}{
		{"text", str, NewSettings(values{"a": "x"}), "x", ""},
		{"text by default", str, NewSettings(nil), "d", ""},
		{"text that is null", str, NewSettings(values{"a": nil}), "d", ""},
		{"text that is a number", str, NewSettings(values{"a": number("1")}), "", `"a" is not text`},
		{"a word", str, one("a", "[x"), "[x", ""},
		{"an empty word", str, one("a", ""), "", ""},
		{"the word null", str, one("a", "null"), "d", ""},
		{"null as text of a file", str, NewSettings(values{"a": "null"}), "null", ""},
		{"a word twice", str, one("a", "x", "y"), "d", `"a" is there 2 times`},
		{"text that is a list", str, NewSettings(values{"a": []any{"x"}}), "", `"a" is not text`},

		{"true", boolean, NewSettings(values{"a": false}), false, ""},
		{"true by default", boolean, NewSettings(nil), true, ""},
		{"true that is null", boolean, NewSettings(values{"a": nil}), true, ""},
		{"a word that is false", boolean, one("a", "false"), false, ""},
		{"a word that is neither", boolean, one("a", "no"), true, `"a" is neither true nor false`},
		{"a number", boolean, NewSettings(values{"a": number("1")}), true, `"a" is neither true nor false`},
		{"true twice", boolean, one("a", "true", "false"), true, `"a" is there 2 times`},

		{"an integer", integer, NewSettings(values{"a": number("-9223372036854775808")}), int64(math.MinInt64), ""},
		{"an integer by default", integer, NewSettings(nil), int64(7), ""},
		{"an integer that is null", integer, NewSettings(values{"a": nil}), int64(7), ""},
		{"a word that is an integer", integer, one("a", "12"), int64(12), ""},
		{"a fraction", integer, NewSettings(values{"a": number("1.5")}), int64(0), `"a" is not an integer`},
		{"a large number", integer, one("a", "9223372036854775808"), int64(math.MaxInt64), `"a" is not an integer`},
		{"no number", integer, one("a", ""), int64(0), `"a" is not an integer`},

		{"no max_age", age, NewSettings(nil), time.Duration(0), ""},
		{"a max_age", age, NewSettings(values{"max_age": number("60")}), time.Minute, ""},
		{"a max_age of 0", age, NewSettings(values{"max_age": number("0")}), takeover.NoMaxAge, ""},
		{"a max_age that is null", age, NewSettings(values{"max_age": nil}), takeover.NoMaxAge, ""},
		{"a word as max_age", age, one("max_age", "60"), time.Minute, ""},
		{"the word null as max_age", age, one("max_age", "null"), takeover.NoMaxAge, ""},
		{"a negative max_age", age, one("max_age", "-1"), time.Duration(0), `"max_age" is not a number of seconds`},
		{"a large max_age", age, one("max_age", "9223372037"), time.Duration(0), `"max_age" is not a number of seconds`},
		{"the largest max_age", age, one("max_age", "9223372036"), 9223372036 * time.Second, ""},
		{"a max_age that is none", age, one("max_age", "1h"), time.Duration(0), `"max_age" is not a number of seconds`},

		{"a secret", secret, NewSettings(values{"a": "ключ"}), []byte("ключ"), ""},
		{"a secret in hex", secret, NewSettings(values{"a": "00ff", "a_encoding": "hex"}), []byte{0, 255}, ""},
		{"a secret in hex on a command line", secret, Words(map[string][]string{"a": {"00ff"}, "a_encoding": {"hex"}}), []byte{0, 255}, ""},
		{"a secret in utf8", secret, NewSettings(values{"a": "00ff", "a_encoding": "utf8"}), []byte("00ff"), ""},
		{"a key of Fernet", secret, NewSettings(values{"a": "x=", "a_encoding": "fernet-key (base64url of ...)"}), []byte("x="), ""},
		{"no secret", secret, NewSettings(nil), []byte(nil), `"a" is missing`},
		{"no hex", secret, NewSettings(values{"a": "0x", "a_encoding": "hex"}), []byte{}, `"a" is not hex, and "a_encoding" says that it is`},
		{"an unknown encoding", secret, NewSettings(values{"a": "x", "a_encoding": "base64"}), []byte(nil), `"a_encoding" is neither utf8 nor hex`},

		{"secrets", secrets, NewSettings(values{"as": []any{"x", "y"}}), bytes("x", "y"), ""},
		{"secrets beside one", secrets, NewSettings(values{"as": []any{"x"}, "a": "y"}), bytes("x"), ""},
		{"one secret", secrets, NewSettings(values{"a": "x"}), bytes("x"), ""},
		{"secrets in hex", secrets, NewSettings(values{"as": []any{"00"}, "a_encoding": "hex"}), bytes("\x00"), ""},
		{"secrets that are objects", secrets, NewSettings(values{"as": []any{values{"a": "00", "a_encoding": "hex"}, values{"a": "00"}}}), bytes("\x00", "00"), ""},
		{"secrets of objects with more", secrets, NewSettings(values{"as": []any{values{"a": "x", "b": "y"}, values{}}}), [][]byte{[]byte("x"), nil}, "as[0]: \"b\" is not a setting here\nas[1]: \"a\" is missing"},
		{"secrets that are a number", secrets, NewSettings(values{"as": number("1")}), [][]byte(nil), `"as" is not a list`},
		{"words as secrets", secrets, one("as", "x", "y"), bytes("x", "y"), ""},
		{"a word as secrets", secrets, one("as", "x"), bytes("x"), ""},
		{"words with commas as secrets", secrets, one("as", "x,y"), bytes("x,y"), ""},
		{"a list in JSON as secrets", secrets, one("as", `["x","y"]`), bytes("x", "y"), ""},
		{"a list in JSON as secrets, of objects", secrets, one("as", `[{"a":"00","a_encoding":"hex"}]`), bytes("\x00"), ""},
		{"objects in JSON as secrets", secrets, one("as", `{"a":"00","a_encoding":"hex"}`, `{x`, `{"b":1}`), bytes("\x00", "{x", `{"b":1}`), ""},
		{"half a list in JSON as secrets", secrets, one("as", `["x"`), [][]byte(nil), `"as" begins as a list of JSON, and is not one`},
		{"two lists in JSON as secrets", secrets, one("as", `["x"]["y"]`), [][]byte(nil), `"as" begins as a list of JSON, and is not one`},
		{"text like JSON in a file", secrets, NewSettings(values{"as": []any{`{"a":"x"}`}}), bytes(`{"a":"x"}`), ""},
		{"no secrets", secrets, NewSettings(nil), [][]byte{nil}, `"a" is missing`},

		{"a list", list, NewSettings(values{"a": []any{values{"b": "x"}, values{}}}), []string{"x", "d"}, ""},
		{"a list with more", list, NewSettings(values{"a": []any{values{"b": "x", "c": "y"}}}), []string{"x"}, `"c" is not a setting here, known are b`},
		{"a list of text", list, NewSettings(values{"a": []any{`{"b":"x"}`}}), []string(nil), `a[0] is not an object`},
		{"a list that is not there", list, NewSettings(nil), []string(nil), ""},
		{"a list that is a number", list, NewSettings(values{"a": number("1")}), []string(nil), `"a" is not a list`},
		{"words as list", list, one("a", `{"b":"x"}`, `{"b":"null"}`), []string{"x", "null"}, ""},
		{"JSON as list", list, one("a", `[{"b":"x"},{}]`), []string{"x", "d"}, ""},
		{"words as list, of no objects", list, one("a", `{"b":"x"}`, `x`), []string{"x"}, `a[1] is not an object`},

		{"an object", object, NewSettings(values{"a": values{"b": true}}), values{"b": true}, ""},
		{"an object as a word", object, one("a", `{"b":[1]}`), values{"b": []any{number("1")}}, ""},
		{"no object", object, NewSettings(nil), values(nil), ""},
		{"null as object", object, one("a", "null"), values(nil), ""},
		{"a word that is no object", object, one("a", "x"), values(nil), `"a" is not an object`},
		{"a list that is no object", object, one("a", "[]"), values(nil), `"a" is not an object`},
		{"an object as text of a file", object, NewSettings(values{"a": "{}"}), values(nil), `"a" is not an object`},

		{"there", has, NewSettings(values{"a": ""}), true, ""},
		{"not there", has, NewSettings(nil), false, ""},
		{"null", has, NewSettings(values{"a": nil}), false, ""},
		{"the word null", has, one("a", "null"), false, ""},

		{"one of those", only, NewSettings(values{"a": "y"}), nil, ""},
		{"none of those, as it is not there", only, NewSettings(nil), nil, ""},
		{"none of those", only, NewSettings(values{"a": "z"}), nil, `"a" is "z", known is ["x" "y"]`},

		{"what nobody asks for", str, NewSettings(values{"a": "x", "c": "y", "b": nil}), "x", "\"b\" is not a setting here, known are a\n\"c\" is not"},
		{"what is ignored", func(s *Settings) any { s.Ignore("b", "c"); return s.String("a", "") }, NewSettings(values{"b": "x"}), "", ""},
	} {
		got := tt.get(tt.s)
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %#v, want %#v", tt.name, got, tt.want)
		}
		problems, wanted := problemsOf(tt.s), strings.Split(tt.problems, "\n")
		lines := strings.Split(problems, "\n")
		ok := len(lines) == len(wanted) && (tt.problems != "" || problems == "")
		for i := range min(len(lines), len(wanted)) {
			ok = ok && strings.HasPrefix(lines[i], wanted[i])
		}
		if !ok {
			t.Errorf("%s: problems are %q, want %q", tt.name, problems, tt.problems)
		}
		if again := problemsOf(tt.s); again != problems {
			t.Errorf("%s: asked again, problems are %q", tt.name, again)
		}
	}
}

// An element of a list that who asked for it has looked at is not looked at again.
func TestProblemsOfAListAreSaidOnce(t *testing.T) {
	s := NewSettings(values{"list": []any{values{"x": 1}}})
	for i, e := range s.List("list") {
		if err := e.Err(); err != nil {
			s.problem("list[%d]: %v", i, err)
		}
	}
	if got := problemsOf(s); strings.Count(got, "is not a setting") != 1 || !strings.HasPrefix(got, "list[0]: ") {
		t.Errorf("%q", got)
	}
}

// What a command line says is what a file says: each case is judged the same with its
// settings as words.
func TestWordsAreTheSettingsOfAFile(t *testing.T) {
	paths, _ := filepath.Glob("../../session/takeover/testdata/*.json")
	word := func(v any) string {
		if text, ok := v.(string); ok {
			return text
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	accepted := 0
	for _, path := range paths {
		file, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := range file.Cases {
			c := &file.Cases[i]
			words := map[string][]string{"max_age": {"null"}}
			if c.MaxAge != nil {
				words["max_age"] = []string{c.MaxAge.String()}
			}
			repeated := map[string][]string{}
			for name, v := range c.Settings {
				words[name] = []string{word(v)}
				if list, ok := v.([]any); ok {
					for _, e := range list {
						repeated[name] = append(repeated[name], word(e))
					}
				}
			}
			for _, repeat := range []bool{false, true} {
				if repeat {
					if len(repeated) == 0 {
						continue
					}
					for name, texts := range repeated {
						words[name] = texts
					}
				}
				want, wanted := c.open()
				r, err := Reader(c.System, c.CookieName, Words(words))
				if err != nil {
					if !errors.As(wanted, new(*SettingsError)) {
						t.Errorf("%s: %v", c.Name, err)
					}
					continue
				}
				now, _ := c.Now.Int64()
				got, err := r.Open(time.Unix(now, 0), c.Values(r))
				if (err == nil) != (wanted == nil) || err != nil && err.Error() != wanted.Error() || !got.Start.Equal(want.Start) || !got.Expires.Equal(want.Expires) {
					t.Errorf("%s: %v %v, and from the file %v %v", c.Name, got, err, want, wanted)
				}
				if err == nil {
					accepted++
				}
			}
		}
	}
	if accepted < 500 {
		t.Errorf("%d accepted", accepted)
	}
}

// with adds a system for a test.
func with(t *testing.T, name string, f func(cookie string, s *Settings) (*takeover.Reader, error)) {
	systems[name] = f
	t.Cleanup(func() { delete(systems, name) })
}

// invented is a system with settings that depend on others.
func invented(cookie string, s *Settings) (*takeover.Reader, error) {
	s.Ignore("made_by")
	s.Only("kind", "plain", "long")
	if s.String("kind", "plain") == "long" {
		s.Only("sep", ".")
		if s.Bool("timed", false) {
			s.Int("epoch", 0)
		}
	}
	s.Secrets("secrets", "secret")
	if s.Has("pair") {
		s.Secret("pair")
	}
	for _, e := range s.List("list") {
		e.String("salt", "x")
		e.Secret("key")
	}
	s.MaxAge()
	return nil, errors.Join(errors.New("takeover: one thing"), errors.New("takeover: another"))
}

func TestASystemsSettingsAreKnown(t *testing.T) {
	with(t, "invented", invented)
	var got []string
	for _, k := range Known("invented") {
		got = append(got, k.Name+": "+k.String())
	}
	want := []string{
		"secrets: a list of secrets, or of objects with secret, secret_encoding",
		"secret: a secret",
		"secret_encoding: utf8, hex (utf8)",
		"pair: a secret",
		"pair_encoding: utf8, hex (utf8)",
		"kind: plain, long (plain)",
		"list: a list of objects with salt, key, key_encoding",
		"max_age: seconds; null or 0: no limit",
		"timed: true or false (false)",
		"epoch: an integer",
		"sep: only .",
	}
	slices.Sort(got[5:10])
	slices.Sort(want[5:10])
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if Known("no such system") != nil {
		t.Error("what is not there has settings")
	}
	for _, system := range Systems() {
		if known := Known(system); len(known) < 2 {
			t.Errorf("%s has the settings %v", system, known)
		}
	}
}

func TestReaderSaysEverythingThatIsWrong(t *testing.T) {
	with(t, "invented", invented)
	const known = "which has secrets, secret, secret_encoding, pair"
	for _, tt := range []struct {
		name, system string
		s            *Settings
		says         []string // the beginning of each
	}{
		{"no system", "nope", NewSettings(nil), []string{`there is no system "nope", known are asgi-sessions, django, `}},
		{"what the package says", "invented", one("secret", "x"), []string{"one thing", "another"}},
		{"not what is a consequence", "invented", one("secret", "null"), []string{`"secret" is missing`}},
		{"unknown settings, too", "invented", Words(map[string][]string{"secret": {"x"}, "b": {"x"}, "c": {"y"}}), []string{"one thing", "another", `"b" is not a setting of invented, ` + known, `"c" is not a setting of invented, ` + known}},
		{"of what is wrong and unknown, both", "invented", one("b", "x"), []string{`"secret" is missing`, `"b" is not a setting of invented, ` + known}},
		{"settings without use", "invented", Words(map[string][]string{"secret": {"x"}, "sep": {"."}}), []string{"one thing", "another", `with the other settings, there is no use for ["sep"]`}},
		{"what is ignored", "invented", Words(map[string][]string{"secret": {"x"}, "made_by": {"x"}}), []string{"one thing", "another"}},
	} {
		_, err := Reader(tt.system, "", tt.s)
		var wrong *SettingsError
		if !errors.As(err, &wrong) {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		ok := len(wrong.Problems) == len(tt.says)
		for i := range min(len(wrong.Problems), len(tt.says)) {
			ok = ok && strings.HasPrefix(wrong.Problems[i], tt.says[i])
		}
		if !ok {
			t.Errorf("%s: %q, want %q", tt.name, wrong.Problems, tt.says)
		}
	}
}
