package session

import (
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
)

// writeCodec returns the codec that is to be written at a time: the newest of
// the ring's schedule that is known here, or else the first of Codecs.
// The second result is its place in the schedule, from 1; 0 if it has none.
func (e *envelope) writeCodec(ring *keyring.Ring, now time.Time) (codec.Codec, int) {
	schedule := e.schedule(ring)
	for i := len(schedule) - 1; i >= 0; i-- {
		if schedule[i].From.After(now) {
			continue
		}
		for _, c := range e.codecs {
			if c.Name() == schedule[i].Codec {
				return c, i + 1
			}
		}
	}
	return e.codecs[0], 0
}

// codecPlace returns the place in the schedule, from 1, of the entry by which
// a token got its codec; 0 if there is none. The clock that issued it may be
// ahead of this one.
func (e *envelope) codecPlace(ring *keyring.Ring, o *opened, now time.Time) int {
	if issued := time.Unix(int64(o.header.Issued), 0); issued.After(now) {
		now = issued
	}
	schedule, name := e.schedule(ring), e.codec(o).Name()
	for i := len(schedule) - 1; i >= 0; i-- {
		if schedule[i].Codec == name && !schedule[i].From.After(now) {
			return i + 1
		}
	}
	return 0
}

// A codecSchedule is what a ring's Codecs returned, which makes a copy each time.
type codecSchedule struct {
	ring   *keyring.Ring
	codecs []keyring.CodecFrom
}

// schedule returns ring.Codecs(), of the present ring without a copy.
func (e *envelope) schedule(ring *keyring.Ring) []keyring.CodecFrom {
	s := e.scheduled.Load()
	if s == nil || s.ring != ring {
		s = &codecSchedule{ring, ring.Codecs()}
		e.scheduled.Store(s)
	}
	return s.codecs
}

// primary returns the key that signs at a time.
func (e *envelope) primary(keys *keyring.Subkeys, now time.Time) (*keyring.Subkey, error) {
	k, err := keys.Primary(now)
	if err != nil {
		return nil, fmt.Errorf("session: %w", err)
	}
	if e.sealed && k.Sealer == nil {
		return nil, ErrNotSealed
	}
	return k, nil
}

// checkSealed refuses a ring in which a key that does not seal is the
// primary, or will be. It is called when a ring is loaded, where there is no
// time but the present; each token is judged by the time it is made at. That
// no key may sign is no such thing: nothing is written in the clear then.
func checkSealed(r *keyring.Ring) error {
	now := time.Now()
	for t, k := range r.Primaries(now) {
		if k.ID() != (keyring.KeyID{}) && !k.Seals() {
			from := "now" // and not when that is: of one ring, the error is always the same
			if t.After(now) {
				from = "from " + t.UTC().Format(time.RFC3339)
			}
			return fmt.Errorf("%w: key %v, which signs %s, is of the algorithm %s; add a key of one that encrypts, such as xchacha20-poly1305", ErrNotSealed, k.ID(), from, k.Algorithm())
		}
	}
	return nil
}

// missing says which codecs the ring has written, now or later, that are not among
// those of the program: it goes on with the one before, and cannot read what others write.
func (e *envelope) missing(r *keyring.Ring, now time.Time) (warnings []string) {
	schedule := r.Codecs()
	for i, s := range schedule {
		over := i+1 < len(schedule) && !schedule[i+1].From.After(now)
		if over || slices.ContainsFunc(e.codecs, func(c codec.Codec) bool { return c.Name() == s.Codec }) {
			continue
		}
		warnings = append(warnings, fmt.Sprintf("the ring schedules the codec %s from %s, which is not among Config.Codecs: sessions that other programs write with it cannot be read, and those written here stay in the codec before; deploy a program that has it",
			s.Codec, s.From.UTC().Format(time.RFC3339)))
	}
	return warnings
}

// adopted returns what logs, of each ring, what an operator should see to who knows
// this program. It is called with one ring at a time.
func (e *envelope) adopted() func(*keyring.Ring) {
	shortened := e.tellShortened()
	told := make(map[string]bool) // those of the ring before
	return func(r *keyring.Ring) {
		shortened(r)
		now := make(map[string]bool)
		for _, w := range e.missing(r, time.Now()) {
			if now[w] = true; !told[w] {
				slog.Warn("session: "+w, "cookie", e.names[0].name, "ring", r)
			}
		}
		told = now
	}
}

// tellShortened returns what logs that with a ring new sessions are shorter than
// they were when the program began: once, until another ring changes by how much.
// The operator knows best, and is told. It is called with one ring at a time.
func (e *envelope) tellShortened() func(*keyring.Ring) {
	told := e.promised
	return func(r *keyring.Ring) {
		longest := min(e.promised, r.Policy().MaxSession)
		if longest < e.promised && longest != told {
			slog.Warn("session: new sessions are shorter than they were when the program began: they are no longer than the ring's max_session",
				"cookie", e.names[0].name, "ring", r, "max_session", longest, "were", e.promised)
		}
		told = longest
	}
}
