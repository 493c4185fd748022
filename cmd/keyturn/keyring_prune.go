package main

type pruneCommand struct{ editing }

func (pruneCommand) Help() string {
	return `Of keys that no longer verify, the secret is erased, a little later than that so that every clock agrees, and the ID is kept. It goes too when no cookie can name it any more. Entries of the schedule of codecs go likewise. No session is concerned: run it whenever you like, or after every rotation.` + editHelp + `    keyturn keyring prune keyring.json`
}

func (c pruneCommand) Run(std streams) error {
	return c.edit(std, func(d *draft) error {
		_, err := d.Prune(d.now)
		return err
	})
}
