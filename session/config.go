package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/internal/stripe"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session/internal/shape"
)

const (
	// DefaultName is the name of the cookie where Config.Name is empty.
	DefaultName = "__Host-session"
	// DefaultLifetime is the lifetime of a session where Config.Lifetime is 0,
	// unless the ring's longest session is shorter.
	DefaultLifetime = 14 * 24 * time.Hour
	// MaxCookie is the length in bytes of the name and the value of a cookie,
	// taken together, beyond which browsers drop it (RFC 6265bis, section 5.7).
	MaxCookie = 4096
)

// A Config says how a [Manager] makes and opens the sessions of one cookie.
// Only Keys is needed; the zero value of every other field is right for most.
type Config struct {
	// Keys are the keys that sign and open sessions.
	Keys *keyring.Keyring

	// Name is the name of the cookie; DefaultName if empty. It is bound into
	// every token: what is signed as one cookie never opens as another.
	Name string

	// FormerNames are names that the cookie had before. A session found under
	// one of them is as good as one under Name, and is written under Name.
	// Where different sessions are found, the one under Name is used: an older
	// name may be open to cookies that others have planted. Instances that
	// still write an older name should be given the new one as a former name.
	FormerNames []FormerName

	// Audience tells apart applications that share keys, as Name tells apart
	// cookies: tokens of one audience never open for another. It is not sent.
	Audience string

	// Codecs are the codecs that may be read; JSON, MessagePack and CBOR if
	// empty. New tokens are written in the one that the ring schedules,
	// or else in the first of these. Those of your own have IDs from 128 to
	// 255; one that wraps a codec of package codec, and writes what that
	// would, keeps its ID and its name.
	Codecs []codec.Codec

	// Lifetime is how long a session lasts, used or not. It must not exceed the
	// ring's longest session (max_session). If it is 0, it is DefaultLifetime,
	// or the ring's longest session where that is shorter.
	Lifetime time.Duration

	// IdleTimeout is how long a session lasts without being used; 0 means as
	// long as its Lifetime. A session that is used in the last half of its
	// idle time is sent again, with its idle time begun anew.
	IdleTimeout time.Duration

	// IDs gives each session a random ID of 96 bits, for Revoked or for logs.
	// Without them, two cookies of one name whose sessions began in the same
	// second are taken for one session's, and the newer is used.
	IDs bool

	// Sealed says that what is in a session must stay secret: only keys that
	// encrypt may then write it, and New and every later ring are refused
	// where the primary key does not.
	Sealed bool

	// Revoked, if not nil, is asked whether a session that is otherwise valid
	// has been revoked. It is called at the first touch of a session, with
	// the context of its request, and the handler waits for it: give it a
	// deadline with context.WithTimeout. It must not touch the session.
	Revoked func(context.Context, Info) (bool, error)

	// RevocationFailure says what an error of Revoked means. With Revoked it
	// has to be chosen.
	RevocationFailure RevocationFailure

	// KeepIndeterminate makes Update and Renew return ErrIndeterminate where
	// the request's cookie is indeterminate, so that the handler can answer
	// that the client should try again. Otherwise they overwrite that cookie.
	KeepIndeterminate bool
}

// A FormerName is a name that a cookie had before it was renamed.
type FormerName struct {
	Name string

	// DeleteAfter is when a cookie of this name is first deleted as the
	// session is written under the present one. Instances from before the
	// renaming need it until the last of them is gone. Never, if zero.
	// Signing out and Renew delete it at any time: what was in it is over.
	DeleteAfter time.Time
}

// RevocationFailure says what it means that revocation could not be checked.
type RevocationFailure uint8

const (
	_ RevocationFailure = iota
	// FailClosed: the session is not used (ErrRevocationUnavailable), and its
	// cookie is left alone.
	FailClosed
	// FailOpen: the session is used. A revoked one is then, too.
	FailOpen
)

// New returns a Manager for the sessions of one cookie. An error lists every
// problem of the configuration, and every field of T that cannot be carried.
//
// T is Values, a struct, or a map with string keys, of which a new session has
// an empty one and not the zero T, which is nil. Its fields may be bool,
// any integer, finite float, string (UTF-8), []byte, array, time.Time (kept
// as an instant, in UTC, to the nanosecond), time.Duration, pointer, slice,
// map with string or integer keys, struct, or a type that marshals itself as
// text. They are named by their json tags, in every codec, with omitempty and
// omitzero. Every field has to come back, so that unexported fields and those
// tagged json:"-" are refused: keep such things outside of T.
//
// The sessions of other libraries are taken over as takeovers say, of which the first
// that finds one is the one that counts.
func New[T any](c Config, takeovers ...Takeover[T]) (*Manager[T], error) {
	m := &Manager[T]{keepIndeterminate: c.KeepIndeterminate}
	m.tally = new(tally)
	errs := m.configure(c)
	errs = append(errs, m.carry()...)
	errs = append(errs, m.takeOverFrom(takeovers)...)
	if len(errs) == 0 {
		errs = append(errs, m.encodeZero()...)
	}
	if len(errs) == 0 { // last: a binding lasts as long as the keyring
		errs = append(errs, m.bind()...)
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	m.waits = m.revoked != nil || len(m.takeovers) > 0 || m.shape != nil && m.shape.Opaque() ||
		slices.ContainsFunc(m.codecs, func(c codec.Codec) bool { return c.ID() >= firstCustomID })
	return m, nil
}

// carry finds out what T is, and reports what of it cannot be carried.
func (m *Manager[T]) carry() (errs []error) {
	if _, m.isValues = any((*T)(nil)).(*Values); m.isValues {
		m.flat = true
		return nil
	}
	var err error
	if m.shape, err = shape.Of(reflect.TypeFor[T]()); err != nil {
		for _, err := range err.(interface{ Unwrap() []error }).Unwrap() {
			errs = append(errs, fmt.Errorf("session: %w", err))
		}
		return errs
	}
	m.flat = m.shape.Flat()
	for _, cd := range m.codecs {
		if cd == nil {
			continue // configure has said so
		}
		if err := m.shape.RoundTrip(cd); err != nil {
			errs = append(errs, fmt.Errorf("session: %w", err))
		}
	}
	return errs
}

// configure takes over c, and reports what is wrong with it.
func (e *envelope) configure(c Config) (errs []error) {
	problem := func(format string, args ...any) {
		errs = append(errs, fmt.Errorf("session: "+format, args...))
	}
	switch {
	case c.Keys == nil:
		problem("Config.Keys is nil: open a ring with keyring.Open, or try things out with keyring.Ephemeral")
	case c.Keys.Ring() == nil:
		problem("Config.Keys is a zero Keyring, which has no ring: open one with keyring.Open")
		c.Keys = nil
	}
	e.keys = c.Keys

	if c.Name == "" {
		c.Name = DefaultName
	}
	e.names = []cookieName{{name: c.Name}}
	for _, f := range c.FormerNames {
		e.names = append(e.names, cookieName{name: f.Name, deleteAfter: f.DeleteAfter})
	}
	if len(e.names) > maxNames {
		problem("Config.FormerNames has %d names, at most %d are allowed", len(c.FormerNames), maxNames-1)
	}
	seen := map[string]bool{}
	for i, n := range e.names {
		switch {
		case !isToken(n.name):
			problem("cookie name %q: a name is one or more letters, digits or characters of !#$%%&'*+-.^_`|~ (RFC 6265, section 4.1.1)", n.name)
		case seen[n.name]:
			problem("cookie name %q is given twice", n.name)
		case i == 0 && len(n.name) > maxName:
			problem("cookie name of %d bytes, at most %d are allowed", len(n.name), maxName)
		}
		seen[n.name] = true
	}
	if len(c.Audience) > math.MaxUint16 {
		problem("Config.Audience of %d bytes, at most %d are allowed", len(c.Audience), math.MaxUint16)
	}
	e.audience = c.Audience

	e.codecs = c.Codecs
	if len(e.codecs) == 0 {
		e.codecs = codec.All()
	}
	names := map[string]bool{}
	for i, cd := range e.codecs {
		if cd == nil {
			problem("Config.Codecs[%d] is nil", i)
			continue
		}
		name, id := cd.Name(), cd.ID()
		switch {
		case !isCodecName(name):
			problem("Config.Codecs[%d] is named %q: a name is 1 to 32 lower-case letters, digits and hyphens", i, name)
		case names[name]:
			problem("Config.Codecs[%d] is named %q: each codec needs a name of its own", i, name)
		}
		switch {
		case e.byID[id] != nil:
			problem("Config.Codecs[%d], %q, has the ID %d: each codec needs an ID of its own", i, name, id)
		case id < firstCustomID && !isBuiltIn(cd):
			problem("Config.Codecs[%d], %q, has the ID %d: a codec of your own has one from 128 to 255", i, name, id)
		}
		names[name] = true
		e.byID[id], e.tally.read[id] = cd, new(stripe.Counter)
	}

	// newHeader keeps it within the longest session of the ring of the day.
	e.lifetime = cmp.Or(c.Lifetime, DefaultLifetime)
	longest := e.lifetime
	if c.Keys != nil {
		longest = min(longest, c.Keys.Ring().Policy().MaxSession)
	}
	e.promised = longest
	switch {
	case e.lifetime < time.Second || e.lifetime%time.Second != 0:
		problem("Config.Lifetime is %v: it has to be a positive number of whole seconds", c.Lifetime)
	case c.Lifetime > longest:
		problem("Config.Lifetime is %v, longer than the ring's max_session of %v: keys would retire before their sessions end; raise max_session in the ring first, or shorten the lifetime", c.Lifetime, longest)
	}
	if c.IdleTimeout < 0 || c.IdleTimeout%time.Second != 0 || (c.IdleTimeout > 0 && c.IdleTimeout < 2*time.Second) {
		problem("Config.IdleTimeout is %v: it has to be a number of whole seconds, 2 or more, or 0 for none", c.IdleTimeout)
	}
	if longest > 0 && c.IdleTimeout > longest {
		problem("Config.IdleTimeout is %v, longer than a session, which lasts %v", c.IdleTimeout, longest)
	}
	e.idle = c.IdleTimeout
	e.ids, e.sealed = c.IDs, c.Sealed

	switch {
	case c.Revoked != nil && c.RevocationFailure != FailClosed && c.RevocationFailure != FailOpen:
		problem("Config.RevocationFailure is not chosen: with Revoked it has to be FailClosed or FailOpen")
	case c.Revoked == nil && c.RevocationFailure != 0:
		problem("Config.RevocationFailure is set, and Config.Revoked is nil")
	}
	e.revoked, e.revocationFailure = c.Revoked, c.RevocationFailure
	return errs
}

// bind derives the subkeys of every name, now and for each later ring.
func (e *envelope) bind() (errs []error) {
	for i := range e.names {
		u := keyring.Use{Name: e.names[i].name, Audience: e.audience}
		if i == 0 {
			u.Adopted = e.adopted()
			u.Adopted(e.keys.Ring())
			if e.sealed {
				u.Check = checkSealed
			}
		}
		b, err := e.keys.Bind(u)
		switch {
		case errors.Is(err, ErrNotSealed):
			return append(errs, err)
		case err != nil:
			return append(errs, fmt.Errorf("session: %w", err))
		}
		e.names[i].keys = b
	}
	return nil
}

// isBuiltIn reports whether c has the ID and the name of a codec of package
// codec, as one that wraps it has.
func isBuiltIn(c codec.Codec) bool {
	return slices.ContainsFunc(codec.All(), func(b codec.Codec) bool { return b.ID() == c.ID() && b.Name() == c.Name() })
}

// isCodecName reports whether s can be the name of a codec in a ring file.
func isCodecName(s string) bool {
	return s != "" && len(s) <= 32 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// isToken reports whether s is a token of RFC 9110, section 5.6.2, as the
// name of a cookie has to be.
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '!', c == '#', c == '$', c == '%', c == '&', c == '\'', c == '*', c == '+',
			c == '-', c == '.', c == '^', c == '_', c == '`', c == '|', c == '~':
		default:
			return false
		}
	}
	return s != ""
}
