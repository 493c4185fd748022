// Package middleware keeps sessions in the cookies of net/http requests.
//
//	mw, err := middleware.New(visits, middleware.Config{}) // visits is a *session.Manager[Visit]
//	http.ListenAndServe(addr, mw.Handler(mux))
//
// A handler behind it finds its session in the context of the request:
//
//	s := visits.From(r.Context())
//
// Middleware.Handler is a func(http.Handler) http.Handler, which every router
// takes. Mount it once, outside of the handlers that use the session.
//
// # When the cookie is sent
//
// Once, just before the headers of the response go out: when the handler
// first calls WriteHeader, Write, Flush, ReadFrom, or when it returns. What
// changes a session after that returns session.ErrCommitted, so change the
// session first, and write then. Informational responses (103 Early Hints)
// are not the end: the session may change after them.
//
// A cookie is sent only if its value has to change; see package session. It
// is then the only Set-Cookie of its name in the response. A mere refresh
// gives way to one that is already there of that name, or of the former name
// that the session came under, as in a response that came through a
// ReverseProxy from a server that shares the session.
//
// Nothing is sent if the handler panics before the response has begun, and
// nothing of the session can be sent once the handler has hijacked the
// connection; Event.Lost tells of both. To send the cookie with the response
// to an upgrade, call WriteHeader(http.StatusSwitchingProtocols) before
// Hijack.
//
// Bodies are not buffered. http.ResponseController, Flush, Hijack, Push and
// sendfile work as without the middleware. One thing does not: the server
// recognizes only its own ResponseWriter in http.MaxBytesReader, to close the
// connection after a body that is too large.
//
// # Timeouts
//
// With http.TimeoutHandler, a handler may go on after the response has been
// sent. It can do so in safety: the session is locked, its changes return
// session.ErrCommitted, and what it reads is what came. This holds where the
// TimeoutHandler is inside of the middleware. Where it is outside, the
// handler writes to a response that is thrown away, and an Event may tell of
// a cookie that no one received; so mount the middleware outside.
//
// # Caches
//
// A response whose handler touched the session before it began has
// "Vary: Cookie", and one that sets the cookie has "Cache-Control: no-store"
// (Config.CacheControl), in place of what the handler set. A response whose
// handler did not touch the session has neither, and is byte for byte what it
// would be without this package.
//
// Vary keeps a shared cache from giving one visitor's page to another. It does
// not keep the page out of the cache: for what is nobody else's business, set
// Cache-Control to private or no-store in the handler. Fields for one kind of
// cache only, such as CDN-Cache-Control (RFC 9213), take precedence there and
// are not touched: do not set them on responses that use the session.
//
// # Security considerations
//
// The cookie is sent with SameSite=Lax, which keeps it out of most requests
// that other sites forge, not of all: other hosts of the same site are the
// same site. Put http.CrossOriginProtection in front of the middleware, and
// change nothing on GET and HEAD, except to pop a message that is shown once.
//
// Cookies cross origins only for CORS requests with credentials. A handler
// that allows those for every origin that asks gives them the session: name
// the origins, and with SameSite=None nothing else stands between them and
// the session.
//
// A cookie of http is one that anyone on the wire can read and set. Secure
// and the prefix __Host- are there for that; behind a proxy that ends TLS
// they are right as they are, since it is the browser that looks at them.
//
// What the client sends is never an error: a cookie that cannot be accepted
// makes a new session, whose Outcome says why. The cookies of a request with
// more than 3,000 of them are not looked at, as in net/http, and count as
// absent.
//
// A httputil.ReverseProxy sends the cookie on to its backend. A token is good
// in whoever's hands it is: use Middleware.Strip unless the backend shares
// the session.
package middleware
