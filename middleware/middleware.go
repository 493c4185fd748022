package middleware

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/keyturn/keyturn/session"
)

// A Middleware gives each request its session, and sends the cookie if the
// session changed. It is safe for concurrent use.
type Middleware struct {
	// begin is Manager.Begin, of whatever T.
	begin    func(context.Context, session.Request) (committer, context.Context)
	stats    func(time.Time) session.Stats // Manager.Stats
	settings *settings
}

// A committer is a *session.Session[T].
type committer interface {
	Commit(reissue bool) session.Commit
}

// settings are what every exchange of a Middleware shares.
type settings struct {
	name    string
	names   []string // name, and the former ones
	few     int      // cookies of a request that are looked through without net/http
	cookies map[string]*setCookie
	below   []string // former and other libraries' names, whose cookies do not come with every request

	sameSite      http.SameSite
	cacheControl  string
	reissueOnRead bool
	observe       func(context.Context, Event)
}

func newSettings(name string, former, others []string, c Config) *settings {
	s := &settings{
		name:          name,
		names:         append([]string{name}, former...),
		cookies:       make(map[string]*setCookie),
		sameSite:      c.SameSite,
		cacheControl:  c.CacheControl,
		reissueOnRead: c.ReissueOnRead,
		observe:       c.Observe,
	}
	if looksAtFew() {
		s.few = fewCookies
	}
	for _, n := range slices.Concat(s.names, others) {
		a := attributesOf(n, &c)
		s.cookies[n] = newSetCookie(a)
		if n != name && a.Path != "/" && !slices.Contains(s.below, n) {
			s.below = append(s.below, n)
		}
	}
	return s
}

// Handler returns a handler that calls next with a request whose context
// carries its session, for Manager.From.
//
// The ResponseWriter that next gets has Flush and Hijack if, and only if, the
// original has them, and every ability of http.ResponseController that the
// original has.
func (m *Middleware) Handler(next http.Handler) http.Handler {
	if next == nil {
		panic("middleware: Handler of a nil http.Handler")
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{settings: m.settings, w: w, r: r}
		x.session, x.ctx = m.begin(r.Context(), (*question)(x))
		defer x.end()
		next.ServeHTTP(x.writer(), r.WithContext(x.ctx))
		x.returned = true
	})
}

// Strip removes the session's cookies, of its present and its former names,
// from the header of a request that is to be sent on to another server: a
// token is good in whoever's hands it is. Other cookies stay as they are.
//
// So do those of other libraries that are taken over: the server may be the one whose
// they are.
//
// Use it in the Rewrite of a httputil.ReverseProxy, on the outgoing header,
// unless the server behind the proxy shares the session.
func (m *Middleware) Strip(h http.Header) { withoutCookies(h, m.settings.names) }

// Stats returns a handler that answers GET and HEAD with Manager.Stats as JSON:
// the ring in use, its keys, and counters, for operators and what watches the
// fleet. It shows no secret and nothing of a session. It is mounted nowhere by
// itself: give it a path that the public does not reach.
//
// The JSON is that of a [session.Stats], into which a program can read it. Members
// that have nothing to say are left out: of a ring that follows no source, there is
// no confirmed; where all is well, there are no failure and no warnings; of a Manager
// without takeovers, there are no taken_over and no not_taken_over. Later versions may
// add members.
//
//	{
//	  "cookie": "__Host-session",
//	  "keyring": {
//	    "ring": "shop", "generation": 42, "checksum": "sha256:5f70...", "published": "2026-10-01T12:00:00Z",
//	    "policy": {"propagation": "1h", "skew": "5m", "max_session": "336h", "max_session_high": "336h"},
//	    "adopted": "2026-10-01T12:00:21Z", "confirmed": "2026-10-02T08:31:04Z",
//	    "failure": "keyring: the source failed; the log says why",
//	    "loads": {"adopted": 2, "unchanged": 2461, "unreadable": 1, "invalid": 0, "refused": 0},
//	    "primary": "8369e790", "codec": "cbor",
//	    "newest_key": "2026-10-01T12:00:00Z", "standby": "2026-10-01T12:00:00Z",
//	    "keys": [
//	      {
//	        "id": "8369e790", "algorithm": "hmac-sha256", "state": "active",
//	        "added": "2026-07-01T12:00:00Z", "sign_from": "2026-07-02T12:00:00Z", "verify_until": "2026-11-01T12:00:00Z",
//	        "verified": 90210, "signed": 1984, "last_verified": "2026-10-02T08:31:20Z", "prunable": false
//	      }
//	    ],
//	    "warnings": ["..."]
//	  },
//	  "warnings": ["..."],
//	  "outcomes": {"valid": 90171, "absent": 1409, "malformed": 12, "expired": 39},
//	  "read": {"json": 71, "msgpack": 0, "cbor": 90100},
//	  "written": {"json": 0, "msgpack": 0, "cbor": 1984},
//	  "taken_over": {"flask": 3120},
//	  "not_taken_over": {"flask": 14},
//	  "reissued": [{"from_key": "ba1c1627", "to_key": "8369e790", "from_codec": "json", "to_codec": "cbor", "count": 71}]
//	}
//
// All outcomes are there, also those that never occurred.
func (m *Middleware) Stats() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
			return
		}
		b, err := json.Marshal(m.stats(time.Now()))
		if err != nil {
			http.Error(w, "the statistics cannot be shown", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Write(append(b, '\n'))
	})
}

// An exchange is one request and its response. It is one allocation: the
// ResponseWriter of the handler, and what the session asks of the request.
//
// A response is written by one goroutine at a time, so what an exchange knows
// of the response needs no lock. The session has one: others may go on using
// it, even after the handler has returned, as they do with
// http.TimeoutHandler.
type exchange struct {
	settings *settings
	w        http.ResponseWriter
	r        *http.Request
	ctx      context.Context // the request's, with the session
	session  committer

	touched   atomic.Bool // set by the session, in whichever goroutine
	committed bool        // the session is frozen
	observed  bool
	returned  bool // the handler did, and did not panic

	lent bool // room is in use
	room [1]string
}

// question is an exchange as the session sees it: a session.Request. Its
// methods are not among those of the ResponseWriter.
type question exchange

// Now returns the time. It is the first thing that a session asks for when it
// is touched.
func (q *question) Now() time.Time {
	if !q.touched.Load() {
		q.touched.Store(true)
	}
	return time.Now()
}

// Cookies returns what net/http finds in the request, by its own rules. The
// usual one cookie needs no slice beside the exchange.
func (q *question) Cookies(name string) []string {
	lines := q.r.Header["Cookie"]
	if countCookies(lines) > q.settings.few {
		return namedByHTTP(q.r, name)
	}
	var room []string
	if !q.lent {
		room = q.room[:0]
	}
	values := appendCookies(room, lines, name)
	q.lent = q.lent || len(values) > 0
	return values
}

// RawCookies returns what is in the header.
func (q *question) RawCookies(name string) []string { return rawCookies(q.r.Header["Cookie"], name) }

// WouldHaveOurs reports whether a browser that has a cookie of ours sends it with this
// request. With those of other sites, SameSite keeps it back, and perhaps not the one
// of another library: it must not be taken over then, as if there were no session, and
// replace the session that there is.
func (q *question) WouldHaveOurs() bool {
	if q.r.Header.Get("Sec-Fetch-Site") != "cross-site" {
		return true // of the same site, of the user, or of a browser that does not say it
	}
	switch q.settings.sameSite {
	case http.SameSiteNoneMode:
		return true
	case http.SameSiteLaxMode:
		switch q.r.Method { // RFC 6265bis, section 5.8.3: a navigation by a safe method
		case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
			// Prefetching and embedding are no navigations of the top level.
			dest := q.r.Header.Get("Sec-Fetch-Dest")
			return q.r.Header.Get("Sec-Fetch-Mode") == "navigate" && (dest == "" || dest == "document")
		}
	}
	return false
}

// namedByHTTP returns the values of the cookies that net/http finds.
func namedByHTTP(r *http.Request, name string) []string {
	cookies := r.CookiesNamed(name)
	values := make([]string, len(cookies))
	for i, c := range cookies {
		values[i] = c.Value
	}
	return values
}

// commit freezes the session, and puts what is to be sent into the header of
// the response, just before that goes out. Nothing is put there earlier: it
// would go out with a 103, be cleared by a ReverseProxy, and be replaced by a
// TimeoutHandler.
func (x *exchange) commit() {
	if x.committed {
		return
	}
	x.committed = true
	c := x.session.Commit(x.mayReissue())
	if !c.Touched {
		return
	}
	x.send(x.w.Header(), &c)
	x.account(&c, false)
}

// lose freezes the session of a response that will not begin, or whose
// headers somebody else writes. What nobody asked for is not lost: it falls due
// again with the next request.
func (x *exchange) lose() {
	x.committed = true
	c := x.session.Commit(false)
	if !c.Touched {
		return
	}
	if unasked(&c) {
		withdraw(&c)
	}
	x.account(&c, c.Sent != session.SentNothing)
}

// end is called when the handler has returned or panicked. It does not
// recover: the panic goes on.
func (x *exchange) end() {
	switch {
	case x.committed:
	case x.returned:
		x.commit()
	default:
		x.lose()
	}
	if x.settings.observe != nil && !x.observed && x.touched.Load() {
		c := x.session.Commit(false) // only to say what came
		x.account(&c, false)
	}
}

// mayReissue reports whether the request is one that ReissueOnRead means.
func (x *exchange) mayReissue() bool {
	return x.settings.reissueOnRead && x.r.Method == http.MethodGet && x.r.Header.Get("Sec-Fetch-Mode") == "navigate"
}

// unasked reports whether something is to be sent that no handler asked for.
func unasked(c *session.Commit) bool {
	return c.Sent == session.SentRefreshed || c.Sent == session.SentReissued || c.Sent == session.SentTakenOver
}

// withdraw leaves nothing to be sent. With the cookie go the deletions of former
// ones, whose place it was to take.
func withdraw(c *session.Commit) {
	c.Sent, c.Value, c.MaxAge, c.Delete = session.SentNothing, "", 0, nil
}

// send puts what is to be sent into the header.
func (x *exchange) send(h http.Header, c *session.Commit) {
	s := x.settings
	if c.Over {
		// A cookie of a path that the request is not below has not come. It would be
		// found with the next one there, and what is over begin again.
		for _, name := range s.below {
			if !slices.Contains(c.Delete, name) {
				c.Delete = append(c.Delete, name)
			}
		}
	}
	var vary, setCookie, cacheControl []string // room for them
	if c.Value != "" || len(c.Delete) > 0 {
		vary, setCookie, cacheControl = rooms()
	}
	varyByCookie(h, vary)
	if c.Value == "" && len(c.Delete) == 0 {
		return
	}
	spell(h, "Set-Cookie", "Cache-Control")
	if unasked(c) && (setsCookie(h, s.name) || setsCookie(h, c.Cookie().Cookie)) {
		// The cookie was set on the way here, by a server behind a proxy that
		// shares it and may know its former name only, or by this middleware,
		// mounted twice. Nobody asked for this one, and it must not undo the
		// other, which may be a sign-out.
		withdraw(c)
		return
	}
	if c.Value != "" {
		replaceCookie(h, s.name, s.cookies[s.name].set(c.Value, c.MaxAge), setCookie)
	}
	for _, name := range c.Delete {
		replaceCookie(h, name, s.cookies[name].delete(), setCookie)
	}
	if !hasMember(h["Cache-Control"], "no-store") {
		h["Cache-Control"] = append(cacheControl, s.cacheControl)
	}
}

// account makes the Event.
func (x *exchange) account(c *session.Commit, lost bool) {
	x.observed = true
	if x.settings.observe == nil {
		return
	}
	e := Event{Outcome: c.Outcome, Reason: c.Reason, Cookie: c.Cookie(), Attempts: c.Attempts, Sent: c.Sent, Lost: lost}
	if !lost {
		e.Token = c.Token()
	}
	x.settings.observe(x.ctx, e)
}
