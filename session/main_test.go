package session

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session/internal/token"
	"github.com/keyturn/keyturn/signer"
)

// visit is the T of most tests.
type visit struct {
	User  string    `json:"user"`
	Count int       `json:"count,omitempty"`
	Seen  time.Time `json:"seen,omitzero"`
}

// t0 is when most tests begin.
var t0 = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

const day = 24 * time.Hour

var algorithms = signer.All()

// newKey returns a key that depends on its arguments only.
func newKey(t testing.TB, a signer.Algorithm, n byte) keyring.Key {
	t.Helper()
	secret := make([]byte, 32)
	for i := range secret {
		secret[i] = byte(i) * (n + 1)
	}
	secret[31] = n
	k, err := keyring.NewKey(a, secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// signing returns k as one that signs from a time on.
func signing(k keyring.Key, from time.Time) keyring.Key {
	k.SignFrom = from
	return k
}

func newRing(t testing.TB, edit func(*keyring.Document)) *keyring.Ring {
	t.Helper()
	d := keyring.Document{Name: "test", Generation: 1}
	edit(&d)
	r, err := keyring.NewRing(d)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// newKeys returns a live keyring of the given keys.
func newKeys(t testing.TB, keys ...keyring.Key) *keyring.Keyring {
	t.Helper()
	return keyring.New(newRing(t, func(d *keyring.Document) { d.Keys = keys }))
}

// replace puts an edited copy of its ring into a keyring.
func replace(t testing.TB, k *keyring.Keyring, edit func(*keyring.Document)) {
	t.Helper()
	d := k.Ring().Document()
	d.Generation++
	edit(&d)
	r, err := keyring.NewRing(d)
	if err == nil {
		err = k.Replace(r)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func newManager[T any](t testing.TB, c Config) *Manager[T] {
	t.Helper()
	if c.Keys == nil {
		c.Keys = newKeys(t, signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-365*day)))
	}
	m, err := New[T](c)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// cookies is a Request.
type cookies struct {
	now    *time.Time
	values map[string][]string
}

func (c cookies) Now() time.Time                  { return *c.now }
func (c cookies) RawCookies(name string) []string { return c.Cookies(name) }
func (cookies) WouldHaveOurs() bool               { return true }

func (c cookies) Cookies(name string) []string { return c.values[name] }

// request begins the session of a request at a time.
func request[T any](m *Manager[T], now time.Time, values ...string) *Session[T] {
	return requestOf(m, now, map[string][]string{m.Name(): values})
}

func requestOf[T any](m *Manager[T], now time.Time, values map[string][]string) *Session[T] {
	s, _ := m.Begin(context.Background(), cookies{&now, values})
	return s
}

// signedIn returns the cookie of a session begun at a time.
func signedIn[T any](t testing.TB, m *Manager[T], now time.Time, v T) string {
	t.Helper()
	s := m.New(now)
	if err := s.Renew(v); err != nil {
		t.Fatal(err)
	}
	c := s.Commit(false)
	if c.Sent != SentRenewed || c.Value == "" {
		t.Fatalf("after Renew, Commit = %+v", c)
	}
	return c.Value
}

func wantOutcome[T any](t testing.TB, s *Session[T], want Reason) {
	t.Helper()
	if o, r := s.Outcome(); r != want || o != want.Outcome() {
		t.Errorf("outcome = %v, %q; want %v, %q", o, r, want.Outcome(), want)
	}
}

// forge returns a token of header and payload made with a key of the ring.
func forge[T any](t testing.TB, m *Manager[T], now time.Time, payload []byte, edit func(*token.Header)) string {
	t.Helper()
	k, err := m.names[0].keys.Subkeys().Primary(now)
	if err != nil {
		t.Fatal(err)
	}
	h := m.newHeader(m.keys.Ring(), now)
	h.Key, h.Codec = k.ID, m.codecs[0].ID()
	if edit != nil {
		edit(&h)
	}
	return seal(&h, k, payload)
}

// refused is a codec that fails the test if it is called.
type refused struct {
	codec.Codec
	t *testing.T
}

func (c refused) Decode(data []byte, v any) error {
	c.t.Errorf("codec %s was given %x", c.Name(), data)
	return errors.New("refused")
}

func codecs() []codec.Codec {
	return codec.All()
}

// each runs f for every pair of an algorithm and a codec.
func each(t *testing.T, f func(t *testing.T, a signer.Algorithm, c codec.Codec)) {
	for _, a := range algorithms {
		for _, c := range codecs() {
			t.Run(fmt.Sprintf("%s/%s", a.Name, c.Name()), func(t *testing.T) { f(t, a, c) })
		}
	}
}
