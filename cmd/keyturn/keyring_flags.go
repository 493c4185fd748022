package main

import (
	"bytes"
	"encoding"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// A moment is a time on the command line: one of RFC 3339, or now.
type moment struct {
	time.Time
	now bool
}

var errMoment = errors.New("not a time like 2026-10-01T00:00:00Z (RFC 3339), or now")

// UnmarshalText reads a time on the command line.
func (m *moment) UnmarshalText(text []byte) error {
	if string(text) == "now" {
		*m = moment{now: true}
		return nil
	}
	t, err := time.Parse(time.RFC3339, string(text))
	if err != nil {
		return errMoment
	}
	*m = moment{Time: t}
	return nil
}

// given reports whether there was one on the command line.
func (m moment) given() bool { return m.now || !m.IsZero() }

// at returns the time that is meant.
func (m moment) at(now time.Time) time.Time {
	if m.now {
		return now
	}
	return m.Time
}

var errDuration = errors.New("not a duration like 90d, 36h, 1d12h, 30m or 10s")

// UnmarshalText reads a duration as package time does, and days before it.
func (d *duration) UnmarshalText(text []byte) error {
	const day = 24 * time.Hour
	days, rest, ok := strings.Cut(string(text), "d")
	if !ok {
		days, rest = "0", string(text)
	} else if rest == "" {
		rest = "0"
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return errDuration
	}
	r, err := time.ParseDuration(rest)
	if err != nil || r < 0 || time.Duration(n)*day > 1<<63-1-r {
		return errDuration
	}
	*d = duration(time.Duration(n)*day + r)
	return nil
}

// A list is what a flag has that can be repeated, or has commas: at least one of
// them if it is given, and none that is empty.
type list[T any, P interface {
	*T
	encoding.TextUnmarshaler
}] []T

// UnmarshalText appends what is between commas.
func (l *list[T, P]) UnmarshalText(text []byte) error {
	for part := range bytes.SplitSeq(text, []byte(",")) {
		var x T
		if err := P(&x).UnmarshalText(part); err != nil {
			return err
		}
		*l = append(*l, x)
	}
	return nil
}

// An algorithmName is the name of a built-in algorithm, or nothing.
type algorithmName struct{ signer.Algorithm }

// UnmarshalText reads the name of an algorithm.
func (n *algorithmName) UnmarshalText(text []byte) error {
	a, ok := algorithmNamed(string(text))
	if !ok {
		return errors.New("not hmac-sha256, blake2b-256 or xchacha20-poly1305")
	}
	n.Algorithm = a
	return nil
}

// algorithmNamed returns the built-in algorithm of that name, and whether there
// is one.
func algorithmNamed(name string) (signer.Algorithm, bool) {
	all := signer.All()
	i := slices.IndexFunc(all, func(a signer.Algorithm) bool { return a.Name == name })
	if i < 0 {
		return signer.Algorithm{}, false
	}
	return all[i], true
}

// algorithmFlag is the algorithm of a key that a command may make.
type algorithmFlag struct {
	Algorithm algorithmName `placeholder:"NAME" help:"The key's algorithm: hmac-sha256, blake2b-256 or xchacha20-poly1305, which encrypts. By default that of the key that signs."`
}
