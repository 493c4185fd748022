package takeover_test

import (
	"bytes"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

const palletsSecret = "69f786943081ad9c21a721cb4325a9c4"

var palletsNow = time.Date(2024, 7, 1, 12, 0, 0, 0, time.UTC)

// palletsKey is the key that itsdangerous derives from palletsSecret and a salt by default.
func palletsKey(salt string) []byte {
	sum := sha1.Sum([]byte(salt + "signer" + palletsSecret))
	return sum[:]
}

// palletsSign signs text with HMAC-SHA1.
func palletsSign(key []byte, text string) string {
	mac := hmac.New(sha1.New, key)
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// palletsStamp appends a timestamp.
func palletsStamp(text string, unix int64) string {
	stamp := bytes.TrimLeft(binary.BigEndian.AppendUint64(nil, uint64(unix)), "\x00")
	return text + "." + base64.RawURLEncoding.EncodeToString(stamp)
}

// urlsafe is what a URLSafeSerializer makes of JSON.
func urlsafe(data string) string { return base64.RawURLEncoding.EncodeToString([]byte(data)) }

// urlsafeZip is urlsafe, compressed.
func urlsafeZip(data string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write([]byte(data))
	w.Close()
	return "." + urlsafe(b.String())
}

func newItsdangerous(t testing.TB, c takeover.ItsdangerousConfig) *takeover.Reader {
	t.Helper()
	c.Cookie, c.Secrets = "session", []string{palletsSecret}
	r, err := takeover.Itsdangerous(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestItsdangerousReportsEveryProblem(t *testing.T) {
	r, err := takeover.Itsdangerous(takeover.ItsdangerousConfig{
		Class:         "PickleSerializer",
		Secrets:       []string{palletsSecret, ""},
		KeyDerivation: "pbkdf2",
		Digest:        "SHA-1",
		Separator:     "-",
		MaxAge:        -5 * time.Second,
	})
	wantProblems(t, r, err, "Cookie is empty", `Class is "PickleSerializer"`, "Secrets[1] is empty",
		`KeyDerivation is "pbkdf2"`, `Digest is "SHA-1", and known are ["md5" "sha1"`, `Separator is "-"`, "MaxAge is -5s")
	if strings.Contains(err.Error(), palletsSecret) {
		t.Error("the error has a secret in it")
	}
	r, err = takeover.Itsdangerous(takeover.ItsdangerousConfig{Cookie: "c", Class: "Serializer", MaxAge: time.Hour})
	wantProblems(t, r, err, "Secrets is empty", "Serializer does not write when it signed")
	_, err = takeover.Itsdangerous(takeover.ItsdangerousConfig{Cookie: "c", Class: "Signer", Secrets: []string{"x"}, MaxAge: takeover.NoMaxAge})
	if err != nil {
		t.Error(err)
	}
}

func TestItsdangerousRefusesEachForItsReason(t *testing.T) {
	key := palletsKey("itsdangerous")
	at := palletsNow.Unix()
	timed := func(value string) string { return palletsSign(key, palletsStamp(value, at)) }
	user := urlsafe(`{"user":"tomato"}`)
	good := timed(user)
	r := newItsdangerous(t, takeover.ItsdangerousConfig{Class: "URLSafeTimedSerializer", MaxAge: time.Hour})
	if _, err := r.Open(palletsNow, []string{good}); err != nil {
		t.Fatal(err)
	}
	deep := strings.Repeat(`[`, 65) + strings.Repeat(`]`, 65)
	many := "[0" + strings.Repeat(",0", 4096) + "]"
	for _, c := range []struct {
		name   string
		value  string
		reason session.Reason
		says   string
	}{
		{"no separator", "null", session.ErrMalformed, "no signature"},
		{"tag with padding", good + "=", session.ErrMalformed, "base64"},
		{"tag with a newline", good + "\n", session.ErrMalformed, "base64"},
		{"no tag", good[:strings.LastIndex(good, ".")+1], session.ErrForged, ""},
		{"half a tag", good[:len(good)-11], session.ErrForged, ""},
		{"tag and more", good + "AAAA", session.ErrForged, ""},
		{"long tag", good[:len(good)-27] + strings.Repeat("A", 40), session.ErrForged, ""},
		{"another salt", palletsSign(palletsKey("cookie-session"), palletsStamp(user, at)), session.ErrForged, ""},
		{"no timestamp", palletsSign(key, user), session.ErrUndecodable, "timestamp"},
		{"timestamp of six bytes", palletsSign(key, palletsStamp(user, 1<<40)), session.ErrUndecodable, "timestamp"},
		{"timestamp of five bytes", palletsSign(key, palletsStamp(user, 1<<40-1)), session.ErrFuture, ""},
		{"timestamp with a zero in front", palletsSign(key, user+"."+urlsafe("\x00"+string(binary.BigEndian.AppendUint32(nil, uint32(at))))), session.ErrUndecodable, "timestamp"},
		{"timestamp that is not base64", palletsSign(key, user+".Zh?"), session.ErrUndecodable, "timestamp"},
		{"empty timestamp", palletsSign(key, user+"."), session.ErrExpired, ""},
		{"payload with padding", timed(urlsafe(`"a"`) + "="), session.ErrUndecodable, "base64"},
		{"payload with two dots", timed("." + urlsafeZip("{}")), session.ErrUndecodable, "base64"},
		{"not compressed", timed("." + urlsafe(`{"a":1}`)), session.ErrUndecodable, "zlib"},
		{"compressed, and more", timed(urlsafeZip("{}") + "AAAA"), session.ErrUndecodable, "zlib"},
		{"not JSON", timed(urlsafe("tomato")), session.ErrUndecodable, "JSON"},
		{"name twice", timed(urlsafe(`{"tomato":1,"tomato":2}`)), session.ErrUndecodable, "twice"},
		{"pickle", timed(urlsafe("\x80\x04\x95\x0c\x00\x00\x00\x00\x00\x00\x00}\x94.")), session.ErrUndecodable, "pickle"},
		{"compressed pickle", timed(urlsafeZip("\x80\x02}q\x00.")), session.ErrUndecodable, "pickle"},
		{"pickle of protocol 0", timed(urlsafe("(dp0\n.")), session.ErrUndecodable, "pickle"},
		{"inflates to 1 MB", timed(urlsafeZip(`"` + strings.Repeat("A", 1<<20) + `"`)), session.ErrUndecodable, "inflates"},
		{"deep", timed(urlsafe(deep)), session.ErrUndecodable, "deep"},
		{"compressed, deep", timed(urlsafeZip(strings.Repeat(`[`, 32000) + strings.Repeat(`]`, 32000))), session.ErrUndecodable, "deep"},
		{"many entries", timed(urlsafeZip(many)), session.ErrUndecodable, "entries"},
		{"1 MB", timed(urlsafe(strings.Repeat("A", 1<<20))), session.ErrTooLarge, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _ = r.Open(palletsNow, []string{c.value})
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 2<<20 {
				t.Errorf("%d bytes allocated", n)
			}
			wantRefused(t, r, palletsNow, c.value, c.reason, c.says)
		})
	}
	plain := newItsdangerous(t, takeover.ItsdangerousConfig{Class: "Serializer"})
	wantRefused(t, plain, palletsNow, palletsSign(key, "\x80\x04N."), session.ErrUndecodable, "pickle")
	wantRefused(t, plain, palletsNow, palletsSign(key, urlsafe("{}")), session.ErrUndecodable, "JSON")
}

// A session is as old as max_age on the last second of its life, whatever part of that
// second is over, as in the library.
func TestItsdangerousAgesInSeconds(t *testing.T) {
	at := palletsNow.Unix()
	value := palletsSign(palletsKey("itsdangerous"), palletsStamp(urlsafe("{}"), at))
	in2011 := palletsSign(palletsKey("itsdangerous"), palletsStamp(urlsafe("{}"), at-1293840000))
	for _, c := range []struct {
		maxAge time.Duration
		epoch  bool
		now    time.Duration // after it was signed
		want   error
	}{
		{time.Hour, false, 0, nil},
		{time.Hour, false, -1, session.ErrFuture},
		{time.Hour, false, time.Hour, nil},
		{time.Hour, false, time.Hour + time.Second - 1, nil},
		{time.Hour, false, time.Hour + time.Second, session.ErrExpired},
		{time.Hour + time.Second - 1, false, time.Hour + time.Second, session.ErrExpired},
		{time.Second / 2, false, time.Second - 1, nil},
		{time.Second / 2, false, time.Second, session.ErrExpired},
		{time.Hour, true, time.Hour, nil},
		{time.Hour, true, time.Hour + time.Second, session.ErrExpired},
		{time.Hour, true, -1, session.ErrFuture},
		{0, false, 50 * 365 * 24 * time.Hour, nil},
		{takeover.NoMaxAge, false, 50 * 365 * 24 * time.Hour, nil},
		{takeover.NoMaxAge, false, -time.Minute, nil},
		{takeover.NoMaxAge, false, -time.Minute - 1, session.ErrFuture},
	} {
		r := newItsdangerous(t, takeover.ItsdangerousConfig{Class: "URLSafeTimedSerializer", MaxAge: c.maxAge, Epoch2011: c.epoch})
		v := value
		if c.epoch {
			v = in2011
		}
		f, err := r.Open(palletsNow.Add(c.now), []string{v})
		if !errors.Is(err, c.want) {
			t.Errorf("%+v: %v", c, err)
		}
		if err != nil {
			continue
		}
		if !f.Start.Equal(palletsNow) {
			t.Errorf("%+v: starts %v", c, f.Start)
		}
		end := palletsNow.Add(c.maxAge.Truncate(time.Second) + time.Second)
		if c.maxAge <= 0 {
			end = time.Time{}
		}
		if !f.Expires.Equal(end) {
			t.Errorf("%+v: expires %v, want %v", c, f.Expires, end)
		}
	}
	r := newItsdangerous(t, takeover.ItsdangerousConfig{Class: "URLSafeSerializer"})
	f, err := r.Open(palletsNow, []string{palletsSign(palletsKey("itsdangerous"), urlsafe("{}"))})
	if err != nil || !f.Start.IsZero() || !f.Expires.IsZero() {
		t.Error(f, err)
	}
}

// Of several secrets each verifies, and none by what is left of it: the tag of one is not
// that of another.
func TestItsdangerousTakesEachOfItsSecrets(t *testing.T) {
	value := palletsSign(palletsKey("itsdangerous"), urlsafe("{}"))
	for i, secrets := range [][]string{{palletsSecret, "a", "b"}, {"a", palletsSecret, "b"}, {"a", "b", palletsSecret}, {"a", "b", "c"}} {
		r, err := takeover.Itsdangerous(takeover.ItsdangerousConfig{Cookie: "c", Class: "URLSafeSerializer", Secrets: secrets})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.Open(palletsNow, []string{value}); (err == nil) != (i < 3) {
			t.Errorf("%q: %v", secrets, err)
		}
		if shown := fmt.Sprintf("%v %+v %#v", r, r, *r); strings.Contains(shown, palletsSecret) {
			t.Errorf("the secret is shown: %s", shown)
		}
	}
}

// What FIPS 140 does not approve is a problem of the configuration there, and no panic.
func TestItsdangerousUnderFIPS(t *testing.T) {
	if !onlyFIPS(t) {
		return
	}
	c := takeover.ItsdangerousConfig{Cookie: "c", Class: "Serializer", Secrets: []string{palletsSecret}}
	r, err := takeover.Itsdangerous(c)
	wantProblems(t, r, err, "Secrets[0] with sha1: crypto/")
	short := takeover.ItsdangerousConfig{Cookie: "c", Class: "Serializer", Secrets: []string{"short"}, KeyDerivation: "none", Digest: "sha256"}
	r, err = takeover.Itsdangerous(short)
	wantProblems(t, r, err, "Secrets[0] with sha256: crypto/hmac")
	c.Digest = "sha256"
	r, err = takeover.Itsdangerous(c)
	if err != nil {
		t.Fatal(err)
	}
	wantRefused(t, r, palletsNow, "{}."+strings.Repeat("A", 43), session.ErrForged, "")
}

// seedValues adds the values of a system's cases as seeds.
func seedValues(f *testing.F, system string, add func(value string)) {
	f.Helper()
	for _, c := range casesOf(f, system) {
		for _, v := range c.CookieValues {
			add(v.Value)
		}
	}
}

func FuzzItsdangerous(f *testing.F) {
	var readers []*takeover.Reader
	for _, class := range []string{"Signer", "TimestampSigner", "Serializer", "TimedSerializer", "URLSafeSerializer", "URLSafeTimedSerializer"} {
		readers = append(readers, newItsdangerous(f, takeover.ItsdangerousConfig{Class: class, Salt: "s"}))
	}
	seedValues(f, "itsdangerous", func(value string) {
		payload, _, _ := strings.Cut(value, ".")
		f.Add(value, payload)
	})
	key := palletsKey("s")
	f.Fuzz(func(t *testing.T, value, payload string) {
		var signed []string
		for _, text := range []string{payload, urlsafe(payload), urlsafeZip(payload)} {
			signed = append(signed, palletsSign(key, text), palletsSign(key, palletsStamp(text, palletsNow.Unix())))
		}
		for _, r := range readers {
			if _, err := r.Open(palletsNow, []string{value}); err == nil {
				t.Fatal("accepted, and nobody signed it")
			}
			for _, text := range signed {
				wantReason(t, r, text)
			}
		}
	})
}

// wantReason fails if value is refused without a reason.
func wantReason(t *testing.T, r *takeover.Reader, value string) {
	t.Helper()
	f, err := r.Open(palletsNow, []string{value})
	if err != nil && !errors.As(err, new(session.Reason)) {
		t.Fatalf("refused without a reason: %v", err)
	}
	if err == nil {
		_, _ = takeover.Values(f.Data)
	}
}

// Python's http.cookies puts the JSON of a Serializer into quotes.
func TestItsdangerousReadsWhatPythonHasQuoted(t *testing.T) {
	const text, quoted = `{"user": "tom, o", "n": [1, 2]}`, `{\"user\": \"tom\054 o\"\054 \"n\": [1\054 2]}`
	r := newItsdangerous(t, takeover.ItsdangerousConfig{Class: "Serializer"})
	signed := palletsSign(palletsKey("itsdangerous"), text)
	sig := strings.TrimPrefix(signed, text)
	for _, cookie := range []string{signed, `"` + quoted + sig + `"`} {
		f, err := r.Open(palletsNow, []string{cookie})
		if data, ok := f.Data.(map[string]any); err != nil || !ok || data["user"] != "tom, o" {
			t.Errorf("%s: %v, %v", cookie, f.Data, err)
		}
	}
	for _, cookie := range []string{`"` + signed + `"`, `"` + quoted + sig, `"` + strings.ReplaceAll(quoted, `\054`, ",") + sig + `"`} {
		if _, err := r.Open(palletsNow, []string{cookie}); err == nil {
			t.Errorf("%s is accepted, which Python does not write", cookie)
		}
	}
}
