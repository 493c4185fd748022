package main

type standbyCommand struct {
	editing
	algorithmFlag
}

func (standbyCommand) Help() string {
	return `A standby key verifies everywhere and signs nothing, so that it can take over at once if the key that signs leaks. Rotations and revocations see to it that there is one: this is for a ring that has none, or none of an algorithm.` + editHelp + `    keyturn keyring standby keyring.json
    keyturn keyring standby keyring.json --algorithm xchacha20-poly1305`
}

func (c standbyCommand) Run(std streams) error {
	return c.edit(std, func(d *draft) error { return d.AddStandby(d.now, c.Algorithm.Algorithm) })
}
