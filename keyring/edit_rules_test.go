package keyring

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// spelled says what a document schedules, in hours and minutes after base: of each
// key, by its letter, or by its algorithm if it is new, when it signs (>), how long it
// verifies (<), and whether it is out of use; then the rest, where there is any.
func (c cast) spelled(d Document) string {
	var said []string
	for _, k := range d.Keys {
		s := "zz+" + k.name // after the others
		for name, is := range c {
			if is.id == k.id {
				s = name
			}
		}
		for _, m := range []struct {
			mark string
			at   time.Time
		}{{">", k.SignFrom}, {"<", k.VerifyUntil}, {" pruned ", k.Pruned}, {" revoked ", k.Revoked}} {
			if !m.at.IsZero() {
				s += m.mark + spell(m.at.Sub(base))
			}
		}
		if k.Disabled {
			s += " off"
		}
		said = append(said, s)
	}
	slices.Sort(said)
	if !d.NotBefore.IsZero() {
		said = append(said, "not before "+spell(d.NotBefore.Sub(base)))
	}
	for _, of := range d.Codecs {
		said = append(said, of.Codec+" from "+spell(of.From.Sub(base)))
	}
	for _, x := range d.Override.Allow {
		name := "+"
		for n, k := range c {
			if k.id == x.Key {
				name = n
			}
		}
		said = append(said, fmt.Sprintf("%v %s allowed", x.Rule, name))
	}
	return strings.ReplaceAll(strings.Join(said, ", "), "zz+", "+")
}

// Each edit does just what it says, to the second, and leaves every other key as
// it is.
func TestEditsDoJustWhatTheySay(t *testing.T) {
	c := newCast(t)
	for i, name := range []string{"X", "Y"} {
		c[name] = newKey(t, 60+i, signer.BLAKE2b256())
		c[name] = addedAt(c[name], -50*day)
	}
	const reach = defaultM + defaultS
	a := c.signing("A", -30*day)
	youngest := func(name string) Key { return addedAt(c[name], -40*day) }
	odd := Policy{Propagation: time.Hour + time.Second/2, Skew: 5*time.Minute + time.Second/2}
	keys := func(all ...Key) Document { return Document{Keys: all} }
	with := func(d Document, f func(*Document)) Document { f(&d); return d }

	rotate := func(d *Document) error { return d.Rotate(base, signer.Algorithm{}, 0) }
	promote := func(d *Document) error { return d.Promote(base) }
	prune := func(d *Document) error { _, err := d.Prune(base); return err }
	revoke := func(name string) func(*Document) error {
		return func(d *Document) error { return d.Revoke(base, c[name].id, "leaked") }
	}
	disable := func(name string) func(*Document) error {
		return func(d *Document) error { return d.Disable(base, c[name].id, "odd") }
	}
	policy := func(p Policy) func(*Document) error {
		return func(d *Document) error { return d.SetPolicy(base, p) }
	}
	for _, tt := range []struct {
		name string
		d    Document
		edit func(*Document) error
		want string
	}{
		{"rotate", keys(a, c["B"], youngest("C"), c["P"], disabled(c["Q"], "odd"), revoked(c.signing("R", -40*day), -35*day, "leaked")), rotate,
			"A>-720h<337h5m, B>1h, C, P<2h, Q off, R>-960h revoked -840h"},
		{"rotate to the other standby key, which was there before", keys(a, youngest("B"), c["C"]), rotate, "A>-720h<337h5m, B, C>1h"},
		{"rotate what has an end", keys(ending(a, 40*day), c.signing("B", -40*day), ending(c.signing("C", -50*day), day), c["D"], youngest("E")), rotate,
			"A>-720h<960h, B>-960h<337h5m, C>-1200h<24h, D>1h, E"},
		{"rotate what has just begun to sign", keys(c.signing("A", 0), c["B"], youngest("C")), rotate, "A>0s<337h5m, B>1h, C"},
		{"rotate by a policy of half seconds", with(keys(a, c["B"], youngest("C"), c["P"]), func(d *Document) { d.Policy = odd }), rotate,
			"A>-720h<337h5m2s, B>1h0m1s, C, P<2h0m2s"},

		{"promote", keys(a, c["B"], youngest("C"), c["P"]), promote, "A>-720h<361h5m, B>0s, C, P"},
		{"promote the first of two", keys(a, c.signing("B", day), c.signing("C", 2*day), c["D"]), promote, "A>-720h<361h5m, B>0s, C>48h, D"},
		{"promote the first of two, named otherwise", keys(a, c.signing("B", 2*day), c.signing("C", day), c["D"]), promote, "A>-720h<361h5m, B>48h, C>0s, D"},
		{"promote none that is out of use", keys(a, disabled(c.signing("B", time.Minute), "odd"), c["C"], youngest("D")), promote, "A>-720h<361h5m, B>1m off, C>0s, D"},

		{"prune nothing too early", keys(a, ending(c.signing("B", -40*day), -defaultS), revoked(c.signing("C", -90*day), -reach, "leaked")), prune,
			"A>-720h, B>-960h<-5m, C>-2160h revoked -336h5m"},
		{"prune what is over", keys(a, ending(c.signing("B", -40*day), -defaultS-1), revoked(c.signing("C", -90*day), -reach-1, "leaked")), prune,
			"A>-720h, B>-960h<-5m0.000000001s pruned 0s"},
		{"prune what is revoked in the same edit", keys(a, ending(c.signing("B", -40*day), -day)), func(d *Document) error {
			d.Keys[slices.IndexFunc(d.Keys, func(k Key) bool { return k.id == c["B"].id })].Revoked = base
			return prune(d)
		}, "A>-720h, B>-960h<-24h revoked 0s"},
		{"prune no memory of a seal", keys(c.signing("A", -600*day), revoked(c.signing("P", -500*day), -480*day, "leaked"), c.signing("Q", day)), prune,
			"A>-14400h, P>-12000h revoked -11520h, Q>24h"},
		{"prune what others remember", keys(c.signing("A", -600*day), revoked(c.signing("P", -500*day), -480*day, "leaked"), c.signing("Q", -day)), prune, "A>-14400h, Q>-24h"},

		{"another codec at that time", with(keys(a, c["B"]), func(d *Document) { d.Codecs = []CodecFrom{{Codec: "json", From: base.Add(2 * day)}} }),
			func(d *Document) error { return d.ScheduleCodec(base, "cbor", base.Add(2*day)) }, "A>-720h, B, cbor from 48h"},

		{"longer sessions", keys(ending(a, 40*day), ending(c.signing("B", 2*day), 50*day), ending(c.signing("C", -40*day), day), ending(c["D"], day), c["E"]),
			policy(Policy{MaxSession: 15 * day}), "A>-720h<984h, B>48h<1224h, C>-960h<48h, D<24h, E"},
		{"longer sessions of a key that has just begun to sign", keys(ending(a, 20*day), ending(c.signing("B", -time.Minute), 30*day), c["E"]),
			policy(Policy{MaxSession: 15 * day}), "A>-720h<504h, B>-1m<744h, E"},
		{"clocks that are better", keys(ending(a, 40*day), c["E"]), policy(Policy{Skew: time.Minute}), "A>-720h<960h, E"},
		{"clocks that are worse", keys(ending(a, 20*day), c.signing("B", -10*time.Minute), c["E"]), policy(Policy{Skew: 20 * time.Minute}), "A>-720h<480h15m, B>-10m, E"},
		{"clocks that were worse, and longer sessions", with(keys(ending(a, 20*day), c.signing("B", -10*time.Minute), c["E"]), func(d *Document) { d.Policy.Skew = 20 * time.Minute }),
			policy(Policy{Skew: defaultS, MaxSession: 15 * day}), "A>-720h<503h45m, B>-10m, E"},

		{"revoke all", keys(a, c["B"], revoked(c.signing("C", -90*day), -80*day, "lost")),
			func(d *Document) error { return d.RevokeAll(base, "leaked") }, "A>-720h revoked 0s, B revoked 0s, C>-2160h revoked -1920h, +hmac-sha256, +hmac-sha256>-5m, T4 + allowed"},
		{"revoke all, one of which may have begun to seal", keys(a, c.signing("P", 2*defaultS), c["B"]),
			func(d *Document) error { return d.RevokeAll(base, "leaked") }, "A>-720h revoked 0s, B revoked 0s, P>10m revoked 0s, +xchacha20-poly1305, +xchacha20-poly1305>-5m, T4 + allowed"},
		{"revoke all, one of which is to seal", keys(a, c.signing("P", 2*defaultS+1), c["B"]),
			func(d *Document) error { return d.RevokeAll(base, "leaked") }, "A>-720h revoked 0s, B revoked 0s, P revoked 0s, +hmac-sha256, +hmac-sha256>-5m, T4 + allowed"},
		{"revoke all, one of which may have begun to sign", keys(a, c.signing("X", defaultS), c["B"]),
			func(d *Document) error { return d.RevokeAll(base, "leaked") }, "A>-720h revoked 0s, B revoked 0s, X>5m revoked 0s, +hmac-sha256, +hmac-sha256>-5m, T4 + allowed"},
		{"revoke all, one of which is disabled, seals, and this binary lacks", keys(a, disabled(unsupported(c.signing("P", defaultS)), "odd"), c["B"]),
			func(d *Document) error { return d.RevokeAll(base, "leaked") }, "A>-720h revoked 0s, B revoked 0s, P>5m revoked 0s off, +hmac-sha256, +hmac-sha256>-5m, T4 + allowed"},

		{"disable a standby key", keys(a, c["B"], c["C"]), disable("B"), "A>-720h, B off, C"},
		{"disable a retiring key", keys(a, ending(c.signing("B", -40*day), day), c["C"]), disable("B"), "A>-720h, B>-960h<24h off, C"},
		{"disable the key that signs", keys(a, c["C"]), disable("A"), "A>-720h<361h5m1s off, C>-5m, +hmac-sha256"},
		{"disable the key that signs, by a policy of half seconds", with(keys(a, c["C"]), func(d *Document) { d.Policy.Skew = odd.Skew }), disable("A"), "A>-720h<361h5m2s off, C>-5m0.5s, +hmac-sha256"},

		{"revoke the key that signs", keys(a, c["B"], youngest("C"), c["X"], c["P"]), revoke("A"), "A>-720h revoked 0s, B>-5m, C, P, X"},
		{"revoke the key that signs, another was there before", keys(a, youngest("B"), c["C"], c["X"]), revoke("A"), "A>-720h revoked 0s, B, C>-5m, X"},
		{"revoke the key that signs, none of its algorithm stands by", keys(a, youngest("X"), c["Y"], c["P"]), revoke("A"), "A>-720h revoked 0s, P, X, Y>-5m, +hmac-sha256"},
		{"revoke the key that signs, none of its kind stands by", keys(a, c["P"], disabled(c["B"], "odd")), revoke("A"), "A>-720h revoked 0s, B off, P, +hmac-sha256, +hmac-sha256>-5m, T4 + allowed"},
		{"revoke the key that signs, one that is known stands by", keys(a, addedAt(c["B"], 1-defaultD), c["X"]), revoke("A"), "A>-720h revoked 0s, B, X>-5m"},
		{"revoke the key that signs, one that has just become known stands by", keys(a, addedAt(c["B"], -defaultD), c["X"]), revoke("A"), "A>-720h revoked 0s, B>-5m, X, +hmac-sha256, T4 B allowed"},
		{"revoke the key that signs, one was added a day ago", keys(a, addedAt(c["B"], 1-delay-defaultD)), revoke("A"), "A>-720h revoked 0s, B>-5m, +hmac-sha256, T4 B allowed"},
		{"revoke the key that signs, one was added before", keys(a, addedAt(c["B"], -delay-defaultD)), revoke("A"), "A>-720h revoked 0s, B>-5m, +hmac-sha256"},
		{"revoke the key that signs until another does", keys(ending(a, 48*time.Hour+reach), addedAt(c.signing("B", 2*day), -40*day), c["C"], youngest("D")), revoke("A"),
			"A>-720h<384h5m revoked 0s, B>48h, C>-5m<384h5m, D"},
		{"revoke the key that signs until another does, by a policy of half seconds", with(keys(ending(a, 48*time.Hour+reach+time.Second), addedAt(c.signing("B", 2*day), -40*day), c["C"], youngest("D")), func(d *Document) { d.Policy = odd }), revoke("A"),
			"A>-720h<384h5m1s revoked 0s, B>48h, C>-5m0.5s<384h5m1s, D"},
		{"revoke the key that is to sign", keys(ending(a, 48*time.Hour+reach), c.signing("B", 2*day), c["C"], youngest("D")), revoke("B"), "A>-720h<384h5m, B revoked 0s, C>48h, D"},
		{"revoke the key that is to sign soon", keys(ending(a, time.Minute+reach), c.signing("B", 30*time.Minute), c["C"], youngest("D")), revoke("B"), "A>-720h<337h5m, B revoked 0s, C>1h, D"},
		{"revoke the key that is to sign soon, by a policy of half seconds", with(keys(ending(a, 40*day), c.signing("B", 30*time.Minute), c["C"], youngest("D")), func(d *Document) { d.Policy = odd }), revoke("B"),
			"A>-720h<960h, B revoked 0s, C>1h0m1s, D"},
		{"revoke the key that may have signed", keys(ending(a, 40*day), c.signing("B", 2*defaultS), c["C"], youngest("D")), revoke("B"), "A>-720h<960h, B>10m revoked 0s, C>1h, D"},
		{"revoke the key that has not signed", keys(ending(a, 40*day), c.signing("B", 2*defaultS+1), c["C"], youngest("D")), revoke("B"), "A>-720h<960h, B revoked 0s, C>1h, D"},
		{"revoke what was pruned", keys(a, func() Key { k := c.signing("B", -60*day); k.Pruned, k.secret = base.Add(-day), nil; return k }()), revoke("B"), "A>-720h, B>-1440h pruned -24h revoked 0s"},
		{"revoke what this binary lacks", keys(a, unsupported(c["B"]), c["C"]), revoke("B"), "A>-720h, B revoked 0s, C"},

		{"end sessions", with(keys(a, c["B"]), func(d *Document) { d.NotBefore = base.Add(-day) }),
			func(d *Document) error { return d.EndSessions(base, base.Add(-time.Second/2), "leaked") }, "A>-720h, B, not before 0s, T6 + allowed"},
		{"end sessions that are over", with(keys(a, c["B"]), func(d *Document) { d.NotBefore = base.Add(-day) }),
			func(d *Document) error { return d.EndSessions(base, base.Add(-day), "leaked") }, "A>-720h, B, not before -24h"},
	} {
		tt.d.Generation = 1
		r := newTestRing(t, tt.d)
		for _, order := range []func([]Key){func([]Key) {}, slices.Reverse[[]Key]} { // which means nothing
			var got string
			if _, err := r.Edit(base, func(d *Document) error {
				order(d.Keys)
				err := tt.edit(d)
				got = c.spelled(*d)
				return err
			}); err != nil || got != tt.want {
				t.Errorf("%s: %s, want %s: %v", tt.name, got, tt.want, err)
			}
		}
	}
}

// What cannot be done is refused, says why, and changes nothing.
func TestEditsRefuseWhatCannotBeDone(t *testing.T) {
	c := newCast(t)
	a, s := c.signing("A", -30*day), c["F"]
	lost := unsupported(c.signing("C", -day))
	pruned := c["B"]
	pruned.Pruned, pruned.secret = base.Add(-day), nil
	for _, tt := range []struct {
		name string
		keys []Key
		edit func(*Document) error
		want string
	}{
		{"Schedule, and it is not known who signs", []Key{a, lost, s}, func(d *Document) error { return d.Schedule(base, s.id, 0) }, "this binary lacks"},
		{"Schedule the key that signs", []Key{a, s}, func(d *Document) error { return d.Schedule(base, a.id, 0) }, "does not stand by: it is active"},
		{"Schedule what is to retire", []Key{a, ending(c["B"], day), s}, func(d *Document) error { return d.Schedule(base, c["B"].id, 0) }, "is to retire at"},
		{"Promote another kind", []Key{a, c["P"]}, func(d *Document) error { return d.Promote(base) }, "none of the primary's kind stands by"},
		{"Promote what is not known", []Key{a, addedAt(c["B"], time.Millisecond-time.Minute)}, func(d *Document) error { return d.Promote(base) }, "promote it from 2026-10-01T12:59:01Z on"},
		{"AddStandby for nobody", []Key{ending(a, 40*day)}, func(d *Document) error { return d.AddStandby(base, signer.Algorithm{}) }, "say which algorithm"},
		{"Disable a tombstone", []Key{a, pruned}, func(d *Document) error { return d.Disable(base, pruned.id, "odd") }, ErrUnknownKey.Error()},
		{"Enable a tombstone", []Key{a, pruned}, func(d *Document) error { return d.Enable(base, pruned.id) }, ErrUnknownKey.Error()},
		{"EndSessions to come", []Key{a, s}, func(d *Document) error { return d.EndSessions(base, base.Add(time.Second), "leaked") }, "is in the future"},
	} {
		r := newTestRing(t, Document{Generation: 1, Keys: tt.keys})
		d := r.Document()
		if err := tt.edit(&d); err == nil || !strings.Contains(err.Error(), tt.want) || d.checksumOf(t) != r.Checksum() {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}

	// A key is named once, however often it would sign.
	k := ending(c.signing("B", day), 2*day+defaultM+defaultS)
	d := newTestRing(t, Document{Generation: 1, Keys: []Key{lost, k, s}}).Document()
	if err := d.Rotate(base, signer.Algorithm{}, 0); err == nil || strings.Count(err.Error(), lost.id.String()) != 1 {
		t.Errorf("%v", err)
	}
	// What is no ring is not edited.
	bad := Document{Keys: []Key{s}}
	if _, err := bad.Prune(base); err == nil {
		t.Error("it is pruned")
	}
	if err := bad.AddStandby(base, signer.Algorithm{}); err == nil || len(bad.Keys) != 1 {
		t.Errorf("%v: %v", bad.Keys, err)
	}
}

// Who has a copy of a document keeps it when the other is edited.
func TestEditsLeaveCopiesAlone(t *testing.T) {
	d := founded(t, signer.HMACSHA256()).Document()
	was := d
	if err := d.RevokeAll(base, "leaked"); err != nil {
		t.Fatal(err)
	}
	for _, k := range was.Keys {
		if k.isTombstone() {
			t.Errorf("%v is revoked in the copy", k)
		}
	}
}

// A policy that is too fast already does not stop other edits of it, and what a later
// version has put there stays.
func TestSetPolicyMindsItsOwnBusiness(t *testing.T) {
	d := founded(t, signer.HMACSHA256()).Document()
	d.Policy = Policy{Propagation: 2 * defaultS, unknown: keep(members{{"later", text("x")}})}
	if err := d.SetPolicy(base, Policy{MaxSession: 15 * day}); err != nil || d.Policy.MaxSession != 15*day {
		t.Errorf("%+v: %v", d.Policy, err)
	}
	if m := d.Policy.unknown.all(); len(m) != 1 || m[0].name != "later" {
		t.Errorf("%v", m)
	}
	for _, p := range []Policy{{Propagation: 2*defaultS - 1}, {Skew: defaultS}} {
		if err := d.SetPolicy(base, p); err == nil || !strings.Contains(err.Error(), "leaves instances no time") {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

// Of what a former ring said, Restore takes what can still be said.
func TestRestoreTakesWhatCanStillBeSaid(t *testing.T) {
	c := newCast(t)
	const need = "361h5m1s" // a day, the propagation, the longest session, the skew and a second
	a, s := c.signing("A", -30*day), c["F"]
	keys := func(all ...Key) Document { return Document{Keys: append(all, s)} }
	at := func(d Document, notBefore, high time.Duration) Document {
		d.NotBefore, d.Policy.MaxSessionHigh = base.Add(notBefore), high
		return d
	}
	for _, tt := range []struct {
		name            string
		former, present Document
		want            string // or what the error says
	}{
		{"a standby key that was revoked", keys(a, c["B"]), keys(a, revoked(c["B"], -day, "leaked")), "A>-720h, B revoked -24h, F"},
		{"a key that came later, and was revoked", keys(a), keys(a, revoked(c.signing("B", -day), -time.Hour, "leaked")), "A>-720h, B>-24h revoked -1h, F"},
		{"a key that came later, and retires at this instant", keys(a), keys(a, ending(c.signing("B", -day), 0)), "A>-720h, B>-24h<0s, F"},
		{"a key that came later, and signs", keys(a), keys(a, c.signing("B", -day)), "A>-720h, B<" + need + ", F"},
		{"a sealing key that came later, and stands by", keys(a), keys(a, c["P"]), "A>-720h, F, P<" + need},
		{"a sealing key that came later, and signs", keys(a), keys(a, c.signing("P", -day)), "in the clear"},
		{"a sealing key that came later than another, and signs", keys(c.signing("Q", -30*day), c["R"]), keys(c.signing("Q", -30*day), c["R"], c.signing("P", -day)), "F, P<" + need + ", Q>-720h, R"},
		{"a sealing key that came later, and nobody signed", keys(disabled(c.signing("P", -day), "odd"), c.signing("A", 2*day)),
			keys(disabled(c.signing("P", -day), "odd"), c.signing("A", 2*day), c.signing("Q", -time.Hour)), "A>48h, F, P>-24h off, Q<" + need},
		{"a tombstone that is none any more", keys(a, revoked(c["B"], -day, "leaked")), keys(a, c.signing("B", -time.Hour)), "A>-720h, B revoked -24h, F"},

		{"a key that was to sign much later", keys(a, c["B"]), keys(a, c.signing("B", 2*day)), "A>-720h, B, F"},
		{"a key that was to sign when the ring is everywhere", keys(a, c["B"]), keys(a, c.signing("B", delay+defaultD)), "A>-720h, B, F"},
		{"a key that was to sign just before", keys(a, c["B"]), keys(a, c.signing("B", delay+defaultD-1)), "A>-720h, B<" + need + ", F"},
		{"a key that stood by all the time", keys(a, c["B"]), keys(a, c["B"]), "A>-720h, B, F"},
		{"a key that stands by, and was to retire", keys(a, c["B"]), keys(a, ending(c["B"], day)), "A>-720h, B<24h, F"},
		{"a key that signs, and was to retire soon", keys(a, ending(c.signing("B", -40*day), day)), keys(a, c.signing("B", -day)), "A>-720h, B>-960h<" + need + ", F"},
		{"a key that signs, and was to retire late", keys(a, ending(c.signing("B", -40*day), 40*day)), keys(a, c.signing("B", -day)), "A>-720h, B>-960h<960h, F"},

		{"not_before was later", at(keys(a), -day, 0), at(keys(a), -2*day, 0), "A>-720h, F, not before -24h"},
		{"not_before is later", at(keys(a), -2*day, 0), at(keys(a), -day, 0), "A>-720h, F, not before -24h"},
		{"nobody signs in the end", keys(ending(a, 40*day)), keys(ending(a, 50*day)), "A>-720h<960h, F"},
		{"nobody signs at all", keys(a, c["B"]), keys(revoked(a, -day, "leaked"), c.signing("B", -day)), "no key"},
	} {
		tt.former.Generation, tt.present.Generation = 3, 7
		tt.present.Override = Override{Generation: 7, Allow: []Exception{{T9, KeyID{}}}, Reason: "x"}
		former := newTestRing(t, tt.former)
		d := newTestRing(t, tt.present).Document()
		err := d.Restore(base, former)
		if err != nil {
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
			}
			continue
		}
		if got := c.spelled(d); got != tt.want+", T9 + allowed" || d.Generation != 7 {
			t.Errorf("%s: generation %d: %s, want %s", tt.name, d.Generation, got, tt.want)
		}
	}
	for _, highs := range [][2]time.Duration{{40 * day, 0}, {0, 40 * day}} {
		former, present := at(keys(a), -day, highs[0]), at(keys(a), -day, highs[1])
		present.Generation = 1
		if err := present.Restore(base, newTestRing(t, former)); err != nil || present.Policy.MaxSessionHigh != 40*day {
			t.Errorf("%v: %v, %v", highs, present.Policy.MaxSessionHigh, err)
		}
	}
	other := keys(a)
	other.Name = "other"
	d := keys(a)
	d.Generation = 1
	if err := d.Restore(base, newTestRing(t, other)); err == nil || !strings.Contains(err.Error(), `the ring to restore is "other"`) {
		t.Errorf("%v", err)
	}
}

// What was accepted in a ring that is in use, or for a former one, is not accepted
// in the next, whatever that accepts itself.
func TestNoOverrideIsTakenAlong(t *testing.T) {
	c := newCast(t)
	later := keep(members{{"later", text("x")}})
	allow := []Exception{{T9, KeyID{}}}
	for _, tt := range []struct {
		name  string
		o     Override
		since time.Duration
		want  []Exception
	}{
		{"of a ring in use", Override{Generation: 5, Allow: allow, Reason: "x", unknown: later}, -delay - defaultD, nil},
		{"of a ring that may not be in use", Override{Generation: 5, Allow: allow, Reason: "x", unknown: later}, 1 - delay - defaultD, allow},
		{"of a former ring", Override{Generation: 4, Allow: allow, Reason: "x", unknown: later}, 0, nil},
	} {
		tt.o.Since = base.Add(tt.since)
		r := newTestRing(t, Document{Generation: 5, Published: base, Override: tt.o,
			Keys: []Key{c.signing("A", -30*day), addedAt(c["B"], -time.Minute)}})
		next := edited(t, r, base, func(d *Document) error { return d.AddStandby(base, signer.BLAKE2b256()) })
		o := next.Document().Override
		if !slices.Equal(o.Allow, tt.want) || (o.Generation == 6) != (len(tt.want) > 0) || (o.Reason == "x") != (len(tt.want) > 0) || len(o.unknown.all()) != 1 {
			t.Errorf("%s: %+v", tt.name, o)
		}
		next = edited(t, r, base, func(d *Document) error { return d.Revoke(base, c["A"].id, "leaked") })
		o = next.Document().Override
		if want := append(slices.Clone(tt.want), Exception{T4, c["B"].id}); !slices.Equal(o.Allow, want) || o.Generation != 6 {
			t.Errorf("%s, and more is accepted: %+v", tt.name, o)
		}
	}
}

// To enable a key that is in use does nothing.
func TestEnableLeavesOtherReasonsAlone(t *testing.T) {
	c := newCast(t)
	k := c["B"]
	k.Reason = "brought in from elsewhere"
	d := newTestRing(t, Document{Generation: 1, Keys: []Key{c.signing("A", -30*day), k}}).Document()
	was := d.checksumOf(t)
	if err := d.Enable(base, k.id); err != nil || d.checksumOf(t) != was {
		t.Errorf("%v", err)
	}
}
