package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"
)

// ErrNoPrimary says that no key of the ring may sign at that time.
var ErrNoPrimary = errors.New("keyring: no key may sign at this time")

// A basis is the part of the rule of the primary by which a key was chosen.
type basis int

const (
	none  basis = iota // no key was
	due                // its SignFrom is reached, and it verifies for long enough
	early              // its SignFrom is the next: as if this clock were slow
	late               // it ceases to verify before sessions that begin now end
)

// A change says which key signs from a time on, until the next change.
type change struct {
	from  time.Time
	key   int // into the ring's keys; negative: none
	basis basis
}

// primary chooses the key that signs at now: among usable keys with SignFrom,
//
//  1. that of the latest SignFrom reached, of those that verify until now+reach;
//  2. else that of the earliest SignFrom not yet reached;
//  3. else that of the latest SignFrom reached.
//
// If the key of the latest SignFrom reached seals, whatever has become of it
// since, then only keys that seal are considered; see mustSeal for the keys that
// do not count there. Of keys with one SignFrom
// those that seal come after those that do not, and then the greater ID wins,
// so that the order in the file means nothing.
func primary(keys []Key, now time.Time, reach time.Duration) (int, basis) {
	sealed := mustSeal(keys, now)
	var best [late + 1]int
	for b := range best {
		best[b] = -1
	}
	for i, k := range keys {
		if k.SignFrom.IsZero() || !k.Usable(now) || sealed && !k.seals {
			continue
		}
		b := late
		switch {
		case k.SignFrom.After(now):
			b = early
		case k.VerifyUntil.IsZero() || !k.VerifyUntil.Before(now.Add(reach)):
			b = due
		}
		if j := best[b]; j < 0 || takesOver(k, keys[j], b) {
			best[b] = i
		}
	}
	for _, b := range []basis{due, early, late} {
		if best[b] >= 0 {
			return best[b], b
		}
	}
	return -1, none
}

// takesOver reports whether a is to be preferred to b.
func takesOver(a, b Key, by basis) bool {
	if c := a.SignFrom.Compare(b.SignFrom); c != 0 {
		return (c > 0) != (by == early)
	}
	if a.seals != b.seals {
		return a.seals
	}
	return bytes.Compare(a.id[:], b.id[:]) > 0
}

// mustSeal reports whether the key of the latest SignFrom reached, of those that
// count, seals.
func mustSeal(keys []Key, now time.Time) bool {
	var last time.Time
	seals := false
	for _, k := range keys {
		if k.SignFrom.IsZero() || k.SignFrom.After(now) || k.SignFrom.Before(last) || !k.tookOver() {
			continue
		}
		seals = k.seals || seals && k.SignFrom.Equal(last)
		last = k.SignFrom
	}
	return seals
}

// tookOver reports whether the key, its SignFrom reached, decides from then on
// whether others must seal. One that seals always does. One that does not was
// put there to lift the seal, which it has not done if it was dead when its time
// came. One that became a tombstone later did sign: were it passed over, its
// death would bring back the seal, and stop the keys that were to follow it.
// Nobody knows since when a key is disabled: the seal is the safer guess.
func (k Key) tookOver() bool {
	return k.seals || !k.Disabled && !k.diedBy(k.SignFrom)
}

// diedBy reports whether the key was a tombstone at t.
func (k Key) diedBy(t time.Time) bool {
	return !k.Revoked.IsZero() && !k.Revoked.After(t) || !k.Pruned.IsZero() && !k.Pruned.After(t)
}

// schedule works out every change of the primary, the first of which is from
// the beginning of time. primary can change its mind at no other times than
// those at which one of its comparisons does.
func schedule(keys []Key, reach time.Duration) []change {
	times := []time.Time{{}}
	for _, k := range keys {
		if k.SignFrom.IsZero() {
			continue
		}
		times = append(times, k.SignFrom)
		if !k.VerifyUntil.IsZero() {
			times = append(times, k.VerifyUntil.Add(1-reach), k.VerifyUntil)
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	var changes []change
	for _, t := range times {
		i, b := primary(keys, t, reach)
		if n := len(changes); n == 0 || changes[n-1].key != i || changes[n-1].basis != b {
			changes = append(changes, change{t, i, b})
		}
	}
	return changes
}

// at returns the index of the last change not after now, or of the first.
//
// It looks at the one found last before it searches: time goes on, but changes
// are days apart, so that the cost does not depend on how many there are.
func (r *Ring) at(now time.Time) int {
	i := int(r.recent.Load())
	if (i == 0 || !now.Before(r.changes[i].from)) && (i+1 == len(r.changes) || now.Before(r.changes[i+1].from)) {
		return i
	}
	lo, hi := 0, len(r.changes)
	for hi-lo > 1 {
		m := int(uint(lo+hi) / 2)
		if now.Before(r.changes[m].from) {
			hi = m
		} else {
			lo = m
		}
	}
	r.recent.Store(int64(lo))
	return lo
}

// A period is the time in which a key is the primary.
type period struct {
	key      int // into the ring's keys; negative: none
	basis    basis
	from, to time.Time // to is zero for a period without end
}

// periods returns those that are not over at a time.
func (r *Ring) periods(at time.Time) (all []period) {
	for i, c := range r.changes {
		q := period{key: c.key, basis: c.basis, from: c.from}
		if i+1 < len(r.changes) {
			q.to = r.changes[i+1].from
			if !q.to.After(at) {
				continue
			}
		}
		all = append(all, q)
	}
	return all
}

// Primary returns the key that signs at now, or ErrNoPrimary.
//
// It is, of the usable keys with SignFrom, that of the latest SignFrom reached,
// passing over those that cease to verify before a session that begins now can
// have ended (MaxSessionHigh and Skew from now). If there is none, it is the key
// that is to sign next, so that a slow clock finds a key; if there is none
// either, the passed-over key of the latest SignFrom, of which [Ring.Warnings]
// tells. A standby key never signs.
//
// Nothing falls back from sealed to signed: if the key of the latest SignFrom
// reached seals, even one that is disabled, revoked or unknown to this binary,
// then only a key that seals is primary. A key that does not seal ends that as
// its SignFrom is reached, unless it is disabled, or was revoked or pruned by
// then. If it is revoked or pruned later, that does not bring the seal back.
func (r *Ring) Primary(now time.Time) (Key, error) {
	c := r.changes[r.at(now)]
	if c.key < 0 {
		return Key{}, ErrNoPrimary
	}
	return r.document.Keys[c.key], nil
}

// Primaries returns what [Ring.Primary] returns from a time on: first that time
// and the key that signs then, and after that each time at which another takes
// over, and that key. Where no key may sign, it is the zero Key.
func (r *Ring) Primaries(from time.Time) iter.Seq2[time.Time, Key] {
	return func(yield func(time.Time, Key) bool) {
		for i := r.at(from); i < len(r.changes); i++ {
			c := r.changes[i]
			var k Key
			if c.key >= 0 {
				k = r.document.Keys[c.key]
			}
			if !yield(from, k) {
				return
			}
			// The next change of the key, and not only of the reason for it.
			for i+1 < len(r.changes) && r.changes[i+1].key == c.key {
				i++
			}
			if i+1 < len(r.changes) {
				from = r.changes[i+1].from
			}
		}
	}
}

// A State is what a key is at a time. It follows from the schedule and is not
// stored.
type State uint8

// The states of a key, one at a time. Of those that apply, the first listed here
// is the key's state.
const (
	Unknown     State = iota // no key of the ring has the ID
	Revoked                  // a tombstone: its tokens are refused
	Pruned                   // a tombstone: its tokens have expired
	Unsupported              // this binary lacks its algorithm, or cannot use it
	Disabled                 // out of use, reversibly
	Retired                  // VerifyUntil is reached
	Active                   // the primary: signs and verifies
	Standby                  // verifies; not scheduled to sign, nor to cease
	Pending                  // verifies; SignFrom is to come
	Retiring                 // verifies; another key signs
)

var states = [...]string{
	"unknown", "revoked", "pruned", "unsupported", "disabled",
	"retired", "active", "standby", "pending", "retiring",
}

// String returns the state as one lower-case word.
func (s State) String() string {
	if int(s) < len(states) {
		return states[s]
	}
	return fmt.Sprintf("State(%d)", uint8(s))
}

// MarshalText returns the word of String.
func (s State) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText returns.
func (s *State) UnmarshalText(text []byte) error {
	i := slices.Index(states[:], string(text))
	if i < 0 {
		return errState
	}
	*s = State(i)
	return nil
}

var errState = errors.New("keyring: not the word for a state of a key")

// State returns the state at now of the key with the ID.
func (r *Ring) State(id KeyID, now time.Time) State {
	i, ok := r.index[id]
	if !ok {
		return Unknown
	}
	switch k := r.document.Keys[i]; {
	case !k.Revoked.IsZero():
		return Revoked
	case !k.Pruned.IsZero():
		return Pruned
	case !k.isSupported():
		return Unsupported
	case k.Disabled:
		return Disabled
	case !k.Usable(now):
		return Retired
	case r.changes[r.at(now)].key == i:
		return Active
	case k.SignFrom.IsZero() && k.VerifyUntil.IsZero():
		return Standby
	case k.SignFrom.IsZero():
		return Retiring
	case k.SignFrom.After(now):
		return Pending
	}
	return Retiring
}
