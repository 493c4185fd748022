package keyringtest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/signer"
)

var (
	tokensFlag = flag.Int("tokens", 0, "how many tokens of the recommended fleet to make")
	seedFlag   = flag.Uint64("seed", 1, "the first seed of the recommended fleet")
)

const day = 24 * time.Hour

// bounded returns how many tokens a test can do with.
func bounded(tokens int) int {
	if raceEnabled || testing.Short() {
		return tokens / 10
	}
	return tokens
}

func run(t *testing.T, f Fleet, seed uint64, tokens int) Result {
	t.Helper()
	r, err := f.Run(t.Context(), seed, tokens, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// succeeds checks that nobody was signed out.
func succeeds(t *testing.T, r Result) {
	t.Helper()
	for _, f := range r.Failures[:min(3, len(r.Failures))] {
		t.Error(f)
	}
	if !r.OK() {
		t.Errorf("%d wrongly rejected: %v, %d unsigned, %d rings refused by instances", r.WronglyRejected, r.Reasons, r.Unsigned, r.Unloaded)
	}
	t.Logf("%d histories, %d edits (and %d refused), %d tokens, opened %d times: %d valid, %d ended, %d rolled back, %d in haste",
		r.Fleets, r.Edits, r.Refused, r.Tokens, r.Opened, r.Valid, r.Ended, r.RolledBack, r.Hasty)
}

func TestTheRecommendedFleetSignsNobodyOut(t *testing.T) {
	t.Parallel()
	tokens := bounded(100_000)
	if *tokensFlag > 0 {
		tokens = *tokensFlag
	}
	r := run(t, Fleet{}, *seedFlag, tokens)
	succeeds(t, r)
	if r.Tokens < tokens || r.Fleets > 4 && (r.Valid < r.Opened/4 || r.RolledBack == 0 || r.Ended == 0 || r.Edits < 5*r.Fleets || r.Refused == 0) {
		t.Errorf("the histories are too much alike: %+v", r)
	}
}

// What the policy says may be anything that is consistent with the fleet.
func TestOtherSoundFleetsSignNobodyOut(t *testing.T) {
	t.Parallel()
	minimal := DefaultLag + 2*DefaultSkew
	for name, f := range map[string]Fleet{
		"the shortest propagation":  {Policy: keyring.Policy{Propagation: minimal}},
		"a long propagation":        {Policy: keyring.Policy{Propagation: 3 * day}, Lag: 2 * day},
		"short sessions":            {Policy: keyring.Policy{MaxSession: time.Hour}},
		"sessions that were longer": {Policy: keyring.Policy{MaxSession: 7 * day, MaxSessionHigh: 30 * day}},
		"good clocks":               {Policy: keyring.Policy{Skew: time.Second}, Skew: time.Second},
		"bad clocks":                {Policy: keyring.Policy{Propagation: 5 * time.Hour, Skew: 2 * time.Hour}, Skew: 2 * time.Hour},
		"two instances":             {Instances: 2},
		"one algorithm":             {Algorithms: []signer.Algorithm{signer.HMACSHA256()}},
		"one that encrypts":         {Algorithms: []signer.Algorithm{signer.XChaCha20Poly1305()}},
	} {
		t.Run(name, func(t *testing.T) { succeeds(t, run(t, f, 1000, bounded(10_000))) })
	}
}

// Whatever is done to a ring, at any time and to any key, nobody is signed out as
// long as Plan finds nothing: there is more that can be done than Routine does.
func TestAnyEditsThatPlanAllowsSignNobodyOut(t *testing.T) {
	t.Parallel()
	all := append(signer.All(), beyond(), signer.Algorithm{Name: "beyond-too", NewSealer: signer.XChaCha20Poly1305().NewSealer})
	r := run(t, Fleet{Policy: keyring.Policy{Propagation: DefaultLag + 2*DefaultSkew}, Algorithms: all, Operator: anything(all)}, 3000, bounded(50_000))
	succeeds(t, r)
}

// anything does what an edit can do, to any key, be it sensible or not.
func anything(algorithms []signer.Algorithm) Operator {
	return func(rng *rand.Rand, now time.Time, rings []*keyring.Ring) Edit {
		keys := rings[len(rings)-1].Document().Keys
		id, a := keys[rng.IntN(len(keys))].ID(), algorithms[rng.IntN(len(algorithms))]
		former := rings[rng.IntN(len(rings))]
		in := upTo(rng, 3*day)
		edit := func(name string, do func(d *keyring.Document) error) Edit { return Edit{Name: name, Do: do} }
		switch rng.IntN(10) {
		case 0:
			return edit("rotate to "+a.Name, func(d *keyring.Document) error { return d.Rotate(now, a, in) })
		case 1:
			return edit("schedule "+id.String(), func(d *keyring.Document) error { return d.Schedule(now, id, in) })
		case 2:
			return edit("promote", func(d *keyring.Document) error { return d.Promote(now) })
		case 3:
			return edit("standby "+a.Name, func(d *keyring.Document) error { return d.AddStandby(now, a) })
		case 4:
			return edit("prune", func(d *keyring.Document) error { _, err := d.Prune(now); return err })
		case 5:
			c := codec.All()[rng.IntN(len(codec.All()))].Name()
			return edit("codec "+c, func(d *keyring.Document) error { return d.ScheduleCodec(now, c, now.Add(in)) })
		case 6:
			return edit(fmt.Sprint("restore ", former.Generation()), func(d *keyring.Document) error { return d.Restore(now, former) })
		case 7:
			return edit("enable "+id.String(), func(d *keyring.Document) error { return d.Enable(now, id) })
		case 8:
			e := edit("disable "+id.String(), func(d *keyring.Document) error { return d.Disable(now, id, "simulated") })
			e.Emergency = rng.IntN(2) == 0
			return e
		}
		e := edit("revoke "+id.String(), func(d *keyring.Document) error { return d.Revoke(now, id, "simulated") })
		e.Emergency = rng.IntN(2) == 0
		return e
	}
}

// A simulator that finds nothing wrong must be able to find what is.
func TestUnsoundFleetsSignPeopleOut(t *testing.T) {
	t.Parallel()
	always := func(old, new *keyring.Ring, at time.Time) bool { return true }
	for name, f := range map[string]Fleet{
		"no propagation":              {Policy: keyring.Policy{Propagation: 1}},
		"less propagation than lag":   {Lag: 3 * time.Hour},
		"clocks worse than said":      {Skew: time.Hour},
		"no standby key":              {Operator: withoutStandby, Apply: always},
		"pending keys do not verify":  {ignorePending: true},
		"keys retire too early":       {Operator: hastyRetirement, Apply: always},
		"one instance is stuck":       {Stuck: 1},
		"edits judged when made only": {Apply: always},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			enough := bounded(200)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			r, err := f.Run(ctx, 2000, 100_000, func(r Result) { // it ends when there are enough
				if r.WronglyRejected >= enough {
					cancel()
				}
			})
			if err != nil && !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			if r.WronglyRejected < enough || len(r.Failures) == 0 || r.OK() {
				t.Errorf("%d wrongly rejected of %d", r.WronglyRejected, r.Tokens)
			}
			t.Logf("%d wrongly rejected, %v, %d unsigned, of %d tokens opened %d times", r.WronglyRejected, r.Reasons, r.Unsigned, r.Tokens, r.Opened)
		})
	}
}

// withoutStandby revokes the primary, and has a new key sign at once.
func withoutStandby(rng *rand.Rand, now time.Time, rings []*keyring.Ring) Edit {
	return Edit{Name: "revoke without a standby key", Emergency: true, Do: func(d *keyring.Document) error {
		primary, err := rings[len(rings)-1].Primary(now)
		if err != nil {
			return err
		}
		for i := range d.Keys {
			if d.Keys[i].ID() == primary.ID() {
				d.Keys[i].Revoked = now
			}
		}
		k := keyring.GenerateKey(signer.HMACSHA256())
		k.Added, k.SignFrom = now, now.Add(-keyring.DefaultSkew)
		d.Keys = append(d.Keys, k)
		if primary.Seals() {
			return errors.New("not from sealed to signed")
		}
		return nil
	}}
}

// hastyRetirement rotates, and retires the former key after half of a session.
func hastyRetirement(rng *rand.Rand, now time.Time, rings []*keyring.Ring) Edit {
	return Edit{Name: "rotate in haste", Do: func(d *keyring.Document) error {
		if err := d.Rotate(now, signer.Algorithm{}, 0); err != nil {
			return err
		}
		for i := range d.Keys {
			if k := &d.Keys[i]; k.VerifyUntil.After(now) {
				k.VerifyUntil = now.Add(keyring.DefaultMaxSession / 2)
			}
		}
		return nil
	}}
}

func TestARunIsOfItsSeed(t *testing.T) {
	t.Parallel()
	f := Fleet{Stuck: 1}
	var seen []Result
	a, err := f.Run(t.Context(), 7, bounded(20_000), func(r Result) { seen = append(seen, r) })
	if err != nil {
		t.Fatal(err)
	}
	b := run(t, f, 7, bounded(20_000))
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%+v\n%+v", a, b)
	}
	if len(seen) != a.Fleets || !reflect.DeepEqual(seen[len(seen)-1], a) {
		t.Errorf("%d reports of progress for %d histories", len(seen), a.Fleets)
	}
	if c := run(t, f, 8, bounded(20_000)); reflect.DeepEqual(a, c) {
		t.Error("another seed gives the same")
	}
	// A failure is told with the edits before it, and no other.
	for _, f := range a.Failures {
		if !f.Begun.After(epoch.Add(-1)) || f.Made.Before(f.Begun) || f.Opened.Before(f.Made) || len(f.Edits) == 0 {
			t.Errorf("%v", f)
		}
		for _, e := range f.Edits {
			stamp, _, _ := strings.Cut(e, " ")
			if at, err := time.Parse(time.RFC3339, stamp); err != nil || at.After(f.Opened) {
				t.Errorf("opened at %v, after %s", f.Opened, e)
			}
		}
	}
	// A failure can be had again by itself.
	last := a.Failures[len(a.Failures)-1]
	again := run(t, f, last.Seed, 1)
	if again.Fleets != 1 || len(again.Failures) == 0 {
		t.Fatalf("seed %d: %+v", last.Seed, again)
	}
	for _, says := range []string{"seed ", again.Failures[0].Reason.Error(), again.Failures[0].Key.String(), "instance ", "generation 1: made"} {
		if !strings.Contains(again.Failures[0].String(), says) {
			t.Errorf("%q is not in %v", says, again.Failures[0])
		}
	}
}

func TestRunRefusesWhatIsNoFleet(t *testing.T) {
	for name, f := range map[string]Fleet{
		"instances": {Instances: -1},
		"stuck":     {Stuck: 7},
		"not stuck": {Stuck: -1},
		"lag":       {Lag: -1},
		"skew":      {Skew: -1},
		"late":      {Late: -1},
		"policy":    {Policy: keyring.Policy{MaxSession: -1}},
		"session":   {Policy: keyring.Policy{MaxSession: time.Second}},
		"algorithm": {Algorithms: []signer.Algorithm{{}}},
	} {
		if r, err := f.Run(t.Context(), 1, 1, nil); err == nil || r.Tokens > 0 {
			t.Errorf("%s: %+v", name, r)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := (Fleet{}).Run(ctx, 1, 1, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// Of the edits that Plan refuses, a good part would have signed somebody out, where
// the propagation is as short as it may be: Plan is not strict for nothing. The first
// edit of a history that is refused is applied all the same, and is the last one.
func TestPlanRefusesLittleThatIsHarmless(t *testing.T) {
	t.Parallel()
	harmless, harmful := map[string]int{}, map[string]int{}
	histories := bounded(30)
	for seed := range uint64(histories) {
		var rules string
		r := run(t, Fleet{Policy: keyring.Policy{Propagation: DefaultLag + 2*DefaultSkew}, Apply: func(old, new *keyring.Ring, at time.Time) bool {
			if rules != "" {
				return false
			}
			for _, f := range keyring.Plan(old, new, at) {
				if s := f.Rule.String(); !f.Accepted && !strings.Contains(rules, s) {
					rules += s
				}
			}
			return true
		}}, 3000+seed, 1)
		switch {
		case rules == "":
		case r.OK():
			harmless[rules]++
		default:
			harmful[rules]++
		}
	}
	total := func(m map[string]int) (n int) {
		for _, k := range m {
			n += k
		}
		return n
	}
	t.Logf("refused: %d harmful %v, %d harmless as far as seen %v", total(harmful), harmful, total(harmless), harmless)
	if total(harmful) < histories/5 {
		t.Errorf("%d harmful edits refused in %d histories", total(harmful), histories)
	}
}

// Where nobody edits the ring, and nobody can, nothing happens to a session.
func TestNoEditsNoTrouble(t *testing.T) {
	f := Fleet{Operator: func(*rand.Rand, time.Time, []*keyring.Ring) Edit { return Edit{} }}
	r := run(t, f, 1, 1)
	if r.Edits != 0 || !r.OK() || r.Reasons[session.ErrExpired] > 0 {
		t.Errorf("%+v", r)
	}
}
