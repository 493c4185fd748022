package main

import (
	"slices"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
)

type codecCommand struct {
	editing
	Name string `arg:"" help:"The name of the codec: json, msgpack, cbor or one of the application's own."`
	From moment `placeholder:"now|RFC3339" help:"When it begins to be written: not before the ring's propagation has passed, and 10m more, or less if the propagation is less, to publish the file. By default a day after the propagation."`
}

func (codecCommand) Help() string {
	return `Sessions are written with the codec from that time on; those that are written already stay readable. First deploy, everywhere, an application that can read the codec: an instance that cannot refuses what another has written, and goes on writing with the codec before.` + editHelp + `    keyturn keyring codec keyring.json cbor
    keyturn keyring codec keyring.json cbor --from 2026-10-01T00:00:00Z`
}

func (c codecCommand) Run(std streams) error {
	return c.edit(std, func(d *draft) error {
		if !slices.ContainsFunc(codec.All(), func(b codec.Codec) bool { return b.Name() == c.Name }) {
			d.note("%s is none of json, msgpack and cbor: instances whose application does not have it go on with the codec before", c.Name)
		}
		notes := d.notes
		from := d.now.Add(d.ring.Policy().Propagation + publication)
		if c.From.given() {
			from = d.notBefore(c.From.at(d.now))
		}
		if err := d.ScheduleCodec(d.now, c.Name, from); err != nil {
			return err
		}
		if slices.Equal(d.Codecs, d.ring.Codecs()) {
			d.notes = notes // of what is not to be
			d.alreadyWritten(from)
		}
		return nil
	})
}

// alreadyWritten notes since when the codec is written that was to be from a time on.
func (d *draft) alreadyWritten(from time.Time) {
	var last keyring.CodecFrom
	for _, c := range d.Codecs { // the earliest first
		if !c.From.After(wholeSecond(from)) {
			last = c
		}
	}
	if last.From.After(d.now) {
		d.note("%s is scheduled already: it is written from %s on", last.Codec, stamp(last.From))
	} else {
		d.note("%s is written already, since %s", last.Codec, stamp(last.From))
	}
}
