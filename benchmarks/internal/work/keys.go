package work

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/signer"
)

const day = 24 * time.Hour

// Secret returns 32 bytes that depend on n only: a key for whoever needs one.
func Secret(n int) []byte {
	sum := sha256.Sum256(fmt.Appendf(nil, "benchmark key %d", n))
	return sum[:]
}

// newKey returns the key of Secret(n), which signs from a time on.
func newKey(a signer.Algorithm, n int, from time.Time) (keyring.Key, error) {
	k, err := keyring.NewKey(a, Secret(n))
	k.Added, k.SignFrom = from, from
	return k, err
}

// newRing returns a keyring of n keys of the algorithm, of which each began to
// sign a day before the next. The first is that of Secret(0).
func newRing(a signer.Algorithm, n int) (*keyring.Keyring, error) {
	d := keyring.Document{Name: "benchmarks", Generation: 1}
	for i := range n {
		k, err := newKey(a, i, Now.Add(-day*time.Duration(n-i)))
		if err != nil {
			return nil, err
		}
		d.Keys = append(d.Keys, k)
	}
	r, err := keyring.NewRing(d)
	if err != nil {
		return nil, err
	}
	return keyring.New(r), nil
}

// newManager returns the Manager of the cookie with a ring of one key, and the
// codecs that are given.
func newManager[T any](a signer.Algorithm, codecs ...codec.Codec) (*session.Manager[T], error) {
	keys, err := newRing(a, 1)
	if err != nil {
		return nil, err
	}
	return session.New[T](session.Config{Keys: keys, Name: Cookie, Lifetime: Lifetime, Codecs: codecs})
}

// signIn makes the cookie of a new session.
func signIn[T any](m *session.Manager[T], now time.Time, v T) (string, error) {
	s := m.New(now)
	if err := s.Renew(v); err != nil {
		return "", err
	}
	return m.Seal(now, s)
}

// Forge returns the value of a cookie with one bit of it changed, in the middle,
// such that it is still base64url.
func Forge(value string) string {
	b := []byte(value)
	i := len(b) / 2
	for !isLetter(b[i]) || !isLetter(b[i]^1) {
		i++
	}
	b[i] ^= 1
	return string(b)
}

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// ofAnotherKey returns a token with another key ID.
func ofAnotherKey(token string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return "", err
	}
	raw[3] ^= 1
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// is returns an error if a token was not made with the algorithm and the codec.
func is[T any](m *session.Manager[T], token string, a signer.Algorithm, c codec.Codec) error {
	if i := m.Open(Now, token).Info(); i.Algorithm != a.Name || i.Codec != c.Name() {
		return fmt.Errorf("a token of %s and %s is of %s and %s", a.Name, c.Name(), i.Algorithm, i.Codec)
	}
	return nil
}
