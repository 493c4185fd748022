package takeover_test

import (
	"encoding/base64"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

func newStarlette(t testing.TB, maxAge time.Duration) *takeover.Reader {
	t.Helper()
	r, err := takeover.Starlette(takeover.StarletteConfig{Secrets: []string{palletsSecret}, MaxAge: maxAge})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// starletteCookie is the cookie of Starlette that has data and was sent at at.
func starletteCookie(data string, at time.Time) string {
	text := base64.StdEncoding.EncodeToString([]byte(data))
	return palletsSign(palletsKey("itsdangerous.Signer"), palletsStamp(text, at.Unix()))
}

func TestStarletteReportsEveryProblem(t *testing.T) {
	r, err := takeover.Starlette(takeover.StarletteConfig{MaxAge: -time.Minute})
	wantProblems(t, r, err, "Secrets is empty: it has the secret_key", "MaxAge is -1m0s")
	r, err = takeover.Starlette(takeover.StarletteConfig{Secrets: []string{""}})
	wantProblems(t, r, err, "Secrets[0] is empty")
}

func TestStarletteLivesForMaxAge(t *testing.T) {
	value := starletteCookie(`{"user": "tom"}`, palletsNow)
	for _, c := range []struct{ maxAge, want time.Duration }{
		{0, 14 * 24 * time.Hour},
		{time.Minute, time.Minute},
	} {
		r := newStarlette(t, c.maxAge)
		f, err := r.Open(palletsNow.Add(c.want), []string{value})
		if err != nil || !f.Start.Equal(palletsNow) || !f.Expires.Equal(palletsNow.Add(c.want+time.Second)) {
			t.Error(f, err)
		}
		wantRefused(t, r, palletsNow.Add(c.want+time.Second), value, session.ErrExpired, "MaxAge")
		wantRefused(t, r, palletsNow.Add(-1), value, session.ErrFuture, "future")
	}
	f, err := newStarlette(t, takeover.NoMaxAge).Open(palletsNow.AddDate(20, 0, 0), []string{value})
	if err != nil || !f.Expires.IsZero() || !reflect.DeepEqual(f.Data, map[string]any{"user": "tom"}) {
		t.Error(f, err)
	}
}

func TestStarletteRefusesEachForItsReason(t *testing.T) {
	r := newStarlette(t, 0)
	if name := r.Cookies(); len(name) != 1 || name[0] != "session" {
		t.Errorf("the cookie is %q", name)
	}
	key := palletsKey("itsdangerous.Signer")
	signed := func(text string) string { return palletsSign(key, palletsStamp(text, palletsNow.Unix())) }
	for _, c := range []struct {
		name   string
		value  string
		reason session.Reason
		says   string
	}{
		{"cleared", "null", session.ErrMalformed, ""},
		{"before 0.8", palletsSign(key, "e30="), session.ErrUndecodable, "timestamp"},
		{"without padding", signed("eyJhIjoxMX0"), session.ErrUndecodable, "base64"},
		{"the other alphabet", signed(strings.ReplaceAll(base64.URLEncoding.EncodeToString([]byte(`{"a":"???>>>"}`)), "=", "")), session.ErrUndecodable, "base64"},
		{"compressed", signed(urlsafeZip("{}")), session.ErrUndecodable, "base64"},
		{"a list", starletteCookie("[1]", palletsNow), session.ErrUndecodable, "object"},
		{"null", starletteCookie("null", palletsNow), session.ErrUndecodable, "object"},
		{"empty", signed(""), session.ErrUndecodable, "JSON"},
		{"NaN", starletteCookie(`{"a": NaN}`, palletsNow), session.ErrUndecodable, "JSON"},
		{"deep", starletteCookie(`{"a":`+strings.Repeat("[", 5000)+strings.Repeat("]", 5000)+"}", palletsNow), session.ErrUndecodable, "deep"},
		{"1 MB", starletteCookie(`{"a":"`+strings.Repeat("x", 1<<20)+`"}`, palletsNow), session.ErrTooLarge, ""},
	} {
		t.Run(c.name, func(t *testing.T) { wantRefused(t, r, palletsNow, c.value, c.reason, c.says) })
	}
}

func FuzzStarlette(f *testing.F) {
	r := newStarlette(f, takeover.NoMaxAge)
	seedValues(f, "starlette", func(value string) {
		text, _, _ := strings.Cut(value, ".")
		data, _ := base64.StdEncoding.DecodeString(text)
		f.Add(value, string(data))
	})
	key := palletsKey("itsdangerous.Signer")
	f.Fuzz(func(t *testing.T, value, payload string) {
		wantReason(t, r, value)
		wantReason(t, r, starletteCookie(payload, palletsNow))
		wantReason(t, r, palletsSign(key, palletsStamp(payload, palletsNow.Unix())))
	})
}
