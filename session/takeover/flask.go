package takeover

import (
	"encoding/hex"
	"strings"
	"time"

	"github.com/keyturn/keyturn/session"
)

// A FlaskConfig says how Flask made its session cookies. Salt, KeyDerivation and Digest
// are attributes of SecureCookieSessionInterface, which few applications change.
type FlaskConfig struct {
	// Cookie is SESSION_COOKIE_NAME; "session" if empty.
	Cookie string

	// Secrets are SECRET_KEY, and those of SECRET_KEY_FALLBACKS, which it is not among.
	// Their order does not matter. Python's bytes are a string of these bytes here.
	Secrets []string

	// Salt is salt; "cookie-session" if empty.
	Salt string

	// KeyDerivation is key_derivation; "hmac" if empty. See ItsdangerousConfig.
	KeyDerivation string

	// Digest is the name of digest_method; "sha1" if empty. See ItsdangerousConfig.
	Digest string

	// MaxAge is PERMANENT_SESSION_LIFETIME; 31 days if 0. Flask holds every
	// session to it, and not only the permanent ones.
	MaxAge time.Duration

	// Epoch2011 says that Flask ran with an itsdangerous before version 1.0, whose
	// timestamps count from the beginning of 2011.
	Epoch2011 bool
}

// Flask returns a [Reader] of the session cookies of Flask 0.10 and later
// (https://flask.palletsprojects.com), which are those of a URLSafeTimedSerializer of
// itsdangerous with JSON of Flask's own, which has tags for some types.
// The system is "flask".
//
// The data are a map[string]any, in which there may be a [Tuple], as each of flashed
// messages is, a [UUID], [Markup], []byte and time.Time, which Flask keeps in whole
// seconds of UTC. The _permanent of a session that is permanent is among them. A session
// starts when the cookie was last sent, for what has been changed or is permanent, and
// ends MaxAge later.
//
// It is as strict as [Itsdangerous], and what has a tag has to be as Flask writes it.
// Tags that an application has registered itself stay as they are, as objects. The
// cookies of Flask before 0.10 hold Python's pickle, and are refused by name.
//
// The name of the cookie is not signed: what the application signs for another cookie
// with the same secret and salt is a session. Cookies of Flask-Session and Flask-Login
// (remember_token) are other formats.
//
// Sources: flask/sessions.py and flask/json/tag.py of 3.1.3.
func Flask(c FlaskConfig) (*Reader, error) {
	p := problems{function: "Flask"}
	if c.Cookie == "" {
		c.Cookie = "session"
	}
	if c.Salt == "" {
		c.Salt = "cookie-session"
	}
	if c.KeyDerivation == "" {
		c.KeyDerivation = "hmac"
	}
	if c.MaxAge == 0 {
		c.MaxAge = 31 * 24 * time.Hour
	}
	if c.MaxAge == NoMaxAge {
		p.add("MaxAge is NoMaxAge, and Flask always has one: PERMANENT_SESSION_LIFETIME, 31 days if it is not set")
	}
	p.secrets(c.Secrets, "it has SECRET_KEY, and behind it SECRET_KEY_FALLBACKS, which SECRET_KEY is not among")
	s := p.itsdangerous(ItsdangerousConfig{
		Secrets:       c.Secrets,
		Salt:          c.Salt,
		KeyDerivation: c.KeyDerivation,
		Digest:        c.Digest,
		MaxAge:        c.MaxAge,
		Epoch2011:     c.Epoch2011,
	})
	if err := p.err(); err != nil {
		return nil, err
	}
	return &Reader{system: "flask", names: []string{c.Cookie}, open: func(now time.Time, values []string) (session.Foreign, error) {
		if flaskPickle(values[0]) {
			return session.Foreign{}, errFlaskPickle
		}
		value, f, err := s.unsignTimed(now, values[0])
		if err != nil {
			return f, err
		}
		f.Data, err = flaskData(value)
		return f, err
	}}, nil
}

// flaskPickle reports whether text looks like a cookie of werkzeug's SecureCookie,
// BASE64-OF-SHA1?NAME=BASE64-OF-PICKLE&..., which Python quotes.
func flaskPickle(text string) bool {
	tag, _, found := strings.Cut(strings.Trim(text, `"`), "?")
	b, err := decodeBase64(base64Padded, tag)
	return found && err == nil && len(b) == 20
}

var errFlaskPickle = refuse(session.ErrMalformed, "it is a SecureCookie of werkzeug, as of Flask before 0.10: Python's pickle, which is never read")

// flaskData decodes a payload that has been verified.
func flaskData(value string) (any, error) {
	data, err := itsdangerousURLSafe(value)
	if err != nil {
		return nil, err
	}
	tagged, err := decodeObject(data)
	if err != nil {
		return nil, err
	}
	x, err := flaskUntag(tagged)
	if err != nil {
		return nil, err
	}
	object, ok := x.(map[string]any)
	if !ok {
		return nil, refuse(session.ErrUndecodable, "the payload is not a dict")
	}
	return object, nil
}

// flaskUntag replaces, from the inside out, every object of one member whose name is a
// tag by what it stands for.
func flaskUntag(x any) (any, error) {
	var err error
	switch x := x.(type) {
	case []any:
		for i := range x {
			if x[i], err = flaskUntag(x[i]); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		for name := range x {
			if x[name], err = flaskUntag(x[name]); err != nil {
				return nil, err
			}
		}
		if len(x) == 1 {
			for tag, content := range x {
				if untag, ok := flaskTags[tag]; ok {
					return untag(content)
				}
			}
		}
	}
	return x, nil
}

// The tags, and how what they mark is read. It has been untagged itself.
var flaskTags = map[string]func(any) (any, error){
	" t": func(x any) (any, error) {
		list, ok := x.([]any)
		return flaskTagged(ok, Tuple(list))
	},
	" b": func(x any) (any, error) {
		text, ok := x.(string)
		b, err := decodeBase64(base64Padded, text)
		return flaskTagged(ok && err == nil, b)
	},
	" m": func(x any) (any, error) {
		text, ok := x.(string)
		return flaskTagged(ok, Markup(text))
	},
	" u": func(x any) (any, error) {
		var u UUID
		text, _ := x.(string)
		b, err := hex.DecodeString(text)
		copy(u[:], b)
		return flaskTagged(err == nil && len(b) == len(u), u)
	},
	" d": func(x any) (any, error) {
		text, _ := x.(string)
		t, err := time.Parse(flaskTime, text)
		return flaskTagged(err == nil && t.Format(flaskTime) == text, t)
	},
	// A dict whose only name is a tag: the name has "__" appended.
	" di": func(x any) (any, error) {
		object, _ := x.(map[string]any)
		for name, content := range object {
			if name, ok := strings.CutSuffix(name, "__"); ok && len(object) == 1 {
				return map[string]any{name: content}, nil
			}
		}
		return flaskTagged(false, nil)
	},
}

// flaskTime is the date of HTTP (RFC 9110, section 5.6.7).
const flaskTime = "Mon, 02 Jan 2006 15:04:05 GMT"

func flaskTagged(ok bool, x any) (any, error) {
	if !ok {
		return nil, refuse(session.ErrUndecodable, "a tag has something else than Flask writes")
	}
	return x, nil
}
