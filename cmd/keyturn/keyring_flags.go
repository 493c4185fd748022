package main

import (
	"errors"
	"time"
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
