package demo

import (
	"errors"
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

// newRing returns a ring as the command makes it.
func newRing(t *testing.T) *ring {
	t.Helper()
	now := time.Now()
	first, standby := added(signer.HMACSHA256(), now), added(signer.HMACSHA256(), now)
	first.SignFrom = now
	r, err := keyring.NewRing(keyring.Document{Name: "demo", Generation: 1, Keys: []keyring.Key{first, standby}})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "keyring.json")
	if err := keyring.WriteFile(path, r); err != nil {
		t.Fatal(err)
	}
	return &ring{path: path, keys: keyring.New(r)}
}

// Whatever is clicked in whatever order: every generation is one that a keyring
// takes, is on the disk before, leaves nobody's key behind, and has what an
// emergency needs.
func TestEveryEditLeavesARingAsItShouldBe(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	r := newRing(t)
	binding, err := r.keys.Bind(keyring.Use{Name: "session"})
	if err != nil {
		t.Fatal(err)
	}
	type issued struct {
		id keyring.KeyID
		at time.Time
	}
	var tokens []issued
	algorithm, codec := "hmac-sha256", "json"
	edits := 0
	for len(r.keys.Ring().Document().Keys) < maxKeys-3 {
		now := time.Now()
		primary, err := binding.Subkeys().Primary(now)
		if err != nil {
			t.Fatal(err)
		}
		tokens = append(tokens, issued{primary.ID, now})

		generation := r.keys.Ring().Generation()
		switch random.IntN(3) {
		case 0:
			err = r.edit(turn)
		case 1:
			a := algorithms[random.IntN(3)]
			if err = r.edit(switchTo(a)); a.Name == algorithm {
				if !errors.Is(err, errSame) {
					t.Fatalf("the same algorithm: %v", err)
				}
				continue
			}
			algorithm = a.Name
		case 2:
			c := codecs[random.IntN(3)].Name()
			if err = r.edit(writeWith(c)); c == codec {
				if !errors.Is(err, errSame) {
					t.Fatalf("the same codec: %v", err)
				}
				continue
			}
			codec = c
		}
		if err != nil {
			t.Fatal(err)
		}
		edits++
		ring := r.keys.Ring()
		if ring.Generation() != generation+1 {
			t.Errorf("generation %d after %d", ring.Generation(), generation)
		}
		stored, err := keyring.ReadFile(r.path)
		if err != nil {
			t.Fatal(err)
		}
		if stored.Checksum() != ring.Checksum() {
			t.Error("the ring on the disk is another one")
		}
		now = time.Now()
		if w := ring.Warnings(now); len(w) > 0 {
			t.Errorf("%q", w)
		}
		standby := 0
		for _, k := range ring.Document().Keys {
			if ring.State(k.ID(), now) == keyring.Standby {
				standby++
			}
		}
		if standby != 1 {
			t.Errorf("%d keys stand by, want 1", standby)
		}
		if primary, err := ring.Primary(now); err != nil || primary.Algorithm() != algorithm {
			t.Errorf("%v signs (%v), want one of %s", primary, err, algorithm)
		}
		if c := presentCodec(ring, now); c != codec {
			t.Errorf("%s is written, want %s", c, codec)
		}
		p := ring.Policy()
		for _, tok := range tokens {
			for _, at := range []time.Time{now, tok.at.Add(p.MaxSession)} {
				if _, err := binding.Subkeys().Lookup(tok.id, at); err != nil {
					t.Fatalf("a token of %v does not verify at %v: %v", tok.at, at, err)
				}
			}
		}
	}
	if edits < 30 {
		t.Errorf("%d edits", edits)
	}
	if n := len(r.keys.Ring().Codecs()); n > maxCodecs {
		t.Errorf("%d codecs are scheduled", n)
	}
	// It does not grow for ever, and stays as it is when it is full.
	for range maxKeys {
		if err = r.edit(turn); err != nil {
			break
		}
	}
	hash := r.keys.Ring().Checksum()
	if !errors.Is(err, errFull) || !errors.Is(r.edit(turn), errFull) || r.keys.Ring().Checksum() != hash {
		t.Errorf("a full ring: %v", err)
	}
	if err := r.edit(writeWith(map[bool]string{true: "cbor", false: "json"}[codec == "json"])); err != nil {
		t.Errorf("the codec of a full ring: %v", err)
	}
	stored, err := keyring.ReadFile(r.path)
	if err != nil || stored.Checksum() != r.keys.Ring().Checksum() {
		t.Errorf("after a restart: %v", err)
	}
}

// Keys go when the sessions that they signed are over, and their tombstones
// when nobody can remember them.
func TestKeysArePruned(t *testing.T) {
	r := newRing(t)
	for range 3 {
		if err := r.edit(turn); err != nil {
			t.Fatal(err)
		}
	}
	ring := r.keys.Ring()
	p := ring.Policy()
	now := time.Now()
	count := func(after time.Duration) (tombstones, keys int) {
		d := ring.Document()
		if _, err := d.Prune(now.Add(after)); err != nil {
			t.Fatal(err)
		}
		for _, k := range d.Keys {
			if k.Pruned.IsZero() {
				keys++
			} else {
				tombstones++
			}
		}
		next, err := keyring.NewRing(d)
		if err != nil {
			t.Fatal(err)
		}
		ring = next
		return tombstones, keys
	}
	over := p.MaxSession + 2*p.Skew + time.Minute
	for _, step := range []struct {
		after            time.Duration
		tombstones, keys int
	}{
		{0, 0, 5},
		{over - 2*time.Minute, 0, 5},
		{over, 3, 2},
		{2 * over, 0, 2},
	} {
		if tombstones, keys := count(step.after); tombstones != step.tombstones || keys != step.keys {
			t.Errorf("after %v: %d tombstones and %d keys, want %d and %d", step.after, tombstones, keys, step.tombstones, step.keys)
		}
	}
}

// An edit prunes, so that a demo that goes on for weeks does not fill up.
func TestEditsPrune(t *testing.T) {
	r := newRing(t)
	d := r.keys.Ring().Document()
	old := added(signer.HMACSHA256(), time.Now().Add(-60*24*time.Hour))
	old.SignFrom, old.VerifyUntil = old.Added, time.Now().Add(-time.Hour)
	d.Keys = append(d.Keys, old)
	d.Generation++
	next, err := keyring.NewRing(d)
	if err != nil {
		t.Fatal(err)
	}
	if err := keyring.WriteFile(r.path, next); err != nil {
		t.Fatal(err)
	}
	if err := r.keys.Replace(next); err != nil {
		t.Fatal(err)
	}
	if err := r.edit(turn); err != nil {
		t.Fatal(err)
	}
	if s := r.keys.Ring().State(old.ID(), time.Now()); s != keyring.Pruned {
		t.Errorf("a key whose sessions are over is %s", s)
	}
}

// A clock that was stepped back, or that stands still, does not put an edit
// before the one before it.
func TestEditsFollowOneAnother(t *testing.T) {
	now := time.Now().UTC().Round(0)
	for _, last := range []time.Time{now.Add(-time.Hour), now, now.Add(time.Hour)} {
		k := added(signer.HMACSHA256(), now)
		k.SignFrom = last
		for name, d := range map[string]keyring.Document{
			"key":   {Keys: []keyring.Key{added(signer.HMACSHA256(), now), k}},
			"codec": {Codecs: []keyring.CodecFrom{{Codec: "cbor", From: last}}},
		} {
			if at := later(d, now); !at.After(last) || at.Before(now) || at.Sub(now) > time.Hour+time.Nanosecond {
				t.Errorf("an edit at %v is put at %v, after that of a %s at %v", now, at, name, last)
			}
		}
	}
}

func TestEventsAreTheVisitorsOwn(t *testing.T) {
	var l events
	for i := range 3 * maxEvents {
		e := entry{Path: "/"}
		e.Cookie.ID = []string{"a", "b", ""}[i%3]
		l.add(e)
	}
	if n := len(l.last); n != maxEvents {
		t.Errorf("%d are kept, want %d", n, maxEvents)
	}
	if n := len(l.of("", 5)); n != 0 {
		t.Errorf("%d for nobody", n)
	}
	found := l.of("a", 5)
	if len(found) != 5 {
		t.Errorf("%d found, want 5", len(found))
	}
	for _, e := range found {
		if e.Cookie.ID != "a" {
			t.Errorf("an event of %q", e.Cookie.ID)
		}
	}
}
