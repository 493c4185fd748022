package middleware_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
)

// browser returns what stands for a browser: get prints what it gets, with the
// cookies it has so far, and end ends it.
func browser(h http.Handler) (get func(path string), end func()) {
	server := httptest.NewTLSServer(h)
	client := server.Client()
	client.Jar, _ = cookiejar.New(nil)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	get = func(path string) {
		res, err := client.Get(server.URL + path)
		if err != nil {
			log.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			log.Fatal(err)
		}
		if to := res.Header.Get("Location"); to != "" {
			fmt.Println("GET", path, res.StatusCode, "to", to)
			return
		}
		fmt.Println("GET", path, res.StatusCode, strings.TrimSpace(string(body)))
	}
	return get, server.Close
}

// An application around which the middleware is put: it greets whoever has
// told it a name.
func Example() {
	keys := keyring.Ephemeral() // a restart signs everyone out: use keyring.Open
	sessions, err := session.New[session.Values](session.Config{Keys: keys})
	if err != nil {
		log.Fatal(err)
	}
	mw, err := middleware.New(sessions, middleware.Config{})
	if err != nil {
		log.Fatal(err)
	}

	const user session.Key[string] = "user"
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := sessions.From(r.Context())
		if name := r.URL.RawQuery; name != "" {
			name = strings.ToUpper(name[:1]) + name[1:]
			if err := user.SetIn(s, name); err != nil {
				http.Error(w, err.Error(), http.StatusBadRequest)
				return
			}
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
			return
		}
		name, ok := user.Lookup(s.Data())
		if !ok {
			name = "Anonymous"
		}
		fmt.Fprintln(w, "Hello", name)
	})

	get, end := browser(mw.Handler(app))
	defer end()
	get("/")
	get("/?tom")
	get("/")
	// Output:
	// GET / 200 Hello Anonymous
	// GET /?tom 307 to /
	// GET / 200 Hello Tom
}

// A router that takes middleware in a chain of its own. The session is a
// struct.
func Example_router() {
	type Visit struct {
		User string `json:"user"`
	}
	visits, err := session.New[Visit](session.Config{Keys: keyring.Ephemeral()})
	if err != nil {
		log.Fatal(err)
	}
	mw, err := middleware.New(visits, middleware.Config{})
	if err != nil {
		log.Fatal(err)
	}

	router := new(chain)
	router.Use(mw.Handler)
	router.Get("/{$}", func(w http.ResponseWriter, r *http.Request) {
		name := visits.From(r.Context()).Data().User
		if name == "" {
			name = "Anonymous"
		}
		fmt.Fprintln(w, "Hello", name)
	})
	router.Get("/login/{user}", func(w http.ResponseWriter, r *http.Request) {
		if err := visits.From(r.Context()).Renew(Visit{User: r.PathValue("user")}); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
	})
	router.Get("/logout", func(w http.ResponseWriter, r *http.Request) {
		if err := visits.From(r.Context()).Destroy(); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
	})

	get, end := browser(router)
	defer end()
	get("/login/tom")
	get("/")
	get("/logout")
	get("/")
	// Output:
	// GET /login/tom 307 to /
	// GET / 200 Hello tom
	// GET /logout 307 to /
	// GET / 200 Hello Anonymous
}

// A chain stands for a router with middleware, such as chi's.
type chain struct {
	mux  http.ServeMux
	uses []func(http.Handler) http.Handler
}

func (c *chain) Use(mw func(http.Handler) http.Handler) { c.uses = append(c.uses, mw) }
func (c *chain) Get(pattern string, h http.HandlerFunc) { c.mux.Handle("GET "+pattern, h) }
func (c *chain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var h http.Handler = &c.mux
	for i := len(c.uses) - 1; i >= 0; i-- {
		h = c.uses[i](h)
	}
	h.ServeHTTP(w, r)
}

// SameSite=Lax keeps the cookie out of most requests that other sites forge.
// http.CrossOriginProtection refuses the others: use both.
func Example_crossOriginProtection() {
	type Visit struct {
		User string `json:"user"`
	}
	visits, err := session.New[Visit](session.Config{Keys: keyring.Ephemeral()})
	if err != nil {
		log.Fatal(err)
	}
	mw, err := middleware.New(visits, middleware.Config{})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /login", func(w http.ResponseWriter, r *http.Request) {
		if err := visits.From(r.Context()).Renew(Visit{User: "tom"}); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
	})
	protected := http.NewCrossOriginProtection().Handler(mw.Handler(mux))

	for _, site := range []string{"same-origin", "cross-site"} {
		r := httptest.NewRequest("POST", "https://example.com/login", nil)
		r.Header.Set("Sec-Fetch-Site", site)
		w := httptest.NewRecorder()
		protected.ServeHTTP(w, r)
		fmt.Println(site, w.Code, len(w.Result().Cookies()), "cookie")
	}
	// Output:
	// same-origin 200 1 cookie
	// cross-site 403 0 cookie
}

// What became of each session, in a log.
func ExampleEvent() {
	type Visit struct {
		User string `json:"user"`
	}
	visits, err := session.New[Visit](session.Config{Keys: keyring.Ephemeral()})
	if err != nil {
		log.Fatal(err)
	}
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey && len(groups) == 0 {
				return slog.Attr{} // so that the output of this example is always the same
			}
			return a
		},
	}))
	mw, err := middleware.New(visits, middleware.Config{
		Observe: func(ctx context.Context, e middleware.Event) {
			logger.InfoContext(ctx, "session",
				"outcome", e.Outcome, "reason", e.Reason,
				"sent", e.Sent, "lost", e.Lost, "algorithm", e.Token.Algorithm, "codec", e.Token.Codec)
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	h := mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := visits.From(r.Context()).Update(func(v *Visit) { v.User = "tom" }); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}))

	r := httptest.NewRequest("GET", "https://example.com/", nil)
	h.ServeHTTP(httptest.NewRecorder(), r)
	r.Header.Set("Cookie", "__Host-session=of another library")
	h.ServeHTTP(httptest.NewRecorder(), r)
	// Output:
	// level=INFO msg=session outcome=absent reason="" sent=changed lost=false algorithm=hmac-sha256 codec=json
	// level=INFO msg=session outcome=rejected reason=malformed sent=changed lost=false algorithm=hmac-sha256 codec=json
}

// A proxy keeps the session to itself.
func ExampleMiddleware_Strip() {
	type Visit struct {
		User string `json:"user"`
	}
	visits, err := session.New[Visit](session.Config{Keys: keyring.Ephemeral()})
	if err != nil {
		log.Fatal(err)
	}
	mw, err := middleware.New(visits, middleware.Config{})
	if err != nil {
		log.Fatal(err)
	}

	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "user:", r.Header.Get("X-User"), "cookies:", r.Header.Get("Cookie"))
	}))
	defer backend.Close()
	target, err := url.Parse(backend.URL)
	if err != nil {
		log.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		mw.Strip(r.Out.Header)
		r.Out.Header.Set("X-User", visits.From(r.In.Context()).Data().User)
	}}
	get, end := browser(mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/login" {
			http.SetCookie(w, &http.Cookie{Name: "theme", Value: "dark"})
			if err := visits.From(r.Context()).Renew(Visit{User: "tom"}); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		proxy.ServeHTTP(w, r)
	})))
	defer end()
	get("/login")
	get("/")
	// Output:
	// GET /login 303 to /
	// GET / 200 user: tom cookies: theme=dark
}
