package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/vectors"
)

// foreignCase returns a case that its library accepts, and the flags that open it; the
// value of a secret is in a file.
func foreignCase(t *testing.T, system, name string) (*vectors.Case, []string) {
	t.Helper()
	file, err := vectors.Read("../../session/takeover/testdata/" + system + ".json")
	if err != nil {
		t.Fatal(err)
	}
	for i := range file.Cases {
		c := &file.Cases[i]
		if !strings.HasSuffix(c.Name, name) {
			continue
		}
		now, err := c.Now.Int64()
		if err != nil {
			t.Fatal(err)
		}
		args := []string{"inspect", "--from", system, "--cookie", c.CookieName, "--at", time.Unix(now, 0).UTC().Format(time.RFC3339)}
		for key, v := range c.Settings {
			text, ok := v.(string)
			if !ok {
				b, err := json.Marshal(v)
				if err != nil {
					t.Fatal(err)
				}
				text = string(b)
			}
			if key == "secret" {
				path := filepath.Join(t.TempDir(), "secret")
				if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
					t.Fatal(err)
				}
				text = "@" + path
			}
			args = append(args, "--setting", key+"="+text)
		}
		if _, ok := c.Settings["max_age"]; !ok && c.MaxAge != nil {
			args = append(args, "--setting", "max_age="+c.MaxAge.String())
		}
		return c, args
	}
	t.Fatalf("no case %s of %s", name, system)
	return nil, nil
}

// golden compares what was written with a file in testdata, or writes that anew.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", filepath.FromSlash(name))
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(text) {
		t.Errorf("not what is in %s; run go test -update if it should not be\n%s", path, got)
	}
}

func TestForeignCookiesAreShown(t *testing.T) {
	for _, tt := range []struct {
		system, name string
		status       int
	}{
		{"flask", "3.1.3/tag-in-list", 0},
		{"flask", "3.1.3/tag-datetime", 0},
		{"plug", "signed/intkeys", 0},
		{"gorilla", "securecookie/gob-floats", 0},
		{"gorilla", "securecookie/gob-mapss", 0},
		{"express-cookie-session", "2.1.1/user", 0},
		{"asgi-sessions", "1.0.1/base64/scalars", statusUnverified},
		{"asgi-sessions", "1.2.4/jwt/floats", 0}, // which end after the year 9999
		{"plug", "neg-signed-wrong-salt", statusRejected},
		{"plug", "neg-function", statusIndeterminate},
	} {
		c, args := foreignCase(t, tt.system, tt.name)
		for _, v := range c.CookieValues {
			args = append(args, v.Name+"="+v.Value)
		}
		r := want(t, tt.status, "", args...)
		j := want(t, tt.status, "", append(args, "--json")...)
		if strings.Count(j.out, "\n") != 1 {
			t.Errorf("%s: not one line: %q", c.Name, j.out)
		}
		golden(t, "foreign/"+tt.system+"_"+strings.ReplaceAll(tt.name, "/", "_")+".txt", r.out+r.err+"\n"+j.out)
	}
}

func TestForeignCookiesAreGivenInManyWays(t *testing.T) {
	c, args := foreignCase(t, "express-cookie-session", "2.1.1/user")
	value, sig := c.CookieValues[0], c.CookieValues[1]
	pair, sigPair := value.Name+"="+value.Value, sig.Name+"="+sig.Value
	for _, tt := range []struct {
		name   string
		stdin  string
		values []string
		status int
		says   string
	}{
		{"pairs", "", []string{pair, sigPair}, 0, ""},
		{"pairs in another order", "", []string{sigPair, pair}, 0, ""},
		{"values", "", []string{value.Value, sig.Value}, 0, ""},
		{"lines of values", value.Value + "\n" + sig.Value + "\n", []string{"-"}, 0, ""},
		{"lines of pairs", sigPair + "\r\n" + pair + "\r\n", []string{"-"}, 0, ""},
		{"values in another order", "", []string{sig.Value, value.Value}, 1, "another secret"},
		{"the value only", "", []string{value.Value}, 1, "there are 2 cookies, in this order: " + value.Name + ", " + sig.Name},
		{"one pair only", "", []string{sigPair}, 64, `the cookie "` + value.Name + `" is missing`},
		{"both", "", []string{pair, sig.Value}, 64, "1 of 2 values begin with the name of a cookie"},
		{"too many", "", []string{value.Value, sig.Value, "x"}, 64, "3 values, for the cookies " + value.Name + ", " + sig.Name},
		{"a pair twice", "", []string{pair, pair}, 64, "there are two values for the cookie"},
		{"nothing", "", []string{"-"}, 1, "this is empty"},
		{"another name", "", []string{"other=" + value.Value}, 1, "NAME=VALUE of another cookie than " + value.Name},
		{"other names", "", []string{"other=" + value.Value, "other.sig=" + sig.Value}, 1, "NAME=VALUE of another cookie than " + value.Name},
		{"pairs that are changed", "", []string{value.Name + "=x.y=z", sigPair}, 1, "another secret"},
		{"a header", "", []string{"Cookie: " + pair, sig.Value}, 1, "looks like a header"},
		{"base64 with a signature behind it", "", []string{"eyI9--0123", sig.Value}, 1, "another secret"},
		{"padded base64 with a signature behind it", "", []string{"eyI==--0123", sig.Value}, 1, "another secret"},
	} {
		r := keyturn(t, tt.stdin, append(args, tt.values...)...)
		if r.status != tt.status || !strings.Contains(r.err, tt.says) || (tt.status == 0) != (r.err == "") || strings.Contains(r.err, value.Value) || strings.Contains(r.err, sig.Value) {
			t.Errorf("%s: status %d, want %d: %s, want %q", tt.name, r.status, tt.status, r.err, tt.says)
		}
	}
}

// Everything that is wrong is said at once, and no secret.
func TestForeignSettings(t *testing.T) {
	c, args := foreignCase(t, "flask", "3.1.3/tag-tuple")
	value := c.CookieValues[0].Value
	if r := want(t, 0, "", append(args, value)...); r.err != "" {
		t.Errorf("%q", r.err)
	}
	const secret, alone = "correct horse battery", "Y29ycmVjdCBob3JzZSBiYXR0ZXJ5IHN0YXBsZSAhISE"
	t.Setenv("KEYTURN_TEST_SECRET", c.Settings["secret"].(string))
	dir := t.TempDir()
	at := args[5:7]
	for _, tt := range []struct {
		name   string
		args   []string
		status int
		says   []string
	}{
		{"a secret in the environment", []string{"--from", "flask", "--setting", "secret=env:KEYTURN_TEST_SECRET", at[0], at[1]}, 0, nil},
		{"secrets", []string{"--from", "flask", "--setting", "secrets_newest_first=" + secret, "--setting", "secrets_newest_first=env:KEYTURN_TEST_SECRET", at[0], at[1]}, 0, nil},
		{"another secret", []string{"--from", "flask", "--setting", "secret=" + secret, at[0], at[1]}, 1, []string{"another secret"}},
		{"too late", []string{"--from", "flask", "--setting", "secret=env:KEYTURN_TEST_SECRET", "--at", "2099-01-01T00:00:00Z"}, 1, []string{"give a time with --at"}},
		{"a secret and a list of them", []string{"--from", "flask", "--setting", "secret=" + secret, "--setting", "secrets_newest_first=env:KEYTURN_TEST_SECRET"}, 64, []string{`"secrets_newest_first" and "secret" are both there`}},
		{"no name", []string{"--from", "rails", "--setting", "secret=" + secret}, 64, []string{"--cookie: Rails: Cookie is empty", `--setting: Rails: "key_generator_digest" is empty`}},
		{"no system", []string{"--from", "perl", "--setting", "secret=" + secret}, 64, []string{`there is no system "perl", known are asgi-sessions, django, `}},
		{"no settings", []string{"--from", "flask"}, 64, []string{`"secret" is missing`, "see keyturn inspect --from flask --help"}},
		{"all wrong", []string{"--from", "flask", "--keyring", "x", "--name", "y", "--audience", "z", "--setting", secret, "--setting", "secret=@" + dir + "/missing", "--setting", "salt=env:KEYTURN_TEST_NOPE", "--setting", "a=" + secret},
			64, []string{"--keyring: ", "--name: ", "--audience: ", "--setting: number 1 is not KEY=VALUE", "--setting secret: " + dir + "/missing: no such file", "--setting salt: the environment variable behind env: is not set", `"a" is not a setting of flask, which has secrets_newest_first`}},
		{"a secret alone in base64", []string{"--from", "fernet", "--setting", alone + "="}, 64, []string{"--setting: number 1 is not KEY=VALUE"}},
		{"settings without a system", []string{"--setting", "secret=" + secret}, 64, []string{"name it with --from"}},
		{"a cookie without a system", []string{"--cookie", "x"}, 64, []string{"--cookie: "}},
	} {
		r := keyturn(t, "", append(append([]string{"inspect"}, tt.args...), value)...)
		ok := r.status == tt.status && (len(tt.says) > 0 || r.err == "") && !strings.Contains(r.out+r.err, secret) && !strings.Contains(r.out+r.err, alone)
		for _, says := range tt.says {
			ok = ok && strings.Contains(r.err, says)
		}
		if !ok {
			t.Errorf("%s: status %d, want %d: %s, want %q", tt.name, r.status, tt.status, r.err, tt.says)
		}
	}
}

func TestHelpOfASystem(t *testing.T) {
	for _, system := range []string{"flask", "plug", "express-cookie-session"} {
		golden(t, "help/inspect_from_"+system+".txt", want(t, 0, "", "inspect", "--from", system, "--help").out)
	}
	for _, system := range vectors.Systems() {
		r := want(t, 0, "", "inspect", "--help", "--from="+system)
		if !strings.Contains(r.out, "--from "+system) || !strings.Contains(r.out, "secret") && !strings.Contains(r.out, "password") {
			t.Errorf("%s: %s", system, r.out)
		}
		for line := range strings.Lines(r.out) {
			if len(line) > 100 {
				t.Errorf("%s: a line of %d characters", system, len(line))
			}
		}
	}
	if r := want(t, 0, "", "inspect", "--from", "perl", "--help"); !strings.Contains(r.out, "no system") {
		t.Errorf("%q", r.out)
	}
}

// Every command of the pages about other libraries that opens a cookie opens one that the
// library has made, with its secrets in the files and its value where the page has VALUE,
// and writes what the page says, if that says it.
func TestInspectOfTheTakeoverPages(t *testing.T) {
	each, err := filepath.Glob("../../docs/takeover/*.md")
	if err != nil || len(each) == 0 {
		t.Fatalf("%d pages, %v", len(each), err)
	}
	for _, page := range append(each, "../../docs/takeover.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for _, line := range commandsIn(string(text)) {
			words := shellWords(line)
			if len(words) < 3 || words[0] != "inspect" || words[1] != "--from" {
				continue
			}
			found++
			_, shown, ok := strings.Cut(string(text), "\nkeyturn "+line+"\n")
			shown, _, _ = strings.Cut(shown, "```")
			if !ok || strings.HasPrefix(shown, "keyturn ") {
				shown = ""
			}
			if !opensACase(t, words, shown) {
				t.Errorf("%s: keyturn %s\nopens no cookie of testdata as it is shown there", page, line)
			}
		}
		if found == 0 {
			t.Errorf("%s does not say how to look at a cookie", page)
		}
	}
}

// opensACase reports whether a command opens a cookie of testdata.
func opensACase(t *testing.T, words []string, shown string) bool {
	t.Helper()
	system := words[2]
	if system == "jwt" { // the cookies of asgi-sessions are such
		system = "asgi-sessions"
	}
	file, err := vectors.Read("../../session/takeover/testdata/" + system + ".json")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for i := range file.Cases {
		c := &file.Cases[i]
		args, ok := argumentsOf(t, words, c, dir)
		if c.Expect != "accept" || !ok {
			continue
		}
		now, err := c.Now.Int64()
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		std := streams{strings.NewReader(""), bufio.NewWriter(&out), io.Discard}
		status := run(append(args, "--at", time.Unix(now, 0).UTC().Format(time.RFC3339)), std)
		std.out.Flush()
		if status == 0 && (shown == "" || out.String() == shown) {
			return true
		}
	}
	return false
}

// argumentsOf returns what a command of a page is with what a case has, if it has that.
func argumentsOf(t *testing.T, words []string, c *vectors.Case, dir string) ([]string, bool) {
	t.Helper()
	args := make([]string, len(words))
	seen := map[string]int{}
	value := 0
	for i, w := range words {
		before, after, _ := strings.Cut(w, "=")
		switch {
		case i > 0 && words[i-1] == "--cookie":
			w = c.CookieName
		case strings.HasSuffix(w, "VALUE"):
			if value >= len(c.CookieValues) {
				return nil, false
			}
			w = strings.TrimSuffix(w, "VALUE") + c.CookieValues[value].Value
			value++
		case strings.HasPrefix(after, "@"), strings.HasPrefix(after, "env:"):
			x, ok := c.Settings[before]
			if list, is := x.([]any); is && seen[before] < len(list) {
				x = list[seen[before]]
				seen[before]++
			}
			text, isText := x.(string)
			if !ok || !isText {
				return nil, false
			}
			path := filepath.Join(dir, before)
			if err := os.WriteFile(path, []byte(text+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			w = before + "=@" + path
		}
		args[i] = w
	}
	return args, value == len(c.CookieValues)
}
