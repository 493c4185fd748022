package keyring

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// founded is a ring with an active and a standby key, both long since everywhere.
func founded(t testing.TB, a signer.Algorithm) *Ring {
	t.Helper()
	active, standby := GenerateKey(a), GenerateKey(a)
	active.Added, standby.Added = base.Add(-30*day), base.Add(-30*day)
	active.SignFrom = base.Add(-30 * day)
	return newTestRing(t, Document{Name: "shop", Generation: 1, Keys: []Key{active, standby}})
}

// edited returns the ring after an edit, which must make a new generation.
func edited(t testing.TB, r *Ring, now time.Time, edit func(*Document) error) *Ring {
	t.Helper()
	next, err := r.Edit(now, edit)
	if err != nil {
		t.Fatal(err)
	}
	if next.Generation() != r.Generation()+1 || !next.Document().Published.Equal(wholeSecond(now)) {
		t.Fatalf("generation %d, published %v", next.Generation(), next.Document().Published)
	}
	if err := New(r).Replace(next); err != nil {
		t.Fatal(err)
	}
	return next
}

// inState returns the one key of r in the state.
func inState(t testing.TB, r *Ring, s State, now time.Time) Key {
	t.Helper()
	var found []Key
	for _, k := range r.Document().Keys {
		if r.State(k.ID(), now) == s {
			found = append(found, k)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d keys are %v at %v", len(found), s, now)
	}
	return found[0]
}

// without checks that Plan finds nothing that is not accepted.
func safe(t testing.TB, old, new *Ring, at time.Time) {
	t.Helper()
	for _, f := range Plan(old, new, at) {
		t.Errorf("%v (accepted: %v)", f, f.Accepted)
	}
}

func rulesOf(found []Finding) (rules []string) {
	for _, f := range found {
		if r := f.Rule.String(); !slices.Contains(rules, r) {
			rules = append(rules, r)
		}
	}
	return rules
}

const defaultD, defaultM, defaultS = DefaultPropagation, DefaultMaxSession, DefaultSkew

func TestRotate(t *testing.T) {
	for _, a := range signer.All() {
		for _, b := range append(signer.All(), signer.Algorithm{}) {
			for _, in := range []time.Duration{0, defaultD, 24*time.Hour + 1} {
				r := founded(t, a)
				now := base.Add(time.Millisecond)
				active, standby := inState(t, r, Active, now), inState(t, r, Standby, now)
				next := edited(t, r, now, func(d *Document) error { return d.Rotate(now, b, in) })
				if a.Seals() && b.Name != "" && !b.Seals() {
					// Not to be done by mistake.
					if got := rulesOf(Plan(r, next, now)); !slices.Equal(got, []string{"T7"}) {
						t.Errorf("%s to %s: %v", a.Name, b.Name, got)
					}
				} else {
					safe(t, r, next, now)
				}
				want := b.Name
				if want == "" {
					want = a.Name
				}
				pending, stands := inState(t, next, Pending, now), inState(t, next, Active, now)
				if from := wholeSecond(now.Add(max(in, defaultD))); !pending.SignFrom.Equal(from) || pending.Algorithm() != want {
					t.Errorf("%v signs from %v, want %v", pending, pending.SignFrom, from)
				}
				if stands.ID() != active.ID() || !stands.VerifyUntil.Equal(pending.SignFrom.Add(defaultM+defaultS)) {
					t.Errorf("%v verifies until %v", stands, stands.VerifyUntil)
				}
				if (pending.ID() == standby.ID()) != (want == a.Name) {
					t.Errorf("%v follows, the standby key was %v", pending, standby)
				}
				// That of another algorithm can take over until the new key is everywhere.
				after := inState(t, next, Standby, pending.SignFrom.Add(defaultD))
				if after.Algorithm() != want || !after.VerifyUntil.IsZero() || !after.Added.Equal(base) {
					t.Errorf("%v stands by, added %v", after, after.Added)
				}
				if inState(t, next, Active, pending.SignFrom).ID() != pending.ID() {
					t.Error("the pending key does not become the primary")
				}
				if _, err := next.Edit(now, func(d *Document) error { return d.Rotate(now, b, in) }); err == nil || !strings.Contains(err.Error(), "a key is scheduled already") {
					t.Errorf("a second rotation: %v", err)
				}
			}
		}
	}
}

func TestEditsThatChangeNothingMakeNoGeneration(t *testing.T) {
	r := founded(t, signer.HMACSHA256())
	id := inState(t, r, Standby, base).ID()
	r = edited(t, r, base, func(d *Document) error { return d.Disable(base, id, "looked odd") })
	r = edited(t, r, base, func(d *Document) error { return d.ScheduleCodec(base, "cbor", base.Add(day)) })
	for name, edit := range map[string]func(*Document) error{
		"nothing":       func(*Document) error { return nil },
		"standby":       func(d *Document) error { return d.AddStandby(base, signer.Algorithm{}) },
		"disable":       func(d *Document) error { return d.Disable(base, id, "again") },
		"prune":         func(d *Document) error { _, err := d.Prune(base); return err },
		"the codec":     func(d *Document) error { return d.ScheduleCodec(base, "cbor", base.Add(day)) },
		"the codec too": func(d *Document) error { return d.ScheduleCodec(base, "cbor", base.Add(2*day)) },
	} {
		if next, err := r.Edit(base.Add(time.Hour), edit); err != nil || next != r {
			t.Errorf("%s: %v, %v", name, next, err)
		}
	}
	back := edited(t, r, base, func(d *Document) error { return d.Enable(base, id) })
	if k, _ := back.key(id); back.State(id, base) != Standby || k.Reason != "" {
		t.Errorf("%v is %v, since %q", k, back.State(id, base), k.Reason)
	}
}

// A failed edit leaves the document as it was, and what a ring refuses makes
// no generation.
func TestFailedEditsChangeNothing(t *testing.T) {
	r := founded(t, signer.HMACSHA256())
	unknown := GenerateKey(signer.HMACSHA256()).ID()
	broken := signer.Algorithm{Name: "none"}
	for name, edit := range map[string]func(*Document) error{
		"revoke an unknown key":  func(d *Document) error { return d.Revoke(base, unknown, "x") },
		"disable an unknown key": func(d *Document) error { return d.Disable(base, unknown, "x") },
		"enable an unknown key":  func(d *Document) error { return d.Enable(base, unknown) },
		"rotate into the past":   func(d *Document) error { return d.Rotate(base, signer.Algorithm{}, -1) },
		"rotate and do nothing":  func(d *Document) error { return d.Rotate(base, signer.BLAKE2b256(), -1) },
		"restore another ring":   func(d *Document) error { return d.Restore(base, Ephemeral().Ring()) },
		"revoke for no reason":   func(d *Document) error { return d.Revoke(base, d.Keys[0].ID(), "") },
		"disable for no reason":  func(d *Document) error { return d.Disable(base, d.Keys[0].ID(), "") },
		"revoke all for none":    func(d *Document) error { return d.RevokeAll(base, "") },
		"end all for no reason":  func(d *Document) error { return d.EndSessions(base, base, "") },
	} {
		d := r.Document()
		if err := edit(&d); err == nil || d.checksumOf(t) != r.Checksum() {
			t.Errorf("%s: %v", name, err)
		}
		if next, err := r.Edit(base, edit); err == nil || next != nil {
			t.Errorf("%s: %v", name, next)
		}
	}
	for name, edit := range map[string]func(*Document) error{
		"rotate to no algorithm": func(d *Document) error { return d.Rotate(base, broken, 0) },
		"no codec":               func(d *Document) error { return d.ScheduleCodec(base, "", base) },
	} {
		if next, err := r.Edit(base, edit); err == nil || next != nil {
			t.Errorf("%s: %v, %v", name, next, err)
		}
	}
	d := r.Document()
	d.Generation = 1<<64 - 1
	if _, err := newTestRing(t, d).Edit(base, func(d *Document) error { return d.AddStandby(base, signer.XChaCha20Poly1305()) }); err == nil {
		t.Error("the last generation has a successor")
	}
}

func (d Document) checksumOf(t *testing.T) string { return newTestRing(t, d).Checksum() }

func TestPromote(t *testing.T) {
	r := founded(t, signer.HMACSHA256())
	active, standby := inState(t, r, Active, base), inState(t, r, Standby, base)
	next := edited(t, r, base, func(d *Document) error { return d.Promote(base) })
	safe(t, r, next, base)
	if k := inState(t, next, Active, base); k.ID() != standby.ID() {
		t.Errorf("%v is the primary", k)
	}
	if k := inState(t, next, Retiring, base); k.ID() != active.ID() || !k.VerifyUntil.Equal(base.Add(day+defaultD+defaultM+defaultS)) {
		t.Errorf("%v retires at %v", k, k.VerifyUntil)
	}
	// The new standby key is not everywhere yet.
	if _, err := next.Edit(base.Add(defaultD-1), func(d *Document) error { return d.Promote(base.Add(defaultD - 1)) }); err == nil || !strings.Contains(err.Error(), "not every instance") {
		t.Errorf("promoted too early: %v", err)
	}
	at := base.Add(defaultD)
	safe(t, next, edited(t, next, at, func(d *Document) error { return d.Promote(at) }), at)

	// The one that is scheduled, before the one that stands by.
	r = edited(t, founded(t, signer.HMACSHA256()), base, func(d *Document) error { return d.Rotate(base, signer.Algorithm{}, 10*day) })
	pending := inState(t, r, Pending, base)
	at = base.Add(2 * defaultD)
	next = edited(t, r, at, func(d *Document) error { return d.Promote(at) })
	if k := inState(t, next, Active, at); k.ID() != pending.ID() {
		t.Errorf("%v is the primary, want %v", k, pending)
	}
	if n := len(next.Document().Keys); n != 3 {
		t.Errorf("%d keys, want 3", n)
	}
	safe(t, r, next, at)
	none := newTestRing(t, Document{Keys: []Key{hmacKeyAt(t, 1, base.Add(-day))}})
	if _, err := none.Edit(base, func(d *Document) error { return d.Promote(base) }); err == nil {
		t.Error("nothing is promoted")
	}
}

// Nothing but the sessions of the revoked key ends: the standby key signs at once,
// by every clock.
func TestRevokeThePrimary(t *testing.T) {
	for _, a := range signer.All() {
		r := founded(t, a)
		active, standby := inState(t, r, Active, base), inState(t, r, Standby, base)
		next := edited(t, r, base, func(d *Document) error { return d.Revoke(base, active.ID(), "laptop stolen") })
		for _, skew := range []time.Duration{-defaultS, 0, defaultS} {
			if k := inState(t, next, Active, base.Add(skew)); k.ID() != standby.ID() {
				t.Errorf("at %v, %v is the primary", skew, k)
			}
		}
		if k := inState(t, next, Revoked, base); k.ID() != active.ID() || k.Reason != "laptop stolen" || k.secret != nil {
			t.Errorf("%v: %q", k, k.Reason)
		}
		if k := inState(t, next, Standby, base); !k.Added.Equal(base) || k.Algorithm() != a.Name {
			t.Errorf("%v stands by", k)
		}
		found := Plan(r, next, base)
		if !slices.Equal(rulesOf(found), []string{"T5"}) || !found[0].Accepted || found[0].Key != active.ID() {
			t.Errorf("%v", found)
		}
		if o := next.Document().Override; o.Generation != 0 || o.Reason != "" || len(o.Allow) != 0 {
			t.Errorf("%+v, and the key says it all", o)
		}
		if again, err := next.Edit(base, func(d *Document) error { return d.Revoke(base, active.ID(), "x") }); err != nil || again != next {
			t.Errorf("revoked again: %v, %v", again, err)
		}
	}
}

// Whatever a rotation is in the middle of, what takes over is a key that every
// instance has.
func TestRevokeDuringARotation(t *testing.T) {
	for _, b := range []signer.Algorithm{signer.HMACSHA256(), signer.BLAKE2b256(), signer.XChaCha20Poly1305()} {
		r := founded(t, signer.HMACSHA256())
		active, standby := inState(t, r, Active, base), inState(t, r, Standby, base)
		r = edited(t, r, base, func(d *Document) error { return d.Rotate(base, b, day) })
		pending := inState(t, r, Pending, base)
		at := base.Add(time.Minute)
		next := edited(t, r, at, func(d *Document) error { return d.Revoke(at, active.ID(), "leaked") })
		if k := inState(t, next, Active, at); k.ID() != standby.ID() {
			t.Errorf("%s: %v is the primary, want %v", b.Name, k, standby)
		}
		if got := rulesOf(Plan(r, next, at)); !slices.Equal(got, []string{"T5"}) {
			t.Errorf("%s: %v", b.Name, Plan(r, next, at))
		}
		if pending.ID() != standby.ID() {
			if k := inState(t, next, Active, pending.SignFrom); k.ID() != pending.ID() {
				t.Errorf("%s: %v signs later, want %v", b.Name, k, pending)
			}
		}
		// The pending key leaks instead.
		next = edited(t, r, at, func(d *Document) error { return d.Revoke(at, pending.ID(), "leaked") })
		if k := inState(t, next, Active, at); k.ID() != active.ID() {
			t.Errorf("%s: %v is the primary", b.Name, k)
		}
		if k := inState(t, next, Active, base.Add(10*day)); k.ID() == active.ID() || k.Algorithm() != b.Name {
			t.Errorf("%s: %v signs later", b.Name, k)
		}
		safe(t, r, next, at)
	}
}

// In a rotation to another algorithm, the standby key of the former one goes on
// until every instance has the new key, whenever the primary has to go.
func TestRevokeAsAKeyOfAnotherAlgorithmBeginsToSign(t *testing.T) {
	r := founded(t, signer.HMACSHA256())
	active := inState(t, r, Active, base)
	r = edited(t, r, base, func(d *Document) error { return d.Rotate(base, signer.BLAKE2b256(), 0) })
	from := base.Add(defaultD)
	for _, before := range []time.Duration{defaultD - 1, time.Minute, time.Second, 1} {
		at := from.Add(-before)
		next := edited(t, r, at, func(d *Document) error { return d.Revoke(at, active.ID(), "leaked") })
		if found := Plan(r, next, at); !slices.Equal(rulesOf(found), []string{"T5"}) {
			t.Errorf("%v before: %v", before, found)
		}
		k := inState(t, next, Active, at)
		for _, skew := range []time.Duration{-defaultS, defaultS} {
			if now := at.Add(defaultD / 2).Add(skew); !r.document.Keys[r.index[k.id]].Usable(now) {
				t.Errorf("%v before: %v signs, and where it is not known yet it has retired at %v", before, k, now)
			}
		}
	}
}

// A standby key that is about to retire does not take over: the instances that lag
// would not accept it.
func TestNoKeyTakesOverThatIsAboutToRetire(t *testing.T) {
	r := founded(t, signer.HMACSHA256())
	active, ends := inState(t, r, Active, base), inState(t, r, Standby, base)
	r = edited(t, r, base.Add(-day), func(d *Document) error {
		for i := range d.Keys {
			if d.Keys[i].id == ends.id {
				d.Keys[i].VerifyUntil = base.Add(defaultD - time.Second)
			}
		}
		return d.AddStandby(base.Add(-day), signer.Algorithm{})
	})
	for _, edit := range []func(*Document) error{
		func(d *Document) error { return d.Revoke(base, active.id, "leaked") },
		func(d *Document) error { return d.Promote(base) },
	} {
		if k := inState(t, edited(t, r, base, edit), Active, base); k.id == ends.id || k.id == active.id {
			t.Errorf("%v signs", k)
		}
	}
}

func TestRevokeOthers(t *testing.T) {
	r := newTestRing(t, shop(t))
	for _, tt := range []struct {
		state State
		rules []string
	}{
		{Retiring, []string{"T6"}}, {Retired, nil}, {Pruned, nil}, {Disabled, []string{"T6"}},
	} {
		k := inState(t, r, tt.state, base)
		next := edited(t, r, base, func(d *Document) error { return d.Revoke(base, k.ID(), "leaked") })
		if s := next.State(k.ID(), base); s != Revoked {
			t.Errorf("%v: %v", tt.state, s)
		}
		if got := rulesOf(Plan(r, next, base)); !slices.Equal(got, tt.rules) {
			t.Errorf("%v: %v, want %v", tt.state, Plan(r, next, base), tt.rules)
		}
		if a, b := inState(t, r, Active, base), inState(t, next, Active, base); a.ID() != b.ID() {
			t.Errorf("%v: %v signs, and not %v", tt.state, b, a)
		}
	}
}

func TestRevokeAll(t *testing.T) {
	for _, a := range signer.All() {
		r := founded(t, a)
		next := edited(t, r, base, func(d *Document) error { return d.RevokeAll(base, "the file was in a backup") })
		for _, k := range r.Document().Keys {
			if s := next.State(k.ID(), base); s != Revoked {
				t.Errorf("%v is %v", k, s)
			}
		}
		active, standby := inState(t, next, Active, base.Add(-defaultS)), inState(t, next, Standby, base)
		if active.Algorithm() != a.Name || standby.Algorithm() != a.Name {
			t.Errorf("%v, %v", active, standby)
		}
		for _, f := range Plan(r, next, base) {
			if !f.Accepted {
				t.Errorf("%v", f)
			}
		}
	}
}

func TestDisableAndEnableThePrimary(t *testing.T) {
	r := founded(t, signer.HMACSHA256())
	active, standby := inState(t, r, Active, base), inState(t, r, Standby, base)
	off := edited(t, r, base, func(d *Document) error { return d.Disable(base, active.ID(), "odd log lines") })
	if k := inState(t, off, Active, base); k.ID() != standby.ID() {
		t.Errorf("%v is the primary", k)
	}
	if found := Plan(r, off, base); !slices.Equal(rulesOf(found), []string{"T5"}) || !found[0].Accepted {
		t.Errorf("%v", found)
	}
	at := base.Add(day)
	on := edited(t, off, at, func(d *Document) error { return d.Enable(at, active.ID()) })
	if k := inState(t, on, Active, at); k.ID() != standby.ID() {
		t.Errorf("%v is the primary", k)
	}
	if k := inState(t, on, Retiring, at); k.ID() != active.ID() || k.VerifyUntil.Before(base.Add(defaultM+defaultS)) {
		t.Errorf("%v verifies until %v", k, k.VerifyUntil)
	}
	safe(t, off, on, at)

	r = edited(t, founded(t, signer.HMACSHA256()), base, func(d *Document) error { return d.Rotate(base, signer.Algorithm{}, day) })
	pending := inState(t, r, Pending, base)
	off = edited(t, r, base, func(d *Document) error { return d.Disable(base, pending.ID(), "not sure") })
	safe(t, r, off, base)
	if k := inState(t, off, Active, base.Add(3*day)); k.ID() == pending.ID() {
		t.Errorf("%v signs", k)
	}
}

// A key that is about to sign may have signed before the edit is everywhere.
func TestDisableAKeyThatIsAboutToSign(t *testing.T) {
	r := edited(t, founded(t, signer.HMACSHA256()), base, func(d *Document) error { return d.Rotate(base, signer.Algorithm{}, 3*day) })
	pending := inState(t, r, Pending, base)
	for before, want := range map[time.Duration]State{delay + defaultD + time.Second: Standby, delay + defaultD: Retiring, time.Second: Retiring} {
		at := pending.SignFrom.Add(-before)
		off := edited(t, r, at, func(d *Document) error { return d.Disable(at, pending.ID(), "not sure") })
		later := at.Add(2 * day)
		on := edited(t, off, later, func(d *Document) error { return d.Enable(later, pending.ID()) })
		if s := on.State(pending.ID(), later); s != want {
			t.Errorf("%v before: %v, want %v", before, s, want)
		}
		if k, _ := on.key(pending.ID()); want == Retiring && k.VerifyUntil.Before(at.Add(defaultD+defaultM+defaultS)) {
			t.Errorf("%v before: it verifies until %v", before, k.VerifyUntil)
		}
	}
}

func TestEndSessions(t *testing.T) {
	r := founded(t, signer.HMACSHA256())
	next := edited(t, r, base, func(d *Document) error { return d.EndSessions(base, base, "leak") })
	if !next.NotBefore().Equal(base) {
		t.Errorf("not before %v", next.NotBefore())
	}
	if found := Plan(r, next, base); !slices.Equal(rulesOf(found), []string{"T6"}) || !found[0].Accepted {
		t.Errorf("%v", found)
	}
	// Never lowered.
	if again, err := next.Edit(base, func(d *Document) error { return d.EndSessions(base, base.Add(-day), "x") }); err != nil || again != next {
		t.Errorf("%v, %v", again, err)
	}
	// After a leak, both in one edit.
	active := inState(t, r, Active, base)
	both := edited(t, r, base, func(d *Document) error {
		return errors.Join(d.Revoke(base, active.ID(), "leak"), d.EndSessions(base, base, "leak"))
	})
	for _, f := range Plan(r, both, base) {
		if !f.Accepted {
			t.Errorf("%v", f)
		}
	}
}

// I15: prune touches retired keys only, and once.
func TestI15PruneTouchesOnlyWhatIsOver(t *testing.T) {
	r := newTestRing(t, shop(t))
	for _, after := range []time.Duration{0, 6 * day, 50 * day, 100 * day} {
		now := base.Add(after)
		d := r.Document()
		ids, err := d.Prune(now)
		if err != nil {
			t.Fatal(err)
		}
		next := newTestRing(t, d)
		for _, k := range r.Document().Keys {
			was, is := r.State(k.ID(), now), next.State(k.ID(), now)
			changed := slices.Contains(ids, k.ID())
			over := was == Retired && now.After(k.VerifyUntil.Add(r.Policy().Skew))
			forgotten := (was == Pruned || was == Revoked) && now.After(k.buried().Add(r.Policy().MaxSessionHigh+r.Policy().Skew))
			switch {
			case over && (is != Pruned || !changed):
				t.Errorf("after %v, %v is %v", after, k, is)
			case forgotten && (is != Unknown || !changed):
				t.Errorf("after %v, %v is %v", after, k, is)
			case !over && !forgotten && (is != was || changed):
				t.Errorf("after %v, %v was %v and is %v", after, k, was, is)
			}
		}
		if again, err := d.Prune(now); err != nil || len(again) != 0 {
			t.Errorf("pruned again: %v, %v", again, err)
		}
		if after == 0 {
			d.Generation++
			safe(t, r, newTestRing(t, d), now)
		}
	}
}

// A tombstone that keeps sessions from being written in the clear is kept.
func TestPruneRemembersThatTheRingSealed(t *testing.T) {
	r := founded(t, signer.XChaCha20Poly1305())
	r = edited(t, r, base, func(d *Document) error {
		d.Keys = append(d.Keys, hmacKeyAt(t, 1, base.Add(-90*day)))
		return d.RevokeAll(base, "leak")
	})
	late := base.Add(400 * day)
	d := r.Document()
	for i := range d.Keys { // only the tombstones are left to say so
		if k := &d.Keys[i]; !k.isTombstone() {
			k.Disabled = true
		}
	}
	d.Keys = append(d.Keys, hmacKeyAt(t, 2, base.Add(-100*day)))
	before := mustSeal(d.Keys, late)
	if _, err := d.Prune(late); err == nil && mustSeal(d.Keys, late) != before {
		t.Error("it may write in the clear now")
	}
}

func TestScheduleCodec(t *testing.T) {
	r := founded(t, signer.HMACSHA256())
	next := edited(t, r, base, func(d *Document) error { return d.ScheduleCodec(base, "cbor", base) })
	safe(t, r, next, base)
	if c := next.Codecs(); len(c) != 1 || c[0].Codec != "cbor" || !c[0].From.Equal(base.Add(defaultD)) {
		t.Errorf("%v", c)
	}
	at := base.Add(time.Second / 2)
	last := edited(t, next, at, func(d *Document) error { return d.ScheduleCodec(at, "json", at.Add(3*day)) })
	safe(t, next, last, at)
	if c := last.Codecs(); len(c) != 2 || c[1].Codec != "json" || !c[1].From.Equal(base.Add(3*day+time.Second)) {
		t.Errorf("%v", c)
	}
	other := edited(t, last, at, func(d *Document) error { return d.ScheduleCodec(at, "msgpack", at.Add(3*day)) })
	if c := other.Codecs(); len(c) != 2 || c[1].Codec != "msgpack" {
		t.Errorf("%v", c)
	}
	// What was to follow later does not.
	for _, tt := range []struct {
		codec string
		from  time.Time
		want  []string
	}{
		{"cbor", at, []string{"cbor"}}, // instead of json
		{"msgpack", at.Add(day), []string{"cbor", "msgpack"}},
		{"json", at.Add(day), []string{"cbor", "json"}},
		{"cbor", at.Add(9 * day), []string{"cbor", "json", "cbor"}},
	} {
		r := edited(t, last, at, func(d *Document) error { return d.ScheduleCodec(at, tt.codec, tt.from) })
		safe(t, last, r, at)
		var got []string
		for _, c := range r.Codecs() {
			got = append(got, c.Codec)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s from %v: %v, want %v", tt.codec, tt.from, got, tt.want)
		}
	}
	if same, err := last.Edit(at, func(d *Document) error { return d.ScheduleCodec(at, "json", at.Add(9*day)) }); err != nil || same != last {
		t.Errorf("what is written by then already: %v, %v", same, err)
	}
	// What nobody can have written by any more goes.
	d := last.Document()
	if _, err := d.Prune(base.Add(3*day + time.Second + defaultM + defaultS)); err != nil || len(d.Codecs) != 2 {
		t.Errorf("%v, %v", d.Codecs, err)
	}
	if _, err := d.Prune(base.Add(3*day + 2*time.Second + defaultM + defaultS)); err != nil || len(d.Codecs) != 1 || d.Codecs[0].Codec != "json" {
		t.Errorf("%v, %v", d.Codecs, err)
	}
}

// Restore keeps what time and leaks have decided.
func TestRestore(t *testing.T) {
	good := founded(t, signer.HMACSHA256())
	active, standby := inState(t, good, Active, base), inState(t, good, Standby, base)
	// A bad edit: everything at once, and a policy that is too short.
	bad := edited(t, good, base, func(d *Document) error {
		d.Policy.MaxSession, d.Policy.MaxSessionHigh = 30*day, 40*day
		d.NotBefore = base.Add(-day)
		return d.Rotate(base, signer.BLAKE2b256(), 0)
	})
	extra := inState(t, bad, Pending, base)
	bad = edited(t, bad, base, func(d *Document) error { return d.Revoke(base, standby.ID(), "leaked") })
	at := base.Add(2 * time.Hour) // the other key signs already
	back := edited(t, bad, at, func(d *Document) error { return d.Restore(at, good) })
	if k := inState(t, back, Active, at); k.ID() != active.ID() {
		t.Errorf("%v is the primary", k)
	}
	if s := back.State(standby.ID(), at); s != Revoked {
		t.Errorf("a revoked key is %v", s)
	}
	doc := back.Document()
	for _, k := range doc.Keys {
		if k.ID() == extra.ID() && (k.VerifyUntil.Before(at.Add(defaultD+40*day+defaultS)) || !k.SignFrom.IsZero()) {
			t.Errorf("%v signs from %v and verifies until %v", k, k.SignFrom, k.VerifyUntil)
		}
	}
	if !back.NotBefore().Equal(base.Add(-day)) || back.Policy().MaxSessionHigh != 40*day || back.Policy().MaxSession != defaultM {
		t.Errorf("%v, %+v", back.NotBefore(), back.Policy())
	}
	for _, f := range Plan(bad, back, at) {
		if f.Rule != T9 { // the leaked standby key
			t.Errorf("%v", f)
		}
	}
	// Not from sealed to signed.
	sealing := edited(t, good, base, func(d *Document) error { return d.Rotate(base, signer.XChaCha20Poly1305(), 0) })
	if _, err := sealing.Edit(at, func(d *Document) error { return d.Restore(at, good) }); err == nil || !strings.Contains(err.Error(), "in the clear") {
		t.Errorf("%v", err)
	}
}

// A key that stands by again, having signed, verifies until its sessions have ended,
// whatever comes then.
func TestRestoreForgetsNoSigner(t *testing.T) {
	good := founded(t, signer.HMACSHA256())
	active, standby := inState(t, good, Active, base), inState(t, good, Standby, base)
	bad := edited(t, good, base, func(d *Document) error { return d.Rotate(base, signer.Algorithm{}, 0) })
	for _, at := range []time.Time{base.Add(time.Second), base.Add(defaultD), base.Add(3 * day)} {
		back := edited(t, bad, at, func(d *Document) error { return d.Restore(at, good) })
		safe(t, bad, back, at)
		if k := inState(t, back, Active, at); k.ID() != active.ID() {
			t.Errorf("%v is the primary", k)
		}
		end := at.Add(defaultD + defaultM + defaultS)
		k, _ := back.key(standby.ID())
		if at.After(base.Add(time.Second)) && k.VerifyUntil.Before(end) {
			t.Errorf("%v, which signed, verifies until %v", k, k.VerifyUntil)
		}
		for _, a := range []signer.Algorithm{{}, signer.BLAKE2b256()} {
			later := at.Add(2 * defaultD)
			next := edited(t, back, later, func(d *Document) error { return d.Rotate(later, a, 0) })
			safe(t, back, next, later)
			k, _ := next.key(standby.ID())
			if at.After(base.Add(time.Second)) && !k.Usable(end.Add(-1)) {
				t.Errorf("%v, which signed, verifies until %v after a rotation", k, k.VerifyUntil)
			}
			last, _ := next.Primary(later.Add(day))
			if !last.VerifyUntil.IsZero() {
				t.Errorf("%v signs, and ceases to verify at %v", last, last.VerifyUntil)
			}
		}
		// Restored once more, it is not forgotten either.
		again := at.Add(day)
		twice := edited(t, edited(t, back, again, func(d *Document) error { return d.ScheduleCodec(again, "cbor", again) }), again,
			func(d *Document) error { return d.Restore(again, good) })
		if k, _ := twice.key(standby.ID()); at.After(base.Add(time.Second)) && k.VerifyUntil.Before(end) {
			t.Errorf("%v, which signed, verifies until %v after another restoration", k, k.VerifyUntil)
		}
	}
}

// A key that is to retire, such as one that Restore took out of the schedule, does
// not sign again: it would cease to verify before its sessions end.
func TestKeysThatAreToRetireAreNotTheNext(t *testing.T) {
	active := hmacKeyAt(t, 1, base.Add(-30*day))
	active.Added = base.Add(-30 * day)
	former := newTestRing(t, Document{Name: "shop", Generation: 1, Keys: []Key{active}})
	at := base.Add(-day)
	present := edited(t, former, at, func(d *Document) error { return d.AddStandby(at, signer.Algorithm{}) })
	leaving := inState(t, present, Standby, base).ID()
	r := edited(t, present, base, func(d *Document) error { return d.Restore(base, former) })

	next := edited(t, r, base, func(d *Document) error { return d.Rotate(base, signer.Algorithm{}, 0) })
	if k := inState(t, next, Pending, base); k.ID() == leaving {
		t.Errorf("%v is to sign, and verifies until %v", k, k.VerifyUntil)
	}
	safe(t, r, next, base)
	if _, err := r.Edit(base, func(d *Document) error { return d.Promote(base) }); err == nil || !strings.Contains(err.Error(), "not every instance may have the key") {
		t.Errorf("promoted: %v", err)
	}
}

// Schedule does what Rotate does, with the key that it is told.
func TestScheduleAKeyOfChoice(t *testing.T) {
	for _, a := range signer.All() {
		r := founded(t, signer.HMACSHA256())
		brought := GenerateKey(a)
		brought.Added = base.Add(-day)
		r = edited(t, r, base, func(d *Document) error { d.Keys = append(d.Keys, brought); return nil })
		next := edited(t, r, base, func(d *Document) error { return d.Schedule(base, brought.ID(), day) })
		safe(t, r, next, base)
		if k := inState(t, next, Pending, base); k.ID() != brought.ID() || !k.SignFrom.Equal(base.Add(day)) {
			t.Errorf("%v signs from %v", k, k.SignFrom)
		}
		if k := inState(t, next, Retiring, base.Add(day+defaultD)); !k.VerifyUntil.Equal(base.Add(day + defaultM + defaultS)) {
			t.Errorf("%v verifies until %v", k, k.VerifyUntil)
		}
		if k := inState(t, next, Standby, base.Add(day+defaultD)); k.Algorithm() != a.Name {
			t.Errorf("%v stands by", k)
		}
	}
	r := edited(t, founded(t, signer.HMACSHA256()), base, func(d *Document) error { return d.Rotate(base, signer.Algorithm{}, 0) })
	for name, id := range map[string]KeyID{
		"does not stand by":          inState(t, r, Active, base).ID(),
		"a key is scheduled already": inState(t, r, Standby, base).ID(),
		ErrUnknownKey.Error():        {1, 2, 3, 4},
	} {
		if _, err := r.Edit(base, func(d *Document) error { return d.Schedule(base, id, 0) }); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What takes effect at once may be published a day after it is made: until then,
// instances go on as they were.
func TestEditsMayWaitADay(t *testing.T) {
	former := founded(t, signer.HMACSHA256())
	at := base.Add(-2 * day)
	turned := edited(t, former, at, func(d *Document) error { return d.Rotate(at, signer.Algorithm{}, 0) })
	active := inState(t, turned, Active, base).ID()
	for name, edit := range map[string]func(*Document) error{
		"promote":  func(d *Document) error { return d.Promote(base) },
		"restore":  func(d *Document) error { return d.Restore(base, former) },
		"revoke":   func(d *Document) error { return d.Revoke(base, active, "leak") },
		"disable":  func(d *Document) error { return d.Disable(base, active, "odd") },
		"standby":  func(d *Document) error { return d.AddStandby(base, signer.BLAKE2b256()) },
		"rotate":   func(d *Document) error { return d.Rotate(base, signer.Algorithm{}, day+defaultD) },
		"schedule": func(d *Document) error { return d.ScheduleCodec(base, "cbor", base.Add(day+defaultD)) },
	} {
		next := edited(t, turned, base, edit)
		for _, after := range []time.Duration{0, time.Second, time.Hour, day} {
			for _, f := range Plan(turned, next, base.Add(after)) {
				if !f.Accepted {
					t.Errorf("%s, published after %v: %v", name, after, f)
				}
			}
		}
	}
	// Enabled again, a key verifies what it signed in that day.
	off := edited(t, turned, base, func(d *Document) error { return d.Disable(base, active, "odd") })
	on := edited(t, off, base, func(d *Document) error { return d.Enable(base, active) })
	if k, _ := on.key(active); k.VerifyUntil.Before(base.Add(day + defaultD + defaultM + defaultS)) {
		t.Errorf("%v verifies until %v", k, k.VerifyUntil)
	}
}

// A key that has retired stays so: where the ring is not loaded yet it is not accepted,
// and so it must not take over from another.
func TestRestoreLeavesRetiredKeysAsTheyAre(t *testing.T) {
	good := founded(t, signer.HMACSHA256())
	standby := inState(t, good, Standby, base)
	r := edited(t, good, base, func(d *Document) error { return d.Rotate(base, signer.BLAKE2b256(), 0) })
	at := base.Add(3 * defaultD)
	if s := r.State(standby.ID(), at); s != Retired {
		t.Fatalf("%v is %v", standby, s)
	}
	back := edited(t, r, at, func(d *Document) error { return d.Restore(at, good) })
	safe(t, r, back, at)
	if s := back.State(standby.ID(), at); s != Retired {
		t.Errorf("%v is %v", standby, s)
	}
	next := edited(t, back, at, func(d *Document) error { return d.Revoke(at, inState(t, back, Active, at).ID(), "leaked") })
	if k := inState(t, next, Active, at); k.ID() == standby.ID() {
		t.Errorf("%v signs", k)
	}
}

// A key that signs no more, and will not, leaves no place to fill.
func TestNoStandbyKeyForAnAlgorithmOfThePast(t *testing.T) {
	r := edited(t, founded(t, signer.HMACSHA256()), base, func(d *Document) error { return d.Rotate(base, signer.BLAKE2b256(), 0) })
	at := base.Add(day)
	old := inState(t, r, Retiring, at)
	for _, edit := range []func(*Document) error{
		func(d *Document) error { return d.Revoke(at, old.ID(), "leaked") },
		func(d *Document) error { return d.Disable(at, old.ID(), "odd") },
	} {
		if next := edited(t, r, at, edit); len(next.Document().Keys) != len(r.Document().Keys) {
			t.Errorf("%v", next.Document().Keys)
		}
	}
}

// What has been revoked or pruned does not come back with a former ring, even when
// its tombstone has gone, and what is out of use stays so.
func TestRestoreBringsNothingBackThatWasTakenOut(t *testing.T) {
	good := founded(t, signer.HMACSHA256())
	leaked := inState(t, good, Standby, base).ID()
	r := edited(t, good, base, func(d *Document) error { return d.Revoke(base, leaked, "leaked") })
	late := base.Add(defaultM + defaultS + time.Second)
	r = edited(t, r, late, func(d *Document) error { _, err := d.Prune(late); return err })
	if s := r.State(leaked, late); s != Unknown {
		t.Fatalf("its tombstone is %v", s)
	}
	back := edited(t, r, late, func(d *Document) error { return d.Restore(late, good) })
	if s := back.State(leaked, late); s != Unknown {
		t.Errorf("the leaked key is %v", s)
	}

	suspected := inState(t, good, Standby, base).ID()
	off := edited(t, good, base, func(d *Document) error { return d.Disable(base, suspected, "suspected") })
	back = edited(t, off, base, func(d *Document) error { d.Policy.Propagation = 2 * time.Hour; return d.Restore(base, good) })
	if k, _ := back.key(suspected); !k.Disabled || k.Reason != "suspected" {
		t.Errorf("%v is %v", k, back.State(suspected, base))
	}
	if _, err := off.Edit(base, func(d *Document) error { return d.Restore(base, off) }); err == nil || !strings.Contains(err.Error(), "of generation 2") {
		t.Errorf("the present ring as the former one: %v", err)
	}
}

// A key that was to encrypt, and is revoked before, does not stop those that sign
// when its time comes.
func TestRevokedBeforeItsTimeAKeyHasNoSay(t *testing.T) {
	for name, revoke := range map[string]func(d *Document, id KeyID, now time.Time) error{
		"all":  func(d *Document, _ KeyID, now time.Time) error { return d.RevokeAll(now, "leaked") },
		"each": func(d *Document, id KeyID, now time.Time) error { return d.Revoke(now, id, "leaked") },
	} {
		for _, before := range []time.Duration{time.Minute, 2*defaultS + time.Minute, day} {
			r := founded(t, signer.HMACSHA256())
			r = edited(t, r, base, func(d *Document) error { return d.Rotate(base, signer.XChaCha20Poly1305(), 2*day) })
			now := base.Add(2*day - before)
			r = edited(t, r, now, func(d *Document) error { return revoke(d, inState(t, r, Pending, now).ID(), now) })
			for _, after := range []time.Duration{0, before - 1, before, before + 1, 10 * day, 30 * day} {
				if k, err := r.Primary(now.Add(after)); err != nil {
					t.Errorf("%s, %v before: %v after, %v signs, %v", name, before, after, k, err)
				}
			}
			// By no clock has the sealing key signed yet: nothing needs to seal now.
			if k, _ := r.Primary(now); before > 2*defaultS && k.Seals() {
				t.Errorf("%s, %v before: %v signs", name, before, k)
			}
		}
	}
}

// A new policy is for the edits to come, and ends no session.
func TestSetPolicy(t *testing.T) {
	r := founded(t, signer.HMACSHA256())
	r = edited(t, r, base, func(d *Document) error { return d.Rotate(base, signer.Algorithm{}, day) })
	active, pending := inState(t, r, Active, base), inState(t, r, Pending, base)
	for _, tt := range []struct {
		name   string
		p      Policy
		want   Policy
		longer time.Duration // the key that signs verifies
	}{
		{"nothing", Policy{}, Policy{Propagation: defaultD, Skew: defaultS, MaxSession: defaultM, MaxSessionHigh: defaultM}, 0},
		{"propagation", Policy{Propagation: 2 * time.Hour}, Policy{Propagation: 2 * time.Hour, Skew: defaultS, MaxSession: defaultM, MaxSessionHigh: defaultM}, 0},
		{"skew", Policy{Skew: 6 * time.Minute}, Policy{Propagation: defaultD, Skew: 6 * time.Minute, MaxSession: defaultM, MaxSessionHigh: defaultM}, time.Minute},
		{"longer sessions", Policy{MaxSession: 30 * day}, Policy{Propagation: defaultD, Skew: defaultS, MaxSession: 30 * day, MaxSessionHigh: 30 * day}, 16 * day},
		{"shorter sessions", Policy{MaxSession: day}, Policy{Propagation: defaultD, Skew: defaultS, MaxSession: day, MaxSessionHigh: defaultM}, 0},
	} {
		next := edited(t, r, base, func(d *Document) error { return d.SetPolicy(base, tt.p) })
		if found := Plan(r, next, base); len(found) > 0 {
			t.Errorf("%s: %v", tt.name, found)
		}
		if got := next.Policy(); got != tt.want || next.Document().Policy != tt.want {
			t.Errorf("%s: %+v", tt.name, got)
		}
		if k, _ := next.key(active.id); k.VerifyUntil.Sub(active.VerifyUntil) != tt.longer {
			t.Errorf("%s: the key that signs verifies %v longer", tt.name, k.VerifyUntil.Sub(active.VerifyUntil))
		}
		if k, _ := next.key(pending.id); !k.VerifyUntil.IsZero() {
			t.Errorf("%s: the next key verifies until %v", tt.name, k.VerifyUntil)
		}
		if same, err := next.Edit(base, func(d *Document) error { return d.SetPolicy(base, tt.p) }); err != nil || same != next {
			t.Errorf("%s, again: %v, %v", tt.name, same, err)
		}
	}
	// Where the former key has just been followed, slow clocks sign with it still.
	at := base.Add(day + defaultS - time.Second)
	next := edited(t, r, at, func(d *Document) error { return d.SetPolicy(at, Policy{MaxSession: 15 * day}) })
	if k, _ := next.key(active.id); k.VerifyUntil.Sub(active.VerifyUntil) != day {
		t.Errorf("the former key verifies %v longer", k.VerifyUntil.Sub(active.VerifyUntil))
	}
	for _, p := range []Policy{{Propagation: 2 * defaultS}, {Skew: defaultD / 2}, {MaxSession: -1}, {Skew: -1}, {MaxSessionHigh: day}} {
		if _, err := r.Edit(base, func(d *Document) error { return d.SetPolicy(base, p) }); err == nil {
			t.Errorf("%+v is taken", p)
		}
	}
	// When there are no longer sessions any more, the mark can be lowered.
	short := edited(t, r, base, func(d *Document) error { return d.SetPolicy(base, Policy{MaxSession: day}) })
	low := edited(t, short, base.Add(20*day), func(d *Document) error { return d.SetPolicy(base.Add(20*day), Policy{MaxSessionHigh: day}) })
	if p := low.Policy(); p.MaxSessionHigh != day {
		t.Errorf("%+v", p)
	}
}
