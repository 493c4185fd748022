package middleware_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/envelope"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
)

// What the benchmarks measure is what a request and its response are read and written with.
func TestBenchmarksMeasureTheHeadersOfTheMiddleware(t *testing.T) {
	m := newManager(t, session.Config{})
	mw := newMiddleware(t, m, middleware.Config{})
	find, set := envelope.Header(mw)
	h := request("GET", "/", "a=b; "+cookieName+"=abc").Header
	if got := find(h); !slices.Equal(got, []string{"abc"}) {
		t.Errorf("found %q", got)
	}
	w := http.Header{}
	set(w, "abc", time.Hour)
	if c := (&http.Response{Header: w}).Cookies(); len(c) != 1 || c[0].Name != cookieName || c[0].Value != "abc" || c[0].MaxAge != 3600 || !c[0].HttpOnly {
		t.Errorf("set %v", w)
	}
}
