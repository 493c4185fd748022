package keyring

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// A warning blames the key that is to be changed, and no other.
func TestWarningsBlameTheRightKey(t *testing.T) {
	c := newCast(t)
	const reach = defaultM + defaultS
	a, s := c.signing("A", 0), c["F"]
	lesser, greater := "B", "C" // the greater signs
	if x, y := c[lesser], c[greater]; bytes.Compare(x.id[:], y.id[:]) > 0 {
		lesser, greater = greater, lesser
	}
	for _, tt := range []struct {
		name string
		keys []Key
		now  time.Duration
		want []string // what each says of the keys, by their letters
	}{
		{"a key signs again, since the next was revoked", []Key{ending(a, day+reach-1), revoked(c.signing("B", day), day, "leaked"), s}, 2 * day,
			[]string{"key A signs although it verifies until"}},
		{"a key is to be followed by one that was revoked", []Key{a, ending(c.signing("B", day), 2*day+reach), revoked(c.signing("C", 2*day), 0, "leaked"), c.signing("D", 3*day), s}, 0,
			[]string{"key B signs until key D takes over"}},
		{"an end before half a second", []Key{ending(a, day), c.signing("B", day+time.Second/2), s}, 0, []string{"set its verify_until to 2026-10-16T12:05:01Z or later"}},
		{"a key was added as the other began to sign", []Key{addedAt(c.signing("B", -day), 0), addedAt(a, -day), s}, day, nil},
		{"of two keys at one time, one has an end that is far", []Key{a, ending(c.signing(lesser, day), 90*day), c.signing(greater, day), s}, 0, []string{"another key has the same sign_from"}},
		{"of two keys at one time, one has an end that is far enough", []Key{a, ending(c.signing(lesser, day), day+reach+defaultS), c.signing(greater, day), s}, 0, []string{"another key has the same sign_from"}},
		{"nobody signs, and a sealing key stands by", []Key{a, disabled(c.signing("P", 0), "odd"), c["Q"]}, 0, []string{"no key may sign, since none that encrypts"}},
	} {
		got := newTestRing(t, Document{Keys: tt.keys}).Warnings(on(tt.now))
		ok := len(got) == len(tt.want)
		for i := range tt.want {
			want := tt.want[i]
			for name, k := range c {
				want = strings.ReplaceAll(want, "key "+name+" ", "key "+k.id.String()+" ")
			}
			ok = ok && strings.Contains(got[i], want)
		}
		if !ok {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestWarningsTellOfAPolicyThatIsTooFast(t *testing.T) {
	keys := founded(t, signer.HMACSHA256()).Document().Keys
	for propagation, want := range map[time.Duration]bool{2 * defaultS: true, 2*defaultS + 1: false} {
		got := newTestRing(t, Document{Policy: Policy{Propagation: propagation}, Keys: keys}).Warnings(base)
		if told := len(got) == 1 && strings.Contains(got[0], "policy.propagation is 10m, and leaves instances no time"); told != want || len(got) > 1 {
			t.Errorf("%v: %q", propagation, got)
		}
	}
}

func TestWarningsTellOfAnUnknownMemberOfTheOverride(t *testing.T) {
	d := founded(t, signer.HMACSHA256()).Document()
	d.Override.unknown = keep(members{{"alow", text("x")}})
	if got := newTestRing(t, d).Warnings(base); len(got) != 1 || !strings.HasPrefix(got[0], "override: the member alow is not known") || !strings.HasSuffix(got[0], "; did you mean allow?") {
		t.Errorf("%q", got)
	}
}

// Stats has of each key what the ring says, and of all what an operator asks in an
// emergency: how old the newest is, and how old the oldest that stands by.
func TestStatsHasWhatTheRingSays(t *testing.T) {
	d := shop(t)
	young, tombstone := newKey(t, 70, signer.HMACSHA256()), revoked(newKey(t, 71, signer.HMACSHA256()), 0, "leaked")
	tombstone = addedAt(tombstone, day)
	d.Keys = append(d.Keys, addedAt(young, time.Hour), tombstone)
	r := newTestRing(t, d)
	now := base.Add(5*day + 90*time.Second)
	for _, now := range []time.Time{now, now.Add(1)} {
		st := New(r).Stats(now)
		if len(st.Keys) != len(r.document.Keys) || len(st.Warnings) == 0 || !slices.Equal(st.Warnings, r.Warnings(now)) {
			t.Errorf("%+v", st)
		}
		for i, k := range r.document.Keys {
			want := KeyStats{ID: k.id, Algorithm: k.name, State: r.State(k.id, now), Added: k.Added, SignFrom: k.SignFrom, VerifyUntil: k.VerifyUntil}
			over := k.VerifyUntil.Equal(base.Add(5*day)) && now.After(base.Add(5*day+90*time.Second))
			want.Prunable = over || want.State == Retired && k.VerifyUntil.Before(base)
			if st.Keys[i] != want {
				t.Errorf("at %v: %+v, want %+v", now, st.Keys[i], want)
			}
		}
		if !st.NewestKey.Equal(base.Add(time.Hour)) || !st.Standby.Equal(base.Add(3*time.Second)) {
			t.Errorf("the newest key was added at %v, and the oldest that stands by at %v", st.NewestKey, st.Standby)
		}
	}
	// Nothing stands by for a key that does not sign.
	c := newCast(t)
	none := newTestRing(t, Document{Keys: []Key{c.signing("A", 0), disabled(c.signing("P", 0), "odd"), c["F"]}})
	if st := New(none).Stats(base); !st.Standby.IsZero() || st.Primary != (KeyID{}) {
		t.Errorf("%+v", st)
	}
}
