package takeover_test

import (
	"flag"
	"path/filepath"
	"slices"
	"testing"

	"github.com/keyturn/keyturn/internal/vectors"
)

// files returns the files of cases, of which each system has one.
func files(t testing.TB) []*vectors.File {
	t.Helper()
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []*vectors.File
	for _, path := range paths {
		f, err := vectors.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, f)
	}
	return all
}

func TestReadersJudgeCookiesAsTheLibrariesThatMadeThem(t *testing.T) {
	cases := map[string]int{}
	for _, f := range files(t) {
		t.Run(f.System, func(t *testing.T) {
			accepted := 0
			for _, c := range f.Cases {
				verdict, err := c.Run()
				if verdict == vectors.Failed {
					t.Errorf("%s: %v", c.Name, err)
				}
				if verdict == vectors.Passed && c.Expect == "accept" {
					accepted++
				}
				cases[c.System]++
			}
			if accepted == 0 {
				t.Error("no cookie is accepted")
			}
		})
	}
	for _, system := range vectors.Systems() {
		if system == "jwt" { // the cookies of asgi-sessions are such
			continue
		}
		if cases[system] == 0 {
			t.Errorf("there is no case of %s", system)
		}
	}
}

// What the times are, Run compares with the case; here is that there are any.
func TestReadersSayWhenSessionsBeginAndEnd(t *testing.T) {
	neither := []string{"asgi-sessions", "express-cookie-session", "plug", "rack"}
	onlyEnds := []string{"iron-session", "rails"}
	for _, f := range files(t) {
		for _, c := range f.Cases {
			r, now, err := c.Reader()
			if err != nil {
				t.Fatalf("%s: %v", c.Name, err)
			}
			s, err := r.Open(now, c.Values(r))
			if c.Expect != "accept" || err != nil {
				continue
			}
			begins := c.IssuedAt != "" && !slices.Contains(onlyEnds, c.System) && !slices.Contains(neither, c.System) ||
				c.Settings["session_type"] == "fernet"
			ends := c.MaxAge != nil && *c.MaxAge != "0" && !slices.Contains(neither, c.System)
			if slices.Contains(c.Tags, "no-expiry") {
				ends = !s.Expires.IsZero() // by a claim of its own
			}
			if s.Start.IsZero() == begins || s.Expires.IsZero() == ends {
				t.Errorf("%s: from %v to %v, want a start: %t, an end: %t", c.Name, s.Start, s.Expires, begins, ends)
			}
		}
	}
}

// edits calls f with texts that differ from s in one character: another one in its
// place, none, or one more. They are every one of a hundred or so at each place if all is
// true, and else one at each of 200 places, of the kind whose turn it is.
func edits(s string, all bool, turn int, f func(string)) {
	const others = "Aa0_-+/=.~%* \"\\\n\xff"
	step := max(1, len(s)/200)
	for i := range len(s) + 1 {
		if !all && i%step != turn%step && i < len(s)-2 {
			continue
		}
		var at []string
		if i < len(s) {
			at = append(at, s[:i]+s[i+1:])
		}
		for j := range len(others) + 6 {
			o := byte('x')
			switch {
			case j < len(others):
				o = others[j]
			case i < len(s):
				o = s[i] ^ 1<<(j-len(others))
			}
			at = append(at, s[:i]+string([]byte{o})+s[i:])
			if i < len(s) && o != s[i] {
				at = append(at, s[:i]+string([]byte{o})+s[i+1:])
			}
		}
		if !all {
			at = at[(turn+7*i)%len(at):][:1]
		}
		for _, edit := range at {
			f(edit)
		}
	}
}

var everyEdit = flag.Bool("edits", false, "make every edit of a character of a cookie, and not a part of them")

func TestNoEditOfACookieIsAccepted(t *testing.T) {
	for _, f := range files(t) {
		t.Run(f.System, func(t *testing.T) {
			t.Parallel()
			edited := 0
			for n, c := range f.Cases {
				if slices.Contains(c.Tags, "unsigned") {
					continue
				}
				r, now, err := c.Reader()
				if err != nil {
					t.Fatalf("%s: %v", c.Name, err)
				}
				values := c.Values(r)
				if _, err := r.Open(now, values); err != nil {
					continue
				}
				for i := range values {
					edits(values[i], *everyEdit, n, func(edit string) {
						edited++
						e := slices.Clone(values)
						e[i] = edit
						if _, err := r.Open(now, e); err == nil {
							t.Errorf("%s: accepted as %q", c.Name, edit)
						}
					})
				}
			}
			if edited == 0 {
				t.Error("nothing was edited")
			}
			t.Logf("%d edits", edited)
		})
	}
}
