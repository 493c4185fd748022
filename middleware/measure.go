package middleware

import (
	"net/http"
	"time"

	"github.com/keyturn/keyturn/internal/envelope"
)

func init() {
	envelope.Header = func(middleware any) (find func(map[string][]string) []string, set func(map[string][]string, string, time.Duration)) {
		s := middleware.(*Middleware).settings
		q := &question{settings: s, r: new(http.Request)}
		find = func(h map[string][]string) []string {
			q.r.Header, q.lent = h, false
			return q.Cookies(s.name)
		}
		return find, func(h map[string][]string, value string, age time.Duration) {
			replaceCookie(h, s.name, s.cookies[s.name].set(value, age), nil)
		}
	}
}
