// Package signertest tests whether an algorithm keeps the promises of package
// signer, and benchmarks it.
package signertest

import (
	"errors"
	"fmt"
	"regexp"
	"runtime/debug"
	"testing"

	"github.com/keyturn/keyturn/signer"
)

// Run tests an algorithm of either kind, in one subtest for each promise that
// package [signer] documents. A failure says which promise is broken, and how.
// Run it also with the race detector, for the subtest Concurrent.
//
// It can tell whether an algorithm is sound as a part, not whether it is
// secure: that needs a primitive that is known to be, and vectors that show
// that it is the one. Nor does it measure time, so a comparison that stops at
// the first difference passes: use [crypto/subtle] or [crypto/hmac.Equal].
// Allocations are for [Benchmark] to report.
func Run(t *testing.T, a signer.Algorithm) {
	t.Run("Algorithm", func(t *testing.T) {
		if err := wellFormed(a); err != nil {
			t.Error(err)
		}
	})
	if a.NewSigner != nil {
		run(t, signerChecks, a.NewSigner)
	}
	if a.NewSealer != nil {
		run(t, sealerChecks, a.NewSealer)
	}
}

// A maker makes a Signer or a Sealer from a key.
type maker[S any] = func(key []byte) (S, error)

// A check is one promise, and how to find it broken: test returns an error that
// says how, or nil. It is given a Signer or Sealer with the key keyA, which is
// not used for anything else, and what makes others.
type check[S any] struct {
	name    string
	promise string
	test    func(s S, with maker[S]) error
}

func run[S any](t *testing.T, checks []check[S], with maker[S]) {
	for _, c := range checks {
		t.Run(c.name, func(t *testing.T) {
			if err := c.find(with); err != nil {
				t.Errorf("%v\nthe promise: %s", err, c.promise)
			}
		})
	}
}

// find returns how the promise is broken. A panic breaks any promise.
func (c check[S]) find(with maker[S]) error {
	return calmly(func() error {
		s, err := with(keyA())
		if err != nil {
			return fmt.Errorf("a key of %d bytes was refused: %w", signer.KeySize, err)
		}
		return c.test(s, with)
	})
}

// calmly calls f and returns its error, or its panic as an error.
func calmly(f func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
		}
	}()
	return f()
}

var validName = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

var errNotOne = errors.New("not exactly one of NewSigner and NewSealer is set")

func wellFormed(a signer.Algorithm) error {
	var errs []error
	if !validName.MatchString(a.Name) {
		errs = append(errs, fmt.Errorf("the name %q is not 1 to 32 lower-case letters, digits and hyphens", a.Name))
	}
	if (a.NewSigner == nil) == (a.NewSealer == nil) {
		errs = append(errs, errNotOne)
	}
	return errors.Join(errs...)
}
