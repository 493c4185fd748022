package middleware_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
)

// dump returns a response as it was on the wire, without what differs from
// one moment to the next.
func dump(t *testing.T, res *response) string {
	t.Helper()
	h := res.Header.Clone()
	h.Del("Date")
	var b bytes.Buffer
	fmt.Fprintln(&b, res.Proto, res.Status, res.ContentLength, res.TransferEncoding)
	if err := h.Write(&b); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(&b, res.hints)
	if err := res.Trailer.Write(&b); err != nil {
		t.Fatal(err)
	}
	b.WriteString(res.body)
	return b.String()
}

// plain are handlers that know nothing of sessions.
func plain(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/empty":
	case "/cached":
		w.Header().Set("Cache-Control", "public, max-age=60")
		w.Header().Set("Vary", "Accept-Encoding")
		io.WriteString(w, "cached")
	case "/cookie":
		w.Header().Add("Set-Cookie", "theme=dark")
		w.Header().Add("Set-Cookie", cookieName+"=x")
		io.WriteString(w, "cookie")
	case "/flush":
		io.WriteString(w, "a")
		w.(http.Flusher).Flush()
		io.WriteString(w, "b")
	case "/hints":
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusTeapot)
	case "/trailer":
		w.Header().Set("Trailer", "X-Sum")
		io.WriteString(w, "sum")
		w.Header().Set("X-Sum", "3")
	case "/copy":
		io.Copy(w, struct{ io.Reader }{strings.NewReader(strings.Repeat("x", 10_000))})
	case "/304":
		w.Header().Set("Etag", `"1"`)
		w.WriteHeader(http.StatusNotModified)
	default:
		http.NotFound(w, r)
	}
}

func TestAResponseThatDoesNotTouchTheSessionIsUnchanged(t *testing.T) {
	m, list := inventory(t)
	mw := newMiddleware(t, m, middleware.Config{ReissueOnRead: true})
	var with, without *server
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		with, without = newServer(t, mw.Handler(http.HandlerFunc(plain)), proto), newServer(t, http.HandlerFunc(plain), proto)
		with.client.Jar, without.client.Jar = nil, nil
		for _, path := range []string{"/empty", "/cached", "/cookie", "/flush", "/hints", "/trailer", "/copy", "/304", "/none"} {
			for _, c := range list {
				got, want := dump(t, with.get(t, path, c.lines...)), dump(t, without.get(t, path, c.lines...))
				if got != want {
					t.Errorf("%s %s, %s: it is\n%s\nand without the middleware\n%s", proto, path, c.name, got, want)
				}
			}
		}
	}
}

func TestVaryAndCacheControl(t *testing.T) {
	m := newManager(t, session.Config{IDs: true})
	touches := map[string]func(s *session.Session[visit]){
		"nothing":      nil,
		"Data":         func(s *session.Session[visit]) { s.Data() },
		"Outcome":      func(s *session.Session[visit]) { s.Outcome() },
		"Info":         func(s *session.Session[visit]) { s.Info() },
		"ID":           func(s *session.Session[visit]) { s.ID() },
		"empty Update": func(s *session.Session[visit]) { s.Update(func(*visit) {}) },
		"Seal":         func(s *session.Session[visit]) { m.Seal(time.Now(), s) },
		"Update":       func(s *session.Session[visit]) { s.Update(func(v *visit) { v.Count++ }) },
		"Renew":        func(s *session.Session[visit]) { s.Renew(visit{User: "ann"}) },
		"Destroy":      func(s *session.Session[visit]) { s.Destroy() },
	}
	sends := []string{"Update", "Renew", "Destroy"}
	headers := []struct {
		name               string
		vary, cacheControl []string // what the handler sets
		wantVary           []string // what is sent if the session is touched
		wantCache          []string // what is sent with a Set-Cookie
	}{
		{"none", nil, nil, []string{"Cookie"}, []string{"no-store"}},
		{"public", []string{"Accept"}, []string{"public, max-age=60"}, []string{"Accept", "Cookie"}, []string{"no-store"}},
		{"two lines", []string{"Accept", "Accept-Language"}, []string{"public", "max-age=60"}, []string{"Accept", "Accept-Language", "Cookie"}, []string{"no-store"}},
		{"already there", []string{"Cookie"}, []string{"no-store"}, []string{"Cookie"}, []string{"no-store"}},
		{"already there among others", []string{"Accept-Encoding,cookie , Accept"}, []string{"private,No-Store , max-age=0"}, []string{"Accept-Encoding,cookie , Accept"}, []string{"private,No-Store , max-age=0"}},
		{"after tabs", []string{"Accept,\tCookie\t"}, []string{"private,\tno-store"}, []string{"Accept,\tCookie\t"}, []string{"private,\tno-store"}},
		{"on a second line", []string{"Accept", "COOKIE"}, []string{"private", "no-store"}, []string{"Accept", "COOKIE"}, []string{"private", "no-store"}},
		{"a star", []string{"*"}, []string{"private"}, []string{"*"}, []string{"no-store"}},
		{"names that contain it", []string{"X-Cookie, Cookie2"}, []string{"x-no-store"}, []string{"X-Cookie, Cookie2", "Cookie"}, []string{"no-store"}},
	}
	value := sealed(t, m, time.Now(), visit{User: "tom"})
	for _, config := range []string{"", "private, max-age=0"} {
		mw := newMiddleware(t, m, middleware.Config{CacheControl: config})
		for touch, do := range touches {
			for _, h := range headers {
				res := serve(mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					s := m.From(r.Context()) // which is no touch
					w.Header()["Vary"] = h.vary
					w.Header()["Cache-Control"] = h.cacheControl
					if do != nil {
						do(s)
					}
					w.WriteHeader(200)
				})), request("GET", "/", cookieName+"="+value))
				wantVary, wantCache := h.vary, h.cacheControl
				if do != nil {
					wantVary = h.wantVary
				}
				sent := slices.Contains(sends, touch)
				if sent {
					wantCache = h.wantCache
					if config != "" && slices.Equal(wantCache, []string{"no-store"}) && !slices.Equal(h.cacheControl, wantCache) {
						wantCache = []string{config}
					}
				}
				if got := len(res.Header["Set-Cookie"]); (got == 1) != sent {
					t.Errorf("%s: %d cookies", touch, got)
				}
				if got := res.Header["Vary"]; !slices.Equal(got, wantVary) {
					t.Errorf("%s, %s: Vary %q, want %q", touch, h.name, got, wantVary)
				}
				if got := res.Header["Cache-Control"]; !slices.Equal(got, wantCache) {
					t.Errorf("%s, %s: Cache-Control %q, want %q", touch, h.name, got, wantCache)
				}
			}
		}
	}
}

func TestExactlyOneSetCookieOfAName(t *testing.T) {
	m := newManager(t, session.Config{FormerNames: []session.FormerName{{Name: "sid"}}})
	for _, tt := range []struct {
		name string
		set  []string // by the handler
		out  bool     // sign out, rather than change
		want []string // the names of what is sent
	}{
		{"others stay, in their order", []string{"b=1", "a=2", "b=3"}, false, []string{"b", "a", "b", cookieName}},
		{"ours goes", []string{cookieName + "=x; Path=/", "a=1"}, false, []string{"a", cookieName}},
		{"ours goes four times", []string{cookieName + "=x", cookieName + " =y; Domain=example.com", cookieName, cookieName + "; Path=/"}, false, []string{cookieName}},
		{"ours goes for a deletion", []string{cookieName + "=x", "a=1"}, true, []string{"a", cookieName, "sid"}},
		{"a former one goes for its deletion", []string{"sid=x", "a=1"}, true, []string{"a", cookieName, "sid"}},
		{"a former one stays with a change", []string{"sid=x"}, false, []string{"sid", cookieName}},
		{"what looks like it stays", []string{cookieName + "2=x", strings.ToLower(cookieName) + "=y", "a=" + cookieName + "=z"}, false, []string{cookieName + "2", strings.ToLower(cookieName), "a", cookieName}},
	} {
		shared := slices.Clone(tt.set)
		h := newMiddleware(t, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header()["Set-Cookie"] = shared
			s := m.From(r.Context())
			if tt.out {
				s.Destroy()
			} else {
				change(t, s)
			}
		}))
		res := serve(h, request("GET", "/", cookieName+"=x; sid=y"))
		var names []string
		for _, line := range res.Header["Set-Cookie"] {
			name, _, _ := strings.Cut(line, "=")
			names = append(names, name)
		}
		if !slices.Equal(names, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, names, tt.want)
		}
		if !slices.Equal(shared, tt.set) {
			t.Errorf("%s: the handler's slice is modified: %q", tt.name, shared)
		}
	}
}

func TestSigningOutSetsNoCookie(t *testing.T) {
	m := newManager(t, session.Config{FormerNames: []session.FormerName{{Name: "sid"}}})
	h := newMiddleware(t, m, middleware.Config{}).Handler(signInOut(m))
	for _, name := range []string{cookieName, "sid"} {
		lines := serve(h, request("GET", "/out", name+"=x")).Header["Set-Cookie"]
		if len(lines) != 1 || !strings.HasPrefix(lines[0], name+"=;") {
			t.Errorf("where %s came, what is sent is %q", name, lines)
		}
	}
}

// Two responses whose handlers share a slice with room behind it, each frozen
// before either is written.
func TestResponsesDoNotMeetBehindASharedSlice(t *testing.T) {
	m := newManager(t, session.Config{IDs: true})
	h := newMiddleware(t, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { change(t, m.From(r.Context())) }))
	cookies := append(make([]string, 0, 9), "a=1")
	vary := append(make([]string, 0, 9), "Accept")
	var headers []http.Header
	for range 2 {
		rec := httptest.NewRecorder()
		rec.Header()["Set-Cookie"], rec.Header()["Vary"] = cookies, vary
		h.ServeHTTP(rec, request("GET", "/"))
		headers = append(headers, rec.Header())
	}
	alice, bob := headers[0], headers[1]
	if len(alice["Set-Cookie"]) != 2 || len(bob["Set-Cookie"]) != 2 || alice["Set-Cookie"][1] == bob["Set-Cookie"][1] {
		t.Errorf("alice is sent %q, bob %q", alice["Set-Cookie"], bob["Set-Cookie"])
	}
	for _, h := range headers {
		if !slices.Equal(h["Vary"], []string{"Accept", "Cookie"}) {
			t.Errorf("Vary %q", h["Vary"])
		}
	}
	if cookies[:2][1] != "" || vary[:2][1] != "" {
		t.Errorf("behind the shared slices there is %q and %q", cookies[:2][1], vary[:2][1])
	}
}

// Without Observe, less is asked of the session, and the same is sent.
func TestWhatIsSentDoesNotDependOnObserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // where time stands still
		c := session.Config{Keys: keyring.Ephemeral(), IdleTimeout: time.Hour}
		c.Name = "sid"
		former := sealed(t, newManager(t, c), time.Now(), visit{User: "tom"})
		c.Name, c.FormerNames = "", []session.FormerName{{Name: "sid"}}
		m := newManager(t, c)
		foreign := sealed(t, newManager(t, session.Config{}), time.Now(), visit{User: "tom"})
		value := sealed(t, m, time.Now(), visit{User: "tom"})
		time.Sleep(40 * time.Minute) // a refresh is due
		fresh := sealed(t, m, time.Now(), visit{User: "tom"})
		var seen events
		configs := []middleware.Config{{ReissueOnRead: true, Observe: seen.observe}, {ReissueOnRead: true}}
		does := map[string]func(w http.ResponseWriter, s *session.Session[visit]){
			"nothing": func(http.ResponseWriter, *session.Session[visit]) {},
			"read":    func(_ http.ResponseWriter, s *session.Session[visit]) { s.Data() },
			"change":  func(_ http.ResponseWriter, s *session.Session[visit]) { change(t, s) },
			"renew":   func(_ http.ResponseWriter, s *session.Session[visit]) { s.Renew(visit{User: "ann"}) },
			"destroy": func(_ http.ResponseWriter, s *session.Session[visit]) { s.Destroy() },
			"change, and panic": func(_ http.ResponseWriter, s *session.Session[visit]) {
				change(t, s)
				panic(http.ErrAbortHandler)
			},
			"read, too late": func(w http.ResponseWriter, s *session.Session[visit]) {
				w.WriteHeader(204)
				s.Data()
			},
			"change, too late": func(w http.ResponseWriter, s *session.Session[visit]) {
				w.WriteHeader(204)
				if err := s.Update(func(v *visit) { v.Count++ }); err != session.ErrCommitted {
					t.Errorf("Update returns %v", err)
				}
			},
		}
		cookies := []string{
			"", cookieName + "=" + value, cookieName + "=" + fresh, cookieName + "=x", cookieName + "=" + foreign, "sid=" + former, "sid=" + value, "sid=x",
			cookieName + "=" + value + "; sid=" + former, cookieName + "=" + value + "; " + cookieName + "=" + foreign,
		}
		sent := 0
		for name, do := range does {
			for _, cookie := range cookies {
				for _, line := range []string{"", "sid=z", cookieName + "=z", "a=z"} {
					var headers [2]http.Header
					for i, c := range configs {
						rec := httptest.NewRecorder()
						if line != "" {
							rec.Header().Set("Set-Cookie", line)
						}
						req := request("GET", "/", cookie)
						req.Header.Set("Sec-Fetch-Mode", "navigate")
						func() {
							defer func() { recover() }()
							newMiddleware(t, m, c).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
								do(w, m.From(r.Context()))
							})).ServeHTTP(rec, req)
						}()
						headers[i] = rec.Header()
					}
					if !reflect.DeepEqual(headers[0], headers[1]) {
						t.Errorf("%s, with %q, and %q in the response: %v, and without Observe %v", name, cookie, line, headers[0], headers[1])
					}
					sent += len(headers[0]["Set-Cookie"])
				}
			}
		}
		if sent < 300 || len(seen.take()) < 200 {
			t.Errorf("%d lines of Set-Cookie: this test tests little", sent)
		}
	})
}

// Whatever is done to the lines of a response once they are there, nothing is
// found in another of its fields, nor in another response.
func TestWhatIsDoneToAHeaderStaysThere(t *testing.T) {
	m := newManager(t, session.Config{IDs: true})
	mw := newMiddleware(t, m, middleware.Config{})
	fields := []string{"Vary", "Set-Cookie", "Cache-Control"}
	for _, do := range []struct {
		name  string
		touch func(s *session.Session[visit])
		sent  int // how many of the fields
	}{
		{"read", func(s *session.Session[visit]) { s.Data() }, 1},
		{"change", func(s *session.Session[visit]) { change(t, s) }, 3},
	} {
		h := mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { do.touch(m.From(r.Context())) }))
		for _, name := range fields[:do.sent] {
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, request("GET", "/"))
			before := rec.Header().Clone()
			if len(before) != do.sent || len(before[name]) != 1 {
				t.Fatalf("%s: %v", do.name, before)
			}
			rec.Header()[name] = append(rec.Header()[name], "appended")
			rec.Header()[name][0] = "changed"
			rec.Header().Add(name, "added")
			before[name] = []string{"changed", "appended", "added"}
			for _, f := range fields {
				if got := rec.Header()[f]; !slices.Equal(got, before[f]) {
					t.Errorf("%s, after a change of %s: %s is %q, want %q", do.name, name, f, got, before[f])
				}
			}

			rec = httptest.NewRecorder()
			rec.Header()[name] = nil
			h.ServeHTTP(rec, request("GET", "/"))
			if vary := rec.Header()["Vary"]; !slices.Equal(vary, []string{"Cookie"}) {
				t.Errorf("%s, after a change of %s: the next Vary is %q", do.name, name, vary)
			}
			if cc := rec.Header()["Cache-Control"]; do.sent == 3 && !slices.Equal(cc, []string{"no-store"}) {
				t.Errorf("%s, after a change of %s: the next Cache-Control is %q", do.name, name, cc)
			}
		}
	}
}

// A sharedCache is a caching proxy, as careless as RFC 9111 allows: it stores
// whatever it may, for as long as the test lasts, Set-Cookie included.
type sharedCache struct {
	next   http.Handler
	mu     sync.Mutex
	stored map[string][]storedResponse // by URL
	hits   int
}

type storedResponse struct {
	request http.Header
	*httptest.ResponseRecorder
}

func members(h http.Header, name string) []string {
	var list []string
	for _, line := range h[name] {
		for m := range strings.SplitSeq(line, ",") {
			list = append(list, strings.ToLower(strings.TrimSpace(m)))
		}
	}
	return list
}

func (c *sharedCache) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	rec := c.lookup(r)
	if rec == nil {
		rec = httptest.NewRecorder()
		c.next.ServeHTTP(rec, r)
		cc := members(rec.Header(), "Cache-Control")
		if r.Method == "GET" && !slices.Contains(cc, "no-store") && !slices.Contains(cc, "private") {
			c.stored[r.URL.String()] = append(c.stored[r.URL.String()], storedResponse{r.Header.Clone(), rec})
		}
	} else {
		c.hits++
	}
	for k, v := range rec.Header() {
		w.Header()[k] = v
	}
	w.WriteHeader(rec.Code)
	w.Write(rec.Body.Bytes())
}

func (c *sharedCache) lookup(r *http.Request) *httptest.ResponseRecorder {
	if r.Method != "GET" {
		return nil
	}
next:
	for _, s := range c.stored[r.URL.String()] {
		for _, field := range members(s.Header(), "Vary") {
			if field == "*" || !slices.Equal(s.request[http.CanonicalHeaderKey(field)], r.Header[http.CanonicalHeaderKey(field)]) {
				continue next
			}
		}
		return s.ResponseRecorder
	}
	return nil
}

func TestASharedCacheNeverServesOneVisitorsPageToAnother(t *testing.T) {
	m := newManager(t, session.Config{})
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// The worst that an application can say.
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
		if r.URL.Path == "/static" {
			fmt.Fprint(w, "the same for all")
			return
		}
		s := m.From(r.Context())
		switch {
		case r.URL.Path == "/in":
			if err := s.Renew(visit{User: r.URL.Query().Get("as")}); err != nil {
				t.Error(err)
			}
		case r.URL.Path == "/in-once": // one URL for all
			if err := s.Renew(visit{User: r.Header.Get("X-User")}); err != nil {
				t.Error(err)
			}
		case r.URL.Path == "/count":
			change(t, s)
		}
		fmt.Fprint(w, "page of ", s.Data().User)
	})
	run := func(h http.Handler) (leaks []string, hits int) {
		cache := &sharedCache{next: h, stored: map[string][]storedResponse{}}
		users := []string{"", "ann", "bob", "eve"}
		clients := make(map[string]*jarClient)
		for _, u := range users {
			clients[u] = newJarClient(cache)
			if u != "" {
				req := request("GET", "/in-once")
				req.Header.Set("X-User", u)
				res := serve(cache, req)
				clients[u].jar.SetCookies(req.URL, res.Cookies())
			}
		}
		for range 3 {
			for _, path := range []string{"/", "/page", "/static", "/count2"} {
				for _, u := range users {
					res := clients[u].get("https://example.com" + path)
					b, _ := io.ReadAll(res.Body)
					if path != "/static" && string(b) != "page of "+u {
						leaks = append(leaks, fmt.Sprintf("%q at %s gets %q", u, path, b))
					}
				}
			}
		}
		return leaks, cache.hits
	}
	leaks, hits := run(newMiddleware(t, m, middleware.Config{}).Handler(app))
	if len(leaks) > 0 || hits < 20 {
		t.Errorf("with %d hits of the cache, %d leaks: %q", hits, len(leaks), leaks)
	}

	// Without either header this test would see it.
	for _, field := range []string{"Vary", "Cache-Control"} {
		inner := newMiddleware(t, m, middleware.Config{}).Handler(app)
		leaks, _ := run(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			inner.ServeHTTP(rec, r)
			for k, v := range rec.Header() {
				w.Header()[k] = v
			}
			if field == "Vary" {
				w.Header().Del("Vary")
			} else if w.Header().Get("Set-Cookie") != "" {
				w.Header().Set("Cache-Control", "public")
			}
			w.Write(rec.Body.Bytes())
		}))
		if len(leaks) == 0 {
			t.Errorf("without %s, the cache of this test leaks nothing: it tests nothing", field)
		}
	}
}
