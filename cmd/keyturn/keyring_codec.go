package main

import (
	"slices"

	"github.com/keyturn/keyturn/codec"
)

type codecCommand struct {
	editing
	Name string `arg:"" help:"The name of the codec: json, msgpack, cbor or one of the application's own."`
	From moment `placeholder:"now|RFC3339" help:"When it begins to be written: not before the ring's propagation has passed. By default a day after that, which leaves a day to publish the file."`
}

func (codecCommand) Help() string {
	return `Sessions are written with the codec from that time on; those that are written already stay readable. First deploy, everywhere, an application that can read the codec: an instance that cannot refuses what another has written, and goes on writing with the codec before.` + editHelp + `    keyturn keyring codec keyring.json cbor
    keyturn keyring codec keyring.json cbor --from 2026-10-01T00:00:00Z`
}

func (c codecCommand) Run(std streams) error {
	return c.edit(std, func(d *draft) error {
		from := d.now.Add(d.ring.Policy().Propagation + publication)
		if c.From.given() {
			from = c.From.at(d.now)
		}
		if !slices.ContainsFunc(codec.All(), func(b codec.Codec) bool { return b.Name() == c.Name }) {
			d.note("%s is none of json, msgpack and cbor: instances whose application does not have it go on with the codec before", c.Name)
		}
		return d.ScheduleCodec(d.now, c.Name, from)
	})
}
