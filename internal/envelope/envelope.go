// Package envelope is the way that benchmarks have into packages session and
// middleware past the codec and the session: to measure what it takes to verify a
// token and to make one, and to get it from a header and into one, beside libraries
// that do no more.
package envelope

import "time"

// Of returns, of a *session.Manager and the value of a cookie, what opens that token
// at a time and what makes it again, of the same header, payload and key: all but the
// session's and the codec's part. The error is a session.Reason. Of a value that is
// not valid at now, seal is nil. Package session sets it.
var Of func(manager any, now time.Time, value string) (open func(now time.Time) (payload []byte, err error), seal func(now time.Time) string)

// Header returns, of a *middleware.Middleware, what finds the values of the
// session's cookie in the header of a request, good until the next call, and what
// sets it in that of a response for a time. Package middleware sets it.
var Header func(middleware any) (find func(header map[string][]string) []string, set func(header map[string][]string, value string, age time.Duration))
