package keyringtest

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/signer"
)

// What a history must have in it to try out what it is to try out.

func TestAResultIsOKIfAllWentWell(t *testing.T) {
	for _, r := range []Result{{WronglyRejected: 1}, {Unsigned: 1}, {Unloaded: 1}} {
		if r.OK() {
			t.Errorf("%+v is", r)
		}
	}
	if !(Result{Refused: 1, Ended: 1, RolledBack: 1, Hasty: 1}).OK() {
		t.Error("what is as it should be is not")
	}
}

func TestResultsAddUp(t *testing.T) {
	var one, sum Result
	v := reflect.ValueOf(&one).Elem()
	for i := range v.NumField() {
		if v.Field(i).CanInt() {
			v.Field(i).SetInt(int64(i + 1))
		}
	}
	one.Reasons = map[session.Reason]int{session.ErrRetired: 3}
	one.Failures = make([]Failure, maxFailures-1)
	sum.add(one)
	sum.add(one)
	for i := range v.NumField() {
		if f := reflect.ValueOf(sum).Field(i); f.CanInt() && f.Int() != int64(2*(i+1)) {
			t.Errorf("%s of twice %d are %d", v.Type().Field(i).Name, i+1, f.Int())
		}
	}
	if sum.Reasons[session.ErrRetired] != 6 || len(sum.Failures) != maxFailures {
		t.Errorf("%v, %d failures", sum.Reasons, len(sum.Failures))
	}
}

func TestAViewSaysThatItIsRolledBack(t *testing.T) {
	for _, rolledBack := range []bool{true, false} {
		if s := (View{RolledBack: rolledBack}).String(); strings.Contains(s, "rolled back") != rolledBack {
			t.Error(s)
		}
	}
}

// Two clocks are as wrong as can be, sessions begin until all is settled, rings follow
// each other, and moments are in order.
func TestAHistoryIsInOrder(t *testing.T) {
	t.Parallel()
	begun, missed, before := 0, 0, 0
	f := Fleet{Algorithms: []signer.Algorithm{signer.HMACSHA256(), beyond()}}
	histories(t, f, func(h *history) {
		y := h.fleet.Policy
		last := h.rings[len(h.rings)-1].at
		if h.end.Before(last.Add(y.Propagation + y.MaxSessionHigh)) {
			t.Errorf("the last edit is applied at %v, and sessions begin until %v", last, h.end)
		}
		for i, p := range h.rings {
			if p.ring.Generation() != uint64(i+1) || i > 0 && p.at.Before(h.rings[i-1].at) {
				t.Errorf("generation %d is the %d-th, at %v", p.ring.Generation(), i, p.at)
			}
			if h.latest(p.at) != i && h.rings[h.latest(p.at)].at != p.at || i > 0 && h.latest(p.at.Add(-1)) >= i {
				t.Errorf("the latest at %v is %d", p.at, h.latest(p.at))
			}
			for _, k := range p.ring.Document().Keys {
				if b := beyond(); k.Algorithm() != b.Name || !k.Usable(p.at) {
					continue
				}
				begun++
				if p.former != nil && p.former.State(k.ID(), p.at) != keyring.Unsupported {
					t.Error("a binary that is rolled back knows an algorithm that it lacks")
				}
			}
			for _, k := range p.ring.Document().Keys {
				at := k.VerifyUntil.Add(-y.MaxSessionHigh - y.Skew)
				if k.VerifyUntil.IsZero() || at.Before(epoch) {
					continue
				}
				before++
				if !slices.Contains(h.moments, at) {
					t.Error("a key ceases to be due at no moment")
				}
			}
		}
		if !slices.IsSortedFunc(h.moments, time.Time.Compare) || len(h.moments) < len(h.rings) {
			t.Errorf("moments are %v", h.moments)
		}
		for i, lives := range h.instances {
			if want := map[int]time.Duration{0: h.fleet.Skew, 1: -h.fleet.Skew}; i < 2 && lives[0].error != want[i] {
				t.Errorf("the clock of instance %d is wrong by %v", i, lives[0].error)
			}
			for n, l := range lives {
				if n > 0 && l.rolledBack && lives[n-1].rolledBack {
					t.Error("an instance is rolled back twice")
				}
				if l.error < -h.fleet.Skew || l.error > h.fleet.Skew {
					t.Errorf("a clock is wrong by %v", l.error)
				}
				for _, o := range l.loads {
					if o.at.Before(l.from) || n+1 < len(lives) && !o.at.Before(lives[n+1].from) {
						t.Error("an instance loads a ring while it does not live")
					}
					if o.at.After(h.rings[o.ring].at.Add(h.fleet.Lag)) {
						t.Error("an instance lags longer than it may")
					}
					if o.at.After(h.rings[o.ring].at) {
						missed++
					}
				}
				if got := h.at(i, l.from); n+1 == len(lives) || lives[n+1].from.After(l.from) {
					if !got.from.Equal(l.from) || got.error != l.error {
						t.Errorf("instance %d lives from %v at %v", i, got.from, l.from)
					}
				}
			}
		}
		// A key is in haste from when it has to sign until it has propagated.
		for id, until := range h.hasty {
			if !until.Equal(h.first[id].Add(y.Propagation)) {
				t.Errorf("a key published at %v is in haste until %v", h.first[id], until)
			}
			if !slices.ContainsFunc(h.rings, func(p published) bool {
				k, err := p.ring.Primary(p.at)
				return err == nil && k.ID() == id && p.at.Before(until)
			}) {
				t.Errorf("key %v is in haste and never had to sign before %v", id, until)
			}
		}
		// Of times, some are at moments and others are not.
		from, to := epoch, h.end
		near := 0
		for range 200 {
			at := h.when(from, to)
			if at.Before(from) || at.After(to) {
				t.Fatalf("%v is not from %v to %v", at, from, to)
			}
			i, _ := slices.BinarySearchFunc(h.moments, at, time.Time.Compare)
			d := to.Sub(from)
			for _, m := range h.moments[max(0, i-1):min(len(h.moments), i+1)] {
				d = min(d, m.Sub(at).Abs())
			}
			if d <= h.fleet.Lag+2*h.fleet.Skew+time.Minute {
				near++
			}
		}
		if near < 100 || near > 195 {
			t.Errorf("%d of 200 times are near a moment", near)
		}
	})
	if begun == 0 || missed == 0 || before == 0 {
		t.Errorf("%d keys that some binary lacks, %d rings loaded late, %d moments before a key retires", begun, missed, before)
	}
}

// An operator's clock is wrong as well, and no edit but an emergency comes before the
// last has propagated.
func TestEditsAreMadeByAWrongClock(t *testing.T) {
	t.Parallel()
	for _, emergency := range []bool{true, false} {
		var made, judged time.Time
		var late time.Duration
		wrong := map[time.Duration]bool{}
		f := Fleet{
			Operator: func(rng *rand.Rand, now time.Time, rings []*keyring.Ring) Edit {
				made = now
				if rng.IntN(3) == 0 { // which makes no generation
					return Edit{Name: "nothing", Emergency: emergency, Do: func(*keyring.Document) error { return nil }}
				}
				return Edit{Name: "an edit", Emergency: emergency, Do: func(d *keyring.Document) error {
					if d.NotBefore.IsZero() {
						d.NotBefore = epoch.Add(-day)
					}
					d.NotBefore = d.NotBefore.Add(time.Second)
					return nil
				}}
			},
			Apply: func(_, next *keyring.Ring, at time.Time) bool {
				judged = at
				if emergency {
					wrong[judged.Sub(made)] = true
				}
				late = max(late, judged.Sub(made))
				return true
			},
		}
		f, err := f.complete()
		if err != nil {
			t.Fatal(err)
		}
		for seed := range uint64(5) {
			h, err := newHistory(f, seed)
			if err != nil {
				t.Fatal(err)
			}
			if len(h.rings) < 4 {
				t.Fatalf("%d rings", len(h.rings))
			}
			for i := 1; i < len(h.rings); i++ {
				if h.rings[i].ring.Generation() != uint64(i+1) {
					t.Errorf("generation %d is the %d-th", h.rings[i].ring.Generation(), i)
				}
				if d := h.rings[i].at.Sub(h.rings[i-1].at); !emergency && d < f.Policy.Propagation {
					t.Errorf("%v between two edits", d)
				}
			}
		}
		if emergency && (!wrong[2*f.Skew] || !wrong[-2*f.Skew] || late > 2*f.Skew) {
			t.Errorf("between an edit and its judgement by another clock: %v", wrong)
		}
		if !emergency && late < 2*f.Skew+time.Hour {
			t.Errorf("no edit is applied later than %v", late)
		}
	}
}

// What is recommended is never to write in the clear again, nor to do something to no
// key; and ending all sessions is among it.
func TestRoutineDoesWhatIsRecommended(t *testing.T) {
	t.Parallel()
	seals := signer.XChaCha20Poly1305()
	f, err := Fleet{Algorithms: []signer.Algorithm{seals}}.complete()
	if err != nil {
		t.Fatal(err)
	}
	r, err := f.first(rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		t.Fatal(err)
	}
	done := map[string]int{}
	rng := rand.New(rand.NewPCG(2, 2))
	routine := Routine(signer.HMACSHA256(), seals)
	for range 2000 {
		e := routine(rng, epoch, []*keyring.Ring{r})
		name, of, _ := strings.Cut(e.Name, " ")
		done[name]++
		switch {
		case e.Do == nil:
			t.Error("nothing is done")
		case strings.Contains(e.Name, "to hmac-sha256"), strings.Contains(e.Name, keyring.KeyID{}.String()), name == "enable", name == "restore":
			t.Errorf("%s %s", name, of)
		case strings.Contains(e.Name, "end all sessions"):
			is, err := r.Edit(epoch, e.Do)
			if err != nil || !is.NotBefore().Equal(epoch) || !e.Emergency {
				t.Errorf("%s: %v, sessions begin %v", e.Name, err, is.NotBefore())
			}
			done["end"]++
		}
	}
	for _, name := range []string{"rotate", "promote", "prune", "codec", "standby", "disable", "revoke", "end"} {
		if done[name] == 0 {
			t.Errorf("no %s in %v", name, done)
		}
	}
}

func TestTheDefaultFleetHasAnAlgorithmThatSomeLack(t *testing.T) {
	f, err := Fleet{}.complete()
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(f.Algorithms, func(a signer.Algorithm) bool { return !isBuiltIn(a.Name) }) || len(f.Algorithms) != len(signer.All())+1 {
		t.Errorf("%v", f.Algorithms)
	}
}

// A binary that is rolled back lacks a codec, and has the ring as it can read it.
func TestRolledBackBinariesLackSomething(t *testing.T) {
	t.Parallel()
	codecs := func(rng *rand.Rand, now time.Time, rings []*keyring.Ring) Edit {
		name := []string{"cbor", "msgpack", "json"}[rng.IntN(3)]
		return Edit{Name: name, Do: func(d *keyring.Document) error { return d.ScheduleCodec(now, name, now.Add(day)) }}
	}
	r := run(t, Fleet{Operator: codecs, Algorithms: []signer.Algorithm{signer.HMACSHA256()}}, 100, bounded(20_000))
	succeeds(t, r)
	if r.RolledBack == 0 {
		t.Errorf("%+v", r)
	}
	former := new(keyring.Ring)
	s := &simulation{history: &history{rings: []published{{ring: new(keyring.Ring), former: former}}}}
	if s.ring(life{rolledBack: true}, 0) != former || s.ring(life{}, 0) == former {
		t.Error("it has the ring as another binary can read it")
	}
}

// A ring that instances refuse is counted, and nothing is well then.
func TestRingsThatAreRefusedAreCounted(t *testing.T) {
	t.Parallel()
	f := Fleet{
		Operator: func(_ *rand.Rand, now time.Time, rings []*keyring.Ring) Edit {
			return Edit{Name: "forget the standby key", Do: func(d *keyring.Document) error {
				d.Keys = slices.DeleteFunc(d.Keys, func(k keyring.Key) bool { return k.SignFrom.IsZero() })
				return nil
			}}
		},
		Apply: func(_, _ *keyring.Ring, _ time.Time) bool { return true },
	}
	if r := run(t, f, 1, 1); r.Unloaded == 0 || r.OK() {
		t.Errorf("%+v", r)
	}
}

// Sessions are opened at once and a little later, and reissued.
func TestSessionsAreOpenedSoonAndReissued(t *testing.T) {
	t.Parallel()
	atOnce, soon := 0, 0
	histories(t, Fleet{}, func(h *history) {
		s := &simulation{history: h, visitors: make([]visitor, 50)}
		begun := map[int]time.Time{}
		reissues := 0
		for _, p := range s.plan() {
			switch p.what {
			case begin:
				begun[p.n] = p.at
			case open:
				switch d := p.at.Sub(begun[p.n]); {
				case d == 0:
					atOnce++
				case d <= 2*h.fleet.Skew:
					soon++
				}
			case reissue:
				reissues++
			}
		}
		if len(begun) != 50 || reissues < 20 {
			t.Errorf("of %d sessions, %d reissues", len(begun), reissues)
		}
	})
	if atOnce == 0 || soon < atOnce/4 {
		t.Errorf("opened at once %d times, and soon %d times", atOnce, soon)
	}
	if r := run(t, Fleet{}, 1, 1); r.Tokens < sessions*3/2 {
		t.Errorf("%d tokens of %d sessions", r.Tokens, sessions)
	}
}

// simulated returns the simulation of a history, none of which has happened yet.
func simulated(t *testing.T, f Fleet, seed uint64) *simulation {
	t.Helper()
	f, err := f.complete()
	if err != nil {
		t.Fatal(err)
	}
	h, err := newHistory(f, seed)
	if err != nil {
		t.Fatal(err)
	}
	return &simulation{
		history: h, running: make([]instance, f.Instances), visitors: make([]visitor, sessions),
		result: Result{Reasons: make(map[session.Reason]int)},
	}
}

// A token is made when its maker thinks that it is.
func TestTokensAreMadeByTheClockOfTheirMaker(t *testing.T) {
	t.Parallel()
	s := simulated(t, Fleet{}, 1)
	made := 0
	for _, p := range s.plan() {
		before := s.result.Tokens
		if err := s.take(p); err != nil {
			t.Fatal(err)
		}
		if s.result.Tokens == before || p.what != begin { // one that is reissued is no older than it was
			continue
		}
		made++
		v := s.visitors[p.n]
		info, err := session.ReadUnverified(v.token)
		if err != nil {
			t.Fatal(err)
		}
		if want := p.at.Add(s.running[p.instance].life.error).Truncate(time.Second); !info.Issued.Equal(want) || !v.made.Equal(p.at) {
			t.Fatalf("issued %v, want %v", info.Issued, want)
		}
	}
	if made < sessions {
		t.Errorf("%d tokens", made)
	}
}

// Nothing is excused but what is as it must be.
func TestWhatIsNotAcceptedIsJudged(t *testing.T) {
	s := simulated(t, Fleet{Operator: func(*rand.Rand, time.Time, []*keyring.Ring) Edit { return Edit{} }}, 1)
	now := epoch.Add(time.Hour)
	m := manager(t, s.rings[0].ring)
	known := token(t, m, now)
	info, err := session.ReadUnverified(known)
	if err != nil {
		t.Fatal(err)
	}
	other := simulated(t, Fleet{}, 2)
	unknown := token(t, manager(t, other.rings[0].ring), now)
	back := life{rolledBack: true}
	for _, tt := range []struct {
		name    string
		i       instance
		stopgap bool
		hasty   bool
		token   string
		reason  session.Reason
		want    string
	}{
		{"a codec that is lacking", instance{life: back}, false, false, known, session.ErrUnsupportedCodec, "rolled back"},
		{"a codec that is not", instance{}, false, false, known, session.ErrUnsupportedCodec, "wrong"},
		{"a key that it should know", instance{life: back}, false, false, unknown, session.ErrUnknownKey, "wrong"},
		{"a key that is younger than its ring", instance{life: back, behind: true}, false, false, unknown, session.ErrUnknownKey, "rolled back"},
		{"a key that another should know", instance{behind: true}, false, false, unknown, session.ErrUnknownKey, "wrong"},
		{"a stopgap", instance{}, true, false, known, session.ErrRetired, "rolled back"},
		{"a stopgap that is unknown", instance{}, true, false, unknown, session.ErrUnknownKey, "rolled back"},
		{"a stopgap that is forged", instance{}, true, false, known, session.ErrForged, "wrong"},
		{"no stopgap", instance{}, false, false, known, session.ErrRetired, "wrong"},
		{"in haste", instance{}, false, true, known, session.ErrUnknownKey, "hasty"},
		{"in haste, and retired", instance{}, false, true, known, session.ErrRetired, "wrong"},
		{"not in haste", instance{}, false, false, known, session.ErrUnknownKey, "wrong"},
	} {
		s.result = Result{Reasons: make(map[session.Reason]int)}
		clear(s.hasty)
		if tt.hasty {
			s.hasty[info.KeyID] = now.Add(time.Minute)
		}
		tt.i.keys = keyring.New(s.rings[0].ring)
		v := visitor{stopgap: tt.stopgap, token: tt.token}
		s.judge(step{at: now, what: open}, &tt.i, &v, tt.reason)
		r := s.result
		got := map[string]int{"rolled back": r.RolledBack, "hasty": r.Hasty, "wrong": r.WronglyRejected, "ended": r.Ended}
		for name, n := range got {
			if (n == 1) != (name == tt.want) {
				t.Errorf("%s: %v", tt.name, got)
				break
			}
		}
		if tt.want == "wrong" && (r.Reasons[tt.reason] != 1 || len(r.Failures) != 1 || len(r.Failures[0].Edits) != 1) {
			t.Errorf("%s: %+v", tt.name, r)
		}
	}

	i := instance{life: back, behind: true, keys: keyring.New(s.rings[0].ring)}
	if !s.isStopgap(&i, now) || s.isStopgap(&instance{keys: i.keys}, now) || s.isStopgap(&instance{life: back, keys: i.keys}, now) {
		t.Error("an instance signs as a stopgap if it is rolled back and behind, and only then")
	}
	s.result = Result{}
	if err := errors.Join(s.unsigned(keyring.ErrNoPrimary, &i), s.unsigned(keyring.ErrNoPrimary, new(instance))); err != nil || s.result.RolledBack != 1 || s.result.Unsigned != 1 {
		t.Errorf("%v, %+v", err, s.result)
	}
	if failed := errors.New("failed"); s.unsigned(failed, &i) != failed {
		t.Error("another error is none")
	}
	// A session with the data of another is no session at all.
	i.manager = m
	s.visitors[7].token = known
	if err := s.open(step{at: now, what: open, n: 7}, &i); err == nil {
		t.Error("the data of another session is taken")
	}
}

// Sessions need not last whole seconds, and may become shorter.
func TestSessionsOfAnyLength(t *testing.T) {
	defer slog.SetDefault(slog.Default())
	slog.SetDefault(slog.New(slog.DiscardHandler)) // which is told each time that they are shorter
	shorter := func(_ *rand.Rand, now time.Time, _ []*keyring.Ring) Edit {
		return Edit{Name: "shorter sessions", Do: func(d *keyring.Document) error {
			d.Policy.MaxSession = d.Policy.MaxSession * 9 / 10
			return nil
		}}
	}
	f := Fleet{Operator: shorter, Policy: keyring.Policy{MaxSession: day + time.Millisecond, MaxSessionHigh: 2 * day}}
	succeeds(t, run(t, f, 1, 1))
}
