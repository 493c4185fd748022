package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/keyturn/keyturn/keyring"
)

type revokeCommand struct {
	editing
	KID       keyring.KeyID `arg:"" optional:"" name:"kid" help:"The ID of the key: 8 hexadecimal digits, as keyring list shows them."`
	All       bool          `help:"Revoke every key: the whole file has leaked."`
	Yes       bool          `help:"With --all: yes, sign everybody out."`
	NotBefore moment        `placeholder:"now|RFC3339" help:"Also end every session that began before then, under whatever key."`
}

func (revokeCommand) Help() string {
	return `The secret of the key is erased, and its ID is refused for good. Sessions that it signed end, those of other keys go on. If it signs, the standby key takes its place at once, and a new standby key is added. Publish the file at once: an instance accepts what a thief signs until it has it. A --reason is needed.

Whoever had the key may have made sessions of anybody, and those may have been reissued under another key since. --not-before now ends them, and all others that began before. What a thief makes after that, until the last instance has the file, is ended by keyturn keyring end-sessions later: the propagation and twice the skew after the publication, since a thief can date sessions ahead by as much as clocks may differ.

If the whole file leaked, its standby key has leaked too, so that there is none to take over: --all revokes every key and makes new ones. Everybody is signed out, and until the last instance has the new file, who signs in anew may be signed out again.` + editHelp + `    keyturn keyring revoke keyring.json 1dc4fea0 --reason "laptop stolen" --not-before now
    keyturn keyring revoke keyring.json --all --reason "the file was in a backup" --yes`
}

var errReason = failf(statusUsage, "--reason: say why: it is kept in the ring")

func (c revokeCommand) Run(std streams) error {
	one := c.KID != (keyring.KeyID{})
	switch {
	case one && c.All:
		return failf(statusUsage, "KID and --all: say one of them")
	case !one && !c.All:
		return failf(statusUsage, "which key? Say its KID, or --all")
	case c.Reason == "":
		return errReason
	case c.Yes && !c.All:
		return failf(statusUsage, "--yes is for --all")
	case c.NotBefore.After(time.Now()): // before anybody is asked to confirm
		return failf(statusUsage, "--not-before: in the future: until then, nobody could sign in")
	case c.All && !c.Yes && !c.DryRun:
		return failf(statusRefused, "%s: to revoke every key signs everybody out, and until the last instance has the new file, those who sign in anew may be signed out again\nif one key leaked and not the whole file, revoke that one; if you mean it, repeat with --yes", c.File)
	}
	return c.edit(std, func(d *draft) error {
		d.urgent = true
		if err := c.revoke(d); err != nil {
			return err
		}
		if !c.NotBefore.given() {
			return nil
		}
		return d.EndSessions(d.now, c.NotBefore.at(d.now), c.Reason)
	})
}

func (c revokeCommand) revoke(d *draft) error {
	if c.All {
		d.note("everybody is signed out; until the last instance has the file, those who sign in anew may be again")
		return d.RevokeAll(d.now, c.Reason)
	}
	if err := ofKey(c.KID, d.Revoke(d.now, c.KID, c.Reason)); err != nil {
		return err
	}
	if c.NotBefore.given() {
		p := d.ring.Policy()
		d.then = fmt.Sprintf("%s after it is published, end what the thief made until every instance had it: keyturn keyring end-sessions %s --before now --reason TEXT",
			duration(p.Propagation+2*p.Skew), c.File)
	} else {
		d.note("if key %v leaked, whoever had it may have made sessions of anybody, and those may have been reissued under another key since; --not-before now ends all that began before", c.KID)
	}
	return nil
}

// ofKey is the error of an edit of one key, with the key in it.
func ofKey(id keyring.KeyID, err error) error {
	if errors.Is(err, keyring.ErrUnknownKey) {
		return fmt.Errorf("there is no key %v, or it has been revoked or pruned; keyturn keyring list shows those that are there", id)
	}
	return err
}
