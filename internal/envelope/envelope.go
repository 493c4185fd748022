// Package envelope is the way that benchmarks have into package session past the
// codec: to measure what it takes to verify a token and to make one, beside
// libraries that sign bytes.
package envelope

import "time"

// Of returns, of a *session.Manager and the value of a valid cookie of its, what
// opens that token at now and what makes it again, all but the codec's part. A
// value that is not valid then makes it panic. Package session sets it.
var Of func(manager any, now time.Time, value string) (open func() (payload []byte, ok bool), seal func() string)

// Judge returns, of a *session.Manager and any value of a cookie of its, what
// verifies it at now and says why it is not valid: a session.Reason, or nil.
// Package session sets it.
var Judge func(manager any, now time.Time, value string) func() error
