package work

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/signer"
)

// FloorRequest is the floor of middleware: a wrapper that does nothing else.
const FloorRequest = "floor: wraps the writer and the request"

// KeyturnCBOR is keyturn where the codec and the algorithm make no difference.
const KeyturnCBOR = "keyturn hmac-sha256 cbor"

// wrapped is a ResponseWriter that does nothing of its own.
type wrapped struct{ http.ResponseWriter }

type contextKey struct{}

// wraps is middleware that gives its handler a ResponseWriter and a context of its own.
func wraps(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &wrapped{w}
		next.ServeHTTP(x, r.WithContext(context.WithValue(r.Context(), contextKey{}, x)))
	})
}

func same(next http.Handler) http.Handler { return next }

// site is keyturn with sessions of the type T.
func site[T any](m *session.Manager[T], who string, c middleware.Config, as func(Session) T, get func(T) Session, user func(T) string, change func(v *T, seen int64)) (Site, error) {
	mw, err := middleware.New(m, c)
	if err != nil {
		return Site{}, err
	}
	return Site{
		Who:  who,
		Wrap: mw.Handler,
		Read: func(r *http.Request) string { return user(m.From(r.Context()).Data()) },
		Change: func(w http.ResponseWriter, r *http.Request, seen int64) {
			if err := m.From(r.Context()).Update(func(v *T) { change(v, seen) }); err != nil {
				panic(err)
			}
		},
		SignIn: func(w http.ResponseWriter, r *http.Request, s *Session) {
			if err := m.From(r.Context()).Renew(as(*s)); err != nil {
				panic(err)
			}
		},
		Get: func(r *http.Request) Session { return get(m.From(r.Context()).Data()) },
	}, nil
}

// Keyturn is keyturn with sessions in a struct.
func Keyturn(m *session.Manager[Session], who string, c middleware.Config) (Site, error) {
	same := func(s Session) Session { return s }
	return site(m, who, c, same, same, func(s Session) string { return s.User }, func(s *Session, seen int64) { s.Seen = seen })
}

// keyturnValues is keyturn with sessions in a dictionary.
func keyturnValues(m *session.Manager[session.Values], who string) (Site, error) {
	return site(m, who, middleware.Config{}, dictionary, undictionary, keyUser.Get,
		func(v *session.Values, seen int64) { keySeen.Set(v, seen) })
}

func requests() ([]Contest, error) {
	var contests []Contest
	for _, name := range []string{
		"request/untouched", "request/untouched-1kB", "request/read", "request/change", "request/sign-in",
		"request/reissue", "request/forged", "request/unknown-key", "request/absent",
	} {
		contests = append(contests, Contest{Name: name})
	}

	// The request has a cookie for these two as well, which they do not look at.
	none := Site{Who: "no middleware", Note: "making the request, which is a part of every entry", Wrap: same}
	floor := Site{Who: FloorRequest, Wrap: wraps}
	m, err := newManager[Session](signer.HMACSHA256(), codec.CBOR())
	if err != nil {
		return nil, err
	}
	cookie, err := signIn(m, Now, Standard)
	if err != nil {
		return nil, err
	}
	for _, name := range []string{"request/untouched", "request/untouched-1kB"} {
		for _, s := range []Site{none, floor} {
			Enter(contests, name, s.entry(untouched, cookie, false))
		}
	}

	for _, k := range []struct {
		algorithm signer.Algorithm
		codec     codec.Codec
		values    bool
		names     []string
	}{
		{signer.HMACSHA256(), codec.JSON(), false, ReadAndChange},
		{signer.HMACSHA256(), codec.MessagePack(), false, ReadAndChange},
		{signer.HMACSHA256(), codec.CBOR(), false, AllRequests}, // the codec makes no difference in the others
		{signer.XChaCha20Poly1305(), codec.CBOR(), false, ReadAndChange},
		{signer.HMACSHA256(), codec.JSON(), true, ReadAndChange},
		{signer.HMACSHA256(), codec.CBOR(), true, ReadAndChange},
	} {
		who := fmt.Sprintf("keyturn %s %s", k.algorithm.Name, k.codec.Name())
		var s Site
		var check func(cookie string) error
		if k.values {
			m, err := newManager[session.Values](k.algorithm, k.codec)
			if err != nil {
				return nil, err
			}
			if s, err = keyturnValues(m, who+" values"); err != nil {
				return nil, err
			}
			s.Note = "a dictionary, as the others have"
			check = func(cookie string) error { return is(m, cookie, k.algorithm, k.codec) }
		} else {
			m, err := newManager[Session](k.algorithm, k.codec)
			if err != nil {
				return nil, err
			}
			if s, err = Keyturn(m, who, middleware.Config{}); err != nil {
				return nil, err
			}
			check = func(cookie string) error { return is(m, cookie, k.algorithm, k.codec) }
		}
		if k.algorithm.Seals() {
			s.Note = "encrypts"
		}
		cookie, err := s.SignedIn()
		if err != nil {
			return nil, err
		}
		if err := check(cookie); err != nil {
			return nil, err
		}
		if err := EnterSite(contests, s, k.names...); err != nil {
			return nil, err
		}
	}
	for _, f := range []func([]Contest) error{enterUnknownKey, enterReissue, enterUntouched1kB} {
		if err := f(contests); err != nil {
			return nil, err
		}
	}
	return contests, nil
}

func enterUnknownKey(contests []Contest) error {
	m, err := newManager[Session](signer.HMACSHA256(), codec.CBOR())
	if err != nil {
		return err
	}
	s, err := Keyturn(m, KeyturnCBOR, middleware.Config{})
	if err != nil {
		return err
	}
	cookie, err := s.SignedIn()
	if err != nil {
		return err
	}
	unknown, err := ofAnotherKey(cookie)
	if err != nil {
		return err
	}
	if _, reason := m.Open(Now, unknown).Outcome(); reason != session.ErrUnknownKey {
		return fmt.Errorf("a cookie of an unknown key: %v", reason)
	}
	e := s.entry(s.reading(""), unknown, false)
	e.Do()
	Enter(contests, "request/unknown-key", e)
	return nil
}

// enterReissue enters a site at which key and codec have been turned since the
// session began, and which sends sessions again as they are read.
func enterReissue(contests []Contest) error {
	d := keyring.Document{Name: "benchmarks", Generation: 1, Codecs: []keyring.CodecFrom{
		{Codec: "json", From: Now.Add(-2 * day)}, {Codec: "cbor", From: Now.Add(-time.Hour)},
	}}
	for i, from := range []time.Duration{-2 * day, -time.Hour} {
		k, err := newKey(signer.HMACSHA256(), i, Now.Add(from))
		if err != nil {
			return err
		}
		d.Keys = append(d.Keys, k)
	}
	ring, err := keyring.NewRing(d)
	if err != nil {
		return err
	}
	m, err := session.New[Session](session.Config{Keys: keyring.New(ring), Name: Cookie, Lifetime: Lifetime})
	if err != nil {
		return err
	}
	s, err := Keyturn(m, KeyturnCBOR, middleware.Config{ReissueOnRead: true})
	if err != nil {
		return err
	}
	s.Note = "read, from JSON and the key before"
	before, err := signIn(m, Now.Add(-day), Standard)
	if err != nil {
		return err
	}
	template := NewRequest(before)
	template.Header.Set("Sec-Fetch-Mode", "navigate")
	w := NewResponse()
	s.Wrap(s.reading(Standard.User)).ServeHTTP(w, template)
	after, err := w.Value()
	if err != nil {
		return fmt.Errorf("reissue: %w", err)
	}
	i, j := m.Open(Now, before).Info(), m.Open(Now, after).Info()
	if i.KeyID == j.KeyID || i.Codec != "json" || j.Codec != "cbor" || s.get(after) != Standard {
		return fmt.Errorf("reissue: from %+v to %+v", i, j)
	}
	e := s.entryOf(s.reading(Standard.User), template, after, true)
	e.Do()
	Enter(contests, "request/reissue", e)
	return nil
}

// large is a session of 1 kB in memory.
type large struct {
	Session
	Rest [113]int64 `json:"rest"`
}

func enterUntouched1kB(contests []Contest) error {
	m, err := newManager[large](signer.HMACSHA256(), codec.CBOR())
	if err != nil {
		return err
	}
	mw, err := middleware.New(m, middleware.Config{})
	if err != nil {
		return err
	}
	v := large{Session: Standard}
	cookie, err := signIn(m, Now, v)
	if err != nil {
		return err
	}
	if m.Open(Now, cookie).Data() != v {
		return errors.New("1 kB: another session")
	}
	s := Site{Who: KeyturnCBOR, Wrap: mw.Handler}
	Enter(contests, "request/untouched-1kB", s.entry(untouched, cookie, false))
	return nil
}
