package main

import (
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
)

// A keyringCommand is the group of commands about ring files, one file of code
// for each.
type keyringCommand struct {
	Init  initCommand  `cmd:"" help:"Make a ring file with an active and a standby key."`
	List  listCommand  `cmd:"" help:"Show the keys of a ring and their states."`
	Check checkCommand `cmd:"" help:"Validate a ring file, and complete an edit by hand."`

	Status  statusCommand      `cmd:"" help:"Say at a glance how a ring is and what comes next."`
	Rotate  rotateCommand      `cmd:"" help:"Schedule the next key to sign."`
	Promote promoteCommand     `cmd:"" help:"Have the next key sign now."`
	Standby standbyCommand     `cmd:"" help:"Add a standby key, if there is none."`
	Disable disableCommand     `cmd:"" help:"Take a key out of use until it is enabled."`
	Enable  enableCommand      `cmd:"" help:"Put a disabled key back into use."`
	Revoke  revokeCommand      `cmd:"" help:"End a key that has leaked, or all of them."`
	End     endSessionsCommand `cmd:"" name:"end-sessions" help:"Sign everybody out who signed in before a time."`
	Prune   pruneCommand       `cmd:"" help:"Erase keys whose sessions are over."`
	Codec   codecCommand       `cmd:"" help:"Schedule the codec that sessions are written with."`
	Policy  policyCommand      `cmd:"" help:"Show the policy of a ring, or set it."`
	Plan    planCommand        `cmd:"" help:"Judge whether a ring may take the place of another."`
	Restore restoreCommand     `cmd:"" help:"Go back to what a former ring said."`
	Import  importCommand      `cmd:"" help:"Take in keys from a JWK Set, or a secret."`
	Export  exportCommand      `cmd:"" help:"Write keys as a JWK Set."`

	Simulate simulateCommand `cmd:"" help:"Try out in simulated time whether a policy signs anybody out."`
}

// ringArgument is the ring file that a command is about.
type ringArgument struct {
	File string `arg:"" help:"The ring file."`
}

// An instant is the flag for the time as of which a command judges.
type instant struct {
	At moment `placeholder:"RFC3339" help:"Judge as of this time, like 2026-10-01T00:00:00Z, and not as of now."`
}

// time returns the instant, or the present.
func (i instant) time() time.Time {
	if !i.At.given() {
		return time.Now()
	}
	return i.At.at(time.Now())
}

// fileWarnings are warnings about the file and not about the ring in it.
func fileWarnings(path string) []string {
	info, err := os.Stat(path)
	if err == nil && info.Mode().Perm()&0o004 != 0 && runtime.GOOS != "windows" {
		return []string{"can be read by everybody on this machine, who could then sign in as anybody; run: chmod o-r " + path}
	}
	return nil
}

// warnings are those about the file, and about the ring in it as of a time.
func warnings(path string, r *keyring.Ring, at time.Time) []string {
	return slices.Concat(fileWarnings(path), r.Warnings(at), codecWarnings(r, at))
}

// codecWarnings are about codecs of which only applications know what they are.
func codecWarnings(r *keyring.Ring, at time.Time) (w []string) {
	var known []string
	for _, c := range codec.All() {
		known = append(known, c.Name())
	}
	codecs := r.Codecs()
	for i, c := range codecs {
		over := i+1 < len(codecs) && !codecs[i+1].From.After(at)
		if !over && !slices.Contains(known, c.Codec) {
			w = append(w, fmt.Sprintf("codec %s is not one of %s: an application without a codec of that name writes the one before", c.Codec, strings.Join(known, ", ")))
		}
	}
	return w
}
