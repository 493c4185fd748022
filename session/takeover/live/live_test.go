package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

const user session.Key[string] = "user"

// A migration is from a program that keeps its sessions with another library.
type migration struct {
	name    string
	program string // in testdata
	needs   *library
	env     []string

	secret func() string                                  // a new one
	read   func(secret string) (*takeover.Reader, error)  // the reader of the program's cookies
	more   map[string]any                                 // what the program puts into the session beside visit
	adds   []string                                       // names that the library adds
	start  func(t *testing.T, secret string) (url string) // instead of program

	unsigned bool // whoever writes a cookie is who it says
}

// visit is what every program puts into the session of who signs in.
const visit = `{"user": "tom", "visits": 3, "zoom": 1.25, "name": "Zoë", "roles": ["admin", "ops"], "prefs": {"dark": true, "lang": null}}`

// visitValues is visit, as it has to be in a session.Values.
var visitValues = map[string]any{
	"user": "tom", "visits": int64(3), "zoom": 1.25, "name": "Zoë",
	"roles": []any{"admin", "ops"}, "prefs": map[string]any{"dark": true, "lang": nil},
}

func (m *migration) serve(t *testing.T, secret string) string {
	if m.start != nil {
		return m.start(t, secret)
	}
	return m.needs.start(t, m.program, append([]string{"SECRET=" + secret, "VISIT=" + visit}, m.env...)...)
}

func TestNobodySignsInAgain(t *testing.T) {
	for _, m := range migrations {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			m.run(t)
		})
	}
}

func (m *migration) run(t *testing.T) {
	secret := m.secret()
	old := m.serve(t, secret)
	reader := must(m.read(secret))(t)
	before := time.Now().Truncate(time.Second)

	site := newSite(t, old)
	tom := site.visitor(t)
	if status, _ := tom.get("/me"); status != http.StatusUnauthorized {
		t.Fatalf("before signing in, the old server says %d", status)
	}
	if status, body := tom.post("/signin"); status != http.StatusOK {
		t.Fatalf("signing in at the old server: %d %s", status, body)
	}
	tom.isSignedIn("the old server")
	theirs := tom.cookies()
	if got, want := slices.Sorted(maps.Keys(theirs)), slices.Sorted(slices.Values(reader.Cookies())); !slices.Equal(got, want) {
		t.Fatalf("the old server's cookies are %q, and the reader's %q", got, want)
	}
	tom2 := tom.withCookies(theirs)

	want := maps.Clone(visitValues)
	maps.Copy(want, m.more)
	dump := fmt.Sprintf("%#v", want)
	isTom := func(v *visitor, where string) {
		t.Helper()
		if status, got := v.get("/me"); status != http.StatusOK || got != dump {
			t.Fatalf("%s: %d\n%s\nwant\n%s", where, status, got, dump)
		}
	}

	// Another secret than the old server's opens nothing.
	if !m.unsigned {
		wrong := m.newSuccessor(t, must(m.read(m.secret()))(t), time.Time{})
		site.goTo(wrong.URL)
		if status, body := tom.get("/me"); status != http.StatusUnauthorized || !maps.Equal(tom.cookies(), theirs) {
			t.Fatalf("with another secret: %d %s, cookies %q", status, body, slices.Sorted(maps.Keys(tom.cookies())))
		}
		if e := wrong.event(); e.Sent != session.SentNothing || len(e.Attempts) != 1 || !errors.Is(e.Attempts[0].Err, session.ErrForged) {
			t.Fatalf("with another secret: %+v", e)
		}
	}

	next := m.newSuccessor(t, reader, time.Time{})
	site.goTo(next.URL)
	isTom(tom, "taken over")
	e := next.event()
	if e.Sent != session.SentTakenOver || e.Cookie.System != reader.System() || len(e.Attempts) != 1 || e.Attempts[0].Err != nil {
		t.Fatalf("event = %+v", e)
	}
	if e.Token.Start.Before(before) || e.Token.Start.After(time.Now()) {
		t.Errorf("the session has begun at %v, and not at %v", e.Token.Start, before)
	}
	cookies := tom.cookies()
	ours, ok := cookies[session.DefaultName]
	if !ok {
		t.Fatalf("no cookie of ours is set: %q", slices.Sorted(maps.Keys(cookies)))
	}
	delete(cookies, session.DefaultName)
	if !maps.Equal(cookies, theirs) {
		t.Fatal("the old cookies are not kept")
	}

	// A rolling deploy: some requests go to the old server, and some to the new one.
	site.goTo(old)
	tom.isSignedIn("the old server, after the takeover")
	site.goTo(next.URL)
	isTom(tom, "the next request")
	if e := next.event(); e.Sent != session.SentNothing || len(e.Attempts) > 0 {
		t.Fatalf("the next request: %+v", e)
	}
	isTom(tom.withCookies(map[string]string{session.DefaultName: ours}), "with our cookie alone")
	next.event()

	// Signing out is for both.
	if status, body := tom.post("/signout"); status != http.StatusOK {
		t.Fatalf("signing out: %d %s", status, body)
	}
	if left := tom.cookies(); len(left) > 0 {
		t.Errorf("signing out leaves %q", slices.Sorted(maps.Keys(left)))
	}
	for _, at := range []string{next.URL, old} {
		site.goTo(at)
		if status, _ := tom.get("/me"); status != http.StatusUnauthorized {
			t.Errorf("signed out, and %s says %d", at, status)
		}
	}

	// Once no old server is left.
	after := m.newSuccessor(t, reader, time.Now().Add(-time.Minute))
	site.goTo(after.URL)
	isTom(tom2, "taken over after the deploy")
	if left := slices.Collect(maps.Keys(tom2.cookies())); !slices.Equal(left, []string{session.DefaultName}) {
		t.Errorf("after DeleteAfter, the cookies are %q", left)
	}
	isTom(tom2, "the next request after the deploy")
}

// A successor is a server of keyturn.
type successor struct {
	*httptest.Server
	t      *testing.T
	events chan middleware.Event
}

func (m *migration) newSuccessor(t *testing.T, from *takeover.Reader, deleteAfter time.Time) *successor {
	t.Helper()
	visits, err := session.New(session.Config{Keys: keyring.Ephemeral()}, session.Takeover[session.Values]{
		From: from, Convert: takeover.Values,
		Until: time.Now().Add(24 * time.Hour), DeleteAfter: deleteAfter,
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &successor{t: t, events: make(chan middleware.Event, 16)}
	mw, err := middleware.New(visits, middleware.Config{Observe: func(_ context.Context, e middleware.Event) { s.events <- e }})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /me", func(w http.ResponseWriter, r *http.Request) {
		s := visits.From(r.Context())
		if user.GetIn(s) == "" {
			http.Error(w, "nobody is signed in", http.StatusUnauthorized)
			return
		}
		v := s.Data()
		for _, name := range m.adds {
			if !v.Has(name) {
				http.Error(w, "there is no "+name, http.StatusInternalServerError)
				return
			}
			session.Key[string](name).Delete(&v)
		}
		fmt.Fprintf(w, "%#v", contents(v))
	})
	mux.HandleFunc("POST /signout", func(w http.ResponseWriter, r *http.Request) {
		if err := visits.From(r.Context()).Destroy(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	s.Server = httptest.NewServer(mw.Handler(mux))
	t.Cleanup(s.Close)
	return s
}

// event returns the event of the one request since the last call.
func (s *successor) event() middleware.Event {
	s.t.Helper()
	if len(s.events) != 1 {
		s.t.Fatalf("%d events", len(s.events))
	}
	return <-s.events
}

// contents returns what is in v.
func contents(v session.Values) map[string]any {
	all := map[string]any{}
	for name := range v.Names() {
		lookup[bool](all, v, name)
		lookup[string](all, v, name)
		lookup[int64](all, v, name)
		lookup[float64](all, v, name)
		lookup[[]byte](all, v, name)
		lookup[time.Time](all, v, name)
		lookup[[]any](all, v, name)
		lookup[map[string]any](all, v, name)
	}
	return all
}

func lookup[V session.Kind](all map[string]any, v session.Values, name string) {
	if x, ok := session.Key[V](name).Lookup(v); ok {
		all[name] = x
	}
}

// A site is what visitors see: https, and one name, whichever server is behind it.
type site struct {
	*httptest.Server
	behind atomic.Pointer[url.URL]
}

func newSite(t *testing.T, behind string) *site {
	s := new(site)
	s.goTo(behind)
	s.Server = httptest.NewTLSServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(s.behind.Load())
		r.Out.Host = r.In.Host
		r.SetXForwarded()
	}})
	t.Cleanup(s.Close)
	return s
}

func (s *site) goTo(server string) {
	u, err := url.Parse(server)
	if err != nil {
		panic(err)
	}
	s.behind.Store(u)
}

// A visitor is a browser.
type visitor struct {
	t    *testing.T
	site *site
	jar  *cookiejar.Jar
}

func (s *site) visitor(t *testing.T) *visitor {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t, s, jar}
}

// withCookies returns a visitor of the same site.
func (v *visitor) withCookies(cookies map[string]string) *visitor {
	w := v.site.visitor(v.t)
	var all []*http.Cookie
	for name, value := range cookies {
		all = append(all, &http.Cookie{Name: name, Value: value, Path: "/", Secure: true})
	}
	w.jar.SetCookies(v.url(), all)
	return w
}

func (v *visitor) url() *url.URL {
	u, err := url.Parse(v.site.URL)
	if err != nil {
		v.t.Fatal(err)
	}
	return u
}

func (v *visitor) cookies() map[string]string {
	all := map[string]string{}
	for _, c := range v.jar.Cookies(v.url()) {
		all[c.Name] = c.Value
	}
	return all
}

func (v *visitor) get(path string) (int, string)  { return v.do("GET", path) }
func (v *visitor) post(path string) (int, string) { return v.do("POST", path) }

func (v *visitor) do(method, path string) (int, string) {
	v.t.Helper()
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.site.URL+path, nil)
	if err != nil {
		v.t.Fatal(err)
	}
	client := http.Client{Transport: v.site.Client().Transport, Jar: v.jar}
	res, err := client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// isSignedIn fails the test unless a server of the other library knows the visitor.
func (v *visitor) isSignedIn(where string) {
	v.t.Helper()
	status, body := v.get("/me")
	var me struct{ User string }
	if err := json.Unmarshal([]byte(body), &me); err != nil || status != http.StatusOK || me.User != "tom" {
		v.t.Fatalf("%s: %d %s", where, status, body)
	}
}

func must[V any](v V, err error) func(*testing.T) V {
	return func(t *testing.T) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}
