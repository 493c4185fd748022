package peers

import (
	"bytes"
	"fmt"
	"net/http"

	"aidanwoods.dev/go-paseto"
	chmike "github.com/chmike/securecookie"
	"github.com/gorilla/securecookie"

	"github.com/keyturn/keyturn/benchmarks/internal/work"
)

const maxAge = int(work.Lifetime / 1e9)

// blockKey is what gorilla/securecookie encrypts with: AES-128, as the halves of
// chmike/securecookie's key are.
func blockKey() []byte { return work.Secret(1)[:16] }

// raw returns gorilla/securecookie for bytes.
func raw(key, block []byte) *securecookie.SecureCookie {
	return securecookie.New(key, block).SetSerializer(securecookie.NopEncoder{}).MaxAge(maxAge).MaxLength(0)
}

// envelopes are the carriers of bytes.
func envelopes() ([]carrier[[]byte], error) {
	signed, sealed := raw(work.Secret(0), nil), raw(work.Secret(0), blockKey())
	open := func(sc *securecookie.SecureCookie) func(string) ([]byte, error) {
		return func(value string) (b []byte, err error) {
			err = sc.Decode(work.Cookie, value, &b)
			return b, err
		}
	}
	var buf []byte

	key, err := paseto.V4SymmetricKeyFromBytes(work.Secret(0))
	if err != nil {
		return nil, err
	}
	parser, name, end := paseto.NewParser(), []byte(work.Cookie), work.Now.Add(work.Lifetime)
	return []carrier[[]byte]{
		{
			who:  "gorilla/securecookie raw",
			make: func(b []byte) (string, error) { return signed.Encode(work.Cookie, b) },
			open: open(signed),
		},
		{
			who: "gorilla/securecookie raw sealed", note: "encrypts, with AES-128",
			make: func(b []byte) (string, error) {
				buf = append(buf[:0], b...) // Encode encrypts it in place
				return sealed.Encode(work.Cookie, buf)
			},
			open: open(sealed),
		},
		{
			who: "go-paseto v4.local", note: "encrypts; the bytes are a text in its JSON",
			make: func(b []byte) (string, error) {
				t := paseto.NewToken()
				t.SetExpiration(end)
				t.SetString("b", string(b))
				return t.V4Encrypt(key, name), nil
			},
			open: func(value string) ([]byte, error) {
				t, err := parser.ParseV4Local(key, value, name)
				if err != nil {
					return nil, err
				}
				s, err := t.GetString("b")
				return []byte(s), err
			},
		},
	}, nil
}

func enterEnvelopes(contests []work.Contest) error {
	carriers, err := envelopes()
	if err != nil {
		return err
	}
	for _, size := range work.Sizes {
		payload := work.Payload(size)
		for _, c := range carriers {
			value, err := c.check(payload, bytes.Equal)
			if err != nil {
				return err
			}
			note := c.note
			if len(work.Cookie)+len(value) > 4096 {
				if note != "" {
					note += "; "
				}
				note += "too large for a browser"
			}
			e := work.Entry{Who: c.who, Note: note, Cookie: len(value)}
			e.Do = func() {
				if _, err := c.open(value); err != nil {
					panic(err)
				}
			}
			work.Enter(contests, fmt.Sprintf("envelope/open/%d", size), e)
			e.Do = c.makes(payload)
			work.Enter(contests, fmt.Sprintf("envelope/sign/%d", size), e)
		}
	}
	return nil
}

// A whole is a library from the header of a request to bytes, and back.
type whole struct {
	who, note string
	get       func(buf []byte, r *http.Request) ([]byte, error)
	set       func(w http.ResponseWriter, b []byte) error
}

func wholes() ([]whole, error) {
	o, err := chmike.New(work.Cookie, work.Secret(0), chmike.Params{
		Path: "/", MaxAge: maxAge, HTTPOnly: true, Secure: true, SameSite: chmike.Lax,
	})
	if err != nil {
		return nil, err
	}
	sc := raw(work.Secret(0), blockKey())
	var buf []byte
	return []whole{
		{
			who: "chmike/securecookie", note: "encrypts, with AES-128",
			get: o.GetValue,
			set: o.SetValue,
		},
		{
			who: "gorilla/securecookie raw sealed", note: "encrypts, with AES-128",
			get: func(_ []byte, r *http.Request) (b []byte, err error) {
				c, err := r.Cookie(work.Cookie)
				if err != nil {
					return nil, err
				}
				err = sc.Decode(work.Cookie, c.Value, &b)
				return b, err
			},
			set: func(w http.ResponseWriter, b []byte) error {
				buf = append(buf[:0], b...) // Encode encrypts it in place
				value, err := sc.Encode(work.Cookie, buf)
				if err != nil {
					return err
				}
				http.SetCookie(w, work.NewCookie(value))
				return nil
			},
		},
	}, nil
}

func enterWhole(contests []work.Contest) error {
	all, err := wholes()
	if err != nil {
		return err
	}
	payload := work.Payload(work.WholeSize)
	for _, l := range all {
		w := work.NewResponse()
		if err := l.set(w, payload); err != nil {
			return fmt.Errorf("%s: %w", l.who, err)
		}
		value, err := w.Value()
		if err != nil {
			return fmt.Errorf("%s: %w", l.who, err)
		}
		r := work.NewRequest(value)
		if got, err := l.get(nil, r); err != nil || !bytes.Equal(got, payload) {
			return fmt.Errorf("%s: %q, %v", l.who, got, err)
		}
		if got, err := l.get(nil, work.NewRequest(work.Forge(value))); err == nil {
			return fmt.Errorf("%s: accepted a forged cookie, as %q", l.who, got)
		}
		buf := make([]byte, 0, 2*len(payload))
		e := work.Entry{Who: l.who, Note: l.note, Cookie: len(value)}
		e.Do = func() {
			got, err := l.get(buf, r)
			if err != nil || !bytes.Equal(got, payload) {
				panic("other bytes")
			}
		}
		work.Enter(contests, fmt.Sprintf("http/get/%d", work.WholeSize), e)
		e.Do = func() {
			clear(w.Header())
			if err := l.set(w, payload); err != nil || len(w.Header()["Set-Cookie"]) != 1 {
				panic("no cookie")
			}
		}
		work.Enter(contests, fmt.Sprintf("http/set/%d", work.WholeSize), e)
	}
	return nil
}
