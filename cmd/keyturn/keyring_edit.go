package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/keyring"
)

// An editing is what the commands that edit a ring have in common.
type editing struct {
	ringArgument
	editFlags
}

type editFlags struct {
	ExpectGeneration *uint64        `placeholder:"N" help:"Refuse to edit a ring of another generation than this."`
	Accept           []keyring.Rule `placeholder:"T4,T5" help:"Do it in spite of findings of these rules; a --reason is needed."`
	Reason           string         `placeholder:"TEXT" help:"Why: it is kept in the ring, for all to see."`
	DryRun           bool           `help:"Say what would be done, and write nothing."`
	Wait             duration       `default:"5s" placeholder:"5s" help:"How long to wait for somebody else's edit to end (${default})."`
	JSON             bool           `name:"json" help:"Show one JSON object."`
}

// editHelp is what the help of every command says that edits a ring.
const editHelp = `

Before anything is written, the change is judged as keyturn keyring plan does. If it might end sessions that it is not to end, nothing is written, and each finding is shown: exit status 1, as where --expect-generation does not fit. Else the file is replaced as a whole, by one operator at a time, and it is left alone if there is nothing to do. Status 75: somebody else is editing it. 78: the ring does not allow it. Others: see keyturn --help.

`

// A draft is a ring that is being edited.
type draft struct {
	*keyring.Document
	ring   *keyring.Ring // as it was
	now    time.Time
	notes  []string
	then   string // what is to be done when the file is published
	hint   string // what may do if the edit is refused
	urgent bool   // each minute until it is published does harm
}

// note adds a sentence to what is said of the edit.
func (d *draft) note(format string, args ...any) {
	d.notes = append(d.notes, fmt.Sprintf(format, args...))
}

// edit edits the ring in the file, and says what has become of it.
func (c editing) edit(std streams, change func(*draft) error) error {
	if err := c.check(); err != nil {
		return err
	}
	if _, err := os.Stat(c.File); err != nil {
		return fail(statusRing, about(c.File, err))
	}
	if !c.DryRun {
		unlock, err := lockRing(c.File, time.Duration(c.Wait))
		if err != nil {
			return err
		}
		defer unlock()
	}
	return c.editLocked(std, change)
}

// check reports flags that do not go together.
func (c editing) check() error {
	switch {
	case c.Reason != "" && strings.TrimSpace(c.Reason) == "":
		return errReason
	case len(c.Accept) > 0 && c.Reason == "":
		return failf(statusUsage, "--accept: say why, with --reason: it is kept in the ring")
	case slices.ContainsFunc(c.Accept, func(r keyring.Rule) bool { return r <= keyring.T3 }):
		return failf(statusUsage, "--accept: servers refuse a ring that breaks T1, T2 or T3, whoever accepts it")
	}
	return nil
}

func (c editing) editLocked(std streams, change func(*draft) error) error {
	was, err := ringIn(c.File)
	if err != nil {
		return err
	}
	if n := c.ExpectGeneration; n != nil && *n != was.Generation() {
		return failf(statusRefused, "%s: of generation %d, and not %d: nothing is changed", c.File, was.Generation(), *n)
	}
	d := draft{ring: was, now: time.Now()}
	is, err := was.Edit(d.now, func(doc *keyring.Document) error {
		d.Document = doc
		return change(&d)
	})
	if err != nil {
		return fail(statusConfig, about(c.File, err))
	}
	if is, err = c.accepting(was, is, d.now); err != nil {
		return fail(statusConfig, about(c.File, err))
	}
	report := c.report(was, is, d)
	if report.Changed && !report.Refused && !c.DryRun {
		if err := c.replace(was, is); err != nil {
			return err
		}
		report.Written = true
	}
	return report.show(std, c.JSON)
}

// accepting returns the new ring with the record of those of its findings that
// --accept names.
func (c editing) accepting(was, is *keyring.Ring, now time.Time) (*keyring.Ring, error) {
	if is == was {
		return is, nil
	}
	d := is.Document()
	o := &d.Override
	for _, f := range unaccepted(keyring.Plan(was, is, now)) {
		if slices.Contains(c.Accept, f.Rule) {
			o.Generation = d.Generation
			o.Accept(now, c.Reason, keyring.Exception{Rule: f.Rule, Key: f.Key})
		}
	}
	return keyring.NewRing(d)
}

// replace writes the new ring, if the file still has the former one: editors and
// other programs know nothing of the lock.
func (c editing) replace(was, is *keyring.Ring) error {
	ring, err := ringIn(c.File)
	if err != nil {
		return err
	}
	if ring.Checksum() != was.Checksum() {
		return failf(statusBusy, "%s: somebody else has written it meanwhile; nothing is changed: try again", c.File)
	}
	if err := keyring.WriteFile(c.File, is); err != nil {
		return fail(statusOutput, about(c.File, err))
	}
	return nil
}
