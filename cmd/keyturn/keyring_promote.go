package main

import (
	"errors"
	"fmt"

	"github.com/keyturn/keyturn/keyring"
)

type promoteCommand struct{ editing }

func (promoteCommand) Help() string {
	return `The key that is scheduled next signs now, before its time, or the standby key if none is scheduled. Every instance has it already, so that nobody is signed out; if the key was added too recently for that, the command says from when it can be promoted. It goes by when the key was added: if the file was published later than that, wait for as much longer. The former key verifies until its sessions are over.

If the former key has leaked, this is not enough: revoke it.` + editHelp + `    keyturn keyring promote keyring.json
    keyturn keyring promote keyring.json --dry-run`
}

func (c promoteCommand) Run(std streams) error {
	return c.edit(std, func(d *draft) error {
		d.urgent = true
		err := d.Promote(d.now)
		if errors.Is(err, keyring.ErrTooSoon) {
			return fmt.Errorf("%w\nif the key that signs must not do so any longer, keyturn keyring disable and revoke can have another sign before that", err)
		}
		return err
	})
}
