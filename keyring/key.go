package keyring

import (
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// MinSecret is the length in bytes of the shortest secret of a key.
const MinSecret = 32

// A Key is a secret, the algorithm it is for, and its part in the schedule of
// a [Ring]. It comes from [NewKey], [GenerateKey] or a ring file.
//
// A Key is a value: copies are independent, and editing one changes no ring.
// It prints, marshals and logs as its public facts, never as its secret. For
// that, == does not apply to it.
type Key struct {
	// Added is when the edit was made that added the key, SignFrom when it begins to
	// sign (zero: a standby key, it never does), VerifyUntil when it ceases to
	// verify (zero: it does not). A key verifies before SignFrom too: that is
	// what lets one instance sign with it while another lags behind.
	Added, SignFrom, VerifyUntil time.Time

	// Disabled takes the key out of use, reversibly.
	Disabled bool

	// Revoked and Pruned make of the key, if either is set, a tombstone: it
	// is out of use for good and loses its secret, but its ID stays known.
	// Tokens of a revoked key are refused as revoked, those of a pruned key as
	// retired. A key that is both is revoked.
	Revoked, Pruned time.Time

	// Reason says to people why the key was revoked or disabled, which also has
	// [Plan] accept that: at most 1,000 bytes.
	Reason string

	id        KeyID
	name      string           // of the algorithm
	seals     bool             // kept beside algorithm, which an older binary may lack
	algorithm signer.Algorithm // zero: not in this binary, or a tombstone
	secret    secret           // nil: a tombstone
	unknown   *unknown
}

// A secret hides bytes in a closure, where neither package fmt nor package
// reflect finds them. Formatting methods alone would not do: fmt does not call
// them on unexported fields. The slice it returns must not be modified.
type secret func() []byte

func hide(b []byte) secret { return func() []byte { return b } }

// NewKey returns a standby key of the algorithm with a copy of the secret.
//
// It refuses secrets shorter than [MinSecret] bytes, those that repeat a short
// pattern or count in equal steps, those padded with zeros, and samples known
// from documentation. It cannot tell otherwise whether a secret is random:
// passwords are not secrets.
func NewKey(a signer.Algorithm, secret []byte) (Key, error) {
	if err := checkAlgorithm(a); err != nil {
		return Key{}, err
	}
	if err := checkSecret(secret); err != nil {
		return Key{}, fmt.Errorf("keyring: %w", err)
	}
	id, err := deriveID(secret, a.Name)
	if err != nil {
		return Key{}, err
	}
	return Key{id: id, name: a.Name, seals: a.Seals(), algorithm: a, secret: hide(slices.Clone(secret))}, nil
}

// GenerateKey returns a standby key of the algorithm with a random secret of
// [MinSecret] bytes. If a is not a valid algorithm, no ring takes the key.
func GenerateKey(a signer.Algorithm) Key {
	b := make([]byte, MinSecret)
	rand.Read(b)
	k, err := NewKey(a, b)
	if err != nil {
		return Key{}
	}
	return k
}

// checkAlgorithm reports whether a is what its documentation asks for.
func checkAlgorithm(a signer.Algorithm) error {
	if !isName(a.Name) {
		return errors.New("keyring: the algorithm's name is not 1 to 32 lower-case letters, digits and hyphens")
	}
	if (a.NewSigner == nil) == (a.NewSealer == nil) {
		return fmt.Errorf("keyring: algorithm %s: exactly one of NewSigner and NewSealer must be set", a.Name)
	}
	return nil
}

// isName reports whether s can be the name of an algorithm or of a codec.
func isName(s string) bool {
	if len(s) == 0 || len(s) > 32 {
		return false
	}
	for _, c := range []byte(s) {
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}

// ID returns the key's ID.
func (k Key) ID() KeyID { return k.id }

// Algorithm returns the name of the key's algorithm. It is empty for the
// tombstone of which no more than the ID was kept.
func (k Key) Algorithm() string { return k.name }

// Seals reports whether the key's algorithm encrypts.
func (k Key) Seals() bool { return k.seals }

// Usable reports whether tokens of the key are accepted at now: it is neither
// disabled nor a tombstone, VerifyUntil is not reached, and this binary has the
// algorithm.
func (k Key) Usable(now time.Time) bool {
	return k.canVerify() && (k.VerifyUntil.IsZero() || now.Before(k.VerifyUntil))
}

// canVerify reports whether the key is usable before its VerifyUntil.
func (k Key) canVerify() bool {
	return k.secret != nil && !k.isTombstone() && k.isSupported() && !k.Disabled
}

// outOfUse says in a word why the key is out of use, if it is.
func (k Key) outOfUse() string {
	switch {
	case !k.Revoked.IsZero():
		return "revoked"
	case !k.Pruned.IsZero():
		return "pruned"
	case k.Disabled:
		return "disabled"
	}
	return ""
}

// buried returns when the key became a tombstone.
func (k Key) buried() time.Time {
	if k.Revoked.After(k.Pruned) {
		return k.Revoked
	}
	return k.Pruned
}

// standsBy reports whether the key can take over from another at any time: it is
// published, not scheduled, and encrypts if, and only if, the other does.
func (k Key) standsBy(other Key) bool {
	return k.canVerify() && k.SignFrom.IsZero() && k.VerifyUntil.IsZero() && k.seals == other.seals
}

func (k Key) isTombstone() bool { return !k.Revoked.IsZero() || !k.Pruned.IsZero() }

func (k Key) isSupported() bool { return k.algorithm.NewSigner != nil || k.algorithm.NewSealer != nil }
