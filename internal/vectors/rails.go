package vectors

import (
	"errors"
	"strings"

	"github.com/keyturn/keyturn/session/takeover"
)

func rails(cookie string, s *Settings) (*takeover.Reader, error) {
	s.Only("kind", "encrypted", "signed")
	s.Only("serializer", "json", "hybrid", "marshal", "json_allow_marshal", "message_pack", "message_pack_allow_marshal")
	s.Ignore("metadata", "max_age") // cookies are read with metadata and without, and the end is in these
	c := takeover.RailsConfig{
		Cookie:     cookie,
		Secrets:    texts(s.Secrets("secrets_newest_first", "secret")),
		KeyDigest:  s.String("key_generator_digest", ""),
		Iterations: int(s.Int("iterations", 0)),
		Signed:     s.String("kind", "encrypted") == "signed",
		Digest:     s.String("digest", ""),
	}
	keys := map[string]int64{"aes-128-gcm": 16, "aes-192-gcm": 24, "aes-256-gcm": 32, "aes-256-cbc": 32}
	s.Only("cipher", "aes-256-gcm", "aes-192-gcm", "aes-128-gcm", "aes-256-cbc")
	cipher := s.String("cipher", "aes-256-gcm")
	signSalt := s.String("sign_salt", "")
	size := keys[cipher]
	switch {
	case c.Signed:
		c.SignedSalt, size = s.String("salt", ""), 64
	case cipher == "aes-256-cbc":
		c.EncryptedSalt, c.EncryptedSignedSalt = s.String("salt", ""), signSalt
	default:
		c.Cipher, c.AuthenticatedEncryptedSalt = cipher, s.String("salt", "")
	}
	// Rails gives its keys no other lengths.
	if got := s.Int("key_len", size); got != size {
		s.problem(`"key_len" is %d, known is %d`, got, size)
	}
	if got := s.Int("sign_key_len", 64); got != 64 {
		s.problem(`"sign_key_len" is %d, known is 64`, got)
	}
	r, err := takeover.Rails(c)
	if err != nil { // of which this is the one name that is far from the setting's
		err = errors.New(strings.ReplaceAll(err.Error(), "Rails: KeyDigest", `Rails: "key_generator_digest"`))
	}
	return r, err
}
