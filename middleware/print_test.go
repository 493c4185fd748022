package middleware_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/middleware"
	"github.com/keyturn/keyturn/session"
)

func TestWhatAHandlerPrintsHasNothingOfTheSession(t *testing.T) {
	m := newManager(t, session.Config{})
	mw := newMiddleware(t, m, middleware.Config{})
	value := sealed(t, m, time.Now(), visit{User: "very-secret"})
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Cookie", m.Name()+"="+value)
	printed := 0
	mw.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.From(r.Context()).Data()
		for _, verb := range []string{"%v", "%+v", "%s", "%q", "%#v", "%x"} {
			for _, x := range []any{r.Context(), m.From(r.Context()), w} {
				printed++
				s := fmt.Sprintf(verb, x)
				for _, leak := range []string{"very-secret", value, fmt.Sprintf("%x", "very-secret"), strings.Trim(fmt.Sprint([]byte("very-secret")), "[]")} {
					if strings.Contains(s, leak) {
						t.Errorf("%T with %s has the session in it", x, verb)
					}
				}
			}
		}
	})).ServeHTTP(httptest.NewRecorder(), r)
	if printed != 18 {
		t.Errorf("%d prints", printed)
	}
}
