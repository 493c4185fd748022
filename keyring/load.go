package keyring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// A Loader reads rings, and says what is expected of them. The zero value
// expects nothing and knows the algorithms of package signer. It is safe for
// concurrent use.
type Loader struct {
	// Name is the name that the ring must have; empty: any. It keeps the ring
	// of one environment out of another.
	Name string

	// Algorithms are known in addition to those of package signer.
	Algorithms []signer.Algorithm

	// MinGeneration is the lowest generation that is accepted.
	MinGeneration uint64

	// Interval is how often a source is looked at, give or take a fifth, so that
	// the instances of a fleet do not all come at once; DefaultInterval if 0.
	// The policy's propagation must be longer, by twice its skew and more.
	Interval time.Duration
}

// Open returns a keyring with the ring in the file, which must be a regular one
// (symbolic links are followed) of at most 256 KiB that not everybody may write.
//
// It follows the file until Close: it looks every Interval, and soon after
// something happens to the file, where the system tells, or after a key has come
// that the ring does not have. A ring that is valid and may follow the present one
// (see [Keyring.Replace]) takes its place at once. Whatever else the file has, or
// if it has gone, the present ring stays; a line of package log/slog says so, once,
// and [Keyring.Stats] for as long as it is so.
//
// Any error is a reason not to start: a ring that cannot be read is not an empty
// ring, and a key made up in its place would sign everyone out.
func (l Loader) Open(path string) (*Keyring, error) {
	return l.follow(file(path), path)
}

// Follow returns a keyring with the ring that the source has, and follows it until
// Close as Open follows a file. The first Load, which has half a minute, must
// succeed.
func (l Loader) Follow(s Source) (*Keyring, error) { return l.follow(s, "") }

// ReadFile returns the ring that is in the file now, read as by Open, for a
// program that looks at a ring or edits it: what [WriteFile] writes.
func (l Loader) ReadFile(path string) (*Ring, error) { return l.readRing(path, false) }

// ReadEdited is ReadFile as ParseEdited is Parse: for a tool with which an
// operator completes an edit by hand, and for no server.
func (l Loader) ReadEdited(path string) (*Ring, error) { return l.readRing(path, true) }

func (l Loader) readRing(path string, edited bool) (*Ring, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	r, err := l.parse(data, edited)
	if err != nil {
		return nil, located(path, err)
	}
	return r, nil
}

// A file is the Source that has the contents of the file of this name.
type file string

// Load returns what is in the file.
func (f file) Load(context.Context) ([]byte, error) { return readFile(string(f)) }

// Parse returns the ring in the contents of a ring file. The error lists every
// problem, says what to do about each, and quotes no secret. Parse does not keep
// data.
func (l Loader) Parse(data []byte) (*Ring, error) { return l.parse(data, false) }

// ParseEdited is Parse for a tool with which an operator completes an edit by
// hand: it does not look at the checksum, which [WriteFile] then writes anew.
// A server must not use it: the checksum is what tells an edit from damage.
func (l Loader) ParseEdited(data []byte) (*Ring, error) { return l.parse(data, true) }

// FromEnv returns a keyring from an environment variable. The variable holds
// either a ring, the contents of a ring file, or one secret of 32 random bytes
// or more as base64 (either alphabet, padded or not), which becomes a key for
// HMAC-SHA256 that signs. Space around it does not count.
func (l Loader) FromEnv(name string) (*Keyring, error) {
	value := strings.TrimSpace(os.Getenv(name))
	if value == "" {
		return nil, fmt.Errorf("keyring: the environment variable %s is not set, or empty", name)
	}
	if strings.HasPrefix(value, "{") {
		k, err := opened(l.Parse([]byte(value)))
		if err != nil {
			return nil, fmt.Errorf("keyring: the environment variable %s:\n%w", name, err)
		}
		return k, nil
	}
	if l.Name != "" || l.MinGeneration > 0 {
		return nil, fmt.Errorf("keyring: the environment variable %s holds no ring but a secret, which has neither a name nor a generation", name)
	}
	secret, err := decodeBase64(value)
	if err != nil {
		return nil, fmt.Errorf("keyring: the environment variable %s is neither base64 nor a ring", name)
	}
	key, err := NewKey(signer.HMACSHA256(), secret)
	if err != nil {
		return nil, fmt.Errorf("keyring: the environment variable %s: %w", name, err)
	}
	return FromKeys(key)
}

// Open is the same as [Loader.Open] of the zero Loader.
func Open(path string) (*Keyring, error) { return Loader{}.Open(path) }

// Follow is the same as [Loader.Follow] of the zero Loader.
func Follow(s Source) (*Keyring, error) { return Loader{}.Follow(s) }

// ReadFile is the same as [Loader.ReadFile] of the zero Loader.
func ReadFile(path string) (*Ring, error) { return Loader{}.ReadFile(path) }

// Parse is the same as [Loader.Parse] of the zero Loader.
func Parse(data []byte) (*Ring, error) { return Loader{}.Parse(data) }

// FromEnv is the same as [Loader.FromEnv] of the zero Loader.
func FromEnv(name string) (*Keyring, error) { return Loader{}.FromEnv(name) }

func opened(r *Ring, err error) (*Keyring, error) {
	if err != nil {
		return nil, err
	}
	return New(r), nil
}

// algorithms returns those that the loader knows, by name.
func (l Loader) algorithms() (map[string]signer.Algorithm, error) {
	all := append(signer.All(), l.Algorithms...)
	byName := make(map[string]signer.Algorithm, len(all))
	var errs []error
	for _, a := range all {
		if _, ok := byName[a.Name]; ok {
			errs = append(errs, fmt.Errorf("keyring: algorithm %s is given twice, or built in", a.Name))
		}
		errs = append(errs, checkAlgorithm(a))
		byName[a.Name] = a
	}
	return byName, errors.Join(slices.DeleteFunc(errs, func(err error) bool { return err == nil })...)
}
