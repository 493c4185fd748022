package middleware_test

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
)

func TestNewRefusesWhatBrowsersWouldDrop(t *testing.T) {
	long := "/" + strings.Repeat("p", 1024)
	for _, tt := range []struct {
		name   string
		cookie string // the manager's
		former []string
		config middleware.Config
		want   []string // a part of each problem; none: it is accepted
	}{
		{"the zero Config", "", nil, middleware.Config{}, nil},
		{"__Host- with the path /", "", nil, middleware.Config{Path: "/"}, nil},
		{"__Host- with another path", "", nil, middleware.Config{Path: "/app"}, []string{"Config.Path"}},
		{"__Host- with a domain", "", nil, middleware.Config{Domain: "example.com"}, []string{"Config.Domain"}},
		{"__Host- in another case", "__hOSt-s", nil, middleware.Config{Path: "/app", Domain: "example.com"}, []string{"Config.Path", "Config.Domain"}},
		{"__Host- without Secure", "", nil, middleware.Config{InsecureHTTP: true}, []string{`session.Config.Name to "session"`}},
		{"__Host- without Secure in another case", "__HOST-visit", nil, middleware.Config{InsecureHTTP: true}, []string{`to "visit"`}},
		{"__Host-Http-", "__Host-Http-visit", nil, middleware.Config{}, nil},
		{"__Host-Http- with another path", "__Host-Http-visit", nil, middleware.Config{Path: "/app"}, []string{"Config.Path"}},
		{"__Host-Http- without Secure", "__Host-Http-visit", nil, middleware.Config{InsecureHTTP: true}, []string{`to "visit"`}},
		{"__Http- with a domain and a path", "__Http-visit", nil, middleware.Config{Path: "/app", Domain: "example.com"}, nil},
		{"__Http- without Secure", "__http-visit", nil, middleware.Config{InsecureHTTP: true}, []string{`to "visit"`}},
		{"__Secure- with a domain and a path", "__Secure-visit", nil, middleware.Config{Path: "/app", Domain: "example.com"}, nil},
		{"__Secure- without Secure", "__secure-visit", nil, middleware.Config{InsecureHTTP: true}, []string{`to "visit"`}},
		{"nothing but a prefix", "__Secure-", nil, middleware.Config{InsecureHTTP: true}, []string{`to "session"`}},
		{"a prefix after a prefix", "__Secure-__Host-x", nil, middleware.Config{InsecureHTTP: true}, []string{`to "x"`}},
		{"a prefix in the middle", "my__Host-", nil, middleware.Config{InsecureHTTP: true, Path: "/app"}, nil},
		{"no prefix without Secure", "visit", nil, middleware.Config{InsecureHTTP: true}, nil},

		{"Strict", "", nil, middleware.Config{SameSite: http.SameSiteStrictMode}, nil},
		{"Lax", "", nil, middleware.Config{SameSite: http.SameSiteLaxMode}, nil},
		{"None", "", nil, middleware.Config{SameSite: http.SameSiteNoneMode}, nil},
		{"None without Secure", "visit", nil, middleware.Config{SameSite: http.SameSiteNoneMode, InsecureHTTP: true}, []string{"SameSiteNoneMode"}},
		{"SameSite left to the browser", "", nil, middleware.Config{SameSite: http.SameSiteDefaultMode}, []string{"SameSiteDefaultMode"}},
		{"an unknown SameSite", "", nil, middleware.Config{SameSite: 9}, []string{"SameSite is 9"}},
		{"a negative SameSite", "", nil, middleware.Config{SameSite: -1}, []string{"SameSite is -1"}},
		{"Partitioned", "", nil, middleware.Config{Partitioned: true}, nil},
		{"Partitioned without Secure", "visit", nil, middleware.Config{Partitioned: true, InsecureHTTP: true}, []string{"Partitioned"}},

		{"a path", "visit", nil, middleware.Config{Path: "/a b/%C3%BC~"}, nil},
		{"the longest path", "visit", nil, middleware.Config{Path: long[:1024]}, nil},
		{"a longer path", "visit", nil, middleware.Config{Path: long}, []string{"1025 bytes"}},
		{"a path without a slash", "visit", nil, middleware.Config{Path: "app"}, []string{"slash"}},
		{"a path with a space at its end", "visit", nil, middleware.Config{Path: "/app "}, []string{"space"}},
		{"a path with a semicolon", "visit", nil, middleware.Config{Path: "/;Domain=evil.example"}, []string{`byte ';' at offset 1`}},
		{"a path with a line break", "visit", nil, middleware.Config{Path: "/\r\nX: y"}, []string{`byte '\r' at offset 1`}},
		{"a path that is not ASCII", "visit", nil, middleware.Config{Path: "/ü"}, []string{"offset 1"}},
		{"a path with DEL", "visit", nil, middleware.Config{Path: "/\x7f"}, []string{"offset 1"}},

		{"a domain", "visit", nil, middleware.Config{Domain: "Shop.example.com"}, nil},
		{"a domain with a dot before it", "visit", nil, middleware.Config{Domain: ".example.com"}, nil},
		{"an international domain", "visit", nil, middleware.Config{Domain: "xn--bcher-kva.example"}, nil},
		{"a domain that is not ASCII", "visit", nil, middleware.Config{Domain: "bücher.example"}, []string{"not a domain"}},
		{"a domain with a port", "visit", nil, middleware.Config{Domain: "example.com:443"}, []string{"not a domain"}},
		{"a domain with a semicolon", "visit", nil, middleware.Config{Domain: "example.com;x"}, []string{"not a domain"}},
		{"a domain with an underscore", "visit", nil, middleware.Config{Domain: "my_shop.example"}, []string{"not a domain"}},
		{"a domain with an empty label", "visit", nil, middleware.Config{Domain: "a..example"}, []string{"not a domain"}},
		{"a domain that is a dot", "visit", nil, middleware.Config{Domain: "."}, []string{"not a domain"}},
		{"a domain that is too long", "visit", nil, middleware.Config{Domain: strings.Repeat("a.", 128) + "example"}, []string{"not a domain"}},
		{"a domain with a dot at its end", "visit", nil, middleware.Config{Domain: "example.com."}, []string{"dot at its end"}},
		{"a top-level domain", "visit", nil, middleware.Config{Domain: "com"}, []string{"top-level"}},
		{"an IPv4 address", "visit", nil, middleware.Config{Domain: "192.0.2.1"}, []string{"address"}},
		{"an IPv6 address", "visit", nil, middleware.Config{Domain: "2001:db8::1"}, []string{"not a domain"}},

		{"private", "", nil, middleware.Config{CacheControl: "private, max-age=60"}, nil},
		{"No-Store", "", nil, middleware.Config{CacheControl: "No-Store"}, nil},
		{"public", "", nil, middleware.Config{CacheControl: "public, max-age=60"}, []string{"without no-store or private"}},
		{"private and public", "", nil, middleware.Config{CacheControl: "private,public"}, []string{"contradicts"}},
		{"private for some fields only", "", nil, middleware.Config{CacheControl: `private="Set-Cookie"`}, []string{"without no-store or private"}},
		{"no-cache", "", nil, middleware.Config{CacheControl: "no-cache"}, []string{"without no-store or private"}},
		{"a line break", "", nil, middleware.Config{CacheControl: "no-store\r\nX: y"}, []string{`byte '\r' at offset 8`}},
		{"Cache-Control that is not ASCII", "", nil, middleware.Config{CacheControl: "no-store, ü"}, []string{"offset 10"}},

		{"where a former name was", "", []string{"sid"}, middleware.Config{FormerScopes: map[string]middleware.Scope{"sid": {Path: "/app", Domain: "example.com"}}}, nil},
		{"a former name that the manager does not know", "", []string{"sid"}, middleware.Config{FormerScopes: map[string]middleware.Scope{"old": {}}}, []string{`"old"`}},
		{"the present name as a former one", "", nil, middleware.Config{FormerScopes: map[string]middleware.Scope{cookieName: {}}}, []string{"not among"}},
		{"a former scope that cannot be", "", []string{"sid"}, middleware.Config{FormerScopes: map[string]middleware.Scope{"sid": {Path: "app", Domain: "com"}}}, []string{"slash", "top-level"}},
		{"a former __Host- elsewhere", "sid", []string{"__host-sid"}, middleware.Config{FormerScopes: map[string]middleware.Scope{"__host-sid": {Path: "/app"}}}, []string{"can only have been set"}},
		{"a former __Host- in a partition", "sid", []string{"__Host-sid"}, middleware.Config{FormerScopes: map[string]middleware.Scope{"__Host-sid": {Partitioned: true}}}, nil},
		{"a former __Host- where it was", "sid", []string{"__Host-sid"}, middleware.Config{Path: "/app", FormerScopes: map[string]middleware.Scope{"__Host-sid": {}}}, nil},
		{"a former prefix without Secure", "sid", []string{"__Host-sid"}, middleware.Config{InsecureHTTP: true}, nil},

		{"everything at once", "__Host-x", nil,
			middleware.Config{Path: "app;", Domain: "com.", SameSite: http.SameSiteNoneMode, Partitioned: true, InsecureHTTP: true, CacheControl: "public"},
			[]string{"InsecureHTTP leaves out", `to be "/" or empty`, "wants no Config.Domain", "SameSiteNoneMode", "Partitioned", "slash", "offset 3", "dot at its end", "without no-store"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := session.Config{Name: tt.cookie}
			for _, n := range tt.former {
				c.FormerNames = append(c.FormerNames, session.FormerName{Name: n})
			}
			mw, err := middleware.New(newManager(t, c), tt.config)
			if len(tt.want) == 0 {
				if err != nil || mw == nil {
					t.Errorf("New: %v", err)
				}
				return
			}
			if err == nil || mw != nil {
				t.Fatalf("New accepts it, want %q", tt.want)
			}
			problems := strings.Split(err.Error(), "\n")
			if len(problems) != len(tt.want) {
				t.Errorf("%d problems, want %d:\n%v", len(problems), len(tt.want), err)
			}
			for i, p := range problems {
				if !strings.HasPrefix(p, "middleware: ") {
					t.Errorf("problem %q does not name the package", p)
				}
				if i < len(tt.want) && !strings.Contains(p, tt.want[i]) {
					t.Errorf("problem %q, want one with %q", p, tt.want[i])
				}
			}
		})
	}
}

func TestNewRefusesANilManager(t *testing.T) {
	if mw, err := middleware.New[visit](nil, middleware.Config{}); err == nil || mw != nil {
		t.Errorf("New(nil) = %v, %v", mw, err)
	}
}

func TestNewLeavesTheCallersConfigAlone(t *testing.T) {
	m := newManager(t, session.Config{FormerNames: []session.FormerName{{Name: "sid"}}})
	former := map[string]middleware.Scope{"sid": {}}
	newMiddleware(t, m, middleware.Config{FormerScopes: former})
	if former["sid"] != (middleware.Scope{}) {
		t.Errorf("New wrote to Config.FormerScopes: %v", former)
	}
}

func TestHandlerRefusesANilHandler(t *testing.T) {
	mw := newMiddleware(t, newManager(t, session.Config{}), middleware.Config{})
	defer func() {
		if recover() == nil {
			t.Error("Handler(nil) does not panic: the server would start, and panic with the first request")
		}
	}()
	mw.Handler(nil)
}

// signInOut signs in at /in and out at /out.
func signInOut(m *session.Manager[visit]) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := m.From(r.Context())
		var err error
		switch r.URL.Path {
		case "/app/in", "/in":
			err = s.Renew(visit{User: "tom"})
		case "/app/out", "/out":
			err = s.Destroy()
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Write([]byte(s.Data().User))
	})
}

func TestCookieAttributes(t *testing.T) {
	for _, tt := range []struct {
		name     string
		cookie   string
		config   middleware.Config
		set, del string // the attributes
	}{
		{"default", "", middleware.Config{},
			"; Path=/; Max-Age=1209600; HttpOnly; Secure; SameSite=Lax",
			"; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Secure; SameSite=Lax"},
		{"everything", "__Secure-s", middleware.Config{Path: "/app", Domain: ".example.com", SameSite: http.SameSiteNoneMode, Partitioned: true},
			"; Path=/app; Domain=example.com; Max-Age=1209600; HttpOnly; Secure; SameSite=None; Partitioned",
			"; Path=/app; Domain=example.com; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; Secure; SameSite=None; Partitioned"},
		{"InsecureHTTP", "s", middleware.Config{InsecureHTTP: true, SameSite: http.SameSiteStrictMode},
			"; Path=/; Max-Age=1209600; HttpOnly; SameSite=Strict",
			"; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; HttpOnly; SameSite=Strict"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newManager(t, session.Config{Name: tt.cookie})
				h := newMiddleware(t, m, tt.config).Handler(signInOut(m))
				res := serve(h, request("GET", "/in"))
				in := parsed(t, res.Header, m.Name())
				want := m.Name() + "=" + in.Value + tt.set
				if got := res.Header["Set-Cookie"]; len(got) != 1 || got[0] != want {
					t.Errorf("Set-Cookie: %q, want %q", got, want)
				}
				if got := opened(t, m, in.Value); got.User != "tom" {
					t.Errorf("the cookie holds %+v", got)
				}
				res = serve(h, request("GET", "/out", m.Name()+"="+in.Value))
				want = m.Name() + "=" + tt.del
				if got := res.Header["Set-Cookie"]; len(got) != 1 || got[0] != want {
					t.Errorf("Set-Cookie: %q, want %q", got, want)
				}
			})
		})
	}
}

// jarClient is a client with a cookie jar and no network.
type jarClient struct {
	jar *cookiejar.Jar
	h   http.Handler
}

func newJarClient(h http.Handler) *jarClient {
	jar, _ := cookiejar.New(nil)
	return &jarClient{jar, h}
}

func (c *jarClient) get(address string) *http.Response {
	u, err := url.Parse(address)
	if err != nil {
		panic(err)
	}
	req := request("GET", u.Path)
	req.URL, req.Host = u, u.Host
	for _, k := range c.jar.Cookies(u) {
		req.AddCookie(k)
	}
	res := serve(c.h, req)
	c.jar.SetCookies(u, res.Cookies())
	return res
}

// names returns the names of the cookies that would be sent.
func (c *jarClient) names(address string) string {
	u, _ := url.Parse(address)
	var names []string
	for _, k := range c.jar.Cookies(u) {
		names = append(names, k.Name)
	}
	return strings.Join(names, " ")
}

func TestSigningOutDeletesTheCookieInAJar(t *testing.T) {
	for _, tt := range []struct {
		name   string
		cookie string
		config middleware.Config
		base   string
	}{
		{"default", "", middleware.Config{}, "https://example.com/app"},
		{"path", "__Secure-s", middleware.Config{Path: "/app"}, "https://example.com/app"},
		{"domain", "s", middleware.Config{Domain: "example.com"}, "https://www.example.com/app"},
		{"InsecureHTTP", "s", middleware.Config{InsecureHTTP: true}, "http://example.com/app"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := newManager(t, session.Config{Name: tt.cookie})
			c := newJarClient(newMiddleware(t, m, tt.config).Handler(signInOut(m)))
			c.get(tt.base + "/in")
			if got := c.names(tt.base + "/"); got != m.Name() {
				t.Fatalf("after signing in, the jar sends %q", got)
			}
			c.get(tt.base + "/out")
			if got := c.names(tt.base + "/"); got != "" {
				t.Errorf("after signing out, the jar sends %q", got)
			}
		})
	}
}

func TestSigningOutDeletesFormerCookiesWhereTheyWere(t *testing.T) {
	for _, tt := range []struct {
		name         string
		cookie       string
		config       middleware.Config
		former       string
		formerConfig middleware.Config
	}{
		{"renamed", "", middleware.Config{}, "sid", middleware.Config{}},
		{"to one host", "", middleware.Config{FormerScopes: map[string]middleware.Scope{"sid": {Domain: "example.com"}}}, "sid", middleware.Config{Domain: "example.com"}},
		{"to all paths", "", middleware.Config{FormerScopes: map[string]middleware.Scope{"sid": {Path: "/app"}}}, "sid", middleware.Config{Path: "/app"}},
		{"to all hosts", "sid", middleware.Config{Domain: "example.com", FormerScopes: map[string]middleware.Scope{"old": {}}}, "old", middleware.Config{}},
		{"from a name with __Host-", "sid", middleware.Config{Domain: "example.com", Path: "/app"}, cookieName, middleware.Config{}},
		{"both at the same place", "sid", middleware.Config{Domain: "example.com", Path: "/app"}, "old", middleware.Config{Domain: "example.com", Path: "/app"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			const base = "https://www.example.com/app"
			before := newManager(t, session.Config{Name: tt.former})
			c := newJarClient(newMiddleware(t, before, tt.formerConfig).Handler(signInOut(before)))
			c.get(base + "/in")
			if got := c.names(base + "/"); got != tt.former {
				t.Fatalf("before, the jar sends %q", got)
			}
			m := newManager(t, session.Config{Name: tt.cookie, FormerNames: []session.FormerName{{Name: tt.former}}})
			c.h = newMiddleware(t, m, tt.config).Handler(signInOut(m))
			c.get(base + "/out")
			if got := c.names(base + "/"); got != "" {
				t.Errorf("after signing out, the jar sends %q", got)
			}
		})
	}
}

// On plain http a browser has no such cookie; on https it has, and deletes it
// only with Secure.
func TestADeletionKeepsThePromiseOfAFormerPrefix(t *testing.T) {
	for _, former := range []string{"__Host-sid", "__Secure-sid", "__http-sid", "__Host-Http-sid", "sid"} {
		m := newManager(t, session.Config{Name: "s", FormerNames: []session.FormerName{{Name: former}}})
		h := newMiddleware(t, m, middleware.Config{InsecureHTTP: true}).Handler(signInOut(m))
		got := parsed(t, serve(h, request("GET", "/out", former+"=x")).Header, former)
		if got.Secure != (former != "sid") || got.MaxAge != -1 || !got.HttpOnly {
			t.Errorf("%v", got)
		}
	}
}

func TestADeletionReachesTheFormerPartition(t *testing.T) {
	for _, tt := range []struct {
		config middleware.Config
		want   bool
	}{
		{middleware.Config{}, false},
		{middleware.Config{Partitioned: true}, true},
		{middleware.Config{Partitioned: true, FormerScopes: map[string]middleware.Scope{"sid": {}}}, false},
		{middleware.Config{FormerScopes: map[string]middleware.Scope{"sid": {Partitioned: true}}}, true},
		{middleware.Config{InsecureHTTP: true, FormerScopes: map[string]middleware.Scope{"sid": {Partitioned: true}}}, true},
	} {
		m := newManager(t, session.Config{Name: "s", FormerNames: []session.FormerName{{Name: "sid"}}})
		h := newMiddleware(t, m, tt.config).Handler(signInOut(m))
		got := parsed(t, serve(h, request("GET", "/out", "sid=x")).Header, "sid")
		if got.Partitioned != tt.want || tt.want && !got.Secure || got.MaxAge != -1 {
			t.Errorf("%+v: %v", tt.config, got)
		}
	}
}

func TestARenamedCookieSignsNobodyOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		keys := keyring.Ephemeral()
		before := newManager(t, session.Config{Keys: keys, Name: "sid"})
		deleteAfter := time.Now().Add(time.Hour)
		m := newManager(t, session.Config{Keys: keys, FormerNames: []session.FormerName{{Name: "sid", DeleteAfter: deleteAfter}}})
		handler := func(m *session.Manager[visit]) http.Handler {
			return newMiddleware(t, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s := m.From(r.Context())
				switch r.URL.Path {
				case "/in":
					s.Renew(visit{User: "tom"})
				case "/count":
					s.Update(func(v *visit) { v.Count++ })
				}
				w.Header().Set("User", s.Data().User)
			}))
		}
		c := newJarClient(handler(before))
		c.get("https://example.com/in")

		c.h = handler(m)
		res := c.get("https://example.com/")
		if res.Header.Get("User") != "tom" || len(res.Header["Set-Cookie"]) != 0 {
			t.Errorf("a read under the former name: %v", res.Header)
		}
		res = c.get("https://example.com/count")
		if res.Header.Get("User") != "tom" || c.names("https://example.com/") != "sid "+cookieName {
			t.Errorf("a change: %v; the jar sends %q", res.Header, c.names("https://example.com/"))
		}
		c.h = handler(before) // an instance that does not know the new name yet
		if res = c.get("https://example.com/"); res.Header.Get("User") != "tom" {
			t.Errorf("back on an older instance: %v", res.Header)
		}
		c.h = handler(m)
		time.Sleep(time.Hour)
		c.get("https://example.com/count")
		if got := c.names("https://example.com/"); got != cookieName {
			t.Errorf("after DeleteAfter, the jar sends %q", got)
		}
		if res = c.get("https://example.com/"); res.Header.Get("User") != "tom" {
			t.Errorf("at the end: %v", res.Header)
		}
	})
}

func TestTheCookieNeverOutlivesItsToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, session.Config{Lifetime: time.Hour})
		count := newMiddleware(t, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if d := r.Context().Value(delay{}); d != nil {
				m.From(r.Context()).Outcome()
				time.Sleep(d.(time.Duration))
			}
			if err := m.From(r.Context()).Update(func(v *visit) { v.Count++ }); err != nil {
				t.Error(err)
			}
		}))
		start := time.Now()
		cookie := parsed(t, serve(count, request("GET", "/")).Header, cookieName)
		if cookie.MaxAge != 3600 {
			t.Errorf("Max-Age=%d of a session of an hour", cookie.MaxAge)
		}
		for _, tt := range []struct {
			at    time.Duration // after the start
			delay time.Duration // between touch and change
			want  int           // -1: Max-Age=0
		}{
			{time.Nanosecond, 0, 3599},
			{time.Second - 1, 0, 3599},
			{time.Second, 0, 3599},
			{time.Second + 1, 0, 3598},
			{59 * time.Minute, 0, 60},
			{time.Hour - time.Second, 0, 1},
			{time.Hour - time.Second + 1, 0, -1},
			{time.Hour - 1, 0, -1},
			{time.Hour - 1, time.Minute, -1},
		} {
			time.Sleep(time.Until(start.Add(tt.at)))
			req := request("GET", "/", cookieName+"="+cookie.Value)
			if tt.delay > 0 {
				req = req.WithContext(context.WithValue(req.Context(), delay{}, tt.delay))
			}
			got := parsed(t, serve(count, req).Header, cookieName)
			if got.MaxAge != tt.want || got.Value == "" {
				t.Errorf("%v after the start: Max-Age=%d, want %d", tt.at, got.MaxAge, tt.want)
			}
		}
	})
}

type delay struct{}

func TestMaxAgeIsWhatBrowsersKeepAtMost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, session.Config{Keys: longKeys(t), Lifetime: 10 * 365 * 24 * time.Hour})
		h := newMiddleware(t, m, middleware.Config{}).Handler(signInOut(m))
		if got := parsed(t, serve(h, request("GET", "/in")).Header, cookieName); got.MaxAge != 400*24*3600 {
			t.Errorf("Max-Age=%d", got.MaxAge)
		}
	})
}
