package vectors

import (
	"time"

	"github.com/keyturn/keyturn/session/takeover"
)

func fernet(cookie string, s *Settings) (*takeover.Reader, error) {
	return takeover.Fernet(takeover.FernetConfig{
		Cookie:  cookie,
		Secrets: texts(s.Secrets("secrets_newest_first", "secret")),
		MaxAge:  ttl(s),
	})
}

// ttl returns the setting ttl, or max_age where that is what the ttl is called.
func ttl(s *Settings) time.Duration {
	name := "max_age"
	if _, ok := s.get("ttl"); ok {
		s.Ignore(name)
		name = "ttl"
	}
	if !s.Has(name) {
		return takeover.NoMaxAge
	}
	seconds := s.Int(name, 0)
	if seconds <= 0 {
		s.problem("%q is not positive", name)
	}
	return time.Duration(seconds) * time.Second
}
