package vectors

import "github.com/keyturn/keyturn/session/takeover"

func koa(cookie string, s *Settings) (*takeover.Reader, error) {
	s.Ignore("serializer", "options", "max_age") // the cookie says when it ends
	if !s.Bool("signed", true) {
		s.problem("%q is false: an unsigned cookie of koa-session is not read", "signed")
	}
	return takeover.Koa(takeover.KoaConfig{
		Cookie:   cookie,
		Secrets:  texts(s.Secrets("keys_newest_first", "secret")),
		Hash:     s.String("algorithm", ""),
		Encoding: signatureEncoding(s),
	})
}
