package middleware_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
)

// headerOf sends a request byte by byte and returns the lines of the response's header.
func headerOf(t *testing.T, addr, request string) []string {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprint(c, request)
	var lines []string
	for s := bufio.NewScanner(c); s.Scan() && s.Text() != ""; {
		lines = append(lines, s.Text())
	}
	return lines
}

// The cookie is the only Set-Cookie of its name on the wire, however the handler
// spelled the key of the header.
func TestTheOnlySetCookieHoweverTheKeyIsSpelled(t *testing.T) {
	m := newManager(t, session.Config{Name: "s"})
	mw := newMiddleware(t, m, middleware.Config{})
	srv := httptest.NewServer(mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["set-cookie"] = []string{"s=planted; Path=/; Secure; HttpOnly"}
		w.Header()["cache-control"] = []string{"public, max-age=60"}
		m.From(r.Context()).Renew(visit{User: "tom"})
	})))
	defer srv.Close()
	lines := headerOf(t, srv.Listener.Addr().String(), "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	var set, cache []string
	for _, l := range lines {
		if low := strings.ToLower(l); strings.HasPrefix(low, "set-cookie: s=") {
			set = append(set, l)
		} else if strings.HasPrefix(low, "cache-control:") {
			cache = append(cache, l)
		}
	}
	if len(set) != 1 {
		t.Errorf("Set-Cookie of the name: %q", set)
	}
	if len(cache) != 1 {
		t.Errorf("Cache-Control: %q", cache)
	}
}

// Nor does a refresh undo a sign-out which a handler has spelled so.
func TestARefreshUndoesNothingHoweverTheKeyIsSpelled(t *testing.T) {
	m := newManager(t, session.Config{Name: "s", IdleTimeout: time.Hour})
	mw := newMiddleware(t, m, middleware.Config{})
	due := "s=" + sealed(t, m, time.Now().Add(-45*time.Minute), visit{User: "tom"})
	for _, key := range []string{"Set-Cookie", "set-cookie"} {
		const gone = "s=; Max-Age=0"
		h := mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header()[key] = []string{gone}
			m.From(r.Context()).Data()
		}))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request("GET", "/", due))
		var lines []string
		for k, l := range w.Header() {
			if strings.EqualFold(k, "Set-Cookie") {
				lines = append(lines, l...)
			}
		}
		if len(lines) != 1 || lines[0] != gone {
			t.Errorf("%s: %q", key, lines)
		}
	}
}
