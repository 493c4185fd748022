package vectors

import (
	"strings"

	"github.com/keyturn/keyturn/session/takeover"
)

func django(cookie string, s *Settings) (*takeover.Reader, error) {
	s.Ignore("config") // what a reader needs of it is in the cookie's name and max_age
	kind := s.String("kind", string(takeover.DjangoSession))

	// The kind says all of this: whoever says something else means another kind.
	s.Only("key_derivation", "H(salt + 'signer' + secret)")
	json := kind == string(takeover.DjangoSession) || kind == string(takeover.DjangoDumps)
	if json {
		s.Only("serializer", "JSONSerializer")
	} else {
		s.Only("serializer", "raw")
	}
	if timed := kind != string(takeover.DjangoSigner); s.Bool("timestamped", timed) != timed {
		s.problem("%q is not %t for the kind %q", "timestamped", !timed, kind)
	}
	if s.Bool("compressible", json) != json {
		s.problem("%q is not %t for the kind %q", "compressible", !json, kind)
	}

	salt := s.String("salt", "")
	if kind == string(takeover.DjangoSignedCookie) {
		s.Only("secret_prefix", "django.http.cookies")
		if whole := salt; s.Has("cookie_salt") || whole != "" {
			salt = s.String("cookie_salt", strings.TrimPrefix(whole, cookie))
			if whole != "" && whole != cookie+salt {
				s.problem("%q is not the cookie's name and %q", "salt", "cookie_salt")
			}
		}
	}
	return takeover.Django(takeover.DjangoConfig{
		Cookie:     cookie,
		Secrets:    texts(s.Secrets("secrets_newest_first", "secret")),
		MaxAge:     s.MaxAge(),
		Kind:       takeover.DjangoKind(kind),
		Salt:       salt,
		Sep:        s.String("sep", ""),
		Hash:       s.String("digest", ""),
		LegacySHA1: s.Bool("legacy_sha1", false),
	})
}
