package vectors

import "github.com/keyturn/keyturn/session/takeover"

func jwt(cookie string, s *Settings) (*takeover.Reader, error) {
	s.Ignore("max_age") // a token says itself when it ends
	s.Only("algorithm", "HS256")
	return takeover.JWT(takeover.JWTConfig{
		Cookie:   cookie,
		Secrets:  s.Secrets("secrets_newest_first", "secret"),
		Audience: s.String("audience", ""),
	})
}
