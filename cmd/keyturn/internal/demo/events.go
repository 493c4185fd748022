package demo

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/keyturn/keyturn/middleware"
)

// maxEvents is how many of the last events are kept, of all visitors together.
const maxEvents = 512

// An entry is the account of one request, for the visitor whose session it was.
type entry struct {
	At     time.Time
	Method string
	Path   string
	middleware.Event
}

// events has the last entries. It holds no cookie and nothing of a session's
// data.
type events struct {
	mu   sync.Mutex
	last []entry // the newest last
}

func (l *events) add(e entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.last) >= maxEvents {
		l.last = append(l.last[:0], l.last[1:]...)
	}
	l.last = append(l.last, e)
}

// of returns the last n entries of the session, the newest first.
func (l *events) of(id string, n int) []entry {
	if id == "" {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []entry
	for i := len(l.last) - 1; i >= 0 && len(found) < n; i-- {
		if e := l.last[i]; e.Cookie.ID == id || e.Token.ID == id {
			found = append(found, e)
		}
	}
	return found
}

// An exchange is where the event of a request is put for its own handler, which
// is told of it as soon as its headers are written.
type exchange struct {
	method, path string
	event        middleware.Event
}

type exchangeKey struct{}

// withExchange makes room for the event.
func withExchange(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{method: r.Method, path: r.URL.Path}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
	})
}

// observe is for middleware.Config.Observe.
func (l *events) observe(ctx context.Context, e middleware.Event) {
	x := ctx.Value(exchangeKey{}).(*exchange)
	x.event = e
	l.add(entry{time.Now().UTC(), x.method, x.path, e})
}
