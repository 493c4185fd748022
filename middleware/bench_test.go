package middleware_test

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
)

// nowhere is a ResponseWriter that keeps nothing.
type nowhere struct{ header http.Header }

func (n nowhere) Header() http.Header         { return n.header }
func (n nowhere) Write(b []byte) (int, error) { return len(b), nil }
func (n nowhere) WriteHeader(int)             {}
func (n nowhere) Flush()                      {}

// large is a session of a size for which copying it would show.
type large struct {
	Visit visit      `json:"visit"`
	Rest  [900]int64 `json:"rest,omitempty"`
}

func TestUntouchedRequestsAllocateThreeTimesAtMost(t *testing.T) {
	if race {
		t.Skip("the race detector allocates")
	}
	m := newManager(t, session.Config{})
	value := sealed(t, m, time.Now(), visit{User: "tom"})
	untouched := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(204) })
	var log events

	handlers := map[string]http.Handler{
		"visit":       newMiddleware(t, m, middleware.Config{}).Handler(untouched),
		"with Config": newMiddleware(t, m, middleware.Config{ReissueOnRead: true, Observe: log.observe}).Handler(untouched),
		"only From": newMiddleware(t, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			m.From(r.Context())
			w.WriteHeader(204)
		})),
	}
	lm, err := session.New[large](session.Config{Keys: keyring.Ephemeral(), Codecs: []codec.Codec{codec.CBOR()}})
	if err != nil {
		t.Fatal(err)
	}
	lmw, err := middleware.New(lm, middleware.Config{})
	if err != nil {
		t.Fatal(err)
	}
	handlers["large"] = lmw.Handler(untouched)
	for name, h := range handlers {
		for _, cookie := range []string{"", cookieName + "=" + value, strings.Repeat("a=b; ", 100) + cookieName + "=" + value} {
			req := request("GET", "/", cookie)
			w := nowhere{http.Header{}}
			if n := testing.AllocsPerRun(100, func() { h.ServeHTTP(w, req) }); n > 3 {
				t.Errorf("%s: %v allocations", name, n)
			}
			if len(w.header) != 0 {
				t.Errorf("%s: header %v", name, w.header)
			}
		}
	}
	if list := log.take(); len(list) > 0 {
		t.Errorf("events %+v", list)
	}
}

// The session's own share is in these: three to begin with, and what opening
// and encoding take.
func TestTouchedRequestsAllocateLittle(t *testing.T) {
	if race {
		t.Skip("the race detector allocates")
	}
	m := newManager(t, session.Config{})
	mw := newMiddleware(t, m, middleware.Config{})
	read := mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { m.From(r.Context()).Data() }))
	update := mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := m.From(r.Context()).Update(func(v *visit) { v.Count++ }); err != nil {
			t.Error(err)
		}
	}))
	value := sealed(t, m, time.Now(), visit{User: "tom"})
	ours := cookieName + "=" + value
	ids := newManager(t, session.Config{IDs: true})
	readID := newMiddleware(t, ids, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { ids.From(r.Context()).Data() }))
	for _, tt := range []struct {
		name   string
		h      http.Handler
		cookie string
		header http.Header // of the response, before
		most   float64
	}{
		{"read of nothing", read, "a=b; c=d", nil, 5},
		{"read", read, ours, nil, 5},
		{"read where Vary is there", read, ours, http.Header{"Vary": {"Cookie"}}, 4},
		{"read among 90 others", read, strings.Repeat("a=b; ", 90) + ours, nil, 5},
		{"read of a cookie in quotes", read, cookieName + `="` + value + `"`, nil, 5},
		{"read of one with an ID, which nobody is told", readID, cookieName + "=" + sealed(t, ids, time.Now(), visit{User: "tom"}), nil, 5},
		{"change", update, ours, nil, 11},
		{"change among 90 others", update, strings.Repeat("a=b; ", 90) + ours, nil, 11},
	} {
		req := request("GET", "/", tt.cookie)
		w := nowhere{http.Header{}}
		n := testing.AllocsPerRun(100, func() {
			clear(w.header)
			maps.Copy(w.header, tt.header)
			tt.h.ServeHTTP(w, req)
		})
		if n > tt.most {
			t.Errorf("%s: %v allocations, want %v at most", tt.name, n, tt.most)
		}
	}
}

// BenchmarkCandidates reads the last of as many cookies of a name as are tried. What
// other requests cost is among the contests in benchmarks.
func BenchmarkCandidates(b *testing.B) {
	m := newManager(b, session.Config{})
	h := newMiddleware(b, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.From(r.Context()).Data()
		w.WriteHeader(204)
	}))
	value := sealed(b, m, time.Now(), visit{User: "tom"})
	req := request("GET", "/", strings.Repeat(cookieName+"="+forged(value)+"; ", 3)+cookieName+"="+value)
	w := nowhere{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		h.ServeHTTP(w, req)
	}
}
