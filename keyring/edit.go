package keyring

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// Edit returns the ring after r: what edit makes of its Document, of the next
// generation, and published at now. If edit changes nothing, it is r itself, so
// that an edit that is done twice makes one generation. An Override for r becomes
// one for the new generation if r may not have been published yet, which may take a
// day and the propagation; an older one is dropped.
//
// Edit does not judge whether the new ring is a safe successor: [Plan] does.
func (r *Ring) Edit(now time.Time, edit func(*Document) error) (*Ring, error) {
	d := r.Document()
	if err := edit(&d); err != nil {
		return nil, err
	}
	same, err := NewRing(d)
	if err != nil {
		return nil, err
	}
	if same.checksum == r.checksum {
		return r, nil
	}
	if d.Generation = r.Generation() + 1; d.Generation == 0 {
		return nil, errors.New("keyring: there is no generation after this one")
	}
	d.keepOverride(r, now)
	d.Published = wholeSecond(now)
	return NewRing(d)
}

// keepOverride makes an Override for r one for the generation after it, if what it accepts
// may not have been published yet: it is to be accepted in the ring that is published
// instead. An older one is dropped.
func (d *Document) keepOverride(r *Ring, now time.Time) {
	o := &d.Override
	switch {
	case o.Generation == r.Generation()+1:
	case o.Generation == r.Generation() && now.Before(o.Since.Add(delay+r.policy.Propagation)):
		o.Generation++
	default:
		*o = Override{unknown: o.unknown}
	}
}

// The methods of Document that follow are what operators do to a ring. Each is
// one edit, to be published soon, and leaves the document as it was if it
// returns an error. Times are to the second. Those that move who signs are refused
// where a key signs of which this binary lacks the algorithm.

// delay is how much later than it is made an edit that takes effect at once may
// be published without a session ending early: a review may take that long. What
// is scheduled has no such delay but that of its time.
const delay = 24 * time.Hour

// lastToken returns when the last token has expired that an instance may make
// before it has the edit.
func (e *editor) lastToken() time.Time {
	return wholeSecond(e.everywhere().Add(time.Second + e.policy.MaxSessionHigh + e.policy.Skew))
}

// everywhere returns when every instance has the edit at the latest.
func (e *editor) everywhere() time.Time { return e.now.Add(delay + e.policy.Propagation) }

// Why an edit has to wait: a job that runs every day may take no notice.
var (
	ErrScheduled = errors.New("keyring: a key is scheduled already")
	ErrTooSoon   = errors.New("keyring: not every instance may have the key yet")
)

// Rotate schedules the next key to sign: the standby key, or, if there is none
// of the algorithm, a new one. It signs from in after now, or from the ring's
// propagation after now if that is later. The keys that sign until then get the
// verify_until with which no session of theirs ends early, a new standby key takes
// the place of the present one, and standby keys of other algorithms retire the
// propagation after the new key begins to sign.
//
// Of the zero Algorithm, it is the one of the present primary. The error is
// ErrScheduled if a key is scheduled to sign already.
func (d *Document) Rotate(now time.Time, a signer.Algorithm, in time.Duration) error {
	return d.edit(now, func(e *editor) error {
		if err := e.canJudge(); err != nil {
			return err
		}
		if a.Name == "" {
			var err error
			if a, err = e.kind(); err != nil {
				return err
			}
		}
		next := e.standby(func(k Key) bool { return k.name == a.Name })
		if next == nil {
			next = e.add(a)
		}
		return e.schedule(next, now, in)
	})
}

// Schedule is Rotate with a standby key of choice, say one that was brought in
// from elsewhere. The error is ErrUnknownKey if there is no key with the ID, and
// ErrScheduled as for Rotate.
func (d *Document) Schedule(now time.Time, id KeyID, in time.Duration) error {
	return d.edit(now, func(e *editor) error {
		if err := e.canJudge(); err != nil {
			return err
		}
		k := e.key(id)
		switch {
		case k == nil:
			return ErrUnknownKey
		case !k.isStandby():
			return fmt.Errorf("keyring: key %v does not stand by: it is %v", id, e.ring.State(id, now))
		case !k.VerifyUntil.IsZero():
			return fmt.Errorf("keyring: key %v is to retire at %s, and may have signed until now: use another", id, stamp(k.VerifyUntil))
		}
		return e.schedule(k, now, in)
	})
}

// schedule has the key sign from in after now on, or from the propagation after
// now if that is later, and every other key retire.
func (e *editor) schedule(next *Key, now time.Time, in time.Duration) error {
	if in < 0 {
		return errors.New("keyring: a key cannot begin to sign in the past")
	}
	if k, ok := e.scheduled(); ok {
		return fmt.Errorf("%w: key %v signs from %s", ErrScheduled, k.id, stamp(k.SignFrom))
	}
	id, a := next.id, next.algorithm
	next.SignFrom = wholeSecond(now.Add(max(in, e.policy.Propagation)))
	from := next.SignFrom
	e.retire(id, from)
	for i := range e.d.Keys {
		if k := &e.d.Keys[i]; k.isStandby() && k.name != a.Name && k.VerifyUntil.IsZero() {
			// It never signed, but may have to until the other is known everywhere.
			k.VerifyUntil = wholeSecond(from.Add(e.policy.Propagation))
		}
	}
	e.restock(a)
	return nil
}

// Promote has the key that is scheduled next sign now or, if none is, the standby
// key. The error is ErrTooSoon if not every instance may have the key yet: if the
// propagation has not passed since it was added. A ring does not know when it was
// published: if that was later, wait longer.
func (d *Document) Promote(now time.Time) error {
	return d.edit(now, func(e *editor) error {
		if err := e.canJudge(); err != nil {
			return err
		}
		kind, err := e.kind()
		if err != nil {
			return err
		}
		var next *Key
		if k, ok := e.scheduled(); ok {
			next = e.key(k.id)
		} else if next = e.standby(func(k Key) bool { return k.seals == (kind.NewSealer != nil) }); next == nil {
			return errors.New("keyring: there is no key to promote: none is scheduled, and none of the primary's kind stands by")
		}
		if known := next.Added.Add(e.policy.Propagation); known.After(now) {
			return fmt.Errorf("%w: key %v was added at %s; promote it from %s on", ErrTooSoon, next.id, stamp(next.Added), later(known))
		}
		next.SignFrom, next.VerifyUntil = e.now, time.Time{}
		a := next.algorithm
		e.retire(next.id, now.Add(delay+e.policy.Propagation))
		e.restock(a)
		return nil
	})
}

// AddStandby adds a standby key of the algorithm, if there is none already. Of
// the zero Algorithm, it is the one of the key that signs last.
func (d *Document) AddStandby(now time.Time, a signer.Algorithm) error {
	return d.edit(now, func(e *editor) error {
		if a.Name == "" {
			last := e.ring.changes[len(e.ring.changes)-1]
			if last.key >= 0 {
				a = e.ring.document.Keys[last.key].algorithm
			}
		}
		if a.Name == "" {
			return errors.New("keyring: say which algorithm the standby key is for")
		}
		e.restock(a)
		return nil
	})
}

// Prune makes tombstones of keys that have retired, a Skew after their
// verify_until, and removes tombstones and entries of the schedule of codecs when
// every token that could be concerned has expired. It returns the IDs of the keys
// that it changed or removed.
func (d *Document) Prune(now time.Time) ([]KeyID, error) {
	var pruned []KeyID
	err := d.edit(now, func(e *editor) error {
		for i := range d.Keys {
			if k := &d.Keys[i]; e.ring.prunable(*k, now) {
				k.Pruned, k.secret = e.now, nil
				pruned = append(pruned, k.id)
			}
		}
		sessions := e.policy.MaxSessionHigh + e.policy.Skew
		for _, k := range slices.Clone(d.Keys) {
			if k.isTombstone() && now.After(k.buried().Add(sessions)) && !e.remembersSeal(k) {
				d.Keys = slices.DeleteFunc(d.Keys, func(o Key) bool { return o.id == k.id })
				pruned = append(pruned, k.id)
			}
		}
		codecs := e.ring.Codecs()
		for len(codecs) > 1 && now.After(codecs[1].From.Add(sessions)) {
			codecs = codecs[1:]
		}
		d.Codecs = codecs
		return nil
	})
	if err != nil {
		return nil, err
	}
	return pruned, nil
}

// prunable reports whether the key has retired, for every clock.
func (r *Ring) prunable(k Key, now time.Time) bool {
	return k.secret != nil && !k.isTombstone() && !k.VerifyUntil.IsZero() && now.After(k.VerifyUntil.Add(r.policy.Skew))
}

// ScheduleCodec has sessions written with the codec from a time on, and from
// the ring's propagation after now if that is later. Another codec that was to
// follow after that time no longer is. If by then the codec is written anyhow, that
// is all that is done.
func (d *Document) ScheduleCodec(now time.Time, codec string, from time.Time) error {
	return d.edit(now, func(e *editor) error {
		if soonest := now.Add(e.policy.Propagation); from.Before(soonest) {
			from = soonest
		}
		from = wholeSecond(from)
		codecs := slices.DeleteFunc(e.ring.Codecs(), func(c CodecFrom) bool { return c.From.After(from) })
		switch last := len(codecs) - 1; {
		case last >= 0 && codecs[last].Codec == codec:
		case last >= 0 && codecs[last].From.Equal(from):
			codecs[last].Codec = codec
		default:
			codecs = append(codecs, CodecFrom{Codec: codec, From: from})
		}
		d.Codecs = codecs
		return nil
	})
}

// SetPolicy sets the durations of the policy that are not zero in p, and writes out the
// others. It is for the edits to come: what is scheduled already stays so, but keys that
// sign, have signed or are to, and have an end, verify for as much longer as sessions may.
//
// MaxSessionHigh rises with MaxSession, and does not fall with it: there may be sessions
// that are longer. When there are none any more, p can say so. It is an error if the
// propagation set here is not longer than twice the skew.
func (d *Document) SetPolicy(now time.Time, p Policy) error {
	return d.edit(now, func(e *editor) error {
		was := e.policy
		is := Policy{
			Propagation: cmp.Or(p.Propagation, was.Propagation),
			Skew:        cmp.Or(p.Skew, was.Skew),
			MaxSession:  cmp.Or(p.MaxSession, was.MaxSession),
			unknown:     d.Policy.unknown,
		}
		is.MaxSessionHigh = cmp.Or(p.MaxSessionHigh, max(was.MaxSessionHigh, is.MaxSession))
		if (p.Propagation != 0 || p.Skew != 0) && is.isTooFast() {
			return fmt.Errorf("keyring: %s", is.tooFast())
		}
		d.Policy = is
		by := is.MaxSessionHigh + is.Skew - was.MaxSessionHigh - was.Skew
		for i := range d.Keys {
			k := &d.Keys[i]
			if by > 0 && !k.SignFrom.IsZero() && !k.isTombstone() && now.Before(k.VerifyUntil) {
				k.VerifyUntil = k.VerifyUntil.Add(by)
			}
		}
		return nil
	})
}

// Restore makes of the document what a former ring of the same name said, but for
// what time and a leak have decided since: tombstones and retired keys stay as they
// are, keys that came later verify until their sessions have ended and sign no more,
// as do those that have signed since and stood by then, and neither not_before nor
// max_session_high is lowered. A standby key is added if there is none any more.
func (d *Document) Restore(now time.Time, former *Ring) error {
	return d.edit(now, func(e *editor) error {
		if former.Name() != d.Name {
			return fmt.Errorf("keyring: the ring to restore is %q, and not %q", former.Name(), d.Name)
		}
		if former.Generation() == d.Generation && former.checksum != e.ring.checksum {
			return fmt.Errorf("keyring: the ring to restore is of generation %d too, and says something else: one of the two has been edited without a new generation; if that is this one, copy the other in its place", d.Generation)
		}
		if former.Generation() >= d.Generation {
			return fmt.Errorf("keyring: the ring to restore is of generation %d, and not of one before %d", former.Generation(), d.Generation)
		}
		was := former.Document()
		// A key that has gone since was revoked or pruned, and is not to come back. But
		// its tombstone would be there still, if that had been lately.
		var deleted []error
		was.Keys = slices.DeleteFunc(was.Keys, func(f Key) bool {
			gone := e.key(f.id) == nil
			if gone && !f.isTombstone() && now.Before(former.document.Published.Add(former.reach())) {
				deleted = append(deleted, fmt.Errorf("keyring: key %v has been deleted, and has left no tombstone: no instance takes such a ring, so that the one before it is in use: edit that", f.id))
			}
			return gone
		})
		if len(deleted) > 0 {
			return errors.Join(deleted...)
		}
		need := e.lastToken()
		for _, k := range d.Keys {
			i := slices.IndexFunc(was.Keys, func(f Key) bool { return f.id == k.id })
			retired := !k.VerifyUntil.IsZero() && !now.Before(k.VerifyUntil)
			switch {
			case i < 0 && !k.isTombstone() && !retired:
				if k.seals && !k.SignFrom.IsZero() {
					if p, err := former.Primary(now); err == nil && !p.seals {
						return fmt.Errorf("keyring: key %v encrypts, and in the ring to restore none does: sessions would be written in the clear", k.id)
					}
				}
				k.SignFrom, k.VerifyUntil = time.Time{}, need
				was.Keys = append(was.Keys, k)
			case i < 0:
				was.Keys = append(was.Keys, k)
			case k.isTombstone(), retired:
				was.Keys[i] = k
			case !was.Keys[i].isTombstone():
				// It may have signed since, or be signing at this moment. That it did
				// is forgotten where it stands by again, so that it needs an end.
				f := &was.Keys[i]
				f.Disabled, f.Reason = k.Disabled, k.Reason
				signed := k.SignFrom.Before(e.everywhere()) && !(k.SignFrom.IsZero() && k.VerifyUntil.IsZero())
				if signed && f.SignFrom.After(k.SignFrom) {
					f.SignFrom = k.SignFrom
				}
				end := k.VerifyUntil // by which what it signed has expired, unless it signs still
				if end.IsZero() || e.signs(k) {
					end = need
				}
				if signed && (f.SignFrom.IsZero() && f.VerifyUntil.IsZero() || !f.VerifyUntil.IsZero() && f.VerifyUntil.Before(end)) {
					f.VerifyUntil = end
				}
			}
		}
		was.Generation, was.Published, was.Override = d.Generation, d.Published, d.Override
		if d.NotBefore.After(was.NotBefore) {
			was.NotBefore = d.NotBefore
		}
		if high := e.policy.MaxSessionHigh; former.policy.MaxSessionHigh < high {
			was.Policy.MaxSessionHigh = high
		}
		*d = was
		r, err := NewRing(*d)
		if err != nil {
			return fmt.Errorf("keyring: too much has been decided since the ring to restore for it to work again; choose another: %w", err)
		}
		if last := r.changes[len(r.changes)-1].key; last >= 0 {
			e.restock(r.document.Keys[last].algorithm)
		}
		return nil
	})
}

// An editor is one edit of a document.
type editor struct {
	d      *Document
	ring   *Ring  // of the document as it was
	policy Policy // of the same, with its defaults
	now    time.Time
}

// edit changes a copy of the document, and the document only if all goes well.
func (d *Document) edit(now time.Time, f func(*editor) error) error {
	r, err := NewRing(*d)
	if err != nil {
		return err
	}
	was := *d
	*d = d.clone()
	if err := f(&editor{d, r, r.policy, now.UTC().Truncate(time.Second)}); err != nil {
		*d = was
		return err
	}
	return nil
}

// canJudge returns an error if this binary does not know which key signs.
func (e *editor) canJudge() error {
	var errs []error
	for _, k := range e.ring.unjudged(e.now) {
		errs = append(errs, fmt.Errorf("keyring: key %v may sign, and is for the algorithm %s, which this binary lacks or cannot use: edit the ring with one that has it", k.id, k.name))
	}
	return errors.Join(errs...)
}

// signs reports whether the key may sign until the edit is everywhere.
func (e *editor) signs(k Key) bool {
	for _, q := range e.ring.periods(e.now.Add(-e.policy.Skew)) {
		if q.key >= 0 && e.ring.document.Keys[q.key].id == k.id && q.from.Before(e.everywhere()) {
			return true
		}
	}
	return false
}

// kind returns the algorithm of the primary or, if there is none, that of the newest key
// which can end that: one that seals, if nothing else may sign.
func (e *editor) kind() (signer.Algorithm, error) {
	if primary, err := e.ring.Primary(e.now); err == nil {
		return primary.algorithm, nil
	}
	seal := mustSeal(e.ring.document.Keys, e.now)
	var newest Key
	for _, k := range e.ring.document.Keys {
		if k.isSupported() && (k.seals || !seal) && !k.Added.Before(newest.Added) {
			newest = k
		}
	}
	if newest.algorithm.Name == "" {
		return signer.Algorithm{}, ErrNoPrimary
	}
	return newest.algorithm, nil
}

// key returns the key with the ID, or nil. It is valid until a key is added.
func (e *editor) key(id KeyID) *Key {
	for i := range e.d.Keys {
		if e.d.Keys[i].id == id {
			return &e.d.Keys[i]
		}
	}
	return nil
}

// scheduled returns the key that is to sign next, and whether there is one.
func (e *editor) scheduled() (next Key, ok bool) {
	for _, k := range e.d.Keys {
		if k.SignFrom.After(e.now) && k.canVerify() && (!ok || k.SignFrom.Before(next.SignFrom)) {
			next, ok = k, true
		}
	}
	return next, ok
}

// isStandby reports whether the key is fit to sign, and not scheduled to.
func (k Key) isStandby() bool { return k.canVerify() && k.SignFrom.IsZero() }

// standby returns the standby key of those for which ok holds that was added
// first, or nil. A key that is to retire is none.
func (e *editor) standby(ok func(Key) bool) *Key {
	var first *Key
	for i := range e.d.Keys {
		k := &e.d.Keys[i]
		if k.isStandby() && k.VerifyUntil.IsZero() && ok(*k) && (first == nil || k.Added.Before(first.Added)) {
			first = k
		}
	}
	return first
}

// lasts reports whether the key is accepted until the ring is everywhere, also
// where its end, if it has one, is not known to be put off.
func (e *editor) lasts(k Key, from time.Time) bool { return k.Usable(from.Add(e.policy.Propagation)) }

// add adds a new standby key.
func (e *editor) add(a signer.Algorithm) *Key {
	k := GenerateKey(a)
	k.Added = e.now
	e.d.Keys = append(e.d.Keys, k)
	return &e.d.Keys[len(e.d.Keys)-1]
}

// restock adds a standby key of the algorithm unless there is one.
func (e *editor) restock(a signer.Algorithm) {
	if e.standby(func(k Key) bool { return k.name == a.Name }) == nil {
		e.add(a)
	}
}

// retire has every key that signs, or has signed, cease to verify when what it
// signs until a time has expired: all but the one with the ID.
func (e *editor) retire(but KeyID, until time.Time) {
	end := wholeSecond(until.Add(e.policy.MaxSessionHigh + e.policy.Skew))
	for i := range e.d.Keys {
		k := &e.d.Keys[i]
		if k.id == but || k.SignFrom.IsZero() || k.SignFrom.After(e.now) || k.isTombstone() {
			continue
		}
		signs := e.ring.State(k.id, e.now) == Active
		if k.VerifyUntil.IsZero() || signs && k.VerifyUntil.Before(end) {
			k.VerifyUntil = end
		}
	}
}

// remembersSeal reports whether the tombstone is what keeps keys that do not
// encrypt from signing.
func (e *editor) remembersSeal(k Key) bool {
	without := slices.DeleteFunc(slices.Clone(e.d.Keys), func(o Key) bool { return o.id == k.id })
	return mustSeal(e.d.Keys, e.now) && !mustSeal(without, e.now)
}
