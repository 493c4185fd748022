package keyring

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// An edit for each way to go wrong, and those beside it that are right. Before it,
// a key was turned 20 days ago.
func TestPlanFindsEachRuleBroken(t *testing.T) {
	hmac := signer.HMACSHA256()
	start := func(t *testing.T) *Ring {
		return edited(t, founded(t, hmac), base.Add(-20*day), func(d *Document) error { return d.Rotate(base.Add(-20*day), signer.Algorithm{}, 0) })
	}
	turned := func(d *Document) error { return d.Rotate(base, signer.Algorithm{}, 0) }
	state := func(d *Document, s State) *Key {
		r, err := NewRing(*d)
		if err != nil {
			panic(err)
		}
		for i := range d.Keys {
			if r.State(d.Keys[i].id, base.Add(-10*day)) == s {
				return &d.Keys[i]
			}
		}
		panic(s.String())
	}
	for _, tt := range []struct {
		name  string
		edit  func(*Document)
		at    time.Duration // after base
		rules string
	}{
		{"nothing", func(d *Document) {}, 0, ""},
		{"a rotation", func(d *Document) { turned(d) }, 0, ""},
		{"a rotation applied a second late", func(d *Document) { turned(d) }, time.Second, "T5"},
		{"a rotation applied two days late", func(d *Document) { turned(d) }, 2 * day, "T5"},
		{"a rotation in a day, applied an hour before", func(d *Document) { d.Rotate(base, signer.Algorithm{}, day) }, 23 * time.Hour, ""},
		{"a rotation in a day, applied too late", func(d *Document) { d.Rotate(base, signer.Algorithm{}, day) }, 23*time.Hour + 1, "T5"},
		{"to another algorithm", func(d *Document) { d.Rotate(base, signer.BLAKE2b256(), 0) }, 0, ""},
		{"to another algorithm, late", func(d *Document) { d.Rotate(base, signer.BLAKE2b256(), 0) }, 1, "T4 T5"},
		{"to one that seals", func(d *Document) { d.Rotate(base, signer.XChaCha20Poly1305(), 0) }, 0, ""},

		{"the same generation", func(d *Document) { d.Generation--; d.AddStandby(base, signer.BLAKE2b256()) }, 0, "T1"},
		{"a lower generation", func(d *Document) { d.Generation -= 2 }, 0, "T1"},
		{"another name", func(d *Document) { d.Name = "staging" }, 0, "T1"},
		{"a key is gone", func(d *Document) {
			id := state(d, Retiring).id
			d.Keys = slices.DeleteFunc(d.Keys, func(k Key) bool { return k.id == id })
		}, 0, "T2"},
		{"another secret", func(d *Document) { state(d, Retiring).secret = hide(testSecret(99)) }, 0, "T3"},
		{"a new key signs at once", func(d *Document) {
			state(d, Active).VerifyUntil = base.Add(defaultD + defaultM + defaultS)
			d.Keys = append(d.Keys, hmacKeyAt(t, 1, base))
		}, 0, "T4"},
		{"a new key signs a little too early", func(d *Document) {
			state(d, Active).VerifyUntil = base.Add(defaultD + defaultM + defaultS)
			d.Keys = append(d.Keys, hmacKeyAt(t, 1, base.Add(defaultD-1)))
		}, 0, "T4"},
		{"a new key signs soon enough", func(d *Document) {
			state(d, Active).VerifyUntil = base.Add(defaultD + defaultM + defaultS)
			d.Keys = append(d.Keys, hmacKeyAt(t, 1, base.Add(defaultD)))
		}, 0, ""},
		{"a standby key that was just added signs at once", func(d *Document) {
			state(d, Active).VerifyUntil = base.Add(defaultD + defaultM + defaultS)
			k := state(d, Standby)
			k.SignFrom = base.Add(-20*day + defaultD + time.Second)
			d.Keys = append(d.Keys, newKey(t, 1, hmac))
		}, -20*day + defaultD - 1, "T4"},
		{"the former key stops too early", func(d *Document) { turned(d); state(d, Active).VerifyUntil = base.Add(defaultM) }, 0, "T5 T7"},
		{"a second too early", func(d *Document) {
			turned(d)
			k := state(d, Active)
			k.VerifyUntil = k.VerifyUntil.Add(-time.Second)
		}, 0, "T5 T7"},
		{"the signing key is disabled", func(d *Document) {
			k := state(d, Active)
			d.Disable(base, k.id, "x")
			d.Keys[0].Reason, d.Keys[1].Reason = "", ""
		}, 0, "T5"},
		{"the signing key is disabled, as said", func(d *Document) { d.Disable(base, state(d, Active).id, "x") }, 0, "(T5)"},
		{"a retiring key is pruned", func(d *Document) { state(d, Retiring).Pruned = base }, -10 * day, "T6"},
		{"a retiring key is pruned when it is over", func(d *Document) { state(d, Retiring).Pruned = base }, 0, ""},
		{"a retiring key is cut short", func(d *Document) { k := state(d, Retiring); k.VerifyUntil = k.VerifyUntil.Add(-1) }, -10 * day, "T6"},
		{"a retiring key is drawn out", func(d *Document) { k := state(d, Retiring); k.VerifyUntil = k.VerifyUntil.Add(day) }, -10 * day, ""},
		{"the longest session is forgotten", func(d *Document) { d.Policy.MaxSession, d.Policy.MaxSessionHigh = day, day }, 0, "T6"},
		{"the longest session is shorter from now on", func(d *Document) { d.Policy.MaxSession, d.Policy.MaxSessionHigh = day, defaultM }, 0, ""},
		{"sessions are longer", func(d *Document) { d.Policy.MaxSession = 30 * day }, 0, ""},
		{"not before", func(d *Document) { d.NotBefore = base.Add(-day) }, 0, "T6"},
		{"no key signs in the end", func(d *Document) { state(d, Active).VerifyUntil = base.Add(90 * day) }, 0, "T5 T7"},
		{"a standby key of another kind", func(d *Document) {
			k := state(d, Standby)
			k.Pruned = base
			d.AddStandby(base, signer.XChaCha20Poly1305())
		}, 0, "T9"},
		{"no standby key", func(d *Document) { state(d, Standby).Pruned = base }, 0, "T9"},
		{"a standby key that goes", func(d *Document) { state(d, Standby).VerifyUntil = base.Add(90 * day) }, 0, "T9"},
		{"a codec at once", func(d *Document) { d.Codecs = []CodecFrom{{Codec: "cbor", From: base}} }, 0, "T10"},
		{"a codec that is late", func(d *Document) { d.ScheduleCodec(base, "cbor", base) }, 1, "T10"},
		{"a codec that has long been over", func(d *Document) {
			d.Codecs = []CodecFrom{{Codec: "json", From: base.Add(-20 * day)}, {Codec: "cbor", From: base.Add(-10 * day)}}
		}, 0, "T10"}, // of cbor only
		{"a codec in time", func(d *Document) { d.ScheduleCodec(base, "cbor", base) }, 0, ""},
	} {
		old := start(t)
		d := old.Document()
		tt.edit(&d)
		d.Generation++
		next, err := NewRing(d)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
			continue
		}
		before, after := old.Checksum(), next.Checksum()
		var got []string
		for _, f := range Plan(old, next, base.Add(tt.at)) {
			s := f.Rule.String()
			if f.Accepted {
				s = "(" + s + ")"
			}
			if !slices.Contains(got, s) {
				got = append(got, s)
			}
			if !strings.HasPrefix(f.String(), f.Rule.String()+": ") || f.Text == "" || f.Key != (KeyID{}) && !strings.Contains(f.Text, f.Key.String()) {
				t.Errorf("%s: %v", tt.name, f)
			}
		}
		if s := strings.Join(got, " "); s != tt.rules {
			t.Errorf("%s: %q, want %q: %v", tt.name, s, tt.rules, Plan(old, next, base.Add(tt.at)))
		}
		if old.Checksum() != before || next.Checksum() != after {
			t.Errorf("%s: a ring was changed", tt.name)
		}
	}
}

// A tombstone may go when every token of its key has expired.
func TestPlanWantsTombstonesToStay(t *testing.T) {
	r := founded(t, signer.HMACSHA256())
	revoked := inState(t, r, Active, base).ID()
	r = edited(t, r, base, func(d *Document) error { return d.Revoke(base, revoked, "leak") })
	next := edited(t, r, base, func(d *Document) error {
		d.Keys = slices.DeleteFunc(d.Keys, func(k Key) bool { return k.id == revoked })
		return nil
	})
	end := base.Add(defaultM + defaultS)
	if got := rulesOf(Plan(r, next, end.Add(-1))); !slices.Equal(got, []string{"T8"}) {
		t.Errorf("%v", got)
	}
	safe(t, r, next, end)
}

// D, M and S are the larger of both rings: what the former promised is kept, and
// what the latter promises is too.
func TestPlanGoesByTheLargerPolicy(t *testing.T) {
	long := Policy{Propagation: day, Skew: time.Hour, MaxSession: 30 * day, MaxSessionHigh: 30 * day}
	for _, order := range [][2]Policy{{long, {MaxSessionHigh: 30 * day}}, {{}, long}} {
		r := founded(t, signer.HMACSHA256())
		r = edited(t, r, base.Add(-day), func(d *Document) error {
			d.Policy = order[0]
			d.Published = base
			d.NotBefore = base.Add(-400 * day)
			return nil
		})
		good := edited(t, r, base, func(d *Document) error {
			d.Policy = long
			if err := d.Rotate(base, signer.Algorithm{}, 0); err != nil {
				return err
			}
			d.Policy = order[1]
			return nil
		})
		safe(t, r, good, base)
		short := edited(t, r, base, func(d *Document) error {
			d.Policy = Policy{}
			if err := d.Rotate(base, signer.Algorithm{}, 0); err != nil {
				return err
			}
			d.Policy = order[1]
			return nil
		})
		if got := rulesOf(Plan(r, short, base)); !slices.Contains(got, "T5") {
			t.Errorf("%v", got)
		}
		blake := edited(t, r, base, func(d *Document) error {
			d.Policy = long
			if err := d.Rotate(base, signer.BLAKE2b256(), 0); err != nil {
				return err
			}
			d.Policy = order[1]
			for i := range d.Keys {
				if k := &d.Keys[i]; k.SignFrom.After(base) {
					k.SignFrom = base.Add(day - time.Second)
				}
			}
			return nil
		})
		if got := rulesOf(Plan(r, blake, base)); !slices.Contains(got, "T4") {
			t.Errorf("%v", got)
		}
	}
}

// A ring that seals does not fall back by mistake, also not by losing what
// remembers that it did.
func TestPlanFindsWhatWouldBeWrittenInTheClear(t *testing.T) {
	r := founded(t, signer.XChaCha20Poly1305())
	for _, edit := range []func(*Document){
		func(d *Document) { d.Rotate(base, signer.HMACSHA256(), 0) },
		func(d *Document) { d.Rotate(base, signer.HMACSHA256(), 100*day) },
	} {
		next := edited(t, r, base, func(d *Document) error { edit(d); return nil })
		found := Plan(r, next, base)
		if !slices.Equal(rulesOf(found), []string{"T7"}) || !strings.Contains(found[0].Text, "in the clear") {
			t.Errorf("%v", found)
		}
	}
}

// What an override accepts is said all the same, and only for its generation.
func TestOverrideIsForOneGenerationAndItsRules(t *testing.T) {
	r := founded(t, signer.HMACSHA256())
	for _, tt := range []struct {
		o    Override
		want bool
	}{
		{Override{Generation: 2, Allow: []Exception{{T9, KeyID{}}}, Reason: "r"}, true},
		{Override{Generation: 2, Allow: []Exception{{T8, KeyID{}}, {T9, KeyID{}}}, Reason: "r"}, true},
		{Override{Generation: 2, Allow: []Exception{{T8, KeyID{}}}, Reason: "r"}, false},
		{Override{Generation: 2, Allow: []Exception{{T9, KeyID{1}}}, Reason: "r"}, false},
		{Override{Generation: 1, Allow: []Exception{{T9, KeyID{}}}, Reason: "r"}, false},
		{Override{Generation: 3, Allow: []Exception{{T9, KeyID{}}}, Reason: "r"}, false},
		{Override{}, false},
	} {
		d := r.Document()
		d.Generation = 2
		d.Keys = slices.DeleteFunc(d.Keys, func(k Key) bool { return k.SignFrom.IsZero() })
		was := r.Document()
		was.Keys = d.Keys
		d.Override = tt.o
		next := newTestRing(t, d)
		found := Plan(newTestRing(t, was), next, base)
		if len(found) != 1 || found[0].Rule != T9 || found[0].Accepted != tt.want {
			t.Errorf("%+v: %+v", tt.o, found)
		}
		// It is in the file, and comes back.
		b, err := next.encode()
		if err != nil {
			t.Fatal(err)
		}
		back, err := Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		if o := back.Document().Override; fmt.Sprint(o) != fmt.Sprint(tt.o) || back.Checksum() != next.Checksum() {
			t.Errorf("%+v, want %+v", o, tt.o)
		}
	}
}

// What was accepted for one key is not accepted for another, of which there is a
// finding only because the ring is published late.
func TestAnExceptionIsForOneKey(t *testing.T) {
	r := founded(t, signer.HMACSHA256())
	active, standby := inState(t, r, Active, base).ID(), inState(t, r, Standby, base).ID()
	for x, want := range map[Exception]bool{{T5, active}: true, {T5, standby}: false, {T6, active}: false, {T5, KeyID{}}: false} {
		next := edited(t, r, base, func(d *Document) error {
			d.Override.Generation = 2
			d.Override.Accept(base, "r", x)
			return d.Rotate(base, signer.Algorithm{}, 0)
		})
		found := Plan(r, next, base.Add(10*day))
		if len(found) != 1 || found[0].Rule != T5 || found[0].Key != active || found[0].Accepted != want {
			t.Errorf("%v: %+v", x, found)
		}
	}
}

// An emergency does not wait: what one edit has accepted is accepted after the next as
// well, as long as the ring in use may be the one before both.
func TestAnOverrideLastsUntilItIsPublished(t *testing.T) {
	published := founded(t, signer.HMACSHA256())
	active, standby := inState(t, published, Active, base).ID(), inState(t, published, Standby, base).ID()
	r := published
	for i, edit := range []func(now time.Time, d *Document) error{
		func(now time.Time, d *Document) error { return d.Revoke(now, standby, "leaked") },
		func(now time.Time, d *Document) error { return d.Revoke(now, active, "leaked too") },
		func(now time.Time, d *Document) error { return d.EndSessions(now, now, "both leaked") },
		func(now time.Time, d *Document) error { return d.ScheduleCodec(now, "cbor", now.Add(2*day)) },
	} {
		now := base.Add(time.Duration(i) * time.Hour)
		r = edited(t, r, now, func(d *Document) error { return edit(now, d) })
	}
	at := base.Add(4 * time.Hour)
	found := Plan(published, r, at)
	if got := strings.Join(rulesOf(found), " "); got != "T4 T5 T6" {
		t.Errorf("%s: %v", got, found)
	}
	for _, f := range found {
		if !f.Accepted {
			t.Errorf("not accepted: %v", f)
		}
	}
	o := r.Document().Override
	if want := []Exception{{T4, inState(t, r, Active, at).ID()}, {T6, KeyID{}}}; !slices.Equal(o.Allow, want) || o.Generation != r.Generation() || o.Reason != "leaked too; both leaked" {
		t.Errorf("%+v", o)
	}
	if !o.Since.Equal(base.Add(2 * time.Hour)) {
		t.Errorf("since %v", o.Since)
	}
	for _, tt := range []struct {
		later time.Duration
		kept  bool
	}{{delay + defaultD - 1, true}, {delay + defaultD, false}} {
		now := o.Since.Add(tt.later)
		next := edited(t, r, now, func(d *Document) error { return d.AddStandby(now, signer.BLAKE2b256()) })
		if o := next.Document().Override; len(o.Allow) > 0 != tt.kept || tt.kept != (o.Generation == next.Generation()) {
			t.Errorf("after %v: %+v", tt.later, o)
		}
	}
}

// A codec that was pruned and comes back with a former ring is over all the same.
func TestPlanPassesOverCodecsThatAreOver(t *testing.T) {
	r := founded(t, signer.HMACSHA256())
	r = edited(t, r, base, func(d *Document) error {
		d.Codecs = []CodecFrom{{Codec: "json", From: base.Add(-30 * day)}, {Codec: "cbor", From: base.Add(-20 * day)}}
		return nil
	})
	pruned := edited(t, r, base, func(d *Document) error { _, err := d.Prune(base); return err })
	if c := pruned.Codecs(); len(c) != 1 {
		t.Fatalf("%v", c)
	}
	back := edited(t, pruned, base, func(d *Document) error { return d.Restore(base, r) })
	if c := back.Codecs(); len(c) != 2 {
		t.Fatalf("%v", c)
	}
	safe(t, pruned, back, base)
}

// A binary that lacks the algorithm of a key that may sign does not know who signs.
func TestWhatIsNotKnownIsNotJudged(t *testing.T) {
	r := founded(t, signer.HMACSHA256())
	here := inState(t, r, Active, base).ID()
	for _, tt := range []struct {
		name  string
		there func(k *Key)
		want  bool
	}{
		{"it signs", func(k *Key) { k.SignFrom = base.Add(-day) }, true},
		{"it signs until another does", func(k *Key) { k.SignFrom, k.VerifyUntil = base.Add(-day), base.Add(defaultM+defaultS) }, true},
		{"it is to sign", func(k *Key) { k.SignFrom = base.Add(day) }, true},
		{"it signed before the other did", func(k *Key) { k.SignFrom = base.Add(-40 * day) }, false},
		{"it signed, and retires too soon to sign", func(k *Key) { k.SignFrom, k.VerifyUntil = base.Add(-day), base.Add(day) }, false},
		{"it stands by", func(k *Key) {}, false},
		{"it is disabled", func(k *Key) { k.SignFrom, k.Disabled = base.Add(-day), true }, false},
		{"it is revoked", func(k *Key) { k.SignFrom, k.Revoked = base.Add(-day), base }, false},
		{"it has retired", func(k *Key) { k.SignFrom, k.VerifyUntil = base.Add(-20*day), base.Add(-day) }, false},
	} {
		d := r.Document()
		k := unsupported(newKey(t, 7, signer.BLAKE2b256()))
		k.Added = base.Add(-50 * day)
		tt.there(&k)
		d.Keys = append(d.Keys, k)
		with := newTestRing(t, d)
		for name, edit := range map[string]func(*Document) error{
			"Rotate":    func(d *Document) error { return d.Rotate(base, signer.HMACSHA256(), 0) },
			"Promote":   func(d *Document) error { return d.Promote(base) },
			"Revoke":    func(d *Document) error { return d.Revoke(base, here, "x") },
			"Disable":   func(d *Document) error { return d.Disable(base, here, "x") },
			"RevokeAll": func(d *Document) error { return d.RevokeAll(base, "x") },
		} {
			d := with.Document()
			if err := edit(&d); tt.want != (err != nil && strings.Contains(err.Error(), "this binary lacks")) {
				t.Errorf("%s: %s: %v", tt.name, name, err)
			}
		}
		next := edited(t, with, base, func(d *Document) error { return d.ScheduleCodec(base, "cbor", base) })
		for _, rings := range [][2]*Ring{{with, r}, {r, next}} {
			got := slices.ContainsFunc(Plan(rings[0], rings[1], base), func(f Finding) bool {
				return f.Rule == T7 && f.Key == k.id && strings.Contains(f.Text, "cannot be judged")
			})
			if got != tt.want {
				t.Errorf("%s: Plan: %v", tt.name, got)
			}
		}
	}
}

func TestOverrideReasonsAddUp(t *testing.T) {
	var o Override
	long := strings.Repeat("c", maxReason-5)
	for _, tt := range [][2]string{{"a", "a"}, {"a", "a"}, {"b", "a; b"}, {"b", "a; b"}, {long, long}, {"d", long + "; d"}, {"ef", "ef"}} {
		if o.Accept(base, tt[0], Exception{Rule: T6}); o.Reason != tt[1] || len(o.Allow) != 1 {
			t.Errorf("%q: %+v", tt[0], o)
		}
	}
}

func TestExceptionText(t *testing.T) {
	for text, x := range map[string]Exception{"T6": {T6, KeyID{}}, "T10": {T10, KeyID{}}, "T4:1dc4fea0": {T4, KeyID{0x1d, 0xc4, 0xfe, 0xa0}}} {
		var got Exception
		if err := got.UnmarshalText([]byte(text)); err != nil || got != x || x.String() != text {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "T0", "T11", "t4", "T4:", "T4:00000000", "T4:1DC4FEA0", "T4:1dc4fea0:", "T4 1dc4fea0", ":1dc4fea0"} {
		var x Exception
		if err := x.UnmarshalText([]byte(text)); err == nil || x != (Exception{}) {
			t.Errorf("%q: %v", text, x)
		}
	}
}

// A ring can be edited as soon as it is made: that slow clocks sign early with its
// first key is no fault of the edit.
func TestPlanAllowsForSlowClocksInANewRing(t *testing.T) {
	hmac := signer.HMACSHA256()
	active, standby := newKey(t, 1, hmac), newKey(t, 2, hmac)
	active.Added, standby.Added, active.SignFrom = base, base, base
	r := newTestRing(t, Document{Name: "shop", Generation: 1, Keys: []Key{active, standby}})
	for _, after := range []time.Duration{0, 1, time.Minute, defaultS + 1} {
		at := base.Add(after)
		safe(t, r, edited(t, r, at, func(d *Document) error { return d.Rotate(at, signer.Algorithm{}, 0) }), at)
	}
	d := r.Document()
	d.Keys[slices.IndexFunc(d.Keys, func(k Key) bool { return !k.SignFrom.IsZero() })].SignFrom = base.Add(2*defaultS + time.Second)
	if got := rulesOf(Plan(r, newTestRing(t, d), base)); !slices.Contains(got, "T7") {
		t.Errorf("no key signs by its time: %v", got)
	}
}

func TestRulesHaveNames(t *testing.T) {
	for r := T1; r <= T10; r++ {
		if got, ok := ruleNamed(r.String()); !ok || got != r || r.String() != fmt.Sprintf("T%d", int(r)) {
			t.Errorf("%v: %v, %v", r, got, ok)
		}
		text, _ := r.MarshalText()
		var back Rule
		if err := back.UnmarshalText(text); err != nil || back != r {
			t.Errorf("%v comes back as %v: %v", r, back, err)
		}
	}
	for _, s := range []string{"", "T0", "T11", "t1", "T01", "T1 "} {
		if r, ok := ruleNamed(s); ok {
			t.Errorf("%q is %v", s, r)
		}
		r := T4
		if err := r.UnmarshalText([]byte(s)); err == nil || r != T4 {
			t.Errorf("%q is %v", s, r)
		}
	}
	if s := Rule(0).String() + Rule(11).String(); s != "Rule(0)Rule(11)" {
		t.Errorf("%s", s)
	}
}

// A standby key with an end may have signed, before it was made to stand by again.
func TestPlanKeepsTheEndOfAStandbyKey(t *testing.T) {
	r := founded(t, signer.HMACSHA256())
	id := inState(t, r, Standby, base).ID()
	ending := func(end time.Time) func(*Document) error {
		return func(d *Document) error {
			for i := range d.Keys {
				if d.Keys[i].id == id {
					d.Keys[i].VerifyUntil = end
				}
			}
			return d.AddStandby(base, signer.Algorithm{})
		}
	}
	r = edited(t, r, base, ending(base.Add(10*day)))
	safe(t, r, edited(t, r, base, ending(base.Add(11*day))), base)
	if got := rulesOf(Plan(r, edited(t, r, base, ending(base.Add(9*day))), base)); !slices.Equal(got, []string{"T6"}) {
		t.Errorf("%v", got)
	}
}

// An emergency is not refused because the clock of the job that publishes the ring is
// slow: the key that takes over is to sign about now.
func TestPlanAllowsForASlowClock(t *testing.T) {
	r := founded(t, signer.HMACSHA256())
	id := inState(t, r, Active, base).ID()
	next := edited(t, r, base, func(d *Document) error { return d.Revoke(base, id, "leaked") })
	for _, slow := range []time.Duration{0, defaultS, 2 * defaultS} {
		if got := rulesOf(Plan(r, next, base.Add(-slow))); !slices.Equal(got, []string{"T5"}) {
			t.Errorf("%v slow: %v", slow, got)
		}
	}
}
