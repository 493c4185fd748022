package middleware_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
)

func TestPanicsPassThroughUncommitted(t *testing.T) {
	m := newManager(t, session.Config{})
	var log events
	var last *session.Session[visit]
	cause := errors.New("the cause")
	h := newMiddleware(t, m, middleware.Config{Observe: log.observe}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := m.From(r.Context())
		last = s
		w.Header().Set("X-Before", "panic")
		switch r.URL.Path {
		case "/untouched":
		case "/read":
			s.Data()
		case "/changed":
			change(t, s)
		case "/update":
			s.Update(func(v *visit) { panic(cause) })
		case "/abort":
			change(t, s)
			panic(http.ErrAbortHandler)
		case "/flushed":
			change(t, s)
			w.(http.Flusher).Flush()
		case "/touched-after-flush":
			w.(http.Flusher).Flush()
			s.Data()
		}
		panic(cause)
	}))
	for _, tt := range []struct {
		path    string
		events  int
		sent    session.Sent
		lost    bool
		cookies int
	}{
		{"/untouched", 0, 0, false, 0},
		{"/read", 1, session.SentNothing, false, 0},
		{"/changed", 1, session.SentChanged, true, 0},
		{"/update", 1, session.SentNothing, false, 0},
		{"/abort", 1, session.SentChanged, true, 0},
		{"/flushed", 1, session.SentChanged, false, 1},
		{"/touched-after-flush", 1, session.SentNothing, false, 0},
	} {
		rec := httptest.NewRecorder()
		func() {
			defer func() {
				want := error(cause)
				if tt.path == "/abort" {
					want = http.ErrAbortHandler
				}
				if got := recover(); got != want {
					t.Errorf("%s: the panic arrives as %v", tt.path, got)
				}
			}()
			h.ServeHTTP(rec, request("GET", tt.path))
		}()
		if got := len(rec.Header()["Set-Cookie"]); got != tt.cookies {
			t.Errorf("%s: %d cookies", tt.path, got)
		}
		if tt.cookies == 0 && len(rec.Header()) != 1 {
			t.Errorf("%s: the header has %v", tt.path, rec.Header())
		}
		tooLate(t, last)
		list := log.take()
		if len(list) != tt.events {
			t.Fatalf("%s: events %+v", tt.path, list)
		}
		for _, ev := range list {
			if ev.Sent != tt.sent || ev.Lost != tt.lost || (ev.Token != session.Info{}) != (tt.cookies > 0) {
				t.Errorf("%s: event %+v", tt.path, ev)
			}
		}
	}
}

// What a handler asked for and the client does not get is lost. A refresh or a
// reissue that is due is not: nobody asked for it, and it is due again.
func TestOnlyWhatAHandlerAskedForIsLost(t *testing.T) {
	keys := keyring.Ephemeral()
	m := newManager(t, session.Config{Keys: keys, IdleTimeout: time.Hour, FormerNames: []session.FormerName{{Name: "sid"}}})
	former := newManager(t, session.Config{Keys: keys, Name: "sid"})
	var log events
	h := newMiddleware(t, m, middleware.Config{ReissueOnRead: true, Observe: log.observe}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := m.From(r.Context())
		switch r.URL.Path {
		case "/read":
			s.Data()
		case "/changed":
			change(t, s)
		case "/renewed":
			s.Renew(visit{User: "tom"})
		case "/deleted":
			s.Destroy()
		case "/changed and back":
			change(t, s)
			s.Update(func(v *visit) { v.Count-- })
		}
		if r.URL.RawQuery == "panic" {
			panic(http.ErrAbortHandler)
		}
		if _, _, err := w.(http.Hijacker).Hijack(); err != nil {
			t.Error(err)
		}
	}))
	due := cookieName + "=" + sealed(t, m, time.Now().Add(-45*time.Minute), visit{User: "tom"})
	outdated := "sid=" + sealed(t, former, time.Now(), visit{User: "tom"})
	for _, tt := range []struct {
		path, cookie string
		sent         session.Sent
	}{
		{"/read", due, session.SentNothing},
		{"/read", outdated, session.SentNothing},
		{"/changed%20and%20back", due, session.SentNothing},
		{"/changed", due, session.SentChanged},
		{"/renewed", due, session.SentRenewed},
		{"/deleted", due, session.SentDeleted},
		{"/deleted", "", session.SentNothing},
	} {
		for _, how := range []string{"panic", "hijack"} {
			req := request("GET", tt.path+"?"+how, tt.cookie)
			req.Header.Set("Sec-Fetch-Mode", "navigate")
			rec := httptest.NewRecorder()
			func() {
				defer func() { recover() }()
				h.ServeHTTP(hijacking{bare{rec}}, req)
			}()
			if len(rec.Header()) != 0 {
				t.Errorf("%s, %s: the header has %v", tt.path, how, rec.Header())
			}
			ev := log.only(t)
			if ev.Sent != tt.sent || ev.Lost != (tt.sent != session.SentNothing) || (ev.Token != session.Info{}) {
				t.Errorf("%s, %s: event %+v", tt.path, how, ev)
			}
			if tt.cookie != "" && ev.Outcome != session.Valid {
				t.Errorf("%s, %s: the cookie is %v: %v", tt.path, how, ev.Outcome, ev.Reason)
			}
		}
	}
}

func TestPanicsOnARealServer(t *testing.T) {
	m := newManager(t, session.Config{})
	h := newMiddleware(t, m, middleware.Config{}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/changed":
			change(t, m.From(r.Context()))
			panic("before the response")
		case "/abort":
			change(t, m.From(r.Context()))
			panic(http.ErrAbortHandler)
		case "/flushed":
			change(t, m.From(r.Context()))
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		case "/recovered":
			change(t, m.From(r.Context()))
			panic("recovered")
		}
	}))
	recovering := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if r.URL.Path == "/recovered" {
				recover()
				http.Error(w, "sorry", 500)
			}
		}()
		h.ServeHTTP(w, r)
	})
	onBoth(t, recovering, func(t *testing.T, s *server) {
		for _, path := range []string{"/changed", "/abort"} {
			if res, err := s.client.Get(s.URL + path); err == nil {
				t.Errorf("%s: there is a response: %v", path, res.Header)
				res.Body.Close()
			}
		}
		res := s.get(t, "/flushed")
		if len(res.Header["Set-Cookie"]) != 1 || res.bodyErr == nil {
			t.Errorf("after a flush: %v, %v", res.Header, res.bodyErr)
		}
		res = s.get(t, "/recovered")
		if res.StatusCode != 500 || len(res.Header["Set-Cookie"])+len(res.Header["Vary"]) != 0 {
			t.Errorf("recovered outside: %d %v", res.StatusCode, res.Header)
		}
	})
}

func TestGoexitIsLikeAPanic(t *testing.T) {
	m := newManager(t, session.Config{})
	var log events
	h := newMiddleware(t, m, middleware.Config{Observe: log.observe}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		change(t, m.From(r.Context()))
		runtime.Goexit()
	}))
	rec := httptest.NewRecorder()
	var wg sync.WaitGroup
	wg.Go(func() { h.ServeHTTP(rec, request("GET", "/")) })
	wg.Wait()
	if len(rec.Header()) != 0 {
		t.Errorf("the header has %v", rec.Header())
	}
	if ev := log.only(t); !ev.Lost {
		t.Errorf("event %+v", ev)
	}
}

// orphans are handlers that a TimeoutHandler left behind.
type orphans struct {
	m    *session.Manager[visit]
	wg   sync.WaitGroup
	errs chan error
}

// ServeHTTP goes on using its session long after the time is over.
func (o *orphans) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := o.m.From(r.Context())
	use := func() error {
		s.Outcome()
		s.Info()
		s.Data()
		s.ID()
		return s.Update(func(v *visit) { v.User, v.Count = "tom", v.Count+1 })
	}
	switch r.URL.Path {
	case "/quick":
		o.errs <- use()
		fmt.Fprint(w, "quick")
		return
	case "/proto-of-the-connection":
		return
	}
	o.wg.Add(1)
	defer o.wg.Done()
	var err error
	touch := func() {
		if r.URL.Path == "/slow" && err == nil { // else it is first touched when all is over
			err = use()
			w.Header().Set("X-Slow", "late")
		}
		time.Sleep(100 * time.Microsecond)
	}
	for r.Context().Err() == nil { // which ends with the time
		touch()
	}
	for end := time.Now().Add(50 * time.Millisecond); time.Now().Before(end); {
		touch()
	}
	if r.URL.Path == "/late" {
		err = use()
	}
	fmt.Fprint(w, "late")
	o.errs <- err
}

func TestTimeoutHandlerInside(t *testing.T) {
	m := newManager(t, session.Config{})
	o := &orphans{m: m, errs: make(chan error, 1)}
	var log events
	h := newMiddleware(t, m, middleware.Config{Observe: log.observe}).Handler(http.TimeoutHandler(o, 30*time.Millisecond, "too slow"))
	onBoth(t, h, func(t *testing.T, s *server) {
		res := s.get(t, "/quick")
		if err := <-o.errs; err != nil || res.StatusCode != 200 || res.body != "quick" {
			t.Errorf("in time: %v, %d %q", err, res.StatusCode, res.body)
		}
		parsed(t, res.Header, cookieName)
		if ev := log.only(t); ev.Sent != session.SentChanged || ev.Lost {
			t.Errorf("in time: %+v", ev)
		}
		for _, path := range []string{"/slow", "/late"} {
			res := s.get(t, path)
			if err := <-o.errs; !errors.Is(err, session.ErrCommitted) {
				t.Errorf("%s: after the timeout: %v", path, err)
			}
			o.wg.Wait()
			if res.StatusCode != 503 || res.body != "too slow" || res.Header.Get("X-Slow") != "" {
				t.Errorf("%s: %d %q %v", path, res.StatusCode, res.body, res.Header)
			}
			list := log.take()
			if path == "/late" {
				// Touched by nobody before the response, and by an orphan after it.
				if len(res.Header["Set-Cookie"])+len(res.Header["Vary"]) != 0 || len(list) != 0 {
					t.Errorf("%s: %v, events %+v", path, res.Header, list)
				}
				continue
			}
			// What the handler had changed before the time was over is sent.
			parsed(t, res.Header, cookieName)
			if len(list) != 1 || list[0].Sent != session.SentChanged {
				t.Errorf("%s: events %+v", path, list)
			}
		}
	})
}

func TestTimeoutHandlerOutside(t *testing.T) {
	m := newManager(t, session.Config{})
	o := &orphans{m: m, errs: make(chan error, 1)}
	h := http.TimeoutHandler(newMiddleware(t, m, middleware.Config{}).Handler(o), 30*time.Millisecond, "too slow")
	onBoth(t, h, func(t *testing.T, s *server) {
		res := s.get(t, "/quick")
		if err := <-o.errs; err != nil || res.StatusCode != 200 || res.body != "quick" {
			t.Errorf("in time: %v, %d %q", err, res.StatusCode, res.body)
		}
		parsed(t, res.Header, cookieName)
		for _, path := range []string{"/slow", "/late"} {
			res := s.get(t, path)
			<-o.errs
			o.wg.Wait()
			if res.StatusCode != 503 || res.body != "too slow" || len(res.Header["Set-Cookie"]) != 0 {
				t.Errorf("%s: %d %q %v", path, res.StatusCode, res.body, res.Header)
			}
		}
	})
}

// A TimeoutHandler inside replaces the header lines that were there before it,
// and takes its handler's: neither loses the cookie, or doubles it.
func TestTimeoutHandlerDoesNotReplaceTheCookie(t *testing.T) {
	m := newManager(t, session.Config{})
	inner := http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		change(t, m.From(r.Context()))
		w.Header().Add("Set-Cookie", "theme=dark")
		w.Header().Add("Vary", "Accept")
	}), time.Minute, "")
	h := newMiddleware(t, m, middleware.Config{}).Handler(inner)
	onBoth(t, h, func(t *testing.T, s *server) {
		res := s.get(t, "/")
		parsed(t, res.Header, cookieName)
		parsed(t, res.Header, "theme")
		if v := strings.Join(res.Header["Vary"], ", "); v != "Accept, Cookie" {
			t.Errorf("Vary: %s", v)
		}
	})
}

func TestASessionMayBeUsedByManyGoroutines(t *testing.T) {
	m := newManager(t, session.Config{})
	value := sealed(t, m, time.Now(), visit{User: "tom"})
	var log events
	h := newMiddleware(t, m, middleware.Config{Observe: log.observe}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := m.From(r.Context())
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				for range 10 {
					if u := s.Data().User; u != "tom" {
						t.Errorf("user %q", u)
					}
					if err := s.Update(func(v *visit) { v.Count++ }); err != nil && !errors.Is(err, session.ErrInUpdate) && !errors.Is(err, session.ErrCommitted) {
						t.Error(err)
					}
				}
			})
		}
		io.WriteString(w, "meanwhile")
		wg.Wait()
	}))
	for range 20 {
		res := serve(h, request("GET", "/", cookieName+"="+value))
		if n := len(res.Header["Set-Cookie"]); n > 1 {
			t.Errorf("%d cookies", n)
		}
		log.only(t)
	}
}

func TestObserveGetsTheContextWithTheSession(t *testing.T) {
	m := newManager(t, session.Config{})
	type key struct{}
	seen := 0
	h := newMiddleware(t, m, middleware.Config{Observe: func(ctx context.Context, ev middleware.Event) {
		seen++
		s := m.From(ctx)
		if s.Data().User != "tom" || ctx.Value(key{}) != "outer" {
			t.Errorf("the context carries %+v, %v", s.Data(), ctx.Value(key{}))
		}
		tooLate(t, s)
	}}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		change(t, m.From(r.Context()))
	}))
	req := request("GET", "/")
	serve(h, req.WithContext(context.WithValue(req.Context(), key{}, "outer")))
	if seen != 1 {
		t.Errorf("Observe is called %d times", seen)
	}
}

func TestAPanicOfObserveIsTheHandlers(t *testing.T) {
	m := newManager(t, session.Config{})
	calls := 0
	h := newMiddleware(t, m, middleware.Config{Observe: func(context.Context, middleware.Event) {
		calls++
		panic("observer")
	}}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.From(r.Context()).Data()
		w.WriteHeader(200)
	}))
	defer func() {
		if got := recover(); got != "observer" || calls != 1 {
			t.Errorf("panic %v after %d calls", got, calls)
		}
	}()
	serve(h, request("GET", "/"))
}
