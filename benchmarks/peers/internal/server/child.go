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

	"github.com/keyturn/keyturn/benchmarks/internal/work"
	"github.com/keyturn/keyturn/benchmarks/peers"
	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
)

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
	sites := peers.Sites()
	for name, c := range map[string]codec.Codec{KeyturnJSON: codec.JSON(), KeyturnCBOR: codec.CBOR()} {
		s, err := keyturnSite(name, c)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		sites = append(sites, s)
	}
	for _, s := range sites {
		path, ok := paths[s.Who]
		if !ok {
			return nil, fmt.Errorf("%s: it has no path", s.Who)
		}
		mux.Handle("POST "+path, s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			v := work.Standard
			s.SignIn(w, r, &v)
		})))
		mux.Handle("GET "+path, s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			page(w, s.Read(r))
		})))
	}
	return mux, nil
}

// page answers as pages do, with a header of its own: or the first one that there is,
// which is more work for net/http than one more, would be the session's.
func page(w http.ResponseWriter, text string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	io.WriteString(w, text)
}

// keyturnSite is keyturn as it comes, with a codec.
func keyturnSite(name string, c codec.Codec) (work.Site, error) {
	m, err := session.New[work.Session](session.Config{Keys: keyring.Ephemeral(), Codecs: []codec.Codec{c}})
	if err != nil {
		return work.Site{}, err
	}
	return work.Keyturn(m, name, middleware.Config{})
}
