package takeover

import (
	"cmp"
	"encoding/base64"
	"hash"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/keyturn/keyturn/session"
)

// A DjangoKind says what in Django has made a cookie.
type DjangoKind string

const (
	// DjangoSession is a session of the backend
	// django.contrib.sessions.backends.signed_cookies.
	DjangoSession DjangoKind = "session"
	// DjangoSignedCookie is a cookie of HttpResponse.set_signed_cookie.
	DjangoSignedCookie DjangoKind = "signed_cookie"
	// DjangoDumps is what django.core.signing.dumps returns.
	DjangoDumps DjangoKind = "signing.dumps"
	// DjangoTimestampSigner is what django.core.signing.TimestampSigner signs.
	DjangoTimestampSigner DjangoKind = "TimestampSigner"
	// DjangoSigner is what django.core.signing.Signer signs.
	DjangoSigner DjangoKind = "Signer"
)

// djangoKinds are the kinds, as the functions of Django have them by default.
var djangoKinds = map[DjangoKind]struct {
	salt   string
	prefix string // of the secret
	timed  bool
	raw    bool // the value is text, and not JSON
	seps   bool // the separator is an argument
}{
	DjangoSession:         {salt: "django.contrib.sessions.backends.signed_cookies", timed: true},
	DjangoSignedCookie:    {prefix: djangoCookies, timed: true, raw: true},
	DjangoDumps:           {salt: "django.core.signing", timed: true},
	DjangoTimestampSigner: {salt: "django.core.signing.TimestampSigner", timed: true, raw: true, seps: true},
	DjangoSigner:          {salt: "django.core.signing.Signer", raw: true, seps: true},
}

const djangoCookies = "django.http.cookies"

// A DjangoConfig says how Django signs a cookie. For the sessions of Django 3.1 and
// later, the Secrets are enough, and MaxAge where there is a SESSION_COOKIE_AGE.
type DjangoConfig struct {
	// Cookie is the name of the cookie. If empty, it is Django's SESSION_COOKIE_NAME,
	// "sessionid", which only a session has.
	Cookie string

	// Secrets are SECRET_KEY and, behind it, the SECRET_KEY_FALLBACKS: the newest first,
	// each as it is in the settings.
	Secrets []string

	// MaxAge is how old a session may become: Django's SESSION_COOKIE_AGE, which is
	// 14 days, if 0. For the other kinds it is the max_age of get_signed_cookie, loads or
	// unsign, and there is none if 0.
	MaxAge time.Duration

	// Kind is what has made the cookie; DjangoSession if empty.
	Kind DjangoKind

	// Salt is the argument of that name, if there was one. The name of a signed cookie,
	// which Django puts before it, is not a part of it.
	Salt string

	// Sep is the argument of that name of a Signer or a TimestampSigner; ":" if empty.
	Sep string

	// Hash is the algorithm; "sha256" if empty, as it is in Django since 3.1. It is "sha1"
	// for Django 3.0 and before, and where DEFAULT_HASHING_ALGORITHM says so. There
	// are "sha224", "sha384" and "sha512" as well.
	Hash string

	// LegacySHA1 accepts SHA-1 beside Hash, as Django 3.1 and 3.2 do for what earlier
	// versions have signed.
	LegacySHA1 bool
}

// Django returns a [Reader] of the cookies that Django signs: of sessions in
// cookies, or of another kind (django/core/signing.py). The system is "django".
//
// The data of a session are an object, those of DjangoDumps any JSON, those of
// the other kinds a string. _session_expiry and _auth_user_hash, which only Django has
// a use for, stay among them.
//
// A session starts at the timestamp of its cookie, which is when it was last sent,
// and ends MaxAge later, or when its _session_expiry says, if that is earlier: Django's
// backend does not look at that (ticket 19201). A _session_expiry that is a time
// without a zone is the earliest instant that it can be anywhere. A DjangoSigner has
// neither start nor end.
//
// The Reader is stricter than Django in this: a timestamp has to be not later than a
// minute from now and written as Django writes it; base64 has one spelling, and so has a
// cookie that Python has quoted; JSON is ASCII, has no NaN and no name twice, and is an object
// in a session. What PickleSerializer has written is refused, and never looked into:
// whoever knows the secret could run code with it.
//
// The name of a session's cookie is not signed, nor is that of any kind but
// DjangoSignedCookie: all that an application signs with the same salt is valid
// as this cookie.
func Django(c DjangoConfig) (*Reader, error) {
	p := problems{function: "Django"}
	if c.Kind == "" {
		c.Kind = DjangoSession
	}
	kind, known := djangoKinds[c.Kind]
	if !known {
		p.add("Kind is %q, and not %q, %q, %q, %q or %q", c.Kind,
			DjangoSession, DjangoSignedCookie, DjangoDumps, DjangoTimestampSigner, DjangoSigner)
	}
	if c.Cookie == "" {
		c.Cookie = "sessionid"
		if known && c.Kind != DjangoSession {
			p.add("Cookie is empty: one of the kind %q has no name by default", c.Kind)
		}
	}

	d := django{sep: ":", session: c.Kind == DjangoSession, timed: kind.timed, raw: kind.raw, maxAge: c.MaxAge}
	p.maxAge(c.MaxAge)
	switch {
	case c.MaxAge > 0 && known && !kind.timed:
		p.add("MaxAge is set, and a Signer's cookie does not say when it was made: perhaps it is a TimestampSigner's")
	case c.MaxAge == 0 && d.session:
		d.maxAge = 14 * 24 * time.Hour
	}
	if c.Sep != "" {
		d.sep = c.Sep
		switch {
		case strings.Trim(c.Sep, djangoUnsafeSep) == "":
			p.add("Sep has no character but of base64, and Django refuses it too: it could not be told from the signature")
		case c.Sep != ":" && known && !kind.seps:
			p.add("Sep is an argument of Signer and TimestampSigner; what is of the kind %q always has \":\"", c.Kind)
		}
	}
	salt := c.Salt
	if salt == "" {
		salt = kind.salt
	}
	if c.Kind == DjangoSignedCookie {
		salt = c.Cookie + c.Salt
	}

	names := []string{cmp.Or(c.Hash, "sha256")}
	p.hash("Hash", names[0], sha2...)
	if c.LegacySHA1 && names[0] != "sha1" {
		names = append(names, "sha1")
	}

	p.secrets(c.Secrets, "it has SECRET_KEY, and behind it the SECRET_KEY_FALLBACKS")
	for i, secret := range c.Secrets {
		if kind.prefix != "" && strings.HasPrefix(secret, kind.prefix) {
			p.add("Secrets[%d] begins with %q: give Django's SECRET_KEY, before which the reader puts that", i, kind.prefix)
		}
	}
	if p.all == nil {
		for i, secret := range c.Secrets {
			for _, name := range names {
				if err := d.add(hashes[name], kind.prefix+secret, salt); err != nil {
					p.add("Secrets[%d] with %s: %v", i, name, err)
				}
			}
		}
	}
	if err := p.err(); err != nil {
		return nil, err
	}
	return &Reader{system: "django", names: []string{c.Cookie}, open: d.open}, nil
}

// djangoUnsafeSep are the characters of which a separator must not consist
// (_SEP_UNSAFE; its A-z has what is between Z and a as well).
const djangoUnsafeSep = "ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz0123456789-="

// django is what reads cookies of one kind.
type django struct {
	sep     string
	session bool
	timed   bool
	raw     bool
	maxAge  time.Duration
	keys    []djangoKey
}

// A djangoKey makes tags.
type djangoKey struct {
	hash func() hash.Hash
	key  []byte
}

// add adds the key of a secret and a salt (Signer.signature).
func (d *django) add(h func() hash.Hash, secret, salt string) error {
	return allowed(func() {
		k := djangoKey{h, deriveDjango(h, secret, salt)}
		k.tag("")
		d.keys = append(d.keys, k)
	})
}

// tag returns the tag of value as the text that it is in a cookie.
func (k djangoKey) tag(value string) []byte {
	return base64.RawURLEncoding.AppendEncode(nil, sum(k.hash, k.key, []byte(value)))
}

func (d *django) open(now time.Time, values []string) (f session.Foreign, err error) {
	text, ok := unquotePython(values[0])
	if !ok {
		return f, errNotQuoted
	}
	value, tag, ok := djangoCut(text, d.sep)
	if !ok {
		return f, refuse(session.ErrMalformed, "it has no signature")
	}
	if !slices.ContainsFunc(d.keys, func(k djangoKey) bool { return equal(k.tag(value), []byte(tag)) }) {
		return f, refuse(session.ErrForged, "no secret verifies it")
	}

	if d.timed {
		if value, f, err = d.age(now, value); err != nil {
			return f, err
		}
	}
	if f.Data, err = d.data(value); err != nil {
		return f, err
	}
	if object, ok := f.Data.(map[string]any); ok && d.session {
		end, err := djangoExpiry(f.Start, object["_session_expiry"])
		switch {
		case err != nil:
			return f, err
		case end.IsZero():
		case now.After(end):
			return f, refuse(session.ErrExpired, "it is past its _session_expiry")
		case f.Expires.IsZero() || end.Before(f.Expires):
			f.Expires = end
		}
	}
	return f, nil
}

// djangoCut cuts text at the last sep.
func djangoCut(text, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(text, sep)
	if i < 0 {
		return "", "", false
	}
	return text[:i], text[i+len(sep):], true
}

// age cuts the timestamp from a value, and returns the rest of it, and when that
// begins and ends (TimestampSigner.unsign).
func (d *django) age(now time.Time, value string) (string, session.Foreign, error) {
	var f session.Foreign
	rest, digits, ok := djangoCut(value, d.sep)
	if !ok {
		return "", f, refuse(session.ErrMalformed, "it has no timestamp")
	}
	seconds, ok := djangoBase62(digits)
	if !ok {
		return "", f, refuse(session.ErrMalformed, "its timestamp is not as Django writes it")
	}
	f.Start = time.Unix(seconds, 0)
	if f.Start.Sub(now) > time.Minute {
		return "", f, refuse(session.ErrFuture, "its timestamp is in the future")
	}
	if d.maxAge > 0 {
		f.Expires = f.Start.Add(d.maxAge)
		if now.After(f.Expires) {
			return "", f, refuse(session.ErrExpired, "it is older than MaxAge")
		}
	}
	return rest, f, nil
}

// djangoBase62 decodes a number as django/utils/baseconv.py writes it. What is
// beyond a time.Time is in the distant future.
func djangoBase62(digits string) (int64, bool) {
	if digits == "" || len(digits) > 1 && digits[0] == '0' {
		return 0, false
	}
	const most = 1 << 40 // seconds
	n := int64(0)
	for i := range len(digits) {
		c := digits[i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'A' <= c && c <= 'Z':
			c -= 'A' - 10
		case 'a' <= c && c <= 'z':
			c -= 'a' - 36
		default:
			return 0, false
		}
		n = min(n*62+int64(c), most)
	}
	return n, true
}

// data decodes a value that has been verified (Signer.unsign_object).
func (d *django) data(value string) (any, error) {
	if d.raw {
		if !utf8.ValidString(value) {
			return nil, refuse(session.ErrUndecodable, "the value is not UTF-8")
		}
		return value, nil
	}
	text, compressed := strings.CutPrefix(value, ".")
	payload, err := decodeBase64(base64URL, text)
	if err == nil && compressed {
		payload, err = inflate(payload)
	}
	if err != nil {
		return nil, err
	}
	if isPickle(payload) {
		return nil, errPickle
	}
	// Django reads JSON as Latin-1, and writes it in ASCII.
	if slices.ContainsFunc(payload, func(b byte) bool { return b >= utf8.RuneSelf }) {
		return nil, refuse(session.ErrUndecodable, "the JSON is not ASCII")
	}
	if d.session {
		return decodeObject(payload)
	}
	return decodeJSON(payload)
}

// djangoExpiry returns when a session ends that began at start and has this
// _session_expiry, zero if that does not end it (SessionBase.get_expiry_age).
func djangoExpiry(start time.Time, expiry any) (time.Time, error) {
	var seconds float64
	switch x := expiry.(type) {
	case nil: // as SESSION_COOKIE_AGE says
		return time.Time{}, nil
	case int64:
		seconds = float64(x)
	case float64:
		seconds = x
	case string: // since Django 4.1, for a datetime
		if t, err := time.Parse(time.RFC3339, x); err == nil {
			return t, nil
		}
		if t, err := time.Parse("2006-01-02T15:04:05", x); err == nil {
			return t.Add(-14 * time.Hour), nil // of all zones, UTC+14 has it first
		}
		return time.Time{}, errDjangoExpiry
	default:
		return time.Time{}, errDjangoExpiry
	}
	// 0 means that it ends with the browser, which nobody can tell from here. Some
	// hundred years are as good.
	const most = 1 << 33
	if seconds == 0 || seconds > most {
		return time.Time{}, nil
	}
	return start.Add(time.Duration(max(seconds, -most) * 1e9)), nil
}

var errDjangoExpiry = refuse(session.ErrUndecodable, "its _session_expiry is neither seconds nor a time")
