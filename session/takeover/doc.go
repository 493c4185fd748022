// Package takeover reads the cookies that other session libraries have left in
// browsers, so that nobody signs in again when an application moves to keyturn.
//
// Each function of this package that is named after a system returns a [Reader]
// of that system's cookies: it verifies one with the old secret, decodes it, and
// says when the session in it began and when it ends. A [session.Takeover] gives
// the reader to a session.Manager, which makes the visitor's session its own:
//
//	flask, err := takeover.Flask(takeover.FlaskConfig{Secrets: []string{oldSecret}})
//	...
//	visits, err := session.New(session.Config{Keys: keys}, session.Takeover[session.Values]{
//		From:    flask,
//		Convert: takeover.Values,
//		Until:   time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC),
//	})
//
// What is read are plain data. What only a program can make something of, such
// as Python's pickle, Ruby's Marshal, and the functions of Erlang, is refused by
// name, and not looked into.
package takeover
