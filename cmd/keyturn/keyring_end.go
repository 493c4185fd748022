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
		if err := d.EndSessions(d.now, c.Before.at(d.now), c.Reason); err != nil {
			return err
		}
		p := d.ring.Policy()
		for _, k := range d.Keys {
			if from := k.Revoked.Add(p.Propagation + 2*p.Skew); !k.Revoked.IsZero() && from.After(d.now) {
				d.note("key %v was revoked at %s: if it leaked, a thief may still make sessions; do this again from %s on, or that much later if the file was published later", k.ID(), stamp(k.Revoked), stamp(from))
			}
		}
		return nil
	})
}
