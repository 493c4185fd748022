package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/keyturn/keyturn/keyring"
)

type checkCommand struct {
	ringArgument
	instant
	Strict bool     `help:"Let warnings be an exit status of 1, as for CI."`
	Write  bool     `help:"After an edit by hand: write the file again with the checksum that it needs. A file that is not valid otherwise is left as it is."`
	Wait   duration `default:"5s" placeholder:"5s" help:"With --write: how long to wait for somebody else's edit to end (${default})."`
	JSON   bool     `name:"json" help:"Show one JSON object: valid, problems, warnings, and the ring's name, generation and checksum."`
}

func (checkCommand) Help() string {
	return `Shows every problem at once, and what to do about each. Warnings are what a server can live with and an operator should see to; they do not change the exit status without --strict. Whether a valid ring may take the place of another is not judged.

With --write, give the file a higher generation in the same edit: servers adopt no other, and what generation they have, this command cannot know. It keeps other edits out meanwhile, as they do each other.

    keyturn keyring check keyring.json
    keyturn keyring check keyring.json --write
    keyturn keyring check keyring.json --strict

Exit status: 0 valid, 1 valid with warnings and --strict, 66 not valid or not to be read, 74 cannot be written, 75 somebody else is editing it.`
}

// A checkReport is the result of a check.
type checkReport struct {
	Valid      bool     `json:"valid"`
	Written    bool     `json:"written,omitempty"`
	Ring       string   `json:"ring,omitempty"`
	Generation uint64   `json:"generation,omitempty"`
	Checksum   string   `json:"checksum,omitempty"`
	Problems   []string `json:"problems,omitempty"`
	Warnings   []string `json:"warnings,omitempty"`
}

func (c checkCommand) Run(std streams) error {
	ring, written, err := c.check()
	f := (*failure)(nil)
	if err != nil && (!c.JSON || !errors.As(err, &f) || f.status != statusRing) {
		return err
	}
	report := checkReport{Valid: err == nil, Written: written}
	if err != nil {
		report.Problems = strings.Split(f.err.Error(), "\n")
	} else {
		report.Ring, report.Generation, report.Checksum = ring.Name(), ring.Generation(), ring.Checksum()
		report.Warnings = warnings(c.File, ring, c.time())
	}
	switch {
	case c.JSON:
		if err := writeJSON(std.out, report); err != nil {
			return err
		}
		if f != nil {
			return fail(f.status, nil)
		}
		return c.strict(report)
	case written:
		fmt.Fprintf(std.out, "%s: valid, and written with a new checksum: ring %s, generation %d, %s\n", c.File, report.Ring, report.Generation, report.Checksum)
		fmt.Fprintf(std.out, "servers adopt it only if they have a generation lower than %d\n", report.Generation)
		if p := ring.Document().Published; !p.IsZero() && p.Before(time.Now().Add(-time.Hour)) {
			fmt.Fprintf(std.out, "its published is still %s, a note to people that could be brought up to date\n", stamp(p))
		}
	default:
		fmt.Fprintf(std.out, "%s: valid: ring %s, generation %d, %s\n", c.File, report.Ring, report.Generation, report.Checksum)
	}
	warn(std.err, c.File, report.Warnings)
	return c.strict(report)
}

// strict returns the failure of a valid ring with warnings, if they count as one.
func (c checkCommand) strict(r checkReport) error {
	if c.Strict && len(r.Warnings) > 0 {
		return fail(statusWarned, nil)
	}
	return nil
}

// check returns the ring in the file, and whether the file was written again.
func (c checkCommand) check() (*keyring.Ring, bool, error) {
	ring, err := ringIn(c.File)
	if err == nil {
		return ring, false, nil
	}
	if !c.Write {
		return nil, false, err
	}
	if _, err := c.edited(); err != nil {
		return nil, false, err // and nothing to lock
	}
	unlock, err := lockRing(c.File, time.Duration(c.Wait))
	if err != nil {
		return nil, false, err
	}
	defer unlock()
	return c.complete()
}

// complete writes the ring as it has been edited, unless somebody else has done
// so by the time that the file is locked.
func (c checkCommand) complete() (*keyring.Ring, bool, error) {
	if ring, err := ringIn(c.File); err == nil {
		return ring, false, nil
	}
	ring, err := c.edited()
	if err != nil {
		return nil, false, err
	}
	if err := keyring.WriteFile(c.File, ring); err != nil {
		return nil, false, fail(statusOutput, about(c.File, err))
	}
	return ring, true, nil
}

// edited returns the ring in the file, whatever its checksum is.
func (c checkCommand) edited() (*keyring.Ring, error) {
	ring, err := keyring.Loader{}.ReadEdited(c.File)
	if err != nil {
		return nil, fail(statusRing, about(c.File, err))
	}
	return ring, nil
}
