package middleware

import (
	"time"

	"github.com/keyturn/keyturn/internal/envelope"
)

func init() {
	envelope.Header = func(middleware any) (find func(map[string][]string) []string, set func(map[string][]string, string, time.Duration)) {
		s := middleware.(*Middleware).settings
		var room [1]string
		find = func(h map[string][]string) []string { return appendCookies(room[:0], h["Cookie"], s.name) }
		return find, func(h map[string][]string, value string, age time.Duration) {
			replaceCookie(h, s.name, s.cookies[s.name].set(value, age), nil)
		}
	}
}
