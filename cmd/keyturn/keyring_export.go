package main

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

type exportCommand struct {
	ringArgument
	KID    []keyring.KeyID `arg:"" optional:"" name:"kid" help:"The IDs of the keys. By default, all that verify now."`
	JWKS   bool            `name:"jwks" xor:"form" required:"" help:"As a JWK Set (RFC 7517)."`
	Secret bool            `xor:"form" required:"" help:"As the bare secret of one key, in base64. By default, of the key that signs."`
	Yes    bool            `help:"Write the secrets to a terminal, too."`
}

func (exportCommand) Help() string {
	return `Writes the secrets of keys in plain text: whoever reads them can sign in as anybody. To a terminal, whose contents may be seen or kept, it writes them with --yes only, and likewise to any other device.

The kid of each JWK is the key's ID, and its alg HS256 for hmac-sha256, and otherwise keyturn's name of the algorithm. The keys that sessions are signed with are derived from these, as the documentation of package keyring says. The key that signs comes first. The schedule is not exported: a copy of the file has it. A bare --secret is what keyring.FromEnv reads, as that of an hmac-sha256 key, and keyring import takes, which has to be told of another algorithm.

    keyturn keyring export keyring.json --jwks > keys.json
    SESSION_SECRET=$(keyturn keyring export keyring.json --secret) ./app
    keyturn keyring export keyring.json 1dc4fea0 --jwks | vault kv put secret/shop jwks=-`
}

func (c exportCommand) Run(std streams) error {
	ring, err := ringIn(c.File)
	if err != nil {
		return err
	}
	if c.Secret && len(c.KID) > 1 {
		return failf(statusUsage, "--secret: of one key")
	}
	info, err := os.Stdout.Stat()
	if err == nil && info.Mode()&os.ModeCharDevice != 0 && !c.Yes {
		return failf(statusRefused, "standard output is a terminal, or another device: the secrets are not written there without --yes")
	}
	set, err := c.export(ring)
	if err != nil {
		return err
	}
	if !c.Secret {
		return writeJSON(std.out, set)
	}
	if len(set.Keys) == 0 {
		return failf(statusConfig, "%s: no key verifies now", c.File)
	}
	secret, _ := set.Keys[0].Key.([]byte)
	_, err = fmt.Fprintln(std.out, base64.RawURLEncoding.EncodeToString(secret))
	return err
}

func (c exportCommand) export(r *keyring.Ring) (jose.JSONWebKeySet, error) {
	set := jose.JSONWebKeySet{Keys: []jose.JSONWebKey{}}
	secrets, err := secretsOf(r)
	if err != nil {
		return set, err
	}
	wanted := c.KID
	now := time.Now()
	for _, k := range r.Document().Keys {
		if len(c.KID) == 0 && k.Usable(now) {
			wanted = append(wanted, k.ID())
		}
	}
	for _, k := range r.Document().Keys {
		if !slices.Contains(wanted, k.ID()) {
			continue
		}
		wanted = slices.DeleteFunc(wanted, func(id keyring.KeyID) bool { return id == k.ID() })
		secret, ok := secrets[k.ID()]
		if !ok {
			return set, failf(statusConfig, "%s: key %v is %v: it has no secret", c.File, k.ID(), r.State(k.ID(), now))
		}
		set.Keys = append(set.Keys, asJWK(k, secret))
	}
	// The one that signs is the first, which is what keyring import takes it for.
	slices.SortStableFunc(set.Keys, func(a, b jose.JSONWebKey) int { return cmp.Compare(rank(r, a, now), rank(r, b, now)) })
	if len(wanted) > 0 {
		return set, fail(statusConfig, about(c.File, ofKey(wanted[0], keyring.ErrUnknownKey)))
	}
	return set, nil
}

// rank is 0 for the key that signs.
func rank(r *keyring.Ring, w jose.JSONWebKey, now time.Time) int {
	if k, err := r.Primary(now); err == nil && w.KeyID == k.ID().String() {
		return 0
	}
	return 1
}

func asJWK(k keyring.Key, secret []byte) jose.JSONWebKey {
	w := jose.JSONWebKey{Key: secret, KeyID: k.ID().String(), Algorithm: k.Algorithm(), Use: "sig"}
	if k.Algorithm() == signer.HMACSHA256().Name {
		w.Algorithm = algHMAC
	}
	if k.Seals() {
		w.Use = "enc"
	}
	return w
}

// secretsOf returns the secrets of a ring, which are nowhere but in its file.
func secretsOf(r *keyring.Ring) (map[keyring.KeyID][]byte, error) {
	data, err := r.Document().EncodeWithSecrets()
	if err != nil {
		return nil, fail(statusRing, err)
	}
	var file struct {
		Keys []struct {
			ID     keyring.KeyID `json:"id"`
			Secret string        `json:"secret"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, failf(statusSoftware, "the ring cannot be read back")
	}
	secrets := map[keyring.KeyID][]byte{}
	for _, k := range file.Keys {
		if b, err := base64.RawURLEncoding.DecodeString(k.Secret); err == nil && len(b) > 0 {
			secrets[k.ID] = b
		}
	}
	return secrets, nil
}
