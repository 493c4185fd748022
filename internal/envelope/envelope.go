// Package envelope is the way that benchmarks have into package session past the
// codec: to measure what it takes to verify a token and to make one, beside
// libraries that sign bytes.
package envelope

import "time"

// Of returns, of a *session.Manager and the value of a cookie of its, what opens
// that token at now and what makes it again, all but the codec's part. The error is
// a session.Reason. Of a value that is not valid, seal is nil. Package session sets it.
var Of func(manager any, now time.Time, value string) (open func() (payload []byte, err error), seal func() string)
