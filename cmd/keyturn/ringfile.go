package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

// ringIn reads the ring in a file.
func ringIn(path string) (*keyring.Ring, error) {
	r, err := keyring.ReadFile(path)
	if err != nil {
		return nil, fail(statusRing, about(path, err))
	}
	return r, nil
}

// standardInput is what a ring is called that comes from there.
const standardInput = "standard input"

// ringFrom reads the ring in a file or, if it is named -, on standard input, so
// that a ring that is kept encrypted need not be put into a file for a command
// that only reads it.
func ringFrom(path string, in io.Reader) (*keyring.Ring, error) {
	if path != "-" {
		return ringIn(path)
	}
	data, err := io.ReadAll(io.LimitReader(in, maxRing))
	if err != nil {
		return nil, failf(statusData, "%s: %w", standardInput, err)
	}
	if len(data) == 0 {
		return nil, failf(statusData, "%s: empty; has the command before this one failed?", standardInput)
	}
	r, err := keyring.Parse(data)
	if err != nil {
		return nil, fail(statusData, about(standardInput, err))
	}
	return r, nil
}

// maxRing is more than the longest ring file has.
const maxRing = 1 << 20

// firstRing returns the first generation of a ring: one key that signs from now
// on, and one standby key.
func firstRing(name string, a signer.Algorithm, y keyring.Policy, now time.Time) (*keyring.Ring, error) {
	active, standby := keyring.GenerateKey(a), keyring.GenerateKey(a)
	active.Added, standby.Added = now, now
	active.SignFrom = now
	d := keyring.Document{Name: name, Generation: 1, Published: now, Keys: []keyring.Key{active, standby}}
	_, wrong := keyring.NewRing(d)
	if wrong != nil {
		d.Name = "any" // so that the policy is judged, too
	}
	y.MaxSessionHigh = cmp.Or(y.MaxSession, keyring.DefaultMaxSession) // there never was a longer one
	if err := d.SetPolicy(now, y); err != nil {
		return nil, errors.Join(wrong, err)
	}
	r, err := keyring.NewRing(d)
	if err := errors.Join(wrong, err); err != nil {
		return nil, err
	}
	return r, nil
}

// announce writes what is in the first generation of a ring, and what comes next.
func announce(w io.Writer, r *keyring.Ring, now time.Time, next string) {
	fmt.Fprintf(w, "policy: %v\n", describePolicy(r.Policy()))
	for _, k := range r.Document().Keys {
		what := "signs from now on"
		switch {
		case !k.SignFrom.IsZero():
		case k.VerifyUntil.IsZero():
			what = "verifies, and takes over when you say so"
		default:
			what = "verifies until " + stamp(k.VerifyUntil) + ", and then retires by itself"
		}
		fmt.Fprintf(w, "key %v %s %v: %s\n", k.ID(), k.Algorithm(), r.State(k.ID(), now), what)
	}
	fmt.Fprintln(w, "next: give the file to every instance, readable by the server alone, and open it with keyring.Open"+next)
}

// createRing writes r to a file that does not exist yet, for its owner only. If
// there is a file already, it returns fs.ErrExist and leaves it alone.
func createRing(path string, r *keyring.Ring) error {
	// The empty file keeps the name for the ring, whoever else wants it.
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	err = f.Close()
	if err == nil {
		err = keyring.WriteFile(path, r)
	}
	if err != nil {
		return errors.Join(err, remove(path))
	}
	return nil
}

func remove(path string) error {
	if err := os.Remove(path); err != nil {
		return fmt.Errorf("an empty file is left: %w", err)
	}
	return nil
}
