package keyringtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/signer"
)

// What a Fleet is where it is silent.
const (
	DefaultInstances = 6
	DefaultLag       = 10 * time.Minute
	DefaultSkew      = 5 * time.Minute
	DefaultLate      = 48 * time.Hour
)

// A Fleet is a number of instances of one server, and how they get their rings.
// A field that is zero stands for the default; a duration of a nanosecond is as good
// as none.
type Fleet struct {
	// Instances is how many there are. Two of them have the fastest and the
	// slowest clock that Skew allows; each has another after it was restarted.
	Instances int

	// Lag is how long it takes at most until an instance has loaded a ring that
	// was published, or comes up with one that was the latest so long ago.
	Lag time.Duration

	// Skew is the largest error of one clock, also of the operator's.
	Skew time.Duration

	// Late is how long after an edit was made it may be applied.
	Late time.Duration

	// Stuck is how many of the instances never load another ring than their
	// first one.
	Stuck int

	// Policy is that of the ring. Sessions last as long as its MaxSession.
	Policy keyring.Policy

	// Algorithms are those of the keys; those of package signer, and one that a
	// binary lacks that is rolled back, if empty. What is not of package signer
	// is lacking there.
	Algorithms []signer.Algorithm

	// Operator edits the ring; nil is what Routine returns.
	Operator Operator

	// Apply says whether an edit is applied at a time; nil is Accepted. What is
	// not applied is dropped.
	Apply func(old, new *keyring.Ring, at time.Time) bool

	// ignorePending has instances not accept keys that do not sign yet.
	ignorePending bool
}

// Accepted reports whether whatever [keyring.Plan] finds in the edit is accepted: it is
// what a Fleet goes by.
func Accepted(old, new *keyring.Ring, at time.Time) bool {
	for _, f := range keyring.Plan(old, new, at) {
		if !f.Accepted {
			return false
		}
	}
	return true
}

// A Result is what has come of a run.
type Result struct {
	Fleets  int `json:"fleets"`  // simulated, from their first ring to their last session
	Edits   int `json:"edits"`   // of rings, applied
	Refused int `json:"refused"` // edits, not applied

	Tokens int `json:"tokens"` // made
	Opened int `json:"opened"` // how often one was opened, whatever came of it
	Valid  int `json:"valid"`  // how often it was accepted

	// Ended is how often a token was not accepted, as it should be: its session
	// had expired, or an edit that was published had ended it by a key revoked
	// or disabled, or by not_before.
	Ended int `json:"ended"`

	// RolledBack is how often a token was not accepted since an instance was
	// rolled back: that which opened it lacked the codec or the algorithm, and
	// left it alone, or that which made it lacked the algorithm of the primary,
	// and signed with a key that retires.
	RolledBack int `json:"rolled_back"`

	// Hasty is how often the key of a token was not known yet where it was opened,
	// as it had to sign in an emergency before it had propagated: another had to go
	// shortly before.
	Hasty int `json:"hasty"`

	// WronglyRejected is how often a token was not accepted that should have
	// been, and Reasons why.
	WronglyRejected int                    `json:"wrongly_rejected"`
	Reasons         map[session.Reason]int `json:"reasons,omitempty"`

	// Unsigned is how often a token could not be made, since no key could sign.
	Unsigned int `json:"unsigned"`

	// Unloaded is how often an instance refused a ring that was published, other than
	// one that was rolled back.
	Unloaded int `json:"unloaded"`

	// Failures has the first of the tokens that were wrongly rejected.
	Failures []Failure `json:"failures,omitempty"`
}

// OK reports whether all went well: no token was wrongly rejected, every one could
// be made, and no instance refused a ring.
func (r Result) OK() bool { return r.WronglyRejected == 0 && r.Unsigned == 0 && r.Unloaded == 0 }

// maxFailures is how many failures a result describes.
const maxFailures = 10

func (r *Result) add(o Result) {
	r.Fleets += o.Fleets
	r.Edits += o.Edits
	r.Refused += o.Refused
	r.Tokens += o.Tokens
	r.Opened += o.Opened
	r.Valid += o.Valid
	r.Ended += o.Ended
	r.RolledBack += o.RolledBack
	r.Hasty += o.Hasty
	r.WronglyRejected += o.WronglyRejected
	r.Unsigned += o.Unsigned
	r.Unloaded += o.Unloaded
	for reason, n := range o.Reasons {
		if r.Reasons == nil {
			r.Reasons = make(map[session.Reason]int)
		}
		r.Reasons[reason] += n
	}
	r.Failures = append(r.Failures, o.Failures...)
	r.Failures = r.Failures[:min(len(r.Failures), maxFailures)]
}

// A Failure describes a token that was wrongly rejected. Times are real: no
// instance has them.
type Failure struct {
	Seed   uint64         `json:"seed"` // a Run with it, for one token, comes to the failure first
	Reason session.Reason `json:"reason"`
	Key    keyring.KeyID  `json:"key"`
	Begun  time.Time      `json:"begun"` // the session
	Made   time.Time      `json:"made"`  // the token
	Maker  View           `json:"maker"`
	Opened time.Time      `json:"opened"`
	Opener View           `json:"opener"`
	Edits  []string       `json:"edits"` // up to then, the last one last
}

// A View is what an instance knows at a time.
type View struct {
	Instance   int           `json:"instance"` // from 0
	Error      time.Duration `json:"error"`    // of its clock, in nanoseconds; positive: it is fast
	Generation uint64        `json:"generation"`
	RolledBack bool          `json:"rolled_back,omitempty"`
}

// String returns the view in words.
func (v View) String() string {
	s := fmt.Sprintf("instance %d (generation %d, clock %+v", v.Instance, v.Generation, v.Error)
	if v.RolledBack {
		s += ", rolled back"
	}
	return s + ")"
}

// String returns the failure in words, on a line and one for each edit.
func (f Failure) String() string {
	stamp := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
	return fmt.Sprintf("seed %d: %v: session of %s, made at %s by %v under key %v, opened at %s by %v, after\n\t%s",
		f.Seed, f.Reason, stamp(f.Begun), stamp(f.Made), f.Maker, f.Key, stamp(f.Opened), f.Opener, strings.Join(f.Edits, "\n\t"))
}

// Run simulates the fleet, with one history after another, until so many tokens
// have been made, and returns what came of them. The first history is that of the
// seed, the next that of the number after it. progress, if not nil, is called after
// each with the result so far. The errors are those of a Fleet that cannot be, of
// an Operator's edit that makes no ring, and of ctx.
func (f Fleet) Run(ctx context.Context, seed uint64, tokens int, progress func(Result)) (Result, error) {
	f, err := f.complete()
	if err != nil {
		return Result{}, err
	}
	var sum Result
	for ; sum.Tokens < tokens; seed++ {
		if err := ctx.Err(); err != nil {
			return sum, err
		}
		r, err := f.simulate(seed)
		if err != nil {
			return sum, fmt.Errorf("keyringtest: seed %d: %w", seed, err)
		}
		sum.add(r)
		if progress != nil {
			progress(sum)
		}
	}
	return sum, nil
}

// beyond is an algorithm that a binary lacks that is rolled back. Those of package
// signer are in every binary.
func beyond() signer.Algorithm {
	return signer.Algorithm{Name: "blake2b-256-beyond", NewSigner: signer.BLAKE2b256().NewSigner}
}

// complete returns the fleet with its defaults filled in.
func (f Fleet) complete() (Fleet, error) {
	if f.Instances == 0 {
		f.Instances = DefaultInstances
	}
	for _, d := range []struct {
		value   *time.Duration
		instead time.Duration
	}{{&f.Lag, DefaultLag}, {&f.Skew, DefaultSkew}, {&f.Late, DefaultLate}} {
		if *d.value == 0 {
			*d.value = d.instead
		}
	}
	if f.Instances < 1 || f.Stuck < 0 || f.Stuck > f.Instances || f.Lag < 0 || f.Skew < 0 || f.Late < 0 {
		return f, errors.New("keyringtest: a Fleet has an instance or more, not more of them stuck, and no duration below zero")
	}
	if len(f.Algorithms) == 0 {
		f.Algorithms = append(signer.All(), beyond())
	}
	if f.Operator == nil {
		f.Operator = Routine(f.Algorithms...)
	}
	if f.Apply == nil {
		f.Apply = Accepted
	}
	first, err := f.first(rand.New(rand.NewPCG(0, 0)))
	if err != nil {
		return f, err
	}
	f.Policy = first.Policy()
	if f.Policy.MaxSession < 2*time.Second {
		return f, errors.New("keyringtest: sessions last two seconds at least")
	}
	return f, nil
}
