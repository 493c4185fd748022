package takeover

import (
	"time"

	"github.com/keyturn/keyturn/session"
)

// A StarletteConfig says how Starlette's SessionMiddleware made its cookies. FastAPI's
// is the same.
type StarletteConfig struct {
	// Cookie is session_cookie; "session" if empty.
	Cookie string

	// Secrets are the secret_key, and earlier ones, in any order. Of a secret_key that
	// was bytes in Python, Starlette took the text: b"abc" was the seven characters
	// b'abc'.
	Secrets []string

	// MaxAge is max_age; 14 days if 0, and NoMaxAge for None.
	MaxAge time.Duration
}

// Starlette returns a [Reader] of the session cookies of Starlette 0.8 and later
// (https://www.starlette.io/middleware/): JSON in base64, signed with a TimestampSigner
// of itsdangerous. The system is "starlette".
//
// The data are a map[string]any; JSON that is not an object, which Starlette hands on,
// is refused. Otherwise it is as strict as [Itsdangerous]. Starlette signs a session anew
// with every response, so that it starts when the cookie was last sent, and ends MaxAge
// later. The cookies of earlier versions have no timestamp, and are forged here.
//
// The name of the cookie is not signed, and the salt is the one that itsdangerous has by
// default: base64 of a JSON object that the application signs with the same secret
// for another purpose, by a TimestampSigner, is a session.
//
// Source: starlette/middleware/sessions.py of 0.47.3.
func Starlette(c StarletteConfig) (*Reader, error) {
	p := problems{function: "Starlette"}
	if c.Cookie == "" {
		c.Cookie = "session"
	}
	if c.MaxAge == 0 {
		c.MaxAge = 14 * 24 * time.Hour
	}
	p.secrets(c.Secrets, "it has the secret_key of SessionMiddleware")
	s := p.itsdangerous(ItsdangerousConfig{Secrets: c.Secrets, Salt: itsdangerousSignerSalt, MaxAge: c.MaxAge})
	if err := p.err(); err != nil {
		return nil, err
	}
	return &Reader{system: "starlette", names: []string{c.Cookie}, open: func(now time.Time, values []string) (session.Foreign, error) {
		value, f, err := s.unsignTimed(now, values[0])
		if err != nil {
			return f, err
		}
		data, err := itsdangerousPayload(base64Padded, value)
		if err == nil {
			f.Data, err = decodeObject(data)
		}
		return f, err
	}}, nil
}
