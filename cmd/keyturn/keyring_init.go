package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"time"
)

type initCommand struct {
	File      string        `arg:"" help:"The file to make. It must not exist."`
	Ring      string        `placeholder:"NAME" help:"The ring's name: letters, digits, dots, underscores and hyphens. By default the file's, without its extension."`
	Algorithm algorithmName `default:"hmac-sha256" placeholder:"NAME" help:"The keys' algorithm: hmac-sha256, which is the default, blake2b-256 or xchacha20-poly1305, which encrypts."`
	policyFlags
	JSON bool `name:"json" help:"Show the new ring as keyring list --json does."`
}

func (initCommand) Help() string {
	return `The new ring has two keys: one that signs from now on, and a standby key, which so far only verifies and can take over at once should the other leak. The file is readable for its owner only, and must be kept as any secret is.

Its policy says what every schedule of it is made for, and is in the file also where it is the default: a propagation of 1h, a skew of 5m, and sessions of 14d at most. keyturn keyring policy changes it.

    keyturn keyring init keyring.json
    keyturn keyring init keyring.json --max-session 30d
    keyturn keyring init --ring shop --algorithm xchacha20-poly1305 /etc/shop/keyring.json`
}

func (c initCommand) Run(std streams) error {
	if c.File == "" {
		return errNoName
	}
	name := c.Ring
	if name == "" {
		name = ringName(c.File)
	}
	now := time.Now().UTC().Truncate(time.Second)
	y, wrong := c.policy()
	ring, err := firstRing(name, c.Algorithm.Algorithm, y, now)
	if err != nil {
		err = about(c.File, err) // of its name, or the policy
	}
	if err := errors.Join(wrong, err); err != nil {
		return fail(statusUsage, err)
	}
	switch err := createRing(c.File, ring); {
	case errors.Is(err, fs.ErrExist):
		return failf(statusCreate, "%s exists already, and is left as it is", c.File)
	case err != nil:
		return fail(statusCreate, about(c.File, err))
	}
	if c.JSON {
		return writeJSON(std.out, describe(ring, now))
	}
	fmt.Fprintf(std.out, "%s: ring %s, generation %d\n", c.File, ring.Name(), ring.Generation())
	announce(std.out, ring, now, "")
	return nil
}

var errNoName = failf(statusUsage, "FILE is empty: give the file to make a name, like keyring.json")

// ringName makes the name of a ring of the name of its file.
func ringName(path string) string {
	base := filepath.Base(path)
	if name := strings.TrimSuffix(base, filepath.Ext(base)); name != "" {
		base = name
	}
	name := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '_', r == '-':
			return r
		}
		return '-'
	}, base)
	return name[:min(len(name), 64)]
}
