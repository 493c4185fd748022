package main

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
	return c.edit(std, func(d *draft) error { return d.Restore(d.now, former) })
}
