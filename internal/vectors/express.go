package vectors

import "github.com/keyturn/keyturn/session/takeover"

func express(cookie string, s *Settings) (*takeover.Reader, error) {
	// The cookie does not say when it was made.
	s.Ignore("serializer", "options", "max_age")
	if !s.Bool("signed", true) {
		s.Ignore("algorithm", "signature_encoding", "keys_newest_first", "secret", "secret_encoding")
		return takeover.ExpressUnsigned(cookie), nil
	}
	return takeover.Express(takeover.ExpressConfig{
		Cookie:   cookie,
		Secrets:  texts(s.Secrets("keys_newest_first", "secret")),
		Hash:     s.String("algorithm", ""),
		Encoding: signatureEncoding(s),
	})
}

// signatureEncoding returns the encoding of a Keygrip, which makes base64url of base64.
func signatureEncoding(s *Settings) string {
	encoding := s.String("signature_encoding", "")
	switch encoding {
	case "base64url-nopad", "base64url":
		return "base64"
	}
	return encoding
}
