package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/keyturn/keyturn/keyring"
)

type listCommand struct {
	ringArgument
	instant
	JSON bool `name:"json" help:"Show one JSON object."`
}

func (listCommand) Help() string {
	return `States: standby, pending, active, retiring, retired, disabled, revoked, pruned, and unsupported for a key whose algorithm this program lacks. Secrets are never shown. What an operator should see to is a warning on standard error.

    keyturn keyring list keyring.json
    keyturn keyring list keyring.json --json | jq -r '.keys[] | select(.state == "active").id'
    keyturn keyring list keyring.json --at 2026-10-01T00:00:00Z`
}

func (c listCommand) Run(std streams) error {
	r, err := ringFrom(c.File, std.in)
	if err != nil {
		return err
	}
	at := wholeSecond(c.time()) // as the times of edits are
	d := describe(r, at)
	d.Warnings = warnings(c.File, r, at)
	if c.JSON {
		return writeJSON(std.out, d)
	}
	d.write(std.out)
	warn(std.err, c.File, d.Warnings)
	return nil
}

// warn writes what an operator should see to.
func warn(w io.Writer, file string, warnings []string) {
	for _, text := range warnings {
		fmt.Fprintf(w, "keyturn: %s: warning: %s\n", file, text)
	}
}

// A ringDescription is what anybody may know of a ring, as of a time.
type ringDescription struct {
	Ring       string             `json:"ring"`
	Generation uint64             `json:"generation"`
	Checksum   string             `json:"checksum"`
	Published  time.Time          `json:"published,omitzero"`
	NotBefore  time.Time          `json:"not_before,omitzero"`
	Policy     policyDescription  `json:"policy"`
	At         time.Time          `json:"at"`
	Keys       []keyDescription   `json:"keys"`
	Codecs     []codecDescription `json:"codecs,omitempty"`
	Warnings   []string           `json:"warnings,omitempty"`
}

// A policyDescription has the policy with its defaults filled in.
type policyDescription struct {
	Propagation    string `json:"propagation"`
	Skew           string `json:"skew"`
	MaxSession     string `json:"max_session"`
	MaxSessionHigh string `json:"max_session_high"`
}

type keyDescription struct {
	ID          string    `json:"id"`
	Algorithm   string    `json:"algorithm,omitempty"`
	State       string    `json:"state"`
	Seals       bool      `json:"seals,omitempty"`
	Added       time.Time `json:"added,omitzero"`
	SignFrom    time.Time `json:"sign_from,omitzero"`
	VerifyUntil time.Time `json:"verify_until,omitzero"`
	Disabled    bool      `json:"disabled,omitempty"`
	Revoked     time.Time `json:"revoked,omitzero"`
	Pruned      time.Time `json:"pruned,omitzero"`
	Reason      string    `json:"reason,omitempty"`
}

type codecDescription struct {
	Codec string    `json:"codec"`
	From  time.Time `json:"from"`
}

func describe(r *keyring.Ring, at time.Time) ringDescription {
	doc := r.Document()
	d := ringDescription{
		Ring:       r.Name(),
		Generation: r.Generation(),
		Checksum:   r.Checksum(),
		Published:  doc.Published,
		NotBefore:  r.NotBefore(),
		Policy:     describePolicy(r.Policy()),
		At:         at.UTC().Round(0),
		Keys:       []keyDescription{},
		Warnings:   r.Warnings(at),
	}
	for _, k := range doc.Keys {
		d.Keys = append(d.Keys, describeKey(k, r.State(k.ID(), at)))
	}
	d.Codecs = describeCodecs(r)
	return d
}

func describeKey(k keyring.Key, s keyring.State) keyDescription {
	return keyDescription{
		ID: k.ID().String(), Algorithm: k.Algorithm(), State: s.String(), Seals: k.Seals(),
		Added: k.Added, SignFrom: k.SignFrom, VerifyUntil: k.VerifyUntil,
		Disabled: k.Disabled, Revoked: k.Revoked, Pruned: k.Pruned, Reason: k.Reason,
	}
}

func describeCodecs(r *keyring.Ring) (all []codecDescription) {
	for _, c := range r.Codecs() {
		all = append(all, codecDescription{c.Codec, c.From})
	}
	return all
}

func describePolicy(p keyring.Policy) policyDescription {
	return policyDescription{
		duration(p.Propagation).inFile(), duration(p.Skew).inFile(),
		duration(p.MaxSession).inFile(), duration(p.MaxSessionHigh).inFile(),
	}
}

// forPeople returns the policy with durations as people are shown them.
func (p policyDescription) forPeople() policyDescription {
	for _, text := range []*string{&p.Propagation, &p.Skew, &p.MaxSession, &p.MaxSessionHigh} {
		if d, err := time.ParseDuration(*text); err == nil {
			*text = duration(d).String()
		}
	}
	return p
}

// String spells the policy in a line.
func (p policyDescription) String() string {
	p = p.forPeople()
	return fmt.Sprintf("propagation %s, skew %s, sessions of %s at most, and of %s ever", p.Propagation, p.Skew, p.MaxSession, p.MaxSessionHigh)
}

// write writes the description for people.
func (d ringDescription) write(w io.Writer) {
	fmt.Fprintf(w, "ring %s, generation %d, %s\n", d.Ring, d.Generation, d.Checksum)
	if !d.NotBefore.IsZero() {
		fmt.Fprintf(w, "sessions that began before %s are over\n", stamp(d.NotBefore))
	}
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tALGORITHM\tSTATE\tADDED\tSIGN_FROM\tVERIFY_UNTIL")
	for _, k := range d.Keys {
		algorithm := k.Algorithm
		if algorithm == "" {
			algorithm = "-"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, algorithm, k.State, stamp(k.Added), stamp(k.SignFrom), stamp(k.VerifyUntil))
	}
	t.Flush()
	if len(d.Codecs) > 0 {
		fmt.Fprintln(w)
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(t, "CODEC\tFROM")
		for _, c := range d.Codecs {
			fmt.Fprintf(t, "%s\t%s\n", c.Codec, stamp(c.From))
		}
		t.Flush()
	}
}

// stamp spells a time as ring files do; - if there is none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

// A duration is spelled for people in days, if it is a number of those, and in JSON
// as in ring files: 14d and 336h; 5m, 1h30m.
type duration time.Duration

func (d duration) String() string {
	if day := duration(24 * time.Hour); d != 0 && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	return d.inFile()
}

// inFile spells the duration as in ring files.
func (d duration) inFile() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func (d duration) MarshalText() ([]byte, error) { return []byte(d.inFile()), nil }
