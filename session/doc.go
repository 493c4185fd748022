// Package session keeps a visitor's data in a signed token, opens it again,
// and says what became of one that it cannot accept.
//
// A [Manager] makes and opens the sessions of one cookie. A [Session] is one
// visitor's data during one request. The data is a struct of the
// application's, or [Values], a dictionary with typed keys. Package
// middleware joins a Manager to net/http; this package does not know HTTP,
// and takes the time as a parameter.
//
//	type Visit struct {
//		User string    `json:"user"`
//		Seen time.Time `json:"seen"`
//	}
//
//	visits, err := session.New[Visit](session.Config{Keys: keys})
//
// # Change without signing anyone out
//
// A token names the key and the codec it was made with. Whatever a Manager
// may read, it reads, and whatever it writes is under the ring's primary key,
// in the codec that the ring schedules, and under the present name of the
// cookie. A session that was made before the change is sent again when it is
// written, or when its idle time is refreshed, and is good as it is until
// then. It keeps its start, its end and its ID.
//
// An instance that lags behind may meet a token of a key, a codec or a
// version that it does not know. Such a token is [Indeterminate]: the request
// goes on with a new session, and the cookie is not touched.
//
// Sessions that another library has left in browsers are taken over: see [Takeover],
// and package session/takeover.
//
// A struct may gain fields while instances with the older struct still run:
// the members of the outermost map that those do not know survive their
// updates, in every codec that is a codec.Merger, as the built-in ones are.
//
// # Security considerations
//
// A token is authentic: only a holder of the key makes one, for this cookie
// and this audience. Unless its key is one that encrypts (see Config.Sealed),
// whoever has it can read it.
//
// A token is valid until it expires, however often and by whomever it is
// sent. Signing out deletes the visitor's cookie and not the copies of it;
// [Config.Revoked] is the hook with which an application that keeps a list
// can refuse those. Revoking a key, and the ring's not_before, end many
// sessions at once.
//
// Two requests that change a session at the same time each send a cookie, and
// the later response wins.
//
// [Session.Renew] at sign-in keeps out what was in the session before, which
// may have been planted there.
package session
