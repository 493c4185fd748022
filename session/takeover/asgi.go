package takeover

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/keyturn/keyturn/session"
)

// asgiCookie is the cookie_name of asgi-sessions, unless it is told another one.
const asgiCookie = "session"

// An ASGIJWTConfig says how asgi-sessions is set up, with session_type="jwt" or in a
// version before 1.0.0.
type ASGIJWTConfig struct {
	// Cookie is the cookie_name; "session" if empty.
	Cookie string

	// Secrets are the secret_key and those before it, newest first.
	Secrets []string

	// OldPyJWT says that sessions have a key sub or jti that is not a string. PyJWT
	// takes such sessions in versions before 2.10; a reader refuses them without it.
	OldPyJWT bool
}

// ASGIJWT returns a [Reader] of the sessions of asgi-sessions that are JSON Web Tokens:
// those of every version before 1.0.0, and since then of session_type="jwt"
// (asgi_sessions/__init__.py, SessionJWT). The system is "asgi-sessions".
//
// The data are a map[string]any. The library adds nothing to it, so that a session of it
// says neither when it began nor when it ends, and is valid there for ever: it is the
// browser that drops the cookie. But PyJWT, which is below, takes the keys exp, nbf,
// iat, aud, sub and jti of a session for claims. So does the reader, in the way of the
// newest PyJWT that it can be: see [JWT], which also says what is refused, with an
// aud refused always. Where there is an iat, the session begins with it, and with an exp
// it ends. The keys stay in the data.
//
// Versions before 0.2.0 would also take HS384 and HS512, which they never wrote. They
// are refused.
func ASGIJWT(c ASGIJWTConfig) (*Reader, error) {
	p := problems{function: "ASGIJWT"}
	secrets := make([][]byte, len(c.Secrets))
	for i, s := range c.Secrets {
		secrets[i] = []byte(s)
	}
	j := &jwtReader{keys: jwtKeys(&p, secrets), strings: []string{"sub", "jti"}}
	if c.OldPyJWT {
		j.strings = nil
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return asgiReader("asgi-sessions", c.Cookie, j.open), nil
}

// An ASGIFernetConfig says how asgi-sessions is set up, with session_type="fernet".
type ASGIFernetConfig struct {
	// Cookie is the cookie_name; "session" if empty.
	Cookie string

	// Secrets are the secret_key and those before it, newest first: as they are, and
	// not the Fernet key that the library makes of one.
	Secrets []string

	// MaxAge is the max_age; 14 days if 0.
	MaxAge time.Duration
}

// ASGIFernet returns a [Reader] of the sessions of asgi-sessions since 1.0.0 with
// session_type="fernet" (asgi_sessions/__init__.py, SessionFernet). The system is
// "asgi-sessions-fernet".
//
// The data are a map[string]any. The session begins when the cookie was last sent, which
// the token says, and ends MaxAge later. The library leaves that to the browser and
// accepts a token for ever, as this reader does with NoMaxAge. See [Fernet] for what is
// refused beside.
//
// Versions since 1.1.0 append = to a secret_key that is shorter than 32 characters. Its
// first half is the key of the tag and its second that of the encryption: what is in the
// cookies of a secret_key of 16 characters or less can be read by everybody.
func ASGIFernet(c ASGIFernetConfig) (*Reader, error) {
	p := problems{function: "ASGIFernet"}
	p.secrets(c.Secrets, "it has the secret_key")
	p.maxAge(c.MaxAge)
	f := &fernetReader{maxAge: c.MaxAge}
	if f.maxAge == 0 {
		f.maxAge = 14 * 24 * time.Hour
	}
	for i, s := range c.Secrets {
		switch {
		case s == "":
			continue
		case len(s) > fernetKeySize && decodesAsFernetKey(s):
			p.add("Secrets[%d] is a Fernet key, which the library does not take: give the secret_key, of 32 characters at most, or use Fernet if the application is another one", i)
			continue
		case len(s) > fernetKeySize:
			p.add("Secrets[%d] is of %d bytes, and the library does not start with more than 32: is it the secret_key of another session_type?", i, len(s))
			continue
		case len(s) < fernetKeySize && !isASCII(s):
			p.add("Secrets[%d] is shorter than 32 bytes and not ASCII, with which the library does not start", i)
			continue
		}
		f.add([]byte(s + strings.Repeat("=", fernetKeySize-len(s))))
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return asgiReader("asgi-sessions-fernet", c.Cookie, f.openObject), nil
}

// ASGIUnsigned returns a [Reader] of the sessions of asgi-sessions with
// session_type="base64", which is what version 1.0.0 and later do unless they are told
// otherwise (asgi_sessions/__init__.py, SessionBase64). The cookie is named "session" if
// that is empty. The system is "asgi-sessions-base64".
//
// Nothing protects these sessions, and no secret is used: anybody can write a cookie that
// says whatever they like, such as whose session it is. Taking one over makes that a
// session of keyturn, which everything behind it trusts. Convert must take nothing
// out of it that matters: a language or a theme, not a user. As they are likely to
// be the sessions of somebody who believes that they are signed, look twice. A
// session.Manager takes this reader as its only one.
//
// The data are a map[string]any. There is no time in it. Text that is not base64 exactly
// as the library writes it is refused.
func ASGIUnsigned(cookie string) *Reader {
	r := asgiReader("asgi-sessions-base64", cookie, func(_ time.Time, values []string) (session.Foreign, error) {
		b, err := decodeBase64(base64URLPad, values[0])
		if err != nil {
			return session.Foreign{}, err
		}
		object, err := decodeObject(b)
		if err != nil {
			return session.Foreign{}, err
		}
		return session.Foreign{Data: object}, nil
	})
	r.unsigned = true
	return r
}

func asgiReader(system, cookie string, open func(time.Time, []string) (session.Foreign, error)) *Reader {
	if cookie == "" {
		cookie = asgiCookie
	}
	return &Reader{system: system, names: []string{cookie}, open: open}
}

func decodesAsFernetKey(s string) bool {
	_, err := decodeFernetKey(s)
	return err == nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
