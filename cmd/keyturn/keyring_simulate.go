package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/keyring/keyringtest"
)

type simulateCommand struct {
	File        string    `arg:"" optional:"" help:"A ring file, of which the policy is tried out, or - for standard input. By default the policy is the one of a new ring."`
	Instances   int       `default:"6" help:"How many instances of the server there are."`
	Lag         duration  `default:"10m" placeholder:"10m" help:"How long it takes at most until an instance has loaded a new ring."`
	Skew        *duration `placeholder:"5m" help:"The largest error of a clock. By default as the policy has it."`
	Late        duration  `default:"48h" placeholder:"48h" help:"How long after an edit was made it may be applied."`
	Stuck       int       `help:"How many instances never load another ring."`
	Propagation *duration `placeholder:"1h" help:"The propagation to try out, in the place of the policy's."`
	MaxSession  *duration `placeholder:"14d" help:"The longest session to try out, in the place of the policy's."`
	Tokens      int       `default:"2000000" help:"How many tokens to make."`
	Seed        uint64    `default:"1" help:"What the course of events is drawn from: the same seed and flags give the same result."`
	JSON        bool      `name:"json" help:"Show one JSON object."`
}

func (simulateCommand) Help() string {
	return `Tries out, in simulated time, whether anybody is signed out: an operator rotates keys, schedules codecs, prunes, restores and revokes, and every edit that keyring plan has nothing against is applied. Meanwhile instances lag, are restarted and rolled back, and have clocks that are wrong, and sessions are begun, reissued and opened at the times at which it is most likely to go wrong. The counts compare policies; they are not the rates of real traffic.

No key of the file is used: the simulated ring has its own.

What it prints, and is named so with --json:

    histories (fleets)   how many fleets, each from its first ring to its last session
    applied (edits), refused
                         edits that keyring plan had nothing against, and the others
    made (tokens), opened
                         session cookies, and how often one of them came to an instance
    valid                how often it was accepted
    ended                was not accepted, and rightly: the session was over, or somebody ended it
    rolled_back          was left alone, or could not be made, as a rollback took an instance to a
                         program without its codec or algorithm: no policy helps against that
    hasty                was left alone, as its key had to sign before every instance had it: a
                         second key was revoked or disabled within the propagation of another
    unsigned             could not be made, since no key of the ring could sign
    unloaded             a ring that was published, and an instance refused
    wrongly_rejected     was not accepted, and wrongly: somebody was signed out, or left alone who
                         should not have been; by reasons, and the first of them (failures)
                         described, with the edits before them

Exit status: 0 if nobody was signed out, 1 if a token was wrongly rejected or unsigned, or a ring unloaded. A run of two million tokens takes a minute or two; on a terminal, it shows how far it is.

    keyturn keyring simulate
    keyturn keyring simulate keyring.json --lag 30m
    keyturn keyring simulate --propagation 5m --tokens 100000`
}

// A simulateReport is the result of a simulation, and of what.
type simulateReport struct {
	Instances int               `json:"instances"`
	Lag       string            `json:"lag"`
	Skew      string            `json:"skew"`
	Late      string            `json:"late"`
	Stuck     int               `json:"stuck,omitempty"`
	Policy    policyDescription `json:"policy"`
	Seed      uint64            `json:"seed"`
	OK        bool              `json:"ok"`
	Advice    string            `json:"advice,omitempty"` // if not OK, and plainly why
	keyringtest.Result
}

func (c simulateCommand) Run(std streams) error {
	policy, err := c.policy(std.in)
	if err != nil {
		return err
	}
	if c.Tokens < 1 || c.Instances < 1 || c.Lag == 0 || c.Late == 0 {
		return failf(statusUsage, "--tokens, --instances, --lag and --late: must be more than zero")
	}
	if c.Stuck < 0 || c.Stuck > c.Instances {
		return failf(statusUsage, "--stuck: not between 0 and the %d instances that there are", c.Instances)
	}
	f := keyringtest.Fleet{Instances: c.Instances, Lag: time.Duration(c.Lag), Skew: policy.Skew, Late: time.Duration(c.Late), Stuck: c.Stuck, Policy: policy}
	if c.Skew != nil {
		f.Skew = time.Duration(*c.Skew)
	}
	progress, done := c.progress(std.err)
	result, err := f.Run(context.Background(), c.Seed, c.Tokens, progress)
	done()
	if err != nil {
		return failf(statusUsage, "%s", strings.TrimPrefix(err.Error(), "keyringtest: "))
	}
	if c.JSON {
		err = writeJSON(std.out, simulateReport{
			Instances: f.Instances, Lag: duration(f.Lag).inFile(), Skew: duration(f.Skew).inFile(), Late: duration(f.Late).inFile(), Stuck: f.Stuck,
			Policy: describePolicy(policy), Seed: c.Seed, OK: result.OK(), Advice: advice(f), Result: result,
		})
	} else {
		c.write(std.out, f, result)
	}
	if err == nil && !result.OK() {
		return fail(statusRejected, nil)
	}
	return err
}

// policy returns the policy to try out, with its defaults filled in.
func (c simulateCommand) policy(in io.Reader) (keyring.Policy, error) {
	y := keyring.Policy{
		Propagation: keyring.DefaultPropagation, Skew: keyring.DefaultSkew,
		MaxSession: keyring.DefaultMaxSession, MaxSessionHigh: keyring.DefaultMaxSession,
	}
	if c.File != "" {
		r, err := ringFrom(c.File, in)
		if err != nil {
			return y, err
		}
		y = r.Policy()
	}
	for _, d := range []*duration{c.Propagation, c.MaxSession, c.Skew} {
		if d != nil && *d == 0 {
			return y, failf(statusUsage, "--propagation, --max-session and --skew: must be more than zero")
		}
	}
	if c.Propagation != nil {
		y.Propagation = time.Duration(*c.Propagation)
	}
	if c.MaxSession != nil {
		y.MaxSession = time.Duration(*c.MaxSession)
		y.MaxSessionHigh = max(y.MaxSession, y.MaxSessionHigh)
	}
	return y, nil
}

// progress returns what shows how far a run has come, on a terminal, and what
// clears that away.
func (c simulateCommand) progress(w io.Writer) (func(keyringtest.Result), func()) {
	f, ok := w.(*os.File)
	if !ok {
		return nil, func() {}
	}
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return nil, func() {}
	}
	show := func(r keyringtest.Result) {
		fmt.Fprintf(f, "\r\x1b[K%d%%: %d tokens, %d wrongly rejected", min(100, 100*r.Tokens/c.Tokens), r.Tokens, r.WronglyRejected)
	}
	return show, func() { fmt.Fprint(f, "\r\x1b[K") }
}

// maxDescribed is how many failures are described.
const maxDescribed = 3

func (c simulateCommand) write(w io.Writer, f keyringtest.Fleet, r keyringtest.Result) {
	y := describePolicy(f.Policy).forPeople()
	fmt.Fprintf(w, "policy: propagation %s, skew %s, max_session %s, max_session_high %s\n", y.Propagation, y.Skew, y.MaxSession, y.MaxSessionHigh)
	fmt.Fprintf(w, "fleet: %d instances, %d of them stuck, lag up to %v, clocks wrong by up to %v, edits applied up to %v late\n",
		f.Instances, f.Stuck, duration(f.Lag), duration(f.Skew), duration(f.Late))
	fmt.Fprintf(w, "histories: %d from seed %d, %d edits applied, %d refused\n", r.Fleets, c.Seed, r.Edits, r.Refused)
	fmt.Fprintf(w, "tokens: %d made, opened %d times: %d valid, %d ended as they should\n", r.Tokens, r.Opened, r.Valid, r.Ended)
	fmt.Fprintf(w, "rolled_back, where an instance was rolled back too far: %d\n", r.RolledBack)
	fmt.Fprintf(w, "hasty, after two emergencies in a row: %d\n", r.Hasty)
	fmt.Fprintf(w, "unsigned, since no key could sign: %d\n", r.Unsigned)
	fmt.Fprintf(w, "unloaded, rings that an instance refused: %d\n", r.Unloaded)
	fmt.Fprintf(w, "wrongly rejected: %d\n", r.WronglyRejected)
	for _, reason := range slices.Sorted(maps.Keys(r.Reasons)) {
		fmt.Fprintf(w, "    %s: %d\n", reason.String(), r.Reasons[reason])
	}
	for _, failure := range r.Failures[:min(len(r.Failures), maxDescribed)] {
		fmt.Fprintln(w, failure)
	}
	if text := advice(f); text != "" {
		fmt.Fprintln(w, text)
	}
}

// advice says why a policy cannot do, also where no token happened to show it.
func advice(f keyringtest.Fleet) string {
	needed := f.Lag + 2*f.Skew
	if needed < f.Policy.Propagation {
		return ""
	}
	return fmt.Sprintf("no edit is everywhere in time: a lag of %s and twice a skew of %s are %s, and the propagation is %s; raise --propagation above %s, or lower the lag or the skew",
		duration(f.Lag), duration(f.Skew), duration(needed), duration(f.Policy.Propagation), duration(needed))
}
