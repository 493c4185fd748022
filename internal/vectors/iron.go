package vectors

import (
	"strconv"

	"github.com/keyturn/keyturn/session/takeover"
)

func iron(cookie string, s *Settings) (*takeover.Reader, error) {
	s.Only("encryption", "aes-256-cbc")
	s.Only("integrity", "sha256")
	s.Only("kdf", "pbkdf2-sha1")
	if s.Int("iterations", 1) != 1 {
		s.problem(`"iterations" is not 1, and iron-session has no other`)
	}
	if s.Int("timestamp_skew", 60) != 60 {
		s.problem(`"timestamp_skew" is not 60, and iron-session has no other`)
	}
	s.Ignore("format", "ttl", "max_age") // both formats are read, and the end is in the seal
	return takeover.IronSession(takeover.IronSessionConfig{Cookie: cookie, Passwords: s.ironPasswords()})
}

// ironPasswords returns the passwords by their IDs: those of an object, those of a list,
// whose IDs count from 1, or the one that has no ID.
func (s *Settings) ironPasswords() map[int]string {
	v, _ := s.get("passwords")
	passwords := map[int]string{}
	add := func(id int, v any) {
		text, ok := v.(string)
		if !ok {
			s.problem(`"passwords": that of ID %d is not text`, id)
		}
		passwords[id] = text
	}
	switch v := v.(type) {
	case nil:
		passwords[1] = string(s.Secret("password"))
		return passwords
	case string:
		add(1, v)
	case []any:
		for i, password := range v {
			add(i+1, password)
		}
	case map[string]any:
		for name, password := range v {
			id, err := strconv.Atoi(name)
			if err != nil || strconv.Itoa(id) != name {
				s.problem(`"passwords": the ID %q is not an integer`, name)
				continue
			}
			add(id, password)
		}
	default:
		s.problem(`"passwords" is neither an object nor a list`)
	}
	s.Ignore("password", "password_encoding")
	return passwords
}
