package keyring

import (
	"errors"
	"fmt"
	"time"
)

// Revoke makes the key with the ID a tombstone, for good: whoever has its secret
// can do nothing with it any more, once the ring is on every instance, and the
// sessions that it signed end. Those of other keys go on.
//
// If the key signs, or is to sign next, another takes its place: of the keys of
// its kind that every instance has, one that is scheduled or stands by. If the
// key that signs is revoked, the other signs at once, by every clock, even if it
// may not be everywhere: that is then put on record in the Override. If there is no
// other standby key after that, one is added.
//
// Whoever had the key may have had sessions reissued under another: after a leak,
// use [Document.EndSessions] too, and again later, as it says. The reason, which must
// not be empty, is kept in the key.
//
// The error is ErrUnknownKey if there is no such key. To revoke one again does
// nothing.
func (d *Document) Revoke(now time.Time, id KeyID, reason string) error {
	return d.edit(now, func(e *editor) error {
		k := e.key(id)
		switch {
		case k == nil:
			return ErrUnknownKey
		case !k.Revoked.IsZero():
			return nil
		case reason == "":
			return errReason
		}
		if err := e.canJudge(); err != nil {
			return err
		}
		was := *k
		e.bury(k, reason)
		if next, ok := e.fillPlaceOf(was); ok && next.Added.After(e.now.Add(-delay-e.policy.Propagation)) {
			e.accept(reason, Exception{T4, next.id}) // it may not be everywhere
		}
		return nil
	})
}

// RevokeAll revokes every key, and adds one that signs at once and one that stands
// by. Everybody is signed out, and until the ring is on every instance, those who
// sign in anew may be again. It is the answer to a leak of the whole ring, whose
// standby key has leaked too.
func (d *Document) RevokeAll(now time.Time, reason string) error {
	return d.edit(now, func(e *editor) error {
		if reason == "" {
			return errReason
		}
		if err := e.canJudge(); err != nil {
			return err
		}
		a, err := e.kind()
		if err != nil {
			return err
		}
		for i := range d.Keys {
			k := &d.Keys[i]
			if !k.Revoked.IsZero() {
				continue
			}
			if e.bury(k, reason); k.seals && k.SignFrom.After(e.now) && k.isSupported() {
				a = k.algorithm // by a fast clock, it has signed: from now on, only what seals does
			}
		}
		next := e.add(a)
		next.SignFrom = e.now.Add(-e.policy.Skew)
		e.accept(reason, Exception{T4, next.id})
		e.add(a)
		return nil
	})
}

// Disable takes the key with the ID out of use until it is enabled: its tokens
// are refused and its cookies left alone. If it signs, or is to sign next, another
// takes its place as in Revoke; but if that may not be everywhere, it is for Plan to
// say, and nothing that is accepted. To disable it again does nothing; the error
// is ErrUnknownKey if there is no such key that could be enabled again.
func (d *Document) Disable(now time.Time, id KeyID, reason string) error {
	return d.edit(now, func(e *editor) error {
		k := e.key(id)
		switch {
		case k == nil || k.isTombstone():
			return ErrUnknownKey
		case k.Disabled:
			return nil
		case reason == "":
			return errReason
		}
		if err := e.canJudge(); err != nil {
			return err
		}
		was := *k
		k.Disabled, k.Reason = true, reason
		switch {
		case k.SignFrom.After(e.everywhere()): // enabled again, it stands by
			k.SignFrom, k.VerifyUntil = time.Time{}, time.Time{}
		case !k.SignFrom.IsZero() && k.VerifyUntil.IsZero():
			// Another signs from now on: enabled again, it has that end.
			k.VerifyUntil = e.lastToken()
		}
		e.fillPlaceOf(was)
		return nil
	})
}

// Enable puts a disabled key back into use. To enable it again does nothing; the
// error is ErrUnknownKey if there is no such key that could be disabled.
func (d *Document) Enable(now time.Time, id KeyID) error {
	return d.edit(now, func(e *editor) error {
		k := e.key(id)
		if k == nil || k.isTombstone() {
			return ErrUnknownKey
		}
		if k.Disabled {
			k.Disabled, k.Reason = false, ""
		}
		return nil
	})
}

// EndSessions ends every session that began before a time, under whatever key,
// if not_before is not later already. Sessions begin at whole seconds: those of the
// same second end, too. The time must not be in the future: until it
// comes, nobody could sign in. The reason, which must not be empty, is kept in the
// Override.
//
// After a leak, an instance accepts what a thief signs until it has the ring in which
// the key is revoked, with times that are up to twice the Skew ahead. To end what was
// made so, use EndSessions the Propagation and twice the Skew after that ring was
// published.
func (d *Document) EndSessions(now, before time.Time, reason string) error {
	return d.edit(now, func(e *editor) error {
		if before = wholeSecond(before); !before.After(d.NotBefore) {
			return nil
		}
		switch {
		case reason == "":
			return errReason
		case before.After(wholeSecond(now)):
			return fmt.Errorf("keyring: %s is in the future: until then, nobody could sign in", stamp(before))
		}
		d.NotBefore = before
		e.accept(reason, Exception{Rule: T6})
		return nil
	})
}

// bury makes a tombstone of a key. That it was to sign is forgotten, unless by a fast
// clock it may have: else it would have a say in what signs when its time comes.
func (e *editor) bury(k *Key, reason string) {
	if k.SignFrom.After(e.now.Add(2 * e.policy.Skew)) {
		k.SignFrom = time.Time{}
	}
	k.Revoked, k.Reason, k.secret = e.now, reason, nil
}

// fillPlaceOf has another key sign where one that was in use is no longer, and
// sees to it that one stands by. It returns the other if that signs at once.
func (e *editor) fillPlaceOf(was Key) (signs Key, ok bool) {
	switch e.ring.State(was.id, e.now) {
	case Active:
		next := e.takeOver(was, e.now, true)
		next.SignFrom, next.VerifyUntil = e.now.Add(-e.policy.Skew), time.Time{}
		if later, ok := e.scheduled(); ok {
			next.VerifyUntil = wholeSecond(later.SignFrom.Add(e.policy.MaxSessionHigh + e.policy.Skew))
		}
		signs, ok = *next, true
	case Pending:
		from := was.SignFrom
		if soonest := wholeSecond(e.now.Add(e.policy.Propagation)); from.Before(soonest) {
			from = soonest
		}
		next := e.takeOver(was, from, false)
		next.SignFrom, next.VerifyUntil = from, time.Time{}
		e.retire(next.id, from)
	case Standby:
	default:
		return Key{}, false // it was out of use, or nothing is left for another to do
	}
	e.restock(was.algorithm)
	return signs, ok
}

// takeOver returns the key to sign in the place of another from a time on: of its
// kind, one that every instance has by then before one that may not be everywhere,
// one that does not retire before one that does, one of its algorithm before one of another, and one that was added earlier
// before one that was added later. If there is none, it is a new one; and so it is
// where one that retires would do but must not.
func (e *editor) takeOver(was Key, from time.Time, retiring bool) *Key {
	known := func(k *Key) bool { return !k.Added.Add(e.policy.Propagation).After(from) && e.lasts(*k, from) }
	stays := func(k *Key) bool { return k.VerifyUntil.IsZero() }
	var best *Key
	for i := range e.d.Keys {
		k := &e.d.Keys[i]
		waits := k.SignFrom.IsZero() || k.SignFrom.After(e.now)
		if !waits || !k.Usable(e.now) || k.seals != was.seals || !retiring && !stays(k) { // was is not usable any more
			continue
		}
		if best == nil || before(known(k), known(best), before(stays(k), stays(best), before(k.name == was.name, best.name == was.name, k.Added.Before(best.Added)))) {
			best = k
		}
	}
	if best == nil {
		return e.add(was.algorithm)
	}
	return best
}

// before reports whether what has a is to be preferred to what has b, or
// otherwise if both have it or neither has.
func before(a, b, otherwise bool) bool {
	if a != b {
		return a
	}
	return otherwise
}

var errReason = errors.New("keyring: say why: the reason is kept in the ring, for all to see")

// accept records what is meant although it breaks rules, so that Plan of whatever ring
// is in use accepts it: an emergency does not wait.
func (e *editor) accept(reason string, meant Exception) {
	e.d.keepOverride(e.ring, e.now)
	e.d.Override.Generation = e.ring.Generation() + 1
	e.d.Override.Accept(e.now, reason, meant)
}
