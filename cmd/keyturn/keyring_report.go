package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/keyring"
)

// An editReport is what a command says of an edit.
type editReport struct {
	File       string               `json:"file"`
	Ring       string               `json:"ring"`
	Was        uint64               `json:"was"` // the former generation
	Generation uint64               `json:"generation"`
	Checksum   string               `json:"checksum"`
	Changed    bool                 `json:"changed"`
	Written    bool                 `json:"written"`
	Refused    bool                 `json:"refused,omitempty"`
	Keys       []keyDescription     `json:"keys,omitempty"`   // those that changed
	Gone       []string             `json:"gone,omitempty"`   // tombstones
	Codecs     []codecDescription   `json:"codecs,omitempty"` // if they changed
	Policy     *policyDescription   `json:"policy,omitempty"` // if it changed
	NotBefore  time.Time            `json:"not_before,omitzero"`
	Findings   []findingDescription `json:"findings"`
	PublishBy  time.Time            `json:"publish_by,omitzero"`
	Then       string               `json:"then,omitempty"` // what is to be done when it is published
	Notes      []string             `json:"notes,omitempty"`
	Warnings   []string             `json:"warnings,omitempty"`

	changes []string // in words
	hint    string
	now     time.Time
	urgent  bool
}

func (c editing) report(was, is *keyring.Ring, d draft) editReport {
	r := editReport{
		File: c.File, Ring: is.Name(), Was: was.Generation(), Generation: is.Generation(), Checksum: is.Checksum(),
		Changed: is != was, Findings: []findingDescription{}, Notes: d.notes, Then: d.then, Warnings: is.Warnings(d.now), now: d.now, urgent: d.urgent, hint: d.hint,
	}
	if !r.Changed {
		return r
	}
	found := keyring.Plan(was, is, d.now)
	r.Findings = describeFindings(found)
	r.Refused = len(unaccepted(found)) > 0
	r.compare(was, is)
	if !r.Refused {
		r.PublishBy, _ = publishBy(was, is, d.now)
	}
	if p := was.Document().Published; p.After(d.now.Add(was.Policy().Skew)) {
		r.Notes = append(r.Notes, fmt.Sprintf("the former ring says that it was published at %s, and here it is %s: see to the clock of this machine", stamp(p), stamp(d.now)))
	}
	return r
}

// compare notes what has changed.
func (r *editReport) compare(was, is *keyring.Ring) {
	former := map[keyring.KeyID]keyring.Key{}
	for _, k := range was.Document().Keys {
		former[k.ID()] = k
	}
	for _, k := range is.Document().Keys {
		f, ok := former[k.ID()]
		delete(former, k.ID())
		if text := changed(f, k, ok); text != "" {
			state := is.State(k.ID(), r.now)
			r.Keys = append(r.Keys, describeKey(k, state))
			r.changes = append(r.changes, strings.Join(strings.Fields(fmt.Sprintf("key %v %s %v: %s", k.ID(), k.Algorithm(), state, text)), " "))
		}
	}
	for _, k := range was.Document().Keys {
		if _, gone := former[k.ID()]; gone {
			r.Gone = append(r.Gone, k.ID().String())
			r.changes = append(r.changes, fmt.Sprintf("key %v: its tombstone is removed, since every session of it is over", k.ID()))
		}
	}
	r.compareCodecs(was, is)
	if n := is.NotBefore(); !n.Equal(was.NotBefore()) {
		r.NotBefore = n
		r.changes = append(r.changes, "sessions that began before "+stamp(n)+" are over")
	}
	if p := describePolicy(is.Policy()); p != describePolicy(was.Policy()) {
		r.Policy = &p
		r.changes = append(r.changes, "policy: "+p.String())
	}
}

func (r *editReport) compareCodecs(was, is *keyring.Ring) {
	former := map[codecDescription]bool{}
	for _, c := range was.Codecs() {
		former[codecDescription{c.Codec, c.From}] = true
	}
	all := describeCodecs(is)
	for _, c := range all {
		if !former[c] {
			r.changes = append(r.changes, fmt.Sprintf("codec %s: written from %s", c.Codec, stamp(c.From)))
			r.Codecs = all
		}
		delete(former, c)
	}
	for _, c := range was.Codecs() {
		if former[codecDescription{c.Codec, c.From}] {
			r.changes = append(r.changes, fmt.Sprintf("codec %s from %s: no longer in the schedule", c.Codec, stamp(c.From)))
			r.Codecs = all
		}
	}
}

// changed says how a key differs from what it was, if it was there.
func changed(was, is keyring.Key, known bool) string {
	var said []string
	say := func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	if !known {
		say("new")
	}
	if !is.Revoked.IsZero() || !is.Pruned.IsZero() {
		switch {
		case is.Revoked.Equal(was.Revoked) && is.Pruned.Equal(was.Pruned):
		case !is.Revoked.IsZero():
			say("sessions of it end, and its secret is erased")
		default:
			say("sessions of it are over, and its secret is erased")
		}
		return strings.Join(said, "; ")
	}
	switch {
	case is.Disabled && !was.Disabled:
		say("sessions of it are refused until it is enabled, and its cookies left alone")
	case was.Disabled && !is.Disabled:
		say("enabled")
	}
	switch {
	case !is.SignFrom.Equal(was.SignFrom) && is.SignFrom.IsZero():
		say("not to sign")
	case !is.SignFrom.Equal(was.SignFrom):
		say("signs from %s", stamp(is.SignFrom))
	case !known && is.VerifyUntil.IsZero():
		say("verifies, and takes over when you say so")
	}
	switch {
	case !is.VerifyUntil.Equal(was.VerifyUntil) && is.VerifyUntil.IsZero():
		say("does not retire")
	case !is.VerifyUntil.Equal(was.VerifyUntil):
		say("verifies until %s", stamp(is.VerifyUntil))
	}
	return strings.Join(said, "; ")
}

// show writes the report, and returns what the exit status follows from.
func (r editReport) show(std streams, asJSON bool) error {
	if asJSON {
		if err := writeJSON(std.out, r); err != nil {
			return err
		}
		if r.Refused {
			return fail(statusRefused, nil)
		}
		return nil
	}
	if r.Refused {
		return r.refusal()
	}
	r.write(std.out)
	warn(std.err, r.File, r.Warnings)
	return nil
}

// refusal is the error that lists the findings that nobody has accepted.
func (r editReport) refusal() error {
	var errs []error
	for _, f := range r.Findings {
		if !f.Accepted {
			errs = append(errs, fmt.Errorf("%s: %s: %s", r.File, f.Rule, f.Text))
		}
	}
	if r.hint != "" {
		errs = append(errs, fmt.Errorf("%s: %s", r.File, r.hint))
	}
	errs = append(errs, fmt.Errorf("%s: nothing is written; if you mean it, repeat with --accept %s --reason TEXT", r.File, rules(r.Findings)))
	return fail(statusRefused, errors.Join(errs...))
}

// write writes the report for people.
func (r editReport) write(w io.Writer) {
	switch {
	case !r.Changed:
		fmt.Fprintf(w, "%s: nothing to do: ring %s, generation %d is left as it is\n", r.File, r.Ring, r.Generation)
	case r.Written:
		fmt.Fprintf(w, "%s: ring %s, generation %d is written (it was %d)\n", r.File, r.Ring, r.Generation, r.Was)
	default:
		fmt.Fprintf(w, "%s: nothing is written; ring %s would be of generation %d (it is %d), and new keys would have other IDs\n", r.File, r.Ring, r.Generation, r.Was)
	}
	for _, text := range r.changes {
		fmt.Fprintln(w, text)
	}
	for _, f := range r.Findings {
		fmt.Fprintf(w, "accepted: %s: %s\n", f.Rule, f.Text)
	}
	for _, text := range r.Notes {
		fmt.Fprintln(w, text)
	}
	if r.Written {
		fmt.Fprintln(w, r.next())
		if r.Then != "" {
			fmt.Fprintln(w, "then:", r.Then)
		}
	}
}

// next says what is to be done with the file.
func (r editReport) next() string {
	switch left := r.PublishBy.Sub(r.now); {
	case r.urgent:
		return "next: publish the file to every instance at once"
	case r.PublishBy.IsZero():
		return "next: publish the file to every instance"
	case left < time.Minute:
		return "next: publish the file to every instance at once; keyturn keyring plan tells whether it is too late"
	default:
		return fmt.Sprintf("next: publish the file to every instance, and begin by %s, in %s", stamp(r.PublishBy), span(left))
	}
}

// rules lists the rules of findings that are not accepted, as --accept takes them.
func rules(found []findingDescription) string {
	var names []string
	for _, f := range found {
		if !f.Accepted && !slices.Contains(names, f.Rule) {
			names = append(names, f.Rule)
		}
	}
	return strings.Join(names, ",")
}
