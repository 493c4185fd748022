package takeover

import (
	"crypto/aes"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/keyturn/keyturn/session"
)

// An IronSessionConfig says how iron-session sealed the cookie: see [IronSession].
type IronSessionConfig struct {
	// Cookie is the name of the cookie, the option cookieName. It has to be given.
	Cookie string

	// Passwords are the passwords by their IDs, as in the option password. A password
	// that is there without an ID has the ID 1.
	Passwords map[int]string
}

// IronSession returns a [Reader] of the cookies of iron-session (Next.js and other
// frameworks of JavaScript) from version 6 on, and of next-iron-session, whose sessions
// iron-session still reads. The system is "iron-session".
//
// The cookie is a seal of @hapi/iron (lib/index.js), followed by the ~2 of iron-session
// (src/core.ts):
//
//	Fe26.2*ID*SALT*IV*CIPHERTEXT*EXPIRES*SALT*MAC~2
//
// The ID chooses the password. Of it and each salt, PBKDF2 (RFC 8018, section 5.2) with
// HMAC-SHA1 makes a key, and as it does so in a single round, only long random passwords
// are safe. The MAC is HMAC-SHA256, the cipher AES-256-CBC, and inside is a JSON object.
//
// The ~2 is outside the MAC. Without it, the session is the member persistent of that
// object, which next-iron-session wrote beside a member flash. Any other ending is
// refused, and so is an object of another shape, such as what remains when somebody cuts
// off the ~2: iron-session takes both for empty sessions. Where a session has a member
// named persistent and perhaps one named flash, and no other, its owner can make that
// member the whole of it by cutting off the ~2; both libraries share this. A name
// __proto__ is refused in what next-iron-session wrote, as it did itself.
//
// A seal says when it ends, and is good for another 60 seconds, which are in
// [session.Foreign.Expires]; one that was made with a ttl of 0 never ends. When a session
// began is not known. The name of the cookie is not in the MAC: a seal that was made for
// something else with the same password is a session here.
//
// Integers are int64 or *big.Int, as they are written; JavaScript has rounded them before.
// Dates are the strings that JSON.stringify makes of them.
func IronSession(c IronSessionConfig) (*Reader, error) {
	p := problems{function: "IronSession"}
	p.cookie(c.Cookie, "it is the option cookieName")
	if len(c.Passwords) == 0 {
		p.add("Passwords is empty: a password that has no ID in the options is that of ID 1")
	}
	secrets := make(map[string]string, len(c.Passwords))
	for _, id := range slices.Sorted(maps.Keys(c.Passwords)) {
		secret := c.Passwords[id]
		secrets[strconv.Itoa(id)] = secret
		if id < 0 {
			p.add("Passwords[%d]: an ID is not negative", id)
		}
		switch {
		case !utf8.ValidString(secret):
			p.add("Passwords[%d] is not UTF-8: the password is the text of the option, not a key derived from it", id)
		case len(utf16.Encode([]rune(secret))) < 32:
			p.add("Passwords[%d] has fewer than 32 characters, and iron-session takes none of these", id)
		}
	}
	if p.all == nil {
		// What the policy of this program forbids is better known now.
		if _, err := ironKey("a password of 16 bytes", "a salt of 16 bytes"); err != nil {
			p.add("PBKDF2 with HMAC-SHA1, which seals have, is not to be had: %w", err)
		}
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return &Reader{
		system: "iron-session",
		names:  []string{c.Cookie},
		open: func(now time.Time, values []string) (session.Foreign, error) {
			return openIron(now, values[0], secrets)
		},
	}, nil
}

// ironSkew is how long a seal is good after its end: timestampSkewSec, which iron-session
// does not let anybody change.
const ironSkew = 60 * time.Second

func openIron(now time.Time, text string, secrets map[string]string) (f session.Foreign, err error) {
	sealed, version, isNew := strings.Cut(text, "~")
	if isNew && version != "2" {
		return f, refuse(session.ErrMalformed, "the seal is followed by something else than ~2")
	}
	parts := strings.SplitN(sealed, "*", 9)
	if len(parts) != 8 || parts[0] != "Fe26.2" {
		return f, refuse(session.ErrMalformed, "it is not a seal of iron")
	}
	id, salt, iv, ciphertext, expires, macSalt, mac := parts[1], parts[2], parts[3], parts[4], parts[5], parts[6], parts[7]
	if !isIronSalt(salt) || !isIronSalt(macSalt) {
		return f, refuse(session.ErrMalformed, "a salt of the seal is not 64 hexadecimal digits")
	}
	if strings.Trim(expires, "0123456789") != "" {
		return f, refuse(session.ErrMalformed, "the end of the seal is not a number")
	}
	secret, ok := secrets[id]
	if !ok {
		return f, refuse(session.ErrForged, "no password has the ID of the seal")
	}

	key, err := ironKey(secret, macSalt)
	if err != nil {
		return f, err
	}
	tag := sum(sha256.New, key, []byte(strings.Join(parts[:6], "*")))
	if !equal([]byte(mac), []byte(base64URL.EncodeToString(tag))) {
		return f, refuse(session.ErrForged, "the password does not verify it")
	}

	if expires != "" {
		ms, _ := strconv.ParseInt(expires, 10, 64) // the last there is where it is later than that
		f.Expires = time.UnixMilli(ms).Add(ironSkew)
		if !now.Before(f.Expires) {
			return f, session.ErrExpired
		}
	}
	if key, err = ironKey(secret, salt); err != nil {
		return f, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return f, err
	}
	nonce, _ := decodeBase64(base64URL, iv) // which is not whole if it is not base64
	data, _ := decodeBase64(base64URL, ciphertext)
	data, err = openCBC(block, nonce, data)
	if err != nil {
		return f, err
	}
	object, err := decodeObject(data)
	if err == nil && !isNew {
		object, err = ironPersistent(object)
	}
	f.Data = object
	return f, err
}

// ironPersistent returns the session in what next-iron-session sealed (iron-store,
// src/index.js).
func ironPersistent(store map[string]any) (map[string]any, error) {
	object, ok := store["persistent"].(map[string]any)
	for name := range store {
		ok = ok && (name == "persistent" || name == "flash")
	}
	if !ok {
		return nil, refuse(session.ErrUndecodable, "the seal is not followed by ~2, and what is in it is not next-iron-session's")
	}
	if ironHasProto(store) {
		return nil, refuse(session.ErrUndecodable, "the JSON has a name __proto__")
	}
	return object, nil
}

func ironHasProto(v any) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, ironHasProto)
	case map[string]any:
		if _, ok := v["__proto__"]; ok {
			return true
		}
		for _, x := range v {
			if ironHasProto(x) {
				return true
			}
		}
	}
	return false
}

// ironKey derives a key of 32 bytes. The salt is the text, not what its digits say.
func ironKey(secret, salt string) ([]byte, error) {
	return pbkdf2.Key(sha1.New, secret, []byte(salt), 1, 32)
}

func isIronSalt(s string) bool { return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == "" }
