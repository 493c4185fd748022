package takeover_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

func newFlask(t testing.TB, c takeover.FlaskConfig) *takeover.Reader {
	t.Helper()
	c.Secrets = []string{palletsSecret}
	r, err := takeover.Flask(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// flaskKey is the key that Flask derives from palletsSecret.
func flaskKey(salt string) []byte {
	mac := hmac.New(sha1.New, []byte(palletsSecret))
	mac.Write([]byte(salt))
	return mac.Sum(nil)
}

// flaskCookie is the cookie of Flask that has data.
func flaskCookie(data string) string {
	return palletsSign(flaskKey("cookie-session"), palletsStamp(urlsafe(data), palletsNow.Unix()))
}

func TestFlaskReportsEveryProblem(t *testing.T) {
	r, err := takeover.Flask(takeover.FlaskConfig{KeyDerivation: "sha1", Digest: "hmac", MaxAge: -time.Minute})
	wantProblems(t, r, err, "Secrets is empty: it has SECRET_KEY, and behind it SECRET_KEY_FALLBACKS, which SECRET_KEY is not among",
		`KeyDerivation is "sha1"`, `Digest is "hmac"`, "MaxAge is -1m0s")
	r, err = takeover.Flask(takeover.FlaskConfig{Secrets: []string{"a", ""}, MaxAge: takeover.NoMaxAge})
	wantProblems(t, r, err, "Secrets[1] is empty", "Flask always has one: PERMANENT_SESSION_LIFETIME")
}

func TestFlaskLivesForMaxAge(t *testing.T) {
	value := flaskCookie(`{"user":"tom"}`)
	for _, c := range []struct{ maxAge, want time.Duration }{
		{0, 31 * 24 * time.Hour},
		{time.Hour, time.Hour},
	} {
		r := newFlask(t, takeover.FlaskConfig{MaxAge: c.maxAge})
		f, err := r.Open(palletsNow.Add(c.want), []string{value})
		if err != nil || !f.Start.Equal(palletsNow) || !f.Expires.Equal(palletsNow.Add(c.want+time.Second)) {
			t.Error(f, err)
		}
		wantRefused(t, r, palletsNow.Add(c.want+time.Second), value, session.ErrExpired, "MaxAge")
		wantRefused(t, r, palletsNow.Add(-1), value, session.ErrFuture, "future")
	}
	old := palletsSign(flaskKey("cookie-session"), palletsStamp(urlsafe("{}"), palletsNow.Unix()-1293840000))
	wantRefused(t, newFlask(t, takeover.FlaskConfig{}), palletsNow, old, session.ErrExpired, "")
	if f, err := newFlask(t, takeover.FlaskConfig{Epoch2011: true}).Open(palletsNow, []string{old}); err != nil || !f.Start.Equal(palletsNow) {
		t.Error(f, err)
	}
}

func TestFlaskSettingsOfTheSessionInterface(t *testing.T) {
	value := palletsSign(flaskKey("another"), palletsStamp(urlsafe("{}"), palletsNow.Unix()))
	wantRefused(t, newFlask(t, takeover.FlaskConfig{}), palletsNow, value, session.ErrForged, "")
	r := newFlask(t, takeover.FlaskConfig{Cookie: "app", Salt: "another"})
	if _, err := r.Open(palletsNow, []string{value}); err != nil || r.Cookies()[0] != "app" {
		t.Error(err, r.Cookies())
	}
	value = palletsSign(palletsKey("cookie-session"), palletsStamp(urlsafe("{}"), palletsNow.Unix()))
	if _, err := newFlask(t, takeover.FlaskConfig{KeyDerivation: "django-concat"}).Open(palletsNow, []string{value}); err != nil {
		t.Error(err)
	}
}

func TestFlaskReadsTags(t *testing.T) {
	uuid := takeover.UUID{0x6b, 0xa7, 0xb8, 0x10, 15: 0xc8}
	for text, want := range map[string]any{
		`{" t":[]}`:                          takeover.Tuple{},
		`{" t":[{" t":[1]},[{" m":"<b>"}]]}`: takeover.Tuple{takeover.Tuple{int64(1)}, []any{takeover.Markup("<b>")}},
		`{" b":""}`:                          []byte{},
		`{" b":"AP8="}`:                      []byte{0, 255},
		`{" u":"6ba7b8100000000000000000000000c8"}`:        uuid,
		`{" d":"Thu, 29 Feb 2024 12:30:59 GMT"}`:           time.Date(2024, 2, 29, 12, 30, 59, 0, time.UTC),
		`{" di":{" t__":[1]}}`:                             map[string]any{" t": []any{int64(1)}},
		`{" di":{" t__":{" t":[]}}}`:                       map[string]any{" t": takeover.Tuple{}},
		`{" di":{" di__":{" di":{" b__":{" b":"AA=="}}}}}`: map[string]any{" di": map[string]any{" b": []byte{0}}},
		`{" t__":1}`:       map[string]any{" t__": int64(1)},
		`{" t":[1],"y":2}`: map[string]any{" t": []any{int64(1)}, "y": int64(2)},
		`{" zz":1}`:        map[string]any{" zz": int64(1)},
		`{"t":1}`:          map[string]any{"t": int64(1)},
	} {
		f, err := newFlask(t, takeover.FlaskConfig{}).Open(palletsNow, []string{flaskCookie(`{"x":[` + text + `],"y":1}`)})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if got := f.Data.(map[string]any)["x"].([]any)[0]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %#v, want %#v", text, got, want)
		}
	}
	f, err := newFlask(t, takeover.FlaskConfig{}).Open(palletsNow, []string{flaskCookie(`{" di":{" t__":[1]}}`)})
	if err != nil || !reflect.DeepEqual(f.Data, map[string]any{" t": []any{int64(1)}}) {
		t.Error(f.Data, err)
	}
}

func TestFlaskRefusesTagsOfSomethingElse(t *testing.T) {
	for _, text := range []string{
		`{" t":"abc"}`, `{" t":{}}`, `{" t":null}`,
		`{" b":"AP8"}`, `{" b":"AP9="}`, `{" b":"AP8=\n"}`, `{" b":1}`, `{" b":"_w=="}`,
		`{" m":1}`, `{" m":{" m":"<b>"}}`,
		`{" u":""}`, `{" u":"6ba7b810"}`, `{" u":"6ba7b810-0000-0000-0000-0000000000c8"}`, `{" u":1}`, `{" u":"6ba7b8100000000000000000000000c8ff"}`,
		`{" d":"yesterday"}`, `{" d":"Fri, 29 Feb 2024 12:30:59 GMT"}`, `{" d":"Thu, 29 Feb 2024 12:30:59.5 GMT"}`, `{" d":1}`, `{" d":"Thu, 30 Feb 2024 12:30:59 GMT"}`,
		`{" di":{}}`, `{" di":{" t__":1,"a__":2}}`, `{" di":{" zz":1}}`, `{" di":1}`, `{" di":{" t":[]}}`,
	} {
		wantRefused(t, newFlask(t, takeover.FlaskConfig{}), palletsNow, flaskCookie(`{"x":`+text+`,"y":1}`), session.ErrUndecodable, "a tag has something else")
	}
}

func TestFlaskRefusesEachForItsReason(t *testing.T) {
	signed := func(text string) string {
		return palletsSign(flaskKey("cookie-session"), palletsStamp(text, palletsNow.Unix()))
	}
	r := newFlask(t, takeover.FlaskConfig{})
	// In the form of werkzeug's SecureCookie, made by hand: the tag is of nothing.
	const pickled = "o0y5Z5cz1AVMd2VgV4rX6e2bVbk=?user=Uyd0b21hdG8nCnAwCi4="
	for _, c := range []struct {
		name   string
		value  string
		reason session.Reason
		says   string
	}{
		{"SecureCookie", pickled, session.ErrMalformed, "pickle, which is never read"},
		{"SecureCookie in quotes", `"` + pickled + `"`, session.ErrMalformed, "pickle, which is never read"},
		{"something else with a question mark", "what?user=UydzdG9tYXRvJw", session.ErrMalformed, "no signature"},
		{"pickle", signed(urlsafe("\x80\x04}.")), session.ErrUndecodable, "pickle, which is never read"},
		{"a list", flaskCookie("[]"), session.ErrUndecodable, "object"},
		{"a tuple", flaskCookie(`{" t":[]}`), session.ErrUndecodable, "not a dict"},
		{"null", flaskCookie("null"), session.ErrUndecodable, "object"},
		{"no timestamp", palletsSign(flaskKey("cookie-session"), urlsafe("{}")), session.ErrUndecodable, "timestamp"},
		{"without its dot", strings.TrimPrefix(signed(urlsafeZip("{}")), "."), session.ErrForged, ""},
		{"inflates to 1 MB", signed(urlsafeZip(`{"a":"` + strings.Repeat("A", 1<<20) + `"}`)), session.ErrUndecodable, "inflates"},
		{"deep tags", flaskCookie(strings.Repeat(`{" t":[`, 600) + strings.Repeat("]}", 600)), session.ErrUndecodable, "deep"},
		{"1 MB", flaskCookie(`{"a":"` + strings.Repeat("x", 1<<20) + `"}`), session.ErrTooLarge, ""},
	} {
		t.Run(c.name, func(t *testing.T) { wantRefused(t, r, palletsNow, c.value, c.reason, c.says) })
	}
}

func FuzzFlask(f *testing.F) {
	r := newFlask(f, takeover.FlaskConfig{MaxAge: 50 * 365 * 24 * time.Hour})
	seedValues(f, "flask", func(value string) {
		f.Add(value, `{"_flashes":[{" t":["message","Hi"]}],"a":{" b":"AP8="},"b":{" di":{" u__":{" u":""}}}}`)
	})
	f.Add("o0y5Z5cz1AVMd2VgV4rX6e2bVbk=?user=Uyd0b21hdG8nCnAwCi4=", `{"a":{" d":"Thu, 29 Feb 2024 12:30:59 GMT"}}`)
	f.Fuzz(func(t *testing.T, value, payload string) {
		wantReason(t, r, value)
		wantReason(t, r, flaskCookie(payload))
		wantReason(t, r, palletsSign(flaskKey("cookie-session"), palletsStamp(payload, palletsNow.Unix())))
		wantReason(t, r, palletsSign(flaskKey("cookie-session"), palletsStamp(urlsafeZip(payload), palletsNow.Unix())))
	})
}
