package server

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"

	"github.com/alexedwards/scs/v2"
	golangcollege "github.com/golangcollege/sessions"
	"github.com/gorilla/sessions"

	"github.com/keyturn/keyturn/benchmarks/internal/work"
	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
)

// key is that of the libraries that take bytes.
var key = []byte("0123456789abcdef0123456789abcdef")

// childArg is the first argument of a process that Start started.
const childArg = "serve-for-the-report"

// Main serves, and does not return, in a process that Start started; elsewhere it
// does nothing. A program that calls Start must call Main first of all.
func Main() {
	if len(os.Args) < 2 || os.Args[1] != childArg {
		return
	}
	if err := child(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "the server:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// child says on out where it serves, and serves until in ends, as it does when
// the process at its other end is gone, however that came.
func child(in io.Reader, out io.Writer) error {
	// A key that interrupts goes to both processes. This one ends with the other.
	signal.Ignore(os.Interrupt)
	h, err := handler()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- http.Serve(l, h) }()
	if _, err := fmt.Fprintln(out, l.Addr()); err != nil {
		return err
	}
	ended := make(chan struct{})
	go func() {
		io.Copy(io.Discard, in)
		close(ended)
	}()
	select {
	case err := <-failed:
		return err
	case <-ended:
		return nil
	}
}

// usage is what the server says of itself.
type usage struct {
	// CPU is the time of the process so far, in nanoseconds, if it is Known.
	CPU   int64
	Known bool
}

func handler() (http.Handler, error) {
	mux := http.NewServeMux()
	// What one site leaves to the collector is not to be another's burden.
	mux.HandleFunc("POST /usage", func(w http.ResponseWriter, r *http.Request) {
		runtime.GC()
		cpu, known := cpuTime()
		json.NewEncoder(w).Encode(usage{int64(cpu), known})
	})
	mux.HandleFunc("GET "+paths[Bare], func(w http.ResponseWriter, r *http.Request) {
		page(w, user)
	})
	mux.HandleFunc("POST "+paths[Bare], func(w http.ResponseWriter, r *http.Request) {})
	for name, site := range map[string]func() (signIn, read http.Handler, err error){
		KeyturnJSON: keyturnSite(codec.JSON()), KeyturnCBOR: keyturnSite(codec.CBOR()),
		Gorilla: gorillaSite, Golangcollege: golangcollegeSite, SCS: scsSite,
	} {
		signIn, read, err := site()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		mux.Handle("POST "+paths[name], signIn)
		mux.Handle("GET "+paths[name], read)
	}
	return mux, nil
}

// page answers as pages do, with a header of its own: or the first one that there is,
// which is more work for net/http than one more, would be the session's.
func page(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(w, text)
}

func refuse(w http.ResponseWriter, err error) {
	http.Error(w, err.Error(), http.StatusInternalServerError)
}

func keyturnSite(c codec.Codec) func() (signIn, read http.Handler, err error) {
	return func() (signIn, read http.Handler, err error) {
		m, err := session.New[work.Session](session.Config{Keys: keyring.Ephemeral(), Codecs: []codec.Codec{c}})
		if err != nil {
			return nil, nil, err
		}
		mw, err := middleware.New(m, middleware.Config{})
		if err != nil {
			return nil, nil, err
		}
		return mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if err := m.From(r.Context()).Renew(work.Standard); err != nil {
					refuse(w, err)
				}
			})), mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				page(w, m.From(r.Context()).Data().User)
			})), nil
	}
}

func gorillaSite() (signIn, read http.Handler, err error) {
	store := sessions.NewCookieStore(key)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := store.Get(r, "session")
			if err != nil {
				refuse(w, err)
				return
			}
			for name, value := range fields() {
				s.Values[name] = value
			}
			if err := s.Save(r, w); err != nil {
				refuse(w, err)
			}
		}), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := store.Get(r, "session")
			if err != nil {
				refuse(w, err)
				return
			}
			name, _ := s.Values["user"].(string)
			page(w, name)
		}), nil
}

func golangcollegeSite() (signIn, read http.Handler, err error) {
	m := golangcollege.New(key)
	return m.Enable(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for name, value := range fields() {
				m.Put(r, name, value)
			}
		})), m.Enable(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			page(w, m.GetString(r, "user"))
		})), nil
}

func scsSite() (signIn, read http.Handler, err error) {
	sm := scs.New() // keeps the sessions in the memory of the process
	return sm.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if err := sm.RenewToken(r.Context()); err != nil {
				refuse(w, err)
				return
			}
			for name, value := range fields() {
				sm.Put(r.Context(), name, value)
			}
		})), sm.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			page(w, sm.GetString(r.Context(), "user"))
		})), nil
}

// fields are the standard session for libraries whose sessions are dictionaries.
func fields() map[string]any {
	s := work.Standard
	return map[string]any{
		"user_id": s.UserID, "user": s.User, "role": s.Role, "csrf": s.CSRF, "theme": s.Theme, "seen": s.Seen,
	}
}
