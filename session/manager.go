package session

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session/internal/shape"
	"github.com/keyturn/keyturn/session/internal/token"
)

// A Manager makes and opens the sessions of one cookie. It is safe for
// concurrent use. Two Managers do not meet, whatever their T and their
// configuration: each finds only its own sessions in a context. Give them
// cookies of different names, though: of two that share a name, each replaces
// the other's cookie, and in one response the later Set-Cookie wins.
type Manager[T any] struct {
	envelope
	keepIndeterminate bool

	isValues bool                   // T is Values
	shape    *shape.Shape           // of T; nil for Values
	flat     bool                   // a copy of a T by assignment is independent of it
	converts []func(any) (T, error) // of takeovers
	waits    bool                   // to open a session may take the time of somebody else's code

	// zero is the encoding of the zero T in each of codecs: what a session
	// that holds nothing would be sent as.
	zero map[byte][]byte
}

// Name returns the name of the cookie.
func (m *Manager[T]) Name() string { return m.names[0].name }

// FormerNames returns the names that the cookie had before.
func (m *Manager[T]) FormerNames() []string {
	var names []string
	for _, n := range m.names[1:] {
		names = append(names, n.name)
	}
	return names
}

// A Request is what a Manager asks of a request, at the first touch of its
// session and not before. Its methods must not use the session. Package
// middleware has the one for net/http.
type Request interface {
	// Now returns the present time.
	Now() time.Time
	// Cookies returns the values of the request's cookies of this name, in
	// the order of the request.
	Cookies(name string) []string
	// RawCookies returns the values of the request's cookies of this name, which
	// need not be one that a cookie of ours may have, as they are in the header:
	// with quotes, and whatever characters. It is asked only where sessions of
	// other libraries are taken over.
	RawCookies(name string) []string
	// WouldHaveOurs reports whether the browser would have sent a cookie of the
	// Manager with the request, if it had one: with a request of another site,
	// SameSite may keep it back. If it would not, that none came means nothing, and
	// no session of another library is taken over, which might take the place of one
	// that the browser has. It is asked only where sessions of other libraries are
	// taken over.
	WouldHaveOurs() bool
}

// Begin returns the session of a request, and a context that carries it for
// From. The session is not opened before it is touched: r is called then,
// and ctx is the context that Config.Revoked is called with.
//
// Begin is for middleware, which owes the session a Commit.
func (m *Manager[T]) Begin(ctx context.Context, r Request) (*Session[T], context.Context) {
	b := &begun[T]{Context: ctx}
	b.session.m, b.session.ctx, b.session.req = m, ctx, r
	return &b.session, b
}

// begun is a session and the context that carries it, in one allocation.
type begun[T any] struct {
	context.Context
	session Session[T]
}

// Format writes the context without what is in the session.
func (b *begun[T]) Format(f fmt.State, _ rune) {
	fmt.Fprintf(f, "%v.WithValue(%v)", b.Context, b.session.label())
}

// Value returns the session for the key that is its Manager.
func (b *begun[T]) Value(key any) any {
	if m, ok := key.(*Manager[T]); ok && m == b.session.m {
		return &b.session
	}
	return b.Context.Value(key)
}

// NewContext returns a context that carries s, for From: a handler can be
// tested with a session that no cookie brought.
func (m *Manager[T]) NewContext(ctx context.Context, s *Session[T]) context.Context {
	m.mustOwn(s)
	return context.WithValue(ctx, m, s)
}

// mustOwn panics if s is another Manager's: it would be sent under keys that
// do not open it here.
func (m *Manager[T]) mustOwn(s *Session[T]) {
	if s.m != m {
		panic("session: a session of another Manager")
	}
}

// Lookup returns the session that the context of a request carries, and
// whether it carries one. It is for what also serves routes that are not
// behind this Manager's middleware, as templates and loggers do.
func (m *Manager[T]) Lookup(ctx context.Context) (*Session[T], bool) {
	s, ok := ctx.Value(m).(*Session[T])
	return s, ok
}

// From returns the session that the context of a request carries. It panics
// if there is none: the handler is not behind this Manager's middleware.
func (m *Manager[T]) From(ctx context.Context) *Session[T] {
	s, ok := m.Lookup(ctx)
	if !ok {
		panic(fmt.Sprintf("session: no session of cookie %q in the context: is the handler behind the middleware made from this Manager?", m.Name()))
	}
	return s
}

// New returns a session that no cookie brought. For it, time stands still at
// now: whatever becomes of it later, becomes of it then.
func (m *Manager[T]) New(now time.Time) *Session[T] {
	o := &struct { // one allocation
		session Session[T]
		request instant
		nothing written
	}{request: instant(now)}
	s := &o.session
	s.m, s.ctx, s.req, s.wrote = m, context.Background(), &o.request, &o.nothing
	return s
}

// Open returns the session in the value of a cookie as it is at now, where
// time stands still for it. It never fails: the Outcome of the session says
// what became of the value.
//
// It opens the session at once, and not at the first touch, as with New and
// Begin. Config.Revoked is called with context.Background.
func (m *Manager[T]) Open(now time.Time, value string) *Session[T] {
	o := &struct { // one allocation
		session Session[T]
		request single
		cookie  arrived[T]
	}{request: single{instant(now), m.Name(), [1]string{value}}}
	s := &o.session
	s.m, s.ctx, s.req, s.cookie = m, context.Background(), &o.request, &o.cookie
	s.touched = true
	s.open() // nobody else has s: it needs no lock
	s.count()
	return s
}

// Seal returns the cookie value that s has at now, changed or not: a token
// under the primary key and, where that is possible, in the present codec.
// It leaves s as it is, which must be a session of this Manager.
//
// The errors are ErrNotSealed, a *SizeError, or keyring.ErrNoPrimary.
func (m *Manager[T]) Seal(now time.Time, s *Session[T]) (string, error) {
	m.mustOwn(s)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touch()
	var w written
	if err := s.token(&w, now); err != nil {
		return "", err
	}
	return m.issue(&w), nil
}

// instant is a Request at a time, without cookies.
type instant time.Time

func (i instant) Now() time.Time           { return time.Time(i) }
func (instant) Cookies(string) []string    { return nil }
func (instant) RawCookies(string) []string { return nil }
func (instant) WouldHaveOurs() bool        { return true }

// single is a Request with one cookie.
type single struct {
	instant
	name  string
	value [1]string
}

func (r *single) Cookies(name string) []string {
	if name != r.name {
		return nil
	}
	return r.value[:]
}

func (r *single) RawCookies(name string) []string { return r.Cookies(name) }

// nothing returns the data of a session that holds nothing: the zero T, or, of
// a map, an empty one, so that Update's function can write to it.
func (m *Manager[T]) nothing() *T {
	v := new(T)
	if r := reflect.ValueOf(v).Elem(); r.Kind() == reflect.Map {
		r.Set(reflect.MakeMap(r.Type()))
	}
	return v
}

// clone returns a copy of v that shares nothing with it that could be changed.
func (m *Manager[T]) clone(v *T) *T {
	c := *v
	if !m.flat {
		c = m.shape.Clone(reflect.ValueOf(v).Elem()).Interface().(T)
	}
	return &c
}

// encode returns the encoding of v, which it normalizes first, or
// ErrNotCarried if v would not come back as it is.
func (m *Manager[T]) encode(c codec.Codec, v *T) ([]byte, error) {
	var x any = v
	custom := c.ID() >= firstCustomID
	if m.isValues {
		x = any(v).(*Values).tree()
	} else if custom || m.shape.Changes() {
		if err := m.shape.Normalize(v); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotCarried, err)
		}
	}
	b, err := appendTo(c, make([]byte, 0, typicalPayload), x)
	if err != nil {
		if !m.isValues {
			// It says where, and says it alike for all codecs.
			if err := m.shape.Normalize(v); err != nil {
				return nil, fmt.Errorf("%w: %w", ErrNotCarried, err)
			}
		}
		if values, ok := x.(map[string]any); ok {
			err = blame(c, values, err)
		}
		return nil, fmt.Errorf("%w by codec %q: %w", ErrNotCarried, c.Name(), err)
	}
	if custom || m.shape != nil && m.shape.Opaque() {
		// Neither somebody else's codec nor a type that marshals itself is
		// known to give back what it was given, nor the codec to give memory
		// that it does not use again.
		b = bytes.Clone(b)
		if err := m.readBack(c, b, v); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// encodesTo reports whether payload is the encoding of v, which has been decoded
// and so is normal. It may say no where it is: of Values, and where a codec fails.
func (m *Manager[T]) encodesTo(c codec.Codec, v *T, payload []byte) bool {
	if m.isValues {
		return false
	}
	buf := scratch.Get().(*[]byte)
	defer scratch.Put(buf)
	b, err := appendTo(c, (*buf)[:0], v)
	return err == nil && bytes.Equal(b, payload)
}

// fail makes an error of a panic. It names the type only: the value may be of the data.
func fail(err *error) {
	if value := recover(); value != nil {
		*err = fmt.Errorf("it panicked with a %T", value)
	}
}

// appendTo is c.Append. A codec that panics fails.
func appendTo(c codec.Codec, dst []byte, x any) (b []byte, err error) {
	defer fail(&err)
	return c.Append(dst, x)
}

// extraOf is c.Extra. A codec that panics fails.
func extraOf(c codec.Merger, data []byte, known func(string) bool) (b []byte, err error) {
	defer fail(&err)
	return c.Extra(nil, data, known)
}

// merge is c.Merge. A codec that panics fails.
func merge(c codec.Merger, a, b []byte) (merged []byte, err error) {
	defer fail(&err)
	return c.Merge(nil, a, b)
}

// blame says which of the values cannot be encoded, if one by itself cannot.
// Errors of a codec name the fields of a struct; in a map, they do not know
// whether a name is the program's or the client's. The keys of Values are the
// program's.
func blame(c codec.Codec, values map[string]any, err error) error {
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if _, why := appendTo(c, nil, map[string]any{name: values[name]}); why != nil {
			return fmt.Errorf("%q: %w", name, why)
		}
	}
	return err
}

const (
	firstCustomID = 128
	// In bytes; more only costs another allocation.
	typicalPayload = 192
	typicalToken   = 208
)

func (m *Manager[T]) readBack(c codec.Codec, b []byte, v *T) error {
	var back T
	if err := m.decode(c, b, &back); err != nil {
		return fmt.Errorf("%w: codec %q does not read what it has written: %w", ErrNotCarried, c.Name(), err)
	}
	var path string
	var ok bool
	if m.isValues {
		ok = reflect.DeepEqual(any(v).(*Values).tree(), any(&back).(*Values).tree())
	} else {
		path, ok = shape.Equal(reflect.ValueOf(v).Elem(), reflect.ValueOf(&back).Elem())
	}
	if !ok {
		if path == "" {
			path = "the data"
		}
		return fmt.Errorf("%w: %s does not come back equal through codec %q", ErrNotCarried, path, c.Name())
	}
	return nil
}

// decode decodes a verified payload. A codec that panics fails.
func (m *Manager[T]) decode(c codec.Codec, payload []byte, v *T) (err error) {
	defer fail(&err)
	if !m.isValues {
		return c.Decode(payload, v)
	}
	var tree map[string]any
	if err := c.Decode(payload, &tree); err != nil {
		return err
	}
	*any(v).(*Values) = Values{tree}
	return nil
}

func (m *Manager[T]) encodeZero() (errs []error) {
	m.zero = make(map[byte][]byte, len(m.codecs))
	for _, c := range m.codecs {
		var zero T
		b, err := m.encode(c, &zero)
		if err != nil {
			errs = append(errs, fmt.Errorf("%w (the zero %T)", err, zero))
		}
		m.zero[c.ID()] = b
	}
	return errs
}

// newHeader returns the header of a session that begins at now.
func (m *Manager[T]) newHeader(ring *keyring.Ring, now time.Time) token.Header {
	// A ring that came after New may have lowered its longest session.
	lifetime := min(m.lifetime, ring.Policy().MaxSession)
	h := token.Header{
		Start:   seconds(now),
		Issued:  seconds(now),
		Expires: seconds(now.Add(lifetime)),
		Idle:    uint32(m.idle / time.Second),
		HasID:   m.ids,
	}
	if m.ids {
		h.ID = newID()
	}
	return h
}
