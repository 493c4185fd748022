package keyring

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// A warning is about the schedule from now on, and blames the member to change.
func TestWarnings(t *testing.T) {
	a, b, c, s := hmacKeyAt(t, 1, on(0)), hmacKeyAt(t, 2, on(day)), hmacKeyAt(t, 5, on(2*day)), newKey(t, 3, signer.BLAKE2b256())
	x, sealing := newKey(t, 6, signer.XChaCha20Poly1305()), newKey(t, 4, signer.XChaCha20Poly1305())
	x.SignFrom = on(day)
	until := func(k Key, d time.Duration) Key { k.VerifyUntil = on(d); return k }
	from := func(k Key, d time.Duration) Key { k.SignFrom = on(d); return k }
	added := func(k Key, d time.Duration) Key { k.Added = on(d); return k }
	revoked := func(k Key) Key { k.Revoked = on(0); return k }
	disabled := func(k Key) Key { k.Disabled = true; return k }
	greater, lesser := b, from(c, day)
	if lesser.id.String() > greater.id.String() {
		greater, lesser = lesser, greater
	}
	// What A, B, C, L and X stand for below are the IDs of a, b, c, lesser and x.
	name := strings.NewReplacer("key A", "key "+a.id.String(), "key B", "key "+b.id.String(), "key C", "key "+c.id.String(),
		"key L", "key "+lesser.id.String(), "key X", "key "+x.id.String())
	const (
		noStandby = "no standby key of the kind of key A (hmac-sha256): an emergency would have to wait for a new key to reach every instance"
		cut       = "key A signs until key B takes over at 2026-10-02T12:00:00Z, and verifies until %s only, so that sessions would be cut off; set its verify_until to 2026-10-16T12:05:00Z or later"
		late      = "key A signs although it verifies until 2026-10-11T12:00:00Z only, before sessions that begin now end; schedule a key to follow it, or remove its verify_until"
	)
	for _, tt := range []struct {
		name string
		d    Document
		now  time.Duration
		want []string
	}{
		{"as it should be", Document{Keys: []Key{a, s}}, 0, nil},
		{"with a pending key", Document{Keys: []Key{a, b, s}}, 0, nil},
		{"with a pending key, and an end", Document{Keys: []Key{until(a, day+reach), b, s}}, 0, nil},
		{"an end a nanosecond early", Document{Keys: []Key{until(a, day+reach-1), b, s}}, 0, []string{fmt.Sprintf(cut, "2026-10-16T12:04:59Z")}},
		{"an end at once", Document{Keys: []Key{until(a, day), b, s}}, 0, []string{fmt.Sprintf(cut, "2026-10-02T12:00:00Z")}},
		{"an end before the next begins", Document{Keys: []Key{until(a, 1), b, s}}, 0, []string{fmt.Sprintf(cut, "2026-10-01T12:00:00Z")}},
		{"an end too early, of a former key", Document{Keys: []Key{until(a, 4*day), b, s}}, 3 * day, []string{fmt.Sprintf(cut, "2026-10-05T12:00:00Z")}},
		{"an end too early, that is over", Document{Keys: []Key{until(a, 4*day), b, s}}, 5 * day, []string{fmt.Sprintf(cut, "2026-10-05T12:00:00Z")}},
		{"an end too early, of which nothing can be left", Document{Keys: []Key{until(a, 4*day), b, s}}, day + reach, nil},
		{"an end for longer sessions", Document{Policy: Policy{MaxSessionHigh: 20 * day}, Keys: []Key{until(a, day+reach), b, s}}, 0,
			[]string{strings.Replace(fmt.Sprintf(cut, "2026-10-16T12:05:00Z"), "to 2026-10-16", "to 2026-10-22", 1)}},
		{"a successor that is revoked, and will not sign", Document{Keys: []Key{until(a, 2*day+reach-1), revoked(b), c, s}}, 0,
			[]string{"key A signs until key C takes over at 2026-10-03T12:00:00Z, and verifies until 2026-10-17T12:04:59Z only, so that sessions would be cut off; set its verify_until to 2026-10-17T12:05:00Z or later"}},
		{"a successor that is revoked, and may have signed", Document{Keys: []Key{until(a, day+reach), revoked(b), from(c, day+1), s}}, 2 * day, nil},
		{"an end too early, of a key out of use", Document{Keys: []Key{revoked(until(a, day)), b, s}}, 2 * day, nil},
		{"two ends too early", Document{Keys: []Key{until(a, day), until(b, 3*day), c, s}}, 0, []string{fmt.Sprintf(cut, "2026-10-02T12:00:00Z"),
			"key B signs until key C takes over at 2026-10-03T12:00:00Z, and verifies until 2026-10-04T12:00:00Z only, so that sessions would be cut off; set its verify_until to 2026-10-17T12:05:00Z or later"}},
		{"from sealed to signed, an end too early", Document{Keys: []Key{until(from(x, 0), day), b, s}}, 0,
			[]string{"key X signs until key B takes over at 2026-10-02T12:00:00Z, and verifies until 2026-10-02T12:00:00Z only, so that sessions would be cut off; set its verify_until to 2026-10-16T12:05:00Z or later",
				"no standby key of the kind of key X (xchacha20-poly1305): an emergency would have to wait for a new key to reach every instance"}},

		{"early", Document{Keys: []Key{a, s}}, -1, []string{"key A signs before its sign_from of 2026-10-01T12:00:00Z, since no other key may"}},
		{"late", Document{Keys: []Key{until(a, 10*day), s}}, 0, []string{late}},
		{"late, later", Document{Keys: []Key{until(a, 40*day), s}}, 0, []string{"from 2026-10-27T11:55:00Z, " + strings.NewReplacer("10-11", "11-10", "begin now", "begin then").Replace(late)}},
		{"none", Document{Keys: []Key{until(a, 10*day), s}}, 20 * day, []string{"no key may sign: no session can begin or change; give one a sign_from"}},
		{"none, and none that seals", Document{Keys: []Key{a, disabled(from(x, 0)), s}}, 0, []string{"no key may sign, since none that encrypts can follow one that did: no session can begin or change; give one a sign_from"}},
		{"none from a time on", Document{Keys: []Key{a, disabled(x), s}}, 0, []string{"from 2026-10-02T12:00:00Z, no key may sign, since none that encrypts can follow one that did: no session can begin or change; give one a sign_from"}},
		{"a successor that is disabled", Document{Keys: []Key{until(a, day+reach), disabled(b), s}}, 0,
			[]string{"from 2026-10-02T12:00:00Z, " + strings.NewReplacer("10-11T12:00:00Z", "10-16T12:05:00Z", "begin now", "begin then").Replace(late)}},

		{"the same sign_from", Document{Keys: []Key{a, b, from(c, day), s}}, 0, []string{"key L is to sign from 2026-10-02T12:00:00Z, and does not: another key has the same sign_from; set them apart"}},
		{"almost the same sign_from", Document{Keys: []Key{a, b, from(c, day+DefaultSkew), s}}, 0, []string{"key B is to sign from 2026-10-02T12:00:00Z, and only until 2026-10-02T12:05:00Z, when another takes over; set them apart by more than clocks differ"}},
		{"apart by more than clocks differ", Document{Keys: []Key{a, b, from(c, day+DefaultSkew+1), s}}, 0, nil},
		{"verifies too short to sign", Document{Keys: []Key{a, until(b, day+reach-1), s}}, 0, []string{"key B is to sign from 2026-10-02T12:00:00Z, and does not: it verifies until 2026-10-16T12:04:59Z only, before sessions that begin then end; remove its verify_until until another key is to follow"}},
		{"verifies too short to sign, and nothing else does", Document{Keys: []Key{until(a, day+reach), until(b, day+reach), s}}, 0, []string{"key B is to sign from 2026-10-02T12:00:00Z, and does not: it verifies until 2026-10-16T12:05:00Z only, before sessions that begin then end; remove its verify_until until another key is to follow"}},
		{"verifies just long enough to sign for an instant", Document{Keys: []Key{a, until(b, day+reach), s}}, 0, []string{"key B is to sign from 2026-10-02T12:00:00Z, and does not: it verifies until 2026-10-16T12:05:00Z only, before sessions that begin then end; remove its verify_until until another key is to follow"}},
		{"added late, for an earlier time", Document{Keys: []Key{added(from(c, -day), 1), added(a, -day), s}}, day, []string{"key C never signs: it was added when key A signed already, and has an earlier sign_from; set that to when it is to take over, or remove it"}},
		{"added late, for an earlier time, and signs when the other ceases", Document{Keys: []Key{added(from(c, -day), 1), added(until(a, 40*day), -day), s}}, day, nil},
		{"added in time, and may have signed", Document{Keys: []Key{added(from(c, -day), -2*day), added(a, -day), s}}, day, nil},

		{"no standby", Document{Keys: []Key{a}}, 0, []string{noStandby}},
		{"no standby, later", Document{Keys: []Key{a, x, s}}, 0, []string{"from 2026-10-02T12:00:00Z, no standby key of the kind of key X (xchacha20-poly1305): an emergency would have to wait for a new key to reach every instance"}},
		{"a standby of another kind", Document{Keys: []Key{a, sealing}}, 0, []string{noStandby}},
		{"a standby of each kind", Document{Keys: []Key{a, x, s, sealing}}, 0, nil},
		{"a standby that retires", Document{Keys: []Key{a, until(s, 9*day)}}, 0, []string{noStandby}},
		{"unsupported", Document{Keys: []Key{a, unsupported(b), s}}, 0, []string{"key B is for the algorithm hmac-sha256, which this binary lacks or cannot use"}},

		{"not_before to come", Document{NotBefore: on(DefaultSkew + 1), Keys: []Key{a, s}}, 0, []string{"not_before is 2026-10-01T12:05:00Z, which is to come: nobody who signs in before then stays signed in"}},
		{"not_before within the skew", Document{NotBefore: on(DefaultSkew), Keys: []Key{a, s}}, 0, nil},
		{"sessions of an hour", Document{Policy: Policy{MaxSession: time.Hour}, Keys: []Key{a, s}}, 0, nil},
	} {
		var want []string
		for _, w := range tt.want {
			want = append(want, name.Replace(w))
		}
		if got := newTestRing(t, tt.d).Warnings(on(tt.now)); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", tt.name, got, want)
		}
	}
}

// What operators do by the methods of Document is as it should be, at every time
// until the next edit, in whatever order they do it.
func TestEditsMakeNoWarnings(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	rings, tried, edits := 60, 0, map[int]int{}
	if testing.Short() || raceEnabled {
		rings = 15
	}
	for range rings {
		algorithms := signer.All()
		now := base
		r := founded(t, algorithms[rng.IntN(len(algorithms))])
		for range 12 {
			n := rng.IntN(10)
			pick := func() KeyID { return r.document.Keys[rng.IntN(len(r.document.Keys))].id }
			next, err := r.Edit(now, func(d *Document) error {
				switch n {
				case 0, 1:
					return d.Rotate(now, signer.Algorithm{}, time.Duration(rng.IntN(3))*day)
				case 2:
					return d.Rotate(now, algorithms[rng.IntN(len(algorithms))], 0)
				case 3:
					return d.Promote(now)
				case 4:
					_, err := d.Prune(now)
					return err
				case 5:
					return d.Revoke(now, pick(), "leaked")
				case 6:
					return d.Disable(now, pick(), "suspected")
				case 7:
					for _, k := range d.Keys {
						if k.Disabled {
							return d.Enable(now, k.id)
						}
					}
					return d.AddStandby(now, signer.Algorithm{})
				case 8:
					if err := d.ScheduleCodec(now, "cbor", now); err != nil {
						return err
					}
					return d.EndSessions(now, now, "leaked")
				default:
					if rng.IntN(3) > 0 {
						return d.RevokeAll(now, "leaked")
					}
					return d.AddStandby(now, signer.Algorithm{})
				}
			})
			if err == nil {
				edits[n]++
				r = next
			}
			for range 4 {
				if w := r.Warnings(now); len(w) > 0 {
					t.Fatalf("after edit %d at %v: %q\n%+v", n, now, w, describeKeys(r))
				}
				tried++
				now = now.Add(time.Duration(rng.Int64N(int64([]time.Duration{time.Minute, 2 * time.Hour, 2 * day, 10 * day}[rng.IntN(4)]))))
			}
		}
	}
	t.Logf("%d rings, %d times, 0 warnings; edits %v", rings, tried, edits)
	if len(edits) < 10 {
		t.Errorf("edits: %v", edits)
	}
}

func describeKeys(r *Ring) (s string) {
	for _, k := range r.document.Keys {
		s += fmt.Sprintf("%v added %s sign_from %s verify_until %s disabled %v revoked %s pruned %s\n", k, stamp(k.Added), stamp(k.SignFrom), stamp(k.VerifyUntil), k.Disabled, stamp(k.Revoked), stamp(k.Pruned))
	}
	return s
}

func TestWarningsTellOfUnknownMembers(t *testing.T) {
	file := smallFile(`"quorum": 2, "sign form": 1, "VsEwBq6LwjQ090JdnBZLoFISrIOKzg1v": 1, "critical": ["keys"],`, `, "skew2": 1`, `, "sign_form": "2026-01-01T00:00:00Z"`, `, "code": "x"`)
	r, err := Loader{}.ParseEdited([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	id, from := r.Document().Keys[0].ID(), r.Codecs()[0].From.Format(time.RFC3339)
	var got []string
	for _, w := range r.Warnings(on(0)) {
		if before, after, ok := strings.Cut(w, " is not known to this version, and is ignored"); ok {
			got = append(got, before+after)
		}
	}
	want := []string{"the member quorum", "a member", "a member", "policy: the member skew2; did you mean skew?",
		fmt.Sprintf("key %v: the member sign_form; did you mean sign_from?", id), "codec json from " + from + ": the member code; did you mean codec?"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
