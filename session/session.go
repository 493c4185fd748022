package session

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session/internal/token"
)

// A Session is one visitor's data during one request. It is safe for
// concurrent use.
//
// The first call of a method touches the session: the cookie is looked for
// and opened. A session that is never touched costs next to nothing, leaves
// no trace in the response, and is not counted as used.
type Session[T any] struct {
	m   *Manager[T]
	ctx context.Context
	req Request

	mu       sync.Mutex
	touched  bool
	opening  bool // the cookie is being looked for and judged, without mu
	frozen   bool // nothing can be sent any more
	updating bool // a function given to Update runs

	// What became of the session in this request.
	renewed, destroyed, changed bool

	opened chan struct{} // closed when opening has ended, if somebody waits for it
	taken  *taken        // nil: no cookie of another library has been opened

	// What came with the request.
	keys   *keyring.Subkeys
	cookie *arrived[T] // the one that decides, if one came
	reason Reason
	came   uint8 // bit i: a cookie of the name i
	spare  bool  // one of them could not be judged, whatever became of the others

	// What the session is now.
	wrote *written // nil: what came, if that is valid, or else nothing
	data  *T       // what the payload decodes to, if it is at hand

	// Of the cookie's payload, the members that T does not know; nil if they have
	// not been looked for.
	extra *[]byte
	whole bool // the payload is what T encodes to: it has nothing else, at any depth
}

// arrived is a cookie that came with the request, with room for its bytes and for what
// they decode to, in one allocation.
type arrived[T any] struct {
	opened
	data T
	raw  [typicalToken]byte
}

// touch opens the session, once. s.mu is held, but not where somebody else's code judges
// and decodes the cookie, which may take its time: Commit must not wait for it.
func (s *Session[T]) touch() {
	switch {
	case !s.touched:
		s.touched = true
		// Should what follows not come to its end, the cookie is one that could not be
		// judged.
		s.reason = ErrRevocationUnavailable
		if s.m.waits {
			s.openUnlocked()
		} else {
			s.open()
			s.count()
		}
	case s.opening:
		if s.opened == nil {
			s.opened = make(chan struct{})
		}
		opened := s.opened
		s.mu.Unlock()
		<-opened
		s.mu.Lock()
	}
}

// openUnlocked is open without s.mu: all others wait, except Commit, which does not
// look.
func (s *Session[T]) openUnlocked() {
	s.opening = true
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		s.opening = false
		s.count()
		if s.opened != nil {
			close(s.opened)
		}
	}()
	s.open()
}

// open looks for the session and decodes it.
func (s *Session[T]) open() {
	s.keys = s.m.names[0].keys.Subkeys()
	now := s.req.Now()
	reason := s.find(now)
	if s.came == 0 && s.mayTakeOver() {
		s.takeOver(now)
	}
	if s.came != 0 && reason == 0 {
		in := s.cookie
		if s.m.decode(s.m.codec(&in.opened), in.payload, &in.data) != nil {
			reason = ErrUndecodable
		} else {
			s.data = &in.data
		}
	}
	s.reason = reason
}

// count counts the outcome.
func (s *Session[T]) count() {
	switch {
	case s.takenOver(): // has been counted
	case s.came == 0:
		s.m.tally.absent.Inc()
	case s.reason != 0:
		s.m.tally.outcomes[s.reason].Add(1)
	default:
		s.m.tally.read[s.cookie.header.Codec].Inc()
	}
}

// find looks for the session among the cookies of the request, and says why it is
// none of them. s.cookie is then the one that decides: whatever cannot be judged
// does, which must not be deleted.
//
// Of several valid tokens it is, of the same session, the newest; of different ones,
// the one under the name that is configured first, since an older name may be open
// to cookies that others have planted.
func (s *Session[T]) find(now time.Time) (reason Reason) {
	var other opened
	first := uint8(0) // the name of the first valid token
	ambiguous := false
	for i := range s.m.names {
		n := &s.m.names[i]
		values := s.req.Cookies(n.name)
		keys := s.keys
		if i > 0 && len(values) > 0 {
			keys = n.keys.Subkeys()
		}
		for _, v := range values[:min(len(values), maxCandidates)] {
			if i == 0 && s.m.inPlace && !token.Is(v) {
				continue // it may be the other library's
			}
			if s.came == 0 {
				if s.cookie == nil {
					s.cookie = new(arrived[T])
				}
				reason, first = s.m.open(&s.cookie.opened, s.cookie.raw[:0], keys, now, i, v), uint8(i)
				s.came, s.spare = 1<<i, reason.Outcome() == Indeterminate
				continue
			}
			s.came |= 1 << i
			r := s.m.open(&other, nil, keys, now, i, v)
			s.spare = s.spare || r.Outcome() == Indeterminate
			switch {
			case reason != 0 && r == 0:
				s.cookie.opened, reason, first = other, 0, uint8(i)
			case reason != 0 && reason.Outcome() != Indeterminate && r.Outcome() == Indeterminate:
				s.cookie.opened, reason = other, r
			case r != 0:
			case sameSession(&s.cookie.header, &other.header):
				if other.header.Issued > s.cookie.header.Issued {
					s.cookie.opened = other
				}
			case other.name == first:
				ambiguous = true
			}
		}
	}
	switch {
	case reason != 0 || s.came == 0:
		return reason
	case ambiguous:
		return ErrAmbiguous
	}
	return s.m.checkRevoked(s.ctx, &s.cookie.opened)
}

// inherited reports whether the session is still the one in another library's cookie.
func (s *Session[T]) inherited() bool { return s.takenOver() && !s.renewed && !s.destroyed }

// Outcome says what became of the cookie that the request brought, and why
// if it was not accepted.
func (s *Session[T]) Outcome() (Outcome, Reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touch()
	return s.outcome()
}

func (s *Session[T]) outcome() (Outcome, Reason) {
	switch {
	case s.takenOver():
		return Valid, 0
	case s.came == 0:
		return Absent, 0
	}
	return s.reason.Outcome(), s.reason
}

// takenOver reports whether the session came in the cookie of another library.
func (s *Session[T]) takenOver() bool { return s.taken != nil && s.taken.from != nil }

// Info returns what is known of the cookie that the request brought. Of a
// cookie that could not be verified, that is its name and size, and its key
// if the ring has it. Of a session that was taken over, that is where it came from, and
// when it began and ends.
func (s *Session[T]) Info() Info {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touch()
	return s.info()
}

func (s *Session[T]) info() Info {
	switch {
	case s.takenOver():
		return s.taken.info
	case s.came == 0:
		return Info{}
	}
	return s.m.info(&s.cookie.opened)
}

// ID returns the ID of the session as it is now; "" without Config.IDs, and
// for a new session to which nothing has been written.
func (s *Session[T]) ID() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touch()
	if h := s.header(); h != nil && h.HasID {
		return formatID(h.ID)
	}
	return ""
}

// header returns the header of the session as it is now; nil if nothing has been
// written to it, and no cookie was valid.
func (s *Session[T]) header() *token.Header {
	switch {
	case s.wrote != nil && s.wrote.payload != nil:
		return &s.wrote.header
	case s.wrote == nil && s.valid():
		return &s.cookie.header
	}
	return nil
}

// payload returns the encoding of the data, and its codec; nil for the zero T.
func (s *Session[T]) payload() ([]byte, codec.Codec) {
	switch {
	case s.wrote != nil:
		return s.wrote.payload, s.wrote.codec
	case s.valid():
		return s.cookie.payload, s.m.codec(&s.cookie.opened)
	}
	return nil, nil
}

// Data returns a copy of the session's data: the zero T for a new session.
// It shares nothing with the session, whose data only Update, Renew and
// Destroy change.
func (s *Session[T]) Data() T {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.touch()
	if s.m.flat && s.data != nil {
		return *s.data
	}
	return *s.copy()
}

// copy returns a copy of the data. It may be the one at hand, after which
// another has to be decoded.
func (s *Session[T]) copy() *T {
	payload, c := s.payload()
	if payload == nil {
		return s.m.nothing()
	}
	v := new(T)
	switch {
	case s.data != nil && s.m.flat:
		*v = *s.data
	case s.data != nil:
		v, s.data = s.data, nil
	default:
		// It has been decoded before: there is no error.
		_ = s.m.decode(c, payload, v)
	}
	return v
}

// Update calls f with a copy of the session's data and makes what f leaves
// there the data. The data is encoded, and its size checked, before Update
// returns; on an error, and if f panics, the session stays as it was.
//
// A session that is new begins with its first Update that leaves other data
// than the zero T, or than a map without members. One that came in a cookie and
// is left with no more than that is over: its cookie is deleted as Destroy does
// it, unless the session has an ID (Config.IDs), which may mean something by
// itself. Until the response begins, a further Update goes on with it as it was,
// with its start. A session that f leaves as it was is not sent again.
//
// f must not change the session in other ways: that is ErrInUpdate, as are
// two Updates of one session at the same time.
//
// The errors are ErrCommitted, ErrInUpdate, ErrIndeterminate, ErrNotCarried,
// ErrNotSealed, a *SizeError (ErrTooLarge), or keyring.ErrNoPrimary.
func (s *Session[T]) Update(f func(v *T)) error {
	v, err := s.beginUpdate()
	if err != nil {
		return err
	}
	returned := false
	defer func() {
		if !returned {
			s.mu.Lock()
			s.updating = false
			s.mu.Unlock()
		}
	}()
	f(v)
	returned = true

	s.mu.Lock()
	defer s.mu.Unlock()
	s.updating = false
	if s.frozen {
		return ErrCommitted
	}
	return s.write(s.m.clone(v), false) // f may have kept v
}

func (s *Session[T]) beginUpdate() (*T, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writable(); err != nil {
		return nil, err
	}
	s.updating = true
	return s.copy(), nil
}

// writable touches the session and says why it cannot be changed.
func (s *Session[T]) writable() error {
	s.touch()
	switch {
	case s.updating:
		return ErrInUpdate
	case s.frozen:
		return ErrCommitted
	}
	return nil
}

// Renew gives the session a new identity: it starts now, with a new ID, and
// with v as its data. Nothing of what it was before survives, so nothing that
// somebody planted does. Renew at sign-in, and whenever privileges change.
//
// The errors are those of Update, and on an error the session stays as it was.
func (s *Session[T]) Renew(v T) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writable(); err != nil {
		return err
	}
	if !s.m.flat {
		v = *s.m.clone(&v)
	}
	return s.write(&v, true)
}

// Destroy ends the session, as signing out does: its data becomes the zero T,
// and the cookie is deleted, under each of its names that came with the
// request. An Update after it begins a new session.
//
// A copy of the cookie that somebody kept stays valid until it expires; only
// Config.Revoked can refuse it. The errors are ErrCommitted and ErrInUpdate.
func (s *Session[T]) Destroy() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writable(); err != nil {
		return err
	}
	s.empty()
	s.renewed, s.changed, s.destroyed = false, false, true
	return nil
}

// original reports whether the session is still the one in the cookie.
func (s *Session[T]) original() bool {
	return s.valid() && !s.renewed && !s.destroyed
}

// valid reports whether the cookie that came was accepted.
func (s *Session[T]) valid() bool { return s.came != 0 && s.reason == 0 }

// write makes data, which nobody else has, that of the session, of a new one if
// renew is true. On an error it changes nothing.
func (s *Session[T]) write(data *T, renew bool) error {
	if s.m.keepIndeterminate && (s.reason.Outcome() == Indeterminate || s.unasked()) {
		return ErrIndeterminate
	}
	now := s.req.Now()
	key, err := s.primary(now)
	if err != nil {
		return err
	}
	var h token.Header
	if was := s.header(); was != nil && !renew {
		h = *was
	} else {
		h = s.m.newHeader(s.keys.Ring(), now)
	}
	var e encoded
	if !renew && s.original() {
		e, err = s.encodeChanged(data, &h, key, now)
	} else {
		e.codec, _ = s.m.writeCodec(s.keys.Ring(), now)
		e.payload, err = s.m.encode(e.codec, data)
		e.same = bytes.Equal(e.payload, s.m.zero[e.codec.ID()])
		if err == nil {
			err = s.m.checkSize(&h, key, len(e.payload))
		}
	}
	if err != nil {
		return err
	}
	s.renewed = s.renewed || renew
	s.changed = !e.same
	if s.inherited() && s.changed {
		s.changed = !bytes.Equal(e.payload, s.taken.payload)
	} else if !s.changed && !s.renewed && !s.original() {
		// A new session that holds nothing is still none.
		s.empty()
		return nil
	}
	s.set(written{h, key, e.codec, e.payload})
	if s.m.flat {
		s.data = data
	}
	return nil
}

// empty makes the session one that holds nothing and has no identity.
func (s *Session[T]) empty() { s.set(written{}) }

// set makes w what the session is now. The data that it decodes to is not at hand.
func (s *Session[T]) set(w written) {
	if s.wrote == nil {
		s.wrote = new(written)
	}
	*s.wrote, s.data = w, nil
}

// primary returns the key to write with at now. A valid cookie of a key that
// is only to sign later shows that this clock is behind: it stays under that
// key, so that what was encrypted is not written in the clear meanwhile.
func (s *Session[T]) primary(now time.Time) (*keyring.Subkey, error) {
	key, err := s.m.primary(s.keys, now)
	if s.original() && s.cookie.key.SignFrom.After(now) && (err != nil || s.cookie.key.SignFrom.After(key.SignFrom)) {
		// Of that key, the subkey for the present name, whichever the cookie came by.
		if later, gone := s.keys.Lookup(s.cookie.key.ID, now); gone == nil {
			if s.m.sealed && later.Sealer == nil {
				return nil, ErrNotSealed
			}
			return later, nil
		}
	}
	return key, err
}

// encoded is data as it would be sent.
type encoded struct {
	codec   codec.Codec
	payload []byte
	same    bool // as what came, or as nothing
}

// encodeChanged encodes the data of a session that came in a cookie, in the
// codec that is to be written unless it has to stay in the one it came in.
func (s *Session[T]) encodeChanged(v *T, h *token.Header, key *keyring.Subkey, now time.Time) (encoded, error) {
	came := s.m.codec(&s.cookie.opened)
	kept, err := s.m.encode(came, v)
	if err != nil {
		return encoded{}, err
	}
	extra, err := s.unknown()
	if err != nil {
		return encoded{}, err
	}
	before := s.cookie.payload
	if extra != nil {
		// Their order among the known members may be the other instance's.
		if before, err = s.known(); err != nil {
			return encoded{}, err
		}
	}
	same := bytes.Equal(kept, before)
	if !same && extra == nil && !s.m.isValues && !s.whole {
		// T may have gained a field since the cookie was made, or lost one further in.
		if before, err = s.known(); err != nil {
			return encoded{}, err
		}
		same = bytes.Equal(kept, before)
	}
	if same {
		return encoded{came, s.cookie.payload, true}, nil
	}
	if extra != nil {
		// Across codecs, the types of unknown members are not known.
		if kept, err = merge(came.(codec.Merger), kept, extra); err != nil {
			return encoded{}, fmt.Errorf("%w together with members that this program does not know: %w", ErrNotCarried, err)
		}
		return encoded{came, kept, false}, s.m.checkSize(h, key, len(kept))
	}
	c, _ := s.m.writeCodec(s.keys.Ring(), now)
	if c.ID() != came.ID() {
		b, err := s.m.encode(c, v)
		if err == nil && s.m.checkSize(h, key, len(b)) == nil {
			return encoded{c, b, false}, nil
		}
		// What does not fit in the present codec may fit in the former one.
	}
	return encoded{came, kept, false}, s.m.checkSize(h, key, len(kept))
}

// unknown returns, as an encoded map, the members of the cookie's payload
// that T does not know: an instance with a newer T wrote them. It returns
// nil if there are none.
func (s *Session[T]) unknown() ([]byte, error) {
	if s.extra != nil {
		return *s.extra, nil
	}
	if s.m.flat && s.data != nil && !s.changed && s.m.encodesTo(s.m.codec(&s.cookie.opened), s.data, s.cookie.payload) {
		// The data is still that of the cookie, and all that there is in it.
		s.extra, s.whole = &noExtra, true
		return nil, nil
	}
	if merger, ok := s.m.codec(&s.cookie.opened).(codec.Merger); ok && !s.m.isValues {
		b, err := extraOf(merger, s.cookie.payload, s.m.shape.Known)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrNotCarried, err)
		}
		if len(b) > 0 {
			s.extra = &b
			return b, nil
		}
	}
	s.extra = &noExtra
	return nil, nil
}

var noExtra []byte

// known returns the encoding of what T knows of the cookie's payload.
func (s *Session[T]) known() ([]byte, error) {
	var v T
	c := s.m.codec(&s.cookie.opened)
	if err := s.m.decode(c, s.cookie.payload, &v); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotCarried, err)
	}
	return s.m.encode(c, &v)
}

// Format writes the name of the session's cookie, for every verb: neither the
// data nor the cookie gets into a log by mistake.
func (s *Session[T]) Format(f fmt.State, _ rune) { io.WriteString(f, s.label()) }

// LogValue returns what Format writes.
func (s *Session[T]) LogValue() slog.Value { return slog.StringValue(s.label()) }

func (s *Session[T]) label() string {
	if s == nil || s.m == nil {
		return "session"
	}
	return "session of cookie " + s.m.Name()
}

func newID() (id [token.IDSize]byte) {
	rand.Read(id[:]) // never fails: crypto/rand says so
	return id
}
