package takeover_test

import (
	"bytes"
	"compress/zlib"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"hash"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

const (
	djangoSecret   = "django-insecure-one"
	djangoSessions = "django.contrib.sessions.backends.signed_cookies"
)

// djangoSign signs value as Django's Signer does.
func djangoSign(h func() hash.Hash, salt, secret, sep, value string) string {
	key := h()
	key.Write([]byte(salt + "signer" + secret))
	mac := hmac.New(h, key.Sum(nil))
	mac.Write([]byte(value))
	return value + sep + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// djangoTime writes a timestamp.
func djangoTime(t time.Time) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	text := ""
	for n := t.Unix(); n > 0; n /= 62 {
		text = string(digits[n%62]) + text
	}
	return text
}

// djangoCookie returns a session with this payload, made at djangoIssued.
func djangoCookie(payload string) string {
	return djangoValue(base64.RawURLEncoding.EncodeToString([]byte(payload)) + ":" + djangoTime(djangoIssued))
}

// djangoValue signs what a session's cookie has before its tag.
func djangoValue(value string) string {
	return djangoSign(sha256.New, djangoSessions, djangoSecret, ":", value)
}

// djangoDeflated returns text as Django marks what is compressed.
func djangoDeflated(text string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return "." + base64.RawURLEncoding.EncodeToString(b.Bytes())
}

var djangoIssued = time.Unix(1_700_000_000, 0)

// djangoReader returns a reader that is what c says, and has a secret and a cookie.
func djangoReader(t testing.TB, c takeover.DjangoConfig) *takeover.Reader {
	t.Helper()
	if c.Secrets == nil {
		c.Secrets = []string{djangoSecret}
	}
	if c.Cookie == "" && c.Kind != "" {
		c.Cookie = "data"
	}
	r, err := takeover.Django(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestDjangoNamesEveryProblem(t *testing.T) {
	for _, tt := range []struct {
		name   string
		config takeover.DjangoConfig
		want   []string
	}{
		{"nothing is set", takeover.DjangoConfig{}, []string{"SECRET_KEY"}},
		{"an empty secret", takeover.DjangoConfig{Secrets: []string{"a", ""}}, []string{"Secrets[1] is empty"}},
		{"unknown kind", takeover.DjangoConfig{Secrets: []string{"a"}, Kind: "pickle"}, []string{`Kind is "pickle"`}},
		{"negative age", takeover.DjangoConfig{Secrets: []string{"a"}, MaxAge: -time.Second}, []string{"MaxAge is -1s"}},
		{"unknown hash", takeover.DjangoConfig{Secrets: []string{"a"}, Hash: "md5"}, []string{`Hash is "md5"`}},
		{"unknown hash beside SHA-1", takeover.DjangoConfig{Secrets: []string{"a"}, Hash: "SHA1", LegacySHA1: true}, []string{`Hash is "SHA1"`}},
		{"no name", takeover.DjangoConfig{Secrets: []string{"a"}, Kind: takeover.DjangoSignedCookie}, []string{"no name by default"}},
		{"the prefixed secret", takeover.DjangoConfig{Cookie: "c", Kind: takeover.DjangoSignedCookie, Secrets: []string{"django.http.cookiesabc"}},
			[]string{"Secrets[0] begins with"}},
		{"an age without a time", takeover.DjangoConfig{Cookie: "c", Kind: takeover.DjangoSigner, Secrets: []string{"a"}, MaxAge: time.Hour},
			[]string{"perhaps it is a TimestampSigner's"}},
		{"a session's separator", takeover.DjangoConfig{Secrets: []string{"a"}, Sep: "/"}, []string{"Sep is an argument of"}},
		{"an unsafe separator", takeover.DjangoConfig{Cookie: "c", Kind: takeover.DjangoSigner, Secrets: []string{"a"}, Sep: "-^"},
			[]string{"Sep has no character but"}},
		{"several", takeover.DjangoConfig{Kind: takeover.DjangoSigner, MaxAge: -5, Hash: "x", Sep: "=", Secrets: []string{""}},
			[]string{"no name", "MaxAge", "Hash", "Sep", "Secrets[0]"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := takeover.Django(tt.config)
			if err == nil {
				t.Fatal("no error")
			}
			if got := strings.Count(err.Error(), "\n") + 1; got != len(tt.want) {
				t.Errorf("%d problems, want %d: %v", got, len(tt.want), err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v does not have %q", err, want)
				}
			}
		})
	}
}

func TestDjangoSaysWhyItRefuses(t *testing.T) {
	r := djangoReader(t, takeover.DjangoConfig{})
	ts := ":" + djangoTime(djangoIssued)
	good := djangoCookie(`{"user":"tom"}`)
	body, tag := good[:len(good)-43], good[len(good)-43:]
	for _, tt := range []struct {
		name   string
		value  string
		reason session.Reason
		text   string
	}{
		{"no separator", "abcdefgh", session.ErrMalformed, "no signature"},
		{"no tag", body, session.ErrForged, ""},
		{"a shorter tag", body + tag[:42], session.ErrForged, ""},
		{"a longer tag", good + "A", session.ErrForged, ""},
		{"the tag in the other alphabet", body + strings.NewReplacer("-", "+", "_", "/").Replace(tag) + "=", session.ErrForged, ""},
		{"another secret", djangoSign(sha256.New, djangoSessions, "other", ":", body[:len(body)-1]), session.ErrForged, ""},
		{"another salt", djangoSign(sha256.New, "django.core.signing", djangoSecret, ":", body[:len(body)-1]), session.ErrForged, ""},
		{"SHA-1", djangoSign(sha1.New, djangoSessions, djangoSecret, ":", body[:len(body)-1]), session.ErrForged, ""},
		{"no timestamp", djangoValue("e30"), session.ErrMalformed, "no timestamp"},
		{"an empty timestamp", djangoValue("e30:"), session.ErrMalformed, "timestamp is not"},
		{"a leading zero", djangoValue("e30:0" + ts[1:]), session.ErrMalformed, "timestamp is not"},
		{"a sign", djangoValue("e30:-1"), session.ErrMalformed, "timestamp is not"},
		{"a timestamp beyond integers", djangoValue("e30:zzzzzzzzzzzzzzzzzzzzzzz"), session.ErrFuture, "future"},
		{"unused bits", djangoValue("e31" + ts), session.ErrMalformed, "base64"},
		{"padding", djangoValue("e30=" + ts), session.ErrMalformed, "base64"},
		{"a line break", djangoValue("e3\n0" + ts), session.ErrMalformed, "base64"},
		{"marked as compressed", djangoValue(".e30" + ts), session.ErrUndecodable, "zlib"},
		{"pickle 4", djangoCookie("\x80\x04\x95\x0a\x00\x00\x00\x00\x00\x00\x00}\x94."), session.ErrUndecodable, "pickle"},
		{"pickle 0", djangoCookie("(dp0\nVuser\np1\nVtom\np2\ns."), session.ErrUndecodable, "pickle"},
		{"pickle, compressed", djangoValue(djangoDeflated("\x80\x05}q\x00.") + ts), session.ErrUndecodable, "pickle"},
		{"Latin-1", djangoCookie("{\"u\":\"caf\xe9\"}"), session.ErrUndecodable, "ASCII"},
		{"UTF-8", djangoCookie(`{"u":"café"}`), session.ErrUndecodable, "ASCII"},
		{"NaN", djangoCookie(`{"u":NaN}`), session.ErrUndecodable, "not JSON"},
		{"a name twice", djangoCookie(`{"user":1,"user":2}`), session.ErrUndecodable, "twice"},
		{"a list", djangoCookie(`["user"]`), session.ErrUndecodable, "not an object"},
		{"an expiry that is none", djangoCookie(`{"_session_expiry":"tomorrow"}`), session.ErrUndecodable, "_session_expiry"},
		{"an expiry that is true", djangoCookie(`{"_session_expiry":true}`), session.ErrUndecodable, "_session_expiry"},
		{"quoted without need", `"` + good + `"`, session.ErrMalformed, "quotes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantRefused(t, r, djangoIssued, tt.value, tt.reason, tt.text)
		})
	}
}

func TestDjangoReadsWhatEachOfItsSignersMakes(t *testing.T) {
	ts := ":" + djangoTime(djangoIssued)
	tom := map[string]any{"user": "tom"}
	const json = "eyJ1c2VyIjoidG9tIn0"
	for _, tt := range []struct {
		name   string
		config takeover.DjangoConfig
		value  string
		want   any
	}{
		{"session", takeover.DjangoConfig{}, djangoValue(json + ts), tom},
		{"compressed session", takeover.DjangoConfig{}, djangoValue(djangoDeflated(`{"user":"tom"}`) + ts), tom},
		{"session of a fallback", takeover.DjangoConfig{Secrets: []string{"new", djangoSecret, "older"}}, djangoValue(json + ts), tom},
		{"session of Django 3.0", takeover.DjangoConfig{Hash: "sha1"},
			djangoSign(sha1.New, djangoSessions, djangoSecret, ":", json+ts), tom},
		{"session of Django 3.0 in 3.2", takeover.DjangoConfig{LegacySHA1: true},
			djangoSign(sha1.New, djangoSessions, djangoSecret, ":", json+ts), tom},
		{"session of Django 3.2 beside those of 3.0", takeover.DjangoConfig{LegacySHA1: true}, djangoValue(json + ts), tom},
		{"session of a salt of its own", takeover.DjangoConfig{Salt: "mine"}, djangoSign(sha256.New, "mine", djangoSecret, ":", json+ts), tom},
		{"signed cookie", takeover.DjangoConfig{Kind: takeover.DjangoSignedCookie, Cookie: "pref", Salt: "s1"},
			djangoSign(sha256.New, "prefs1", "django.http.cookies"+djangoSecret, ":", "dark:er"+ts), "dark:er"},
		{"empty signed cookie", takeover.DjangoConfig{Kind: takeover.DjangoSignedCookie, Cookie: "pref"},
			djangoSign(sha256.New, "pref", "django.http.cookies"+djangoSecret, ":", ts), ""},
		{"dumps", takeover.DjangoConfig{Kind: takeover.DjangoDumps},
			djangoSign(sha256.New, "django.core.signing", djangoSecret, ":", "WzEsIngiXQ"+ts), []any{int64(1), "x"}},
		{"TimestampSigner", takeover.DjangoConfig{Kind: takeover.DjangoTimestampSigner, Sep: "/", Hash: "sha512"},
			djangoSign(sha512.New, "django.core.signing.TimestampSigner", djangoSecret, "/", "a:b/c/"+ts[1:]), "a:b/c"},
		{"Signer", takeover.DjangoConfig{Kind: takeover.DjangoSigner, Hash: "sha384"},
			djangoSign(sha512.New384, "django.core.signing.Signer", djangoSecret, ":", "Grüße"), "Grüße"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := djangoReader(t, tt.config)
			f, err := r.Open(djangoIssued, []string{tt.value})
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(f.Data, tt.want) {
				t.Errorf("got %#v, want %#v", f.Data, tt.want)
			}
			if want := tt.config.Kind != takeover.DjangoSigner; f.Start.Equal(djangoIssued) != want {
				t.Errorf("starts at %v", f.Start)
			}
		})
	}

	r := djangoReader(t, takeover.DjangoConfig{Kind: takeover.DjangoSigner})
	wantRefused(t, r, djangoIssued, djangoSign(sha256.New, "django.core.signing.Signer", djangoSecret, ":", "\xff"), session.ErrUndecodable, "UTF-8")
}

func TestDjangoEndsSessions(t *testing.T) {
	at := func(d time.Duration) time.Time { return djangoIssued.Add(d) }
	const day = 24 * time.Hour
	for _, tt := range []struct {
		name    string
		maxAge  time.Duration
		payload string
		end     time.Duration // 0: none
	}{
		{"by default", 0, `{}`, 14 * day},
		{"after MaxAge", time.Hour, `{}`, time.Hour},
		{"never", takeover.NoMaxAge, `{}`, 0},
		{"by its own expiry", 0, `{"_session_expiry":300}`, 300 * time.Second},
		{"by its own expiry alone", takeover.NoMaxAge, `{"_session_expiry":300}`, 300 * time.Second},
		{"by a part of a second", 0, `{"_session_expiry":1.5}`, 1500 * time.Millisecond},
		{"at MaxAge before its own expiry", time.Hour, `{"_session_expiry":7200}`, time.Hour},
		{"at MaxAge before the end of the world", time.Hour, `{"_session_expiry":99999999999}`, time.Hour},
		{"at MaxAge where it ends with the browser", time.Hour, `{"_session_expiry":0}`, time.Hour},
		{"at MaxAge where its expiry is null", time.Hour, `{"_session_expiry":null}`, time.Hour},
		{"at a time", 0, `{"_session_expiry":"2023-11-14T22:15:00.250000+00:00"}`, 100*time.Second + 250*time.Millisecond},
		{"at a time of a zone", 0, `{"_session_expiry":"2023-11-15T03:45:00+05:30"}`, 100 * time.Second},
		{"at the earliest that a time can be", 0, `{"_session_expiry":"2023-11-15T12:15:00"}`, 100 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := djangoReader(t, takeover.DjangoConfig{MaxAge: tt.maxAge})
			cookie := djangoCookie(tt.payload)
			f, err := r.Open(at(tt.end), []string{cookie})
			if err != nil {
				t.Fatal(err)
			}
			if !f.Start.Equal(djangoIssued) {
				t.Errorf("starts at %v", f.Start)
			}
			if tt.end == 0 {
				if !f.Expires.IsZero() {
					t.Errorf("ends at %v", f.Expires)
				}
				if _, err := r.Open(at(1000*day), []string{cookie}); err != nil {
					t.Error(err)
				}
				return
			}
			if !f.Expires.Equal(at(tt.end)) {
				t.Errorf("ends at %v, want %v", f.Expires, at(tt.end))
			}
			wantRefused(t, r, at(tt.end+1), cookie, session.ErrExpired, "")
		})
	}

	r := djangoReader(t, takeover.DjangoConfig{})
	wantRefused(t, r, djangoIssued, djangoCookie(`{"_session_expiry":-1}`), session.ErrExpired, "_session_expiry")
	wantRefused(t, r, djangoIssued, djangoCookie(`{"_session_expiry":-99999999999}`), session.ErrExpired, "_session_expiry")

	cookie := djangoCookie(`{}`)
	if _, err := r.Open(at(-time.Minute), []string{cookie}); err != nil {
		t.Error(err)
	}
	wantRefused(t, r, at(-time.Minute-1), cookie, session.ErrFuture, "")
}

func TestDjangoReadsWhatPythonQuotes(t *testing.T) {
	r := djangoReader(t, takeover.DjangoConfig{Kind: takeover.DjangoSigner})
	for _, tt := range []struct {
		value  string
		quoted string // of the value and of what is before the tag
		ok     bool
	}{
		{"a b", `a b`, true},
		{`say "a", \b; é`, `say \"a\"\054 \\b\073 \351`, true},
		{"ключ é", `ключ \351`, true},
		{"a b\x00", `a b\000`, true},
		{"a b", `a\040b`, false},            // a space is not escaped
		{"a, b", `a, b`, false},             // a comma is
		{`a" b`, `a" b`, false},             // and so is a quote
		{"a b", `\a b`, false},              // nothing else is escaped
		{"é b", `é b`, false},               // up to U+00FF, everything is
		{"ab c\u0100", `ab c\400`, false},   // three digits go up to \377
		{"a b\x05", `a b\5`, false},         // there are three of them
		{"a b\x05:", `a b\05:`, false},      // not two
		{"a b\x05", `a b\0:=`, false},       // of eight digits
		{"a b\xff", "a b\xff", false},       // text is UTF-8
		{"a b" + "\n", `a b` + "\n", false}, // a control character is escaped
	} {
		signed := djangoSign(sha256.New, "django.core.signing.Signer", djangoSecret, ":", tt.value)
		cookie := `"` + tt.quoted + signed[len(tt.value):] + `"`
		f, err := r.Open(djangoIssued, []string{cookie})
		switch {
		case !tt.ok:
			if !errors.Is(err, session.ErrMalformed) {
				t.Errorf("%s: %v, want malformed", cookie, err)
			}
		case err != nil:
			t.Errorf("%s: %v", cookie, err)
		case f.Data != tt.value:
			t.Errorf("%s: got %q", cookie, f.Data)
		}
	}
	for _, cookie := range []string{`"`, `""`, `"\"`, `"\`, `"\1"`, `"\12"`, `"\\"`, `\"`} {
		if _, err := r.Open(djangoIssued, []string{cookie}); !errors.Is(err, session.ErrMalformed) {
			t.Errorf("%s: %v, want malformed", cookie, err)
		}
	}
}

func TestDjangoBoundsItsWork(t *testing.T) {
	r := djangoReader(t, takeover.DjangoConfig{})
	ts := ":" + djangoTime(djangoIssued)
	list := "[" + strings.Repeat("0,", 20_000) + "0]"
	for _, tt := range []struct {
		name   string
		value  string
		reason session.Reason
	}{
		{"1 MB", djangoCookie(`{"a":"` + strings.Repeat("x", 1<<20) + `"}`), session.ErrTooLarge},
		{"one byte too long", strings.Repeat("x", takeover.MaxCookie+1), session.ErrTooLarge},
		{"an inflation bomb", djangoValue(djangoDeflated(`{"a":"`+strings.Repeat("x", 4<<20)+`"}`) + ts), session.ErrUndecodable},
		{"deep nesting", djangoValue(djangoDeflated(strings.Repeat(`{"a":`, 10_000)) + ts), session.ErrUndecodable},
		{"many entries", djangoValue(djangoDeflated(`{"a":`+list+`}`) + ts), session.ErrUndecodable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := allocated(func() { wantRefused(t, r, djangoIssued, tt.value, tt.reason, "") })
			if n > 2<<20 {
				t.Errorf("allocated %d bytes", n)
			}
		})
	}
}

func FuzzDjango(f *testing.F) {
	for _, c := range casesOf(f, "django") {
		for _, v := range c.CookieValues {
			value, _, _ := strings.Cut(v.Value, ":")
			payload, _ := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(value, "."))
			f.Add(v.Value, payload, strings.HasPrefix(value, "."))
		}
	}
	sessions := djangoReader(f, takeover.DjangoConfig{LegacySHA1: true})
	text := djangoReader(f, takeover.DjangoConfig{Kind: takeover.DjangoSigner})
	f.Fuzz(func(t *testing.T, value string, payload []byte, compressed bool) {
		// The value as it comes, the same signed, and a payload in a session.
		signed := djangoSign(sha256.New, "django.core.signing.Signer", djangoSecret, ":", value)
		body := base64.RawURLEncoding.EncodeToString(payload)
		if compressed {
			body = "." + body
		}
		n := allocated(func() {
			sessions.Open(djangoIssued, []string{value})
			sessions.Open(djangoIssued, []string{djangoValue(value)})
			if got, err := text.Open(djangoIssued, []string{signed}); err == nil && got.Data != value {
				t.Errorf("read %q of %q", got.Data, value)
			}
			got, err := sessions.Open(djangoIssued, []string{djangoValue(body + ":" + djangoTime(djangoIssued))})
			if _, ok := got.Data.(map[string]any); err == nil && !ok {
				t.Errorf("a session is %T", got.Data)
			}
			if err != nil && !errors.As(err, new(session.Reason)) {
				t.Errorf("refused without a reason: %v", err)
			}
		})
		if n > 8<<20+32*uint64(len(value)+len(payload)) {
			t.Errorf("allocated %d bytes", n)
		}
	})
}
