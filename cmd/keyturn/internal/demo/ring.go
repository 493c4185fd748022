package demo

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

const (
	// maxKeys is how many keys the ring may come to have: clicking all day
	// must not make a file that cannot be written.
	maxKeys = 100
	// maxCodecs is how many entries of the codecs' schedule are kept.
	maxCodecs = 16
)

var (
	errFull    = errors.New("the ring has as many keys as the demo lets it have: they can go when the sessions that they signed are over")
	errChanged = errors.New("something else has written the ring file since the demo read it: restart the demo")
	// errSame is returned by an edit that has nothing to do.
	errSame = errors.New("that is how it is already")
)

// algorithms are what a key can be of.
var algorithms = signer.All()

// algorithmNamed returns the algorithm of that name.
func algorithmNamed(name string) (signer.Algorithm, bool) {
	i := slices.IndexFunc(algorithms, func(a signer.Algorithm) bool { return a.Name == name })
	if i < 0 {
		return signer.Algorithm{}, false
	}
	return algorithms[i], true
}

// A ring is a live ring and the file that it is in.
type ring struct {
	path string
	keys *keyring.Keyring

	mu sync.Mutex // held by who changes the ring
}

// edit makes a new generation of the ring: on the disk first, then for every
// request from then on. There is one instance, so nobody lags behind, and what
// a fleet would schedule some hours ahead happens now: to the nanosecond, and not
// to the second as by the methods of Document, so that two clicks within one
// second are two turns.
func (r *ring) edit(change change) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	present := r.keys.Ring()
	stored, err := keyring.ReadFile(r.path)
	if err != nil {
		return err
	}
	if stored.Checksum() != present.Checksum() {
		return errChanged
	}
	d := present.Document()
	e := edition{ring: present, now: later(d, time.Now())}
	if _, err := d.Prune(e.now); err != nil {
		return err
	}
	if err := change(&d, e); err != nil {
		return err
	}
	if len(d.Keys) > maxKeys {
		return errFull
	}
	d.Generation++
	d.Published = e.now
	next, err := keyring.NewRing(d)
	if err != nil {
		return err
	}
	if err := keyring.WriteFile(r.path, next); err != nil {
		return err
	}
	return r.keys.Replace(next)
}

// A change makes of the document of the present ring that of the next one.
type change = func(*keyring.Document, edition) error

// An edition is what an edit starts from.
type edition struct {
	ring *keyring.Ring
	now  time.Time
}

// later returns now, or a moment after the last thing that the ring schedules:
// of two edits, the second has to come after the first, whatever the clock says.
func later(d keyring.Document, now time.Time) time.Time {
	now = now.UTC().Round(0)
	last := now
	for _, k := range d.Keys {
		if !k.SignFrom.Before(last) {
			last = k.SignFrom.Add(time.Nanosecond)
		}
	}
	for _, c := range d.Codecs {
		if !c.From.Before(last) {
			last = c.From.Add(time.Nanosecond)
		}
	}
	return last
}

// turn makes the standby key the one that signs, and publishes a new standby
// key. The former key verifies until the last session that it signed is over.
func turn(d *keyring.Document, e edition) error {
	primary, err := e.ring.Primary(e.now)
	if err != nil {
		return err
	}
	a, ok := algorithmNamed(primary.Algorithm())
	if !ok {
		return keyring.ErrNoPrimary
	}
	return signWith(d, e, a)
}

// switchTo makes a key of another algorithm the one that signs.
func switchTo(a signer.Algorithm) change {
	return func(d *keyring.Document, e edition) error {
		if primary, err := e.ring.Primary(e.now); err == nil && primary.Algorithm() == a.Name {
			return errSame
		}
		return signWith(d, e, a)
	}
}

// signWith has a key of the algorithm sign from now on: the standby key, if it
// is of that algorithm. Of each kind, one key stands by.
func signWith(d *keyring.Document, e edition, a signer.Algorithm) error {
	p := e.ring.Policy()
	next := -1
	for i := range d.Keys {
		k := &d.Keys[i]
		switch e.ring.State(k.ID(), e.now) {
		case keyring.Active:
			if k.VerifyUntil.IsZero() {
				k.VerifyUntil = e.now.Add(p.MaxSessionHigh + p.Skew)
			}
		case keyring.Standby:
			if k.Algorithm() == a.Name && next < 0 {
				next = i
			} else if k.Algorithm() != a.Name {
				k.Pruned = e.now // it has never signed
			}
		}
	}
	if next < 0 {
		d.Keys = append(d.Keys, added(a, e.now))
		next = len(d.Keys) - 1
	}
	d.Keys[next].SignFrom = e.now
	d.Keys = append(d.Keys, added(a, e.now))
	return nil
}

func added(a signer.Algorithm, now time.Time) keyring.Key {
	k := keyring.GenerateKey(a)
	k.Added = now
	return k
}

// writeWith has sessions written with the codec from now on.
func writeWith(codec string) change {
	return func(d *keyring.Document, e edition) error {
		if presentCodec(e.ring, e.now) == codec {
			return errSame
		}
		d.Codecs = append(d.Codecs, keyring.CodecFrom{Codec: codec, From: e.now})
		d.Codecs = d.Codecs[max(0, len(d.Codecs)-maxCodecs):]
		return nil
	}
}

// presentCodec returns the name of the codec that sessions are written with.
func presentCodec(r *keyring.Ring, now time.Time) string {
	name := codecs[0].Name()
	for _, c := range r.Codecs() { // the earliest first
		if !c.From.After(now) {
			name = c.Codec
		}
	}
	return name
}
