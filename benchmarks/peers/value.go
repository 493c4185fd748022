package peers

import (
	"encoding/json"
	"errors"
	"time"

	"aidanwoods.dev/go-paseto"
	cristalhq "github.com/cristalhq/jwt/v5"
	"github.com/golang-jwt/jwt/v5"
	"github.com/gorilla/securecookie"

	"github.com/keyturn/keyturn/benchmarks/internal/work"
)

// claims and cristalhqClaims are the session as a JWT has it.
type claims struct {
	work.Session
	jwt.RegisteredClaims
}

type cristalhqClaims struct {
	work.Session
	cristalhq.RegisteredClaims
}

const notBound = "not bound to the cookie's name"

// values are the carriers of the session.
func values() ([]carrier[work.Session], error) {
	key, end := work.Secret(0), work.Now.Add(work.Lifetime)

	bytes := raw(key, nil)
	gob := securecookie.New(key, nil).MaxAge(maxAge)

	jwtEnd := jwt.NewNumericDate(end)
	jwtParser := jwt.NewParser(jwt.WithValidMethods([]string{"HS256"}), jwt.WithExpirationRequired())
	jwtKey := func(*jwt.Token) (any, error) { return key, nil }

	signer, err := cristalhq.NewSignerHS(cristalhq.HS256, key)
	if err != nil {
		return nil, err
	}
	verifier, err := cristalhq.NewVerifierHS(cristalhq.HS256, key)
	if err != nil {
		return nil, err
	}
	builder, cristalhqEnd := cristalhq.NewBuilder(signer), cristalhq.NewNumericDate(end)

	pasetoKey, err := paseto.V4SymmetricKeyFromBytes(key)
	if err != nil {
		return nil, err
	}
	pasetoParser, name := paseto.NewParser(), []byte(work.Cookie)

	return []carrier[work.Session]{
		{
			who: "gorilla/securecookie JSON", note: "encoding/json around its raw serializer",
			make: func(s work.Session) (string, error) {
				b, err := json.Marshal(&s)
				if err != nil {
					return "", err
				}
				return bytes.Encode(work.Cookie, b)
			},
			open: func(value string) (s work.Session, err error) {
				var b []byte
				if err := bytes.Decode(work.Cookie, value, &b); err != nil {
					return s, err
				}
				err = json.Unmarshal(b, &s)
				return s, err
			},
		},
		{
			who: "gorilla/securecookie gob", note: "as it comes",
			make: func(s work.Session) (string, error) { return gob.Encode(work.Cookie, &s) },
			open: func(value string) (s work.Session, err error) {
				err = gob.Decode(work.Cookie, value, &s)
				return s, err
			},
		},
		{
			who: "golang-jwt HS256", note: notBound,
			make: func(s work.Session) (string, error) {
				return jwt.NewWithClaims(jwt.SigningMethodHS256, &claims{s, jwt.RegisteredClaims{ExpiresAt: jwtEnd}}).SignedString(key)
			},
			open: func(value string) (work.Session, error) {
				var c claims
				_, err := jwtParser.ParseWithClaims(value, &c, jwtKey)
				return c.Session, err
			},
		},
		{
			who: "cristalhq/jwt HS256", note: notBound,
			make: func(s work.Session) (string, error) {
				t, err := builder.Build(&cristalhqClaims{s, cristalhq.RegisteredClaims{ExpiresAt: cristalhqEnd}})
				if err != nil {
					return "", err
				}
				return t.String(), nil
			},
			open: func(value string) (work.Session, error) {
				var c cristalhqClaims
				if err := cristalhq.ParseClaims([]byte(value), verifier, &c); err != nil {
					return c.Session, err
				}
				if !c.IsValidAt(time.Now()) {
					return c.Session, errors.New("expired")
				}
				return c.Session, nil
			},
		},
		{
			who: "go-paseto v4.local", note: "encrypts",
			make: func(s work.Session) (string, error) {
				t := paseto.NewToken()
				t.SetExpiration(end)
				if err := t.Set("s", s); err != nil {
					return "", err
				}
				return t.V4Encrypt(pasetoKey, name), nil
			},
			open: func(value string) (s work.Session, err error) {
				t, err := pasetoParser.ParseV4Local(pasetoKey, value, name)
				if err != nil {
					return s, err
				}
				err = t.Get("s", &s)
				return s, err
			},
		},
	}, nil
}

func enterValues(contests []work.Contest) error {
	carriers, err := values()
	if err != nil {
		return err
	}
	for _, c := range carriers {
		value, err := c.check(work.Standard, func(a, b work.Session) bool { return a == b })
		if err != nil {
			return err
		}
		open := func() {
			if s, err := c.open(value); err != nil || s != work.Standard {
				panic("another session")
			}
		}
		work.Enter(contests, "value/open", work.Entry{Who: c.who, Note: c.note, Cookie: len(value), Do: open, Fork: func() func() { return open }})
		work.Enter(contests, "value/make", work.Entry{Who: c.who, Note: c.note, Cookie: len(value), Do: c.makes(work.Standard)})
	}
	return nil
}
