package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync/atomic"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session/internal/token"
)

// An Origin opens the cookies of another session library. Package
// session/takeover has those of many. It has to be safe for concurrent use.
type Origin interface {
	// System returns the name of the library, as it is in an Attempt: always
	// the same one, and fit for a label of a metric.
	System() string

	// Cookies returns the name of the cookie, and behind it those of the cookies
	// that belong to it, as a signature that is kept beside. They are always the
	// same.
	Cookies() []string

	// Open verifies and decodes the values of the cookies at now. They are as they
	// are in the header of the request, in the order of Cookies, "" for one that
	// is missing, which the first is not. What is not authentic has to be an
	// error, whatever another Origin would make of it. An error wraps a Reason
	// where there is one for it, and quotes nothing of the values.
	Open(now time.Time, values []string) (Foreign, error)
}

// A Foreign is a session of another library, as an Origin has opened it.
type Foreign struct {
	// Data is what is in it, in types that the Origin documents.
	Data any

	// Start is when it began, or was last sent if that is all that the cookie says.
	// It is zero if the cookie says neither.
	Start time.Time

	// Expires is when it ends there, the first instant at which it is over; zero if
	// nothing ends it.
	Expires time.Time
}

// A Takeover makes the sessions that another library has left in browsers sessions
// of a Manager: nobody has to sign in again.
//
// Several cookies of its name that hold different sessions are refused, as they are of
// ours: ErrAmbiguous.
//
// It is tried for requests without a cookie of the Manager, whatever would become of
// that: who has signed out here is not signed in again by what the other library left
// behind. Nor is it tried where a browser would keep a cookie of the Manager back that it
// has, as in requests of other sites: see [Request]. The session is then as one that came
// in a cookie of ours. It is sent with the response, whether the handler changes it or
// not, and every later request has it.
// It keeps its start, and ends when it would have ended there, or after a Lifetime
// from now if that is earlier.
//
// Where the other library's cookie does not say when the session began, it begins with
// the takeover and ends at Until at the latest. A ring that has a not_before refuses
// such sessions, of which nobody knows that they began after it.
type Takeover[T any] struct {
	// From opens the other library's cookie. One that has a method Unsigned() bool
	// which returns true opens cookies that anybody can write: it must be the only
	// one, or what another has refused would come in by it.
	From Origin

	// Convert makes the data of a session from Foreign.Data. An error of it refuses
	// the session, and must not quote the data. It must not use the session of the
	// request. For a T of Values, there is takeover.Values.
	Convert func(data any) (T, error)

	// Until is when the takeover ends: from then on, the other library's cookie is
	// not looked at. Whoever has not been here by then signs in again.
	Until time.Time

	// DeleteAfter is when the other library's cookie is first deleted as a session
	// of ours is sent. In a rolling deploy, instances of the program from before
	// need it until the last of them is gone. Never, if zero. Signing out and Renew
	// delete it at any time: what was in it is over.
	DeleteAfter time.Time

	// InPlace allows the other library's cookie to have the name of the Manager's,
	// which takes its place in the browser as the session is sent. It is not for
	// rolling deploys: instances of the program from before do not know what they
	// then find. It has to have been set for the same path and domain as the Manager's
	// is, or the browser keeps both, and signing out deletes one.
	InPlace bool
}

// An Attempt says what became of a cookie of another library.
type Attempt struct {
	System string // as Origin.System says

	// Err is nil if the session was taken over. Otherwise it says why not, and
	// wraps a Reason where there is one for it; it quotes nothing of the cookie.
	Err error
}

// takeover is a Takeover[T], as far as it does not depend on T.
type takeover struct {
	from        Origin
	system      string
	names       []string // of From.Cookies
	until       time.Time
	deleteAfter time.Time
	taken       atomic.Uint64
	refused     atomic.Uint64
}

// taken is what a session knows of the cookies of other libraries that came with the
// request, none of ours having come.
type taken struct {
	attempts []Attempt
	info     Info      // of the cookie whose session it is, if the last attempt succeeded
	payload  []byte    // what it was taken over with
	from     *takeover // nil: none was taken over
}

var (
	errPanicked = errors.New("session: the Origin or Takeover.Convert panicked")
	errNoData   = fmt.Errorf("session: what Takeover.Convert returned: %w", ErrNotCarried)
	errNoStart  = fmt.Errorf("session: nobody knows when it began, and the ring has a not_before: %w", ErrNotBefore)
)

// takeOver looks for a session in the cookies of other libraries, in the order of the
// configuration, and makes the first that there is that of s.
func (s *Session[T]) takeOver(now time.Time) {
	for i, t := range s.m.takeovers {
		if !now.Before(t.until) {
			continue
		}
		all := t.candidates(s.req)
		for j, values := range all {
			w, data, info, err := s.m.takeOver(s.ctx, now, s.keys.Ring(), i, values)
			if err == nil && w.payload == nil {
				continue // there is nothing in it
			}
			if err == nil && s.differs(now, i, w.payload, all[j+1:]) {
				s.taken = &taken{attempts: append(s.attempts(), Attempt{t.system, ErrAmbiguous})}
				t.refused.Add(1)
				return
			}
			if s.taken == nil {
				s.taken = new(taken)
			}
			s.taken.attempts = append(s.taken.attempts, Attempt{t.system, err})
			if err != nil {
				t.refused.Add(1)
				continue
			}
			t.taken.Add(1)
			s.taken.from, s.taken.info, s.taken.payload = t, info, w.payload
			s.set(w)
			if s.m.flat {
				s.data = data
			}
			return
		}
	}
}

func (s *Session[T]) attempts() []Attempt {
	if s.taken == nil {
		return nil
	}
	return s.taken.attempts
}

// unasked reports whether another library's session was refused only because Revoked
// failed. A session of ours would hide it when that is over.
func (s *Session[T]) unasked() bool {
	return !s.takenOver() && slices.ContainsFunc(s.attempts(), func(a Attempt) bool { return errors.Is(a.Err, ErrRevocationUnavailable) })
}

// differs reports whether there is another session in one of the other cookies of the
// name than the one that payload is of. Which of them the library would have had is
// not known, and one may be planted, from another host or for a path.
func (s *Session[T]) differs(now time.Time, i int, payload []byte, others [][]string) bool {
	return slices.ContainsFunc(others, func(values []string) bool {
		w, _, _, err := s.m.takeOver(s.ctx, now, s.keys.Ring(), i, values)
		return err == nil && w.payload != nil && !bytes.Equal(w.payload, payload)
	})
}

// candidates returns the values of t's cookies in a request: of several of one name,
// each with the one that has the same place among those that belong to it. Tokens of
// ours are not among them.
func (t *takeover) candidates(r Request) (all [][]string) {
	first := r.RawCookies(t.names[0])
	first = first[:min(len(first), maxCandidates)]
	if len(first) == 0 {
		return nil
	}
	twins := make([][]string, len(t.names))
	twins[0] = first
	for j, name := range t.names[1:] { // once each: the header may be long
		twins[j+1] = r.RawCookies(name)
	}
	for i, v := range first {
		if v == "" || token.Is(v) {
			continue
		}
		values := make([]string, len(t.names))
		for j := range values {
			if i < len(twins[j]) {
				values[j] = twins[j][i]
			}
		}
		all = append(all, values)
	}
	return all
}

// mayTakeOver reports whether the request is one for which the cookies of other
// libraries are looked at, none of ours having been found in it. What net/http drops, as
// it does with all cookies where they are very many, has come nevertheless.
func (s *Session[T]) mayTakeOver() bool {
	if len(s.m.takeovers) == 0 || !s.req.WouldHaveOurs() {
		return false
	}
	for i, n := range s.m.names {
		for _, v := range s.req.RawCookies(n.name) {
			if i > 0 || !s.m.inPlace || token.Is(v) {
				return false
			}
		}
	}
	return true
}

// cameWith returns which of t's cookies came with a request.
func (t *takeover) cameWith(r Request) (names []string) {
	for _, name := range t.names {
		if len(r.RawCookies(name)) > 0 {
			names = append(names, name)
		}
	}
	return names
}

// takeOver opens values by takeover i, and returns what the session would be written as:
// with a nil payload if there is nothing in it.
func (m *Manager[T]) takeOver(ctx context.Context, now time.Time, ring *keyring.Ring, i int, values []string) (w written, data *T, info Info, err error) {
	defer func() {
		if recover() != nil {
			err = errPanicked // with what may quote the cookie
		}
	}()
	t := m.takeovers[i]
	f, err := t.from.Open(now, values)
	if err != nil {
		return written{}, nil, Info{}, err
	}
	if w.header, err = m.takenHeader(now, ring, t, f); err != nil {
		return written{}, nil, Info{}, err
	}
	info = headerInfo(&w.header)
	info.System, info.Cookie, info.Size = t.system, t.names[0], len(values[0])
	if reason := m.askRevoked(ctx, info); reason != 0 {
		return written{}, nil, Info{}, reason
	}
	v, err := m.converts[i](f.Data)
	if err != nil {
		return written{}, nil, Info{}, err
	}
	data = m.clone(&v) // Convert may have kept it
	w.codec, _ = m.writeCodec(ring, now)
	if w.payload, err = m.encode(w.codec, data); err != nil {
		// It may name a key of a map, which is the cookie's.
		return written{}, nil, Info{}, errNoData
	}
	if bytes.Equal(w.payload, m.zero[w.codec.ID()]) {
		w.payload = nil
	}
	return w, data, info, nil
}

// takenHeader returns the header of a session that is taken over at now.
func (m *Manager[T]) takenHeader(now time.Time, ring *keyring.Ring, t *takeover, f Foreign) (token.Header, error) {
	h := m.newHeader(ring, now)
	notBefore := ring.NotBefore()
	switch {
	case f.Start.IsZero() && !notBefore.IsZero():
		return h, errNoStart
	case !f.Start.IsZero():
		h.Start = min(h.Start, seconds(f.Start)) // its clock may have been ahead
		if time.Unix(int64(h.Start), 0).Before(notBefore) {
			return h, ErrNotBefore
		}
	}
	if !f.Expires.IsZero() {
		h.Expires = min(h.Expires, seconds(f.Expires))
	}
	if f.Start.IsZero() || f.Expires.IsZero() {
		h.Expires = min(h.Expires, seconds(t.until))
	}
	if now.Unix() >= int64(h.Expires) {
		return h, ErrExpired
	}
	return h, nil
}

// takeOverFrom takes over the takeovers, and reports what is wrong with them.
func (m *Manager[T]) takeOverFrom(all []Takeover[T]) (errs []error) {
	seen := map[string]string{} // the system, by the name of the cookie
	unsigned := func(t Takeover[T]) bool {
		u, ok := t.From.(interface{ Unsigned() bool })
		return ok && !isNil(t.From) && u.Unsigned()
	}
	if len(all) > 1 && slices.ContainsFunc(all, unsigned) {
		errs = append(errs, errors.New("session: one of several Takeovers is from unsigned cookies: what another refuses would come in by it; it has to be the only one"))
	}
	for i, t := range all {
		problem := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("session: Takeover %d: "+format, append([]any{i}, args...)...))
		}
		if t.Convert == nil {
			problem("Convert is nil: it makes the data of a session from what the other library kept; for Values, there is takeover.Values")
		}
		switch {
		case t.Until.IsZero():
			problem("Until is not set: say when to stop looking at the other library's cookies, when those who are still about have been here")
		case !time.Now().Before(t.Until):
			problem("Until is %s, which is past: nobody would be taken over; remove the Takeover, or set a later time", t.Until.Format(time.RFC3339))
		}
		switch {
		case t.From == nil:
			problem("From is nil: package takeover has readers of other libraries' cookies")
			continue
		case isNil(t.From):
			problem("From is a nil %T: the function that makes it has returned an error, which says why", t.From)
			continue
		}
		own := &takeover{from: t.From, system: t.From.System(), names: slices.Clone(t.From.Cookies()), until: t.Until, deleteAfter: t.DeleteAfter}
		if !isCodecName(own.system) {
			problem("the system is named %q: a name is 1 to 32 lower-case letters, digits and hyphens", own.system)
		}
		if len(own.names) == 0 {
			problem("%s has no cookie", own.system)
			continue
		}
		for _, name := range own.names {
			switch {
			case !isRawName(name):
				problem("cookie name %q: it cannot come in a header", name)
			case slices.ContainsFunc(m.names[1:], func(n cookieName) bool { return n.name == name }):
				problem("cookie name %q is among Config.FormerNames", name)
			case name == m.names[0].name && !t.InPlace:
				problem("cookie name %q is this Manager's: give Config.Name another one, or set InPlace, which is not for rolling deploys", name)
			case name == m.names[0].name:
				m.inPlace = true
			}
			if s, ok := seen[name]; ok && s == own.system {
				problem("cookie name %q of %s is there twice: give one reader all of its secrets", name, s)
			}
			seen[name] = own.system
		}
		m.takeovers, m.converts = append(m.takeovers, own), append(m.converts, t.Convert)
	}
	return errs
}

// isNil reports whether there is no Origin behind the interface, but a nil pointer: what
// comes with an error that nobody has looked at.
func isNil(from Origin) bool {
	v := reflect.ValueOf(from)
	return v.Kind() == reflect.Pointer && v.IsNil()
}

// isRawName reports whether a cookie of this name can come in a header. Other libraries
// have names that are no tokens, as koa:sess.
func isRawName(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == ';' || c == '=' || c == ',' || c == '"' {
			return false
		}
	}
	return s != ""
}

// TakeoverNames returns the names of the cookies of other libraries that are taken
// over, and of those that belong to them.
func (m *Manager[T]) TakeoverNames() []string {
	var names []string
	for _, t := range m.takeovers {
		for _, name := range t.names {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}
