package work

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
)

// others are the cookies that a browser sends before the session's.
const others = "theme=dark; lang=en; _ga=GA1.1.1234567890.1234567890"

// NewRequest returns a GET with a few cookies, the last of which is the session's;
// there is none if value is empty.
func NewRequest(value string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "https://www.example.com/", nil)
	cookies := others
	if value != "" {
		cookies += "; " + Cookie + "=" + value
	}
	r.Header = http.Header{"Cookie": {cookies}}
	return r
}

// A Response is a ResponseWriter that keeps the header, and nothing else.
type Response struct{ header http.Header }

// NewResponse returns an empty Response.
func NewResponse() *Response { return &Response{make(http.Header)} }

// Header returns the header.
func (w *Response) Header() http.Header { return w.header }

// Write drops what it is given.
func (w *Response) Write(b []byte) (int, error) { return len(b), nil }

// WriteHeader does nothing.
func (w *Response) WriteHeader(int) {}

// Flush is there because that of net/http is.
func (w *Response) Flush() {}

// Hijack is there because that of net/http is.
func (w *Response) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return nil, nil, errors.New("no connection")
}

// Value returns the value of the session's cookie that the response sets.
func (w *Response) Value() (string, error) {
	cookies := (&http.Response{Header: w.header}).Cookies()
	if len(cookies) != 1 || cookies[0].Name != Cookie || cookies[0].Value == "" {
		return "", fmt.Errorf("the response sets %d cookies: %v", len(cookies), w.header)
	}
	return cookies[0].Value, nil
}

// handlers are where the compiler does not follow.
var handlers []http.Handler

// opaque returns h as a handler that the compiler knows nothing of, and whose work
// it can neither inline nor leave out.
func opaque(h http.Handler) http.Handler {
	handlers = append(handlers, h)
	return handlers[len(handlers)-1]
}

// serving returns what serves h one fresh request. If sets is true, each response
// must set one cookie, or else none.
func serving(h http.Handler, template *http.Request, sets bool) func() {
	w := NewResponse()
	r := new(http.Request)
	return func() {
		clear(w.header)
		// A request that nobody has seen: libraries keep things in its context, and
		// put that into the request itself.
		*r = *template
		h.ServeHTTP(w, r)
		if n := len(w.header["Set-Cookie"]); (n == 1) != sets || n > 1 {
			panic(fmt.Sprintf("%d cookies set", n))
		}
	}
}
