package middleware_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
)

// An origin is another library, whose cookie holds the name of a user in quotes, with a
// second cookie that has to be the same. net/http would drop both.
type origin struct{}

const theirs, theirSig = "koa:sess", "koa:sess.sig"

func (origin) System() string    { return "koa" }
func (origin) Cookies() []string { return []string{theirs, theirSig} }

func (origin) Open(_ time.Time, values []string) (session.Foreign, error) {
	if values[0] != values[1] || !strings.HasPrefix(values[0], `"\`) {
		return session.Foreign{}, session.ErrForged
	}
	return session.Foreign{Data: strings.Trim(values[0], `"\`)}, nil
}

func takingOver(t testing.TB, edit func(*session.Takeover[visit])) *session.Manager[visit] {
	t.Helper()
	takeover := session.Takeover[visit]{
		From: origin{}, Until: time.Now().Add(24 * time.Hour),
		Convert: func(data any) (visit, error) { return visit{User: data.(string)}, nil },
	}
	if edit != nil {
		edit(&takeover)
	}
	m, err := session.New(session.Config{Keys: keyring.Ephemeral()}, takeover)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// site answers /read, /write, /out and /untouched.
func site(m *session.Manager[visit]) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := m.From(r.Context())
		switch r.URL.Path {
		case "/read":
			w.Write([]byte(s.Data().User))
		case "/write":
			if err := s.Update(func(v *visit) { v.Count++ }); err != nil {
				http.Error(w, err.Error(), 500)
			}
		case "/out":
			s.Destroy()
		case "/panic":
			s.Data()
			panic(http.ErrAbortHandler)
		}
	})
}

func askFor(path, user string, more ...string) *http.Request {
	r := httptest.NewRequest("GET", path, nil)
	r.Header["Cookie"] = append([]string{`a=b; koa:sess="\` + user + `"`, ` koa:sess.sig = "\` + user + `" ;c=d`}, more...)
	return r
}

func setCookies(res *http.Response) (lines []string) {
	for _, l := range res.Header["Set-Cookie"] {
		name, _, _ := strings.Cut(l, "=")
		if strings.Contains(l, "Max-Age=0") {
			name = "-" + name
		}
		lines = append(lines, name)
	}
	return lines
}

func TestAForeignCookieIsTakenOverAsItIsInTheHeader(t *testing.T) {
	m := takingOver(t, nil)
	var seen events
	h := newMiddleware(t, m, middleware.Config{Observe: seen.observe}).Handler(site(m))
	res := serve(h, askFor("/read", "tom"))
	if got := setCookies(res); !slices.Equal(got, []string{session.DefaultName}) || res.Header.Get("Cache-Control") != "no-store" || res.Header.Get("Vary") != "Cookie" {
		t.Fatalf("the header is %v", res.Header)
	}
	e := seen.only(t)
	if e.Outcome != session.Valid || e.Sent != session.SentTakenOver || e.Cookie.System != "koa" || e.Cookie.Cookie != theirs || len(e.Attempts) != 1 || e.Attempts[0].Err != nil || e.Attempts[0].System != "koa" {
		t.Errorf("event = %+v", e)
	}
	if e.Token.System != "" || e.Token.Size == 0 {
		t.Errorf("token = %+v", e.Token)
	}
	ours := res.Header["Set-Cookie"][0]
	ours, _, _ = strings.Cut(ours, ";")

	// From now on the session is ours, whatever becomes of the other cookie.
	res = serve(h, askFor("/read", "ann", ours))
	if e := seen.only(t); len(e.Attempts) > 0 || e.Sent != session.SentNothing || e.Cookie.System != "" || len(setCookies(res)) > 0 {
		t.Errorf("event = %+v", e)
	}
	// Signing out deletes all of them.
	res = serve(h, askFor("/out", "tom", ours))
	if got := setCookies(res); !slices.Equal(got, []string{"-" + session.DefaultName, "-" + theirs, "-" + theirSig}) {
		t.Errorf("signing out: %q", res.Header["Set-Cookie"])
	}
	seen.take()

	res = serve(h, askFor("/untouched", "tom"))
	if len(res.Header) > 0 || len(seen.take()) > 0 {
		t.Errorf("the header is %v", res.Header)
	}

	r := askFor("/read", "tom")
	r.Header["Cookie"] = []string{`koa:sess="\tom"`}
	res = serve(h, r)
	if e := seen.only(t); e.Outcome != session.Absent || len(e.Attempts) != 1 || !errors.Is(e.Attempts[0].Err, session.ErrForged) || len(setCookies(res)) > 0 {
		t.Errorf("event = %+v", e)
	}
}

func TestATakeoverIsNotLostButComesAgain(t *testing.T) {
	m := takingOver(t, nil)
	var seen events
	h := newMiddleware(t, m, middleware.Config{Observe: seen.observe}).Handler(site(m))
	func() {
		defer func() { recover() }()
		serve(h, askFor("/panic", "tom"))
	}()
	if e := seen.only(t); e.Lost || e.Sent != session.SentNothing || len(e.Attempts) != 1 {
		t.Errorf("event = %+v", e)
	}
	serve(h, askFor("/write", "tom"))
	if e := seen.only(t); e.Lost || e.Sent != session.SentChanged {
		t.Errorf("event = %+v", e)
	}
}

// TestATakeoverGivesWayToAServerBehind that signs out, or sets its cookie anew: nobody
// asked for the takeover.
func TestATakeoverGivesWayToAServerBehind(t *testing.T) {
	for _, line := range []string{theirs + "=; Max-Age=0", session.DefaultName + "=x"} {
		behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Add("Set-Cookie", line) }))
		defer behind.Close()
		target, err := url.Parse(behind.URL)
		if err != nil {
			t.Fatal(err)
		}
		m := takingOver(t, nil)
		proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
		h := newMiddleware(t, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			m.From(r.Context()).Data()
			proxy.ServeHTTP(w, r)
		}))
		if got := serve(h, askFor("/", "tom")).Header["Set-Cookie"]; !slices.Equal(got, []string{line}) {
			t.Errorf("%q is sent as %q", line, got)
		}
	}
}

func TestForeignCookiesAreDeletedWhereTheyWereSet(t *testing.T) {
	m := takingOver(t, func(to *session.Takeover[visit]) { to.DeleteAfter = time.Now().Add(-time.Hour) })
	h := newMiddleware(t, m, middleware.Config{FormerScopes: map[string]middleware.Scope{
		theirs: {Path: "/app", Domain: "example.org"},
	}}).Handler(site(m))
	res := serve(h, askFor("/read", "tom"))
	lines := res.Header["Set-Cookie"]
	if len(lines) != 3 || !strings.HasPrefix(lines[1], theirs+"=; Path=/app; Domain=example.org; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0") ||
		!strings.HasPrefix(lines[2], theirSig+"=; Path=/; Expires=") {
		t.Errorf("sent is %q", lines)
	}
	if _, err := middleware.New(m, middleware.Config{FormerScopes: map[string]middleware.Scope{"other": {}}}); err == nil {
		t.Error("a scope of a cookie that nobody knows is accepted")
	}
}

// TestForeignCookiesGoOnToAServerBehind: it may be the one whose they are.
func TestForeignCookiesGoOnToAServerBehind(t *testing.T) {
	m := takingOver(t, nil)
	r := askFor("/", "tom", session.DefaultName+"=x")
	want := slices.Clone(r.Header["Cookie"][:2])
	newMiddleware(t, m, middleware.Config{}).Strip(r.Header)
	if got := r.Header["Cookie"]; !slices.Equal(got, want) {
		t.Errorf("what goes on is %q", got)
	}
}

// TestTheManagersCookieHasNoFormerScope, also where it takes another library's place.
func TestTheManagersCookieHasNoFormerScope(t *testing.T) {
	m := takingOver(t, func(to *session.Takeover[visit]) { to.From, to.InPlace = named{session.DefaultName}, true })
	if _, err := middleware.New(m, middleware.Config{}); err != nil {
		t.Fatal(err)
	}
	if _, err := middleware.New(m, middleware.Config{FormerScopes: map[string]middleware.Scope{session.DefaultName: {}}}); err == nil || !strings.Contains(err.Error(), "FormerScopes") {
		t.Errorf("New = %v", err)
	}
}

// named is an origin with another cookie.
type named struct{ name string }

func (named) System() string      { return "named" }
func (n named) Cookies() []string { return []string{n.name} }

func (named) Open(time.Time, []string) (session.Foreign, error) {
	return session.Foreign{}, session.ErrForged
}
