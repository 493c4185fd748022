package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/keyturn/keyturn/keyring"
)

type rotateCommand struct {
	editing
	algorithmFlag
	In          *duration `placeholder:"24h" help:"How long from now the new key begins to sign: 36h, 7d, at least the ring's propagation and 10m, or less if the propagation is less, to publish the file. By default the propagation and a day."`
	IfOlderThan duration  `placeholder:"90d" help:"Do nothing unless the key that signs has done so for longer than this, and none is scheduled to follow it: for a job that runs every day."`
}

func (rotateCommand) Help() string {
	return `One edit is a whole rotation: the standby key is given a time from which it signs, the present key one until which it verifies, and a new standby key is added. The clock does the rest, and nobody is signed out. Publish the file in time: an instance that has the former ring still when the new key begins to sign refuses what it signs. When the present key no longer verifies, keyturn keyring prune erases it.

With --algorithm, the next key is of another algorithm.` + editHelp + `    keyturn keyring rotate keyring.json
    keyturn keyring rotate keyring.json --in 7d --algorithm blake2b-256
    keyturn keyring rotate keyring.json --if-older-than 90d --json`
}

// publication is how long an operator has by default to publish what an edit
// schedules.
const publication = 24 * time.Hour

func (c rotateCommand) Run(std streams) error {
	return c.edit(std, func(d *draft) error {
		if c.IfOlderThan > 0 && !c.due(d) {
			return nil
		}
		err := d.Rotate(d.now, c.Algorithm.Algorithm, d.delay(c.In))
		if c.IfOlderThan > 0 && errors.Is(err, keyring.ErrScheduled) {
			d.note("%s", strings.TrimPrefix(err.Error(), "keyring: "))
			return nil
		}
		return advise(c.File, err)
	})
}

// advise adds to the error that a key is scheduled already what can be done.
func advise(file string, err error) error {
	if !errors.Is(err, keyring.ErrScheduled) {
		return err
	}
	return fmt.Errorf("%w\nlet that come, or have it sign now: keyturn keyring promote %s\nif no instance has the file yet, another way is to copy the published one back over it, and edit again; if some have, keyturn keyring restore takes the edit back", err, file)
}

// haste is how long an operator has at least, unless the propagation is shorter.
const haste = 10 * time.Minute

// delay returns how long from now a key is to sign.
func (d *draft) delay(in *duration) time.Duration {
	if in == nil {
		return d.ring.Policy().Propagation + publication
	}
	return d.notBefore(d.now.Add(time.Duration(*in))).Sub(d.now)
}

// notBefore returns the time or, if that is sooner than an edit can be published that
// schedules something for it, the soonest for which it can, and says so.
func (d *draft) notBefore(t time.Time) time.Time {
	propagation := d.ring.Policy().Propagation
	left := min(haste, propagation)
	soonest := wholeSecond(d.now.Add(propagation + left))
	if !t.Before(soonest) {
		return t
	}
	d.note("%s is too soon: until the propagation of %s has passed since the file is published, not every instance has it; it is from %s on, which leaves %s to publish it",
		stamp(t), duration(propagation), stamp(soonest), duration(left))
	return soonest
}

// due reports whether the key that signs is older than --if-older-than, and notes
// why not.
func (c rotateCommand) due(d *draft) bool {
	k, err := d.ring.Primary(d.now)
	if err != nil {
		return true // Rotate says what is wrong
	}
	for _, next := range d.Keys {
		if d.ring.State(next.ID(), d.now) == keyring.Pending {
			return true // Rotate says so
		}
	}
	if due := k.SignFrom.Add(time.Duration(c.IfOlderThan)); d.now.Before(due) {
		d.note("key %v signs since %s, and is to be followed from %s on", k.ID(), stamp(k.SignFrom), stamp(due))
		return false
	}
	return true
}
