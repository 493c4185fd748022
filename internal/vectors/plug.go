package vectors

import (
	"github.com/keyturn/keyturn/session/takeover"
)

func plug(cookie string, s *Settings) (*takeover.Reader, error) {
	s.Ignore("max_age")
	c := takeover.PlugConfig{Cookie: cookie, PlugKeys: plugKeys(s)}
	if c.Cookie == "" {
		c.Cookie = "_app_key" // there is no default
	}
	for i, rotating := range s.List("rotating_options") {
		c.Rotating = append(c.Rotating, plugKeys(rotating))
		if err := rotating.Err(); err != nil {
			s.problem("rotating_options[%d]: %v", i, err)
		}
	}
	return takeover.Plug(c)
}

func plugKeys(s *Settings) takeover.PlugKeys {
	k := takeover.PlugKeys{
		SecretKeyBase:  string(s.Secret("secret")),
		SigningSalt:    s.String("signing_salt", ""),
		EncryptionSalt: s.String("encryption_salt", ""),
		Digest:         hashSetting(s, "key_digest", "sha256"),
		Iterations:     int(s.Int("key_iterations", 1000)),
		Length:         int(s.Int("key_length", 32)),
	}
	s.Only("serializer", "external_term_format")
	// An application of Plug says neither: it encrypts if it has the salt for it.
	kind := s.String("kind", "")
	if s.Has("kind") {
		s.Only("kind", "signed", "encrypted")
	}
	switch {
	case kind == "signed":
		k.EncryptionSalt = ""
	case kind == "encrypted" && k.EncryptionSalt == "":
		s.problem(`"encryption_salt" is missing, and "kind" is "encrypted"`)
	}
	return k
}
