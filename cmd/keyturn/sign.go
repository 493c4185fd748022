package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session"
	"golang.org/x/term"
)

// cookieFlags say which cookie a value is of.
type cookieFlags struct {
	Name     string `default:"${cookie}" placeholder:"NAME" help:"The name of the cookie (${cookie})."`
	Audience string `placeholder:"TEXT" help:"The audience of the session, if the application has one."`
}

type signCommand struct {
	Keyring string `required:"" placeholder:"FILE" help:"The ring file."`
	cookieFlags
	Codec    codecName `placeholder:"NAME" help:"The codec to write: json, msgpack or cbor. By default the one that the ring schedules, or else json."`
	Lifetime *duration `placeholder:"14d" help:"How long the session lasts: 14d, or as long as the ring allows if that is less."`
	Idle     duration  `placeholder:"30m" help:"How long the session lasts without being used. By default, that does not matter."`
	instant
}

func (signCommand) Help() string {
	return `Reads one JSON object and writes the value of a cookie that an application with the same ring, cookie name and audience takes for a session of its own. Whoever may run this may sign in as anybody.

With the codec json, the object becomes the payload as it is, without the space in it. With msgpack and cbor, numbers with a point or an exponent become floats, and others integers.

    echo '{"user":"tom"}' | keyturn sign --keyring keyring.json
    keyturn sign --keyring keyring.json --name session --codec cbor < payload.json
    keyturn sign --keyring keyring.json --at 2026-10-01T00:00:00Z --lifetime 1h < payload.json`
}

// A codecName is the name of a built-in codec.
type codecName string

func (n *codecName) UnmarshalText(text []byte) error {
	for _, c := range codec.All() {
		if string(text) == c.Name() {
			*n = codecName(text)
			return nil
		}
	}
	return errors.New("not json, msgpack or cbor")
}

// maxInput is more than any payload has.
const maxInput = 1 << 20

// The times that a token can hold.
var (
	firstInstant = time.Unix(0, 0)
	lastInstant  = time.Unix(1<<32-1, 0)
)

func (c signCommand) Run(std streams) error {
	at := c.time()
	if at.Before(firstInstant) || at.After(lastInstant) {
		return failf(statusUsage, "--at: a session can begin from %s to %s", stamp(firstInstant), stamp(lastInstant))
	}
	ring, err := ringIn(c.Keyring)
	if err != nil {
		return err
	}
	keys := keyring.New(ring)
	config, err := c.config(keys, rawCodecs(string(c.Codec)))
	if err != nil {
		return err
	}
	longest := ring.Policy().MaxSession.Truncate(time.Second)
	config.Lifetime = min(session.DefaultLifetime, longest)
	if c.Lifetime != nil {
		config.Lifetime = time.Duration(*c.Lifetime)
	}
	switch l := config.Lifetime; {
	case l > longest:
		return failf(statusUsage, "--lifetime: longer than the ring's max_session of %v", duration(longest))
	case l < time.Second || l%time.Second != 0:
		return failf(statusUsage, "--lifetime: not a positive number of whole seconds")
	}
	idle := time.Duration(c.Idle)
	if idle%time.Second != 0 || idle == time.Second || idle > config.Lifetime {
		return failf(statusUsage, "--idle: not a number of whole seconds from 2 to the lifetime")
	}
	config.IdleTimeout = idle
	m, err := session.New[session.Values](config)
	if err != nil {
		return fail(statusConfig, err)
	}

	askForObject(std)
	text, err := io.ReadAll(io.LimitReader(std.in, maxInput))
	if err != nil {
		return failf(statusData, "standard input: %w", err)
	}
	text, err = compactObject(text)
	if err != nil {
		return failf(statusData, "standard input: %w", err)
	}
	s := m.New(at)
	var v session.Values
	payload.Set(&v, text)
	if err := s.Renew(v); err != nil {
		return unsigned(err)
	}
	value, err := m.Seal(at, s)
	if err != nil {
		return unsigned(err)
	}
	fmt.Fprintln(std.out, value)
	return nil
}

// askForObject tells whoever is at a terminal that it is read from.
func askForObject(std streams) {
	if f, ok := std.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintln(std.err, "keyturn: type a JSON object, and end it as standard input ends here (Ctrl-D, or Ctrl-Z and Enter on Windows)")
	}
}

// unsigned says why a session cannot be signed.
func unsigned(err error) error {
	var size *session.SizeError
	switch {
	case errors.As(err, &size):
		return failf(statusData, "standard input: too much for a cookie: its name and value would have %d bytes, and browsers keep %d", size.Size, size.Limit)
	case errors.Is(err, keyring.ErrNoPrimary):
		return failf(statusConfig, "no key of the ring may sign at that time")
	}
	return fail(statusData, err)
}

// config returns what every session of the cookie is opened and made with, for
// the shortest lifetime there is.
func (c cookieFlags) config(keys *keyring.Keyring, codecs []codec.Codec) (session.Config, error) {
	config := session.Config{
		Keys: keys, Name: c.Name, Audience: c.Audience, Codecs: codecs, Lifetime: time.Second,
	}
	// Tried out on keys of no consequence, so that what is wrong with the
	// flags is not taken for what is wrong with the ring.
	try := config
	try.Keys = keyring.Ephemeral()
	if _, err := session.New[session.Values](try); err != nil {
		return config, fail(statusUsage, errors.New(strings.ReplaceAll(err.Error(), "session: ", "")))
	}
	return config, nil
}
