package session

import (
	"fmt"
	"log/slog"
)

// An Outcome says what became of the cookie that a request brought.
type Outcome uint8

const (
	// Absent: the request brought no cookie; the session is new.
	Absent Outcome = iota
	// Valid: the session is the one in the cookie.
	Valid
	// Rejected: the cookie is no session's, or no longer; the session is new.
	Rejected
	// Indeterminate: this instance cannot judge the cookie, another may: its
	// key, its codec or its version is unknown here. The session is new, and
	// the cookie is left alone unless a handler writes.
	Indeterminate
)

var outcomes = [...]string{Absent: "absent", Valid: "valid", Rejected: "rejected", Indeterminate: "indeterminate"}

// String returns the name of the outcome: absent, valid, rejected or
// indeterminate.
func (o Outcome) String() string {
	if int(o) < len(outcomes) {
		return outcomes[o]
	}
	return fmt.Sprintf("Outcome(%d)", uint8(o))
}

// MarshalText returns the name of the outcome.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// A Reason says why a cookie was not accepted. It is an error for errors.Is,
// and its zero value is no reason at all: as an error that is not nil, so use
// Err where an error is wanted. No Reason quotes a key or a value.
//
// As an error, which is what fmt prints, it is a sentence; its name, which
// slog and JSON write, is that of String. Labels of a metric want the name.
type Reason uint8

// The reasons, in the order in which they are looked for: the first that
// applies is the one that is given. In particular, a forged token is never
// said to be expired.
const (
	ErrTooLarge              Reason = iota + 1 // longer than a cookie can be
	ErrMalformed                               // not a token: perhaps another library's cookie
	ErrUnsupportedVersion                      // of a version unknown here (indeterminate)
	ErrUnknownKey                              // of a key unknown here (indeterminate)
	ErrRevoked                                 // of a revoked key
	ErrDisabled                                // of a disabled key, which may be enabled again (indeterminate)
	ErrRetired                                 // of a key past its verify_until
	ErrForged                                  // its tag does not verify
	ErrUnsupportedCodec                        // of a codec not among Config.Codecs (indeterminate)
	ErrFuture                                  // issued later than now, beyond the error of clocks (indeterminate)
	ErrExpired                                 // past the end of the session
	ErrIdle                                    // not used for too long
	ErrNotBefore                               // begun before the ring's not_before
	ErrSessionRevoked                          // Config.Revoked says so
	ErrRevocationUnavailable                   // Config.Revoked failed, and the choice is to fail closed, or has not answered yet (indeterminate)
	ErrUndecodable                             // verified, but not a T (indeterminate)
	ErrAmbiguous                               // several valid cookies of different sessions
)

var reasons = [...]struct {
	name          string
	text          string
	indeterminate bool
}{
	0:                        {"", "no reason", false},
	ErrTooLarge:              {"too_large", "cookie too large", false},
	ErrMalformed:             {"malformed", "not a token", false},
	ErrUnsupportedVersion:    {"unsupported_version", "token version not supported here", true},
	ErrUnknownKey:            {"unknown_key", "key not known here", true},
	ErrRevoked:               {"revoked", "key revoked", false},
	ErrDisabled:              {"disabled", "key disabled", true},
	ErrRetired:               {"retired", "key retired", false},
	ErrForged:                {"forged", "token not authentic", false},
	ErrUnsupportedCodec:      {"unsupported_codec", "codec not supported here", true},
	ErrFuture:                {"future", "token issued in the future", true},
	ErrExpired:               {"expired", "session expired", false},
	ErrIdle:                  {"idle", "session idle for too long", false},
	ErrNotBefore:             {"not_before", "session begun before the ring's not_before", false},
	ErrSessionRevoked:        {"session_revoked", "session revoked", false},
	ErrRevocationUnavailable: {"revocation_unavailable", "revocation could not be checked", true},
	ErrUndecodable:           {"undecodable", "payload not decodable here", true},
	ErrAmbiguous:             {"ambiguous", "several valid cookies of different sessions", false},
}

// Error returns the reason in words, for a log.
func (r Reason) Error() string {
	if int(r) < len(reasons) {
		return "session: " + reasons[r].text
	}
	return fmt.Sprintf("session: Reason(%d)", uint8(r))
}

// String returns the name of the reason as events and the command spell it:
// too_large, malformed, unknown_key and so on; "" for no reason.
func (r Reason) String() string {
	if int(r) < len(reasons) {
		return reasons[r].name
	}
	return fmt.Sprintf("Reason(%d)", uint8(r))
}

// MarshalText returns the name of the reason.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// LogValue returns the name of the reason.
func (r Reason) LogValue() slog.Value { return slog.StringValue(r.String()) }

// Err returns r, or nil if it is no reason.
func (r Reason) Err() error {
	if r == 0 {
		return nil
	}
	return r
}

// Outcome returns what a cookie with this reason is: Rejected or
// Indeterminate, or Valid for no reason.
func (r Reason) Outcome() Outcome {
	switch {
	case r == 0:
		return Valid
	case int(r) < len(reasons) && reasons[r].indeterminate:
		return Indeterminate
	}
	return Rejected
}
