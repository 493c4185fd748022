package takeover

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"hash"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/session"
)

// An ExpressConfig says how an application of Express signs the sessions of
// cookie-session. As long as its keys are not a Keygrip, the Secrets are enough.
type ExpressConfig struct {
	// Cookie is the option name; "session" if empty, as in cookie-session 2. It was
	// "express:sess" in versions before. The signature is in the cookie of this name
	// and ".sig".
	Cookie string

	// Secrets are the option keys, the newest first, or the option secret.
	Secrets []string

	// Hash is the algorithm of the Keygrip, if keys is one; "sha1" if empty. There are
	// "sha224", "sha256", "sha384", "sha512" and "md5" as well.
	Hash string

	// Encoding is that of the Keygrip; "base64" if empty, or "hex".
	Encoding string
}

// Express returns a [Reader] of the sessions of Express's cookie-session, versions 1 and 2,
// signed with keygrip (cookie-session and cookies and keygrip, index.js of each). They
// are two cookies, the second of which signs the name and the value of the first.
// The system is "express-cookie-session".
//
// The data are an object. Names that every object of JavaScript has, such as
// constructor, or that the session has, such as isNew, are left out, as cookie-session
// does it. A Buffer and a Date are what JSON makes of them. Integers are as they are
// in the cookie, where JavaScript would round those beyond 2^53.
//
// Nothing in the cookies says when a session began or ends: maxAge is only told to
// the browser. It starts with the takeover, and Until ends it.
//
// The Reader is stricter than cookie-session in this: base64 is the standard one, with
// padding, as cookie-session writes it; the JSON is an object in UTF-8, and has no name
// twice. An empty value, which a session that has been deleted leaves behind, is no session.
//
// Cookies of express-session, such as connect.sid, only have the ID of a session
// that is in the server's store.
func Express(c ExpressConfig) (*Reader, error) {
	p := problems{function: "Express"}
	if c.Cookie == "" {
		c.Cookie = "session"
	}
	if c.Cookie == "connect.sid" {
		p.add("Cookie is connect.sid, which is express-session's, and what is in the session is in the server's store: give the name of cookie-session's")
	}
	k := newKeygrip(&p, c.Cookie, c.Secrets, c.Hash, c.Encoding)
	if err := p.err(); err != nil {
		return nil, err
	}
	return &Reader{
		system: expressSystem,
		names:  k.cookies(),
		open: func(_ time.Time, values []string) (session.Foreign, error) {
			value, err := k.verify(values)
			if err != nil {
				return session.Foreign{}, err
			}
			return openExpress(value)
		},
	}, nil
}

const expressSystem = "express-cookie-session"

// ExpressUnsigned returns a [Reader] of the sessions of cookie-session with the option
// signed set to false. It believes whatever the client sends: anybody can make such a
// cookie, with any user's name in it, and the session taken over has that name and is
// signed by us. It is for data that the client may choose, such as a language, and not
// for who is signed in; the Convert of its Takeover should take such data and no other.
// A session.Manager takes the Reader only where it is the only one.
//
// cookie is the name; "session" if empty. The data are as with [Express].
func ExpressUnsigned(cookie string) *Reader {
	if cookie == "" {
		cookie = "session"
	}
	return &Reader{
		system:   expressSystem,
		names:    []string{cookie},
		unsigned: true,
		open: func(_ time.Time, values []string) (session.Foreign, error) {
			return openExpress(keygripUnquote(values[0]))
		},
	}
}

// openExpress opens a value that has been verified.
func openExpress(value string) (session.Foreign, error) {
	object, err := decodeExpress(value)
	if err != nil {
		return session.Foreign{}, err
	}
	for _, name := range expressReserved {
		delete(object, name)
	}
	return session.Foreign{Data: object}, nil
}

// decodeExpress decodes a value that has been verified.
func decodeExpress(value string) (map[string]any, error) {
	payload, err := decodeBase64(base64Padded, value)
	if err != nil {
		return nil, err
	}
	return decodeObject(payload)
}

// expressReserved are the names that cookie-session does not read: those of its
// Session.prototype, and of Object.prototype (ECMA-262, section 20.1.3 and B.2.2).
var expressReserved = []string{
	"_ctx", "isChanged", "isNew", "isPopulated",
	"constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable", "toLocaleString", "toString", "valueOf",
	"__proto__", "__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__",
}

// A keygrip verifies the cookies of the Node packages cookies and keygrip.
type keygrip struct {
	cookie string
	hash   func() hash.Hash
	hex    bool
	keys   [][]byte
}

func newKeygrip(p *problems, cookie string, secrets []string, hash, encoding string) *keygrip {
	hash = cmp.Or(hash, "sha1")
	k := &keygrip{cookie: cookie, hex: encoding == "hex"}
	if name, ok := strings.CutSuffix(cookie, ".sig"); ok {
		p.add("Cookie is %q, which is a signature's: give the name of what it signs, %q", cookie, name)
	}
	k.hash = p.hash("Hash", hash, append(slices.Clone(sha2), "md5")...)
	if encoding != "" && encoding != "base64" && encoding != "hex" {
		p.add("Encoding is %q, and not base64 or hex", encoding)
	}
	p.secrets(secrets, "it has the application's keys, or those that its Keygrip was made with")
	for i, secret := range secrets {
		k.keys = append(k.keys, []byte(secret))
		if k.hash == nil || secret == "" {
			continue
		}
		if err := usableHMAC(k.hash, k.keys[i]); err != nil {
			p.add("Secrets[%d] with %s: %v", i, hash, err)
		}
	}
	return k
}

// cookies returns the names of the cookie and of its signature.
func (k *keygrip) cookies() []string { return []string{k.cookie, k.cookie + ".sig"} }

// verify returns the value of a cookie, if what is in the other signs it.
func (k *keygrip) verify(values []string) (string, error) {
	value, signature := keygripUnquote(values[0]), keygripUnquote(values[1])
	if signature == "" {
		return "", refuse(session.ErrMalformed, "its signature is missing")
	}
	if !slices.ContainsFunc(k.keys, func(key []byte) bool { return equal(k.sign(key, value), []byte(signature)) }) {
		return "", refuse(session.ErrForged, "no secret verifies it")
	}
	return value, nil
}

// sign returns the signature of value as the text that it is in a cookie. Keygrip
// makes base64 fit for a cookie, and what it makes is base64url without padding.
func (k *keygrip) sign(key []byte, value string) []byte {
	tag := sum(k.hash, key, []byte(k.cookie+"="+value))
	if k.hex {
		return hex.AppendEncode(nil, tag)
	}
	return base64.RawURLEncoding.AppendEncode(nil, tag)
}

// keygripUnquote removes a pair of double quotes, as the package cookies does before it
// looks at anything.
func keygripUnquote(value string) string {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		return value[1 : len(value)-1]
	}
	return value
}
