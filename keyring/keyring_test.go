package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyturn/keyturn/signer"
)

func TestFromKeys(t *testing.T) {
	a, b := newKey(t, 1, signer.HMACSHA256()), newKey(t, 2, signer.BLAKE2b256())
	b.SignFrom = on(-day) // which does not count
	keys, err := FromKeys(a, b)
	if err != nil {
		t.Fatal(err)
	}
	for _, now := range []time.Time{{}, time.Unix(0, 0), base, on(100 * 365 * day)} {
		s := bind(t, keys, Use{Name: "session"}).Subkeys()
		if p, err := s.Primary(now); err != nil || p.ID != a.ID() {
			t.Errorf("at %v: primary %v, %v", now, p, err)
		}
		if v, err := s.Lookup(b.ID(), now); err != nil || v.ID != b.ID() || !v.SignFrom.IsZero() {
			t.Errorf("at %v: the other is %v, %v", now, v, err)
		}
	}
	disabled := a
	disabled.Disabled = true
	if _, err := FromKeys(disabled, b); err == nil {
		t.Error("a disabled key is primary")
	}
	if _, err := FromKeys(Key{}); err == nil {
		t.Error("the zero key is primary")
	}
	if k, err := FromKeys(a, a); err == nil || k != nil {
		t.Error("one key is taken twice")
	}
}

func TestEphemeral(t *testing.T) {
	now := time.Now()
	a, b := bind(t, Ephemeral(), Use{Name: "s"}).Subkeys(), bind(t, Ephemeral(), Use{Name: "s"}).Subkeys()
	p, err := a.Primary(now)
	if err != nil || p.Algorithm != "hmac-sha256" || p.Signer == nil {
		t.Fatalf("%v, %v", p, err)
	}
	if _, err := b.Lookup(p.ID, now); err != ErrUnknownKey {
		t.Errorf("a second one knows the key of the first: %v", err)
	}
}

func TestZeroKeyring(t *testing.T) {
	var k Keyring
	if r := k.Ring(); r != nil {
		t.Errorf("it has the ring %v", r)
	}
	if b, err := k.Bind(Use{Name: "s"}); err != errZero || b != nil {
		t.Errorf("Bind: %v, %v", b, err)
	}
	if err := k.Replace(Ephemeral().Ring()); err != errZero {
		t.Errorf("Replace: %v", err)
	}
	if s := k.String(); s != "no ring" {
		t.Errorf("String: %q", s)
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	defer func() {
		if s, ok := recover().(string); !ok || !strings.HasPrefix(s, "keyring: ") {
			t.Errorf("New(nil) panics with %q", s)
		}
	}()
	New(nil)
}

// next returns an edited successor of a ring.
func next(t testing.TB, r *Ring, edit func(*Document)) *Ring {
	t.Helper()
	d := r.Document()
	d.Generation++
	if edit != nil {
		edit(&d)
	}
	return newTestRing(t, d)
}

// find returns the key of the n-th secret in d.
func find(t testing.TB, d *Document, n int) *Key {
	t.Helper()
	for i, k := range d.Keys {
		for _, a := range []string{"hmac-sha256", "blake2b-256", "xchacha20-poly1305"} {
			if id, err := deriveID(testSecret(n), a); err == nil && id == k.id {
				return &d.Keys[i]
			}
		}
	}
	t.Fatalf("no key %d", n)
	return nil
}

func remove(t testing.TB, d *Document, n int) {
	id := find(t, d, n).id
	var keys []Key
	for _, k := range d.Keys {
		if k.id != id {
			keys = append(keys, k)
		}
	}
	d.Keys = keys
}

func TestReplace(t *testing.T) {
	k := New(newTestRing(t, shop(t)))
	b := bind(t, k, Use{Name: "session"})
	before := b.Subkeys()
	old, err := before.Primary(on(3 * day))
	if err != nil {
		t.Fatal(err)
	}
	// A legal edit: the pending key is revoked, the standby takes over, tombstones
	// that have served go, and a key is added.
	r := next(t, k.Ring(), func(d *Document) {
		find(t, d, 2).Revoked = on(3 * day)
		find(t, d, 3).SignFrom = on(3 * day)
		remove(t, d, 8)
		d.Keys = append(d.Keys, newKey(t, 20, signer.HMACSHA256()))
	})
	if err := k.Replace(r); err != nil {
		t.Fatal(err)
	}
	after := b.Subkeys()
	if k.Ring() != r || after.Ring() != r || before.Ring() == r {
		t.Error("the ring is not replaced, or in old subkeys too")
	}
	if p, err := after.Primary(on(3 * day)); err != nil || p.ID == old.ID {
		t.Errorf("primary %v, %v", p, err)
	}
	if _, err := after.Lookup(old.ID, on(3*day)); err != ErrRevoked {
		t.Errorf("the revoked key: %v", err)
	}
	// A request goes on with the subkeys that it has.
	if p, err := before.Lookup(old.ID, on(3*day)); err != nil || p != old {
		t.Errorf("the revoked key for an old request: %v, %v", p, err)
	}
	if err := k.Replace(r); err != nil {
		t.Errorf("the present ring once more: %v", err)
	}
	if err := k.Replace(newTestRing(t, r.Document())); err != nil || k.Ring().Checksum() != r.Checksum() {
		t.Errorf("an equal ring: %v", err)
	}
	if err := k.Replace(nil); err == nil || k.Ring() == nil {
		t.Errorf("no ring: %v", err)
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	if p, err := b.Subkeys().Primary(on(3 * day)); err != nil || p == nil {
		t.Errorf("after Close: %v, %v", p, err)
	}
}

// failing is an algorithm that works until it is told not to.
func failing(fail *atomic.Bool, how string) signer.Algorithm {
	h := signer.HMACSHA256()
	return signer.Algorithm{Name: "failing", NewSigner: func(key []byte) (signer.Signer, error) {
		s, err := h.NewSigner(key)
		if !fail.Load() {
			return s, err
		}
		switch how {
		case "error":
			return nil, errors.New("out of order")
		case "nil":
			return nil, nil
		}
		return broken{s, how}, nil
	}}
}

type broken struct {
	signer.Signer
	how string
}

func (b broken) Size() int {
	if b.how == "size" {
		return 31
	}
	return b.Signer.Size()
}

func (b broken) Sign(dst, msg []byte) []byte {
	if b.how == "short" {
		return append(dst, 1)
	}
	return b.Signer.Sign(dst, msg)
}

func (b broken) Verify(msg, tag []byte) bool {
	switch b.how {
	case "never":
		return false
	case "always":
		return true
	}
	return b.Signer.Verify(msg, tag)
}

// tiny makes tags that can be guessed.
type tiny struct{ signer.Signer }

func (tiny) Size() int                     { return 15 }
func (s tiny) Sign(dst, msg []byte) []byte { return s.Signer.Sign(dst, msg)[:len(dst)+15] }
func (s tiny) Verify(msg, tag []byte) bool { return bytes.Equal(s.Sign(nil, msg), tag) }

// leaky is a Sealer that is none.
type leaky struct{ how string }

func (leaky) Overhead() int { return 16 }
func (l leaky) Seal(dst, plaintext, _ []byte) []byte {
	if l.how == "short" {
		return append(dst, plaintext...)
	}
	return append(append(dst, make([]byte, 16)...), plaintext...)
}
func (l leaky) Open(dst, sealed, additional []byte) ([]byte, bool) {
	if l.how == "wrong" {
		return append(dst, sealed...), len(additional) == 0
	}
	return append(dst, sealed[16:]...), l.how != "never"
}

func TestBrokenAlgorithmsAreRefused(t *testing.T) {
	var fail atomic.Bool
	for _, how := range []string{"nil", "size", "short", "never", "always"} {
		fail.Store(false)
		k, err := NewKey(failing(&fail, how), testSecret(1))
		if err != nil {
			t.Fatal(err)
		}
		keys, err := FromKeys(k)
		if err != nil {
			t.Fatal(err)
		}
		bind(t, keys, Use{Name: "a"})
		fail.Store(true)
		if b, err := keys.Bind(Use{Name: "b"}); err == nil || b != nil || !strings.Contains(err.Error(), k.ID().String()) {
			t.Errorf("%s: Bind returns %v", how, err)
		}
		snapshot := keys.now.Load()
		if err := keys.Replace(next(t, keys.Ring(), nil)); err == nil || keys.now.Load() != snapshot {
			t.Errorf("%s: Replace returns %v", how, err)
		}
	}
	guessable := signer.Algorithm{Name: "tiny", NewSigner: func(key []byte) (signer.Signer, error) {
		s, err := signer.HMACSHA256().NewSigner(key)
		return tiny{s}, err
	}}
	keys, err := FromKeys(GenerateKey(guessable))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Bind(Use{Name: "a"}); err == nil || !strings.Contains(err.Error(), "wrong size") {
		t.Errorf("tags of 15 bytes: %v", err)
	}
	for _, how := range []string{"always", "never", "short", "wrong"} {
		a := signer.Algorithm{Name: "leaky", NewSealer: func([]byte) (signer.Sealer, error) { return leaky{how}, nil }}
		k, err := NewKey(a, testSecret(1))
		if err != nil {
			t.Fatal(err)
		}
		keys, err := FromKeys(k)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := keys.Bind(Use{Name: "a"}); err == nil {
			t.Errorf("a sealer that opens %s is taken", how)
		}
	}
}

// What an algorithm refuses is as if this binary did not have the algorithm: a
// ring does not fail for one key.
func TestAKeyWhoseAlgorithmRefusesIsUnsupported(t *testing.T) {
	var fail atomic.Bool
	k, err := NewKey(failing(&fail, "error"), testSecret(1))
	if err != nil {
		t.Fatal(err)
	}
	k.SignFrom = base.Add(-day)
	good := hmacKeyAt(t, 2, base.Add(-2*day))
	d := Document{Keys: []Key{k, good}}
	keys := New(newTestRing(t, d))
	b := bind(t, keys, Use{Name: "a"})
	if p, err := b.Subkeys().Primary(base); err != nil || p.ID != k.ID() {
		t.Fatalf("%v, %v", p, err)
	}
	fail.Store(true)
	if err := keys.Replace(next(t, keys.Ring(), nil)); err != nil {
		t.Fatal(err)
	}
	if s := keys.Ring().State(k.ID(), base); s != Unsupported {
		t.Errorf("it is %v", s)
	}
	if _, err := b.Subkeys().Lookup(k.ID(), base); err != ErrUnknownKey {
		t.Errorf("its tokens: %v", err)
	}
	if p, err := b.Subkeys().Primary(base); err != nil || p.ID != good.ID() {
		t.Errorf("%v signs, %v", p, err)
	}
	if _, err := NewRing(Document{Keys: []Key{k}}); err == nil || !strings.Contains(err.Error(), "no key can ever sign") {
		t.Errorf("alone: %v", err)
	}
}

func TestI5KeysKeepTheirSecretsAndDoNotVanish(t *testing.T) {
	start := shop(t)
	var fail atomic.Bool
	custom, err := NewKey(failing(&fail, "error"), testSecret(40))
	if err != nil {
		t.Fatal(err)
	}
	start.Keys = append(start.Keys, custom)
	refuse := errors.New("session: refused")
	var refused *Ring
	k := New(newTestRing(t, start))
	b := bind(t, k, Use{Name: "session"})
	bind(t, k, Use{Name: "other", Check: func(r *Ring) error {
		if r == refused {
			return refuse
		}
		return nil
	}})
	for _, tt := range []struct {
		name string
		edit func(*Document)
		says []string
	}{
		{"another name", func(d *Document) { d.Name = "shop-staging" }, []string{`ring: "shop-staging", and the present ring is "shop"`}},
		{"the same generation", func(d *Document) { d.Generation -= 1; d.NotBefore = on(0) }, []string{"generation: the same"}},
		{"a lower generation", func(d *Document) { d.Generation -= 2 }, []string{"generation: lower"}},
		{"a vanished key", func(d *Document) { remove(t, d, 2) }, []string{"is gone"}},
		{"a vanished disabled key", func(d *Document) { remove(t, d, 6) }, []string{"is gone"}},
		{"a vanished retired key", func(d *Document) { remove(t, d, 5) }, []string{"is gone"}},
		{"a revoked key is back", func(d *Document) { *find(t, d, 7) = newKey(t, 7, signer.XChaCha20Poly1305()) }, []string{"is back"}},
		{"a pruned key is back", func(d *Document) { *find(t, d, 8) = newKey(t, 8, signer.HMACSHA256()) }, []string{"is back"}},
		{"a revoked key is merely pruned", func(d *Document) {
			find(t, d, 7).Revoked, find(t, d, 7).Pruned = time.Time{}, on(0)
		}, []string{"no longer is"}},
		{"another secret", func(d *Document) { find(t, d, 3).secret = hide(testSecret(41)) }, []string{"another secret or algorithm"}},
		{"another algorithm", func(d *Document) { find(t, d, 3).name = "blake2b-256" }, []string{"another secret or algorithm"}},
		{"another algorithm in a tombstone", func(d *Document) {
			find(t, d, 3).Pruned, find(t, d, 3).name = on(0), "blake2b-256"
		}, []string{"another secret or algorithm"}},
		{"a tombstone forgets that it sealed", func(d *Document) {
			find(t, d, 9).Pruned, find(t, d, 9).seals = on(0), false
		}, []string{"must keep seals"}},
		{"a tombstone forgets since when it sealed", func(d *Document) { find(t, d, 7).SignFrom = time.Time{} }, []string{"must keep seals"}},
		{"everything at once", func(d *Document) {
			d.Name, d.Generation = "x", 1
			remove(t, d, 2)
			remove(t, d, 3)
		}, []string{"ring:", "generation:", "is gone", "is gone"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := next(t, k.Ring(), tt.edit)
			snapshot, subkeys := k.now.Load(), b.Subkeys()
			err := k.Replace(r)
			if k.now.Load() != snapshot || b.Subkeys() != subkeys || k.Ring() == r {
				t.Fatal("a refused ring changed the keyring")
			}
			lines := problemsOf(err)
			if len(lines) != len(tt.says) {
				t.Fatalf("got %v, want %d problems", err, len(tt.says))
			}
			for i := range lines {
				if !strings.Contains(lines[i], tt.says[i]) {
					t.Errorf("problem %q, want %q", lines[i], tt.says[i])
				}
			}
			quiet(t, err, testSecret(2), testSecret(3), testSecret(41))
		})
	}
	t.Run("a Check", func(t *testing.T) {
		r := next(t, k.Ring(), nil)
		refused = r
		snapshot := k.now.Load()
		if err := k.Replace(r); !errors.Is(err, refuse) || k.now.Load() != snapshot {
			t.Errorf("got %v", err)
		}
		refused = nil
		if err := k.Replace(r); err != nil || k.Ring() != r {
			t.Errorf("got %v once it is not refused", err)
		}
	})
	t.Run("an algorithm", func(t *testing.T) {
		r := next(t, k.Ring(), nil)
		fail.Store(true)
		snapshot := k.now.Load()
		if err := k.Replace(r); err == nil || !strings.Contains(err.Error(), "out of order") || k.now.Load() != snapshot {
			t.Errorf("got %v", err)
		}
		fail.Store(false)
		if err := k.Replace(r); err != nil {
			t.Error(err)
		}
	})
}

// Not every instance sees every generation. In those between, a key may have been
// scheduled, or unscheduled before it signed, and it has to be possible to revoke it.
func TestReplaceAfterGenerationsNotSeen(t *testing.T) {
	seals := signer.XChaCha20Poly1305()
	for _, tt := range []struct {
		name     string
		was, is  time.Time // sign_from
		accepted bool
	}{
		{"revoked while it stood by", time.Time{}, time.Time{}, true},
		{"scheduled, and revoked", time.Time{}, on(day), true},
		{"unscheduled, and revoked in time", on(day), time.Time{}, true},
		{"unscheduled as it was to sign", on(0), time.Time{}, false},
		{"unscheduled too late", on(-day), time.Time{}, false},
	} {
		k := newKey(t, 2, seals)
		k.SignFrom = tt.was
		d := Document{Name: "shop", Generation: 1, Keys: []Key{hmacKeyAt(t, 1, on(-9*day)), k, newKey(t, 3, seals)}}
		present := newTestRing(t, d)
		d.Generation = 3
		d.Keys[1].SignFrom, d.Keys[1].Revoked = tt.is, on(0)
		if err := New(present).Replace(newTestRing(t, d)); (err == nil) != tt.accepted {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

// Adopted is called with what is the present ring by then, and with nothing else.
func TestAdoptedIsCalledOnceTheRingIsPresent(t *testing.T) {
	k := Ephemeral()
	refuse := false
	var adopted []*Ring
	b := bind(t, k, Use{Name: "a", Adopted: func(r *Ring) {
		adopted = append(adopted, r)
		if k.Ring() != r {
			t.Error("another ring is present")
		}
	}})
	bind(t, k, Use{Name: "b", Check: func(*Ring) error {
		if refuse {
			return errors.New("refused")
		}
		return nil
	}})
	r := added(t, k.Ring())
	refuse = true
	if err := k.Replace(r); err == nil || len(adopted) != 0 {
		t.Errorf("%v, adopted %v", err, adopted)
	}
	refuse = false
	for range 2 { // the second time, it is the present one
		if err := k.Replace(r); err != nil || len(adopted) != 1 || adopted[0] != r || b.Subkeys().Ring() != r {
			t.Errorf("%v, adopted %v", err, adopted)
		}
	}
}

// A binding that is made while a ring takes the place of another waits, and then is
// of the ring that is present by then.
func TestBindWaitsForAReplace(t *testing.T) {
	k := Ephemeral()
	r := added(t, k.Ring())
	judged, judge := make(chan struct{}), make(chan struct{})
	bind(t, k, Use{Name: "a", Check: func(of *Ring) error {
		if of == r {
			close(judged)
			<-judge
		}
		return nil
	}})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := k.Replace(r); err != nil {
			t.Error(err)
		}
	})
	<-judged
	bound := make(chan *Binding, 1)
	wg.Go(func() { bound <- bind(t, k, Use{Name: "b"}) })
	select {
	case b := <-bound:
		bound <- b
		t.Error("it does not wait")
	case <-time.After(20 * time.Millisecond):
	}
	close(judge)
	wg.Wait()
	if b := <-bound; k.Ring() != r || b.Subkeys().Ring() != r {
		t.Errorf("present is %v, and the binding is of %v", k.Ring(), b.Subkeys().Ring())
	}
}

func TestBindRefuses(t *testing.T) {
	k := Ephemeral()
	refuse := errors.New("session: refused")
	for _, u := range []Use{
		{},
		{Audience: "a"},
		{Name: strings.Repeat("n", 1<<16)},
		{Name: "n", Audience: strings.Repeat("a", 1<<16)},
		{Name: "n", Check: func(*Ring) error { return refuse }},
	} {
		snapshot := k.now.Load()
		b, err := k.Bind(u)
		if err == nil || b != nil || u.Check != nil && !errors.Is(err, refuse) {
			t.Errorf("name of %d, audience of %d: %v, %v", len(u.Name), len(u.Audience), b, err)
		}
		if k.now.Load() != snapshot || len(k.bindings) != 0 {
			t.Error("a refused binding is kept")
		}
	}
	bind(t, k, Use{Name: strings.Repeat("n", 1<<16-1), Audience: strings.Repeat("a", 1<<16-1)})
}

// The subkeys of all bindings are of one ring at a time, each complete, and the
// generation that a goroutine sees never falls, while rings are replaced and
// bindings made.
func TestConcurrentReplace(t *testing.T) {
	const rings = 60
	k := New(newTestRing(t, Document{Name: "r", Generation: 1, Keys: []Key{hmacKeyAt(t, 0, on(0))}}))
	first := bind(t, k, Use{Name: "first"})
	var done atomic.Bool
	var lookups atomic.Int64
	var wg sync.WaitGroup
	for g := range 4 {
		wg.Go(func() {
			own := bind(t, k, Use{Name: "own", Audience: fmt.Sprint(g)})
			var last uint64
			msg := []byte("message")
			for !done.Load() {
				s := own.Subkeys()
				if g%2 == 0 {
					s = first.Subkeys()
				}
				generation := s.Ring().Generation()
				if generation < last {
					t.Errorf("generation %d after %d", generation, last)
					return
				}
				last = generation
				now := on(time.Duration(generation) * day)
				p, err := s.Primary(now)
				if err != nil {
					t.Error(err)
					return
				}
				want, err := s.Ring().Primary(now)
				if err != nil || want.ID() != p.ID {
					t.Errorf("primary %v of a ring with %v, %v", p.ID, want, err)
					return
				}
				v, err := s.Lookup(p.ID, now)
				if err != nil || v != p || !v.Signer.Verify(msg, p.Signer.Sign(nil, msg)) {
					t.Errorf("lookup of the primary: %v, %v", v, err)
					return
				}
				lookups.Add(1)
			}
		})
	}
	for n := range rings {
		r := next(t, k.Ring(), func(d *Document) {
			key := newKey(t, n+1, signer.HMACSHA256())
			key.Added = on(time.Duration(n) * time.Second)
			key.SignFrom = on(time.Duration(n+2) * day)
			if len(d.Keys) > 20 {
				d.Keys[len(d.Keys)-20].Pruned = on(0)
			}
			d.Keys = append(d.Keys, key)
		})
		if err := k.Replace(r); err != nil {
			t.Fatal(err)
		}
		if n%10 == 0 {
			bind(t, k, Use{Name: "late", Audience: fmt.Sprint(n)})
			// One that does not fit changes nothing.
			if err := k.Replace(next(t, r, func(d *Document) { d.Keys = d.Keys[len(d.Keys)-1:] })); err == nil {
				t.Fatal("a ring without its keys is taken")
			}
		}
	}
	done.Store(true)
	wg.Wait()
	t.Logf("%d rings, %d lookups", rings, lookups.Load())
}

// ringOf returns a ring of n keys that all verify, the last of which signs.
func ringOf(t testing.TB, n int) (*Ring, KeyID) {
	t.Helper()
	var keys []Key
	for i := range n {
		keys = append(keys, hmacKeyAt(t, i, on(time.Duration(i-n)*day)))
		if i < n-1 {
			keys[i].VerifyUntil = on(time.Duration(i-n+1)*day + 400*day)
		}
	}
	return newTestRing(t, Document{Keys: keys}), keys[n/2].id
}

func TestNoAllocation(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, n := range []int{1, 64} {
		r, id := ringOf(t, n)
		b := bind(t, New(r), Use{Name: "session"})
		now := on(time.Hour)
		unknown := KeyID{1, 2, 3, 4}
		for name, f := range map[string]func(){
			"Subkeys":          func() { b.Subkeys() },
			"Primary":          func() { b.Subkeys().Primary(now) },
			"Primary of none":  func() { b.Subkeys().Primary(time.Time{}) },
			"Lookup":           func() { b.Subkeys().Lookup(id, now) },
			"Lookup of none":   func() { b.Subkeys().Lookup(unknown, now) },
			"Lookup, retired":  func() { b.Subkeys().Lookup(id, on(9000*day)) },
			"Keyring.Ring":     func() { b.Subkeys().Ring().NotBefore() },
			"Keyring.Policy":   func() { b.Subkeys().Ring().Policy() },
			"Ring.State":       func() { r.State(id, now) },
			"Ring.Primary":     func() { r.Primary(now) },
			"Ring.Generation":  func() { r.Generation() },
			"Replace the same": func() { b.keyring.Replace(r) },
		} {
			if a := testing.AllocsPerRun(100, f); a != 0 {
				t.Errorf("%s with %d keys: %v allocations", name, n, a)
			}
		}
	}
}

func TestSubkeysAreMadeOncePerRing(t *testing.T) {
	var made int
	k, err := NewKey(capturing(t, "hmac-sha256", func([]byte) { made++ }), testSecret(1))
	if err != nil {
		t.Fatal(err)
	}
	keys, err := FromKeys(k)
	if err != nil {
		t.Fatal(err)
	}
	made = 0 // the ring has tried whether it can
	b := bind(t, keys, Use{Name: "session"})
	for range 100 {
		s, err := b.Subkeys().Primary(base)
		if err != nil {
			t.Fatal(err)
		}
		s.Signer.Verify([]byte("m"), bytes.Repeat([]byte{1}, 32))
	}
	if made != 1 {
		t.Errorf("%d signers made, want 1", made)
	}
}

func BenchmarkLookup(b *testing.B) {
	for _, n := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			r, id := ringOf(b, n)
			binding := bind(b, New(r), Use{Name: "session"})
			now := on(time.Hour)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := binding.Subkeys().Lookup(id, now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPrimary(b *testing.B) {
	for _, n := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			r, _ := ringOf(b, n)
			binding := bind(b, New(r), Use{Name: "session"})
			now := on(time.Hour)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := binding.Subkeys().Primary(now); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkReplace is what a reload costs besides reading, with two bindings.
func BenchmarkReplace(b *testing.B) {
	for _, n := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("keys=%d", n), func(b *testing.B) {
			r, _ := ringOf(b, n)
			k := New(r)
			bind(b, k, Use{Name: "session"})
			bind(b, k, Use{Name: "other"})
			b.ReportAllocs()
			for b.Loop() {
				if err := k.Replace(next(b, k.Ring(), nil)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
