package middleware_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/signer"
)

type visit struct {
	User  string `json:"user"`
	Count int    `json:"count,omitempty"`
	Note  string `json:"note,omitempty"`
}

// newManager returns a Manager with keys of its own, unless c has some.
func newManager(t testing.TB, c session.Config) *session.Manager[visit] {
	t.Helper()
	if c.Keys == nil {
		c.Keys = keyring.Ephemeral()
	}
	m, err := session.New[visit](c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func newMiddleware(t testing.TB, m *session.Manager[visit], c middleware.Config) *middleware.Middleware {
	t.Helper()
	mw, err := middleware.New(m, c)
	if err != nil {
		t.Fatal(err)
	}
	return mw
}

// sealed returns a cookie value with this data, made at a time.
func sealed(t testing.TB, m *session.Manager[visit], at time.Time, v visit) string {
	t.Helper()
	s := m.New(at)
	if err := s.Renew(v); err != nil {
		t.Fatal(err)
	}
	value, err := m.Seal(at, s)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

// events collects what Observe is called with.
type events struct {
	mu   sync.Mutex
	list []middleware.Event
}

func (e *events) observe(_ context.Context, ev middleware.Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.list = append(e.list, ev)
}

// take returns the events up to now and forgets them.
func (e *events) take() []middleware.Event {
	e.mu.Lock()
	defer e.mu.Unlock()
	list := e.list
	e.list = nil
	return list
}

// only returns the one event that there has to be, and forgets it. It waits
// for it a little: a response may arrive before its handler has returned.
func (e *events) only(t testing.TB) middleware.Event {
	t.Helper()
	eventually(func() bool {
		e.mu.Lock()
		defer e.mu.Unlock()
		return len(e.list) > 0
	})
	list := e.take()
	if len(list) != 1 {
		t.Fatalf("%d events, want 1: %+v", len(list), list)
	}
	return list[0]
}

// eventually reports whether f is true before two seconds have passed.
func eventually(f func() bool) bool {
	for range 2000 {
		if f() {
			return true
		}
		time.Sleep(time.Millisecond)
	}
	return false
}

// A server is a real server, and a client with a cookie jar.
type server struct {
	*httptest.Server
	client *http.Client
	http2  bool
	log    *syncBuffer // what the server logs
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// onBoth runs f with a server of h that speaks HTTP/1.1, and with one that
// speaks HTTP/2.
func onBoth(t *testing.T, h http.Handler, f func(t *testing.T, s *server)) {
	t.Helper()
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) { f(t, newServer(t, h, proto)) })
	}
}

func newServer(t testing.TB, h http.Handler, proto string) *server {
	t.Helper()
	s := &server{Server: httptest.NewUnstartedServer(h), http2: proto == "HTTP/2.0", log: new(syncBuffer)}
	s.EnableHTTP2 = s.http2
	s.Config.ErrorLog = log.New(s.log, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	s.client = s.Client()
	s.client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.client.Jar, _ = cookiejar.New(nil)
	res := s.get(t, "/proto-of-the-connection")
	if res.Proto != proto {
		t.Fatalf("the connection speaks %s", res.Proto)
	}
	s.client.Jar, _ = cookiejar.New(nil)
	return s
}

// A response is one that has been read to its end, or to an error.
type response struct {
	*http.Response
	body    string
	bodyErr error
	hints   []textproto.MIMEHeader // headers of the informational responses
}

// cookies returns the lines of Set-Cookie of one name.
func (r *response) cookies(name string) []string {
	var lines []string
	for _, l := range r.Header["Set-Cookie"] {
		if strings.HasPrefix(l, name+"=") {
			lines = append(lines, l)
		}
	}
	return lines
}

func (s *server) do(t testing.TB, req *http.Request) (*response, error) {
	t.Helper()
	r := new(response)
	ctx := httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			r.hints = append(r.hints, h)
			return nil
		},
	})
	res, err := s.client.Do(req.WithContext(ctx))
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	r.Response, r.body, r.bodyErr = res, string(b), err
	return r, nil
}

func (s *server) get(t testing.TB, path string, cookies ...string) *response {
	t.Helper()
	req, err := http.NewRequest("GET", s.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range cookies {
		req.Header.Add("Cookie", line)
	}
	res, err := s.do(t, req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// serve runs a request through h without a network.
func serve(h http.Handler, req *http.Request) *http.Response {
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return rec.Result()
}

func request(method, path string, cookies ...string) *http.Request {
	req := httptest.NewRequest(method, "https://example.com"+path, nil)
	for _, line := range cookies {
		req.Header.Add("Cookie", line)
	}
	return req
}

// parsed returns the one cookie of this name that the response sets.
func parsed(t testing.TB, h http.Header, name string) *http.Cookie {
	t.Helper()
	var found *http.Cookie
	for _, line := range h["Set-Cookie"] {
		c, err := http.ParseSetCookie(line)
		if err != nil {
			t.Fatalf("Set-Cookie: %v", err)
		}
		if c.Name == name {
			if found != nil {
				t.Fatalf("%s is set twice: %q", name, h["Set-Cookie"])
			}
			found = c
		}
	}
	if found == nil {
		t.Fatalf("%s is not set: %q", name, h["Set-Cookie"])
	}
	return found
}

// opened returns the data of a cookie value, which must be valid.
func opened(t testing.TB, m *session.Manager[visit], value string) visit {
	t.Helper()
	s := m.Open(time.Now(), value)
	if o, reason := s.Outcome(); o != session.Valid {
		t.Fatalf("the cookie is %v: %v", o, reason)
	}
	return s.Data()
}

// text returns everything that an event says, in the forms in which it may be
// logged.
func text(t testing.TB, ev middleware.Event) string {
	t.Helper()
	b, err := json.Marshal(ev)
	if err != nil {
		t.Fatal(err)
	}
	return string(b) + fmt.Sprintf("%v %+v %#v", ev, ev, ev)
}

const cookieName = session.DefaultName

// fixedKeys returns keys that depend on name only: what the process that
// coordinates a fuzz run seals, its workers open.
func fixedKeys(t testing.TB, name string) *keyring.Keyring {
	t.Helper()
	secret := sha256.Sum256([]byte("a key for the tests of package middleware: " + name))
	key, err := keyring.NewKey(signer.HMACSHA256(), secret[:])
	if err != nil {
		t.Fatal(err)
	}
	keys, err := keyring.FromKeys(key)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

// longKeys returns keys for sessions of a hundred years.
func longKeys(t testing.TB) *keyring.Keyring {
	t.Helper()
	d := keyring.Ephemeral().Ring().Document()
	d.Policy.MaxSession = 10 * 365 * 24 * time.Hour
	ring, err := keyring.NewRing(d)
	if err != nil {
		t.Fatal(err)
	}
	return keyring.New(ring)
}
