// Package peers enters what one would use instead of keyturn in the contests of
// keyturn's benchmarks. It is a module of its own, so that none of that is needed
// to use keyturn.
//
//	go test -bench . .
//
// All have the same work: the same struct, keys of 32 bytes, an expiry that is
// checked, the same attributes of the cookie, the cookie's name in what is signed
// where the library can do that, and requests that nobody has seen before. What
// may be made once (parsers, codecs, keys, what is to be signed) is. What each of
// them returns is compared once before it is measured, and each refuses a cookie
// that was changed.
//
// What they are not alike in: gorilla/sessions, scs and golangcollege/sessions send
// Expires beside Max-Age; keyturn and scs send Vary and Cache-Control,
// golangcollege/sessions Vary, and the others none of these.
package peers

import (
	"fmt"

	"github.com/keyturn/keyturn/benchmarks/internal/work"
)

// Contests returns the contests of package work with the peers entered. An error
// says whose result is not the one that is asked for.
func Contests() ([]work.Contest, error) {
	contests, err := work.Contests()
	if err != nil {
		return nil, err
	}
	for _, enter := range []func([]work.Contest) error{enterEnvelopes, enterWhole, enterValues, enterRequests, enterRings} {
		if err := enter(contests); err != nil {
			return nil, fmt.Errorf("peers: %w", err)
		}
	}
	return contests, nil
}

// A carrier carries a T as the value of a cookie.
type carrier[T any] struct {
	who, note string
	make      func(T) (string, error)
	open      func(value string) (T, error)
}

// check returns the value of a cookie that carries v, and what is wrong with the
// carrier, if anything is.
func (c *carrier[T]) check(v T, equal func(a, b T) bool) (string, error) {
	value, err := c.make(v)
	if err != nil {
		return "", fmt.Errorf("%s: %w", c.who, err)
	}
	got, err := c.open(value)
	if err != nil {
		return "", fmt.Errorf("%s: %w", c.who, err)
	}
	if !equal(got, v) {
		return "", fmt.Errorf("%s: %v instead of %v", c.who, got, v)
	}
	if got, err := c.open(work.Forge(value)); err == nil {
		return "", fmt.Errorf("%s: accepted a forged cookie, as %v", c.who, got)
	}
	return value, nil
}

// makes is the work of making a value.
func (c *carrier[T]) makes(v T) func() {
	return func() {
		value, err := c.make(v)
		if err != nil {
			panic(err)
		}
		work.Sink = value
	}
}
