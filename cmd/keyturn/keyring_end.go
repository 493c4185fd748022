package main

type endSessionsCommand struct {
	editing
	Before moment `required:"" placeholder:"now|RFC3339" help:"Sessions that began before then end, under whatever key."`
}

func (endSessionsCommand) Help() string {
	return `Everybody who signed in before that time is signed out when the file is published. The keys stay as they are. A --reason is needed.

After a leak, revoke the key, and end the sessions that began before every instance had the file in which it is revoked: until then, a thief could make some.` + editHelp + `    keyturn keyring end-sessions keyring.json --before now --reason "every instance has generation 12"`
}

func (c endSessionsCommand) Run(std streams) error {
	if c.Reason == "" {
		return errReason
	}
	return c.edit(std, func(d *draft) error {
		d.urgent = true
		return d.EndSessions(d.now, c.Before.at(d.now), c.Reason)
	})
}
