package middleware_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
)

// Signing out deletes each of eight names once, beside what the handler has set, and
// nothing that a handler does to the header afterwards moves a line to another key.
func TestSigningOutOfEightNamesDeletesEachOnce(t *testing.T) {
	c := session.Config{Name: "s0", Keys: keyring.Ephemeral()}
	for i := range 7 {
		c.FormerNames = append(c.FormerNames, session.FormerName{Name: fmt.Sprint("s", i+1)})
	}
	m := newManager(t, c)
	mw := newMiddleware(t, m, middleware.Config{})
	r := httptest.NewRequest("POST", "/", nil)
	for i := range 8 {
		other := newManager(t, session.Config{Name: fmt.Sprint("s", i), Keys: c.Keys})
		r.AddCookie(&http.Cookie{Name: fmt.Sprint("s", i), Value: sealed(t, other, time.Now(), visit{User: "tom"})})
	}
	shared := append(make([]string, 0, 20), "other=1")
	w := httptest.NewRecorder()
	mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Set-Cookie"] = shared
		if o, _ := m.From(r.Context()).Outcome(); o != session.Valid {
			t.Error(o)
		}
		m.From(r.Context()).Destroy()
		w.WriteHeader(204)
		for k := range w.Header() {
			w.Header()[k] = append(w.Header()[k], "late")
		}
	})).ServeHTTP(w, r)
	var got []string
	for _, l := range w.Result().Header["Set-Cookie"] {
		name, _, _ := strings.Cut(l, "=")
		got = append(got, name)
		if name != "other" && !strings.Contains(l, "Max-Age=0") {
			t.Error(l)
		}
	}
	slices.Sort(got)
	if strings.Join(got, " ") != "other s0 s1 s2 s3 s4 s5 s6 s7" {
		t.Error(got)
	}
	if len(shared) != 1 || shared[:2][1] != "" {
		t.Errorf("the handler's slice: %q", shared[:20])
	}
}

// What Observe is told of many requests at once is of each its own, and what was
// counted adds up.
func TestEventsOfParallelRequestsAreTheirOwnAndCountsAddUp(t *testing.T) {
	m := newManager(t, session.Config{Name: "s"})
	var sent, valid, absent atomic.Uint64
	mw := newMiddleware(t, m, middleware.Config{Observe: func(ctx context.Context, e middleware.Event) {
		if e.Outcome == session.Valid {
			valid.Add(1)
		} else {
			absent.Add(1)
		}
		if e.Sent == session.SentChanged || e.Sent == session.SentRenewed {
			sent.Add(1)
			if e.Token.Payload == 0 || e.Token.KeyID != m.From(ctx).Info().KeyID && e.Outcome == session.Valid {
				t.Errorf("%+v", e)
			}
		}
	}})
	h := mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := m.From(r.Context())
		name := r.URL.Query().Get("n")
		if d := s.Data(); d.User != "" && d.User != name {
			t.Errorf("%s is given the session of %s", name, d.User)
		}
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { s.Info(); s.Outcome() })
		}
		if err := s.Update(func(v *visit) { v.User = name; v.Count++ }); err != nil {
			t.Error(err)
		}
		wg.Wait()
		go s.Data() // late
	}))
	before := m.Stats(time.Now())
	var wg sync.WaitGroup
	const g, n = 6, 40
	for i := range g {
		wg.Go(func() {
			name, value := fmt.Sprint("user", i), ""
			for j := range n {
				r := httptest.NewRequest("POST", "/?n="+name, nil)
				if value != "" {
					r.Header["Cookie"] = []string{"a=b; s=" + value + "; c=\"d\""}
				}
				w := httptest.NewRecorder()
				h.ServeHTTP(w, r)
				c := w.Result().Cookies()
				if len(c) != 1 {
					t.Error(c)
					return
				}
				value = c[0].Value
				if d := m.Open(time.Now(), value).Data(); d.User != name || d.Count != j+1 {
					t.Errorf("%+v", d)
				}
			}
		})
	}
	wg.Wait()
	after := m.Stats(time.Now())
	if sent.Load() != g*n || absent.Load() != g || valid.Load() != g*(n-1) {
		t.Error(sent.Load(), absent.Load(), valid.Load())
	}
	if w := after.Written["json"] - before.Written["json"]; w != g*n {
		t.Error("written", w)
	}
	if v := after.Outcomes["valid"] - before.Outcomes["valid"]; v != g*(n-1)+g*n { // Open, too
		t.Error("valid", v)
	}
}
