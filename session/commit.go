package session

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session/internal/token"
)

// Sent says what a response does to the cookie, and why.
type Sent uint8

// What a response does to the cookie.
const (
	SentNothing   Sent = iota // the cookie is left alone
	SentChanged               // the data has changed, or begun
	SentRenewed               // the session has a new identity
	SentRefreshed             // its idle time begins anew
	SentReissued              // its key or codec is not the present one
	SentTakenOver             // it came in another library's cookie
	SentDeleted               // the session has ended
)

var sents = [...]string{"nothing", "changed", "renewed", "refreshed", "reissued", "taken_over", "deleted"}

// String returns the name: nothing, changed, renewed, refreshed, reissued,
// taken_over or deleted.
func (s Sent) String() string {
	if int(s) < len(sents) {
		return sents[s]
	}
	return fmt.Sprintf("Sent(%d)", uint8(s))
}

// MarshalText returns the name.
func (s Sent) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// A Commit is what has to be sent with the response to a request.
type Commit struct {
	// Touched says that the response depends on the session.
	Touched bool

	// Outcome and Reason say what became of the cookie that came with the
	// request. They are given each time.
	Outcome Outcome
	Reason  Reason

	// Sent says what is to be sent, and why.
	Sent Sent

	// Value is the value of the cookie to set; "" if none is.
	Value string
	// MaxAge is how long the cookie is of use.
	MaxAge time.Duration

	// Delete has the names of the cookies to delete.
	Delete []string

	// Over says that what came with the request, under whatever name, is over: by
	// Destroy, Renew, or an Update that left nothing. Cookies of former names and of
	// other libraries which the browser did not send, because of the path of the
	// request, have to be deleted with those in Delete.
	Over bool

	// Attempts says what became of the cookies of other libraries, in the order in
	// which they were tried. It is given each time.
	Attempts []Attempt

	// What came and what is sent, for who asks.
	envelope *envelope
	came     *opened
	taken    *taken
	written  *written // nil: nothing
}

// Cookie returns what is known of the cookie that came with the request, as
// [Session.Info] does. It is given each time.
func (c Commit) Cookie() Info {
	switch {
	case c.taken != nil:
		return c.taken.info
	case c.came == nil:
		return Info{}
	}
	return c.envelope.info(c.came)
}

// Token describes Value. It is the zero Info if that is empty.
func (c Commit) Token() Info {
	if c.Value == "" {
		return Info{}
	}
	w := c.written
	return c.envelope.info(&opened{header: w.header, key: w.key, size: len(c.Value), payload: w.payload, verified: true})
}

// Commit freezes the session and returns what is to be sent. It is called
// once, by the middleware, just before the headers of the response go out;
// called again, it returns that there is nothing to send. It waits for nobody:
// a cookie that is still being judged counts as one that cannot be.
//
// If reissue is true, a session that was merely read may be sent again under
// the present key and codec.
func (s *Session[T]) Commit(reissue bool) Commit {
	s.mu.Lock()
	first := !s.frozen
	s.frozen = true
	if !s.touched { // as with most requests, and they are to cost little
		s.mu.Unlock()
		return Commit{}
	}
	defer s.mu.Unlock()
	return s.commit(first, reissue)
}

// commit is Commit for a session that has been touched, with s.mu held.
func (s *Session[T]) commit(first, reissue bool) (c Commit) {
	c.Touched = first
	if s.opening {
		// Whoever judges the cookie is not done, and what does so may hang.
		c.Outcome, c.Reason = Indeterminate, ErrRevocationUnavailable
		return c
	}
	c.Outcome, c.Reason = s.outcome()
	if s.came != 0 {
		c.envelope, c.came = &s.m.envelope, &s.cookie.opened
	}
	if s.taken != nil {
		c.Attempts, c.taken = s.taken.attempts, s.taken
	}
	if !first {
		return c
	}
	if !s.renewed && !s.changed && !s.destroyed && !s.takenOver() && !(s.original() && (reissue || s.cookie.header.Idle != 0)) {
		return c // there is nothing to send, whatever the time is
	}
	now := s.req.Now()
	switch {
	case s.renewed:
		c.Sent = SentRenewed
	case s.changed && !s.emptied():
		c.Sent = SentChanged
	case s.changed, s.destroyed, s.inherited() && s.wrote.payload == nil:
		c.Over = true
		for i := range s.m.names {
			if s.came&(1<<i) != 0 {
				c.Delete = append(c.Delete, s.m.names[i].name)
			}
		}
		c.Delete = s.appendForeign(c.Delete, now, true)
		if len(c.Delete) > 0 {
			c.Sent = SentDeleted
		}
		return c
	case s.spare:
		// Nobody asked for what follows, and it might take the place of a
		// cookie that another instance can judge.
		return c
	case s.inherited():
		c.Sent = SentTakenOver
	case s.refreshDue(now): // what is left is the session in the cookie, as it came
		c.Sent = SentRefreshed
	case reissue && s.outdated(now):
		c.Sent = SentReissued
	default:
		return c
	}
	w := s.wrote
	if w == nil || w.key == nil { // a session that is taken over has none until it is sent
		w = new(written)
	}
	if err := s.token(w, now); err != nil {
		// What was written has its key and fits: this is a refresh that
		// nobody asked for, and it can wait.
		c.Sent = SentNothing
		return c
	}
	if came := s.cookie; c.Sent == SentReissued && w.key.ID == came.key.ID && w.header.Codec == came.header.Codec && came.name == 0 {
		// It has to stay as it is.
		c.Sent = SentNothing
		return c
	}
	c.Value = s.m.issue(w)
	c.envelope, c.written = &s.m.envelope, w
	if s.original() {
		s.m.tally.reissue(Reissue{
			FromKey: s.cookie.key.ID, ToKey: w.key.ID,
			FromCodec: s.m.codec(&s.cookie.opened).Name(), ToCodec: w.codec.Name(),
		})
	}
	c.MaxAge = deadline(&w.header).Sub(now)
	over := s.destroyed || s.renewed
	c.Over = over
	for i, n := range s.m.names {
		if i > 0 && s.came&(1<<i) != 0 && (over || due(n.deleteAfter, now)) {
			c.Delete = append(c.Delete, n.name)
		}
	}
	c.Delete = s.appendForeign(c.Delete, now, over)
	// The cookie that is set takes the place of one of the same name.
	c.Delete = slices.DeleteFunc(c.Delete, func(name string) bool { return name == s.m.names[0].name })
	return c
}

// due reports whether cookies that are to be deleted after t are to be deleted now.
func due(t, now time.Time) bool { return !t.IsZero() && !now.Before(t) }

// appendForeign appends the names of the cookies of other libraries that came with the
// request and are to be deleted: because the session is over, or because it is time.
func (s *Session[T]) appendForeign(names []string, now time.Time, over bool) []string {
	for _, t := range s.m.takeovers {
		if !over && !due(t.deleteAfter, now) {
			continue
		}
		for _, name := range t.cameWith(s.req) {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// emptied reports whether a session that has changed is left with nothing that
// is worth a cookie: only one that came in a cookie can be. An ID may mean
// something to the application all by itself. And where another cookie could
// not be judged, the one that came is replaced rather than deleted: a deletion
// is of every name.
func (s *Session[T]) emptied() bool {
	w := s.wrote
	return !s.spare && !w.header.HasID && bytes.Equal(w.payload, s.m.zero[w.codec.ID()])
}

// refreshDue reports whether the session is in the last half of its idle time.
func (s *Session[T]) refreshDue(now time.Time) bool {
	h := &s.cookie.header
	return h.Idle != 0 && now.Unix() >= int64(h.Issued)+int64(h.Idle)/2
}

// outdated reports whether the cookie is of an earlier key, codec or name than
// the present ones. What is of a later one stays: the clocks of two instances
// differ, and neither undoes what the other did.
func (s *Session[T]) outdated(now time.Time) bool {
	if key, err := s.primary(now); err == nil && earlierKey(s.cookie.key, key) {
		return true
	}
	return s.cookie.name != 0 || s.laterCodec(now) != nil
}

// earlierKey reports whether a became a signer before b did.
func earlierKey(a, b *keyring.Subkey) bool {
	if a.Sealer != nil && b.Sealer == nil {
		return false
	}
	return a.SignFrom.Before(b.SignFrom)
}

// laterCodec returns the codec that is to be written if the ring schedules
// it after the one of the cookie, or else nil.
func (s *Session[T]) laterCodec(now time.Time) codec.Codec {
	ring := s.keys.Ring()
	c, place := s.m.writeCodec(ring, now)
	if place <= s.m.codecPlace(ring, &s.cookie.opened, now) {
		return nil
	}
	return c
}

// written is a token that is about to be made. What its header says of the key and
// the codec is not yet true.
type written struct {
	header  token.Header
	key     *keyring.Subkey // what the payload was measured for; nil: nothing was
	codec   codec.Codec     // of payload
	payload []byte          // the encoding of the data; nil: the zero T
}

// token makes w, which may be what was written, the token of the session at now.
func (s *Session[T]) token(w *written, now time.Time) error {
	switch {
	case s.wrote != nil:
		*w = *s.wrote
	case s.original():
		w.header, w.codec, w.payload = s.cookie.header, s.m.codec(&s.cookie.opened), s.cookie.payload
	}
	if w.key == nil {
		var err error
		if w.key, err = s.primary(now); err != nil {
			return err
		}
	}
	switch {
	case w.payload == nil: // new, and nothing written to it
		w.header = s.m.newHeader(s.keys.Ring(), now)
		w.codec, _ = s.m.writeCodec(s.keys.Ring(), now)
		w.payload = s.m.zero[w.codec.ID()]
	case s.original() && !s.changed:
		s.recode(w, now)
	}
	w.header.Key, w.header.Codec = w.key.ID, w.codec.ID()
	// A clock that was stepped back must not make the newer token the older.
	w.header.Issued = max(seconds(now), w.header.Issued)
	err := s.m.checkSize(&w.header, w.key, len(w.payload))
	if err != nil && s.original() && !s.m.sealed {
		// The present key takes more room than there is. The session goes on
		// under the key that it came with, which verifies as long as it lasts:
		// under that key's subkey for the present name, whichever it came by.
		if k, gone := s.keys.Lookup(s.cookie.key.ID, now); gone == nil {
			w.key = k
			w.header.Key = k.ID
			err = s.m.checkSize(&w.header, k, len(w.payload))
		}
	}
	return err
}

// recode puts the payload into the codec that is to be written, where that
// is a later one, loses nothing, and fits.
func (s *Session[T]) recode(w *written, now time.Time) {
	c := s.laterCodec(now)
	if c == nil {
		return
	}
	v := s.copy()
	if !s.m.isValues && !s.m.encodesTo(w.codec, v, w.payload) {
		return // there may be what T does not know, at any depth
	}
	b, err := s.m.encode(c, v)
	if err != nil || s.m.checkSize(&w.header, w.key, len(b)) != nil {
		return
	}
	w.codec, w.payload = c, b
}

// deadline returns when a token ends unless it is replaced.
func deadline(h *token.Header) time.Time {
	end := int64(h.Expires)
	if h.Idle != 0 {
		end = min(end, int64(h.Issued)+int64(h.Idle))
	}
	return time.Unix(end, 0)
}
