package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/signer"
)

const (
	day   = 24 * time.Hour
	reach = DefaultMaxSession + DefaultSkew
)

// on is base plus d, to keep tables short.
func on(d time.Duration) time.Time { return base.Add(d) }

func TestPrimaryRule(t *testing.T) {
	a, b, c := newKey(t, 1, signer.HMACSHA256()), newKey(t, 2, signer.HMACSHA256()), newKey(t, 3, signer.BLAKE2b256())
	x, y := newKey(t, 4, signer.XChaCha20Poly1305()), newKey(t, 5, signer.XChaCha20Poly1305())
	from := func(k Key, d time.Duration) Key { k.SignFrom = on(d); return k }
	until := func(k Key, d time.Duration) Key { k.VerifyUntil = on(d); return k }
	disabled := func(k Key) Key { k.Disabled = true; return k }
	revoked := func(k Key) Key { k.Revoked = on(0); return k }
	pruned := func(k Key) Key { k.Pruned = on(0); return k }
	// The greater of a and b by ID.
	greater, lesser := a, b
	if bytes.Compare(a.id[:], b.id[:]) < 0 {
		greater, lesser = b, a
	}
	// Which says nothing: the lesser was added later.
	lesser.Added = on(-9 * day)
	greater.Added = on(-10 * day)
	tests := []struct {
		name  string
		keys  []Key
		now   time.Duration // after base
		want  Key           // the zero Key: ErrNoPrimary
		basis basis
	}{
		{"one key", []Key{from(a, 0)}, 0, a, due},
		{"one key, long after", []Key{from(a, 0)}, 5000 * day, a, due},
		{"the latest of two", []Key{from(a, -2*day), from(b, -day)}, 0, b, due},
		{"the latest of three", []Key{from(b, -day), from(a, -2*day), from(c, -3*day)}, 0, b, due},
		{"a pending key does not sign", []Key{from(a, -day), from(b, day)}, 0, a, due},
		{"a pending key, a nanosecond before", []Key{from(a, -day), from(b, day)}, day - 1, a, due},
		{"a pending key is due", []Key{from(a, -day), from(b, day)}, day, b, due},
		{"a standby key does not sign", []Key{from(a, -day), b}, 0, a, due},
		{"a standby key does not sign even alone", []Key{b, disabled(from(a, -day)), from(c, 50*day)}, 0, c, early},

		{"revoked as it was to sign, it lifts no seal", []Key{from(a, -2*day), disabled(from(x, -day)), revoked(from(b, 0))}, 0, Key{}, none},
		{"revoked a nanosecond later, it has lifted it", []Key{from(a, -2*day), disabled(from(x, -day)), revoked(from(b, -1))}, 0, a, due},

		{"verifies for exactly long enough", []Key{from(a, -day), until(from(b, -1), reach)}, 0, b, due},
		{"verifies for exactly long enough from the first", []Key{from(a, -day), until(from(b, 0), reach)}, 0, b, due},
		{"verifies for a nanosecond too short from the first", []Key{from(a, -day), until(from(b, 0), reach-1)}, 0, a, due},
		{"verifies for a nanosecond too short", []Key{from(a, -day), until(from(b, -1), reach-1)}, 0, a, due},
		{"of two that verify too short, the next is due early", []Key{until(from(a, -day), reach-1), until(from(b, -2*day), reach-2), from(c, day)}, 0, c, early},
		{"the earliest scheduled", []Key{from(a, 3*day), from(b, day), from(c, 2*day)}, 0, b, early},
		{"a scheduled key counts however long it verifies", []Key{from(a, 3*day), until(from(b, day), day+1)}, 0, b, early},
		{"slow clock", []Key{from(a, 0)}, -1, a, early},
		{"slow clock by years", []Key{from(a, 0)}, -20 * 365 * day, a, early},
		{"else the latest usable", []Key{until(from(a, -2*day), day), until(from(b, -day), 2*day)}, 0, b, late},
		{"else the latest usable, not the one that verifies longest", []Key{until(from(a, -2*day), 9*day), until(from(b, -day), 2*day)}, 0, b, late},
		{"retired keys do not sign", []Key{until(from(a, -2*day), 0), until(from(b, -3*day), 1)}, 0, b, late},
		{"nothing but retired keys", []Key{until(from(a, -2*day), 0), b}, 0, Key{}, none},
		{"nothing but retired keys, a nanosecond before", []Key{until(from(a, -2*day), 0), b}, -1, a, late},

		{"a disabled key does not sign", []Key{from(a, -2*day), disabled(from(b, -day))}, 0, a, due},
		{"a revoked key does not sign", []Key{from(a, -2*day), revoked(from(b, -day))}, 0, a, due},
		{"a pruned key does not sign", []Key{from(a, -2*day), pruned(from(b, -day))}, 0, a, due},
		{"an unsupported key does not sign", []Key{from(a, -2*day), unsupported(from(b, -day))}, 0, a, due},
		{"an emergency: the standby takes over", []Key{revoked(from(a, -9*day)), from(b, -DefaultSkew)}, 0, b, due},
		{"an emergency, for a clock slower than expected", []Key{revoked(from(a, -9*day)), from(b, -DefaultSkew)}, -DefaultSkew - 1, b, early},

		{"the greater ID of two", []Key{from(greater, 0), from(lesser, 0)}, 0, greater, due},
		{"the greater ID of two, too early", []Key{from(greater, 0), from(lesser, 0)}, -1, greater, early},
		{"the greater ID of two, too late", []Key{until(from(greater, 0), day), until(from(lesser, 0), day)}, 0, greater, late},
		{"the lesser ID when the greater is out of use", []Key{disabled(from(greater, 0)), from(lesser, 0)}, 0, lesser, due},
		{"of two for one time, the one that seals", []Key{from(a, 0), from(b, 0), from(x, 0)}, 0, x, due},
		{"of two for one time, the one that seals, too early", []Key{from(a, 0), from(b, 0), from(x, 0)}, -1, x, early},

		{"from signed to sealed", []Key{from(a, -day), from(x, 0)}, 0, x, due},
		{"before that", []Key{from(a, -day), from(x, 0)}, -1, a, due},
		{"from sealed to signed, as scheduled", []Key{from(x, -day), from(a, 0)}, 0, a, due},
		{"before that, sealed", []Key{from(x, -day), from(a, 0)}, -1, x, due},
		{"the sealing key is disabled", []Key{from(a, -2*day), disabled(from(x, -day))}, 0, Key{}, none},
		{"the sealing key is revoked", []Key{from(a, -2*day), revoked(from(x, -day))}, 0, Key{}, none},
		{"the sealing key is pruned", []Key{from(a, -2*day), pruned(from(x, -day))}, 0, Key{}, none},
		{"the sealing key is unsupported", []Key{from(a, -2*day), unsupported(from(x, -day))}, 0, Key{}, none},
		{"the sealing key is retired", []Key{from(a, -2*day), until(from(x, -day), 0)}, 0, Key{}, none},
		{"the sealing key verifies too short, and is taken all the same", []Key{from(a, -2*day), until(from(x, -day), reach-1)}, 0, x, late},
		{"not early from sealed to signed", []Key{disabled(from(x, -day)), from(a, day)}, 0, Key{}, none},
		{"early from sealed to sealed", []Key{disabled(from(x, -day)), from(a, day), from(y, 2*day)}, 0, y, early},
		{"back to an older sealing key", []Key{from(y, -3*day), from(a, -2*day), revoked(from(x, -day))}, 0, y, due},
		{"before the sealing key's time, a signing one", []Key{from(a, -2*day), revoked(from(x, 1))}, 0, a, due},
		{"at the sealing key's time, none", []Key{from(a, -2*day), revoked(from(x, 1))}, 1, Key{}, none},
		{"one of two for one time seals and is out of use", []Key{from(a, 0), disabled(from(x, 0))}, 0, Key{}, none},
		{"signed again after a sealing key that is out of use", []Key{revoked(from(x, -day)), from(a, 0)}, 0, a, due},
		{"a disabled key does not end sealing", []Key{from(a, -3*day), until(from(x, -2*day), day), disabled(from(b, -day))}, 0, x, late},
		{"a key revoked before its time does not end sealing", []Key{from(a, -3*day), until(from(x, -2*day), 2*day), revoked(from(b, day))}, day, x, late},
		{"a key pruned as its time came does not end sealing", []Key{from(a, -3*day), until(from(x, -2*day), 2*day), pruned(from(b, 0))}, day, x, late},
		{"nor in a ring whose sealing key is out of use", []Key{from(a, -3*day), disabled(from(x, -2*day)), revoked(from(b, day))}, 2 * day, Key{}, none},
		{"a key that signed and was revoked has ended sealing", []Key{pruned(from(x, -9*day)), revoked(from(a, -1)), from(b, day)}, 0, b, early},
		{"a key that signed and was pruned has ended sealing", []Key{pruned(from(x, -9*day)), pruned(from(a, -1)), from(b, day)}, 0, b, early},
		{"a key that signed and retired has ended sealing", []Key{pruned(from(x, -9*day)), until(from(a, -day), 0), from(b, day)}, 0, b, early},
		{"an unsupported key has ended sealing, elsewhere", []Key{pruned(from(x, -9*day)), unsupported(from(a, -day)), from(b, day)}, 0, b, early},
		{"a key that took the place of one that died has ended sealing", []Key{from(x, -9*day), revoked(from(a, day)), from(b, 2*day)}, 2 * day, b, due},
		{"a dead key for the time of a sealing one", []Key{from(x, 0), revoked(from(a, 0)), from(b, -day)}, 0, x, due},
		{"a sealing standby does not count", []Key{from(a, 0), x}, 0, a, due},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, keys := range [][]Key{tt.keys, reverse(tt.keys)} {
				// A key of another time, so that the ring is one whatever the case.
				other := newKey(t, 99, signer.HMACSHA256())
				other.SignFrom = on(-30000 * time.Hour)
				other.VerifyUntil = other.SignFrom.Add(1)
				r := newTestRing(t, Document{Keys: append([]Key{other}, keys...)})
				now := on(tt.now)
				if r.document.Keys[r.index[other.id]].Usable(now) || now.Before(other.SignFrom) {
					r = newTestRing(t, Document{Keys: keys})
				}
				got, err := r.Primary(now)
				if tt.want.id == (KeyID{}) {
					if !errors.Is(err, ErrNoPrimary) || got.id != (KeyID{}) {
						t.Errorf("got %v, %v, want ErrNoPrimary", got, err)
					}
				} else if err != nil || got.id != tt.want.id {
					t.Errorf("got %v, %v, want %v", got, err, tt.want)
				}
				if b := r.changes[r.at(now)].basis; b != tt.basis {
					t.Errorf("basis %d, want %d", b, tt.basis)
				}
				subkey, err := bind(t, New(r), Use{Name: "session"}).Subkeys().Primary(now)
				if (err == nil) != (tt.want.id != KeyID{}) || err == nil && subkey.ID != tt.want.id {
					t.Errorf("subkey %v, %v, want of %v", subkey, err, tt.want)
				}
			}
		})
	}
}

// Sessions that were promised the former, longer life may be reissued: the
// primary must outlast those too.
func TestPrimaryOutlastsTheLongestSessionEver(t *testing.T) {
	old, next := hmacKeyAt(t, 1, on(-9*day)), hmacKeyAt(t, 2, on(-10*day))
	old.VerifyUntil = on(20 * day)
	keys := []Key{old, next}
	for _, tt := range []struct {
		policy Policy
		want   Key
	}{
		{Policy{}, old},
		{Policy{MaxSession: 7 * day}, old},
		{Policy{MaxSession: 7 * day, MaxSessionHigh: 30 * day}, next},
		{Policy{MaxSession: 20 * day, Skew: 1}, next},
		{Policy{MaxSession: 20*day - time.Hour, Skew: time.Hour}, old},
		{Policy{MaxSession: 20*day - time.Hour, Skew: time.Hour + 1}, next},
	} {
		got, err := newTestRing(t, Document{Policy: tt.policy, Keys: keys}).Primary(on(0))
		if err != nil || got.id != tt.want.id {
			t.Errorf("%+v: %v, %v, want %v", tt.policy, got, err, tt.want)
		}
	}
}

// specified is the rule of the primary, written once more in the order of its
// words and without the schedule.
func specified(keys []Key, y Policy, now time.Time) (Key, bool) {
	order := func(keys []Key) []Key {
		sort.Slice(keys, func(i, j int) bool {
			a, b := keys[i], keys[j]
			if !a.SignFrom.Equal(b.SignFrom) {
				return a.SignFrom.Before(b.SignFrom)
			}
			if a.Seals() != b.Seals() {
				return b.Seals()
			}
			return a.ID().String() < b.ID().String()
		})
		return keys
	}
	filter := func(keys []Key, f func(Key) bool) []Key {
		var kept []Key
		for _, k := range keys {
			if f(k) {
				kept = append(kept, k)
			}
		}
		return order(kept)
	}
	begun := func(k Key) bool { return !k.SignFrom.IsZero() && !k.SignFrom.After(now) }
	usable := filter(keys, func(k Key) bool {
		return !k.SignFrom.IsZero() && !k.Disabled && k.Revoked.IsZero() && k.Pruned.IsZero() && k.isSupported() &&
			(k.VerifyUntil.IsZero() || k.VerifyUntil.After(now))
	})
	counts := filter(keys, func(k Key) bool {
		died := !k.Revoked.IsZero() && !k.Revoked.After(k.SignFrom) || !k.Pruned.IsZero() && !k.Pruned.After(k.SignFrom)
		return begun(k) && (k.Seals() || !died && !k.Disabled)
	})
	if len(counts) > 0 && counts[len(counts)-1].Seals() {
		usable = filter(usable, Key.Seals)
	}
	end := now.Add(y.MaxSessionHigh).Add(y.Skew)
	if best := filter(usable, func(k Key) bool { return begun(k) && (k.VerifyUntil.IsZero() || !k.VerifyUntil.Before(end)) }); len(best) > 0 {
		return best[len(best)-1], true
	}
	if next := filter(usable, func(k Key) bool { return !begun(k) }); len(next) > 0 {
		first := filter(next, func(k Key) bool { return k.SignFrom.Equal(next[0].SignFrom) })
		return first[len(first)-1], true
	}
	if rest := filter(usable, begun); len(rest) > 0 {
		return rest[len(rest)-1], true
	}
	return Key{}, false
}

// randomDocument returns a document with times on a coarse grid, so that ties
// and coincidences are common.
func randomDocument(rng *rand.Rand, pool []Key) Document {
	grid := func(n int) time.Time { return on(time.Duration(rng.IntN(n)-n/2) * 7 * day) }
	d := Document{Policy: Policy{MaxSession: time.Duration(rng.IntN(3)) * 7 * day, Skew: time.Duration(rng.IntN(2)) * time.Hour}}
	rng.Shuffle(len(pool), func(i, j int) { pool[i], pool[j] = pool[j], pool[i] })
	for _, k := range pool[:1+rng.IntN(min(7, len(pool)))] {
		k.Added = grid(5)
		if rng.IntN(5) > 0 {
			k.SignFrom = grid(9)
		}
		if rng.IntN(2) > 0 {
			if k.VerifyUntil = grid(13); !k.SignFrom.IsZero() && !k.SignFrom.Before(k.VerifyUntil) {
				k.VerifyUntil = time.Time{}
			}
		}
		switch rng.IntN(10) {
		case 0:
			k.Disabled = true
		case 1:
			k.Revoked = on(0)
		case 2:
			k.Pruned = on(0)
		case 3:
			k = unsupported(k)
		}
		d.Keys = append(d.Keys, k)
	}
	return d
}

// moments returns times around everything that a document mentions.
func moments(rng *rand.Rand, r *Ring) []time.Time {
	var ts []time.Time
	for _, k := range r.document.Keys {
		for _, t := range []time.Time{k.SignFrom, k.VerifyUntil, k.VerifyUntil.Add(-r.reach())} {
			if !t.IsZero() && t.Year() > 1970 {
				ts = append(ts, t.Add(-1), t, t.Add(1))
			}
		}
	}
	for range 5 {
		ts = append(ts, on(time.Duration(rng.Int64N(int64(200*day)))-100*day))
	}
	return append(ts, time.Time{}, on(100*365*day), on(-50*365*day))
}

func TestPrimaryProperties(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var pool []Key
	for n := range 9 {
		pool = append(pool, newKey(t, n, signer.All()[n%3]))
	}
	rings, tried, refused, chosen, nobody := 3000, 0, 0, 0, 0
	if testing.Short() || raceEnabled {
		rings = 500
	}
	for range rings {
		d := randomDocument(rng, pool)
		r, err := NewRing(d)
		if err != nil {
			if !strings.Contains(err.Error(), "no key can ever sign") {
				t.Fatal(err)
			}
			refused++
			continue
		}
		// The same keys in another order are the same ring.
		shuffled := r.Document()
		rng.Shuffle(len(shuffled.Keys), func(i, j int) {
			shuffled.Keys[i], shuffled.Keys[j] = shuffled.Keys[j], shuffled.Keys[i]
		})
		permuted := newTestRing(t, shuffled)
		if permuted.Checksum() != r.Checksum() {
			t.Fatal("the checksum depends on the order of the keys")
		}
		s := bind(t, New(r), Use{Name: "session"}).Subkeys()
		for _, now := range moments(rng, r) {
			tried++
			got, err := r.Primary(now)
			want, ok := specified(d.Keys, r.Policy(), now)
			if (err == nil) != ok || got.id != want.id {
				t.Fatalf("at %v: %v, %v, want %v (%+v)", now, got, err, want, d)
			}
			if p, err2 := permuted.Primary(now); p.id != got.id || !errors.Is(err2, err) {
				t.Fatalf("at %v: %v, permuted %v", now, got, p)
			}
			active := 0
			for _, k := range d.Keys {
				state := r.State(k.id, now)
				if permuted.State(k.id, now) != state {
					t.Fatalf("at %v: the state of %v depends on the order of the keys", now, k)
				}
				if state == Active {
					active++
				}
				verifies := state == Active || state == Standby || state == Pending || state == Retiring
				sub, err := s.Lookup(k.id, now)
				if (err == nil) != verifies || k.Usable(now) != verifies {
					t.Fatalf("at %v: %v is %v: Usable is %v, Lookup %v", now, k, state, k.Usable(now), err)
				}
				if err == nil && (sub.ID != k.id || sub.Algorithm != k.name || !sub.SignFrom.Equal(k.SignFrom) || (sub.Signer == nil) == (sub.Sealer == nil)) {
					t.Fatalf("at %v: %v has the subkey %+v", now, k, sub)
				}
			}
			if err != nil {
				nobody++
				if active != 0 {
					t.Fatalf("at %v: %d active keys and no primary", now, active)
				}
				continue
			}
			chosen++
			switch {
			case active != 1 || r.State(got.id, now) != Active:
				t.Fatalf("at %v: %d active keys", now, active)
			case got.SignFrom.IsZero():
				t.Fatalf("at %v: the standby key %v signs", now, got)
			case !got.Usable(now):
				t.Fatalf("at %v: %v signs and does not verify", now, got)
			}
			// Never from sealed to signed: if a sealing key's time came last, but
			// for keys that were dead when theirs came, then what signs seals.
			if !got.seals {
				for _, k := range d.Keys {
					later := func(o Key) bool {
						dead := o.Disabled || !o.Revoked.IsZero() && !o.Revoked.After(o.SignFrom) || !o.Pruned.IsZero() && !o.Pruned.After(o.SignFrom)
						return !o.SignFrom.IsZero() && o.SignFrom.After(k.SignFrom) && !o.SignFrom.After(now) && !dead
					}
					if k.seals && !k.SignFrom.IsZero() && !k.SignFrom.After(now) && !slices.ContainsFunc(d.Keys, later) {
						t.Fatalf("at %v: %v signs after %v sealed", now, got, k)
					}
				}
			}
		}
	}
	t.Logf("%d rings (%d refused), %d times: %d primaries, %d times none", rings, refused, tried, chosen, nobody)
	if chosen < tried/2 || nobody < 100 || refused < 10 {
		t.Error("the random rings are too much alike")
	}
}

// Primaries tells of every change and of nothing else: between two of them, and at
// each, it is the key that Primary returns.
func TestPrimariesAreThePrimaryAtEveryTime(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	var pool []Key
	for n := range 9 {
		pool = append(pool, newKey(t, n, signer.All()[n%3]))
	}
	for range 300 {
		r, err := NewRing(randomDocument(rng, pool))
		if err != nil {
			continue
		}
		times := moments(rng, r)
		for _, start := range times {
			var from []time.Time
			var keys []Key
			for t, k := range r.Primaries(start) {
				from, keys = append(from, t), append(keys, k)
			}
			if !from[0].Equal(start) {
				t.Fatalf("the first is from %v, want %v", from[0], start)
			}
			for i := 1; i < len(from); i++ {
				before, _ := r.Primary(from[i].Add(-1))
				if keys[i].id == keys[i-1].id || !from[i].After(from[i-1]) || before.id != keys[i-1].id {
					t.Fatalf("%v from %v follows %v from %v", keys[i], from[i], keys[i-1], from[i-1])
				}
			}
			for _, now := range times {
				if now.Before(start) {
					continue
				}
				i := sort.Search(len(from), func(i int) bool { return from[i].After(now) }) - 1
				if want, _ := r.Primary(now); keys[i].id != want.id {
					t.Fatalf("from %v, at %v: %v, want %v", start, now, keys[i], want)
				}
			}
			for range r.Primaries(start) {
				break // which it does not mind
			}
		}
	}
}

// Over any schedule that rotates by the rules, every clock within the skew, on
// the present ring or the one before it, finds a primary, and that is never one
// that ceases to verify too soon; and every instance knows it.
func TestLegalSchedulesAlwaysHaveAPrimary(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	algorithms := signer.All()
	schedules := 150
	if testing.Short() || raceEnabled {
		schedules = 30
	}
	tried, n := 0, 1000
	for range schedules {
		y := Policy{
			Skew:       time.Duration(rng.IntN(10)) * time.Minute,
			MaxSession: time.Duration(1+rng.IntN(30)) * day,
		}
		lag := time.Duration(rng.IntN(60)) * time.Minute
		y.Propagation = lag + 2*y.Skew + 1
		if y.Skew == 0 {
			y.Skew = 1 // zero is the default
		}
		kind := rng.IntN(len(algorithms))
		fresh := func() Key { n++; return newKey(t, n, algorithms[kind]) }
		now := base
		first := fresh()
		first.SignFrom = now
		d := Document{Name: "legal", Generation: 1, Published: now, Policy: y, Keys: []Key{first, fresh()}}
		rings := []*Ring{newTestRing(t, d)}
		for range 8 {
			now = now.Add(y.Propagation + time.Duration(rng.Int64N(int64(20*day))))
			d = rings[len(rings)-1].Document()
			d.Generation++
			d.Published = now
			// What has retired may go.
			for i, k := range d.Keys {
				if !k.VerifyUntil.IsZero() && now.After(k.VerifyUntil.Add(y.Skew)) && !k.isTombstone() {
					d.Keys[i].Pruned = now
				}
			}
			primary := slices.IndexFunc(d.Keys, func(k Key) bool { return rings[len(rings)-1].State(k.id, now) == Active })
			standby := slices.IndexFunc(d.Keys, func(k Key) bool { return k.SignFrom.IsZero() && !k.isTombstone() })
			switch rng.IntN(4) {
			case 0: // an emergency
				d.Keys[primary].Revoked = now
				d.Keys[standby].SignFrom = now.Add(-y.Skew)
				d.Keys = append(d.Keys, fresh())
			case 1: // another algorithm
				kind = rng.IntN(len(algorithms))
				k := fresh()
				k.SignFrom = now.Add(y.Propagation)
				d.Keys[primary].VerifyUntil = k.SignFrom.Add(y.MaxSession + y.Skew)
				d.Keys[standby].Pruned = now
				d.Keys = append(d.Keys, k, fresh())
			default: // routine
				d.Keys[standby].SignFrom = now.Add(y.Propagation + time.Duration(rng.IntN(3))*time.Hour)
				d.Keys[primary].VerifyUntil = d.Keys[standby].SignFrom.Add(y.MaxSession + y.Skew)
				d.Keys = append(d.Keys, fresh())
			}
			next := newTestRing(t, d)
			if found := succession(rings[len(rings)-1], next); found != nil {
				t.Fatal(found)
			}
			rings = append(rings, next)
		}
		for i, r := range rings {
			// The ring is the present one until the next is published, and the
			// instance that lags has it for lag longer.
			end := r.document.Published.Add(60 * day)
			if i+1 < len(rings) {
				end = rings[i+1].document.Published.Add(lag)
			}
			for range 60 {
				now := r.document.Published.Add(time.Duration(rng.Int64N(int64(end.Sub(r.document.Published)))))
				for _, skew := range []time.Duration{0, -y.Skew, y.Skew} {
					tried++
					local := now.Add(skew)
					p, err := r.Primary(local)
					if err != nil {
						t.Fatalf("ring %d at %v: %v", i, local, err)
					}
					if b := r.changes[r.at(local)].basis; b == late || b == early && i > 0 {
						t.Fatalf("ring %d at %v: basis %d", i, local, b)
					}
					// Neighbours know it, unless it was revoked meanwhile.
					for j := max(0, i-1); j <= min(i+1, len(rings)-1); j++ {
						published := rings[j].document.Published
						if j > i && now.Before(published) || j < i && now.After(r.document.Published.Add(lag)) {
							continue // nobody has j at that time
						}
						if s := rings[j].State(p.id, now.Add(-skew)); s == Revoked {
							continue
						} else if s != Active && s != Pending && s != Retiring && s != Standby {
							t.Fatalf("ring %d signs at %v with %v, which ring %d has as %v", i, local, p, j, s)
						}
					}
				}
			}
		}
	}
	t.Logf("%d schedules of 9 rings, %d times, 0 without a primary", schedules, tried)
}

func TestStates(t *testing.T) {
	d := shop(t)
	d.Keys[8].VerifyUntil = on(30 * day) // a standby key that retires
	unsup := unsupported(newKey(t, 10, signer.BLAKE2b256()))
	unsup.Disabled = true
	both := newKey(t, 11, signer.HMACSHA256())
	both.Pruned, both.Revoked = on(0), on(0)
	r := newTestRing(t, Document{Policy: d.Policy, Keys: append(d.Keys, unsup, both)})
	b := bind(t, New(r), Use{Name: "session"})
	type want struct {
		state State
		err   error
	}
	for _, tt := range []struct {
		n       int // of the secret
		a       signer.Algorithm
		now     time.Duration
		want    want
		usable  bool
		comment string
	}{
		{1, signer.HMACSHA256(), 0, want{Active, nil}, true, "signs"},
		{1, signer.HMACSHA256(), 2 * day, want{Retiring, nil}, true, "the next has taken over"},
		{2, signer.HMACSHA256(), 0, want{Pending, nil}, true, "not yet"},
		{2, signer.HMACSHA256(), 2*day - 1, want{Pending, nil}, true, "still not"},
		{2, signer.HMACSHA256(), 2 * day, want{Active, nil}, true, "now"},
		{3, signer.HMACSHA256(), 0, want{Standby, nil}, true, "never"},
		{4, signer.BLAKE2b256(), 0, want{Retiring, nil}, true, "verifies"},
		{4, signer.BLAKE2b256(), 5*day - 1, want{Retiring, nil}, true, "verifies to the last"},
		{4, signer.BLAKE2b256(), 5 * day, want{Retired, ErrRetired}, false, "no longer"},
		{5, signer.HMACSHA256(), 0, want{Retired, ErrRetired}, false, "long since"},
		{6, signer.HMACSHA256(), 0, want{Disabled, ErrDisabled}, false, ""},
		{7, signer.XChaCha20Poly1305(), 0, want{Revoked, ErrRevoked}, false, ""},
		{8, signer.HMACSHA256(), 0, want{Pruned, ErrRetired}, false, ""},
		{9, signer.XChaCha20Poly1305(), 0, want{Retiring, nil}, true, "never signed, and ceases"},
		{9, signer.XChaCha20Poly1305(), 30 * day, want{Retired, ErrRetired}, false, "never signed"},
		{10, signer.BLAKE2b256(), 0, want{Unsupported, ErrUnknownKey}, false, "rather than disabled"},
		{11, signer.HMACSHA256(), 0, want{Revoked, ErrRevoked}, false, "rather than pruned"},
		{12, signer.HMACSHA256(), 0, want{Unknown, ErrUnknownKey}, false, "not in the ring"},
		{1, signer.BLAKE2b256(), 0, want{Unknown, ErrUnknownKey}, false, "another algorithm is another key"},
	} {
		id := newKey(t, tt.n, tt.a).ID()
		now := on(tt.now)
		if s := r.State(id, now); s != tt.want.state {
			t.Errorf("key %d at %v: %v, want %v (%s)", tt.n, tt.now, s, tt.want.state, tt.comment)
		}
		sub, err := b.Subkeys().Lookup(id, now)
		if err != tt.want.err || (sub == nil) != (err != nil) {
			t.Errorf("key %d at %v: Lookup %v, %v, want %v", tt.n, tt.now, sub, err, tt.want.err)
		}
		if i, ok := r.index[id]; ok && r.document.Keys[i].Usable(now) != tt.usable {
			t.Errorf("key %d at %v: Usable is %v", tt.n, tt.now, !tt.usable)
		}
	}
}

// Of two keys that are to sign from one time on, one does, and the other is no
// longer pending then.
func TestStatesOfKeysForOneTime(t *testing.T) {
	r := newTestRing(t, Document{Keys: []Key{hmacKeyAt(t, 1, on(day)), hmacKeyAt(t, 2, on(day)), hmacKeyAt(t, 3, on(0))}})
	var got []State
	for _, now := range []time.Duration{day - 1, day} {
		for _, k := range r.document.Keys[:2] {
			got = append(got, r.State(k.id, on(now)))
		}
	}
	slices.Sort(got[2:])
	if want := []State{Pending, Pending, Active, Retiring}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Lookup's errors in their order, of a key to which several apply.
func TestI7LookupPrecedence(t *testing.T) {
	k := hmacKeyAt(t, 1, on(-9*day))
	k.VerifyUntil = on(-day)
	other := hmacKeyAt(t, 2, on(0))
	lookup := func(k Key) error {
		_, err := bind(t, New(newTestRing(t, Document{Keys: []Key{k, other}})), Use{Name: "s"}).Subkeys().Lookup(k.ID(), on(0))
		return err
	}
	if err := lookup(k); err != ErrRetired {
		t.Errorf("retired: %v", err)
	}
	k.Disabled = true
	if err := lookup(k); err != ErrDisabled {
		t.Errorf("and disabled: %v", err)
	}
	if err := lookup(unsupported(k)); err != ErrUnknownKey {
		t.Errorf("and unsupported: %v", err)
	}
	k.Revoked = on(0)
	if err := lookup(k); err != ErrRevoked {
		t.Errorf("and revoked: %v", err)
	}
	if err := lookup(unsupported(k)); err != ErrRevoked {
		t.Errorf("revoked and unsupported: %v", err)
	}
}

// Times that say the same differently are the same, and monotonic clock readings
// do not matter.
func TestTimesAreComparedAsInstants(t *testing.T) {
	now := time.Now()
	a, b := hmacKeyAt(t, 1, now.Add(-time.Hour)), hmacKeyAt(t, 2, now.In(time.FixedZone("x", 3600)))
	r := newTestRing(t, Document{Keys: []Key{a, b}})
	for _, k := range r.Document().Keys {
		if k.SignFrom != k.SignFrom.Round(0).UTC() {
			t.Errorf("%v is kept as %#v", k, k.SignFrom)
		}
	}
	for _, n := range []time.Time{now, now.Round(0), now.UTC(), now.In(time.FixedZone("y", -7200))} {
		if p, err := r.Primary(n); err != nil || p.ID() != b.ID() {
			t.Errorf("at %v: %v, %v", n, p, err)
		}
		if p, err := r.Primary(n.Add(-1)); err != nil || p.ID() != a.ID() {
			t.Errorf("before %v: %v, %v", n, p, err)
		}
	}
	other := r.Document()
	for i := range other.Keys {
		other.Keys[i].SignFrom = other.Keys[i].SignFrom.In(time.FixedZone("z", 60))
	}
	if newTestRing(t, other).Checksum() != r.Checksum() {
		t.Error("the checksum depends on the time zone")
	}
}

func ExampleState() {
	fmt.Println(Standby, Pending, Active, Retiring, Retired)
	fmt.Println(Unknown, Revoked, Pruned, Unsupported, Disabled)
	// Output:
	// standby pending active retiring retired
	// unknown revoked pruned unsupported disabled
}
