package keyring

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// A cast is the keys that the rings of a test are made of, known by a letter.
type cast map[string]Key

// newCast returns keys that were added long ago and stand by: A to F, for
// HMAC-SHA256, and P to R, which seal.
func newCast(t testing.TB) cast {
	c := cast{}
	for i, name := range strings.Split("ABCDEFPQR", "") {
		a := signer.HMACSHA256()
		if name >= "P" {
			a = signer.XChaCha20Poly1305()
		}
		k := newKey(t, 30+i, a)
		k.Added = base.Add(-50 * day)
		c[name] = k
	}
	return c
}

// signing returns the key with a SignFrom, after base.
func (c cast) signing(name string, from time.Duration) Key {
	k := c[name]
	k.SignFrom = base.Add(from)
	return k
}

// ending returns the key with a VerifyUntil, after base.
func ending(k Key, until time.Duration) Key { k.VerifyUntil = base.Add(until); return k }

func addedAt(k Key, at time.Duration) Key { k.Added = base.Add(at); return k }

func disabled(k Key, reason string) Key { k.Disabled, k.Reason = true, reason; return k }

func revoked(k Key, at time.Duration, reason string) Key {
	k.Revoked, k.Reason, k.secret = base.Add(at), reason, nil
	return k
}

// told spells findings as their rule and their key's letter, in brackets if accepted.
func (c cast) told(found []Finding) []string {
	var told []string
	for _, f := range found {
		name := "-"
		for n, k := range c {
			if k.id == f.Key {
				name = n
			}
		}
		s := f.Rule.String() + " " + name
		if f.Accepted {
			s = "(" + s + ")"
		}
		told = append(told, s)
	}
	return told
}

// Each rule holds to the instant: what is found is just what is wrong, once, in the
// order of the rules, and what is right at the limit is left alone.
func TestPlanFindsJustWhatIsWrong(t *testing.T) {
	c := newCast(t)
	lesser, greater := "C", "D"
	if x, y := c[lesser], c[greater]; bytes.Compare(x.id[:], y.id[:]) > 0 {
		lesser, greater = greater, lesser
	}
	other := c[lesser]
	other.secret = hide(testSecret(99))
	bare := revoked(c["B"], -day, "")
	bare.name = ""
	open := revoked(c["P"], -day, "leaked")
	open.seals = false
	u := newKey(t, 50, signer.BLAKE2b256())
	u.Added = base.Add(-50 * day)
	c["U"] = u
	unknown := unsupported(c.signing("U", -3*time.Minute))

	const reach, enough = defaultM + defaultS, defaultD + defaultM + defaultS
	a, s := c.signing("A", -30*day), c["F"]
	keys := func(all ...Key) Document { return Document{Keys: append(all, s)} }
	codecs := func(of ...CodecFrom) Document { return Document{Keys: []Key{a, s}, Codecs: of} }
	from := func(codec string, d time.Duration) CodecFrom { return CodecFrom{Codec: codec, From: base.Add(d)} }
	for _, tt := range []struct {
		name     string
		old, new Document
		want     []string
	}{
		{"T2 before T3, whichever key comes first", keys(a, c[lesser], c[greater]), keys(a, other), []string{"T2 " + greater, "T3 " + lesser}},
		{"a tombstone may leave out its algorithm", keys(a, c["B"]), keys(a, bare), nil},
		{"a tombstone may say later which algorithm it was for", keys(a, bare), keys(a, revoked(c["B"], -day, "")), nil},
		{"a tombstone that forgets that it seals, for a reason", keys(a, c["P"]), keys(a, open), []string{"T3 P"}},

		{"for slow clocks, an unknown key signs still", keys(a, c["B"]), keys(ending(a, enough), c.signing("C", -2*time.Minute), c.signing("B", -time.Minute)), []string{"T4 C"}},
		{"an unknown key signs early, and then in time", keys(a), keys(disabled(a, "odd"), c.signing("C", 30*time.Minute)), []string{"T4 C", "(T5 A)", "T6 A", "T7 C"}},
		{"a disabled key signs at once", keys(a, disabled(c["B"], "odd")), keys(ending(a, enough), c.signing("B", 0)), []string{"T4 B"}},
		{"a key that is to retire signs at once", keys(a, ending(c["B"], defaultD)), keys(ending(a, enough), c.signing("B", 0)), []string{"T4 B"}},
		{"a key that retires when the ring is everywhere signs at once", keys(a, ending(c["B"], defaultD+1)), keys(ending(a, enough), c.signing("B", 0)), nil},
		{"a young key signs before its time", keys(a, addedAt(c.signing("B", 2*day), -time.Minute)), keys(ending(a, enough), addedAt(c.signing("B", 0), -time.Minute)), []string{"T4 B"}},
		{"a young key signs in its time", keys(ending(a, enough), addedAt(c.signing("B", 0), -time.Minute)), keys(ending(a, enough), addedAt(c.signing("B", 0), -time.Minute)), nil},
		{"a young key signs where none may", keys(disabled(c.signing("P", -day), "odd"), addedAt(c.signing("B", 2*day), -time.Minute)),
			keys(disabled(c.signing("P", -day), "odd"), addedAt(c.signing("B", 0), -time.Minute)), []string{"T4 B", "T7 -", "T7 B"}},

		{"a key that would sign as the ring is everywhere does not", keys(a, c.signing("B", defaultD)), keys(a, ending(c["B"], day)), nil},
		{"a key that would sign just before may have", keys(a, c.signing("B", defaultD-1)), keys(a, ending(c["B"], day)), []string{"T5 B"}},
		{"a key stops before its time", keys(ending(a, 10*day+reach), c.signing("B", 10*day)), keys(ending(a, enough), c.signing("B", 0)), nil},
		{"a key stops before its time, and verifies too short", keys(ending(a, 10*day+reach), c.signing("B", 10*day)), keys(ending(a, enough-1), c.signing("B", 0)), []string{"T5 A"}},
		{"for slow clocks, the former key signs still", keys(ending(a, reach-time.Minute), c.signing("B", -time.Minute)), keys(ending(a, reach-time.Minute-time.Second), c.signing("B", -time.Minute)), []string{"T5 A"}},
		{"for slow clocks, a key signs still that is disabled", keys(ending(a, reach), c.signing("B", -time.Minute)), keys(disabled(ending(a, reach), ""), c.signing("B", -time.Minute)), []string{"T5 A"}},
		{"for slow clocks, a key signs that is to under the new ring only", keys(a, c["B"], c["C"]),
			keys(a, ending(c.signing("B", -3*time.Minute), reach-2*time.Minute), c.signing("C", -time.Minute)), []string{"T5 B", "T6 A"}},
		{"a key is to sign for too long", keys(a, c["B"], c["C"]), keys(a, ending(c.signing("B", day), 3*day+reach), c.signing("C", 4*day)), []string{"T5 B"}},
		{"a key is to sign for as long as it may", keys(a, c["B"], c["C"]), keys(a, ending(c.signing("B", day), 3*day+reach), c.signing("C", 3*day)), nil},

		{"a retiring key is disabled", keys(a, ending(c.signing("B", -40*day), day)), keys(a, disabled(ending(c.signing("B", -40*day), day), "")), []string{"T6 B"}},
		{"a retiring key is disabled, as said", keys(a, ending(c.signing("B", -40*day), day)), keys(a, disabled(ending(c.signing("B", -40*day), day), "odd")), []string{"(T6 B)"}},
		{"a retiring key is revoked, as said", keys(a, ending(c.signing("B", -40*day), day)), keys(a, revoked(c.signing("B", -40*day), 0, "odd")), []string{"(T6 B)"}},
		{"a retiring key is cut short, with a reason that is none", keys(a, ending(c.signing("B", -40*day), day)),
			keys(a, func() Key { k := ending(c.signing("B", -40*day), day-1); k.Reason = "odd"; return k }()), []string{"T6 B"}},
		{"a retiring key loses its end", keys(a, ending(c.signing("B", -40*day), day)), keys(a, c.signing("B", -40*day)), nil},
		{"a retiring key without an end stays so", keys(a, c.signing("B", -40*day)), keys(a, c.signing("B", -40*day)), nil},
		{"a retiring key gets an end", keys(c.signing("A", -2*day), c.signing("B", -40*day)), keys(c.signing("A", -2*day), ending(c.signing("B", -40*day), reach-2*day)), nil},
		{"a retiring key gets an end that is too early", keys(c.signing("A", -2*day), c.signing("B", -40*day)), keys(c.signing("A", -2*day), ending(c.signing("B", -40*day), reach-2*day-1)), []string{"T6 B"}},

		{"for slow clocks, no key may sign", keys(disabled(c.signing("P", -day), "odd"), c.signing("B", -time.Minute)),
			keys(disabled(c.signing("P", -day), "odd"), c.signing("B", -time.Minute)), []string{"T7 -"}},
		{"a key ceases, and none follows", keys(ending(a, 40*day)), keys(ending(a, 40*day)), []string{"T5 A", "T7 A", "T7 -"}},
		{"a key ceases soon, and none follows", keys(ending(a, defaultS)), keys(ending(a, defaultS)), []string{"T4 A", "T5 A", "T7 A", "T7 -"}},
		{"a slow clock is as slow as can be", keys(c.signing("B", 2*defaultS)), keys(c.signing("B", 2*defaultS)), nil},
		{"a clock cannot be so slow", keys(c.signing("B", 2*defaultS+1)), keys(c.signing("B", 2*defaultS+1)), []string{"T7 B"}},
		{"for slow clocks, it is written in the clear still", keys(ending(a, reach-time.Minute), c.signing("P", -time.Minute), c["Q"]), keys(ending(a, reach-time.Minute), c.signing("P", -time.Minute), c["Q"]), nil},
		{"for slow clocks, it is written in the clear again", keys(c.signing("A", -40*day), c.signing("P", -30*day), c["Q"]), keys(c.signing("A", -40*day), c.signing("P", -time.Minute), c["Q"]), []string{"T7 A"}},
		{"it is sealed from this instant on", keys(ending(a, reach), c.signing("P", 0), c["Q"]), keys(ending(a, reach), c.signing("P", 0), c["Q"]), nil},
		{"it is written in the clear for a while", keys(c.signing("P", -30*day), c["A"], c["Q"], c["R"]),
			keys(ending(c.signing("P", -30*day), 2*day+reach), ending(c.signing("A", 2*day), 5*day+reach), c.signing("Q", 5*day), c["R"]), []string{"T7 A"}},
		{"for slow clocks, a key signs still that this binary lacks", keys(a, unknown, c.signing("B", -time.Minute)), keys(a, unknown, c.signing("B", -time.Minute)), []string{"T7 U"}},

		{"for slow clocks, a codec is not over", codecs(from("cbor", -defaultS+1)), codecs(from("json", -20*day), from("cbor", -defaultS+1)), []string{"T10 -"}},
		{"a codec is over for every clock", codecs(from("cbor", -defaultS)), codecs(from("json", -20*day), from("cbor", -defaultS)), nil},
		{"the codec between is not over", codecs(from("cbor", -time.Minute)), codecs(from("json", -20*day), from("msgpack", -10*day), from("cbor", -time.Minute)), []string{"T10 -"}},
		{"a codec before its time", codecs(from("cbor", 2*day)), codecs(from("cbor", 0)), []string{"T10 -"}},
		{"another codec in its place", codecs(from("cbor", -day)), codecs(from("msgpack", -day)), []string{"T10 -"}},
	} {
		tt.old.Generation, tt.new.Generation = 1, 2
		found := Plan(newTestRing(t, tt.old), newTestRing(t, tt.new), base)
		if got := c.told(found); !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q: %v", tt.name, got, tt.want, found)
		}
	}
}

// A finding says when, and what would do: to the second, and never a time that is
// too early.
func TestFindingsSayWhatWouldDo(t *testing.T) {
	c := newCast(t)
	const reach = defaultM + defaultS
	a, s := c.signing("A", -30*day), c["F"]
	at := base.Add(time.Millisecond)
	keys := func(all ...Key) Document { return Document{Keys: append(all, s)} }
	for _, tt := range []struct {
		name     string
		old, new Document
		rule     Rule
		want     string
	}{
		{"T4 now", keys(a), keys(ending(a, 30*day), c.signing("B", 0)), T4, "signs from now, when instances that have the old ring still do not accept it; let it sign from 2026-10-01T13:00:01Z or later"},
		{"T4 later", keys(a), keys(ending(a, 30*day), c.signing("B", time.Minute)), T4, "signs from 2026-10-01T12:01:00Z, when"},
		{"T4 in an instant", keys(a), keys(ending(a, 30*day), c.signing("B", time.Second)), T4, "signs from 2026-10-01T12:00:01Z, when"},
		{"T4 just now", keys(a), keys(ending(a, 30*day), c.signing("B", time.Millisecond)), T4, "signs from now, when"},
		{"T4, added lately", keys(a, addedAt(c["B"], -time.Minute)), keys(ending(a, 30*day), addedAt(c.signing("B", 0), -time.Minute)), T4, "was added at 2026-10-01T11:59:00Z: not every instance may have it yet; let it sign from 2026-10-01T13:00:01Z or later"},
		{"T5, disabled", keys(a), keys(disabled(a, ""), c.signing("B", -time.Hour)), T5, "signs until 2026-10-01T13:00:00Z, so its tokens are valid until 2026-10-15T13:05:01Z, and it is disabled"},
		{"T5, an end", keys(a), keys(ending(a, 2*day), c.signing("B", defaultD)), T5, "verifies until 2026-10-03T12:00:00Z only: sessions end; set verify_until to 2026-10-15T13:05:01Z or later"},
		{"T6, no end", keys(a, c.signing("B", -40*day)), keys(a, disabled(c.signing("B", -40*day), "")), T6, "still verifies, for as long as it takes, and is disabled"},
		{"T6, an end", keys(a, ending(c.signing("B", -40*day), day)), keys(a, disabled(ending(c.signing("B", -40*day), day), "")), T6, "still verifies, until 2026-10-02T12:00:00Z, and is disabled"},
		{"T6, a new end", keys(c.signing("A", 1-2*day), c.signing("B", -40*day)), keys(c.signing("A", 1-2*day), ending(c.signing("B", -40*day), day)), T6, "may have signed until 2026-09-29T12:00:00Z, and verifies until 2026-10-02T12:00:00Z only: sessions end; set verify_until to 2026-10-13T12:05:01Z or later"},
		{"T7, late", keys(ending(a, 40*day)), keys(ending(a, 40*day)), T7, "signs although it ceases to verify before sessions that begin then end"},
		{"T10", keys(a), Document{Keys: []Key{a, s}, Codecs: []CodecFrom{{Codec: "cbor", From: base}}}, T10, "let it begin at 2026-10-01T13:00:01Z or later"},
	} {
		tt.old.Generation, tt.new.Generation = 1, 2
		found := Plan(newTestRing(t, tt.old), newTestRing(t, tt.new), at)
		if !slices.ContainsFunc(found, func(f Finding) bool { return f.Rule == tt.rule && strings.Contains(f.Text, tt.want) }) {
			t.Errorf("%s: %v, want %q", tt.name, found, tt.want)
		}
	}
	if got := wholeSecond(base.Add(reach)); !got.Equal(base.Add(reach)) {
		t.Errorf("a whole second becomes %v", got)
	}
}

// The skew and the longest session are the larger of both rings', each for itself.
func TestPlanGoesByTheLargerSkewAndSession(t *testing.T) {
	c := newCast(t)
	for _, y := range []Policy{{Skew: 20 * time.Minute}, {MaxSession: 20 * day}} {
		reach := max(y.Skew, defaultS) + max(y.MaxSession, defaultM)
		for _, policies := range [][2]Policy{{y, {}}, {{}, y}} {
			for short, want := range map[time.Duration]bool{0: false, 1: true} {
				old := Document{Generation: 1, Policy: policies[0], Keys: []Key{c.signing("A", -30*day), c["B"], c["F"]}}
				next := Document{Generation: 2, Policy: policies[1], Keys: []Key{ending(c.signing("A", -30*day), defaultD+reach-short), c.signing("B", defaultD), c["F"]}}
				found := Plan(newTestRing(t, old), newTestRing(t, next), base)
				if got := slices.Contains(c.told(found), "T5 A"); got != want {
					t.Errorf("%+v, %v too short: %v", policies, short, found)
				}
			}
		}
	}
}
