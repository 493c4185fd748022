package middleware

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
)

// The methods of exchange are those of its ResponseWriter. Whatever freezes
// the headers of the response commits first.

// Format writes neither the request nor the session, for every verb.
func (x *exchange) Format(f fmt.State, _ rune) { io.WriteString(f, "middleware: a response") }

// Header returns the header of the response.
func (x *exchange) Header() http.Header { return x.w.Header() }

// WriteHeader commits, unless the status is informational: a response with
// another one follows. 101 is final (RFC 9110, section 15.2.2). A status
// that net/http refuses, by a panic, freezes nothing.
func (x *exchange) WriteHeader(status int) {
	if 200 <= status && status <= 999 || status == http.StatusSwitchingProtocols {
		x.commit()
	}
	x.w.WriteHeader(status)
}

// Write commits, even if there is nothing to write.
func (x *exchange) Write(b []byte) (int, error) {
	x.commit()
	return x.w.Write(b)
}

// WriteString commits.
func (x *exchange) WriteString(s string) (int, error) {
	x.commit()
	return io.WriteString(x.w, s)
}

// ReadFrom commits, and leaves the copying to the original ResponseWriter,
// which may use sendfile.
func (x *exchange) ReadFrom(src io.Reader) (int64, error) {
	x.commit()
	if r, ok := x.w.(io.ReaderFrom); ok {
		return r.ReadFrom(src)
	}
	return io.Copy(x.w, src)
}

// Push starts an HTTP/2 server push, where the original can.
func (x *exchange) Push(target string, opts *http.PushOptions) error {
	if p, ok := x.w.(http.Pusher); ok {
		return p.Push(target, opts)
	}
	return http.ErrNotSupported
}

// Unwrap is for http.ResponseController, which finds there what is not here:
// deadlines, full duplex, and what may come.
func (x *exchange) Unwrap() http.ResponseWriter { return x.w }

// flush commits and flushes.
func (x *exchange) flush() error {
	x.commit()
	return http.NewResponseController(x.w).Flush()
}

// hijack hands over the connection. Once it has, nothing can be sent: what
// should have been is lost, unless a status of 101 was written before, and
// committed. If it fails, the response can still be written.
func (x *exchange) hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(x.w).Hijack()
	if err == nil {
		x.lose()
	}
	return conn, rw, err
}

// writer returns the ResponseWriter of the handler. Handlers ask by type
// assertion whether they can stream or take over the connection, and they are
// told the truth: Flush and Hijack are there if the original, or what it
// unwraps to, has them. Were they never there, http.ResponseController would
// go past the commit; were they always there, handlers would not take the
// way that they have for the other case.
//
// The types below are pointers as far as memory goes: making an interface of
// them allocates nothing.
func (x *exchange) writer() http.ResponseWriter {
	var flushes, hijacks bool
	for w := x.w; w != nil; {
		switch w.(type) {
		case interface{ FlushError() error }, http.Flusher:
			flushes = true
		}
		if _, ok := w.(http.Hijacker); ok {
			hijacks = true
		}
		u, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok || flushes && hijacks {
			break
		}
		w = u.Unwrap()
	}
	switch {
	case flushes && hijacks:
		return flushHijacker{x}
	case flushes:
		return flusher{x}
	case hijacks:
		return hijacker{x}
	}
	return x
}

type flusher struct{ *exchange }

func (f flusher) Flush()            { f.flush() }
func (f flusher) FlushError() error { return f.flush() }

type hijacker struct{ *exchange }

func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return h.hijack() }

type flushHijacker struct{ *exchange }

func (f flushHijacker) Flush()                                       { f.flush() }
func (f flushHijacker) FlushError() error                            { return f.flush() }
func (f flushHijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) { return f.hijack() }
