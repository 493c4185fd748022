package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// A shelf is a Source whose contents a test changes.
type shelf struct {
	mu    sync.Mutex
	data  []byte
	err   error
	hang  chan struct{} // if not nil, Load waits for it, whatever its context says
	panic any
	looks []time.Time
}

func (s *shelf) Load(context.Context) ([]byte, error) {
	s.mu.Lock()
	s.looks = append(s.looks, time.Now())
	data, err, hang, v := s.data, s.err, s.hang, s.panic
	s.mu.Unlock()
	if hang != nil {
		<-hang
	}
	if v != nil {
		panic(v)
	}
	return data, err
}

func (s *shelf) set(data []byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data, s.err, s.hang, s.panic = data, err, nil, nil
}

// stall has Load wait for release from now on.
func (s *shelf) stall(release chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hang = release
}

// taken returns when Load has been called since the last time.
func (s *shelf) taken() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	looks := s.looks
	s.looks = nil
	return looks
}

func encoded(t testing.TB, r *Ring) []byte {
	t.Helper()
	b, err := r.encode()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A journal is what package slog is given to log.
type journal struct {
	mu    sync.Mutex
	lines []string
}

// listen has the default logger write to a journal until the test ends.
func listen(t *testing.T) *journal {
	j := new(journal)
	was := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(j, &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
		if a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})))
	t.Cleanup(func() { slog.SetDefault(was) })
	return j
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, strings.TrimSuffix(string(p), "\n"))
	return len(p), nil
}

// taken returns what has been logged since the last time.
func (j *journal) taken() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	lines := j.lines
	j.lines = nil
	return lines
}

// followed is a keyring that follows a shelf, and the ring that it begins with. It
// is for a bubble of package synctest, in which it makes the time base.
func followed(t *testing.T, l Loader) (*Keyring, *shelf, *Ring) {
	t.Helper()
	time.Sleep(time.Until(base))
	r := founded(t, signer.HMACSHA256())
	s := &shelf{data: encoded(t, r)}
	k, err := l.Follow(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { k.Close() })
	s.taken()
	return k, s, r
}

func added(t *testing.T, r *Ring) *Ring {
	t.Helper()
	return next(t, r, func(d *Document) { d.Keys = append(d.Keys, GenerateKey(signer.HMACSHA256())) })
}

func TestPollsAreAnIntervalApartGiveOrTakeAFifth(t *testing.T) {
	for _, interval := range []time.Duration{0, time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			k, s, _ := followed(t, Loader{Interval: interval})
			want := interval
			if want == 0 {
				want = 30 * time.Second
			}
			last := time.Now()
			time.Sleep(200 * want)
			var shortest, longest time.Duration = 1 << 62, 0
			looks := s.taken()
			for _, at := range looks {
				d := at.Sub(last)
				shortest, longest, last = min(shortest, d), max(longest, d), at
			}
			if shortest < want-want/5 || longest > want+want/5 || longest-shortest < want/5 {
				t.Errorf("of %d polls, the shortest is after %v and the longest after %v", len(looks), shortest, longest)
			}
			k.Close()
			time.Sleep(100 * want)
			if n := len(s.taken()); n != 0 {
				t.Errorf("%d looks after Close", n)
			}
		})
	}
	s := &shelf{data: encoded(t, founded(t, signer.HMACSHA256()))}
	if k, err := (Loader{Interval: -1}).Follow(s); err == nil {
		k.Close()
		t.Error("a negative interval is taken")
	}
	// What is meant to be never is not at once.
	for _, interval := range []time.Duration{1 << 62, 1<<62 + 1, math.MaxInt64 / 5 * 3, math.MaxInt64} {
		f := &follower{loader: Loader{Interval: interval}}
		for range 100 {
			if d := f.jittered(); d < 1<<61 {
				t.Fatalf("Interval %d: a poll after %v", interval, d)
			}
		}
	}
}

func TestARingThatMayFollowIsAdoptedByTheNextPoll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := listen(t)
		k, s, r := followed(t, Loader{})
		began := time.Now()
		time.Sleep(time.Second)
		b := bind(t, k, Use{Name: "s"}) // which adopts nothing
		if st := k.Stats(began); st.Generation != 1 || !st.Adopted.Equal(began) || !st.Confirmed.Equal(began) || st.Loads != (Loads{Adopted: 1}) {
			t.Errorf("%+v", st)
		}
		log.taken()
		two := added(t, r)
		s.set(encoded(t, two), nil)
		time.Sleep(36 * time.Second)
		if g := k.Ring().Generation(); g != 2 || b.Subkeys().Ring() != k.Ring() {
			t.Errorf("generation %d", g)
		}
		st := k.Stats(time.Now())
		if st.Checksum != two.Checksum() || !st.Adopted.After(began) || st.Loads != (Loads{Adopted: 2}) {
			t.Errorf("%+v", st)
		}
		lines := log.taken()
		if len(lines) != 1 || !strings.Contains(lines[0], "another ring is in use") || !strings.Contains(lines[0], two.Checksum()) {
			t.Errorf("%q", lines)
		}
		time.Sleep(10 * time.Minute)
		after := k.Stats(time.Now())
		if after.Loads.Adopted != 2 || after.Loads.Unchanged < 15 || !after.Confirmed.After(st.Confirmed) || !after.Adopted.Equal(st.Adopted) {
			t.Errorf("%+v", after)
		}
		if lines := log.taken(); len(lines) != 0 {
			t.Errorf("nothing happened, and it is logged: %q", lines)
		}
	})
}

// I10: a load that fails leaves the snapshot as it is, to the pointer, and says so
// once, however often it is found.
func TestI10WhatCannotBeUsedChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := listen(t)
		k, s, r := followed(t, Loader{Name: "shop"})
		bind(t, k, Use{Name: "s"})
		snapshot := k.now.Load()
		good := encoded(t, r)
		other := r.Document()
		other.Name = "staging"
		other.Generation = 9
		gone := r.Document()
		gone.Generation = 9
		gone.Keys = gone.Keys[:1]
		gone.Keys[0].SignFrom = base.Add(-day)
		counts := func() Loads { return k.Stats(time.Now()).Loads }
		for _, tt := range []struct {
			name string
			data []byte
			err  error
			says string
			of   func(Loads) uint64
		}{
			{"an error", nil, errors.New("no route to host"), "the source failed", func(l Loads) uint64 { return l.Unreadable }},
			{"nothing", nil, nil, "empty", func(l Loads) uint64 { return l.Invalid }},
			{"half of it", good[:len(good)/2], nil, "cut off", func(l Loads) uint64 { return l.Invalid }},
			{"another ring", encoded(t, newTestRing(t, other)), nil, "staging", func(l Loads) uint64 { return l.Invalid }},
			{"a key less", encoded(t, newTestRing(t, gone)), nil, "is gone", func(l Loads) uint64 { return l.Refused }},
		} {
			before := counts()
			s.set(tt.data, tt.err)
			time.Sleep(5 * time.Minute)
			after := counts()
			if k.now.Load() != snapshot {
				t.Fatalf("%s: the snapshot is another", tt.name)
			}
			if n := tt.of(after) - tt.of(before); n < 8 || after.Unchanged != before.Unchanged || after.Adopted != before.Adopted {
				t.Errorf("%s: %+v, and before %+v", tt.name, after, before)
			}
			if st := k.Stats(time.Now()); !strings.Contains(st.Failure, tt.says) || time.Since(st.Confirmed) < 4*time.Minute {
				t.Errorf("%s: %q since %v", tt.name, st.Failure, st.Confirmed)
			}
			if lines := log.taken(); len(lines) != 1 || !strings.Contains(lines[0], tt.says) || !strings.Contains(lines[0], "level=WARN") {
				t.Errorf("%s: %q", tt.name, lines)
			}
			if err := k.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: Reload returns %v", tt.name, err)
			}
			s.set(good, nil)
			time.Sleep(time.Minute)
			if lines := log.taken(); len(lines) != 1 || !strings.Contains(lines[0], "in order again") {
				t.Errorf("%s, and then well: %q", tt.name, lines)
			}
			if st := k.Stats(time.Now()); st.Failure != "" || k.now.Load().ring.checksum != r.checksum {
				t.Errorf("%s, and then well: %q", tt.name, st.Failure)
			}
			snapshot = k.now.Load()
		}
	})
}

// I8: the generation only rises, and one generation has one content.
func TestI8GenerationsOnlyRise(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listen(t)
		k, s, one := followed(t, Loader{})
		two := added(t, one)
		otherTwo := added(t, one)
		three := added(t, two)
		for _, tt := range []struct {
			r    *Ring
			want error
		}{{three, nil}, {two, errors.New("lower than")}, {one, errors.New("lower than")}, {three, nil}} {
			s.set(encoded(t, tt.r), nil)
			err := k.Reload(t.Context())
			if (err == nil) != (tt.want == nil) || err != nil && !strings.Contains(err.Error(), tt.want.Error()) {
				t.Errorf("generation %d: %v, want %v", tt.r.Generation(), err, tt.want)
			}
			if k.Ring().Checksum() != three.Checksum() {
				t.Fatalf("the ring is %v", k.Ring())
			}
		}
		k2, s2, _ := followed(t, Loader{})
		s2.set(encoded(t, one), nil)
		if err := k2.Reload(t.Context()); err == nil {
			t.Error("another ring of generation 1 is taken")
		}
		k3, err := Follow(&shelf{data: encoded(t, two)})
		if err != nil {
			t.Fatal(err)
		}
		defer k3.Close()
		if err := k3.Replace(otherTwo); err == nil || !strings.Contains(err.Error(), "the same as") {
			t.Errorf("two rings of one generation: %v", err)
		}
		if n := k.Stats(time.Now()).Loads.Refused; n != 2 {
			t.Errorf("%d refused, want 2", n)
		}
	})
}

// I11: no later ring brings a revoked key back.
func TestI11RevokedStaysRevoked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listen(t)
		k, s, one := followed(t, Loader{})
		b := bind(t, k, Use{Name: "s"})
		id := inState(t, one, Active, base).ID()
		two := edited(t, one, base, func(d *Document) error { return d.Revoke(base, id, "leak") })
		s.set(encoded(t, two), nil)
		if err := k.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		back := one.Document()
		back.Generation = 3
		back.Keys = append(back.Keys, inState(t, two, Standby, base))
		s.set(encoded(t, newTestRing(t, back)), nil)
		if err := k.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "is back") {
			t.Errorf("%v", err)
		}
		if _, err := b.Subkeys().Lookup(id, base); err != ErrRevoked {
			t.Errorf("%v", err)
		}
	})
}

// An unknown key leads to a look soon: 10 s after the last, and later and later
// as long as nothing comes of it.
func TestUnknownKeysLeadToEarlyLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listen(t)
		k, s, r := followed(t, Loader{Interval: 24 * time.Hour})
		b := bind(t, k, Use{Name: "s"})
		unknown := KeyID{1, 2, 3, 4}
		if n := testing.AllocsPerRun(100, func() { b.Subkeys().Lookup(unknown, base) }); n != 0 {
			t.Errorf("%v allocations", n)
		}
		began := time.Now()
		end := began.Add(30 * time.Minute)
		for time.Now().Before(end) { // an attacker who does not cease
			b.Subkeys().Lookup(unknown, base)
			time.Sleep(time.Second)
		}
		var waits []time.Duration
		last := began
		for _, at := range s.taken() {
			waits = append(waits, at.Sub(last).Round(2*time.Second))
			last = at
		}
		want := []time.Duration{10, 20, 40, 80, 160, 300, 300, 300, 300}
		for i := range want {
			want[i] *= time.Second
		}
		if !slices.Equal(waits, want) {
			t.Errorf("looks after %v, want %v", waits, want)
		}

		// Known keys do not.
		p, err := b.Subkeys().Primary(base)
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		s.taken()
		b.Subkeys().Lookup(p.ID, base)
		time.Sleep(time.Hour)
		if n := len(s.taken()); n != 0 {
			t.Errorf("%d looks without a reason", n)
		}

		// A key that is there: the wait is short again.
		two := added(t, r)
		s.set(encoded(t, two), nil)
		b.Subkeys().Lookup(unknown, base)
		synctest.Wait()
		if k.Ring().Generation() != 2 {
			t.Error("the new ring is not in use, although the last look is long ago")
		}
		s.taken()
		at := time.Now()
		b.Subkeys().Lookup(unknown, base)
		time.Sleep(time.Minute)
		if looks := s.taken(); len(looks) != 1 || looks[0].Sub(at) != soonestLook {
			t.Errorf("looks at %v, want one after %v", looks, soonestLook)
		}
	})
}

// Requests, Reload and Close do not wait for a source that hangs.
func TestASourceThatHangsHoldsUpNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := listen(t)
		k, s, r := followed(t, Loader{})
		b := bind(t, k, Use{Name: "s"})
		log.taken()
		release := make(chan struct{})
		two := added(t, r)
		s.set(encoded(t, two), nil)
		s.stall(release)
		time.Sleep(10 * time.Minute)
		if _, err := b.Subkeys().Primary(base); err != nil {
			t.Error(err)
		}
		if n := len(s.taken()); n != 1 {
			t.Errorf("%d calls of a source that has not returned, want 1", n)
		}
		if st := k.Stats(time.Now()); st.Loads.Unreadable < 5 || !strings.Contains(st.Failure, "does not answer") {
			t.Errorf("%+v", st)
		}
		if lines := log.taken(); len(lines) != 1 {
			t.Errorf("%q", lines)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		began := time.Now()
		if err := k.Reload(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 2*time.Second {
			t.Errorf("Reload returns %v after %v", err, time.Since(began))
		}
		cancel()
		close(release)
		s.set(encoded(t, two), nil)
		time.Sleep(2 * time.Minute)
		if k.Ring().Generation() != 2 {
			t.Error("what it answered at last is not in use")
		}
		release = make(chan struct{})
		s.set(nil, nil)
		s.stall(release)
		time.Sleep(time.Minute)
		began = time.Now()
		k.Close()
		k.Close()
		if time.Since(began) > time.Second {
			t.Errorf("Close takes %v", time.Since(began))
		}
		close(release)
	})
}

func TestASourceOrAnAlgorithmThatPanicsIsAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listen(t)
		bad := signer.Algorithm{Name: "bad", NewSigner: func([]byte) (signer.Signer, error) { panic("x") }}
		k, s, r := followed(t, Loader{})
		s.mu.Lock()
		s.panic = "the secret is hunter2"
		s.mu.Unlock()
		if err := k.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "panicked with a string") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%v", err)
		}
		d := r.Document()
		d.Generation = 2
		key, err := NewKey(signer.Algorithm{Name: "bad", NewSigner: signer.HMACSHA256().NewSigner}, testSecret(1))
		if err != nil {
			t.Fatal(err)
		}
		d.Keys = append(d.Keys, key)
		k.follower.loader.Algorithms = []signer.Algorithm{bad}
		s.set(encoded(t, newTestRing(t, d)), nil)
		time.Sleep(time.Minute)
		if err := k.Reload(t.Context()); err == nil || k.Ring().Generation() != 1 {
			t.Errorf("%v, %v", err, k.Ring())
		}
	})
}

func TestFollowNeedsARingToBeginWith(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, s := range []*shelf{{}, {err: errors.New("no")}, {panic: 1}, {data: []byte("{}")}} {
			if k, err := Follow(s); err == nil || k != nil {
				t.Errorf("%+v: %v", s, k)
			}
		}
	})
}

// Looks in several goroutines are one after the other, and each finds what is there.
func TestConcurrentReloads(t *testing.T) {
	listen(t)
	r := founded(t, signer.HMACSHA256())
	s := &shelf{data: encoded(t, r)}
	k, err := Loader{Interval: time.Millisecond}.Follow(s)
	if err != nil {
		t.Fatal(err)
	}
	b := bind(t, k, Use{Name: "s"})
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if err := k.Reload(context.Background()); err != nil {
					t.Error(err)
					return
				}
				if _, err := b.Subkeys().Primary(base); err != nil {
					t.Error(err)
				}
				b.Subkeys().Lookup(KeyID{1}, base)
				k.Stats(base)
			}
		})
	}
	for range 100 {
		r = added(t, r)
		s.set(encoded(t, r), nil)
		if err := k.Reload(t.Context()); err != nil {
			t.Error(err)
		}
		if g := k.Ring().Generation(); g != r.Generation() {
			t.Fatalf("generation %d after Reload, want %d", g, r.Generation())
		}
		runtime.Gosched()
	}
	close(stop)
	wg.Wait()
	if err := k.Close(); err != nil {
		t.Error(err)
	}
	if n := k.Stats(base).Loads.Adopted; n != 101 {
		t.Errorf("%d rings were adopted, want 101", n)
	}
}

// What is logged has no secret in it.
func TestFollowLogsNoSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := listen(t)
		k, s, r := followed(t, Loader{})
		two := added(t, r)
		file := encoded(t, two)
		for _, data := range [][]byte{file, file[:len(file)-3], bytes.Replace(file, []byte("hmac"), []byte("hmec"), 1), encoded(t, r), nil} {
			s.set(data, nil)
			k.Reload(t.Context())
			for _, line := range append(log.taken(), k.Stats(time.Now()).Failure) {
				for _, key := range two.document.Keys {
					if shows(line, key.secret()) {
						t.Errorf("%q", line)
					}
				}
			}
		}
	})
}

func TestStatsCountsUseAcrossRings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listen(t)
		k, s, r := followed(t, Loader{})
		a, b := bind(t, k, Use{Name: "a"}), bind(t, k, Use{Name: "b"})
		now := time.Now()
		key := func(b *Binding) *Subkey {
			p, err := b.Subkeys().Primary(now)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		id := key(a).ID
		key(a).CountSigned()
		key(a).CountVerified(now.Add(-time.Hour))
		s.set(encoded(t, added(t, r)), nil)
		if err := k.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		key(b).CountSigned()
		key(b).CountVerified(now.Add(time.Hour))
		key(a).CountVerified(now) // the clocks of requests differ
		for _, ks := range k.Stats(now).Keys {
			want := KeyStats{Verified: 3, Signed: 2, LastVerified: now.Add(time.Hour).Truncate(time.Second).UTC()}
			if ks.ID != id {
				want = KeyStats{}
			}
			if ks.Verified != want.Verified || ks.Signed != want.Signed || !ks.LastVerified.Equal(want.LastVerified) {
				t.Errorf("%+v, want %+v", ks, want)
			}
		}
		new(Subkey).CountSigned()
		new(Subkey).CountVerified(now)
	})
}

func TestStatsSaysWhatTheRingIs(t *testing.T) {
	r := newTestRing(t, shop(t))
	k := New(r)
	s := k.Stats(base)
	active, standby := inState(t, r, Active, base), newKey(t, 3, signer.HMACSHA256())
	if s.Ring != "shop" || s.Generation != 42 || s.Checksum != r.Checksum() || !s.Published.Equal(base) || s.Codec != "json" ||
		s.Primary != active.ID() || s.Policy != r.Policy() || !s.Standby.Equal(base.Add(3*time.Second)) || !s.NewestKey.Equal(base.Add(6*time.Second)) ||
		!s.Confirmed.IsZero() || len(s.Keys) != len(r.document.Keys) {
		t.Errorf("%+v", s)
	}
	if s := Ephemeral().Stats(base); s.Policy.Propagation != DefaultPropagation {
		t.Errorf("the policy of a ring that is silent: %+v", s.Policy)
	}
	if s := k.Stats(base.Add(day)); s.Codec != "cbor" {
		t.Errorf("a day later, the codec is %q", s.Codec)
	}
	for _, ks := range s.Keys {
		if ks.State != r.State(ks.ID, base) || ks.Prunable != (ks.State == Retired) || ks.ID == standby.ID() && ks.State != Standby {
			t.Errorf("%+v", ks)
		}
	}
	if s := new(Keyring).Stats(base); s.Checksum != "" || s.Keys != nil {
		t.Errorf("the zero Keyring: %+v", s)
	}
	if err := k.Reload(t.Context()); err != nil {
		t.Errorf("a keyring that follows nothing: %v", err)
	}
}

// What a source answers to a look that nobody waits for any longer is no answer
// to the next one, nor the fault of the source.
func TestALookAsksTheSourceAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := listen(t)
		k, s, r := followed(t, Loader{Interval: 24 * time.Hour})
		log.taken()
		stale, fresh := added(t, r), added(t, added(t, r))
		for _, tt := range []struct {
			name string
			data []byte
			err  error
		}{{"an older ring", encoded(t, stale), nil}, {"the end of its context", nil, context.DeadlineExceeded}} {
			release := make(chan struct{})
			s.set(tt.data, tt.err)
			s.stall(release)
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			if err := k.Reload(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("%s: Reload returns %v", tt.name, err)
			}
			cancel()
			s.set(encoded(t, fresh), nil)
			go func() {
				time.Sleep(time.Second)
				close(release)
			}()
			if err := k.Reload(t.Context()); err != nil {
				t.Errorf("%s: the next Reload returns %v", tt.name, err)
			}
			if k.Ring().Checksum() != fresh.Checksum() {
				t.Errorf("%s: the ring is %v", tt.name, k.Ring())
			}
			if st := k.Stats(base); st.Loads.Unreadable+st.Loads.Refused != 0 {
				t.Errorf("%s: %+v", tt.name, st.Loads)
			}
			fresh = added(t, fresh)
		}
		for _, line := range log.taken() {
			if !strings.Contains(line, "level=INFO") && !strings.Contains(line, "lower Loader.Interval") {
				t.Errorf("logged is %q", line)
			}
		}
	})
}

// A ring that leaves less time than there is between two looks is remarked on, in the
// log and in Stats.
func TestLooksThatAreTooSeldomAreToldOf(t *testing.T) {
	for interval, want := range map[time.Duration]bool{
		0:                                       false,
		(defaultD - 2*defaultS) * 5 / 6:         true,
		(defaultD-2*defaultS)*5/6 - time.Second: false,
		24 * time.Hour:                          true,
	} {
		synctest.Test(t, func(t *testing.T) {
			log := listen(t)
			k, _, _ := followed(t, Loader{Interval: interval})
			defer k.Close()
			told := func(w string) bool { return strings.Contains(w, "lower Loader.Interval") }
			if got := slices.ContainsFunc(log.taken(), told); got != want {
				t.Errorf("every %v: logged: %v", interval, got)
			}
			if got := slices.ContainsFunc(k.Stats(time.Now()).Warnings, told); got != want {
				t.Errorf("every %v: in Stats: %v", interval, got)
			}
		})
	}
}

// A content that is the present ring is compared, and not read again.
func TestAnUnchangedContentCostsAHash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		made := 0
		a := signer.Algorithm{Name: "counted", NewSigner: func(key []byte) (signer.Signer, error) {
			made++
			return signer.HMACSHA256().NewSigner(key)
		}}
		key, err := NewKey(a, testSecret(1))
		if err != nil {
			t.Fatal(err)
		}
		key.SignFrom = base
		s := &shelf{data: encoded(t, newTestRing(t, Document{Name: "shop", Generation: 1, Keys: []Key{key}}))}
		k, err := Loader{Algorithms: []signer.Algorithm{a}}.Follow(s)
		if err != nil {
			t.Fatal(err)
		}
		defer k.Close()
		made = 0
		time.Sleep(time.Hour)
		if n := k.Stats(base).Loads.Unchanged; n < 90 || made != 0 {
			t.Errorf("%d signers made in %d looks", made, n)
		}
		// Nor after another has been found, or the same, spelled in another way.
		two := encoded(t, next(t, k.Ring(), nil))
		for _, data := range [][]byte{two, append(two, '\n')} {
			s.set(data, nil)
			if err := k.Reload(t.Context()); err != nil || k.Ring().Generation() != 2 {
				t.Fatalf("%v, %v", err, k.Ring())
			}
			made = 0
			time.Sleep(time.Hour)
			if made != 0 {
				t.Errorf("%d signers made later", made)
			}
		}
	})
}

// Close ends a Reload, and nothing is adopted afterwards.
func TestCloseEndsReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listen(t)
		k, s, r := followed(t, Loader{})
		s.set(encoded(t, added(t, r)), nil)
		release := make(chan struct{})
		s.stall(release)
		var err error
		var wg sync.WaitGroup
		wg.Go(func() { err = k.Reload(t.Context()) })
		synctest.Wait()
		began := time.Now()
		k.Close()
		wg.Wait()
		if err != errClosed || time.Since(began) > time.Second {
			t.Errorf("Reload returns %v after %v", err, time.Since(began))
		}
		close(release)
		s.set(encoded(t, added(t, r)), nil)
		for range 1000 { // a source that answers at once is not faster
			if err := k.Reload(t.Context()); err != errClosed {
				t.Fatalf("after Close: %v", err)
			}
		}
		if k.Ring().Generation() != 1 || k.Stats(base).Failure != "" {
			t.Errorf("after Close: %+v", k.Stats(base))
		}
	})
}

// A Reload is a look like any other: unknown keys lead to one 10 s after it at
// the soonest, and soon again if it has found a ring.
func TestAReloadCountsForEarlyLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listen(t)
		k, s, r := followed(t, Loader{Interval: 24 * time.Hour})
		b := bind(t, k, Use{Name: "s"})
		for end := time.Now().Add(10 * time.Minute); time.Now().Before(end); time.Sleep(time.Second) {
			b.Subkeys().Lookup(KeyID{1}, base)
		}
		time.Sleep(2 * latestLook) // nothing is due
		s.set(encoded(t, added(t, r)), nil)
		if err := k.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.taken()
		at := time.Now()
		b.Subkeys().Lookup(KeyID{1}, base)
		time.Sleep(time.Minute)
		if looks := s.taken(); len(looks) != 1 || looks[0].Sub(at) != soonestLook {
			t.Errorf("looks at %v, want one %v after %v", looks, soonestLook, at)
		}

		// Also from one that comes between the unknown key and the look.
		time.Sleep(soonestLook)
		if err := k.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.Subkeys().Lookup(KeyID{1}, base)
		time.Sleep(soonestLook / 2)
		if err := k.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.taken()
		at = time.Now()
		time.Sleep(time.Minute)
		if looks := s.taken(); len(looks) != 1 || looks[0].Sub(at) != 2*soonestLook {
			t.Errorf("looks at %v, want one %v after %v", looks, 2*soonestLook, at)
		}
	})
}

// A source that has the same as before does not have the present ring if another
// one was put in its place.
func TestConfirmedIsOfThePresentRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listen(t)
		k, _, r := followed(t, Loader{})
		if err := k.Replace(added(t, r)); err != nil {
			t.Fatal(err)
		}
		before := k.Stats(base).Confirmed
		time.Sleep(time.Minute)
		if err := k.Reload(t.Context()); err == nil || !strings.Contains(err.Error(), "lower than") {
			t.Errorf("Reload returns %v", err)
		}
		if st := k.Stats(base); st.Loads.Unchanged != 0 || st.Loads.Refused < 2 || !st.Confirmed.Equal(before) {
			t.Errorf("%+v", st)
		}
	})
}

// A ring that is found again, after a failure or spelled in another way, is not
// adopted anew.
func TestAdoptedIsWhenTheRingWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listen(t)
		k, s, r := followed(t, Loader{Interval: time.Hour})
		snapshot := k.now.Load()
		for _, data := range [][]byte{nil, encoded(t, r), append(encoded(t, r), '\n')} {
			time.Sleep(time.Minute)
			s.set(data, nil)
			k.Reload(t.Context())
			if k.now.Load() != snapshot {
				t.Errorf("after %d bytes, the snapshot is another, adopted %v after the first", len(data), k.Stats(base).Adopted.Sub(base))
			}
		}
	})
}

// Stats can be asked for wherever a ring is judged: nothing that holds up a new
// ring holds up an operator.
func TestStatsDoesNotWaitForAReplace(t *testing.T) {
	k := Ephemeral()
	asked := 0
	bind(t, k, Use{Name: "s", Check: func(*Ring) error {
		k.Stats(base)
		asked++
		return nil
	}})
	if err := k.Replace(added(t, k.Ring())); err != nil || asked != 2 {
		t.Errorf("%v, asked %d times", err, asked)
	}
}

// Nobody who gives a hint waits, and while one stands, another wakes nobody.
func TestAHintIsGivenOnce(t *testing.T) {
	h := New(founded(t, signer.HMACSHA256())).hint
	h.give()
	<-h.wake
	h.give()
	if len(h.wake) != 0 {
		t.Error("one that stands is given again")
	}
	for range 2 { // the second time, the first has woken nobody yet
		h.given.Store(false)
		h.give()
	}
	if len(h.wake) != 1 {
		t.Error("one that is taken back is not given anew")
	}
}

// When a file is written, it is looked at once it is left alone, or in a while if
// it never is, and Close does not wait for that.
func TestAFileIsLookedAtWhenItIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listen(t)
		k, s, _ := followed(t, Loader{Interval: 24 * time.Hour})
		change := func() { k.follower.changed <- struct{}{} }
		began := time.Now()
		for range 10 {
			change()
			time.Sleep(calm / 2)
		}
		time.Sleep(time.Minute)
		if looks := s.taken(); len(looks) != 1 || looks[0].Sub(began) != 9*calm/2+calm {
			t.Errorf("looks at %v, want one %v after %v", looks, 9*calm/2+calm, began)
		}
		began = time.Now()
		for time.Since(began) < 10*patience {
			change()
			time.Sleep(calm / 2)
		}
		if looks := s.taken(); len(looks) < 8 || len(looks) > 10 || looks[0].Sub(began) != patience {
			t.Errorf("looks at %v, want one each %v after %v", looks, patience, began)
		}
		time.Sleep(time.Minute)
		change()
		synctest.Wait()
		began = time.Now()
		k.Close()
		if d := time.Since(began); d != 0 {
			t.Errorf("Close takes %v", d)
		}
	})
}

// A look for another reason is as good as the one that an unknown key was to lead to.
func TestAnUnknownKeyLeadsToOneLook(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listen(t)
		k, s, _ := followed(t, Loader{Interval: 24 * time.Hour})
		b := bind(t, k, Use{Name: "s"})
		b.Subkeys().Lookup(KeyID{1}, base)
		time.Sleep(soonestLook / 2)
		k.follower.changed <- struct{}{}
		time.Sleep(time.Hour)
		if looks := s.taken(); len(looks) != 1 {
			t.Errorf("looks at %v, want one", looks)
		}
	})
}

// A slow is a Source that takes a second, or returns a moment after its context is
// done.
type slow struct {
	data         []byte
	active, most atomic.Int32
}

func (s *slow) Load(ctx context.Context) ([]byte, error) {
	defer s.active.Add(-1)
	if n := s.active.Add(1); n > s.most.Load() {
		s.most.Store(n)
	}
	select {
	case <-time.After(time.Second):
		return s.data, nil
	case <-ctx.Done():
		time.Sleep(calm / 5)
		return nil, ctx.Err()
	}
}

// Load is not called again before it has returned, however many want to look, and
// has returned when Close does.
func TestLoadIsCalledOnceAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listen(t)
		s := &slow{data: encoded(t, founded(t, signer.HMACSHA256()))}
		k, err := Follow(s)
		if err != nil {
			t.Fatal(err)
		}
		defer k.Close()
		var wg sync.WaitGroup
		for range 5 {
			wg.Go(func() {
				if err := k.Reload(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := s.most.Load(); n != 1 {
			t.Errorf("%d calls at a time", n)
		}
		go k.Reload(t.Context())
		synctest.Wait()
		k.Close()
		if n := s.active.Load(); n != 0 || s.most.Load() != 1 {
			t.Errorf("%d calls have not returned", n)
		}
	})
}

// Who waits for the look of somebody else waits no longer than is wanted, and is
// told why.
func TestReloadWaitsNoLongerThanItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listen(t)
		k, s, _ := followed(t, Loader{Interval: 24 * time.Hour})
		release := make(chan struct{})
		defer close(release)
		s.stall(release)
		go k.Reload(context.Background())
		synctest.Wait()
		began := time.Now()
		why := errors.New("signal")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, why)
		defer cancel()
		if err := k.Reload(ctx); err != why || time.Since(began) != time.Second {
			t.Errorf("Reload returns %v after %v", err, time.Since(began))
		}
		errs := make(chan error, 20)
		for range cap(errs) {
			go func() { errs <- k.Reload(context.Background()) }()
		}
		synctest.Wait()
		k.Close()
		for range cap(errs) {
			if err := <-errs; err != errClosed {
				t.Errorf("after Close, Reload returns %v", err)
			}
		}
	})
}

// Another thing that is wrong is another thing to say, and a ring that is adopted
// says enough of itself.
func TestEachFailureIsSaidOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := listen(t)
		k, s, r := followed(t, Loader{Interval: 30 * time.Minute})
		log.taken()
		for _, tt := range []struct {
			data []byte
			says string
		}{{nil, "no route"}, {[]byte("{}"), "format"}, {[]byte("["), "not JSON"}, {nil, "no route"}} {
			s.set(tt.data, nil)
			if tt.data == nil {
				s.set(nil, errors.New(tt.says))
			}
			for range 3 {
				k.Reload(t.Context())
			}
			if lines := log.taken(); len(lines) != 1 || !strings.Contains(lines[0], tt.says) {
				t.Errorf("%s: logged is %q", tt.says, lines)
			}
		}
		s.set(encoded(t, added(t, r)), nil)
		if err := k.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		if lines := log.taken(); len(lines) != 1 || !strings.Contains(lines[0], "another ring is in use") {
			t.Errorf("logged is %q", lines)
		}
	})
}

// What an operator should see to is logged with each ring, and so is the key that
// signs now.
func TestWarningsAreLoggedWithEachRing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := listen(t)
		time.Sleep(time.Until(base))
		first, second := hmacKeyAt(t, 1, base.Add(-20*day)), hmacKeyAt(t, 2, base.Add(-day))
		r := newTestRing(t, Document{Name: "shop", Generation: 1, Keys: []Key{first, second}})
		s := &shelf{data: encoded(t, r)}
		k, err := Loader{Interval: 24 * time.Hour}.Follow(s)
		if err != nil {
			t.Fatal(err)
		}
		defer k.Close()
		warned := func(lines []string) bool {
			return slices.ContainsFunc(lines, func(l string) bool {
				return strings.Contains(l, "level=WARN") && strings.Contains(l, "standby")
			})
		}
		if lines := log.taken(); !warned(lines) {
			t.Errorf("logged is %q", lines)
		}
		s.set(encoded(t, next(t, r, nil)), nil)
		if err := k.Reload(t.Context()); err != nil {
			t.Fatal(err)
		}
		lines := log.taken()
		if !warned(lines) || !strings.Contains(lines[0], "primary="+second.ID().String()) {
			t.Errorf("logged is %q", lines)
		}
	})
}

// Close returns when all that was following is over.
func TestCloseWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, _, _ := followed(t, Loader{})
		closing, stop := context.WithCancel(t.Context())
		f := &follower{
			keyring: k, source: &shelf{}, closing: closing, stop: stop, done: make(chan struct{}),
			turn: make(chan struct{}, 1), changed: make(chan struct{}, 1), hint: &hint{wake: make(chan struct{}, 1)},
		}
		released := false
		go f.run(func() {
			time.Sleep(time.Second)
			released = true
		})
		f.close()
		if !released {
			t.Error("the watch is not released yet")
		}
	})
}

// A look that fails is one as well: the next comes no sooner.
func TestALookThatFailsCountsForEarlyLooks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listen(t)
		k, s, _ := followed(t, Loader{Interval: 24 * time.Hour})
		b := bind(t, k, Use{Name: "s"})
		time.Sleep(time.Minute)
		s.set(nil, errors.New("no"))
		if err := k.Reload(t.Context()); err == nil {
			t.Fatal("what fails is taken")
		}
		s.taken()
		at := time.Now()
		b.Subkeys().Lookup(KeyID{1}, base)
		time.Sleep(time.Minute)
		if looks := s.taken(); len(looks) != 1 || looks[0].Sub(at) != soonestLook {
			t.Errorf("looks at %v, want one %v after %v", looks, soonestLook, at)
		}
	})
}

// A source that cannot be read is told of once, whatever it says each time.
func TestWhatASourceSaysIsLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := listen(t)
		k, s, _ := followed(t, Loader{})
		good := s.data
		log.taken()
		for range 2 {
			for i := range 20 {
				says := fmt.Sprintf("no answer to request %d", i)
				s.set(nil, errors.New(says))
				time.Sleep(time.Minute)
				if st := k.Stats(base); st.Failure == "" || st.Loads.Unreadable == 0 {
					t.Errorf("%+v", st)
				}
			}
			if lines := log.taken(); len(lines) != 1 || !strings.Contains(lines[0], "request 0") {
				t.Errorf("%q", lines)
			}
			s.set([]byte("{}"), nil) // which is another matter
			time.Sleep(time.Minute)
			s.set(nil, errors.New("gone again"))
			time.Sleep(time.Minute)
			s.set(good, nil)
			time.Sleep(time.Minute)
			if lines := log.taken(); len(lines) != 3 || !strings.Contains(lines[1], "gone again") || !strings.Contains(lines[2], "in order again") {
				t.Errorf("%q", lines)
			}
		}
	})
}

// A nil pointer as an error.
type badError struct{ text string }

func (e *badError) Error() string { return e.text }

// An error without a text is a failure all the same, and one whose text cannot be
// had does not take the server down.
func TestBadErrorsOfASource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := listen(t)
		k, s, _ := followed(t, Loader{})
		for _, tt := range []struct {
			err  error
			says string
		}{{(*badError)(nil), "panicked"}, {new(badError), "does not say why"}} {
			good := s.data
			log.taken()
			s.set(nil, tt.err)
			time.Sleep(time.Minute)
			if st := k.Stats(base); st.Failure == "" || st.Loads.Unreadable == 0 {
				t.Errorf("%+v", st)
			}
			if lines := log.taken(); len(lines) != 1 || !strings.Contains(lines[0], tt.says) {
				t.Errorf("%q", lines)
			}
			s.set(good, nil)
			time.Sleep(time.Minute)
		}
	})
}

// Nothing is asked of a source for somebody who has gone, nor after Close, when
// there may be no source any more.
func TestNoLookForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, s, _ := followed(t, Loader{})
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		reload := func(ctx context.Context, want error) {
			t.Helper()
			for range 100 {
				if err := k.Reload(ctx); !errors.Is(err, want) {
					t.Fatalf("Reload returns %v, want %v", err, want)
				}
			}
			if n := len(s.taken()); n != 0 {
				t.Errorf("%d looks", n)
			}
		}
		reload(gone, context.Canceled)
		k.Close()
		reload(t.Context(), errClosed)
	})
}

// Whoever looks takes turns, also with a hundred others, and Close ends it.
func TestManyReloadsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listen(t)
		time.Sleep(time.Until(base))
		data := encoded(t, founded(t, signer.HMACSHA256()))
		var inside, most atomic.Int64
		k, err := Follow(sourceFunc(func(ctx context.Context) ([]byte, error) {
			most.Store(max(most.Load(), inside.Add(1)))
			defer inside.Add(-1)
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
			return data, ctx.Err()
		}))
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i := range 100 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*time.Second)
				defer cancel()
				if err := k.Reload(ctx); err != nil && err != errClosed && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			})
		}
		time.Sleep(20*time.Second + time.Second/2)
		k.Close()
		at := time.Now()
		wg.Wait()
		if st := k.Stats(at); most.Load() != 1 || time.Since(at) > 0 || st.Loads.Unchanged < 5 || st.Loads.Unreadable > 0 {
			t.Errorf("%d at once, %v after Close, %+v", most.Load(), time.Since(at), st)
		}
	})
}

type sourceFunc func(context.Context) ([]byte, error)

func (f sourceFunc) Load(ctx context.Context) ([]byte, error) { return f(ctx) }

// A source that calls the keyring, or ends its goroutine, stops nothing but itself.
func TestASourceThatCallsTheKeyring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listen(t)
		time.Sleep(time.Until(base))
		data := encoded(t, founded(t, signer.HMACSHA256()))
		var k *Keyring
		var do func()
		var mu sync.Mutex
		set := func(f func()) { mu.Lock(); do = f; mu.Unlock() }
		k, err := Follow(sourceFunc(func(context.Context) ([]byte, error) {
			mu.Lock()
			f := do
			mu.Unlock()
			if f != nil {
				f()
			}
			return data, nil
		}))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []func(){func() { k.Reload(context.Background()) }, runtime.Goexit} {
			set(f)
			time.Sleep(5 * time.Minute)
			set(nil)
			time.Sleep(5 * time.Minute)
			if err := k.Reload(t.Context()); err != nil {
				t.Error(err)
			}
		}
		set(func() { k.Close() })
		time.Sleep(5 * time.Minute)
		if err := k.Reload(t.Context()); err != errClosed {
			t.Error(err)
		}
	})
}

// A ring that is in use counts as adopted, also if somebody panics when told of it.
func TestAUseThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := listen(t)
		k, s, r := followed(t, Loader{})
		check, adopted := false, true
		bind(t, k, Use{Name: "s", Check: func(*Ring) error {
			if check {
				panic("secret")
			}
			return nil
		}, Adopted: func(*Ring) {
			if adopted {
				panic("secret")
			}
		}})
		two := added(t, r)
		s.set(encoded(t, two), nil)
		log.taken()
		if err := k.Reload(t.Context()); err != nil || k.Ring().Generation() != 2 || k.Stats(base).Loads != (Loads{Adopted: 2}) {
			t.Errorf("%v, %+v", err, k.Stats(base))
		}
		if lines := log.taken(); len(lines) != 2 || !strings.Contains(lines[0], "level=ERROR") || strings.Contains(lines[0], "secret") {
			t.Errorf("%q", lines)
		}
		check, adopted = true, false
		three := added(t, two)
		s.set(encoded(t, three), nil)
		if err := k.Reload(t.Context()); err == nil || k.Ring().Generation() != 2 || k.Stats(base).Loads.Refused != 1 {
			t.Errorf("%v, %+v", err, k.Stats(base))
		}
		check = false
		if err := k.Reload(t.Context()); err != nil || k.Ring().Generation() != 3 {
			t.Errorf("%v, %+v", err, k.Stats(base))
		}
	})
}

// Only what unknown keys have led to puts off the next such look: that polls find
// nothing is as it should be.
func TestOtherLooksDoNotPutOffEarlyOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		listen(t)
		k, s, _ := followed(t, Loader{Interval: time.Minute})
		b := bind(t, k, Use{Name: "s"})
		time.Sleep(time.Hour)
		k.follower.changed <- struct{}{}
		time.Sleep(calm)
		synctest.Wait()
		s.taken()
		at := time.Now()
		b.Subkeys().Lookup(KeyID{1}, base)
		time.Sleep(2 * soonestLook)
		if looks := s.taken(); len(looks) != 1 || looks[0].Sub(at) != soonestLook {
			t.Errorf("looks at %v, want one %v after %v", looks, soonestLook, at)
		}
	})
}
