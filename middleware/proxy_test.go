package middleware_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
)

// proxyTo returns a ReverseProxy to a backend, and what prepares its requests.
func proxyTo(t testing.TB, backend http.Handler, prepare func(http.Header)) http.Handler {
	t.Helper()
	s := httptest.NewServer(backend)
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(u)
		if prepare != nil {
			prepare(r.Out.Header)
		}
	}}
}

func TestReverseProxyInside(t *testing.T) {
	backend := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/hints":
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.WriteHeader(http.StatusEarlyHints)
		case "/cookie":
			http.SetCookie(w, &http.Cookie{Name: "theme", Value: "dark"})
			http.SetCookie(w, &http.Cookie{Name: "lang", Value: "en"})
		case "/same":
			http.SetCookie(w, &http.Cookie{Name: cookieName, Value: "the backend's", Path: "/", Secure: true})
			http.SetCookie(w, &http.Cookie{Name: "theme", Value: "dark"})
		case "/cached":
			w.Header().Set("Cache-Control", "public, max-age=3600")
			w.Header().Set("Vary", "Accept-Encoding")
		}
		fmt.Fprint(w, "from the backend")
	})
	m := newManager(t, session.Config{})
	proxy := proxyTo(t, backend, nil)
	h := newMiddleware(t, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("change") {
			change(t, m.From(r.Context()))
		}
		proxy.ServeHTTP(w, r)
	}))
	onBoth(t, h, func(t *testing.T, s *server) {
		s.client.Jar = nil
		for _, tt := range []struct {
			path    string
			hints   int
			cookies []string // their names
		}{
			{"/?change", 0, []string{cookieName}},
			{"/hints?change", 2, []string{cookieName}},
			{"/hints", 2, nil},
			{"/cookie?change", 0, []string{"theme", "lang", cookieName}},
			{"/cookie", 0, []string{"theme", "lang"}},
			{"/same?change", 0, []string{"theme", cookieName}},
			{"/same", 0, []string{cookieName, "theme"}},
			{"/cached?change", 0, []string{cookieName}},
		} {
			res := s.get(t, tt.path)
			if res.body != "from the backend" || len(res.hints) != tt.hints {
				t.Errorf("%s: body %q, %d informational responses", tt.path, res.body, len(res.hints))
			}
			var names []string
			for _, c := range res.Cookies() {
				names = append(names, c.Name)
			}
			if !slices.Equal(names, tt.cookies) {
				t.Errorf("%s: cookies %q, want %q", tt.path, names, tt.cookies)
			}
			for _, hint := range res.hints {
				if len(hint["Set-Cookie"])+len(hint["Vary"])+len(hint["Cache-Control"]) > 0 || len(hint["Link"]) != 1 {
					t.Errorf("%s: informational response with %v", tt.path, hint)
				}
			}
			changed := strings.HasSuffix(tt.path, "?change")
			if changed {
				if got := opened(t, m, parsed(t, res.Header, cookieName).Value); got.User != "tom" {
					t.Errorf("%s: the cookie holds %+v", tt.path, got)
				}
				if c := res.Header["Cache-Control"]; len(c) != 1 || c[0] != "no-store" {
					t.Errorf("%s: Cache-Control %q", tt.path, c)
				}
			}
			if got := slices.Contains(res.Header["Vary"], "Cookie"); got != changed {
				t.Errorf("%s: Vary %q", tt.path, res.Header["Vary"])
			}
		}
	})
}

// A gateway and a server behind it share a session. A mere refresh by the
// gateway must not undo what the server did, above all a sign-out.
func TestARefreshGivesWayToTheBackend(t *testing.T) {
	keys := keyring.Ephemeral()
	config := session.Config{Keys: keys, IdleTimeout: time.Hour}
	back := newManager(t, config)
	front := newManager(t, config)
	var log events
	proxy := proxyTo(t, newMiddleware(t, back, middleware.Config{}).Handler(signInOut(back)), nil)
	h := newMiddleware(t, front, middleware.Config{Observe: log.observe}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		front.From(r.Context()).Data()
		if r.URL.Query().Has("change") {
			change(t, front.From(r.Context()))
		}
		proxy.ServeHTTP(w, r)
	}))
	old := cookieName + "=" + sealed(t, front, time.Now().Add(-45*time.Minute), visit{User: "tom"})

	res := serve(h, request("GET", "/out", old))
	if c := parsed(t, res.Header, cookieName); c.MaxAge != -1 || c.Value != "" {
		t.Errorf("a sign-out behind the proxy becomes %v", c)
	}
	if ev := log.only(t); ev.Sent != session.SentNothing || (ev.Token != session.Info{}) || ev.Lost {
		t.Errorf("event %+v", ev)
	}
	if res.Header.Get("Vary") != "Cookie" {
		t.Errorf("header %v", res.Header)
	}
	// What the handler here asked for does not give way.
	res = serve(h, request("GET", "/out?change", old))
	if got := opened(t, front, parsed(t, res.Header, cookieName).Value); got.Count != 1 {
		t.Errorf("a change before the proxy becomes %+v", got)
	}
	if ev := log.only(t); ev.Sent != session.SentChanged {
		t.Errorf("event %+v", ev)
	}
}

// Nor does a refresh undo what was done under a former name, or delete a former
// cookie in whose place it sends nothing.
func TestARefreshThatGivesWaySendsNothing(t *testing.T) {
	keys := keyring.Ephemeral()
	config := session.Config{Keys: keys, IdleTimeout: time.Hour}
	config.FormerNames = []session.FormerName{{Name: "sid", DeleteAfter: time.Now().Add(-time.Hour)}, {Name: "older"}}
	m := newManager(t, config)
	at := time.Now().Add(-45 * time.Minute)
	came := map[string]string{}
	for _, name := range []string{cookieName, "sid", "older"} {
		came[name] = name + "=" + sealed(t, newManager(t, session.Config{Keys: keys, Name: name, IdleTimeout: time.Hour}), at, visit{User: "tom"})
	}
	var log events
	h := newMiddleware(t, m, middleware.Config{Observe: log.observe}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.From(r.Context()).Data()
		if name := r.URL.Path[1:]; name != "" {
			w.Header().Add("Set-Cookie", name+"=; Max-Age=0") // as from behind a proxy
		}
	}))
	both := came[cookieName] + "; sid=x"
	for _, tt := range []struct {
		cookie, out string   // what came, and what is already deleted
		names       []string // all that are set then; nil: as before
	}{
		{came[cookieName], "", []string{cookieName}},
		{came["sid"], "", []string{cookieName, "sid"}},
		{came["older"], "", []string{cookieName}},
		{both, "", []string{cookieName, "sid"}},
		{came[cookieName], cookieName, nil},
		{came["sid"], cookieName, nil},
		{came["sid"], "sid", nil},
		{came["older"], "older", nil},
		{both, cookieName, nil},
		// What is not in the way stays, and is not what the refresh is of.
		{came[cookieName], "older", []string{"older", cookieName}},
		{came["older"], "sid", []string{"sid", cookieName}},
		{came[cookieName], "theme", []string{"theme", cookieName}},
	} {
		cookieOf, _, _ := strings.Cut(tt.cookie, "=")
		res := serve(h, request("GET", "/"+tt.out, tt.cookie))
		ev := log.only(t)
		if ev.Outcome != session.Valid || res.Header.Get("Vary") != "Cookie" {
			t.Errorf("%s came: event %+v, header %v", cookieOf, ev, res.Header)
		}
		if tt.names == nil {
			if got := res.Header["Set-Cookie"]; len(got) != 1 || got[0] != tt.out+"=; Max-Age=0" || res.Header["Cache-Control"] != nil {
				t.Errorf("%s came, and %s is deleted: header %v", cookieOf, tt.out, res.Header)
			}
			if ev.Sent != session.SentNothing || (ev.Token != session.Info{}) {
				t.Errorf("%s came, and %s is deleted: event %+v", cookieOf, tt.out, ev)
			}
			continue
		}
		var names []string
		for _, c := range res.Cookies() {
			names = append(names, c.Name)
		}
		if !slices.Equal(names, tt.names) || ev.Sent != session.SentRefreshed {
			t.Errorf("%s came, and %q is deleted: cookies %q, want %q; event %+v", cookieOf, tt.out, names, tt.names, ev)
		}
	}
}

func TestReverseProxyUpgradeLosesAChangeAndSaysSo(t *testing.T) {
	backend := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			return
		}
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: line\r\n\r\nraw")
	})
	m := newManager(t, session.Config{})
	proxy := proxyTo(t, backend, nil)
	var log events
	h := newMiddleware(t, m, middleware.Config{Observe: log.observe}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/upgrade" {
			change(t, m.From(r.Context()))
		}
		proxy.ServeHTTP(w, r)
	}))
	s := newServer(t, h, "HTTP/1.1")
	req, _ := http.NewRequest("GET", s.URL+"/upgrade", nil)
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "line")
	res, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b := make([]byte, 3)
	if _, err := io.ReadFull(res.Body, b); res.StatusCode != 101 || string(b) != "raw" {
		t.Errorf("%s %q %v", res.Status, b, err)
	}
	if ev := log.only(t); !ev.Lost || len(res.Header["Set-Cookie"]) != 0 {
		t.Errorf("header %v, event %+v", res.Header, ev)
	}
}

func TestStrip(t *testing.T) {
	m := newManager(t, session.Config{FormerNames: []session.FormerName{{Name: "sid"}}})
	mw := newMiddleware(t, m, middleware.Config{})
	for _, tt := range []struct {
		name       string
		lines, out []string
	}{
		{"none", nil, nil},
		{"others", []string{"a=1; b=\"2 3\"", "c"}, []string{"a=1; b=\"2 3\"", "c"}},
		{"others, with blanks in front and nothing", []string{" a=1; b", "", "\tc"}, []string{" a=1; b", "", "\tc"}},
		{"only ours", []string{"__Host-session=x"}, nil},
		{"only ours, twice", []string{"__Host-session=x; sid=y", "sid=z"}, nil},
		{"first", []string{"__Host-session=x; a=1"}, []string{"a=1"}},
		{"last", []string{"a=1; __Host-session=x"}, []string{"a=1"}},
		{"between", []string{"a=1;  sid=x;b = 2 ; c"}, []string{"a=1;b = 2 ; c"}},
		{"on another line", []string{"a=1", "sid=x", "b=2"}, []string{"a=1", "b=2"}},
		{"with blanks", []string{"a=1; \t__Host-session =x"}, []string{"a=1"}},
		{"without a value", []string{"__Host-session; a=1"}, []string{"a=1"}},
		{"with a value that net/http skips", []string{"__Host-session=a\"b; a=1"}, []string{"a=1"}},
		{"in the value of another", []string{"a=__Host-session=x; b=sid"}, []string{"a=__Host-session=x; b=sid"}},
		{"another case", []string{"__host-session=x; SID=y"}, []string{"__host-session=x; SID=y"}},
		{"a longer name", []string{"sid2=x; xsid=y"}, []string{"sid2=x; xsid=y"}},
	} {
		h := http.Header{"Accept": {"*/*"}}
		if tt.lines != nil {
			h["Cookie"] = slices.Clone(tt.lines)
		}
		shared := h["Cookie"]
		mw.Strip(h)
		if got, ok := h["Cookie"]; !slices.Equal(got, tt.out) || ok != (tt.out != nil) || len(h["Accept"]) != 1 {
			t.Errorf("%s: %q becomes %q, want %q", tt.name, tt.lines, h, tt.out)
		}
		if !slices.Equal(shared, tt.lines) {
			t.Errorf("%s: the slice is modified, which the incoming request may share: %q", tt.name, shared)
		}
	}
}

func FuzzStrip(f *testing.F) {
	m, err := session.New[visit](session.Config{Keys: keyring.Ephemeral(), Name: "s", FormerNames: []session.FormerName{{Name: "old"}}})
	if err != nil {
		f.Fatal(err)
	}
	mw, err := middleware.New(m, middleware.Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add("s=1; a=2; old=3", "b=4;s =5")
	f.Add("a=\"s=1; b\"; s", ";;s=")
	f.Fuzz(func(t *testing.T, first, second string) {
		h := http.Header{"Cookie": {first, second}}
		all := (&http.Request{Header: h.Clone()}).Cookies()
		mw.Strip(h)
		left := (&http.Request{Header: h}).Cookies()
		want := slices.DeleteFunc(all, func(c *http.Cookie) bool { return c.Name == "s" || c.Name == "old" })
		if len(all) > 2900 {
			return // near the number beyond which net/http sees none
		}
		if !slices.EqualFunc(left, want, func(a, b *http.Cookie) bool {
			return a.Name == b.Name && a.Value == b.Value && a.Quoted == b.Quoted
		}) {
			t.Errorf("%q and %q become %q", first, second, h["Cookie"])
		}
	})
}

func TestTheBackendDoesNotSeeAStrippedCookie(t *testing.T) {
	m := newManager(t, session.Config{})
	mw := newMiddleware(t, m, middleware.Config{})
	backend := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Header["Cookie"]) })
	proxy := proxyTo(t, backend, mw.Strip)
	h := mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxy.ServeHTTP(w, r)
		if got := m.From(r.Context()).Data().User; got != "tom" {
			t.Errorf("after Strip of the outgoing request, the session is %q's", got)
		}
	}))
	res := serve(h, request("GET", "/", "theme=dark; "+cookieName+"="+sealed(t, m, time.Now(), visit{User: "tom"})))
	if b, _ := io.ReadAll(res.Body); string(b) != "[theme=dark]" {
		t.Errorf("the backend sees %s", b)
	}
}

func TestFileServerAndServeContent(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "page.txt"), []byte("a page"), 0o600); err != nil {
		t.Fatal(err)
	}
	m := newManager(t, session.Config{})
	files := http.FileServer(http.Dir(dir))
	h := newMiddleware(t, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		change(t, m.From(r.Context()))
		// An error of ServeContent removes these, and sets neither of ours.
		w.Header().Set("Cache-Control", "public, max-age=3600")
		w.Header().Set("Etag", `"1"`)
		files.ServeHTTP(w, r)
	}))
	onBoth(t, h, func(t *testing.T, s *server) {
		s.client.Jar = nil
		for _, tt := range []struct {
			path, header, value string
			status              int
			body                string
		}{
			{"/page.txt", "", "", 200, "a page"},
			{"/page.txt", "Range", "bytes=2-3", 206, "pa"},
			{"/page.txt", "Range", "bytes=100-", 416, "*"},
			{"/page.txt", "If-None-Match", `"1"`, 304, ""},
			{"/page.txt", "If-Match", `"2"`, 412, ""},
			{"/nothing", "", "", 404, "*"},
			{"/", "", "", 200, "*"},
			{"/index.html", "", "", 301, ""},
		} {
			req, _ := http.NewRequest("GET", s.URL+tt.path, nil)
			if tt.header != "" {
				req.Header.Set(tt.header, tt.value)
			}
			res, err := s.do(t, req)
			if err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != tt.status || tt.body != "*" && res.body != tt.body {
				t.Errorf("%s %s: %d %q", tt.path, tt.value, res.StatusCode, res.body)
			}
			parsed(t, res.Header, cookieName)
			if c := res.Header["Cache-Control"]; len(c) != 1 || c[0] != "no-store" {
				t.Errorf("%s %s: Cache-Control %q", tt.path, tt.value, c)
			}
			if v := res.Header["Vary"]; len(v) != 1 || v[0] != "Cookie" {
				t.Errorf("%s %s: Vary %q", tt.path, tt.value, v)
			}
		}
	})
}

func TestTwoManagersDoNotMeet(t *testing.T) {
	keys := keyring.Ephemeral()
	visits := newManager(t, session.Config{Keys: keys})
	carts, err := session.New[session.Values](session.Config{Keys: keys, Name: "__Host-cart"})
	if err != nil {
		t.Fatal(err)
	}
	const item session.Key[string] = "item"
	cartsMW, err := middleware.New(carts, middleware.Config{CacheControl: "private"})
	if err != nil {
		t.Fatal(err)
	}
	var log events
	visitsMW := newMiddleware(t, visits, middleware.Config{Observe: log.observe})
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/both":
			change(t, visits.From(r.Context()))
			if err := item.SetIn(carts.From(r.Context()), "book"); err != nil {
				t.Error(err)
			}
			w.(http.Flusher).Flush()
		case "/inner":
			if err := item.SetIn(carts.From(r.Context()), "pen"); err != nil {
				t.Error(err)
			}
		case "/read":
			fmt.Fprint(w, visits.From(r.Context()).Data().User, item.GetIn(carts.From(r.Context())))
		}
	})
	onBoth(t, visitsMW.Handler(cartsMW.Handler(handler)), func(t *testing.T, s *server) {
		res := s.get(t, "/both")
		parsed(t, res.Header, cookieName)
		parsed(t, res.Header, "__Host-cart")
		if v, c := res.Header["Vary"], res.Header["Cache-Control"]; len(v) != 1 || len(c) != 1 {
			t.Errorf("Vary %q, Cache-Control %q", v, c)
		}
		if res = s.get(t, "/read"); res.body != "tombook" || len(res.Header["Set-Cookie"]) != 0 {
			t.Errorf("%q %v", res.body, res.Header)
		}
		log.take()
		res = s.get(t, "/inner")
		if len(res.Header["Set-Cookie"]) != 1 || len(log.take()) != 0 {
			t.Errorf("a change of the other session touches this one: %v", res.Header)
		}
		if res = s.get(t, "/read"); res.body != "tompen" {
			t.Errorf("%q", res.body)
		}
	})
}

// Mounted twice, the inner one has the session of the handler. The outer one
// has another, of the same cookie, and must not get in its way.
func TestMountedTwice(t *testing.T) {
	m := newManager(t, session.Config{IdleTimeout: time.Hour})
	mw := newMiddleware(t, m, middleware.Config{})
	between := func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			m.From(r.Context()).Data() // touches the outer one, which is due for a refresh
			next.ServeHTTP(w, r)
		})
	}
	h := mw.Handler(between(mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		change(t, m.From(r.Context()))
	}))))
	old := sealed(t, m, time.Now().Add(-45*time.Minute), visit{User: "tom"})
	res := serve(h, request("GET", "/", cookieName+"="+old))
	if got := opened(t, m, parsed(t, res.Header, cookieName).Value); got.Count != 1 {
		t.Errorf("the cookie holds %+v", got)
	}
	if v := res.Header["Vary"]; len(v) != 1 {
		t.Errorf("Vary %q", v)
	}
}
