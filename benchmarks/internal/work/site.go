package work

import (
	"fmt"
	"net/http"
)

// A Site is what enters a library in the contests of whole requests: its
// middleware, and what a handler does with a session. All of them are called for
// each request, and none may keep anything of one for the next.
type Site struct {
	Who, Note string
	// Wrap puts the middleware before a handler. Where the library has none, it
	// returns the handler.
	Wrap func(next http.Handler) http.Handler
	// Read reads one field, the user; "" if there is no session.
	Read func(r *http.Request) string
	// Change changes one field, seen, and saves the session.
	Change func(w http.ResponseWriter, r *http.Request, seen int64)
	// SignIn puts all of the fields into a session of a new identity, where the
	// library has that, and saves it.
	SignIn func(w http.ResponseWriter, r *http.Request, s *Session)
	// Get reads all of the fields. It is not measured.
	Get func(r *http.Request) Session
}

// once serves one request, and returns the value of the cookie that it sets.
func (s *Site) once(cookie string, f http.HandlerFunc) (string, error) {
	w := NewResponse()
	s.Wrap(f).ServeHTTP(w, NewRequest(cookie))
	return w.Value()
}

// get returns the session in a cookie.
func (s *Site) get(cookie string) Session {
	var got Session
	s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { got = s.Get(r) })).ServeHTTP(NewResponse(), NewRequest(cookie))
	return got
}

// SignedIn returns the value of the cookie of a standard session, after a look at
// whether all that the site does with it does what it should.
func (s *Site) SignedIn() (string, error) {
	v := Standard
	cookie, err := s.once("", func(w http.ResponseWriter, r *http.Request) { s.SignIn(w, r, &v); w.WriteHeader(http.StatusNoContent) })
	if err != nil {
		return "", fmt.Errorf("%s: sign-in: %w", s.Who, err)
	}
	if got := s.get(cookie); got != Standard {
		return "", fmt.Errorf("%s: read %+v", s.Who, got)
	}
	if got := s.get(Forge(cookie)); got != (Session{}) {
		return "", fmt.Errorf("%s: accepted a forged cookie: %+v", s.Who, got)
	}
	if got := s.get(""); got != (Session{}) {
		return "", fmt.Errorf("%s: read %+v without a cookie", s.Who, got)
	}
	want := Standard
	want.Seen++
	changed, err := s.once(cookie, func(w http.ResponseWriter, r *http.Request) {
		s.Change(w, r, want.Seen)
		w.WriteHeader(http.StatusNoContent)
	})
	if err != nil {
		return "", fmt.Errorf("%s: change: %w", s.Who, err)
	}
	if got := s.get(changed); got != want {
		return "", fmt.Errorf("%s: changed to %+v", s.Who, got)
	}
	// Of what a server keeps, the session may have been changed; nothing reads Seen.
	return cookie, nil
}

// untouched is a handler that does nothing with the session.
var untouched = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusNoContent) })

// reading returns a handler that reads the user, who must be this one.
func (s *Site) reading(user string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.Read(r) != user {
			panic("another user")
		}
		w.WriteHeader(http.StatusNoContent)
	})
}

// entry returns the Entry of a handler behind the site's middleware, for requests
// with the value of a cookie. If sets is true, each response must set one.
func (s *Site) entry(next http.Handler, value string, sets bool) Entry {
	return s.entryOf(next, NewRequest(value), value, sets)
}

// entryOf is entry with another request.
func (s *Site) entryOf(next http.Handler, template *http.Request, value string, sets bool) Entry {
	h := opaque(s.Wrap(opaque(next)))
	fork := func() func() { return serving(h, template, sets) }
	return Entry{Who: s.Who, Note: s.Note, Cookie: len(value), Do: fork(), Fork: fork}
}

// The contests of whole requests that a Site can enter.
var (
	ReadAndChange = []string{"request/read", "request/change", "request/sign-in"}
	AllRequests   = append([]string{"request/untouched", "request/forged", "request/absent"}, ReadAndChange...)
)

// EnterSite enters a site in the contests of these names.
func EnterSite(contests []Contest, s Site, names ...string) error {
	cookie, err := s.SignedIn()
	if err != nil {
		return err
	}
	for _, name := range names {
		var e Entry
		switch name {
		case "request/untouched":
			e = s.entry(untouched, cookie, false)
		case "request/read":
			e = s.entry(s.reading(Standard.User), cookie, false)
		case "request/forged":
			e = s.entry(s.reading(""), Forge(cookie), false)
		case "request/absent":
			e = s.entry(s.reading(""), "", false)
		case "request/change":
			seen := Standard.Seen
			e = s.entry(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				seen++
				s.Change(w, r, seen)
				w.WriteHeader(http.StatusNoContent)
			}), cookie, true)
			e.Fork = nil // seen is one goroutine's
		case "request/sign-in":
			v := Standard
			e = s.entry(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s.SignIn(w, r, &v)
				w.WriteHeader(http.StatusNoContent)
			}), "", true)
			e.Cookie = len(cookie)
		default:
			return fmt.Errorf("%s: no site can enter %s", s.Who, name)
		}
		e.Do()
		Enter(contests, name, e)
	}
	return nil
}
