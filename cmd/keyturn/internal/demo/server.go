// Package demo serves a page on which a visitor turns keys, and stays signed in.
package demo

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
)

// A visit is what the session holds.
type visit struct {
	User     string    `json:"user"`
	Visits   int       `json:"visits"`
	SignedIn time.Time `json:"signed_in"`
	Seen     time.Time `json:"seen"`
}

// codecs are what a session may be read and written with, the default first.
var codecs = codec.All()

// insecureName is the cookie's name where it has no Secure attribute, which the
// prefix of the default name asks for.
const insecureName = "session"

const (
	maxBody = 4 << 10 // bytes of a form
	maxUser = 64      // characters of a name

	shutdownTime = 5 * time.Second
)

// A Config says how the demo is served.
type Config struct {
	// Keys is the ring that is turned, and RingFile the file that it is in.
	Keys     *keyring.Keyring
	RingFile string

	// Remote says that other machines may come. Hosts are names of this
	// server, in addition to localhost and its addresses.
	Remote bool
	Hosts  []string

	// Insecure leaves out the cookie's Secure attribute.
	Insecure bool

	// Log is where the server says what went wrong on its side.
	Log io.Writer
}

// A Server is the demo.
type Server struct {
	ring     ring
	sessions *session.Manager[visit]
	events   events
	started  time.Time // to the second, as times are in a cookie
	log      *log.Logger
	handler  http.Handler
}

// New returns the demo on a ring.
func New(c Config) (*Server, error) {
	s := &Server{ring: ring{path: c.RingFile, keys: c.Keys}, started: now(), log: log.New(c.Log, "keyturn: ", 0)}
	name := session.DefaultName
	if c.Insecure {
		name = insecureName
	}
	var err error
	s.sessions, err = session.New[visit](session.Config{Keys: c.Keys, Name: name, Codecs: codecs, IDs: true})
	if err != nil {
		return nil, err
	}
	mw, err := middleware.New(s.sessions, middleware.Config{InsecureHTTP: c.Insecure, Observe: s.events.observe})
	if err != nil {
		return nil, err
	}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.home)
	mux.HandleFunc("POST /sign-in", s.signIn)
	mux.HandleFunc("POST /sign-out", s.signOut)
	mux.HandleFunc("POST /turn", s.turn)
	mux.HandleFunc("POST /algorithm", s.switchAlgorithm)
	mux.HandleFunc("POST /codec", s.switchCodec)
	mux.HandleFunc("GET /style.css", showStyle)

	forged := http.NewCrossOriginProtection()
	forged.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		showProblem(w, http.StatusForbidden, "The request came from a page of another site.")
	}))
	s.handler = checkHost(c.Remote, c.Hosts, forged.Handler(withExchange(mw.Handler(routed(mux)))))
	return s, nil
}

// ServeHTTP serves the demo.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Serve serves the demo until ctx is done, and then lets the requests finish
// that it has begun.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      10 * time.Second,
		IdleTimeout:       time.Minute,
		ErrorLog:          s.log,
	}
	stopped := make(chan error, 1)
	defer context.AfterFunc(ctx, func() {
		// Not ctx, which is done.
		limited, cancel := context.WithTimeout(context.Background(), shutdownTime)
		defer cancel()
		err := server.Shutdown(limited)
		if err != nil {
			err = server.Close()
		}
		stopped <- err
	})()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

// routed answers what the mux has no pattern for with a page of the demo's.
func routed(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		refused := refusal{header: make(http.Header)}
		h.ServeHTTP(&refused, r)
		text := "There is nothing here."
		if allow := refused.header.Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
			text = "This address takes other methods only: " + allow + "."
		}
		showProblem(w, refused.status, text)
	})
}

// A refusal is the mux's answer to what it has no pattern for.
type refusal struct {
	header http.Header
	status int
}

func (r *refusal) Header() http.Header         { return r.header }
func (r *refusal) Write(b []byte) (int, error) { return len(b), nil }
func (r *refusal) WriteHeader(status int)      { r.status = status }

// home counts a visit, and shows the page.
func (s *Server) home(w http.ResponseWriter, r *http.Request) {
	current := s.sessions.From(r.Context())
	if r.Method == http.MethodGet && current.Data().User != "" {
		err := current.Update(func(v *visit) {
			v.Visits++
			v.Seen = now()
		})
		if err != nil {
			s.fail(w, err)
			return
		}
	}
	s.show(w, r, current)
}

func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	user, ok := field(w, r, "user")
	if !ok {
		return
	}
	user = strings.TrimSpace(user)
	unprintable := func(r rune) bool { return !unicode.IsPrint(r) }
	if user == "" || !utf8.ValidString(user) || utf8.RuneCountInString(user) > maxUser || strings.ContainsFunc(user, unprintable) {
		showProblem(w, http.StatusBadRequest, "A name has 1 to 64 letters and other printable characters.")
		return
	}
	err := s.sessions.From(r.Context()).Renew(visit{User: user, SignedIn: now(), Seen: now()})
	if err != nil {
		s.fail(w, err)
		return
	}
	home(w, r)
}

func (s *Server) signOut(w http.ResponseWriter, r *http.Request) {
	if err := s.sessions.From(r.Context()).Destroy(); err != nil {
		s.fail(w, err)
		return
	}
	home(w, r)
}

func (s *Server) turn(w http.ResponseWriter, r *http.Request) { s.edit(w, r, turn) }

func (s *Server) switchAlgorithm(w http.ResponseWriter, r *http.Request) {
	name, ok := field(w, r, "algorithm")
	if !ok {
		return
	}
	a, ok := algorithmNamed(name)
	if !ok {
		showProblem(w, http.StatusBadRequest, "There is no such algorithm.")
		return
	}
	s.edit(w, r, switchTo(a))
}

func (s *Server) switchCodec(w http.ResponseWriter, r *http.Request) {
	name, ok := field(w, r, "codec")
	if !ok {
		return
	}
	for _, c := range codecs {
		if c.Name() == name {
			s.edit(w, r, writeWith(name))
			return
		}
	}
	showProblem(w, http.StatusBadRequest, "There is no such codec.")
}

// edit changes the ring for a visitor who is signed in.
func (s *Server) edit(w http.ResponseWriter, r *http.Request, change change) {
	if s.sessions.From(r.Context()).Data().User == "" {
		showProblem(w, http.StatusForbidden, "Sign in first.")
		return
	}
	switch err := s.ring.edit(change); {
	case errors.Is(err, errFull), errors.Is(err, errChanged):
		showProblem(w, http.StatusConflict, "Not done: "+err.Error()+".")
	case err != nil && !errors.Is(err, errSame):
		s.fail(w, err)
	default:
		home(w, r)
	}
}

// fail answers that this server is at fault, and logs how.
func (s *Server) fail(w http.ResponseWriter, err error) {
	s.log.Print(err)
	showProblem(w, http.StatusInternalServerError, "The demo could not do that. Its output says why.")
}

// field returns a field of the form that the request posts. If there is none to
// be read, it answers the request.
func field(w http.ResponseWriter, r *http.Request, name string) (string, bool) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	err := r.ParseForm()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		showProblem(w, http.StatusRequestEntityTooLarge, "That is too much for this form.")
	case err != nil:
		showProblem(w, http.StatusBadRequest, "The form cannot be read.")
	case len(r.PostForm[name]) != 1:
		showProblem(w, http.StatusBadRequest, "The form has no field "+name+", or more than one.")
	default:
		return r.PostForm[name][0], true
	}
	return "", false
}

// home sends the browser to the page, by a GET: to load that again changes
// nothing.
func home(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// now is to the second: more would only make the cookie longer.
func now() time.Time { return time.Now().UTC().Truncate(time.Second) }
