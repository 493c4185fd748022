package keyring

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// A history is a ring, the rings that it was before, and the time. In it, what would
// be the end of sessions is rarely one edit: it is one that forgets, and a later one.
type history struct {
	*testing.T
	ring *Ring
	now  time.Time
}

func newHistory(t *testing.T, a signer.Algorithm) *history {
	return &history{t, founded(t, a), base}
}

// publishes makes an edit and publishes it after a time, with no finding that is not
// accepted.
func (h *history) publishes(after time.Duration, edit func(d *Document, now time.Time) error) *Ring {
	h.Helper()
	was := h.ring
	r, found := h.plans(after, edit)
	for _, f := range found {
		if !f.Accepted {
			h.Errorf("at %v: %v", h.now, f)
		}
	}
	h.ring = r
	return was
}

// plans makes an edit, and returns what Plan finds in it after a time.
func (h *history) plans(after time.Duration, edit func(d *Document, now time.Time) error) (*Ring, []Finding) {
	h.Helper()
	r, err := h.ring.Edit(h.now, func(d *Document) error { return edit(d, h.now) })
	if err != nil {
		h.Fatal(err)
	}
	h.now = h.now.Add(after)
	return r, Plan(h.ring, r, h.now)
}

// keeps checks that the key verifies what it signed at a time.
func (h *history) keeps(id KeyID, signed time.Time) {
	h.Helper()
	k, _ := h.ring.key(id)
	if end := signed.Add(defaultM); !k.canVerify() || !k.VerifyUntil.IsZero() && k.VerifyUntil.Before(end) {
		h.Errorf("what it signed at %v is valid until %v, and it verifies until %v: %v", signed, end, k.VerifyUntil, h.ring.State(id, h.now))
	}
}

func toBLAKE2b(d *Document, now time.Time) error { return d.Rotate(now, signer.BLAKE2b256(), 0) }

// What has signed is not taken for a standby key that never has.
func TestRestoreTwiceForgetsNoSigner(t *testing.T) {
	h := newHistory(t, signer.HMACSHA256())
	k := inState(t, h.ring, Standby, h.now).id
	first := h.publishes(2*time.Hour, func(d *Document, now time.Time) error { return d.Rotate(now, signer.Algorithm{}, 7*day) })
	second := h.publishes(0, func(d *Document, now time.Time) error { return d.Promote(now) })
	h.now = h.now.Add(day)
	signed := h.now
	h.publishes(2*time.Hour, func(d *Document, now time.Time) error { return d.Restore(now, second) })
	h.publishes(2*time.Hour, func(d *Document, now time.Time) error { return d.Restore(now, first) })
	h.publishes(0, toBLAKE2b)
	h.keeps(k, signed)
}

func TestRestoreThatIsPublishedLateForgetsNoSigner(t *testing.T) {
	h := newHistory(t, signer.HMACSHA256())
	k := inState(t, h.ring, Standby, h.now).id
	first := h.publishes(0, func(d *Document, now time.Time) error { return d.Rotate(now, signer.Algorithm{}, 25*time.Hour) })
	h.now = h.now.Add(20 * time.Hour)
	h.publishes(6*time.Hour, func(d *Document, now time.Time) error { return d.Restore(now, first) })
	signed := h.now
	h.now = h.now.Add(2 * time.Hour)
	h.publishes(0, toBLAKE2b)
	h.keeps(k, signed)
}

func TestDisableThatIsPublishedLateForgetsNoSigner(t *testing.T) {
	h := newHistory(t, signer.HMACSHA256())
	k := inState(t, h.ring, Standby, h.now).id
	h.publishes(2*time.Hour, func(d *Document, now time.Time) error { return d.Rotate(now, signer.Algorithm{}, 4*time.Hour) })
	h.publishes(5*time.Hour, func(d *Document, now time.Time) error { return d.Disable(now, k, "odd") })
	signed := h.now
	h.now = h.now.Add(2 * time.Hour)
	h.publishes(26*time.Hour, func(d *Document, now time.Time) error { return d.Enable(now, k) })
	h.publishes(0, toBLAKE2b)
	h.keeps(k, signed)
}

// An edit by hand that would have the ring forget that a key has signed is found,
// whatever the reason is that the key has.
func TestPlanRemembersSigners(t *testing.T) {
	// A standby key signs from two hours on, for ten days; the former has no end.
	turned := func(t *testing.T) (h *history, was, is KeyID) {
		h = newHistory(t, signer.HMACSHA256())
		was, is = inState(t, h.ring, Active, h.now).id, inState(t, h.ring, Standby, h.now).id
		h.publishes(0, func(d *Document, now time.Time) error {
			keyOf(d, is).SignFrom = now.Add(2 * time.Hour)
			return d.AddStandby(now, signer.Algorithm{})
		})
		h.now = h.now.Add(10 * day)
		return h, was, is
	}
	for name, tt := range map[string]struct {
		edit func(was, is *Key, now time.Time)
		want bool
	}{
		"the former was never to sign":         {func(was, is *Key, now time.Time) { was.SignFrom = time.Time{} }, true},
		"the former is to sign later":          {func(was, is *Key, now time.Time) { was.SignFrom = now.Add(30 * day) }, true},
		"so, and is disabled":                  {func(was, is *Key, now time.Time) { was.SignFrom, was.Disabled, was.Reason = time.Time{}, true, "odd" }, true},
		"so, and has an end":                   {func(was, is *Key, now time.Time) { was.SignFrom, was.VerifyUntil = time.Time{}, now.Add(30*day) }, false},
		"so, and is revoked":                   {func(was, is *Key, now time.Time) { was.SignFrom, was.Revoked, was.Reason = time.Time{}, now, "leaked" }, false},
		"the present signed before the former": {func(was, is *Key, now time.Time) { is.SignFrom = was.SignFrom.Add(-day) }, true},
		"so, and has an end that is far": {func(was, is *Key, now time.Time) {
			is.SignFrom, is.VerifyUntil = was.SignFrom.Add(-day), now.Add(30*day)
		}, false},
		"the present is to sign in an hour": {func(was, is *Key, now time.Time) { is.SignFrom = now.Add(time.Hour) }, true},
		"the present has signed for longer": {func(was, is *Key, now time.Time) { is.SignFrom = is.SignFrom.Add(-time.Hour) }, true},
		"so, and the former has an end": {func(was, is *Key, now time.Time) {
			is.SignFrom, was.VerifyUntil = is.SignFrom.Add(-time.Hour), now.Add(30*day)
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			h, was, is := turned(t)
			_, found := h.plans(0, func(d *Document, now time.Time) error {
				tt.edit(keyOf(d, was), keyOf(d, is), now)
				return nil
			})
			got := slices.ContainsFunc(found, func(f Finding) bool {
				return f.Rule == T6 && !f.Accepted && strings.Contains(f.Text, "a later one could end its sessions")
			})
			if got != tt.want {
				t.Errorf("%v: %v", got, found)
			}
		})
	}
}

// A key that was to retire and has not signed, as far as the ring tells, may have.
func TestPlanRemembersKeysThatWereToRetire(t *testing.T) {
	h := newHistory(t, signer.HMACSHA256())
	k := inState(t, h.ring, Standby, h.now).id
	h.publishes(0, func(d *Document, now time.Time) error {
		keyOf(d, k).VerifyUntil = now.Add(30 * day)
		return d.AddStandby(now, signer.Algorithm{})
	})
	for _, edit := range []func(k *Key, now time.Time){
		func(k *Key, now time.Time) { k.VerifyUntil = time.Time{} },
		func(k *Key, now time.Time) { k.VerifyUntil, k.SignFrom = time.Time{}, now.Add(2*time.Hour) },
	} {
		_, found := h.plans(0, func(d *Document, now time.Time) error { edit(keyOf(d, k), now); return nil })
		if !slices.Contains(rulesOf(found), "T6") {
			t.Errorf("%v", found)
		}
	}
}

// A key that retires has signed, though its sign_from was put off.
func TestPlanRemembersWhatRetiresThoughItIsToSignAgain(t *testing.T) {
	h := newHistory(t, signer.HMACSHA256())
	k := inState(t, h.ring, Active, h.now).id
	h.publishes(0, func(d *Document, now time.Time) error { return d.Rotate(now, signer.Algorithm{}, 0) })
	h.now = h.now.Add(day)
	h.publishes(0, func(d *Document, now time.Time) error { keyOf(d, k).SignFrom = now.Add(5 * day); return nil })
	h.now = h.now.Add(2 * time.Hour)
	for name, edit := range map[string]func(k *Key){
		"cut short":     func(k *Key) { k.SignFrom, k.VerifyUntil = time.Time{}, h.now },
		"revoked":       func(k *Key) { k.Revoked = h.now },
		"loses its end": func(k *Key) { k.VerifyUntil = time.Time{} },
		"is put off":    func(k *Key) { k.VerifyUntil, k.SignFrom = time.Time{}, h.now.Add(9*day) },
	} {
		_, found := h.plans(0, func(d *Document, now time.Time) error { edit(keyOf(d, k)); return nil })
		if !slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == T6 && f.Key == k && !f.Accepted }) {
			t.Errorf("%s: %v", name, found)
		}
	}
}

// What begins to sign before the ring is everywhere is remembered by that: an emergency
// is not held up by the clock of a job that is behind the operator's.
func TestRevokeIsPublishedByASlowClock(t *testing.T) {
	for behind, want := range map[time.Duration]bool{0: false, defaultS: false, 2 * defaultS: false, defaultD + defaultS: true} {
		h := newHistory(t, signer.HMACSHA256())
		k, p := inState(t, h.ring, Standby, h.now).id, inState(t, h.ring, Active, h.now).id
		d := h.ring.Document()
		keyOf(&d, k).VerifyUntil = h.now.Add(30 * day) // as after Restore, it has signed
		h.ring = newTestRing(t, d)
		_, found := h.plans(-behind, func(d *Document, now time.Time) error { return d.Revoke(now, p, "leaked") })
		got := slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == T6 && f.Key == k && !f.Accepted })
		if got != want {
			t.Errorf("%v behind: %v", behind, found)
		}
	}
}

// By the propagation to come, that is: the one of the past may be longer.
func TestPlanRemembersBySmallerPropagation(t *testing.T) {
	d := founded(t, signer.HMACSHA256()).Document()
	k := keyOf(&d, inState(t, newTestRing(t, d), Standby, base).id)
	k.VerifyUntil, d.Policy.Propagation = base.Add(30*day), 3*day
	h := &history{t, newTestRing(t, d), base}
	for from, want := range map[time.Duration]bool{time.Hour - time.Second: false, time.Hour: true, 2 * day: true} {
		_, found := h.plans(0, func(d *Document, now time.Time) error {
			d.Policy.Propagation = time.Hour
			keyOf(d, k.id).SignFrom, keyOf(d, k.id).VerifyUntil = now.Add(from), time.Time{}
			return nil
		})
		got := slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == T6 && f.Key == k.id })
		if got != want {
			t.Errorf("from %v: %v", from, found)
		}
	}
}

// What is encrypted by a fast clock, or would be but for a key that is gone, is not
// written in the clear.
func TestPlanRemembersTheSeal(t *testing.T) {
	h := newHistory(t, signer.HMACSHA256())
	h.publishes(3*time.Hour, func(d *Document, now time.Time) error { return d.AddStandby(now, signer.XChaCha20Poly1305()) })
	clear := h.publishes(0, func(d *Document, now time.Time) error { return d.Rotate(now, signer.XChaCha20Poly1305(), 4*time.Hour) })
	for before, want := range map[time.Duration]bool{time.Second: true, defaultS: true, defaultD - time.Second: true, defaultD: false} {
		g := *h
		g.now = g.now.Add(4*time.Hour - before)
		_, found := g.plans(0, func(d *Document, now time.Time) error { return d.Restore(now, clear) })
		if got := slices.Contains(rulesOf(found), "T7"); got != want {
			t.Errorf("%v before: %v", before, found)
		}
	}
	// The key is disabled, and nothing may sign any more.
	h.now = h.now.Add(day)
	d := h.ring.Document()
	for i := range d.Keys {
		if d.Keys[i].seals {
			d.Keys[i].Disabled, d.Keys[i].Reason = true, "odd"
		}
	}
	d.Generation++
	off := newTestRing(t, d)
	if _, err := off.Primary(h.now); err == nil {
		t.Fatal("a key signs")
	}
	d.Keys = slices.DeleteFunc(d.Keys, func(k Key) bool { return k.seals })
	d.Generation++
	if found := Plan(off, newTestRing(t, d), h.now); !slices.Contains(rulesOf(found), "T7") {
		t.Errorf("%v", found)
	}
}

// Of two tombstones that keep the seal, one stays.
func TestPruneKeepsTheSeal(t *testing.T) {
	a := signer.XChaCha20Poly1305()
	d := founded(t, signer.HMACSHA256()).Document()
	for i := range d.Keys {
		d.Keys[i].Added = base.Add(-90 * day)
	}
	d.Keys[0].SignFrom, d.Keys[1].SignFrom = base.Add(-60*day), time.Time{}
	for i := range 2 {
		x := GenerateKey(a)
		x.Added, x.SignFrom = base.Add(-90*day), base.Add(-time.Duration(50-10*i)*day)
		x.Revoked, x.Reason = base.Add(-30*day), "leaked"
		d.Keys = append(d.Keys, x)
	}
	if k := d.Keys[0]; k.SignFrom.IsZero() {
		t.Fatal(k)
	}
	r := newTestRing(t, d)
	if _, err := r.Primary(base); err == nil {
		t.Fatal("a key signs in the clear")
	}
	next := edited(t, r, base, func(d *Document) error { _, err := d.Prune(base); return err })
	if k, err := next.Primary(base); err == nil || len(next.document.Keys) != len(r.document.Keys)-1 {
		t.Errorf("%v, %v: %+v", k, err, describeKeys(next))
	}
}

// Sessions that were ended do not go on.
func TestPlanMindsNotBeforeThatIsLowered(t *testing.T) {
	h := newHistory(t, signer.HMACSHA256())
	h.publishes(2*day, func(d *Document, now time.Time) error { return d.EndSessions(now, now, "leak") })
	for after, want := range map[time.Duration]bool{0: true, defaultM + defaultS - 2*day - time.Second: true, defaultM + defaultS - 2*day: false} {
		g := *h
		g.now = g.now.Add(after)
		_, found := g.plans(0, func(d *Document, now time.Time) error { d.NotBefore = time.Time{}; return nil })
		if got := slices.Contains(rulesOf(found), "T8"); got != want {
			t.Errorf("after %v: %v", after, found)
		}
	}
}

// Acceptance does not outlive the incident that it was for.
func TestAnOverrideEndsThoughEditsGoOn(t *testing.T) {
	h := newHistory(t, signer.HMACSHA256())
	h.publishes(0, func(d *Document, now time.Time) error { return d.EndSessions(now, now, "leak") })
	for i := range 3 {
		h.now = h.now.Add(20 * time.Hour)
		h.publishes(0, func(d *Document, now time.Time) error {
			return d.ScheduleCodec(now, []string{"json", "cbor", "json"}[i], now)
		})
	}
	if o := h.ring.Document().Override; len(o.Allow) > 0 {
		t.Errorf("%+v", o)
	}
}

// Who takes over is one that is to sign, and not one that is not to any more.
func TestRevokePrefersAKeyThatStays(t *testing.T) {
	h := newHistory(t, signer.HMACSHA256())
	k, p := inState(t, h.ring, Standby, h.now).id, inState(t, h.ring, Active, h.now).id
	first := h.publishes(0, func(d *Document, now time.Time) error { return d.Rotate(now, signer.Algorithm{}, 2*time.Hour) })
	h.now = h.now.Add(day)
	h.publishes(day, func(d *Document, now time.Time) error { return d.Restore(now, first) })
	h.publishes(0, func(d *Document, now time.Time) error { return d.Revoke(now, p, "leak") })
	if n, err := h.ring.Primary(h.now); err != nil || n.id == k {
		t.Errorf("%v, %v", n, err)
	}
}

// Where no key may sign, there is a way out.
func TestEditsEndAnOutage(t *testing.T) {
	a := signer.XChaCha20Poly1305()
	s, x, st := GenerateKey(signer.HMACSHA256()), GenerateKey(a), GenerateKey(a)
	for _, k := range []*Key{&s, &x, &st} {
		k.Added = base.Add(-90 * day)
	}
	s.SignFrom = base.Add(-60 * day)
	x.SignFrom, x.Disabled = base.Add(-50*day), true
	r := newTestRing(t, Document{Name: "shop", Generation: 1, Keys: []Key{s, x, st}})
	if _, err := r.Primary(base); err != ErrNoPrimary {
		t.Fatal(err)
	}
	for name, edit := range map[string]func(*Document) error{
		"RevokeAll": func(d *Document) error { return d.RevokeAll(base, "leak") },
		"Rotate":    func(d *Document) error { return d.Rotate(base, signer.Algorithm{}, 0) },
		"Promote":   func(d *Document) error { return d.Promote(base) },
	} {
		next := edited(t, r, base, edit)
		if k, err := next.Primary(base.Add(defaultD)); err != nil || !k.seals {
			t.Errorf("%s: %v, %v", name, k, err)
		}
	}
}

// The longest policy that there is does not reach beyond what times are.
func TestTheLongestPolicyIsFinite(t *testing.T) {
	d := founded(t, signer.HMACSHA256()).Document()
	d.Policy = Policy{Propagation: maxPolicy, Skew: maxPolicy / 3, MaxSession: maxPolicy}
	r := newTestRing(t, d)
	e := &editor{&d, r, r.policy, base}
	if end := e.lastToken(); end.Before(base.Add(2 * maxPolicy)) {
		t.Errorf("%v", end)
	}
}

func keyOf(d *Document, id KeyID) *Key {
	return &d.Keys[slices.IndexFunc(d.Keys, func(k Key) bool { return k.id == id })]
}

// A disabled key is to be enabled again, and what it signed is good then.
func TestPlanKeepsThePromisesOfDisabledKeys(t *testing.T) {
	h := newHistory(t, signer.HMACSHA256())
	k := inState(t, h.ring, Active, h.now).id
	h.publishes(2*time.Hour, func(d *Document, now time.Time) error { return d.Disable(now, k, "odd") })
	for name, edit := range map[string]func(k *Key){
		"pruned":    func(k *Key) { k.Pruned = h.now },
		"cut short": func(k *Key) { k.VerifyUntil = h.now },
	} {
		_, found := h.plans(0, func(d *Document, now time.Time) error { edit(keyOf(d, k)); return nil })
		if !slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == T6 && f.Key == k && !f.Accepted }) {
			t.Errorf("%s: %v", name, found)
		}
	}
	h.publishes(0, func(d *Document, now time.Time) error { return d.ScheduleCodec(now, "cbor", now) })
}

// What Enable takes back in the edit in which Disable did it is not accepted.
func TestEnableTakesBackWhatDisableAccepted(t *testing.T) {
	h := newHistory(t, signer.HMACSHA256())
	k := inState(t, h.ring, Active, h.now).id
	r, found := h.plans(40*time.Hour, func(d *Document, now time.Time) error {
		if err := d.Disable(now, k, "odd"); err != nil {
			return err
		}
		return d.Enable(now, k)
	})
	if o := r.Document().Override; len(o.Allow) > 0 {
		t.Errorf("%+v", o)
	}
	if !slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == T5 && f.Key == k && !f.Accepted }) {
		t.Errorf("applied two days later: %v", found)
	}
}

// A ring may not schedule a fall from sealed to signed either, unless the ring before
// it does.
func TestPlanFindsWhatFallsBackLater(t *testing.T) {
	d := founded(t, signer.HMACSHA256()).Document()
	x, c := GenerateKey(signer.XChaCha20Poly1305()), GenerateKey(signer.HMACSHA256())
	x.Added, c.Added = base.Add(-20*day), base.Add(-20*day)
	d.Keys = append(d.Keys, x, c)
	h := &history{t, newTestRing(t, d), base}
	next, found := h.plans(0, func(d *Document, now time.Time) error {
		keyOf(d, x.id).SignFrom, keyOf(d, c.id).SignFrom = now.Add(2*day), now.Add(20*day)
		return nil
	})
	if !slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == T7 && f.Key == c.id }) {
		t.Errorf("%v", found)
	}
	h.ring = next
	for _, at := range []time.Duration{0, day, 10 * day} {
		g := *h
		g.now = g.now.Add(at)
		_, found := g.plans(0, func(d *Document, now time.Time) error {
			d.Codecs = []CodecFrom{{Codec: "cbor", From: now.Add(day)}}
			return nil
		})
		if slices.Contains(rulesOf(found), "T7") {
			t.Errorf("after %v, the ring in use says so already: %v", at, found)
		}
	}
}

// Nor may it begin to encrypt only until a key takes over that does not, though the
// ring before has scheduled that; and what falls back as it does falls back once.
func TestPlanFindsWhatIsSealedForAWhile(t *testing.T) {
	d := founded(t, signer.HMACSHA256()).Document()
	x, c, e := GenerateKey(signer.XChaCha20Poly1305()), GenerateKey(signer.HMACSHA256()), GenerateKey(signer.HMACSHA256())
	for _, k := range []*Key{&x, &c, &e} {
		k.Added = base.Add(-20 * day)
		d.Keys = append(d.Keys, *k)
	}
	keyOf(&d, c.id).SignFrom, keyOf(&d, e.id).SignFrom = base.Add(20*day), base.Add(40*day)
	h := &history{t, newTestRing(t, d), base}
	var found []Finding
	h.ring, found = h.plans(0, func(d *Document, now time.Time) error { keyOf(d, x.id).SignFrom = now.Add(2 * day); return nil })
	if !slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == T7 && f.Key == c.id }) {
		t.Errorf("%v", found)
	}
	for _, at := range []time.Duration{0, day, 10 * day} {
		g := *h
		g.now = g.now.Add(at)
		_, found := g.plans(0, func(d *Document, now time.Time) error { return d.ScheduleCodec(now, "cbor", now) })
		if slices.Contains(rulesOf(found), "T7") {
			t.Errorf("after %v, the ring in use says so already: %v", at, found)
		}
	}
}

// A key that does not encrypt, and never signs since it retires too soon, does not lift
// the seal for instances that cannot sign with the key that does.
func TestPlanFindsAKeyThatOnlyLiftsTheSeal(t *testing.T) {
	d := founded(t, signer.XChaCha20Poly1305()).Document()
	c := GenerateKey(signer.HMACSHA256())
	c.Added = base.Add(-20 * day)
	d.Keys = append(d.Keys, c)
	h := &history{t, newTestRing(t, d), base}
	edit := func(d *Document, now time.Time) error {
		keyOf(d, c.id).SignFrom, keyOf(d, c.id).VerifyUntil = now.Add(2*time.Hour), now.Add(5*time.Hour)
		return nil
	}
	next, found := h.plans(0, edit)
	for _, from := range []time.Duration{defaultS, time.Hour, 24 * time.Hour} { // before now
		_, found := h.plans(0, func(d *Document, now time.Time) error {
			keyOf(d, c.id).SignFrom, keyOf(d, c.id).VerifyUntil = now.Add(-from), now.Add(5*time.Hour)
			return nil
		})
		if !slices.Contains(rulesOf(found), "T7") {
			t.Errorf("since %v: %v", from, found)
		}
	}
	if p, err := next.Primary(base.Add(3 * time.Hour)); err != nil || !p.seals {
		t.Fatalf("%v, %v", p, err)
	}
	if !slices.ContainsFunc(found, func(f Finding) bool {
		return f.Rule == T7 && f.Key == c.id && strings.Contains(f.Text, "lacks the algorithm")
	}) {
		t.Errorf("%v", found)
	}
}

// Restore puts off the end of no key that signs no more.
func TestRestoreProlongsNoKeyThatSignsNoMore(t *testing.T) {
	h := newHistory(t, signer.HMACSHA256())
	p := inState(t, h.ring, Active, h.now).id
	h.publishes(0, func(d *Document, now time.Time) error { return d.Rotate(now, signer.Algorithm{}, 0) })
	h.now = h.now.Add(3 * day)
	was, _ := h.ring.key(p)
	before := h.publishes(2*time.Hour, func(d *Document, now time.Time) error { return d.ScheduleCodec(now, "cbor", now.Add(5*day)) })
	h.publishes(0, func(d *Document, now time.Time) error { return d.Restore(now, before) })
	if k, _ := h.ring.key(p); !k.VerifyUntil.Equal(was.VerifyUntil) {
		t.Errorf("it verified until %v, and now until %v", was.VerifyUntil, k.VerifyUntil)
	}
}

// A key that somebody has deleted is not brought back, nor passed over in silence.
func TestRestoreMissesAKeyThatWasDeleted(t *testing.T) {
	r := founded(t, signer.HMACSHA256())
	former := edited(t, r, base, func(d *Document) error { return d.ScheduleCodec(base, "cbor", base) })
	k := inState(t, former, Standby, base).id
	d := former.Document()
	d.Keys = slices.DeleteFunc(d.Keys, func(o Key) bool { return o.id == k })
	d.Generation++
	bad := newTestRing(t, d)
	for after, want := range map[time.Duration]bool{time.Hour: true, defaultM + defaultS - time.Second: true, defaultM + defaultS: false} {
		now := base.Add(after)
		_, err := bad.Edit(now, func(d *Document) error { return d.Restore(now, former) })
		if got := err != nil && strings.Contains(err.Error(), k.String()+" has been deleted"); got != want {
			t.Errorf("after %v: %v", after, err)
		}
	}
}

// What is not sure yet is not worth that sessions end: another key signs at once only
// if every instance has it, or if somebody accepts that.
func TestDisableAcceptsNothing(t *testing.T) {
	h := newHistory(t, signer.HMACSHA256())
	k := inState(t, h.ring, Active, h.now).id
	h.publishes(time.Hour, func(d *Document, now time.Time) error {
		return d.Revoke(now, inState(t, h.ring, Standby, now).id, "leaked")
	})
	h.now = h.now.Add(-time.Minute) // the new standby key is not everywhere
	for name, edit := range map[string]func(d *Document, now time.Time) error{
		"disable": func(d *Document, now time.Time) error { return d.Disable(now, k, "odd") },
		"revoke":  func(d *Document, now time.Time) error { return d.Revoke(now, k, "leaked") },
	} {
		_, found := h.plans(0, edit)
		if !slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == T4 && f.Accepted == (name == "revoke") }) {
			t.Errorf("%s: %v", name, found)
		}
	}
}

// Sessions begin at whole seconds: one that began in the second of EndSessions ends.
func TestEndSessionsEndsThoseOfTheSameSecond(t *testing.T) {
	r := founded(t, signer.HMACSHA256())
	for _, now := range []time.Time{base, base.Add(1), base.Add(time.Second - 1)} {
		next := edited(t, r, now, func(d *Document) error { return d.EndSessions(now, now, "x") })
		if began := now.Truncate(time.Second); began.Before(now) && !began.Before(next.NotBefore()) || next.NotBefore().Sub(now) >= time.Second {
			t.Errorf("at %v: %v", now, next.NotBefore())
		}
	}
}

// What is disabled late verifies for long enough when it is enabled again, or Plan says
// that it does not, whatever the reason is.
func TestPlanMindsADisabledKeyThatIsPublishedTooLate(t *testing.T) {
	for after, want := range map[time.Duration]bool{delay: false, delay + 2*time.Second: true} {
		h := newHistory(t, signer.HMACSHA256())
		k := inState(t, h.ring, Active, h.now).id
		_, found := h.plans(after, func(d *Document, now time.Time) error { return d.Disable(now, k, "odd") })
		if got := slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == T5 && f.Key == k && !f.Accepted }); got != want {
			t.Errorf("after %v: %v", after, found)
		}
	}
	// So it is if it does not sign any more.
	h := newHistory(t, signer.HMACSHA256())
	k := inState(t, h.ring, Active, h.now).id
	h.publishes(0, func(d *Document, now time.Time) error { return d.Rotate(now, signer.Algorithm{}, 0) })
	h.now = h.now.Add(3 * time.Hour)
	_, found := h.plans(0, func(d *Document, now time.Time) error {
		keyOf(d, k).VerifyUntil = now.Add(time.Hour)
		return d.Disable(now, k, "odd")
	})
	if !slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == T6 && f.Key == k && !f.Accepted }) {
		t.Errorf("%v", found)
	}
}

// By the tombstone of a key it is known from when on sessions were encrypted.
func TestPlanMindsTheTombstoneOfAKeyThatSealed(t *testing.T) {
	h := newHistory(t, signer.XChaCha20Poly1305())
	k := inState(t, h.ring, Active, h.now).id
	h.publishes(day, func(d *Document, now time.Time) error { return d.Revoke(now, k, "leaked") })
	for _, from := range []time.Time{{}, h.now.Add(day), h.now.Add(-time.Hour)} {
		d := h.ring.Document()
		d.Generation++
		keyOf(&d, k).SignFrom = from
		if found := Plan(h.ring, newTestRing(t, d), h.now); !slices.ContainsFunc(found, func(f Finding) bool { return (f.Rule == T8 || f.Rule == T3) && f.Key == k }) {
			t.Errorf("sign_from %v: %v", from, found)
		}
	}
}

// An instance that has missed the ring between takes the next one, in which a tombstone
// does not tell that its key was to encrypt, if another key tells so.
func TestARestoreAndARevokeAreTakenTogether(t *testing.T) {
	h := newHistory(t, signer.XChaCha20Poly1305())
	k := inState(t, h.ring, Standby, h.now).id
	first := h.publishes(0, func(d *Document, now time.Time) error { return d.Rotate(now, signer.Algorithm{}, 0) })
	missing := New(h.ring)
	h.now = h.now.Add(3 * time.Hour)
	h.publishes(0, func(d *Document, now time.Time) error { return d.Restore(now, first) })
	h.publishes(0, func(d *Document, now time.Time) error { return d.Revoke(now, k, "leaked") })
	if err := missing.Replace(h.ring); err != nil {
		t.Error(err)
	}
}

// Where there is time for a new key, one that is to retire, and may have signed, is not
// the next to sign.
func TestRevokeOfAPendingKeyTakesNoneThatRetires(t *testing.T) {
	h := newHistory(t, signer.HMACSHA256())
	h.publishes(0, func(d *Document, now time.Time) error { return d.Rotate(now, signer.Algorithm{}, 3*day) })
	pending, leaving := inState(t, h.ring, Pending, h.now).id, inState(t, h.ring, Standby, h.now).id
	r := edited(t, h.ring, h.now, func(d *Document) error {
		keyOf(d, leaving).VerifyUntil = h.now.Add(30 * day)
		return d.Revoke(h.now, pending, "leaked")
	})
	if k, err := r.Primary(h.now.Add(4 * day)); err != nil || k.id == leaving || k.id == pending {
		t.Errorf("%v, %v", k, err)
	}
}

// Two rings of one generation are no former and later one.
func TestRestoreOfTheSameGeneration(t *testing.T) {
	r := founded(t, signer.HMACSHA256())
	d := r.Document()
	d.Codecs = []CodecFrom{{Codec: "cbor", From: base}}
	if err := d.Restore(base, r); err == nil || !strings.Contains(err.Error(), "too, and says something else") {
		t.Errorf("%v", err)
	}
}
