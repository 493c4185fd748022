package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
)

// The exit statuses. Those from 64 on are of BSD's sysexits.
const (
	statusWarned        = 1 // keyring check
	statusRejected      = 1 // inspect
	statusRefused       = 1 // an edit of a ring
	statusFailed        = 1 // takeover-check
	statusIndeterminate = 2
	statusUnverified    = 3

	statusUsage       = 64
	statusData        = 65 // standard input
	statusRing        = 66 // cannot be read, or is not valid
	statusUnavailable = 69 // an address
	statusSoftware    = 70
	statusCreate      = 73
	statusOutput      = 74
	statusBusy        = 75 // somebody else is editing the ring
	statusConfig      = 78 // the ring, for what is asked
)

// A failure is the end of a command with a status other than 0.
type failure struct {
	status int
	err    error // nil if all has been said
}

func (f *failure) Error() string { return fmt.Sprint(f.err) }
func (f *failure) Unwrap() error { return f.err }

func fail(status int, err error) error { return &failure{status, err} }

// failf is fail with a message.
func failf(status int, format string, args ...any) error {
	return fail(status, fmt.Errorf(format, args...))
}

// complain writes a line for each problem of err, and returns its status.
func complain(w io.Writer, err error) int {
	if err == nil {
		return 0
	}
	f := &failure{statusSoftware, err}
	errors.As(err, &f)
	if f.err != nil {
		for line := range strings.Lines(f.err.Error()) {
			fmt.Fprintf(w, "keyturn: %s\n", strings.TrimRight(line, "\n"))
		}
	}
	return f.status
}

// about puts the name of a file before each problem with it, in the place of
// where a package may have put it.
func about(path string, err error) error {
	var errs []error
	for line := range strings.Lines(err.Error()) {
		line = strings.TrimRight(line, "\n")
		line = strings.TrimPrefix(line, "keyring: ")
		if line == path+":" {
			continue // a heading, of which each problem gets a share
		}
		for _, op := range []string{"stat ", "open ", "read ", ""} {
			line = strings.TrimPrefix(line, op+path+": ")
		}
		line = strings.TrimPrefix(line, path+" ")
		if path != standardInput {
			line = strings.Replace(line, "keyring check FILE", "keyring check "+path, 1)
		}
		errs = append(errs, errors.New(path+": "+line))
	}
	return errors.Join(errs...)
}
