package main

import (
	"errors"
	"fmt"

	"github.com/keyturn/keyturn/keyring"
)

type restoreCommand struct {
	editing
	Former string `arg:"" help:"The file of the ring to go back to, or - for standard input."`
}

func (restoreCommand) Help() string {
	return `For an edit that should not have been: servers adopt no lower generation, so that the former file cannot simply be published again. The ring becomes what the former one said, under the next generation, but for what time and a leak have decided since: revoked and pruned keys stay so, keys that came later verify until their sessions are over and sign no more, and no session is promised less than it was.` + editHelp + `    keyturn keyring restore keyring.json former.json
    git show HEAD~1:keyring.json.age | age -d -i key.txt | keyturn keyring restore keyring.json -`
}

func (c restoreCommand) Run(std streams) error {
	former, err := ringFrom(c.Former, std.in)
	if err != nil {
		return err
	}
	if _, err := keyring.ReadFile(c.File); err != nil {
		return fail(statusRing, errors.Join(about(c.File, err), c.nothingToRestore()))
	}
	return c.edit(std, func(d *draft) error {
		d.hint = "another former ring may do, a later one or an earlier one"
		return d.Restore(d.now, former)
	})
}

// nothingToRestore says what can be done where the file itself is gone: an edit needs
// the ring that it is of.
func (c restoreCommand) nothingToRestore() error {
	return fmt.Errorf("%[1]s: nothing is restored, since what the instances have must be there: copy the published file in its place, and try again\n"+
		"%[1]s: if only an older file is left, copy that, raise its generation above that of the instances, put a tombstone (id, revoked, reason) where a key of theirs is not in it, and run: keyturn keyring check %[1]s --write", c.File)
}
