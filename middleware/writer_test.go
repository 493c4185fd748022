package middleware_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
)

// change changes the session, which must succeed.
func change(t testing.TB, s *session.Session[visit]) {
	t.Helper()
	if err := s.Update(func(v *visit) { v.User, v.Count = "tom", v.Count+1 }); err != nil {
		t.Errorf("Update: %v", err)
	}
}

// tooLate tries to change the session, which must fail.
func tooLate(t testing.TB, s *session.Session[visit]) {
	t.Helper()
	if err := s.Update(func(v *visit) { v.User = "late" }); !errors.Is(err, session.ErrCommitted) {
		t.Errorf("Update after the response began: %v", err)
	}
	if err := s.Renew(visit{User: "late"}); !errors.Is(err, session.ErrCommitted) {
		t.Errorf("Renew after the response began: %v", err)
	}
	if err := s.Destroy(); !errors.Is(err, session.ErrCommitted) {
		t.Errorf("Destroy after the response began: %v", err)
	}
}

// begin is one way to begin a response.
type begin struct {
	name   string
	do     func(t testing.TB, w http.ResponseWriter, r *http.Request)
	status int
	body   string
}

var begins = []begin{
	{"nothing", nil, 200, ""},
	{"WriteHeader 200", func(_ testing.TB, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(200) }, 200, ""},
	{"WriteHeader 204", func(_ testing.TB, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) }, 204, ""},
	{"WriteHeader 304", func(_ testing.TB, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(304) }, 304, ""},
	{"WriteHeader 999", func(_ testing.TB, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(999) }, 999, ""},
	{"WriteHeader twice", func(_ testing.TB, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); w.WriteHeader(500) }, 201, ""},
	{"WriteHeader 100", func(_ testing.TB, w http.ResponseWriter, _ *http.Request) { w.WriteHeader(100); w.WriteHeader(202) }, 202, ""},
	{"Write", func(_ testing.TB, w http.ResponseWriter, _ *http.Request) { w.Write([]byte("hello")) }, 200, "hello"},
	{"Write nil", func(_ testing.TB, w http.ResponseWriter, _ *http.Request) { w.Write(nil) }, 200, ""},
	{"io.WriteString", func(_ testing.TB, w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "hello") }, 200, "hello"},
	{"fmt.Fprint", func(_ testing.TB, w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") }, 200, "hello"},
	{"Flush", func(_ testing.TB, w http.ResponseWriter, _ *http.Request) { w.(http.Flusher).Flush() }, 200, ""},
	{"FlushError", func(t testing.TB, w http.ResponseWriter, r *http.Request) {
		// After the headers of a HEAD, HTTP/2 has nothing more to flush.
		if err := w.(interface{ FlushError() error }).FlushError(); err != nil && r.Method != "HEAD" {
			t.Error(err)
		}
	}, 200, ""},
	{"ResponseController.Flush", func(t testing.TB, w http.ResponseWriter, r *http.Request) {
		if err := http.NewResponseController(w).Flush(); err != nil && r.Method != "HEAD" {
			t.Error(err)
		}
	}, 200, ""},
	{"ReadFrom", func(t testing.TB, w http.ResponseWriter, _ *http.Request) {
		if n, err := w.(io.ReaderFrom).ReadFrom(strings.NewReader("hello")); n != 5 || err != nil {
			t.Errorf("ReadFrom = %d, %v", n, err)
		}
	}, 200, "hello"},
	{"io.Copy", func(t testing.TB, w http.ResponseWriter, _ *http.Request) {
		if n, err := io.Copy(w, struct{ io.Reader }{strings.NewReader("hello")}); n != 5 || err != nil {
			t.Errorf("Copy = %d, %v", n, err)
		}
	}, 200, "hello"},
	{"io.Copy of nothing", func(t testing.TB, w http.ResponseWriter, _ *http.Request) {
		if n, err := io.Copy(w, struct{ io.Reader }{strings.NewReader("")}); n != 0 || err != nil {
			t.Errorf("Copy = %d, %v", n, err)
		}
	}, 200, ""},
	{"http.Redirect", func(_ testing.TB, w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/there", http.StatusSeeOther)
	}, 303, "*"},
	{"http.Error", func(_ testing.TB, w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", 500) }, 500, "no\n"},
	{"http.NotFound", func(_ testing.TB, w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, 404, "*"},
}

func TestTheCookieIsCommittedOnceBeforeHeadersFreeze(t *testing.T) {
	m := newManager(t, session.Config{})
	var log events
	h := newMiddleware(t, m, middleware.Config{Observe: log.observe}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, b := range begins {
			if "/"+strings.ReplaceAll(b.name, " ", "-") != r.URL.Path {
				continue
			}
			s := m.From(r.Context())
			change(t, s)
			if b.do == nil {
				return
			}
			b.do(t, w, r)
			tooLate(t, s)
			for _, again := range begins[1:] { // nothing may be sent twice
				if again.name == "Write" || again.name == "Flush" {
					again.do(t, w, r)
				}
			}
		}
	}))
	for _, method := range []string{"GET", "HEAD"} {
		t.Run(method, func(t *testing.T) {
			onBoth(t, h, func(t *testing.T, s *server) {
				for _, b := range begins {
					t.Run(b.name, func(t *testing.T) {
						log.take()
						req, _ := http.NewRequest(method, s.URL+"/"+strings.ReplaceAll(b.name, " ", "-"), nil)
						res, err := s.do(t, req)
						if err != nil {
							t.Fatal(err)
						}
						if res.StatusCode != b.status {
							t.Errorf("status %d, want %d", res.StatusCode, b.status)
						}
						if len(res.cookies(cookieName)) != 1 || len(res.Header["Set-Cookie"]) != 1 {
							t.Fatalf("Set-Cookie: %q", res.Header["Set-Cookie"])
						}
						if got := opened(t, m, parsed(t, res.Header, cookieName).Value); got.User != "tom" {
							t.Errorf("the cookie holds %+v", got)
						}
						if method == "GET" && b.body != "*" && b.status == 200 && !strings.HasPrefix(res.body, b.body) {
							t.Errorf("body %q, want %q", res.body, b.body)
						}
						if v := res.Header["Vary"]; len(v) != 1 || v[0] != "Cookie" {
							t.Errorf("Vary: %q", v)
						}
						if c := res.Header["Cache-Control"]; len(c) != 1 || c[0] != "no-store" {
							t.Errorf("Cache-Control: %q", c)
						}
						if ev := log.only(t); ev.Sent != session.SentChanged || ev.Lost {
							t.Errorf("event %+v", ev)
						}
						for _, hint := range res.hints {
							if len(hint["Set-Cookie"])+len(hint["Vary"]) > 0 {
								t.Errorf("informational response with %v", hint)
							}
						}
					})
				}
			})
		})
	}
}

func TestEarlyHintsDoNotCommit(t *testing.T) {
	m := newManager(t, session.Config{})
	h := newMiddleware(t, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := m.From(r.Context())
		hint := func() {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
		}
		switch r.URL.Path {
		case "/change-hint":
			change(t, s)
			hint()
		case "/hint-change":
			hint()
			change(t, s)
		case "/change-hint-change":
			change(t, s)
			hint()
			change(t, s)
			w.WriteHeader(http.StatusProcessing)
			change(t, s)
			w.WriteHeader(http.StatusAccepted)
			tooLate(t, s)
		default:
			return
		}
		fmt.Fprint(w, "done")
	}))
	onBoth(t, h, func(t *testing.T, s *server) {
		for path, want := range map[string]struct{ hints, count int }{
			"/change-hint": {1, 1}, "/hint-change": {1, 1}, "/change-hint-change": {2, 3},
		} {
			s.client.Jar = nil
			res := s.get(t, path)
			if len(res.hints) != want.hints || res.body != "done" {
				t.Errorf("%s: %d informational responses, body %q", path, len(res.hints), res.body)
			}
			for _, hint := range res.hints {
				if len(hint["Set-Cookie"])+len(hint["Vary"])+len(hint["Cache-Control"]) > 0 || len(hint["Link"]) != 1 {
					t.Errorf("%s: the informational response has %v", path, hint)
				}
			}
			if got := opened(t, m, parsed(t, res.Header, cookieName).Value); got.Count != want.count {
				t.Errorf("%s: the cookie holds %+v", path, got)
			}
		}
	})
}

// Of all statuses that net/http takes for informational, 101 alone is final.
func TestOfTheInformationalStatusesOnly101Commits(t *testing.T) {
	m := newManager(t, session.Config{})
	var log events
	h := newMiddleware(t, m, middleware.Config{Observe: log.observe}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var status int
		if _, err := fmt.Sscan(r.URL.Path[1:], &status); err != nil {
			return
		}
		s := m.From(r.Context())
		change(t, s)
		w.WriteHeader(status)
		if status == http.StatusSwitchingProtocols {
			tooLate(t, s)
		} else {
			change(t, s)
		}
		w.WriteHeader(http.StatusAccepted)
		tooLate(t, s)
	}))
	onBoth(t, h, func(t *testing.T, s *server) {
		s.client.Jar = nil
		for status := 100; status <= 199; status++ {
			log.take()
			res := s.get(t, fmt.Sprintf("/%d", status))
			want := struct{ status, hints, count int }{202, 1, 2}
			if status == 101 {
				want.count = 1
				if !s.http2 { // which has no 101 (RFC 9113, section 8.6): there it goes on
					want.status, want.hints = 101, 0
				}
			}
			if res.StatusCode != want.status || len(res.hints) != want.hints {
				t.Errorf("%d: %s after %d informational responses", status, res.Status, len(res.hints))
			}
			for _, hint := range res.hints {
				if status != 101 && len(hint["Set-Cookie"])+len(hint["Vary"])+len(hint["Cache-Control"]) > 0 {
					t.Errorf("%d: the informational response has %v", status, hint)
				}
			}
			if got := opened(t, m, parsed(t, res.Header, cookieName).Value); got.Count != want.count {
				t.Errorf("%d: the cookie holds %+v", status, got)
			}
			if ev := log.only(t); ev.Sent != session.SentChanged || ev.Lost {
				t.Errorf("%d: event %+v", status, ev)
			}
		}
	})
}

func TestNothingIsInTheHeaderBeforeCommit(t *testing.T) {
	m := newManager(t, session.Config{})
	h := newMiddleware(t, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		change(t, m.From(r.Context()))
		if len(w.Header()) != 0 {
			t.Errorf("before commit, the header has %v", w.Header())
		}
		w.Header().Set("X-Last", "set after the change")
		w.Header().Add("Set-Cookie", "theme=dark")
		w.WriteHeader(200)
		if n := len(w.Header()["Set-Cookie"]); n != 2 {
			t.Errorf("after commit, the header has %v", w.Header())
		}
	}))
	onBoth(t, h, func(t *testing.T, s *server) {
		res := s.get(t, "/")
		if res.Header.Get("X-Last") == "" || len(res.Header["Set-Cookie"]) != 2 {
			t.Errorf("header %v", res.Header)
		}
	})
}

func TestBodiesAreNotBuffered(t *testing.T) {
	m := newManager(t, session.Config{})
	more := make(chan bool)
	h := newMiddleware(t, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/stream" {
			return
		}
		change(t, m.From(r.Context()))
		rc := http.NewResponseController(w)
		for range 3 {
			fmt.Fprintln(w, "line")
			if err := rc.Flush(); err != nil {
				t.Error(err)
			}
			<-more
		}
	}))
	onBoth(t, h, func(t *testing.T, s *server) {
		res, err := s.client.Get(s.URL + "/stream")
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if len(res.Header["Set-Cookie"]) != 1 {
			t.Errorf("header %v", res.Header)
		}
		lines := bufio.NewScanner(res.Body)
		for range 3 {
			if !lines.Scan() || lines.Text() != "line" {
				t.Fatalf("read %q, %v", lines.Text(), lines.Err())
			}
			more <- true // only now does the handler go on
		}
	})
}

func TestResponseControllerWorks(t *testing.T) {
	m := newManager(t, session.Config{})
	h := newMiddleware(t, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rc := http.NewResponseController(w)
		far := time.Now().Add(time.Hour)
		if err := errors.Join(rc.SetReadDeadline(far), rc.SetWriteDeadline(far), rc.EnableFullDuplex()); err != nil {
			t.Error(err)
		}
		s := m.From(r.Context())
		change(t, s) // none of these has committed
		switch r.URL.Path {
		case "/echo": // reads and writes in turns
			fmt.Fprint(w, "ready\n")
			if err := rc.Flush(); err != nil {
				t.Error(err)
			}
			if _, err := io.Copy(w, r.Body); err != nil {
				t.Error(err)
			}
		case "/late":
			if err := rc.SetWriteDeadline(time.Now().Add(-time.Second)); err != nil {
				t.Error(err)
			}
			fmt.Fprint(w, "never arrives")
		}
	}))
	onBoth(t, h, func(t *testing.T, s *server) {
		body, send := io.Pipe()
		req, _ := http.NewRequest("POST", s.URL+"/echo", body)
		sent := make(chan bool)
		go func() {
			io.WriteString(send, "hel")
			close(sent)
		}()
		res, err := s.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if len(res.Header["Set-Cookie"]) != 1 {
			t.Errorf("header %v", res.Header)
		}
		first := make([]byte, 6)
		if _, err := io.ReadFull(res.Body, first); string(first) != "ready\n" {
			t.Fatalf("read %q, %v", first, err)
		}
		<-sent
		io.WriteString(send, "lo")
		send.Close()
		if rest, err := io.ReadAll(res.Body); string(rest) != "hello" || err != nil {
			t.Errorf("read %q, %v", rest, err)
		}
		if res, err := s.client.Get(s.URL + "/late"); err == nil {
			b, err := io.ReadAll(res.Body)
			res.Body.Close()
			if err == nil {
				t.Errorf("past its write deadline, the response arrives: %q", b)
			}
		}
	})
}

// recording is an outer ResponseWriter that notes what reaches it.
type recording struct {
	http.ResponseWriter
	readFrom, writeString, push atomic.Int32
}

func (r *recording) ReadFrom(src io.Reader) (int64, error) {
	r.readFrom.Add(1)
	return r.ResponseWriter.(io.ReaderFrom).ReadFrom(src)
}

func (r *recording) WriteString(s string) (int, error) {
	r.writeString.Add(1)
	return io.WriteString(r.ResponseWriter, s)
}

func (r *recording) Push(target string, opts *http.PushOptions) error {
	r.push.Add(1)
	if target != "/style.css" || opts == nil || opts.Method != "GET" {
		return errors.New("other arguments arrive")
	}
	return nil
}

// sendfileListener hands out connections that note what a server copies to
// them in one go, as it does for sendfile.
type sendfileListener struct {
	net.Listener
	copied atomic.Int64
}

func (l *sendfileListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &sendfileConn{c.(*net.TCPConn), l}, nil
}

type sendfileConn struct {
	*net.TCPConn
	l *sendfileListener
}

func (c *sendfileConn) ReadFrom(src io.Reader) (int64, error) {
	n, err := c.TCPConn.ReadFrom(src)
	c.l.copied.Add(n)
	return n, err
}

func TestSendfileIsStillUsed(t *testing.T) {
	const size = 1 << 20
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte(strings.Repeat("x", size)), 0o600); err != nil {
		t.Fatal(err)
	}
	m := newManager(t, session.Config{})
	var rec *recording
	inner := newMiddleware(t, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		change(t, m.From(r.Context()))
		switch r.URL.Path {
		case "/copy":
			f, err := os.Open(file)
			if err != nil {
				t.Error(err)
				return
			}
			defer f.Close()
			w.Header().Set("Content-Length", fmt.Sprint(size))
			if n, err := io.Copy(w, f); n != size || err != nil {
				t.Errorf("Copy = %d, %v", n, err)
			}
		case "/serve":
			http.ServeFile(w, r, file)
		}
	}))
	listener := new(sendfileListener)
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rec = &recording{ResponseWriter: w}
		inner.ServeHTTP(rec, r)
	}))
	listener.Listener = s.Listener
	s.Listener = listener
	s.Start()
	defer s.Close()
	for _, path := range []string{"/copy", "/serve"} {
		listener.copied.Store(0)
		res, err := http.Get(s.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if n != size || err != nil || len(res.Header["Set-Cookie"]) != 1 {
			t.Errorf("%s: %d bytes, %v, %v", path, n, err, res.Header)
		}
		if rec.readFrom.Load() == 0 {
			t.Errorf("%s: ReadFrom of the original ResponseWriter is not called", path)
		}
		// net/http itself reads the beginning, to find the content type.
		// The client may be done before the server has counted.
		if !eventually(func() bool { return listener.copied.Load() >= size-4096 }) {
			t.Errorf("%s: %d bytes of %d went to the connection in one go", path, listener.copied.Load(), size)
		}
	}
}

func TestWriteStringAndPushPassThrough(t *testing.T) {
	m := newManager(t, session.Config{})
	h := newMiddleware(t, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := w.(http.Pusher).Push("/style.css", &http.PushOptions{Method: "GET"}); err != nil {
			t.Error(err)
		}
		change(t, m.From(r.Context())) // a push has not committed
		io.WriteString(w, "hello")
	}))
	out := httptest.NewRecorder()
	rec := &recording{ResponseWriter: out}
	h.ServeHTTP(rec, request("GET", "/"))
	if rec.push.Load() != 1 || rec.writeString.Load() != 1 || out.Body.String() != "hello" {
		t.Errorf("pushed %d times, wrote %d strings, body %q", rec.push.Load(), rec.writeString.Load(), out.Body)
	}
	parsed(t, out.Result().Header, cookieName)
}

func TestPushIsRefusedWhereThereIsNone(t *testing.T) {
	m := newManager(t, session.Config{})
	h := newMiddleware(t, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := w.(http.Pusher).Push("/style.css", nil); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Push: %v", err)
		}
	}))
	onBoth(t, h, func(t *testing.T, s *server) { s.get(t, "/") })
}

// The least of a ResponseWriter, and what may come on top.
type bare struct{ http.ResponseWriter }

type flushing struct{ bare }

func (flushing) Flush() {}

type flushingError struct{ bare }

func (flushingError) FlushError() error { return nil }

type hijacking struct{ bare }

func (hijacking) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, nil }

type flushingHijacking struct {
	bare
	hijackable hijacking
}

func (flushingHijacking) Flush() {}
func (f flushingHijacking) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return f.hijackable.Hijack()
}

type unwrapping struct {
	bare
	inner http.ResponseWriter
}

func (u unwrapping) Unwrap() http.ResponseWriter { return u.inner }

type flushingUnwrapping struct {
	flushing
	inner http.ResponseWriter
}

func (f flushingUnwrapping) Unwrap() http.ResponseWriter { return f.inner }

func TestHandlersAreToldTheTruthAboutTheResponseWriter(t *testing.T) {
	m := newManager(t, session.Config{})
	mw := newMiddleware(t, m, middleware.Config{})
	b := bare{httptest.NewRecorder()}
	for _, tt := range []struct {
		name             string
		w                http.ResponseWriter
		flushes, hijacks bool
	}{
		{"bare", b, false, false},
		{"flushing", flushing{b}, true, false},
		{"flushing with an error", flushingError{b}, true, false},
		{"hijacking", hijacking{b}, false, true},
		{"both", flushingHijacking{bare: b}, true, true},
		{"nothing unwrapped", unwrapping{b, b}, false, false},
		{"flushing unwrapped", unwrapping{b, flushing{b}}, true, false},
		{"hijacking unwrapped", unwrapping{b, unwrapping{b, hijacking{b}}}, false, true},
		{"flushing, and hijacking unwrapped", flushingUnwrapping{flushing{b}, hijacking{b}}, true, true},
		{"both unwrapped", unwrapping{b, flushingHijacking{bare: b}}, true, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, flushes := w.(http.Flusher)
				_, hijacks := w.(http.Hijacker)
				if flushes != tt.flushes || hijacks != tt.hijacks {
					t.Errorf("Flusher %v, Hijacker %v", flushes, hijacks)
				}
				rc := http.NewResponseController(w)
				s := m.From(r.Context())
				if err := rc.Flush(); (err == nil) != tt.flushes || err != nil && !errors.Is(err, http.ErrNotSupported) {
					t.Errorf("Flush: %v", err)
				}
				if tt.flushes {
					tooLate(t, s) // the controller has not gone past the commit
				} else {
					change(t, s)
				}
				if _, _, err := rc.Hijack(); (err == nil) != tt.hijacks || err != nil && !errors.Is(err, http.ErrNotSupported) {
					t.Errorf("Hijack: %v", err)
				}
				if tt.hijacks {
					tooLate(t, s)
				}
			})).ServeHTTP(tt.w, request("GET", "/"))
		})
	}
}

func TestAStatusThatIsNoneCommitsNothing(t *testing.T) {
	m := newManager(t, session.Config{})
	var log events
	h := newMiddleware(t, m, middleware.Config{Observe: log.observe}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		change(t, m.From(r.Context()))
		var status int
		fmt.Sscan(r.URL.Path[1:], &status)
		w.WriteHeader(status)
	}))
	for _, status := range []string{"-1", "0", "99", "1000"} {
		rec := httptest.NewRecorder()
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("net/http accepts the status %s", status)
				}
			}()
			h.ServeHTTP(rec, request("GET", "/"+status))
		}()
		if len(rec.Header()) != 0 {
			t.Errorf("status %s: the header has %v", status, rec.Header())
		}
		if ev := log.only(t); !ev.Lost {
			t.Errorf("status %s: event %+v", status, ev)
		}
	}
}

func TestHijackFreezesTheSession(t *testing.T) {
	m := newManager(t, session.Config{})
	var log events
	h := newMiddleware(t, m, middleware.Config{Observe: log.observe}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/proto-of-the-connection" {
			return
		}
		s := m.From(r.Context())
		if r.URL.Path != "/untouched" {
			s.Data()
		}
		switch r.URL.Path {
		case "/changed", "/controller":
			change(t, s)
		case "/switching":
			change(t, s)
			w.Header().Set("Connection", "Upgrade")
			w.Header().Set("Upgrade", "line")
			w.WriteHeader(http.StatusSwitchingProtocols)
			tooLate(t, s)
		}
		var conn net.Conn
		var err error
		if r.URL.Path == "/controller" {
			conn, _, err = http.NewResponseController(w).Hijack()
		} else {
			conn, _, err = w.(http.Hijacker).Hijack()
		}
		if err != nil {
			t.Error(err)
			return
		}
		defer conn.Close()
		tooLate(t, s)
		if r.URL.Path != "/switching" {
			io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: line\r\n\r\n")
		}
		io.WriteString(conn, "raw")
	}))
	s := newServer(t, h, "HTTP/1.1")
	for path, want := range map[string]struct {
		sent session.Sent
		lost bool
	}{
		"/untouched":  {session.SentNothing, false},
		"/read":       {session.SentNothing, false},
		"/changed":    {session.SentChanged, true},
		"/controller": {session.SentChanged, true},
		"/switching":  {session.SentChanged, false},
	} {
		s.client.Jar = nil
		log.take()
		req, _ := http.NewRequest("GET", s.URL+path, nil)
		req.Header.Set("Connection", "Upgrade")
		req.Header.Set("Upgrade", "line")
		res, err := s.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != 101 || string(b) != "raw" {
			t.Errorf("%s: %s %q", path, res.Status, b)
		}
		if got := len(res.Header["Set-Cookie"]); (got == 1) != (path == "/switching") {
			t.Errorf("%s: %d cookies", path, got)
		}
		ev := log.only(t)
		if ev.Sent != want.sent || ev.Lost != want.lost {
			t.Errorf("%s: event %+v", path, ev)
		}
		if (ev.Token != session.Info{}) != (path == "/switching") {
			t.Errorf("%s: the token is said to be sent: %+v", path, ev.Token)
		}
	}
}

type failing struct{ bare }

func (failing) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, net.ErrClosed }

func TestAHijackThatIsThereAndFailsFreezesNothing(t *testing.T) {
	m := newManager(t, session.Config{})
	rec := httptest.NewRecorder()
	newMiddleware(t, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, err := w.(http.Hijacker).Hijack(); !errors.Is(err, net.ErrClosed) {
			t.Errorf("Hijack: %v", err)
		}
		change(t, m.From(r.Context()))
	})).ServeHTTP(failing{bare{rec}}, request("GET", "/"))
	parsed(t, rec.Header(), cookieName)
}

func TestAHijackThatIsNotThereFreezesNothing(t *testing.T) {
	m := newManager(t, session.Config{})
	var log events
	h := newMiddleware(t, m, middleware.Config{Observe: log.observe}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, ok := w.(http.Hijacker); ok {
			t.Error("a handler on HTTP/2 is told that it can hijack")
		}
		if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("Hijack: %v", err)
		}
		change(t, m.From(r.Context()))
	}))
	s := newServer(t, h, "HTTP/2.0")
	log.take()
	res := s.get(t, "/")
	parsed(t, res.Header, cookieName)
	if ev := log.only(t); ev.Lost || ev.Sent != session.SentChanged {
		t.Errorf("event %+v", ev)
	}
}

type flushFailing struct{ bare }

func (flushFailing) FlushError() error { return net.ErrClosed }

type flushFailingHijacking struct{ flushFailing }

func (flushFailingHijacking) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, nil }

func TestAFlushThatFailsIsReported(t *testing.T) {
	m := newManager(t, session.Config{})
	f := flushFailing{bare{httptest.NewRecorder()}}
	for _, w := range []http.ResponseWriter{f, flushFailingHijacking{f}} {
		newMiddleware(t, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := http.NewResponseController(w).Flush(); !errors.Is(err, net.ErrClosed) {
				t.Errorf("Flush of a %T: %v", w, err)
			}
		})).ServeHTTP(w, request("GET", "/"))
	}
}
