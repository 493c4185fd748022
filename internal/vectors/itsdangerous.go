package vectors

import (
	"cmp"

	"github.com/keyturn/keyturn/session/takeover"
)

func itsdangerous(cookie string, s *Settings) (*takeover.Reader, error) {
	class := s.String("class", "")
	s.Only("serializer", "json", "json-compact", "raw") // the class has one of them
	s.Ignore("timestamped", "compressible")             // so has it these
	return takeover.Itsdangerous(takeover.ItsdangerousConfig{
		Cookie:        cmp.Or(cookie, "session"), // it is not signed
		Class:         class,
		Secrets:       texts(s.Secrets("secrets_oldest_first", "secret")),
		Salt:          s.String("salt", ""),
		KeyDerivation: s.String("key_derivation", ""),
		Digest:        s.String("digest", ""),
		Separator:     s.String("sep", ""),
		MaxAge:        s.MaxAge(),
		Epoch2011:     epoch2011(s),
	})
}

// epoch2011 reads the setting epoch, in Unix seconds.
func epoch2011(s *Settings) bool {
	epoch := s.Int("epoch", 0)
	if epoch != 0 && epoch != 1293840000 {
		s.problem("\"epoch\" is %d, known is 0, and 1293840000 of itsdangerous before 1.0", epoch)
	}
	return epoch != 0
}
