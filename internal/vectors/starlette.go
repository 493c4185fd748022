package vectors

import "github.com/keyturn/keyturn/session/takeover"

func starlette(cookie string, s *Settings) (*takeover.Reader, error) {
	s.Only("salt", "itsdangerous.Signer")
	s.Only("key_derivation", "django-concat")
	s.Only("digest", "sha1")
	s.Only("sep", ".")
	if !s.Bool("timestamped", true) {
		s.problem("\"timestamped\" is false, and cookies without a timestamp, of Starlette before 0.8, are not read")
	}
	s.Ignore("https_only", "same_site", "path", "domain", "itsdangerous")
	return takeover.Starlette(takeover.StarletteConfig{
		Cookie:  cookie,
		Secrets: texts(s.Secrets("secrets_newest_first", "secret")),
		MaxAge:  s.MaxAge(),
	})
}
