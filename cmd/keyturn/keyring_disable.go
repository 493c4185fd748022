package main

import "github.com/keyturn/keyturn/keyring"

// keyArgument is the key that a command is about.
type keyArgument struct {
	KID keyring.KeyID `arg:"" name:"kid" help:"The ID of the key: 8 hexadecimal digits, as keyring list shows them."`
}

type disableCommand struct {
	editing
	keyArgument
}

func (disableCommand) Help() string {
	return `For a key of which it is not clear yet whether it leaked. Its sessions are refused, but their cookies are left alone: when it is enabled again, they go on. If it signs, the standby key takes its place at once. A --reason is needed.` + editHelp + `    keyturn keyring disable keyring.json 1dc4fea0 --reason "odd log lines, #512"`
}

func (c disableCommand) Run(std streams) error {
	if c.Reason == "" {
		return errReason
	}
	return c.edit(std, func(d *draft) error {
		d.urgent = true
		return ofKey(c.KID, d.Disable(d.now, c.KID, c.Reason))
	})
}

type enableCommand struct {
	editing
	keyArgument
}

func (enableCommand) Help() string {
	return `Sessions of the key that are not over by now go on. If another key has taken its place, that one goes on signing.` + editHelp + `    keyturn keyring enable keyring.json 1dc4fea0`
}

func (c enableCommand) Run(std streams) error {
	return c.edit(std, func(d *draft) error { return ofKey(c.KID, d.Enable(d.now, c.KID)) })
}
