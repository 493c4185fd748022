package keyring

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// A Keyring is a live ring: it has one [Ring] at a time, which can be replaced
// while requests are served, and the subkeys of that ring for each [Use] that
// was bound to it. It is safe for concurrent use. It comes from New, FromKeys,
// Ephemeral, Open or FromEnv, and does not print or log its secrets. The zero
// Keyring has no ring and takes none.
type Keyring struct {
	now atomic.Pointer[snapshot]

	mu       sync.Mutex // held by who replaces now
	bindings []*Binding

	counting sync.Mutex // guards usage
	usage    map[KeyID]*usage

	hint     *hint
	follower *follower // nil: nothing is followed
}

// A snapshot is a ring with all that is derived from it. It is immutable.
type snapshot struct {
	ring    *Ring
	adopted time.Time
	subkeys []*Subkeys // in the order of the bindings
}

// New returns a keyring that begins with r, which must not be nil.
func New(r *Ring) *Keyring {
	if r == nil {
		panic("keyring: New of a nil Ring")
	}
	k := &Keyring{usage: make(map[KeyID]*usage), hint: &hint{wake: make(chan struct{}, 1)}}
	k.now.Store(&snapshot{ring: r, adopted: time.Now()})
	return k
}

// FromKeys returns a keyring of literal keys, for small uses: primary signs, the
// others verify only. It goes by that and ignores the SignFrom of each.
//
// To turn the key, deploy the new key among the others everywhere, then as the
// primary with the former one among the others, and drop that when the longest
// session has ended.
func FromKeys(primary Key, others ...Key) (*Keyring, error) {
	primary.SignFrom = time.Unix(0, 0)
	d := Document{Keys: []Key{primary}}
	for _, k := range others {
		k.SignFrom = time.Time{}
		d.Keys = append(d.Keys, k)
	}
	r, err := NewRing(d)
	if err != nil {
		return nil, err
	}
	return New(r), nil
}

// Ephemeral returns a keyring with one random HMAC-SHA256 key that is nowhere
// else, for tests and for trying things out. A restart signs everyone out, and
// so does every second request where there are two instances.
func Ephemeral() *Keyring {
	k, err := FromKeys(GenerateKey(signer.HMACSHA256()))
	if err != nil {
		panic(err) // a random key of a built-in algorithm makes a ring
	}
	return k
}

// Ring returns the present ring. It is nil for the zero Keyring only.
func (k *Keyring) Ring() *Ring {
	if s := k.now.Load(); s != nil {
		return s.ring
	}
	return nil
}

var errZero = errors.New("keyring: a zero Keyring has no ring; make one with Open, FromEnv, FromKeys or New")

// Replace makes r the present ring, for every binding at once. Requests that
// hold Subkeys go on with those.
//
// It refuses r, and then changes nothing, unless r has the name of the present
// ring and a higher generation, has every key of it that is no tombstone (as a
// tombstone at least) with the same secret and algorithm, brings no tombstone back
// to life, passes the Check of every Use, and every subkey can be derived and signs
// or seals something that it then verifies or opens. The error lists all that was
// found.
// The present ring once more is no error.
func (k *Keyring) Replace(r *Ring) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	present := k.Ring()
	if present == nil {
		return errZero
	}
	switch {
	case r == nil:
		return errors.New("keyring: Replace with a nil Ring")
	case r == present:
		return nil
	}
	var errs []error
	for _, f := range succession(present, r) {
		errs = append(errs, errors.New("keyring: "+f.Text))
	}
	next := &snapshot{ring: r, adopted: time.Now(), subkeys: make([]*Subkeys, len(k.bindings))}
	for i, b := range k.bindings {
		s, err := b.derive(r)
		errs = append(errs, err)
		next.subkeys[i] = s
	}
	if err := errors.Join(errs...); err != nil {
		return err
	}
	k.now.Store(next)
	for _, b := range k.bindings {
		if b.use.Adopted != nil {
			b.use.Adopted(r)
		}
	}
	return nil
}

// Bind derives the subkeys of the present ring for u, and from now on those of
// every ring before it takes the place of the present one. It returns an error
// if u is not valid, if its Check refuses the present ring, or if an algorithm
// fails. A binding lasts as long as the keyring: bind at start-up, once for each
// cookie.
func (k *Keyring) Bind(u Use) (*Binding, error) {
	if u.Name == "" || len(u.Name) > maxField || len(u.Audience) > maxField {
		return nil, fmt.Errorf("keyring: a use needs a name, and name and audience have at most %d bytes", maxField)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	present := k.now.Load()
	if present == nil {
		return nil, errZero
	}
	b := &Binding{keyring: k, use: u, index: len(k.bindings)}
	s, err := b.derive(present.ring)
	if err != nil {
		return nil, err
	}
	k.bindings = append(k.bindings, b)
	// A longer list of its own: readers of the present snapshot hold the other.
	subkeys := append(present.subkeys[:len(present.subkeys):len(present.subkeys)], s)
	k.now.Store(&snapshot{ring: present.ring, adopted: present.adopted, subkeys: subkeys})
	return b, nil
}

// usageOf returns the counters of a key.
func (k *Keyring) usageOf(id KeyID) *usage {
	k.counting.Lock()
	defer k.counting.Unlock()
	u := k.usage[id]
	if u == nil {
		u = new(usage)
		k.usage[id] = u
	}
	return u
}

// Reload looks at the source that the keyring follows, at once: it is what to do
// on SIGHUP. It returns nil if the source has the present ring, or one that is
// now the present ring, and otherwise why not. If ctx ends first, that is the
// error; after Close there is always one. A keyring that follows no source has
// nothing to do.
func (k *Keyring) Reload(ctx context.Context) error {
	if k.follower == nil {
		return nil
	}
	_, err := k.follower.look(ctx)
	return err
}

// Close ends the following of a source, and waits until it has ended. The ring
// and the bindings stay as they are and can be used. It returns nil.
func (k *Keyring) Close() error {
	if k.follower != nil {
		k.follower.close()
	}
	return nil
}
