package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/keyturn/keyturn/keyring"
)

type planCommand struct {
	Old string `arg:"" help:"The file of the ring that every instance has, or - for standard input."`
	New string `arg:"" help:"The file of the ring that is to be published, or -."`
	instant
	JSON bool `name:"json" help:"Show one JSON object."`
}

func (planCommand) Help() string {
	return `Judges whether no session ends before its time if the new ring is given to the first instance at that time, whatever the instances' clocks say, and in whatever order they load it within the ring's propagation. Run it in the job that publishes the file: what was safe when it was edited may not be so days later. Leave the propagation between two publications.

Exit status 1: there are findings that nobody has accepted. Those that the override in the new ring accepts are shown, and do not count. The rules are

    T1   the ring keeps its name, and its generation rises
    T2   no key vanishes: a tombstone takes its place
    T3   a key keeps its secret and algorithm, and a tombstone stays one
    T4   whoever signs is known to every instance: for D, or signing begins D from now or later
    T5   a key verifies for M+S after the last instance may have signed with it
    T6   what sessions were promised is kept, and it is not forgotten which key signed
    T7   some key signs at every time to come, and if one that seals does now, one that seals;
         as far as this binary can tell
    T8   a tombstone stays for M+S, and so does not_before
    T9   a standby key of the kind of the key that signs last is there
    T10  a codec begins to be written D from now or later

D is the propagation, S the skew and M the longest session ever, max_session_high, of the old ring or of the new one, whichever is larger.

Examples:

    keyturn keyring plan published.json keyring.json
    kubectl get secret keyring -o jsonpath='{.data.keyring\.json}' | base64 -d |
        keyturn keyring plan - keyring.json
    keyturn keyring plan published.json keyring.json --at 2026-10-01T00:00:00Z --json`
}

// A planReport is the result of a plan.
type planReport struct {
	Safe      bool                 `json:"safe"`
	At        time.Time            `json:"at"`
	Was       uint64               `json:"was"` // the old ring's generation
	New       uint64               `json:"generation"`
	Findings  []findingDescription `json:"findings"`
	PublishBy time.Time            `json:"publish_by,omitzero"`
	Advice    string               `json:"advice,omitempty"` // of a ring that is not safe
}

func (c planCommand) Run(std streams) error {
	if c.Old == "-" && c.New == "-" {
		return failf(statusUsage, "OLD and NEW: only one of them can be on standard input")
	}
	was, err := ringFrom(c.Old, std.in)
	if err != nil {
		return err
	}
	is, err := ringFrom(c.New, std.in)
	if err != nil {
		return err
	}
	at := c.time()
	found := keyring.Plan(was, is, at)
	r := planReport{
		Safe: len(unaccepted(found)) == 0, At: at.UTC().Round(0),
		Was: was.Generation(), New: is.Generation(), Findings: describeFindings(found),
	}
	if r.Safe {
		r.PublishBy, _ = publishBy(was, is, at)
	} else {
		r.Advice = c.advice(was, is, at, found)
	}
	if c.JSON {
		err = writeJSON(std.out, r)
	} else {
		r.write(std.out, named(c.New))
	}
	if err == nil && !r.Safe {
		err = fail(statusRefused, nil)
	}
	return err
}

// advice says what can be done about findings.
func (c planCommand) advice(was, is *keyring.Ring, at time.Time, found []keyring.Finding) string {
	if slices.ContainsFunc(found, func(f keyring.Finding) bool { return f.Rule <= keyring.T3 }) {
		return fmt.Sprintf("%s was not made of the ring in use, or a key has been deleted from it: copy the file of the ring in use over it, and make the edit again", named(c.New))
	}
	again := fmt.Sprintf("if no instance has %s yet, drop it: copy the file of the ring in use over it, and make the edit again; if one has, give it to all of them at once", named(c.New))
	if from, ok := publishFrom(was, is, at); ok {
		return fmt.Sprintf("wait, and publish it from %s on; or, %s", stamp(from), again)
	}
	return again
}

// named is what a file is called that may be standard input.
func named(file string) string {
	if file == "-" {
		return standardInput
	}
	return file
}

func (r planReport) write(w io.Writer, file string) {
	for _, f := range r.Findings {
		accepted := ""
		if f.Accepted {
			accepted = " (accepted)"
		}
		fmt.Fprintf(w, "%s%s: %s\n", f.Rule, accepted, f.Text)
	}
	switch {
	case !r.Safe:
		fmt.Fprintf(w, "%s: not to be published at %s in the place of generation %d\n", file, stamp(r.At), r.Was)
		if r.Advice != "" {
			fmt.Fprintln(w, r.Advice)
		}
	case r.PublishBy.IsZero():
		fmt.Fprintf(w, "%s: generation %d can take the place of %d\n", file, r.New, r.Was)
	default:
		fmt.Fprintf(w, "%s: generation %d can take the place of %d until %s\n", file, r.New, r.Was, stamp(r.PublishBy))
	}
}

// unaccepted returns the findings that nobody has accepted.
func unaccepted(all []keyring.Finding) (found []keyring.Finding) {
	for _, f := range all {
		if !f.Accepted {
			found = append(found, f)
		}
	}
	return found
}

// publishHorizon is how far ahead publishBy looks.
const publishHorizon = 365 * 24 * time.Hour

// publishBy returns the last second in which the new ring may be given to the
// first instance, if that ends within a year. It may begin again later.
func publishBy(was, is *keyring.Ring, now time.Time) (by time.Time, ends bool) {
	by, _, ends = firstTurn(was, is, now, true)
	return by, ends
}

// publishFrom returns the first second in which the new ring may be given to the
// first instance, which now it may not, if that comes within a year.
func publishFrom(was, is *keyring.Ring, now time.Time) (from time.Time, comes bool) {
	_, from, comes = firstTurn(was, is, now, false)
	return from, comes
}

// firstTurn returns the two whole seconds between which it first changes whether it
// is safe to publish the new ring, which now it is or is not.
func firstTurn(was, is *keyring.Ring, now time.Time, safe bool) (last, next time.Time, turns bool) {
	turned := func(t time.Time) bool { return (len(unaccepted(keyring.Plan(was, is, t))) == 0) != safe }
	lo, hi := now, time.Time{}
	for _, t := range turningPoints(was, is, now) {
		if turned(t) {
			hi = t
			break
		}
		lo = t
	}
	if hi.IsZero() {
		return time.Time{}, time.Time{}, false
	}
	for hi.Sub(lo) > time.Second {
		if m := lo.Add(hi.Sub(lo) / 2); turned(m) {
			hi = m
		} else {
			lo = m
		}
	}
	return lo.UTC().Truncate(time.Second), wholeSecond(hi), true
}

// turningPoints returns, in order, times within the horizon such that between two of
// them Plan says the same: those at which one of its comparisons may change, and a
// moment later. All it compares are instants of the rings and the time of the
// publication, each as much earlier or later as the policies say.
func turningPoints(was, is *keyring.Ring, now time.Time) []time.Time {
	var instants []time.Time
	shifts := []time.Duration{0}
	shift := func(by ...time.Duration) {
		for _, s := range shifts {
			for _, d := range by {
				shifts = append(shifts, s-d, s+d)
			}
		}
		slices.Sort(shifts)
		shifts = slices.Compact(shifts)
	}
	a, b := was.Policy(), is.Policy()
	skew, session := max(a.Skew, b.Skew), max(a.MaxSessionHigh, b.MaxSessionHigh)
	shift(max(a.Propagation, b.Propagation))
	shift(skew, 2*skew)
	shift(session+skew, a.MaxSessionHigh+a.Skew, b.MaxSessionHigh+b.Skew)
	for _, r := range []*keyring.Ring{was, is} {
		d := r.Document()
		instants = append(instants, d.NotBefore, d.Override.Since)
		for _, k := range d.Keys {
			instants = append(instants, k.Added, k.SignFrom, k.VerifyUntil, k.Revoked, k.Pruned)
		}
		for _, c := range d.Codecs {
			instants = append(instants, c.From)
		}
	}
	end := now.Add(publishHorizon)
	times := []time.Time{end}
	for _, t := range instants {
		for _, s := range shifts {
			if at := t.Add(s); !t.IsZero() && at.After(now) && at.Before(end) {
				times = append(times, at, at.Add(1))
			}
		}
	}
	slices.SortFunc(times, time.Time.Compare)
	return slices.CompactFunc(times, time.Time.Equal)
}

// wholeSecond returns the first whole second that is not before t.
func wholeSecond(t time.Time) time.Time {
	return t.Add(time.Second - 1).UTC().Truncate(time.Second)
}

// A findingDescription is a finding for scripts.
type findingDescription struct {
	Rule     string `json:"rule"`
	Key      string `json:"key,omitempty"`
	Text     string `json:"text"`
	Accepted bool   `json:"accepted"`
}

func describeFindings(all []keyring.Finding) []findingDescription {
	found := []findingDescription{}
	for _, f := range all {
		d := findingDescription{Rule: f.Rule.String(), Text: f.Text, Accepted: f.Accepted}
		if f.Key != (keyring.KeyID{}) {
			d.Key = f.Key.String()
		}
		found = append(found, d)
	}
	return found
}
