package keyring

import (
	"errors"
	"fmt"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// Why Lookup has no subkey for a key ID. ErrUnknownKey is also the error of edits of
// a Document that are told to edit a key that is not there.
var (
	ErrUnknownKey = errors.New("keyring: unknown key")
	ErrRevoked    = errors.New("keyring: revoked key")
	ErrDisabled   = errors.New("keyring: disabled key")
	ErrRetired    = errors.New("keyring: retired key")
)

// A Use is what subkeys are for. Those of different names or audiences have
// nothing in common: what one signs, another does not verify.
type Use struct {
	// Name is the name of the cookie. It must not be empty.
	Name string

	// Audience, which may be empty, tells applications apart that share a ring.
	Audience string

	// Check, if not nil, may refuse a ring: the present one in Bind, and later
	// ones in Replace. It must not call methods of the Keyring that change it.
	Check func(*Ring) error

	// Adopted, if not nil, is called with each ring that Replace has made the
	// present one. It, too, must not call methods of the Keyring that change it.
	// It is where to say what a ring changes: one that passes Check may still be
	// refused.
	Adopted func(*Ring)
}

// A Binding has the subkeys of a keyring for one Use. It is safe for concurrent
// use.
type Binding struct {
	keyring *Keyring
	use     Use
	index   int // of its Subkeys in a snapshot
}

// Subkeys returns the subkeys of the present ring, at the cost of one atomic
// load. Judge everything about one request by one Subkeys.
func (b *Binding) Subkeys() *Subkeys { return b.keyring.now.Load().subkeys[b.index] }

// Subkeys has what is derived from one ring for one Use. It is immutable and
// safe for concurrent use.
type Subkeys struct {
	ring      *Ring
	hint      *hint
	keys      map[KeyID]*entry
	primaries []*Subkey // in the order of the ring's changes
}

// An entry is what Lookup answers for a key.
type entry struct {
	subkey *Subkey
	err    error
	until  time.Time // then ErrRetired, unless zero
}

// A Subkey signs and verifies, or seals and opens, for one Use under one key.
// It is safe for concurrent use and must not be modified.
type Subkey struct {
	ID        KeyID
	Algorithm string
	SignFrom  time.Time // of the key; zero for a standby key

	// Exactly one of Signer and Sealer is set.
	Signer signer.Signer
	Sealer signer.Sealer

	usage *usage
}

// Ring returns the ring that the subkeys are of.
func (s *Subkeys) Ring() *Ring { return s.ring }

// Primary returns the subkey of the key that [Ring.Primary] returns for now, or
// ErrNoPrimary. It does not allocate.
func (s *Subkeys) Primary(now time.Time) (*Subkey, error) {
	k := s.primaries[s.ring.at(now)]
	if k == nil {
		return nil, ErrNoPrimary
	}
	return k, nil
}

// Lookup returns the subkey of the key with the ID, if the key may verify at
// now. Otherwise the error is the first of these that applies: ErrUnknownKey (no
// such key, or one of an algorithm that this binary lacks or cannot use), ErrRevoked,
// ErrDisabled, ErrRetired (VerifyUntil is reached, or the key is pruned).
//
// The cost does not depend on the number of keys. It does not allocate. An
// unknown key may lead the keyring to look at its source before long.
func (s *Subkeys) Lookup(id KeyID, now time.Time) (*Subkey, error) {
	e := s.keys[id]
	switch {
	case e == nil:
		s.hint.give()
		return nil, ErrUnknownKey
	case e.err != nil:
		return nil, e.err
	case !e.until.IsZero() && !now.Before(e.until):
		return nil, ErrRetired
	}
	return e.subkey, nil
}

// derive returns the binding's subkeys of a ring, after the Check of its Use.
func (b *Binding) derive(r *Ring) (*Subkeys, error) {
	if b.use.Check != nil {
		if err := b.use.Check(r); err != nil {
			return nil, err
		}
	}
	s := &Subkeys{ring: r, hint: b.keyring.hint, keys: make(map[KeyID]*entry, len(r.document.Keys))}
	var errs []error
	for _, k := range r.document.Keys {
		e := &entry{until: k.VerifyUntil}
		switch {
		case !k.Revoked.IsZero():
			e.err = ErrRevoked
		case !k.Pruned.IsZero():
			e.err = ErrRetired
		case !k.isSupported():
			continue
		case k.Disabled:
			e.err = ErrDisabled
		default:
			subkey, err := k.subkey(b.use)
			if err != nil {
				errs = append(errs, err)
			}
			if e.subkey = subkey; subkey != nil {
				subkey.usage = b.keyring.usageOf(k.id)
			}
		}
		s.keys[k.id] = e
	}
	for _, c := range r.changes {
		var p *Subkey
		if c.key >= 0 {
			p = s.keys[r.document.Keys[c.key].id].subkey
		}
		s.primaries = append(s.primaries, p)
	}
	return s, errors.Join(errs...)
}

// subkey derives the key's subkey for a use and tries it out.
func (k Key) subkey(u Use) (*Subkey, error) {
	s, err := k.untried(u)
	if err == nil {
		err = s.try()
	}
	if err != nil {
		return nil, fmt.Errorf("keyring: key %v: algorithm %s: %w", k.id, k.name, err)
	}
	return s, nil
}

// untried derives the key's subkey for a use.
func (k Key) untried(u Use) (*Subkey, error) {
	b, err := deriveSubkey(k.secret(), k.name, u.Name, u.Audience)
	if err != nil {
		return nil, err
	}
	s := &Subkey{ID: k.id, Algorithm: k.name, SignFrom: k.SignFrom}
	if k.algorithm.NewSigner != nil {
		s.Signer, err = k.algorithm.NewSigner(b)
	} else {
		s.Sealer, err = k.algorithm.NewSealer(b)
	}
	return s, err
}

// forgetUnusable forgets an algorithm that this binary has, and that refuses to
// work in it, as BLAKE2b does under GODEBUG=fips140=only: the key is as good as
// one whose algorithm is not there, and a ring must not fail for one key.
func (k *Key) forgetUnusable() {
	if k.secret == nil || !k.isSupported() {
		return
	}
	if _, err := k.untried(Use{Name: "keyturn self-test"}); err != nil {
		k.algorithm = signer.Algorithm{}
	}
}

// The shortest tag that may authenticate a token, and the least that sealing may
// add to one: see package signer.
const (
	minTag      = 16
	minOverhead = 28
)

// try has the subkey accept what it made, and refuse what it did not.
func (s *Subkey) try() error {
	msg := []byte("keyturn self-test")
	switch {
	case s.Signer != nil:
		tag := s.Signer.Sign(nil, msg)
		if len(tag) < minTag || len(tag) != s.Signer.Size() {
			return errors.New("its tags are of the wrong size")
		}
		if !s.Signer.Verify(msg, tag) || s.Signer.Verify(msg[1:], tag) {
			return errors.New("it does not verify what it signs and nothing else")
		}
	case s.Sealer != nil:
		sealed := s.Sealer.Seal(nil, msg, nil)
		if len(sealed)-len(msg) < minOverhead || len(sealed)-len(msg) != s.Sealer.Overhead() {
			return errors.New("its overhead is of the wrong size")
		}
		opened, ok := s.Sealer.Open(nil, sealed, nil)
		if _, other := s.Sealer.Open(nil, sealed, msg); !ok || other || string(opened) != string(msg) {
			return errors.New("it does not open what it seals and nothing else")
		}
	default:
		return errors.New("it made nothing")
	}
	return nil
}
