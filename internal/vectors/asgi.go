package vectors

import (
	"strconv"
	"strings"

	"github.com/keyturn/keyturn/session/takeover"
)

// asgi reads the sessions of asgi-sessions. Versions before 1.0.0 have no session_type.
func asgi(cookie string, s *Settings) (*takeover.Reader, error) {
	// The library leaves max_age to the browser. The others are what was beside it.
	s.Ignore("max_age", "json", "asgi_tools")
	s.Only("session_type", "jwt", "fernet", "base64")
	switch s.String("session_type", "jwt") {
	case "jwt":
		s.Only("algorithm", "HS256")
		return takeover.ASGIJWT(takeover.ASGIJWTConfig{
			Cookie:   cookie,
			Secrets:  texts(s.Secrets("secrets_newest_first", "secret")),
			OldPyJWT: oldPyJWT(s),
		})
	case "fernet":
		s.Only("algorithm", "fernet")
		s.Ignore("pyjwt")
		return takeover.ASGIFernet(takeover.ASGIFernetConfig{
			Cookie:  cookie,
			Secrets: texts(s.Secrets("secrets_newest_first", "secret")),
			MaxAge:  takeover.NoMaxAge,
		})
	case "base64":
		s.Ignore("algorithm", "pyjwt", "secret", "secret_encoding", "secrets_newest_first")
		return takeover.ASGIUnsigned(cookie), nil
	}
	return nil, nil
}

// oldPyJWT reports whether the setting pyjwt is a version before 2.10.
func oldPyJWT(s *Settings) bool {
	if !s.Has("pyjwt") {
		return false
	}
	parts := strings.Split(s.String("pyjwt", "")+".0", ".")
	major, err := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	if err != nil || err2 != nil {
		s.problem(`"pyjwt" is not a version, as 2.10.1 is`)
	}
	return major < 2 || major == 2 && minor < 10
}
