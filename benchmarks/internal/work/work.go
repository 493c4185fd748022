// Package work is the work that benchmarks measure: contests, in which keyturn
// enters by itself, and others with it in the module that has them.
package work

import (
	"fmt"
	"time"
)

// A Contest is one piece of work, and those who do it. All of them have the same
// input, and give the same result: whoever makes an Entry has compared it.
type Contest struct {
	// Name says what the work is, from the general to the particular, as
	// "envelope/open/132".
	Name    string
	Entries []Entry
}

// An Entry is one way to do the work.
type Entry struct {
	// Who does it: "keyturn" and with what, "floor" and what that is, or the
	// name of another library and with what.
	Who string
	// Do does it once. It panics if it fails.
	Do func()
	// Cookie is the length in bytes of the cookie's value; 0 where there is none.
	Cookie int
	// Note is what a reader must know to compare the entry with the others.
	Note string
	// Fork, if not nil, returns a Do for another goroutine. What the requests of
	// a server share, the two share.
	Fork func() func()
}

// Contests returns all of the work, with keyturn's entries and the floors. An
// error says whose result is not the one that is asked for.
func Contests() ([]Contest, error) {
	var all []Contest
	for _, part := range []func() ([]Contest, error){envelopes, whole, values, requests, rings} {
		contests, err := part()
		if err != nil {
			return nil, fmt.Errorf("benchmarks: %w", err)
		}
		all = append(all, contests...)
	}
	return all, nil
}

// Enter adds entries to the contest of the name, which must be there.
func Enter(contests []Contest, name string, entries ...Entry) {
	for i := range contests {
		if contests[i].Name == name {
			contests[i].Entries = append(contests[i].Entries, entries...)
			return
		}
	}
	panic("work: no contest " + name)
}

// Find returns the entry of who in the contest of the name, and whether it is there.
func Find(contests []Contest, name, who string) (Entry, bool) {
	for _, c := range contests {
		if c.Name != name {
			continue
		}
		for _, e := range c.Entries {
			if e.Who == who {
				return e, true
			}
		}
	}
	return Entry{}, false
}

// Session is the session of every contest that has a struct in it: what a small
// site keeps about its visitor.
type Session struct {
	UserID int64  `json:"user_id"`
	User   string `json:"user"`
	Role   string `json:"role"`
	CSRF   string `json:"csrf"`
	Theme  string `json:"theme"`
	Seen   int64  `json:"seen"`
}

// Standard is the session that is measured.
var Standard = Session{
	UserID: 12345, User: "tom@example.com", Role: "admin",
	CSRF: "c3ab8ff13720e8ad9047dd39466b3c89", Theme: "dark", Seen: 1732345678,
}

// Sizes are the payloads of the envelope's contests, in bytes.
var Sizes = []int{16, 132, 1000, 2900}

// Sink keeps what benchmarks make.
var Sink string

// Now is when the work is done.
var Now = time.Now().Truncate(time.Second)

const (
	// Cookie is the name of the session's cookie.
	Cookie = "session"
	// Lifetime is how long the session lasts.
	Lifetime = 14 * 24 * time.Hour
)
