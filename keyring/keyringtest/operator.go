package keyringtest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

// An Operator decides what to do to a ring at a time, by its clock. The rings are
// all that were published, the present one last. What is random comes from rng,
// so that it happens again.
type Operator func(rng *rand.Rand, now time.Time, rings []*keyring.Ring) Edit

// An Edit is what an operator does to a ring. The zero Edit does nothing.
type Edit struct {
	// Name says what it is, in the description of a failure.
	Name string

	// Emergency says that it is applied at once. Others wait until the one before
	// has propagated, and may be applied late.
	Emergency bool

	// Do edits the ring's document, as the methods of Document do. An edit that
	// cannot be made, for which it returns an error, is dropped. A new key is given
	// a secret of the seed in the place of its own.
	Do func(*keyring.Document) error
}

// Routine returns the operator who does what is recommended: who turns the key,
// to another algorithm at times but not from one that encrypts to one that does
// not, prunes, schedules codecs, keeps a key standing by, takes keys out of use and
// back into it, restores former rings, and, in an emergency, revokes keys.
//
// Emergencies come at any time, also one shortly after another. The Result counts
// apart what that costs.
func Routine(algorithms ...signer.Algorithm) Operator {
	return func(rng *rand.Rand, now time.Time, rings []*keyring.Ring) Edit {
		o := operator{rng, now, rings, rings[len(rings)-1], algorithms}
		for range 20 {
			if e := o.edit(); e.Do != nil {
				return e
			}
		}
		return Edit{}
	}
}

// An operator is about to make an edit.
type operator struct {
	rng        *rand.Rand
	now        time.Time
	rings      []*keyring.Ring
	ring       *keyring.Ring
	algorithms []signer.Algorithm
}

// edit returns an edit, or the zero Edit if the one that it came upon is not
// called for.
func (o operator) edit() Edit {
	now := o.now
	switch n := o.rng.IntN(23); {
	case n < 10:
		return o.rotate()
	case n < 11:
		return Edit{Name: "promote", Do: func(d *keyring.Document) error { return d.Promote(now) }}
	case n < 14:
		return Edit{Name: "prune", Do: func(d *keyring.Document) error { _, err := d.Prune(now); return err }}
	case n < 16:
		all := codec.All()
		name := all[o.rng.IntN(len(all))].Name()
		from := now.Add(upTo(o.rng, 3*24*time.Hour))
		return Edit{Name: "codec " + name, Do: func(d *keyring.Document) error { return d.ScheduleCodec(now, name, from) }}
	case n < 17:
		return Edit{Name: "standby", Do: func(d *keyring.Document) error { return d.AddStandby(now, signer.Algorithm{}) }}
	case n < 18:
		id, ok := o.key(keyring.Standby, keyring.Pending)
		return o.about(ok, false, "disable", id, func(d *keyring.Document) error { return d.Disable(now, id, "simulated") })
	case n < 20:
		id, ok := o.key(keyring.Disabled)
		return o.about(ok, false, "enable", id, func(d *keyring.Document) error { return d.Enable(now, id) })
	case n < 21:
		return o.restore()
	}
	return o.emergency()
}

func (o operator) rotate() Edit {
	primary, err := o.ring.Primary(o.now)
	if err != nil {
		return Edit{}
	}
	a := o.algorithms[o.rng.IntN(len(o.algorithms))]
	if o.rng.IntN(2) == 0 {
		a = signer.Algorithm{}
	}
	name := a.Name
	switch {
	case a.Name != "" && primary.Seals() && !a.Seals():
		return Edit{}
	case a.Name == "" && !slices.ContainsFunc(o.algorithms, func(a signer.Algorithm) bool { return a.Name == primary.Algorithm() }):
		return Edit{}
	case a.Name == "":
		name = primary.Algorithm()
	}
	in := time.Duration(0)
	if o.rng.IntN(3) > 0 { // time enough to apply it late
		in = o.ring.Policy().Propagation + upTo(o.rng, 7*24*time.Hour)
	}
	return Edit{Name: fmt.Sprintf("rotate to %s in %v", name, in), Do: func(d *keyring.Document) error { return d.Rotate(o.now, a, in) }}
}

func (o operator) restore() Edit {
	if len(o.rings) < 2 {
		return Edit{}
	}
	former := o.rings[len(o.rings)-2-o.rng.IntN(min(3, len(o.rings)-1))]
	return Edit{Name: fmt.Sprintf("restore generation %d", former.Generation()), Do: func(d *keyring.Document) error { return d.Restore(o.now, former) }}
}

func (o operator) emergency() Edit {
	now := o.now
	switch o.rng.IntN(6) {
	case 0, 1:
		id, ok := o.key(keyring.Active)
		return o.about(ok, true, "revoke the primary", id, func(d *keyring.Document) error { return d.Revoke(now, id, "simulated") })
	case 2:
		id, ok := o.key(keyring.Active)
		return o.about(ok, true, "disable the primary", id, func(d *keyring.Document) error { return d.Disable(now, id, "simulated") })
	case 3:
		id, ok := o.key(keyring.Standby, keyring.Pending, keyring.Retiring, keyring.Disabled)
		return o.about(ok, true, "revoke", id, func(d *keyring.Document) error { return d.Revoke(now, id, "simulated") })
	case 4:
		id, ok := o.key(keyring.Retiring)
		return o.about(ok, true, "disable", id, func(d *keyring.Document) error { return d.Disable(now, id, "simulated") })
	}
	id, ok := o.key(keyring.Active)
	return o.about(ok, true, "revoke the primary and end all sessions", id, func(d *keyring.Document) error {
		if err := d.Revoke(now, id, "simulated"); err != nil {
			return err
		}
		return d.EndSessions(now, now, "simulated")
	})
}

func (o operator) about(ok, emergency bool, name string, id keyring.KeyID, do func(*keyring.Document) error) Edit {
	if !ok {
		return Edit{}
	}
	return Edit{Name: name + " " + id.String(), Emergency: emergency, Do: do}
}

// key returns one of the keys in the states, if there is one.
func (o operator) key(states ...keyring.State) (keyring.KeyID, bool) {
	var ids []keyring.KeyID
	for _, k := range o.ring.Document().Keys {
		if slices.Contains(states, o.ring.State(k.ID(), o.now)) {
			ids = append(ids, k.ID())
		}
	}
	if len(ids) == 0 {
		return keyring.KeyID{}, false
	}
	return ids[o.rng.IntN(len(ids))], true
}

// upTo returns a duration from 0 up to d. Short ones are about as likely as long
// ones, whatever the unit: a second as a day.
func upTo(rng *rand.Rand, d time.Duration) time.Duration {
	return time.Duration(rng.Int64N(int64(d)>>rng.IntN(21) + 1))
}
