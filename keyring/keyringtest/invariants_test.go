package keyringtest

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/signer"
)

// The invariants that a fleet has to keep, each over the histories of the recommended
// one, or of one that is like it.

// histories calls f for a few of them.
func histories(t *testing.T, fleet Fleet, f func(h *history)) {
	t.Helper()
	fleet, err := fleet.complete()
	if err != nil {
		t.Fatal(err)
	}
	for seed := range uint64(bounded(20)) {
		h, err := newHistory(fleet, 5000+seed)
		if err != nil {
			t.Fatal(err)
		}
		if len(h.rings) < 4 {
			t.Fatalf("a history of %d rings", len(h.rings))
		}
		f(h)
	}
}

func manager(t *testing.T, r *keyring.Ring, codecs ...codec.Codec) *session.Manager[data] {
	t.Helper()
	m, err := session.New[data](session.Config{Keys: keyring.New(r), Codecs: codecs, Lifetime: r.Policy().MaxSession})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// token makes one of a new session.
func token(t *testing.T, m *session.Manager[data], now time.Time) string {
	t.Helper()
	v, err := m.Seal(now, m.New(now))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// excused reports whether an edit means to end what is not accepted, or may not have the
// key of it everywhere yet.
func (h *history) excused(reason session.Reason, r *keyring.Ring, v string, at, now time.Time) bool {
	info, _ := session.ReadUnverified(v)
	s := simulation{history: h}
	return s.hasEnded(at, now, r, info) || reason == session.ErrUnknownKey && at.Before(h.hasty[info.KeyID])
}

// Of two instances of which one has a ring and the other the next, each accepts what
// the other makes, from the moment that the next is published until it is everywhere,
// whatever their clocks.
func TestI1EachOfTwoNeighboursAcceptsWhatTheOtherMakes(t *testing.T) {
	t.Parallel()
	tried := 0
	histories(t, Fleet{}, func(h *history) {
		f := h.fleet
		for i := 1; i < len(h.rings); i++ {
			at := h.rings[i].at
			if i > 1 && at.Before(h.rings[i-1].at.Add(f.Lag)) {
				continue // not neighbours only: the one before is not everywhere yet
			}
			a, b := h.rings[i-1].ring, h.rings[i].ring
			old, next := manager(t, a), manager(t, b)
			for _, after := range []time.Duration{0, 1, f.Lag / 2, f.Lag} {
				real := at.Add(after)
				for _, one := range []time.Duration{-f.Skew, 0, f.Skew} {
					for _, other := range []time.Duration{-f.Skew, 0, f.Skew} {
						tried++
						v := token(t, old, real.Add(one))
						if _, reason := next.Open(real.Add(other), v).Outcome(); reason != 0 && !h.excused(reason, b, v, real, real.Add(other)) {
							t.Fatalf("%s: of the ring before, %v after: %v", h.rings[i].edit, after, reason)
						}
						v = token(t, next, real.Add(other))
						if _, reason := old.Open(real.Add(one), v).Outcome(); reason != 0 && !h.excused(reason, a, v, real, real.Add(one)) {
							t.Fatalf("%s: of the ring after, %v after: %v", h.rings[i].edit, after, reason)
						}
					}
				}
			}
		}
	})
	t.Logf("%d pairs of tokens", tried)
}

// Every instance that is up to date accepts every token until its session expires,
// unless an edit means to end it.
func TestI2TokensAreAcceptedUntilTheyExpire(t *testing.T) {
	t.Parallel()
	accepted := 0
	histories(t, Fleet{}, func(h *history) {
		var managers []*session.Manager[data]
		for _, p := range h.rings {
			managers = append(managers, manager(t, p.ring))
		}
		for range 60 {
			at := h.when(epoch, h.end)
			v := token(t, managers[h.latest(at)], at)
			info, _ := session.ReadUnverified(v)
			last := info.Expires.Add(-1)
			times := []time.Time{at, last}
			for range 8 {
				times = append(times, h.when(at, last))
			}
			for _, then := range times {
				_, reason := managers[h.latest(then)].Open(then, v).Outcome()
				if reason == 0 {
					accepted++
				} else if !h.excused(reason, h.rings[h.latest(then)].ring, v, then, then) {
					t.Fatalf("made at %v, opened at %v: %v", at, then, reason)
				}
			}
		}
	})
	if accepted < bounded(20)*200 {
		t.Errorf("%d accepted, which is few", accepted)
	}
}

// At every time that an instance may have a ring, by whatever clock, there is one key
// that signs, and one only.
func TestI4OneKeySigns(t *testing.T) {
	t.Parallel()
	histories(t, Fleet{}, func(h *history) {
		for i, p := range h.rings {
			from, to := p.at.Add(-h.fleet.Skew), h.end.Add(h.fleet.Skew)
			if i+1 < len(h.rings) {
				to = h.rings[i+1].at.Add(h.fleet.Lag + h.fleet.Skew)
			}
			for range 50 {
				now := h.when(from, to)
				primary, err := p.ring.Primary(now)
				if err != nil {
					t.Fatalf("generation %d at %v: %v", p.ring.Generation(), now, err)
				}
				for _, k := range p.ring.Document().Keys {
					if active := p.ring.State(k.ID(), now) == keyring.Active; active != (k.ID() == primary.ID()) {
						t.Fatalf("generation %d at %v: %v signs, and %v is %v", p.ring.Generation(), now, primary, k, p.ring.State(k.ID(), now))
					}
				}
			}
		}
	})
}

// A request is what an instance gets.
type request struct {
	now   time.Time
	value string
}

func (r request) Now() time.Time                  { return r.now }
func (r request) RawCookies(name string) []string { return r.Cookies(name) }
func (request) WouldHaveOurs() bool               { return true }

func (r request) Cookies(string) []string { return []string{r.value} }

// What an instance cannot judge, since it lags, is slow or was rolled back, it neither
// deletes nor overwrites, though it may reissue what it can.
func TestI13WhatCannotBeJudgedIsLeftAlone(t *testing.T) {
	t.Parallel()
	seen := map[session.Reason]int{}
	histories(t, Fleet{}, func(h *history) {
		rng := h.rng
		for range 100 {
			maker, opener := rng.IntN(len(h.rings)), rng.IntN(len(h.rings))
			codecs := codec.All()
			n := rng.IntN(len(codecs))
			r := h.rings[opener].ring
			if f := h.rings[opener].former; f != nil && rng.IntN(2) == 0 {
				r = f
			}
			at := h.when(h.rings[maker].at, h.end)
			v := token(t, manager(t, h.rings[maker].ring), at)
			m := manager(t, r, slices.Delete(codecs, n, n+1)...)
			s, _ := m.Begin(context.Background(), request{at.Add(h.nudge()), v})
			outcome, reason := s.Outcome()
			c := s.Commit(true)
			if outcome == session.Indeterminate {
				seen[reason]++
				if c.Sent != session.SentNothing || c.Value != "" || len(c.Delete) > 0 {
					t.Fatalf("%v: %v, and deleted %v", reason, c.Sent, c.Delete)
				}
			}
		}
	})
	for _, reason := range []session.Reason{session.ErrUnknownKey, session.ErrUnsupportedCodec, session.ErrFuture, session.ErrDisabled} {
		if seen[reason] == 0 {
			t.Errorf("%v did not happen: %v", reason, seen)
		}
	}
}

// In whatever order the keys and codecs are in a file, the ring is the same, and so is
// what Plan finds.
func TestI16TheOrderInAFileMeansNothing(t *testing.T) {
	t.Parallel()
	histories(t, Fleet{}, func(h *history) {
		for i, p := range h.rings {
			d := p.ring.Document()
			h.rng.Shuffle(len(d.Keys), func(i, j int) { d.Keys[i], d.Keys[j] = d.Keys[j], d.Keys[i] })
			h.rng.Shuffle(len(d.Codecs), func(i, j int) { d.Codecs[i], d.Codecs[j] = d.Codecs[j], d.Codecs[i] })
			r, err := keyring.NewRing(d)
			if err != nil || r.Checksum() != p.ring.Checksum() {
				t.Fatalf("generation %d: %v, %v", d.Generation, r, err)
			}
			for range 20 {
				now := h.when(epoch, h.end)
				a, errA := r.Primary(now)
				b, errB := p.ring.Primary(now)
				if a.ID() != b.ID() || !errors.Is(errA, errB) {
					t.Fatalf("generation %d at %v: %v, and %v", d.Generation, now, a, b)
				}
			}
			if i > 0 && !slices.Equal(keyring.Plan(h.rings[i-1].ring, r, p.at), keyring.Plan(h.rings[i-1].ring, p.ring, p.at)) {
				t.Fatalf("generation %d: Plan finds something else", d.Generation)
			}
		}
	})
}

// An instance never writes a codec that it cannot read. It writes the newest one of
// the schedule that it can, or else the first that it has.
func TestI19NoCodecIsWrittenThatCannotBeRead(t *testing.T) {
	t.Parallel()
	fellBack := 0
	histories(t, Fleet{}, func(h *history) {
		for _, p := range h.rings {
			lacks := h.rng.IntN(len(codec.All()))
			codecs := slices.Delete(codec.All(), lacks, lacks+1)
			m := manager(t, p.ring, codecs...)
			for range 10 {
				now := h.when(epoch, h.end)
				want, due := codecs[0].Name(), ""
				for _, c := range p.ring.Codecs() {
					if c.From.After(now) {
						break
					}
					if due = c.Codec; slices.ContainsFunc(codecs, func(k codec.Codec) bool { return k.Name() == c.Codec }) {
						want = c.Codec
					}
				}
				if due != "" && due != want {
					fellBack++
				}
				info, err := session.ReadUnverified(token(t, m, now))
				if err != nil || info.Codec != want {
					t.Fatalf("at %v, without %s: %s is written, want %s (%v)", now, codec.All()[lacks].Name(), info.Codec, want, err)
				}
			}
		}
	})
	if fellBack == 0 {
		t.Error("no instance lacked what it was to write")
	}
}

// Keys are turned, promoted and pruned in any order and as fast as may be, also many
// times within one session.
func TestI20TurningAndPruningAtAnyCadenceEndsNothing(t *testing.T) {
	t.Parallel()
	operator := func(rng *rand.Rand, now time.Time, rings []*keyring.Ring) Edit {
		switch rng.IntN(4) {
		case 0:
			return Edit{Name: "prune", Do: func(d *keyring.Document) error { _, err := d.Prune(now); return err }}
		case 1:
			return Edit{Name: "promote", Do: func(d *keyring.Document) error { return d.Promote(now) }}
		}
		in := upTo(rng, 3*24*time.Hour)
		return Edit{Name: "rotate", Do: func(d *keyring.Document) error { return d.Rotate(now, signer.Algorithm{}, in) }}
	}
	f := Fleet{Operator: operator, Algorithms: []signer.Algorithm{signer.HMACSHA256(), signer.XChaCha20Poly1305()}}
	r := run(t, f, 6000, bounded(30_000))
	succeeds(t, r)
	if r.Ended > r.Opened/4 || r.Hasty > 0 {
		t.Errorf("%d of %d ended", r.Ended, r.Opened)
	}
}
