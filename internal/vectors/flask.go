package vectors

import (
	"time"

	"github.com/keyturn/keyturn/session/takeover"
)

func flask(cookie string, s *Settings) (*takeover.Reader, error) {
	s.Only("sep", ".")
	s.Only("serializer", "TaggedJSONSerializer")
	s.Ignore("timestamped", "compressible", "itsdangerous")
	return takeover.Flask(takeover.FlaskConfig{
		Cookie:        cookie,
		Secrets:       texts(s.Secrets("secrets_newest_first", "secret")),
		Salt:          s.String("salt", ""),
		KeyDerivation: s.String("key_derivation", ""),
		Digest:        s.String("digest", ""),
		MaxAge:        flaskMaxAge(s),
		Epoch2011:     epoch2011(s),
	})
}

// flaskMaxAge returns the setting max_age, or else what the settings of Flask itself say.
func flaskMaxAge(s *Settings) time.Duration {
	config := &Settings{values: s.Object("config")}
	lifetime := time.Duration(config.Int("PERMANENT_SESSION_LIFETIME", 0)) * time.Second
	config.Ignore("SESSION_COOKIE_NAME", "SESSION_COOKIE_DOMAIN", "SESSION_COOKIE_PATH", "SESSION_COOKIE_HTTPONLY",
		"SESSION_COOKIE_SECURE", "SESSION_COOKIE_SAMESITE", "SESSION_COOKIE_PARTITIONED", "SESSION_REFRESH_EACH_REQUEST")
	if err := config.Err(); err != nil {
		s.problem("\"config\": %v", err)
	}
	if s.Has("max_age") {
		return s.MaxAge()
	}
	return lifetime
}
