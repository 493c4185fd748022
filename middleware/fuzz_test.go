package middleware_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
)

// A wire is a connection of which the server reads in, and then its end.
type wire struct {
	mu      sync.Mutex
	in, out bytes.Buffer
	once    sync.Once
	closed  chan struct{}
}

func (w *wire) Read(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.in.Read(b)
}

func (w *wire) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.out.Write(b)
}

func (w *wire) Close() error {
	w.once.Do(func() { close(w.closed) })
	return nil
}

func (*wire) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (*wire) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (*wire) SetDeadline(time.Time) error      { return nil }
func (*wire) SetReadDeadline(time.Time) error  { return nil }
func (*wire) SetWriteDeadline(time.Time) error { return nil }

// wires are a listener: it accepts what is sent to it.
type wires chan *wire

func (w wires) Accept() (net.Conn, error) {
	if c, ok := <-w; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (w wires) Close() error {
	close(w)
	return nil
}

func (wires) Addr() net.Addr { return &net.TCPAddr{} }

// FuzzHandler sends bytes as they are to a real server, as header lines of a
// request and above all as its cookies, and wants no panic, no status that is
// the server's fault, and no cookie value in a log or an Event.
func FuzzHandler(f *testing.F) {
	m, list := inventory(f)
	var seen events
	mw := newMiddleware(f, m, middleware.Config{Observe: seen.observe, ReissueOnRead: true})
	var values []string // that came in the present request, as net/http has them
	var failure error
	handler := mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := m.From(r.Context())
		switch r.URL.Path {
		case "/read":
			s.Data()
		case "/write":
			failure = s.Update(func(v *visit) { v.Count++ })
		case "/out":
			failure = s.Destroy()
		}
		fmt.Fprint(w, "page")
	}))
	var logged syncBuffer
	pipe := make(wires)
	server := &http.Server{ErrorLog: log.New(&logged, "", 0)}
	server.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, c := range r.Cookies() {
			values = append(values, c.Value)
		}
		handler.ServeHTTP(w, r)
	})
	go server.Serve(pipe)
	defer server.Close()
	defer log.SetOutput(log.Writer())
	log.SetOutput(&logged)

	paths := []string{"/read", "/write", "/out", "/"}
	seeds := 0
	for i, c := range list {
		seeds++
		f.Add(byte(i), []byte("Cookie: "+strings.Join(c.lines, "\r\nCookie: ")))
	}
	f.Add(byte(0), []byte("Cookie: \x00=\xff; __Host-session=\"\""))
	f.Add(byte(1), []byte("Cookie: __Host-session=; __Host-session; =; ;;\r\nSec-Fetch-Mode: navigate"))
	f.Add(byte(1), []byte("Content-Length: 5\r\nCookie: a=b\r\n\r\nhello"))
	f.Add(byte(2), []byte("Transfer-Encoding: chunked\r\n\r\n5"))
	if seeds == 0 {
		f.Fatal("no seeds")
	}
	f.Fuzz(func(t *testing.T, path byte, header []byte) {
		values, failure = nil, nil
		seen.take()
		conn := &wire{closed: make(chan struct{})}
		conn.in.WriteString("GET " + paths[int(path)%len(paths)] + " HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n")
		conn.in.Write(header)
		conn.in.WriteString("\r\n\r\n")
		pipe <- conn
		select {
		case <-conn.closed:
		case <-time.After(10 * time.Second):
			t.Fatal("the server does not come to an end")
		}
		res, err := http.ReadResponse(bufio.NewReader(&conn.out), nil)
		if err != nil {
			if bytes.ContainsAny(header, "\r\n") {
				return // it was not a request
			}
			t.Fatalf("no response: %v", err)
		}
		body, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if failure != nil {
			t.Errorf("the session cannot be changed: %v", failure)
		}
		if res.StatusCode >= 500 && res.StatusCode != http.StatusNotImplemented { // an unknown Transfer-Encoding
			t.Errorf("status %d", res.StatusCode)
		}
		if res.StatusCode == 200 && string(body) != "page" && !bytes.ContainsAny(header, "\r\n") {
			t.Errorf("body %q", body)
		}
		if res.StatusCode == 200 && len(res.Header["Set-Cookie"]) > 1 {
			t.Errorf("Set-Cookie %q", res.Header["Set-Cookie"])
		}
		said := logged.String()
		for _, ev := range seen.take() {
			said += text(t, ev)
			if ev.Outcome == session.Valid && ev.Reason != 0 {
				t.Errorf("event %+v", ev)
			}
		}
		if strings.Contains(said, "panic") {
			t.Errorf("the server panicked: %s", said)
		}
		for _, v := range values {
			// What is shorter may be a word that a log has anyway.
			if len(v) >= 24 && strings.Contains(said, v) {
				t.Errorf("the cookie value %q is in %s", v, said)
			}
		}
	})
}
