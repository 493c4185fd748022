package vectors

import (
	"slices"
	"strings"

	"github.com/keyturn/keyturn/session/takeover"
)

func rack(cookie string, s *Settings) (*takeover.Reader, error) {
	c := takeover.RackConfig{Cookie: cookie, Secrets: texts(s.Secrets("secrets_newest_first", "secret"))}
	s.Ignore("max_age", "pad_size")
	kind := "hmac"
	if s.Has("version") {
		kind = "encryptor"
	}
	if s.Has("kind") {
		s.Only("kind", "hmac", "encryptor")
		kind = s.String("kind", "")
	}
	if kind == "encryptor" {
		// Marshal is what a session is refused for, and not its settings.
		s.Only("serializer", "marshal", "json")
		s.Only("version", "v2", "v1")
		c.Encryptor = 2
		if s.String("version", "v2") == "v1" {
			c.Encryptor = 1
		}
		c.Purpose = cookie // the option key is both
		if _, ok := s.get("purpose"); ok {
			c.Purpose = s.String("purpose", "")
		}
	} else {
		s.Only("coder", "base64-marshal", "base64-json", "base64-zipjson")
		c.ZipJSON = s.String("coder", "") == "base64-zipjson"
		c.Hash = strings.ToUpper(hashSetting(s, "digest", "SHA1"))
	}
	return takeover.Rack(c)
}

// hashSetting returns a setting that names SHA-1 or one of SHA-2, as "sha256".
func hashSetting(s *Settings, name, byDefault string) string {
	text := s.String(name, byDefault)
	hash := strings.ReplaceAll(strings.ToLower(text), "-", "")
	if hash == "sha" { // of Erlang
		hash = "sha1"
	}
	if !slices.Contains([]string{"sha1", "sha224", "sha256", "sha384", "sha512"}, hash) {
		s.problem("%q is %q, known are SHA1, SHA224, SHA256, SHA384 and SHA512", name, text)
		return ""
	}
	return hash
}
