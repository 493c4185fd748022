package takeover_test

import (
	"context"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

// A request has one cookie, of another library.
type request struct {
	now   time.Time
	value string
}

func (r request) Now() time.Time          { return r.now }
func (r request) Cookies(string) []string { return nil }

func (r request) RawCookies(name string) []string {
	if name == session.DefaultName {
		return nil
	}
	return []string{r.value}
}
func (request) WouldHaveOurs() bool { return true }

// Libraries that count whole seconds take a session of just their MaxAge for all of that
// second. Where it has been taken over, nobody is signed out before that.
func TestASessionLastsForItsLastSecondOnceItIsTakenOver(t *testing.T) {
	const object = `{"user":"tom"}`
	made := time.Unix(1_750_000_000, 0)
	gorilla := gorillaConfig()
	gorilla.MaxAge = time.Hour
	for _, c := range []struct {
		reader *takeover.Reader
		made   time.Time
		value  string
	}{
		{newFlask(t, takeover.FlaskConfig{MaxAge: time.Hour}), palletsNow, flaskCookie(object)},
		{newStarlette(t, time.Hour), palletsNow, starletteCookie(object, palletsNow)},
		{newFernet(t, time.Hour), made, fernetToken(fernetSecret, made, object)},
		{gorillaReader(t, gorilla), gorillaTime, gorillaSeal(gorillaHash, nil, gorillaTime, toGob(t, map[any]any{"user": "tom"}))},
	} {
		visits, err := session.New(session.Config{Keys: keyring.Ephemeral()}, session.Takeover[session.Values]{
			From: c.reader, Convert: takeover.Values, Until: time.Now().AddDate(100, 0, 0),
		})
		if err != nil {
			t.Fatal(err)
		}
		user := func(now time.Time) string {
			s, _ := visits.Begin(context.Background(), request{now, c.value})
			return session.Key[string]("user").Get(s.Data())
		}
		end := c.made.Add(time.Hour + time.Second)
		if u := user(end.Add(-1)); u != "tom" {
			t.Errorf("%s: in its last second, it is of %q", c.reader.System(), u)
		}
		if u := user(end); u != "" {
			t.Errorf("%s: behind it, it is of %q", c.reader.System(), u)
		}
	}
}
