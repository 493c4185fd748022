package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/keyturn/keyturn/keyring"
)

type statusCommand struct {
	ringArgument
	instant
	JSON bool `name:"json" help:"Show one JSON object."`
}

func (statusCommand) Help() string {
	return `Shows which key signs and since when, the keys that stand by or are to retire, the codec that is written, what can be pruned, and what the schedule has in store, as of now or of another time. What an operator should see to is a warning on standard error.

A standby key is ready when the ring's propagation has passed since it was added: if the file was published then, every instance has it, and it can take over at once.

    keyturn keyring status keyring.json
    keyturn keyring status keyring.json --at 2026-10-01T00:00:00Z
    keyturn keyring status keyring.json --json | jq -r '.ahead[0].what'`
}

// A ringStatus is how a ring is as of a time, and what comes.
type ringStatus struct {
	Ring       string            `json:"ring"`
	Generation uint64            `json:"generation"`
	Checksum   string            `json:"checksum"`
	Published  time.Time         `json:"published,omitzero"`
	NotBefore  time.Time         `json:"not_before,omitzero"`
	At         time.Time         `json:"at"`
	Policy     policyDescription `json:"policy"`
	Signs      *signingKey       `json:"signs,omitempty"` // none: no key may
	Next       []signingKey      `json:"next,omitempty"`
	Standby    []standbyKey      `json:"standby,omitempty"`
	Retiring   []retiringKey     `json:"retiring,omitempty"`
	Disabled   []string          `json:"disabled,omitempty"`
	Prunable   []string          `json:"prunable,omitempty"`
	Codec      string            `json:"codec,omitempty"` // empty: as the application says
	Ahead      []event           `json:"ahead,omitempty"`
	Warnings   []string          `json:"warnings,omitempty"`
}

type signingKey struct {
	ID          string    `json:"id"`
	Algorithm   string    `json:"algorithm"`
	SignFrom    time.Time `json:"sign_from"`
	VerifyUntil time.Time `json:"verify_until,omitzero"`
}

type standbyKey struct {
	ID        string    `json:"id"`
	Algorithm string    `json:"algorithm"`
	Added     time.Time `json:"added,omitzero"`
	Ready     bool      `json:"ready"` // every instance has it, if it was published when it was added
	ReadyFrom time.Time `json:"ready_from"`
}

type retiringKey struct {
	ID           string    `json:"id"`
	Algorithm    string    `json:"algorithm"`
	VerifyUntil  time.Time `json:"verify_until,omitzero"`
	PrunableFrom time.Time `json:"prunable_from,omitzero"`
}

// An event is something that the schedule has happen.
type event struct {
	At   time.Time `json:"at"`
	Key  string    `json:"key,omitempty"`
	What string    `json:"what"`
}

func (c statusCommand) Run(std streams) error {
	r, err := ringFrom(c.File, std.in)
	if err != nil {
		return err
	}
	// Of whole seconds, as the times of edits are: one just made is not in the future.
	s, err := statusOf(r, wholeSecond(c.time()))
	if err != nil {
		return fail(statusRing, about(c.File, err))
	}
	s.Warnings = warnings(c.File, r, c.time())
	if c.JSON {
		return writeJSON(std.out, s)
	}
	s.write(std.out)
	warn(std.err, c.File, s.Warnings)
	return nil
}

func statusOf(r *keyring.Ring, at time.Time) (ringStatus, error) {
	d := r.Document()
	s := ringStatus{
		Ring: r.Name(), Generation: r.Generation(), Checksum: r.Checksum(), Published: d.Published, NotBefore: r.NotBefore(),
		At: at.UTC().Round(0), Policy: describePolicy(r.Policy()), Ahead: eventsAhead(r, at),
	}
	for _, k := range d.Keys {
		s.add(k, r, at)
	}
	slices.SortFunc(s.Next, func(a, b signingKey) int { return a.SignFrom.Compare(b.SignFrom) })
	for _, c := range r.Codecs() { // the earliest first
		if !c.From.After(at) {
			s.Codec = c.Codec
		}
	}
	pruned, err := d.Prune(at)
	for _, id := range pruned {
		s.Prunable = append(s.Prunable, id.String())
	}
	return s, err
}

// add sorts a key in.
func (s *ringStatus) add(k keyring.Key, r *keyring.Ring, at time.Time) {
	id, p := k.ID().String(), r.Policy()
	switch r.State(k.ID(), at) {
	case keyring.Active:
		s.Signs = &signingKey{id, k.Algorithm(), k.SignFrom, k.VerifyUntil}
	case keyring.Pending:
		s.Next = append(s.Next, signingKey{id, k.Algorithm(), k.SignFrom, k.VerifyUntil})
	case keyring.Standby:
		ready := k.Added.Add(p.Propagation)
		s.Standby = append(s.Standby, standbyKey{id, k.Algorithm(), k.Added, !ready.After(at), ready})
	case keyring.Retiring:
		t := retiringKey{ID: id, Algorithm: k.Algorithm(), VerifyUntil: k.VerifyUntil}
		if !k.VerifyUntil.IsZero() {
			t.PrunableFrom = k.VerifyUntil.Add(p.Skew)
		}
		s.Retiring = append(s.Retiring, t)
	case keyring.Disabled:
		s.Disabled = append(s.Disabled, id)
	}
}

// eventsAhead returns what happens by the schedule after a time, in order.
func eventsAhead(r *keyring.Ring, at time.Time) (events []event) {
	p := r.Policy()
	add := func(t time.Time, id, what string) {
		if t.After(at) {
			events = append(events, event{t, id, what})
		}
	}
	for _, k := range r.Document().Keys {
		id := k.ID().String()
		switch r.State(k.ID(), at) {
		case keyring.Revoked, keyring.Pruned, keyring.Unsupported:
			continue
		}
		if until := k.VerifyUntil; !until.IsZero() {
			add(until, id, "verifies no more")
			add(until.Add(p.Skew), id, "can be pruned")
		}
	}
	for t, k := range r.Primaries(at) {
		if k.ID() == (keyring.KeyID{}) {
			add(t, "", "no key may sign")
		} else {
			add(t, k.ID().String(), "signs")
		}
	}
	for _, c := range r.Codecs() {
		add(c.From, "", c.Codec+" is written")
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(b.What, a.What)) })
	return events
}

// write writes the status for people.
func (s ringStatus) write(w io.Writer) {
	fmt.Fprintf(w, "ring %s, generation %d, published %s, as of %s\n", s.Ring, s.Generation, stamp(s.Published), stamp(s.At))
	fmt.Fprintf(w, "policy: %v\n", s.Policy)
	if !s.NotBefore.IsZero() {
		fmt.Fprintf(w, "sessions that began before %s are over\n", stamp(s.NotBefore))
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if k := s.Signs; k != nil {
		fmt.Fprintf(t, "signs\t%s %s\tsince %s, for %s%s\n", k.ID, k.Algorithm, stamp(k.SignFrom), span(s.At.Sub(k.SignFrom)), ends(k.VerifyUntil))
	} else {
		fmt.Fprintf(t, "signs\tno key\n")
	}
	for _, k := range s.Next {
		fmt.Fprintf(t, "next\t%s %s\tsigns from %s, in %s\n", k.ID, k.Algorithm, stamp(k.SignFrom), span(k.SignFrom.Sub(s.At)))
	}
	for _, k := range s.Standby {
		ready := "ready since " + stamp(k.ReadyFrom)
		if !k.Ready {
			ready = "ready from " + stamp(k.ReadyFrom)
		}
		fmt.Fprintf(t, "standby\t%s %s\tadded %s, %s\n", k.ID, k.Algorithm, stamp(k.Added), ready)
	}
	if len(s.Standby) == 0 {
		fmt.Fprintf(t, "standby\tno key\tkeyturn keyring standby adds one\n")
	}
	for _, k := range s.Retiring {
		what := "verifies without end"
		if !k.VerifyUntil.IsZero() {
			what = fmt.Sprintf("verifies until %s, for %s more", stamp(k.VerifyUntil), span(k.VerifyUntil.Sub(s.At)))
		}
		fmt.Fprintf(t, "retiring\t%s %s\t%s\n", k.ID, k.Algorithm, what)
	}
	for _, id := range s.Disabled {
		fmt.Fprintf(t, "disabled\t%s\n", id)
	}
	if len(s.Prunable) > 0 {
		fmt.Fprintf(t, "prune\t%s\tnow, with keyturn keyring prune\n", strings.Join(s.Prunable, " "))
	}
	fmt.Fprintf(t, "writes\t%s\n", cmp.Or(s.Codec, "as the application says"))
	t.Flush()
	s.writeAhead(w)
}

func (s ringStatus) writeAhead(w io.Writer) {
	if len(s.Ahead) == 0 {
		fmt.Fprintln(w, "\nnothing is scheduled")
		return
	}
	fmt.Fprintln(w, "\nahead:")
	for _, e := range s.Ahead {
		key := ""
		if e.Key != "" {
			key = "key " + e.Key + " "
		}
		fmt.Fprintf(w, "%s  %s%s\n", stamp(e.At), key, e.What)
	}
}

func ends(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return ", and verifies until " + stamp(t)
}

// span spells a duration roughly: in days, if it is one or more, and in minutes, if it
// is one or more.
func span(d time.Duration) string {
	if day := 24 * time.Hour; d >= day {
		return fmt.Sprintf("%dd", d/day)
	}
	unit := time.Minute
	if d < unit {
		unit = time.Second
	}
	return duration(max(0, d.Truncate(unit))).String()
}
