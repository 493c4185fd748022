package work

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/internal/envelope"
	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/signer"
)

// WholeSize is how many bytes the cookie carries in the contests of the HTTP tier.
const WholeSize = 132

// blob is a session that is bytes.
type blob struct {
	B []byte `json:"b"`
}

// whole is the HTTP tier: from the header of a request to bytes, and from bytes to
// the header of a response, encrypted. The request is one that nobody modifies.
func whole() ([]Contest, error) {
	gets, sets := Contest{Name: "http/get/132"}, Contest{Name: "http/set/132"}
	payload := Payload(WholeSize)

	m, err := newManager[blob](signer.XChaCha20Poly1305(), codec.CBOR())
	if err != nil {
		return nil, err
	}
	mw, err := middleware.New(m, middleware.Config{})
	if err != nil {
		return nil, err
	}
	get := opaque(mw.Handler(opaque(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !bytes.Equal(m.From(r.Context()).Data().B, payload) {
			panic("other bytes")
		}
	}))))
	set := opaque(mw.Handler(opaque(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := m.From(r.Context()).Renew(blob{payload}); err != nil {
			panic(err)
		}
	}))))
	w, absent := NewResponse(), NewRequest("")
	set.ServeHTTP(w, absent)
	value, err := w.Value()
	if err != nil {
		return nil, err
	}
	r := NewRequest(value)
	get.ServeHTTP(w, r)
	const who, note = "keyturn xchacha20-poly1305 cbor", "the whole middleware, and a struct"
	gets.Entries = append(gets.Entries, Entry{Who: who, Note: note, Cookie: len(value), Do: func() {
		clear(w.header)
		get.ServeHTTP(w, r)
	}})
	sets.Entries = append(sets.Entries, Entry{Who: who, Note: note, Cookie: len(value), Do: func() {
		clear(w.header)
		set.ServeHTTP(w, absent)
		if len(w.header["Set-Cookie"]) != 1 {
			panic("no cookie")
		}
	}})

	// The same without a codec, a session and a context: what libraries do that
	// have none of these.
	bare, open, seal, err := bareToken(signer.XChaCha20Poly1305(), WholeSize)
	if err != nil {
		return nil, err
	}
	find, setCookie := envelope.Header(mw)
	br := NewRequest(bare)
	getBare := func(now time.Time) ([]byte, error) {
		if values := find(br.Header); len(values) != 1 || values[0] != bare {
			return nil, errors.New("another cookie")
		}
		return open(now)
	}
	if got, err := getBare(Now); err != nil || !bytes.Equal(got, payload) {
		return nil, errors.New("the envelope only: other bytes")
	}
	clear(w.header)
	setCookie(w.header, seal(Now), Lifetime)
	if text, err := w.Value(); err != nil || len(text) != len(bare) {
		return nil, fmt.Errorf("the envelope only: another cookie: %w", err)
	}
	const only, onlyNote = "keyturn xchacha20-poly1305 envelope only", "a part of keyturn, which it does not offer by itself: no codec, no session, no context"
	gets.Entries = append(gets.Entries, Entry{Who: only, Note: onlyNote, Cookie: len(bare), Do: func() {
		if _, err := getBare(time.Now()); err != nil {
			panic(err)
		}
	}})
	sets.Entries = append(sets.Entries, Entry{Who: only, Note: onlyNote, Cookie: len(bare), Do: func() {
		clear(w.header)
		setCookie(w.header, seal(time.Now()), Lifetime)
		if len(w.header["Set-Cookie"]) != 1 {
			panic("no cookie")
		}
	}})
	return []Contest{gets, sets}, nil
}

// NewCookie returns the session's cookie with the attributes that every library is
// to set.
func NewCookie(value string) *http.Cookie {
	return &http.Cookie{
		Name: Cookie, Value: value, Path: "/", MaxAge: int(Lifetime.Seconds()),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}
