package work

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// naive is a site that keeps the session in a cookie as it is. It is right only if
// it verifies, which sum makes it do.
func naive() Site {
	const sum = "."
	open := func(r *http.Request) (s Session) {
		c, err := r.Cookie(Cookie)
		if err != nil {
			return s
		}
		data, _, ok := strings.Cut(c.Value, sum)
		b, err := base64.RawURLEncoding.DecodeString(data)
		if !ok || err != nil || c.Value != data+sum+data { // the "tag" is the data again
			return s
		}
		json.Unmarshal(b, &s)
		return s
	}
	save := func(w http.ResponseWriter, s Session) {
		b, _ := json.Marshal(s)
		text := base64.RawURLEncoding.EncodeToString(b)
		http.SetCookie(w, NewCookie(text+sum+text))
	}
	return Site{
		Who:  "naive",
		Wrap: same,
		Read: func(r *http.Request) string { return open(r).User },
		Change: func(w http.ResponseWriter, r *http.Request, seen int64) {
			s := open(r)
			s.Seen = seen
			save(w, s)
		},
		SignIn: func(w http.ResponseWriter, r *http.Request, s *Session) { save(w, *s) },
		Get:    open,
	}
}

func TestSitesThatDoNotDoTheWorkDoNotEnter(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*Site)
		err   string
	}{
		"a right one":          {func(*Site) {}, ""},
		"no cookie at sign-in": {func(s *Site) { s.SignIn = func(http.ResponseWriter, *http.Request, *Session) {} }, "naive: sign-in: the response sets 0 cookies"},
		"two cookies": {func(s *Site) {
			once := s.SignIn
			s.SignIn = func(w http.ResponseWriter, r *http.Request, v *Session) { once(w, r, v); once(w, r, v) }
		}, "naive: sign-in: the response sets 2 cookies"},
		"another session": {func(s *Site) {
			right := s.SignIn
			s.SignIn = func(w http.ResponseWriter, r *http.Request, v *Session) { u := *v; u.Role = ""; right(w, r, &u) }
		}, "naive: read {"},
		"no verification": {func(s *Site) {
			right := s.Get
			s.Get = func(r *http.Request) Session {
				if v := right(r); v != (Session{}) || r.Header.Get("Cookie") == others {
					return v
				}
				return Standard
			}
		}, "naive: accepted a forged cookie"},
		"a session of everybody": {func(s *Site) {
			right := s.Get
			s.Get = func(r *http.Request) Session {
				if r.Header.Get("Cookie") == others {
					return Standard
				}
				return right(r)
			}
		}, "without a cookie"},
		"no change": {func(s *Site) {
			right := s.Change
			s.Change = func(w http.ResponseWriter, r *http.Request, seen int64) { right(w, r, Standard.Seen) }
		}, "naive: changed to {"},
	} {
		s := naive()
		c.spoil(&s)
		contests := []Contest{{Name: "request/read"}}
		err := EnterSite(contests, s, "request/read")
		switch {
		case c.err == "" && (err != nil || len(contests[0].Entries) != 1):
			t.Errorf("%s: %v, %v", name, err, contests)
		case c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || len(contests[0].Entries) != 0):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a library keeps of a request must not help it with the next.
func TestEveryRequestIsFresh(t *testing.T) {
	template := NewRequest("value")
	do := serving(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, err := r.Cookie(Cookie); err != nil || c.Value != "value" {
			t.Errorf("%v, %v", c, err)
		}
		if r.Context().Value(contextKey{}) != nil {
			t.Error("the request is the one before")
		}
		*r = *r.WithContext(context.WithValue(r.Context(), contextKey{}, true)) // as libraries do
		if len(w.Header()) != 0 {
			t.Error("the header is of the response before")
		}
		w.Header().Set("X-Kept", "1")
		http.SetCookie(w, NewCookie("value"))
	}), template, true)
	do()
	do()
	defer func() {
		if recover() == nil {
			t.Error("no cookie is as good as one")
		}
	}()
	serving(untouched, template, true)()
}

func TestForgedCookiesDifferInOneLetter(t *testing.T) {
	for _, v := range []string{"abcd", "0123.Zabc", "__zz__aZ--b"} {
		f, n := Forge(v), 0
		for i := range v {
			if v[i] != f[i] {
				n++
			}
		}
		if len(f) != len(v) || n != 1 {
			t.Errorf("%s becomes %s", v, f)
		}
	}
}
