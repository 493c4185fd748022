package middleware

import "github.com/keyturn/keyturn/session"

// An Event is the account of one request that touched its session: what came,
// what was made of it, and what was sent. It holds no cookie value, no secret
// and nothing of the session's data, and everything in it is fit for a log.
//
// It is made as the session is frozen: just before the headers of the
// response go out, or when it turns out that they never will. A session that
// is first touched after that is accounted for when the handler returns, and
// one that is first touched later still, by a goroutine that the handler left
// behind, is not.
//
// Config.Observe is called in the goroutine that writes the response, which
// waits for it. The context is the request's, and carries the session, which
// may be read and no longer changed. A panic of Observe is the handler's.
type Event struct {
	// Outcome is what became of the cookie, and Reason why, if it was not
	// accepted. Both are of small, fixed sets, and fit for labels of a metric.
	Outcome session.Outcome
	Reason  session.Reason

	// Cookie is what is known of the cookie that came.
	Cookie session.Info

	// Attempts says what became of the cookies of other libraries that came, in the
	// order in which they were tried: the session was taken over if the Err of the last
	// one is nil, and Outcome is then valid, and Cookie describes what it was taken over
	// from. It is empty where a cookie of ours came, or none.
	Attempts []session.Attempt

	// Sent is what the response does to the cookie, and why.
	Sent session.Sent

	// Token describes the token that was sent, if one was.
	Token session.Info

	// Lost says that Sent is what should have been sent and could not be: the
	// connection was hijacked, or the handler panicked before the response
	// began. The client keeps the cookie it has. A refresh that no handler
	// asked for is not lost: Sent is then SentNothing.
	Lost bool
}
