package keyring

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// problemsOf returns the lines of an error.
func problemsOf(err error) []string {
	if err == nil {
		return nil
	}
	return strings.Split(nameless(err), "\n")
}

// nameless returns what the error says without the IDs of the keys.
func nameless(err error) string {
	return regexp.MustCompile(` \([0-9a-f]{8}\): `).ReplaceAllString(err.Error(), ": ")
}

func TestNewRingRefuses(t *testing.T) {
	for _, tt := range []struct {
		name string
		edit func(d *Document)
		says string
	}{
		{"no keys", func(d *Document) { d.Keys = nil }, "keys: no key can ever sign"},
		{"standby keys only", func(d *Document) { d.Keys = d.Keys[2:3] }, "keys: no key can ever sign"},
		{"unsupported keys only", func(d *Document) { d.Keys = []Key{unsupported(d.Keys[0])} }, "keys: no key can ever sign"},
		{"disabled keys only", func(d *Document) { d.Keys = d.Keys[5:6] }, "keys: no key can ever sign"},
		{"tombstones only", func(d *Document) { d.Keys = d.Keys[6:8] }, "keys: no key can ever sign"},
		{"a zero key", func(d *Document) { d.Keys[1] = Key{} }, "keys[1]: not a key"},
		{"a zero tombstone", func(d *Document) { d.Keys[1] = Key{Revoked: base} }, "keys[1]: not a key"},
		{"a tombstone raised", func(d *Document) {
			d.Keys[1].Revoked = base
			k := newRing(*d, new(problems)).document.Keys
			for _, k := range k {
				if k.id == d.Keys[1].id {
					k.Revoked = time.Time{}
					d.Keys[1] = k
				}
			}
		}, "keys[1]: not a key"},
		{"the same key twice", func(d *Document) { d.Keys[2] = d.Keys[0] }, "keys[2].id: the same key ID as keys[0]"},
		{"a key and its tombstone", func(d *Document) { d.Keys[2] = d.Keys[0]; d.Keys[2].Pruned = base }, "keys[2].id: the same key ID as keys[0]"},
		{"an override without a reason", func(d *Document) { d.Override = Override{Generation: 42, Allow: []Exception{{Rule: T9}}} }, "override.reason: missing"},
		{"an override of no generation", func(d *Document) { d.Override = Override{Reason: "r", Allow: []Exception{{Rule: T9}}} }, "override.generation: missing"},
		{"an override of no rule", func(d *Document) {
			d.Override = Override{Generation: 42, Reason: "r", Allow: []Exception{{Rule: T10 + 1}}}
		}, "override.allow[0]: not a rule"},
		{"ring name", func(d *Document) { d.Name = "shop/eu" }, "ring: not 1 to 64"},
		{"long ring name", func(d *Document) { d.Name = strings.Repeat("a", 65) }, "ring: not 1 to 64"},
		{"published", func(d *Document) { d.Published = time.Unix(-1, 0) }, "published: not between the years"},
		{"not before", func(d *Document) { d.NotBefore = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) }, "not_before: not between the years"},
		{"added", func(d *Document) { d.Keys[3].Added = time.Unix(-1, 0) }, "keys[3].added: not between"},
		{"sign from", func(d *Document) { d.Keys[3].SignFrom = time.Unix(-1, 0) }, "keys[3].sign_from: not between"},
		{"verify until", func(d *Document) { d.Keys[2].VerifyUntil = time.Unix(-1, 0) }, "keys[2].verify_until: not between"},
		{"revoked", func(d *Document) { d.Keys[6].Revoked = time.Unix(-1, 0) }, "keys[6].revoked: not between"},
		{"pruned", func(d *Document) { d.Keys[7].Pruned = time.Unix(-1, 0) }, "keys[7].pruned: not between"},
		{"verifies until before it signs", func(d *Document) { d.Keys[1].VerifyUntil = d.Keys[1].SignFrom }, "keys[1].verify_until: not after sign_from"},
		{"reason too long", func(d *Document) { d.Keys[6].Reason = strings.Repeat("a", 1001) }, "keys[6].reason: longer"},
		{"reason not UTF-8", func(d *Document) { d.Keys[6].Reason = "\xff" }, "keys[6].reason: longer than 1,000 bytes, or not UTF-8"},
		{"negative propagation", func(d *Document) { d.Policy.Propagation = -1 }, "policy.propagation: not between"},
		{"negative skew", func(d *Document) { d.Policy.Skew = -1 }, "policy.skew: not between"},
		{"negative session", func(d *Document) { d.Policy.MaxSession = -1 }, "policy.max_session: not between"},
		{"session under a second", func(d *Document) { d.Policy.MaxSession = time.Second - 1 }, "policy.max_session: shorter"},
		{"endless session", func(d *Document) { d.Policy.MaxSession = 1<<63 - 1 }, "policy.max_session: not between"},
		{"negative high", func(d *Document) { d.Policy.MaxSessionHigh = -1 }, "policy.max_session_high: not between"},
		{"high below", func(d *Document) { d.Policy.MaxSessionHigh = d.Policy.MaxSession - 1 }, "policy.max_session_high: shorter"},
		{"high below the default", func(d *Document) { d.Policy = Policy{MaxSessionHigh: time.Hour} }, "policy.max_session_high: shorter"},
		{"codec name", func(d *Document) { d.Codecs[1].Codec = "CBOR" }, "codecs[1].codec: not 1 to 32"},
		{"codec without a name", func(d *Document) { d.Codecs[0].Codec = "" }, "codecs[0].codec: missing"},
		{"codec without a time", func(d *Document) { d.Codecs[1].From = time.Time{} }, "codecs[1].from: missing"},
		{"codec out of time", func(d *Document) { d.Codecs[1].From = time.Unix(-1, 0) }, "codecs[1].from: not between"},
		{"two codecs at a time", func(d *Document) { d.Codecs[1].From = d.Codecs[0].From }, "codecs[1].from: the same time as codecs[0]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := shop(t)
			tt.edit(&d)
			r, err := NewRing(d)
			if err == nil || r != nil || !strings.Contains(nameless(err), "keyring: "+tt.says) {
				t.Fatalf("got %v, %v, want an error that says %q", r, err, tt.says)
			}
			if n := len(problemsOf(err)); n != 1 {
				t.Errorf("%d problems, want 1:\n%v", n, err)
			}
			if _, err := d.EncodeWithSecrets(); err == nil {
				t.Error("EncodeWithSecrets takes it")
			}
		})
	}
	newTestRing(t, shop(t)) // which is all right without the edits
}

func TestNewRingTakesTheEdges(t *testing.T) {
	const years = 365 * day
	for name, edit := range map[string]func(d *Document){
		"ring name":     func(d *Document) { d.Name = "AZaz09._-" + strings.Repeat("a", 55) },
		"one letter":    func(d *Document) { d.Name = "a" },
		"first second":  func(d *Document) { d.NotBefore = time.Unix(0, 0) },
		"last second":   func(d *Document) { d.NotBefore = time.Date(9999, 12, 31, 23, 59, 59, 999999999, time.UTC) },
		"longest":       func(d *Document) { d.Policy = Policy{10 * years, 10 * years, 10 * years, 10 * years, nil} },
		"reason":        func(d *Document) { d.Keys[6].Reason = strings.Repeat("a", 1000) },
		"codec name":    func(d *Document) { d.Codecs[0].Codec = strings.Repeat("a", 32) },
		"two standbys":  func(d *Document) { d.Keys[2].VerifyUntil = base },
		"no time, here": func(d *Document) { d.Keys[2].VerifyUntil = time.Time{}.In(time.FixedZone("", 3600)) },
	} {
		d := shop(t)
		edit(&d)
		r, err := NewRing(d)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if file, err := r.encode(); err != nil {
			t.Errorf("%s: %v", name, err)
		} else if again, err := Parse(file); err != nil || again.Checksum() != r.Checksum() {
			t.Errorf("%s: read again: %v", name, err)
		}
		for _, k := range r.Document().Keys {
			if k.VerifyUntil.IsZero() && k.VerifyUntil != (time.Time{}) {
				t.Errorf("%s: %v has a time that is none, and is not the zero one", name, k)
			}
		}
	}
	for _, p := range []Policy{{Propagation: 100*years + 1}, {Skew: 100*years + 1}, {MaxSession: 100*years + 1}, {MaxSessionHigh: 100*years + 1}} {
		d := shop(t)
		d.Policy = p
		if _, err := NewRing(d); err == nil || !strings.Contains(err.Error(), "10 years") {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestOneErrorListsAllProblems(t *testing.T) {
	d := shop(t)
	d.Name, d.NotBefore = "a b", time.Unix(-1, 0)
	d.Policy.Skew = -1
	d.Keys[1].VerifyUntil = d.Keys[1].SignFrom
	d.Keys[2] = d.Keys[0]
	d.Keys[3].secret = hide(testSecret(4)[:31])
	d.Codecs[0].Codec = ""
	_, err := NewRing(d)
	want := []string{"ring:", "not_before:", "policy.skew:", "keys[1].verify_until:", "keys[2].id:", "keys[3].secret:", "codecs[0].codec:"}
	got := problemsOf(err)
	if len(got) != len(want) {
		t.Fatalf("%d problems, want %d:\n%v", len(got), len(want), err)
	}
	for i := range want {
		if !strings.HasPrefix(got[i], "keyring: "+want[i]) {
			t.Errorf("problem %d is %q, want one of %s", i, got[i], want[i])
		}
	}
	if id := d.Keys[1].ID().String(); !strings.Contains(err.Error(), "keyring: keys[1].verify_until ("+id+"): ") {
		t.Errorf("the key %s is not named:\n%v", id, err)
	}
	quiet(t, err, testSecret(1), testSecret(4))
}

func TestRingIsImmutable(t *testing.T) {
	d := shop(t)
	r := newTestRing(t, d)
	sum := r.Checksum()
	scramble := func(d Document) {
		for i := range d.Keys {
			d.Keys[i] = Key{}
		}
		for i := range d.Codecs {
			d.Codecs[i] = CodecFrom{}
		}
	}
	scramble(d)
	scramble(r.Document())
	clear(r.Codecs())
	k, err := r.Primary(base)
	if err != nil {
		t.Fatal(err)
	}
	k.Disabled, k.SignFrom = true, time.Time{}
	if again := newTestRing(t, r.Document()); again.Checksum() != sum || r.Checksum() != sum {
		t.Error("the ring changed")
	}
	if p, err := r.Primary(base); err != nil || p.Disabled {
		t.Errorf("the primary changed: %v, %v", p, err)
	}
}

func TestRingSaysWhatTheDocumentSays(t *testing.T) {
	d := shop(t)
	r := newTestRing(t, d)
	if r.Name() != "shop" || r.Generation() != 42 || !r.NotBefore().Equal(d.NotBefore) || !reflect.DeepEqual(r.Policy(), d.Policy) {
		t.Errorf("%q, %d, %v, %+v", r.Name(), r.Generation(), r.NotBefore(), r.Policy())
	}
	if c := r.Codecs(); len(c) != 2 || c[0].Codec != "json" || c[1].Codec != "cbor" || !c[1].From.Equal(d.Codecs[0].From) {
		t.Errorf("codecs %v", c)
	}
	got := r.Document()
	if len(got.Keys) != len(d.Keys) || !got.Published.Equal(d.Published) || got.Name != d.Name || got.Generation != d.Generation {
		t.Errorf("document %v", got)
	}
	for _, k := range got.Keys {
		if k.isTombstone() && k.secret != nil {
			t.Errorf("the tombstone %v has a secret", k)
		}
	}
}

func TestPolicyDefaults(t *testing.T) {
	keys := []Key{hmacKeyAt(t, 1, base)}
	for _, tt := range []struct{ in, want Policy }{
		{Policy{}, Policy{Propagation: time.Hour, Skew: 5 * time.Minute, MaxSession: 14 * day, MaxSessionHigh: 14 * day}},
		{Policy{MaxSession: 30 * day}, Policy{Propagation: time.Hour, Skew: 5 * time.Minute, MaxSession: 30 * day, MaxSessionHigh: 30 * day}},
		{Policy{MaxSessionHigh: 15 * day}, Policy{Propagation: time.Hour, Skew: 5 * time.Minute, MaxSession: 14 * day, MaxSessionHigh: 15 * day}},
		{Policy{1, 2, time.Second, 4 * time.Second, nil}, Policy{1, 2, time.Second, 4 * time.Second, nil}},
	} {
		r := newTestRing(t, Document{Policy: tt.in, Keys: keys})
		if r.Policy() != tt.want {
			t.Errorf("%+v becomes %+v, want %+v", tt.in, r.Policy(), tt.want)
		}
		if r.Document().Policy != tt.in {
			t.Errorf("the document says %+v, want what it said", r.Document().Policy)
		}
	}
}

// Everything that a ring says is in its checksum.
func TestChecksumCoversEverything(t *testing.T) {
	seen := map[string]string{newTestRing(t, shop(t)).Checksum(): "nothing"}
	edits := map[string]func(*Document){
		"name":        func(d *Document) { d.Name = "shop2" },
		"generation":  func(d *Document) { d.Generation++ },
		"published":   func(d *Document) { d.Published = on(1) },
		"not before":  func(d *Document) { d.NotBefore = on(1) },
		"propagation": func(d *Document) { d.Policy.Propagation++ },
		"skew":        func(d *Document) { d.Policy.Skew++ },
		"session":     func(d *Document) { d.Policy.MaxSession++ },
		"high":        func(d *Document) { d.Policy.MaxSessionHigh++ },
		"codec":       func(d *Document) { d.Codecs[0].Codec = "msgpack" },
		"codec from":  func(d *Document) { d.Codecs[0].From = on(1) },
		"no codecs":   func(d *Document) { d.Codecs = nil },
		"fewer keys":  func(d *Document) { d.Keys = d.Keys[:8] },
		"another key": func(d *Document) { d.Keys[8] = newKey(t, 20, signer.HMACSHA256()) },
		"added":       func(d *Document) { d.Keys[2].Added = on(1) },
		"sign from":   func(d *Document) { d.Keys[2].SignFrom = on(1) },
		"until":       func(d *Document) { d.Keys[2].VerifyUntil = on(1) },
		"disabled":    func(d *Document) { d.Keys[2].Disabled = true },
		"revoked":     func(d *Document) { d.Keys[2].Revoked = on(1) },
		"pruned":      func(d *Document) { d.Keys[2].Pruned = on(1) },
		"reason":      func(d *Document) { d.Keys[2].Reason = "r" },
		"unknown":     func(d *Document) { d.unknown = keep(members{{"u", text("v")}}) },
		"key unknown": func(d *Document) { d.Keys[2].unknown = keep(members{{"u", text("v")}}) },
		"another secret with the same ID": func(d *Document) {
			d.Keys[2].secret = hide(testSecret(30)) // cannot come from a file
		},
	}
	for name, edit := range edits {
		d := shop(t)
		edit(&d)
		h := newTestRing(t, d).Checksum()
		if other, ok := seen[h]; ok {
			t.Errorf("%s and %s have the same checksum", name, other)
		}
		seen[h] = name
	}
}

func TestLargeRing(t *testing.T) {
	var d Document
	for n := range 500 {
		k := hmacKeyAt(t, n, on(time.Duration(n)*day))
		if n < 499 {
			k.VerifyUntil = on(time.Duration(n+1)*day + reach)
		}
		d.Keys = append(d.Keys, k)
	}
	r := newTestRing(t, d)
	s := bind(t, New(r), Use{Name: "session"}).Subkeys()
	for n := range 500 {
		p, err := s.Primary(on(time.Duration(n) * day))
		if err != nil || p.ID != d.Keys[n].id {
			t.Fatalf("day %d: %v, %v", n, p, err)
		}
	}
	if len(r.changes) > 3*500+1 {
		t.Errorf("%d changes", len(r.changes))
	}
	_ = fmt.Sprint(r)
}
