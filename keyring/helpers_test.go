package keyring

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// base is when the schedules of the tests are.
var base = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

// testSecret returns the n-th secret of the tests.
func testSecret(n int) []byte {
	s := sha256.Sum256(fmt.Appendf(nil, "keyturn test secret %d", n))
	return s[:]
}

func newKey(t testing.TB, n int, a signer.Algorithm) Key {
	t.Helper()
	k, err := NewKey(a, testSecret(n))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// hmacKeyAt returns the n-th key, for HMAC-SHA256, scheduled to sign.
func hmacKeyAt(t testing.TB, n int, signFrom time.Time) Key {
	t.Helper()
	k := newKey(t, n, signer.HMACSHA256())
	k.Added = base.Add(time.Duration(n) * time.Second)
	k.SignFrom = signFrom
	return k
}

// unsupported returns k as a binary without its algorithm has it.
func unsupported(k Key) Key {
	k.algorithm = signer.Algorithm{}
	return k
}

func newTestRing(t testing.TB, d Document) *Ring {
	t.Helper()
	r, err := NewRing(d)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// shop is a ring with a key in each state, a codec schedule and a policy.
func shop(t testing.TB) Document {
	t.Helper()
	day := 24 * time.Hour
	active := hmacKeyAt(t, 1, base.Add(-10*day))
	pending := hmacKeyAt(t, 2, base.Add(2*day))
	standby := newKey(t, 3, signer.HMACSHA256())
	standby.Added = base.Add(3 * time.Second)
	retiring := newKey(t, 4, signer.BLAKE2b256())
	retiring.Added, retiring.SignFrom, retiring.VerifyUntil = base.Add(-200*day), base.Add(-100*day), base.Add(5*day)
	retired := hmacKeyAt(t, 5, base.Add(-300*day))
	retired.VerifyUntil = base.Add(-50 * day)
	disabled := hmacKeyAt(t, 6, base.Add(-400*day))
	disabled.Disabled = true
	revoked := newKey(t, 7, signer.XChaCha20Poly1305())
	revoked.SignFrom, revoked.Revoked, revoked.Reason = base.Add(-500*day), base.Add(-499*day), "laptop \"stolen\" <é>"
	pruned := hmacKeyAt(t, 8, base.Add(-600*day))
	pruned.Pruned = base.Add(-550 * day)
	sealing := newKey(t, 9, signer.XChaCha20Poly1305())
	return Document{
		Name: "shop", Generation: 42, Published: base, NotBefore: base.Add(-700 * day),
		Policy: Policy{Propagation: day, Skew: 90 * time.Second, MaxSession: 14 * day, MaxSessionHigh: 30 * day},
		Keys:   []Key{active, pending, standby, retiring, retired, disabled, revoked, pruned, sealing},
		Codecs: []CodecFrom{{Codec: "cbor", From: base.Add(day)}, {Codec: "json", From: base.Add(-900 * day)}},
	}
}

// shopFile is the file of shop.
func shopFile(t testing.TB) []byte {
	t.Helper()
	b, err := shop(t).EncodeWithSecrets()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func bind(t testing.TB, k *Keyring, u Use) *Binding {
	t.Helper()
	b, err := k.Bind(u)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// reverse returns a copy in the other order.
func reverse[T any](s []T) []T {
	s = slices.Clone(s)
	slices.Reverse(s)
	return s
}
