package takeover

import (
	"cmp"
	"encoding/base64"
	"hash"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/keyturn/keyturn/session"
)

// An ItsdangerousConfig says how cookies were made with itsdangerous.
type ItsdangerousConfig struct {
	// Cookie is the name of the cookie. It has to be given.
	Cookie string

	// Class is the class that made the cookies: Signer, TimestampSigner, Serializer,
	// TimedSerializer, URLSafeSerializer or URLSafeTimedSerializer.
	Class string

	// Secrets are the secret keys, in any order: itsdangerous has the oldest first.
	// Python's bytes are a string of these bytes here.
	Secrets []string

	// Salt is the salt; that of the class if empty: "itsdangerous.Signer" for the
	// signers, and "itsdangerous" for the serializers.
	Salt string

	// KeyDerivation is key_derivation; "django-concat" if empty. Others are "concat",
	// "hmac" and "none".
	KeyDerivation string

	// Digest is the name of digest_method in Python's hashlib; "sha1" if empty. Others
	// are "md5" and those of SHA-2 and SHA-3, as "sha256" and "sha3_256".
	Digest string

	// Separator is sep; "." if empty.
	Separator string

	// MaxAge is what loads and unsign are called with; NoMaxAge if 0, as there, and
	// always for a class without a timestamp. Seconds count, and not their parts.
	MaxAge time.Duration

	// Epoch2011 says that timestamps count from the beginning of 2011, as itsdangerous
	// did before version 1.0.
	Epoch2011 bool
}

// Itsdangerous returns a [Reader] of cookies that were made with itsdangerous
// (https://itsdangerous.palletsprojects.com) from version 0.24 on: a value, for some
// classes the time, and an HMAC over both under a key derived from secret and salt.
// The system is "itsdangerous".
//
// The data are a []byte for the two signers. For the serializers they are the JSON
// value, of whatever type: [Values] takes an object only. A serializer other than JSON
// is not read, and pickle is refused by name. A session starts when the cookie was
// signed, where the class has the time, and ends MaxAge later.
//
// What Python's frameworks put into quotes in the cookie, as they do with the JSON of
// Serializer and TimedSerializer, is read as it was before.
//
// Where a text has many spellings for the library, only the one that it writes itself
// is read: base64 without padding, unused bits or other characters. JSON is that of RFC
// 8259: no NaN, no name twice. What inflates to more than 64 KiB is refused. As in
// itsdangerous 2, a cookie from the future is refused; a minute of it is granted
// without a MaxAge, where the library does not look.
//
// The name of the cookie is not signed, and every user of a secret and salt may have
// signed the value, for whatever purpose: the salts by default are those of everybody.
// SHA-1 and MD5 are no worse in an HMAC than others for all that is known.
//
// Sources: signer.py, timed.py, serializer.py and url_safe.py of itsdangerous 2.2.
func Itsdangerous(c ItsdangerousConfig) (*Reader, error) {
	p := problems{function: "Itsdangerous"}
	p.cookie(c.Cookie, "itsdangerous has no name for it, the application has")
	class, ok := itsdangerousClasses[c.Class]
	if !ok {
		p.add("Class is %q, and known are %q", c.Class, slices.Sorted(maps.Keys(itsdangerousClasses)))
	}
	if c.Salt == "" {
		c.Salt = class.salt
	}
	if c.MaxAge == 0 {
		c.MaxAge = NoMaxAge
	}
	if ok && !class.timed && c.MaxAge != NoMaxAge {
		p.add("MaxAge is set, and %s does not write when it signed", c.Class)
	}
	p.secrets(c.Secrets, "it has the secret keys of the Signer or Serializer")
	s := p.itsdangerous(c)
	if err := p.err(); err != nil {
		return nil, err
	}
	return &Reader{system: "itsdangerous", names: []string{c.Cookie}, open: func(now time.Time, values []string) (f session.Foreign, err error) {
		cookie, ok := unquotePython(values[0])
		if !ok {
			return f, errNotQuoted
		}
		var value string
		if class.timed {
			value, f, err = s.unsignTimed(now, cookie)
		} else {
			value, err = s.unsign(cookie)
		}
		if err == nil {
			f.Data, err = class.decode(value)
		}
		return f, err
	}}, nil
}

type itsdangerousClass struct {
	timed  bool
	salt   string
	decode func(string) (any, error)
}

var itsdangerousClasses = map[string]itsdangerousClass{
	"Signer":                 {false, itsdangerousSignerSalt, itsdangerousRaw},
	"TimestampSigner":        {true, itsdangerousSignerSalt, itsdangerousRaw},
	"Serializer":             {false, "itsdangerous", itsdangerousJSON},
	"TimedSerializer":        {true, "itsdangerous", itsdangerousJSON},
	"URLSafeSerializer":      {false, "itsdangerous", itsdangerousURLSafeJSON},
	"URLSafeTimedSerializer": {true, "itsdangerous", itsdangerousURLSafeJSON},
}

const itsdangerousSignerSalt = "itsdangerous.Signer"

func itsdangerousRaw(value string) (any, error) { return []byte(value), nil }

func itsdangerousJSON(value string) (any, error) {
	if isPickle([]byte(value)) {
		return nil, errPickle
	}
	return decodeJSON([]byte(value))
}

func itsdangerousURLSafeJSON(value string) (any, error) {
	data, err := itsdangerousURLSafe(value)
	if err != nil {
		return nil, err
	}
	return decodeJSON(data)
}

// itsdangerousURLSafe returns what a URLSafeSerializer has serialized, from a value that
// has been verified.
func itsdangerousURLSafe(value string) ([]byte, error) {
	text, compressed := strings.CutPrefix(value, ".")
	data, err := itsdangerousPayload(base64URL, text)
	if err == nil && compressed {
		data, err = inflate(data)
	}
	if err == nil && isPickle(data) {
		err = errPickle
	}
	return data, err
}

// itsdangerousPayload decodes base64 that has been verified.
func itsdangerousPayload(enc *base64.Encoding, text string) ([]byte, error) {
	data, err := decodeBase64(enc, text)
	if err != nil {
		return nil, refuse(session.ErrUndecodable, "the payload is not base64 as the system writes it")
	}
	return data, nil
}

// An itsdangerousSigner verifies what a Signer or TimestampSigner has signed. It is the
// core of the readers of itsdangerous, Starlette and Flask.
type itsdangerousSigner struct {
	hash   func() hash.Hash
	keys   [][]byte
	sep    string
	epoch  int64 // of timestamps, in Unix time
	maxAge int64 // seconds; negative: none
}

// The key derivations (Signer.derive_key), with a salt that is not empty.
var itsdangerousDerivations = map[string]func(h func() hash.Hash, secret, salt string) []byte{
	"concat":        func(h func() hash.Hash, secret, salt string) []byte { return digest(h, salt+secret) },
	"django-concat": deriveDjango,
	"hmac":          func(h func() hash.Hash, secret, salt string) []byte { return sum(h, []byte(secret), []byte(salt)) },
	"none":          func(_ func() hash.Hash, secret, _ string) []byte { return []byte(secret) },
}

// deriveDjango is the derivation that itsdangerous has from Django (salted_hmac in
// django/utils/crypto.py).
func deriveDjango(h func() hash.Hash, secret, salt string) []byte {
	return digest(h, salt+"signer"+secret)
}

func digest(h func() hash.Hash, text string) []byte {
	d := h()
	d.Write([]byte(text))
	return d.Sum(nil)
}

const (
	itsdangerousAlphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_="
	itsdangerousEpoch    = 1293840000 // 2011-01-01, before version 1.0
	itsdangerousSkew     = 60         // seconds, where the library does not look
)

// itsdangerous returns the signer of c, whose Class does not matter, and adds what is
// wrong with it.
func (p *problems) itsdangerous(c ItsdangerousConfig) *itsdangerousSigner {
	s := &itsdangerousSigner{sep: cmp.Or(c.Separator, "."), maxAge: int64(c.MaxAge / time.Second)}
	if strings.Contains(itsdangerousAlphabet, s.sep) {
		p.add("Separator is %q, which base64 has as well: itsdangerous refuses that", s.sep)
	}
	p.maxAge(c.MaxAge)
	if c.MaxAge == NoMaxAge {
		s.maxAge = -1
	}
	if c.Epoch2011 {
		s.epoch = itsdangerousEpoch
	}
	c.Digest = cmp.Or(c.Digest, "sha1")
	s.hash = p.hash("Digest", c.Digest, slices.Sorted(maps.Keys(hashes))...)
	c.KeyDerivation = cmp.Or(c.KeyDerivation, "django-concat")
	derive := itsdangerousDerivations[c.KeyDerivation]
	if derive == nil {
		p.add("KeyDerivation is %q, and known are %q", c.KeyDerivation, slices.Sorted(maps.Keys(itsdangerousDerivations)))
	}
	if s.hash == nil || derive == nil {
		return s
	}
	for i, secret := range c.Secrets {
		if secret == "" {
			continue
		}
		err := allowed(func() {
			key := derive(s.hash, secret, c.Salt)
			sum(s.hash, key)
			s.keys = append(s.keys, key)
		})
		if err != nil {
			p.add("Secrets[%d] with %s: %v", i, c.Digest, err)
		}
	}
	return s
}

// unsign returns what is signed in text.
func (s *itsdangerousSigner) unsign(text string) (string, error) {
	i := strings.LastIndex(text, s.sep)
	if i < 0 {
		return "", refuse(session.ErrMalformed, "it has no signature")
	}
	tag, err := decodeBase64(base64URL, text[i+len(s.sep):])
	if err != nil {
		return "", err
	}
	value := text[:i]
	for _, key := range s.keys {
		if equal(sum(s.hash, key, []byte(value)), tag) {
			return value, nil
		}
	}
	return "", refuse(session.ErrForged, "no secret verifies it")
}

// unsignTimed returns what is signed in text along with the time, which is not past and
// not to come.
func (s *itsdangerousSigner) unsignTimed(now time.Time, text string) (string, session.Foreign, error) {
	var f session.Foreign
	signed, err := s.unsign(text)
	if err != nil {
		return "", f, err
	}
	i := strings.LastIndex(signed, s.sep)
	if i < 0 {
		return "", f, refuse(session.ErrUndecodable, "it is signed without a timestamp")
	}
	at, err := itsdangerousTime(signed[i+len(s.sep):])
	if err != nil {
		return "", f, err
	}
	at += s.epoch
	f.Start = time.Unix(at, 0).UTC()
	age := now.Unix() - at
	if s.maxAge < 0 {
		if age < -itsdangerousSkew {
			return "", f, refuse(session.ErrFuture, "it is signed in the future")
		}
		return signed[:i], f, nil
	}
	switch {
	case age < 0:
		return "", f, refuse(session.ErrFuture, "it is signed in the future")
	case age > s.maxAge:
		return "", f, refuse(session.ErrExpired, "it is older than MaxAge")
	}
	f.Expires = wholeSeconds(f.Start, time.Duration(s.maxAge)*time.Second)
	return signed[:i], f, nil
}

// itsdangerousTime decodes a timestamp: the bytes of a big-endian integer, the first of
// which is not zero. None are 0. Five are enough for the next 30,000 years.
func itsdangerousTime(text string) (t int64, err error) {
	b, err := decodeBase64(base64URL, text)
	if err != nil || len(b) > 5 || len(b) > 0 && b[0] == 0 {
		return 0, refuse(session.ErrUndecodable, "the timestamp is not as the system writes it")
	}
	for _, x := range b {
		t = t<<8 | int64(x)
	}
	return t, nil
}
