package peers

import (
	"net/http"
	"sync"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
	golangcollege "github.com/golangcollege/sessions"
	"github.com/gorilla/sessions"

	"github.com/keyturn/keyturn/benchmarks/internal/work"
)

// must panics at an error of work that is measured.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

// get returns the session that is in a dictionary.
func get(value func(name string) any) (s work.Session) {
	s.UserID, _ = value("user_id").(int64)
	s.User, _ = value("user").(string)
	s.Role, _ = value("role").(string)
	s.CSRF, _ = value("csrf").(string)
	s.Theme, _ = value("theme").(string)
	s.Seen, _ = value("seen").(int64)
	return s
}

func gorillaSite() work.Site {
	store := sessions.NewCookieStore(work.Secret(0))
	store.Options = &sessions.Options{Path: "/", Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	store.MaxAge(maxAge)
	return work.Site{
		Who: "gorilla/sessions", Note: "no middleware: handlers ask for the session, and save it",
		Wrap: func(next http.Handler) http.Handler { return next },
		Read: func(r *http.Request) string {
			s, _ := store.Get(r, work.Cookie) // a new session comes with the error
			user, _ := s.Values["user"].(string)
			return user
		},
		Change: func(w http.ResponseWriter, r *http.Request, seen int64) {
			s, err := store.Get(r, work.Cookie)
			must(err)
			s.Values["seen"] = seen
			must(s.Save(r, w))
		},
		SignIn: func(w http.ResponseWriter, r *http.Request, v *work.Session) {
			s, _ := store.Get(r, work.Cookie)
			s.Values["user_id"] = v.UserID
			s.Values["user"] = v.User
			s.Values["role"] = v.Role
			s.Values["csrf"] = v.CSRF
			s.Values["theme"] = v.Theme
			s.Values["seen"] = v.Seen
			must(s.Save(r, w))
		},
		Get: func(r *http.Request) work.Session {
			s, _ := store.Get(r, work.Cookie)
			return get(func(name string) any { return s.Values[name] })
		},
	}
}

func scsSite(store scs.Store) work.Site {
	m := scs.New()
	m.Store = store
	m.Lifetime = work.Lifetime
	m.Cookie.Secure = true
	return work.Site{
		Who: "scs", Note: "server-side: the data stays in its memory",
		Wrap: m.LoadAndSave,
		Read: func(r *http.Request) string { return m.GetString(r.Context(), "user") },
		Change: func(w http.ResponseWriter, r *http.Request, seen int64) {
			m.Put(r.Context(), "seen", seen)
		},
		SignIn: func(w http.ResponseWriter, r *http.Request, v *work.Session) {
			ctx := r.Context()
			must(m.RenewToken(ctx))
			m.Put(ctx, "user_id", v.UserID)
			m.Put(ctx, "user", v.User)
			m.Put(ctx, "role", v.Role)
			m.Put(ctx, "csrf", v.CSRF)
			m.Put(ctx, "theme", v.Theme)
			m.Put(ctx, "seen", v.Seen)
		},
		Get: func(r *http.Request) work.Session {
			return get(func(name string) any { return m.Get(r.Context(), name) })
		},
	}
}

// forgetful is the memory of scs, of which everything is deleted now and then, so
// that it does not grow with the number of sign-ins that are measured.
type forgetful struct {
	*memstore.MemStore
	mu     sync.Mutex
	tokens []string
}

func (f *forgetful) Commit(token string, b []byte, expiry time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tokens = append(f.tokens, token); len(f.tokens) == 1<<12 {
		for _, t := range f.tokens {
			must(f.Delete(t))
		}
		f.tokens = f.tokens[:0]
	}
	return f.MemStore.Commit(token, b, expiry)
}

func golangcollegeSite() work.Site {
	m := golangcollege.New(work.Secret(0))
	m.Lifetime = work.Lifetime
	m.Secure = true
	return work.Site{
		Who: "golangcollege/sessions", Note: "encrypts; " + notBound,
		Wrap:   m.Enable,
		Read:   func(r *http.Request) string { return m.GetString(r, "user") },
		Change: func(w http.ResponseWriter, r *http.Request, seen int64) { m.Put(r, "seen", seen) },
		SignIn: func(w http.ResponseWriter, r *http.Request, v *work.Session) {
			m.Put(r, "user_id", v.UserID)
			m.Put(r, "user", v.User)
			m.Put(r, "role", v.Role)
			m.Put(r, "csrf", v.CSRF)
			m.Put(r, "theme", v.Theme)
			m.Put(r, "seen", v.Seen)
		},
		Get: func(r *http.Request) work.Session {
			return get(func(name string) any { return m.Get(r, name) })
		},
	}
}

// Sites returns the sites of the peers.
func Sites() []work.Site {
	return []work.Site{gorillaSite(), golangcollegeSite(), scsSite(memory())}
}

// memory returns the memory of scs, without a goroutine beside what is measured.
func memory() *memstore.MemStore { return memstore.NewWithCleanupInterval(0) }

func enterRequests(contests []work.Contest) error {
	for _, s := range []work.Site{gorillaSite(), golangcollegeSite()} {
		if err := work.EnterSite(contests, s, work.AllRequests...); err != nil {
			return err
		}
	}
	for _, name := range work.AllRequests {
		var store scs.Store = memory()
		if name == "request/sign-in" {
			store = &forgetful{MemStore: memory()}
		}
		if err := work.EnterSite(contests, scsSite(store), name); err != nil {
			return err
		}
	}
	return nil
}
