package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

type importCommand struct {
	editing
	JWKS        string        `name:"jwks" placeholder:"@FILE|env:NAME" xor:"source" help:"Take the keys of a JWK Set, or one JWK (RFC 7517). All must be oct keys."`
	Secret      string        `placeholder:"@FILE|env:NAME" xor:"source" help:"Take one secret."`
	Encoding    string        `default:"base64" enum:"base64,raw" help:"What a --secret is: base64 (either alphabet, padded or not; space around it does not count), or raw, the bytes as they are, also a line break at the end."`
	Algorithm   algorithmName `placeholder:"NAME" help:"The keys' algorithm: hmac-sha256, blake2b-256 or xchacha20-poly1305. By default that of each JWK, or else hmac-sha256."`
	Standby     bool          `xor:"use" help:"Have the keys stand by, and not retire."`
	Active      bool          `xor:"use" help:"Have the first of the keys sign, as keyring rotate would."`
	In          *duration     `placeholder:"24h" help:"With --active: how long from now it begins to sign, as for keyring rotate."`
	Ring        string        `placeholder:"NAME" help:"For a new file, the ring's name. By default the file's, without its extension."`
	policyFlags               // for a new file
}

func (importCommand) Help() string {
	return `The keys verify what was signed with them elsewhere, sign nothing, and retire by themselves: when the last session is over that anything else signs with them until a day and the ring's propagation from now. With --active, the first of them signs, as after keyring rotate. With --standby, they all stand by, so that any of them may come to sign: that is for secrets that were kept as well as this file is. A key that is in the ring already is left as it is, and with --active signs if it stands by. A key has the ID that keyturn gives it, which follows from secret and algorithm; the kid of a JWK does not count.

If there is no such file, it is made, for a first adoption: the first key signs from now on, a new standby key is added, and the others retire by themselves. Its policy is as of keyring init. A secret that an application has had from keyring.FromEnv becomes the same key, so that nobody is signed out.

A secret is never an argument, which everybody on the machine can see: it is in a file or an environment variable. Keys of which the secret is short, or evidently not random, are refused.` + editHelp + `    keyturn keyring import keyring.json --secret env:SESSION_SECRET
    keyturn keyring import keyring.json --secret env:SESSION_SECRET --max-session 30d
    keyturn keyring import keyring.json --secret @secret.bin --encoding raw --active --in 7d
    keyturn keyring import keyring.json --jwks @keys.json --algorithm blake2b-256`
}

func (c importCommand) Run(std streams) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.File == "" {
		return errNoName
	}
	_, err := os.Stat(c.File)
	absent := errors.Is(err, fs.ErrNotExist)
	if absent && c.ExpectGeneration != nil {
		return failf(statusRefused, "%s: no such file, and a ring of generation %d was expected", c.File, *c.ExpectGeneration)
	}
	wrong := c.wrong(absent)
	var keys []keyring.Key
	var unusable error
	if c.JWKS+c.Secret != "" {
		keys, unusable = c.keys()
	}
	switch {
	case wrong != nil:
		return fail(statusUsage, errors.Join(wrong, unusable))
	case unusable != nil:
		return unusable
	case absent:
		return c.create(std, keys)
	}
	return c.edit(std, func(d *draft) error { return c.take(d, keys) })
}

// take adds the keys to the ring.
func (c importCommand) take(d *draft, keys []keyring.Key) error {
	now := d.now.UTC().Truncate(time.Second)
	until := imported(now, d.ring.Policy())
	for i, k := range keys {
		stays := c.Standby || c.Active && i == 0
		switch s := d.ring.State(k.ID(), d.now); s {
		case keyring.Unknown:
			k.Added = now
			if !stays {
				k.VerifyUntil = until
				d.note("key %v verifies until %s, and then retires by itself: make sure that nothing signs with it from %s on", k.ID(), stamp(until), stamp(now.Add(publication+d.ring.Policy().Propagation)))
			}
			d.Keys = append(d.Keys, k)
		case keyring.Revoked, keyring.Pruned:
			return fmt.Errorf("key %v was %v, and cannot come back: make a new secret", k.ID(), s)
		default:
			d.has(k.ID(), s)
		}
	}
	first := keys[0].ID()
	switch d.ring.State(first, d.now) {
	case keyring.Active, keyring.Pending:
		return nil
	}
	if !c.Active {
		return nil
	}
	return advise(c.File, d.Schedule(d.now, first, d.delay(c.In)))
}

// imported returns until when a key verifies that is taken in for what was signed
// with it elsewhere. There, it may sign until the edit is published, and everywhere.
func imported(now time.Time, y keyring.Policy) time.Time {
	return now.Add(publication + y.Propagation + y.MaxSessionHigh + y.Skew)
}

// has notes that a key is there already, and in which state.
func (d *draft) has(id keyring.KeyID, s keyring.State) {
	i := slices.IndexFunc(d.Keys, func(k keyring.Key) bool { return k.ID() == id })
	if until := d.Keys[i].VerifyUntil; s == keyring.Retiring && d.Keys[i].SignFrom.IsZero() {
		d.note("key %v is in the ring already, and verifies until %s, and then retires by itself", id, stamp(until))
		return
	}
	d.note("key %v is in the ring already, and is %v", id, s)
}

// wrong reports what is wrong with the flags: all of it.
func (c importCommand) wrong(absent bool) error {
	var errs []error
	say := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.JWKS+c.Secret == "" {
		say("--jwks or --secret: say which keys")
	}
	if c.In != nil && !c.Active {
		say("--in is for --active")
	}
	if !absent {
		if c.given() || c.Ring != "" {
			say("--ring, --propagation, --skew and --max-session are for a new file, and %s is there; keyturn keyring policy sets the policy of a ring", c.File)
		}
		return errors.Join(errs...)
	}
	if c.In != nil || c.Standby {
		say("--in and --standby are for a ring that is there: in a new one, as %s would be, the first key signs from now on", c.File)
	}
	y, err := c.policy()
	errs = append(errs, err)
	if _, err := firstRing(c.name(), signer.HMACSHA256(), y, time.Now()); err != nil {
		errs = append(errs, about(c.File, err))
	}
	return errors.Join(errs...)
}

// name is the name of a new ring.
func (c importCommand) name() string {
	if c.Ring != "" {
		return c.Ring
	}
	return ringName(c.File)
}

// create makes a ring of the keys, in a file that does not exist.
func (c importCommand) create(std streams, keys []keyring.Key) error {
	y, err := c.policy()
	if err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Second)
	ring, err := adoptingRing(c.name(), keys, y, now)
	if err != nil {
		return fail(statusUsage, about(c.File, err))
	}
	if !c.DryRun {
		if err := createRing(c.File, ring); err != nil {
			return fail(statusCreate, about(c.File, err))
		}
	}
	if c.JSON {
		return writeJSON(std.out, describe(ring, now))
	}
	if c.DryRun {
		fmt.Fprintf(std.out, "%s: nothing is written; it would be ring %s, generation %d\n", c.File, ring.Name(), ring.Generation())
	} else {
		fmt.Fprintf(std.out, "%s: ring %s, generation %d\n", c.File, ring.Name(), ring.Generation())
	}
	announce(std.out, ring, now, "; rotate when no instance has the secret from anywhere else, such as keyring.FromEnv, which knows no other key")
	return nil
}

// adoptingRing returns the first generation of a ring whose first key signs.
func adoptingRing(name string, keys []keyring.Key, y keyring.Policy, now time.Time) (*keyring.Ring, error) {
	a, ok := algorithmNamed(keys[0].Algorithm())
	if !ok {
		return nil, failf(statusSoftware, "no built-in algorithm is named %s", keys[0].Algorithm())
	}
	ring, err := firstRing(name, a, y, now)
	if err != nil {
		return nil, err
	}
	d := ring.Document()
	d.Keys = slices.DeleteFunc(d.Keys, func(k keyring.Key) bool { return !k.SignFrom.IsZero() })
	for i, k := range keys {
		k.Added = now
		if i == 0 {
			k.SignFrom = now
		} else {
			k.VerifyUntil = imported(now, ring.Policy())
		}
		d.Keys = append(d.Keys, k)
	}
	return keyring.NewRing(d)
}

// source says where the keys come from, which may be repeated.
func (c importCommand) source() string {
	if c.JWKS != "" {
		return "--jwks"
	}
	return "--secret"
}

// keys returns the keys to take in, at least one.
func (c importCommand) keys() ([]keyring.Key, error) {
	data, err := readSource(c.JWKS + c.Secret)
	if err != nil {
		status := statusData
		if errors.Is(err, errSource) {
			status = statusUsage
		}
		return nil, fail(status, fmt.Errorf("%s: %w", c.source(), err))
	}
	var keys []keyring.Key
	if c.JWKS != "" {
		keys, err = c.ofSet(data)
	} else {
		keys, err = c.ofSecret(data)
	}
	if err != nil {
		return nil, fail(statusData, about(c.source(), err))
	}
	return keys, nil
}

var errSource = errors.New("say @FILE or env:NAME")

// readSource reads what a flag names. Errors do not repeat the flag: it may be a
// secret, by mistake.
func readSource(from string) ([]byte, error) {
	if name, ok := strings.CutPrefix(from, "env:"); ok {
		if value := os.Getenv(name); value != "" {
			return []byte(value), nil
		}
		return nil, errors.New("there is no such environment variable, or it is empty")
	}
	path, ok := strings.CutPrefix(from, "@")
	if !ok || path == "" {
		if info, err := os.Stat(from); err == nil && info.Mode().IsRegular() { // so that it is no secret
			return nil, fmt.Errorf("%w; did you mean @%s?", errSource, from)
		}
		return nil, fmt.Errorf("%w; everybody on this machine can see what is on a command line", errSource)
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxRing))
}

func (c importCommand) ofSecret(data []byte) ([]keyring.Key, error) {
	if c.Encoding == "base64" {
		b, err := decodeSecret(string(bytes.TrimSpace(data)))
		if err != nil {
			return nil, err
		}
		data = b
	}
	a := c.Algorithm.Algorithm
	if a.Name == "" {
		a = signer.HMACSHA256()
	}
	k, err := keyring.NewKey(a, data)
	return []keyring.Key{k}, err
}

// decodeSecret reads base64 of either alphabet, padded or not: what keyring.FromEnv
// reads, and nothing else, which a test compares.
func decodeSecret(s string) ([]byte, error) {
	text := s
	if len(s)%4 == 0 {
		text = strings.TrimSuffix(strings.TrimSuffix(s, "="), "=")
	}
	encoding := base64.RawURLEncoding
	if strings.ContainsAny(text, "+/") {
		encoding = base64.RawStdEncoding
	}
	b, err := encoding.Strict().DecodeString(text)
	if err != nil || encoding.EncodeToString(b) != text {
		return nil, errors.New("not base64; if the bytes are the secret as they are, say --encoding raw")
	}
	return b, nil
}

// ofSet returns the keys of a JWK Set, or of one JWK. Errors say which key is wrong and
// quote nothing of it.
func (c importCommand) ofSet(data []byte) ([]keyring.Key, error) {
	var set map[string]json.RawMessage
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, errors.New("not a JWK Set (RFC 7517): not one JSON object") // the error might quote it
	}
	if _, ok := set["format"]; ok {
		return nil, errors.New("a ring file, and not a JWK Set, which keyturn keyring export makes of it")
	}
	var jwks []json.RawMessage
	switch list, ok := set["keys"]; {
	case !ok && set["kty"] != nil:
		jwks = []json.RawMessage{data}
	case !ok:
		return nil, errors.New("not a JWK Set (RFC 7517): it has no member keys")
	case json.Unmarshal(list, &jwks) != nil:
		return nil, errors.New("not a JWK Set (RFC 7517): its keys are no list")
	case len(jwks) == 0:
		return nil, errors.New("there are no keys in the set")
	}
	var keys []keyring.Key
	var errs []error
	for i, w := range jwks {
		k, err := c.ofJWK(w)
		if err != nil {
			errs = append(errs, fmt.Errorf("key %d of the set: %s", i+1, strings.TrimPrefix(err.Error(), "keyring: ")))
			continue
		}
		keys = append(keys, k)
	}
	return keys, errors.Join(errs...)
}

// ofJWK returns the key that a JWK is.
func (c importCommand) ofJWK(data []byte) (keyring.Key, error) {
	var w map[string]json.RawMessage
	if json.Unmarshal(data, &w) != nil || w == nil {
		return keyring.Key{}, errors.New("not a JSON object")
	}
	members := map[string]string{}
	for _, name := range []string{"kty", "alg", "k"} {
		var text *string
		if v, ok := w[name]; ok && (json.Unmarshal(v, &text) != nil || text == nil) {
			return keyring.Key{}, fmt.Errorf("its %s is not a string", name)
		}
		if text != nil {
			members[name] = *text
		}
	}
	switch kty := members["kty"]; {
	case kty == "RSA" || kty == "EC" || kty == "OKP":
		return keyring.Key{}, fmt.Errorf("its kty is %s, and not oct, and no other can sign sessions: leave it out", kty)
	case kty != "oct":
		return keyring.Key{}, errors.New("its kty is not oct, and no other can sign sessions: leave it out")
	case w["k"] == nil:
		return keyring.Key{}, errors.New("it has no k, which is the secret")
	}
	secret, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(members["k"], "="))
	if err != nil {
		return keyring.Key{}, errors.New("its k is not base64url")
	}
	return c.ofAlg(members["alg"], secret)
}

// ofAlg returns the key of a JWK of an alg, which may be empty.
func (c importCommand) ofAlg(alg string, secret []byte) (keyring.Key, error) {
	a := c.Algorithm
	switch {
	case a.Name != "":
	case alg == "" || alg == algHMAC:
		a.Algorithm = signer.HMACSHA256()
	case a.UnmarshalText([]byte(alg)) != nil:
		return keyring.Key{}, errors.New("its alg is none of HS256, blake2b-256 and xchacha20-poly1305: say --algorithm")
	}
	return keyring.NewKey(a.Algorithm, secret)
}

// algHMAC is the alg of a JWK that stands for hmac-sha256.
const algHMAC = "HS256"
