package main

type promoteCommand struct{ editing }

func (promoteCommand) Help() string {
	return `The key that is scheduled next signs now, before its time, or the standby key if none is scheduled. Every instance has it already, so that nobody is signed out; if the key was added too recently for that, the command says from when it can be promoted. It goes by when the key was added: if the file was published later than that, wait for as much longer. The former key verifies until its sessions are over.

If the former key has leaked, this is not enough: revoke it.` + editHelp + `    keyturn keyring promote keyring.json
    keyturn keyring promote keyring.json --dry-run`
}

func (c promoteCommand) Run(std streams) error {
	return c.edit(std, func(d *draft) error {
		d.urgent = true
		return d.Promote(d.now)
	})
}
