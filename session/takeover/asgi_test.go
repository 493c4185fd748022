package takeover_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/internal/vectors"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

const asgiSecret = "69f786943081ad9c21a721cb4325a9c4"

func newASGIJWT(t testing.TB, c takeover.ASGIJWTConfig) *takeover.Reader {
	t.Helper()
	c.Secrets = append(c.Secrets, asgiSecret)
	r, err := takeover.ASGIJWT(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newASGIFernet(t testing.TB, c takeover.ASGIFernetConfig) *takeover.Reader {
	t.Helper()
	c.Secrets = append(c.Secrets, asgiSecret)
	r, err := takeover.ASGIFernet(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func asgiFernetToken(secret string, made time.Time, payload string) string {
	return fernetToken(base64.URLEncoding.EncodeToString([]byte(secret+strings.Repeat("=", 32-len(secret)))), made, payload)
}

func TestASGISessionsOfEachTypeHaveASystemOfTheirOwn(t *testing.T) {
	systems := map[string]bool{}
	for _, r := range []*takeover.Reader{newASGIJWT(t, takeover.ASGIJWTConfig{}), newASGIFernet(t, takeover.ASGIFernetConfig{}), takeover.ASGIUnsigned("")} {
		if systems[r.System()] {
			t.Errorf("%s is there twice", r.System())
		}
		systems[r.System()] = true
		if r.Unsigned() != (r.System() == "asgi-sessions-base64") {
			t.Errorf("%s: unsigned is %v", r.System(), r.Unsigned())
		}
		if names := r.Cookies(); len(names) != 1 || names[0] != "session" {
			t.Errorf("%s: %q", r.System(), names)
		}
	}
	for _, r := range []*takeover.Reader{newASGIJWT(t, takeover.ASGIJWTConfig{Cookie: "sid"}), newASGIFernet(t, takeover.ASGIFernetConfig{Cookie: "sid"}), takeover.ASGIUnsigned("sid")} {
		if names := r.Cookies(); len(names) != 1 || names[0] != "sid" {
			t.Errorf("%s: %q", r.System(), names)
		}
	}
}

// Each type opens its own cookies, and no other's: the same secret is under two of them.
func TestASGISessionsOfOneTypeAreNotOfAnother(t *testing.T) {
	readers := []*takeover.Reader{newASGIJWT(t, takeover.ASGIJWTConfig{}), newASGIFernet(t, takeover.ASGIFernetConfig{}), takeover.ASGIUnsigned("")}
	for i, value := range []string{
		jwtToken(asgiSecret, sha256.New, jwtHeader, `{"user":"tom"}`),
		asgiFernetToken(asgiSecret, jwtNow, `{"user":"tom"}`),
		base64.URLEncoding.EncodeToString([]byte(`{"user":"tom"}`)),
	} {
		for j, r := range readers {
			_, err := r.Open(jwtNow, []string{value})
			if (err == nil) != (i == j) {
				t.Errorf("%s, value %d: %v", r.System(), i, err)
			}
		}
	}
}

func TestASGIJWTClaims(t *testing.T) {
	for _, c := range []struct {
		claims string
		old    bool
		want   session.Reason
	}{
		{`{"sub":42}`, false, session.ErrUndecodable},
		{`{"jti":42}`, false, session.ErrUndecodable},
		{`{"sub":null}`, false, session.ErrUndecodable},
		{`{"sub":"42","jti":""}`, false, 0},
		{`{"sub":42,"jti":null}`, true, 0},
		{`{"iss":42}`, false, 0},
		{`{"aud":"shop"}`, false, session.ErrUndecodable},
		{`{"aud":"shop"}`, true, session.ErrUndecodable},
		{`{"exp":1700000000}`, true, session.ErrExpired},
		{`{"iat":1700000001}`, true, session.ErrFuture},
	} {
		r := newASGIJWT(t, takeover.ASGIJWTConfig{OldPyJWT: c.old})
		wantOpened(t, fmt.Sprint(c.claims, c.old), r, jwtNow, jwtToken(asgiSecret, sha256.New, jwtHeader, c.claims), c.want)
	}
}

func TestASGIFernetEndsWithTheCookie(t *testing.T) {
	token := asgiFernetToken(asgiSecret, jwtNow, `{"user":"tom"}`)
	for _, c := range []struct {
		maxAge time.Duration
		age    time.Duration
		want   session.Reason
	}{
		{0, 14*24*time.Hour + time.Second - 1, 0},
		{0, 14*24*time.Hour + time.Second, session.ErrExpired},
		{time.Hour, time.Hour, 0},
		{time.Hour, time.Hour + time.Second, session.ErrExpired},
		{takeover.NoMaxAge, 1e6 * time.Hour, 0},
		{takeover.NoMaxAge, -60 * time.Second, 0},
		{takeover.NoMaxAge, -61 * time.Second, session.ErrFuture},
	} {
		r := newASGIFernet(t, takeover.ASGIFernetConfig{MaxAge: c.maxAge})
		f := wantOpened(t, fmt.Sprint(c.maxAge, c.age), r, jwtNow.Add(c.age), token, c.want)
		if c.want == 0 && (!f.Start.Equal(jwtNow) || f.Expires.IsZero() != (c.maxAge < 0)) {
			t.Errorf("%v: from %v to %v", c.maxAge, f.Start, f.Expires)
		}
	}
}

func TestASGIFernetSecretIsPadded(t *testing.T) {
	for _, secret := range []string{"x", "fcc9a97b614a009e", asgiSecret[:31], asgiSecret, "пароль-ключ-которы"[:32]} {
		if len(secret) > 32 {
			t.Fatalf("%q is of %d bytes", secret, len(secret))
		}
		r, err := takeover.ASGIFernet(takeover.ASGIFernetConfig{Secrets: []string{"another", secret}})
		if err != nil {
			t.Errorf("%q: %v", secret, err)
			continue
		}
		wantOpened(t, secret, r, jwtNow, asgiFernetToken(secret, jwtNow, `{"user":"tom"}`), 0)
		wantOpened(t, "another", r, jwtNow, asgiFernetToken("another", jwtNow, `{"user":"tom"}`), 0)
		wantOpened(t, "neither", r, jwtNow, asgiFernetToken("neither", jwtNow, `{"user":"tom"}`), session.ErrForged)
	}
}

func TestASGISessionsAreObjects(t *testing.T) {
	for _, payload := range []string{``, `[["user","tom"]]`, `null`, `"x"`, `{"a":1,"a":2}`, `{"a":NaN}`, "{\"a\":\"\xff\"}", "x",
		`{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`, `{"a":[0` + strings.Repeat(",0", 5000) + `]}`} {
		wantOpened(t, payload, newASGIFernet(t, takeover.ASGIFernetConfig{}), jwtNow, asgiFernetToken(asgiSecret, jwtNow, payload), session.ErrUndecodable)
		wantOpened(t, payload, newASGIJWT(t, takeover.ASGIJWTConfig{}), jwtNow, jwtToken(asgiSecret, sha256.New, jwtHeader, payload), session.ErrUndecodable)
		if payload != "" {
			wantOpened(t, payload, takeover.ASGIUnsigned(""), jwtNow, base64.URLEncoding.EncodeToString([]byte(payload)), session.ErrUndecodable)
		}
	}
}

func TestASGIUnsignedIsStrictAboutTheText(t *testing.T) {
	r := takeover.ASGIUnsigned("")
	good := base64.URLEncoding.EncodeToString([]byte(`{"user":"tom"}`)) // ends in =
	f := wantOpened(t, "as it is", r, jwtNow, good, 0)
	if f.Data.(map[string]any)["user"] != "tom" || !f.Start.IsZero() || !f.Expires.IsZero() {
		t.Errorf("%v", f)
	}
	for _, value := range []string{strings.TrimRight(good, "="), good + "=", good[:4] + "\n" + good[4:], "%" + good, `"` + good + `"`, strings.Replace(good, "0=", "1=", 1)} {
		if value == good {
			t.Fatal("the same")
		}
		wantOpened(t, value, r, jwtNow, value, session.ErrMalformed)
	}
	wantOpened(t, "1 MB", r, jwtNow, base64.URLEncoding.EncodeToString([]byte(`{"a":"`+strings.Repeat("a", 1<<20)+`"}`)), session.ErrTooLarge)
}

func TestASGIConfigIsRefusedWithEveryProblem(t *testing.T) {
	r, err := takeover.ASGIJWT(takeover.ASGIJWTConfig{})
	wantProblems(t, r, err, "ASGIJWT: Secrets is empty")
	r, err = takeover.ASGIJWT(takeover.ASGIJWTConfig{Secrets: []string{"x", "", "-----BEGIN CERTIFICATE-----"}})
	wantProblems(t, r, err, "Secrets[1] is empty", "Secrets[2] is a public or private key")
	r, err = takeover.ASGIFernet(takeover.ASGIFernetConfig{MaxAge: -2})
	wantProblems(t, r, err, "Secrets is empty", "MaxAge is -2ns")
	r, err = takeover.ASGIFernet(takeover.ASGIFernetConfig{Secrets: []string{asgiSecret, "", fernetSecret, asgiSecret + "0", "пароль"}})
	wantProblems(t, r, err, "Secrets[1] is empty", "Secrets[2] is a Fernet key", "Secrets[3] is of 33 bytes", "Secrets[4] is shorter than 32 bytes and not ASCII")
}

// The errors are for logs. They have nothing in them of the cookie, nor of a secret.
func TestErrorsOfASGISessionsFernetAndJWTQuoteNothing(t *testing.T) {
	const mark = "MARKEDTEXT"
	fernet, jwt := newFernet(t, time.Hour), newJWT(t, mark, mark)
	readers := []*takeover.Reader{fernet, jwt, newASGIJWT(t, takeover.ASGIJWTConfig{}), newASGIFernet(t, takeover.ASGIFernetConfig{}), takeover.ASGIUnsigned("")}
	var values []string
	for _, payload := range []string{mark, "{" + mark + "}", `{"` + mark + `":1,"` + mark + `":2}`, `{"exp":"` + mark + `"}`, `{"sub":["` + mark + `"]}`,
		`{"aud":"` + mark + `!"}`, `{"exp":1,"x":"` + mark + `"}`, `{"` + mark + `":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + "}", `["` + mark + `"]`} {
		values = append(values,
			jwtToken(jwtSecret, sha256.New, jwtHeader, payload), jwtToken(jwtSecret, sha256.New, payload, payload), jwtToken(mark, sha256.New, `{"alg":"`+mark+`"}`, payload),
			jwtToken(asgiSecret, sha256.New, jwtHeader, payload), jwtToken(asgiSecret, sha256.New, payload, payload), jwtToken("no", sha256.New, payload, payload),
			fernetToken(fernetSecret, jwtNow, payload), fernetToken(fernetOlder, jwtNow, payload), asgiFernetToken(asgiSecret, jwtNow, payload),
			base64.URLEncoding.EncodeToString([]byte(payload)), payload, mark+"."+mark+"."+mark)
	}
	for _, f := range files(t) {
		for _, c := range f.Cases {
			if f.System == "asgi-sessions" || f.System == "fernet" {
				values = append(values, c.CookieValues[0].Value)
			}
		}
	}
	failed := 0
	for _, r := range readers {
		for _, v := range values {
			_, err := r.Open(jwtNow, []string{v})
			if err == nil {
				continue
			}
			failed++
			text := err.Error()
			for _, s := range []string{mark, v, jwtSecret, asgiSecret, fernetSecret} {
				if strings.Contains(text, s) && len(s) > 3 {
					t.Fatalf("%q has %q", text, s)
				}
			}
		}
	}
	if failed < 100 {
		t.Errorf("%d errors", failed)
	}
}

// A command line has settings as text, and what it has not is as the system does it.
func TestSettingsOfASGISessionsFernetAndJWT(t *testing.T) {
	open := func(system string, settings map[string]any, value string) error {
		r, err := vectors.Reader(system, "c", vectors.NewSettings(settings))
		if err != nil {
			return err
		}
		_, err = r.Open(jwtNow, []string{value})
		return err
	}
	plain := jwtToken(asgiSecret, sha256.New, jwtHeader, `{"sub":42}`)
	old := fernetToken(fernetSecret, jwtNow.AddDate(-9, 0, 0), `{}`)
	for _, c := range []struct {
		system   string
		settings map[string]any
		value    string
		ok       bool
	}{
		{"asgi-sessions", map[string]any{"secret": asgiSecret, "pyjwt": "2.9.0"}, plain, true},
		{"asgi-sessions", map[string]any{"secret": asgiSecret, "pyjwt": "1.7.1"}, plain, true},
		{"asgi-sessions", map[string]any{"secret": asgiSecret, "pyjwt": "2.10"}, plain, false},
		{"asgi-sessions", map[string]any{"secret": asgiSecret, "pyjwt": "new"}, plain, false},
		{"asgi-sessions", map[string]any{"secret": asgiSecret}, plain, false},
		{"asgi-sessions", map[string]any{"secret": asgiSecret, "session_type": "base64"}, "e30=", true},
		{"asgi-sessions", map[string]any{"secret": asgiSecret}, "e30=", false},
		{"asgi-sessions", map[string]any{"secret": asgiSecret, "session_type": "jws"}, "e30=", false},
		{"asgi-sessions", map[string]any{"secret": asgiSecret, "algorithm": "HS512"}, plain, false},
		{"asgi-sessions", map[string]any{"session_type": "fernet", "secrets_newest_first": []any{"new", asgiSecret}}, asgiFernetToken(asgiSecret, jwtNow.AddDate(-9, 0, 0), "{}"), true},
		{"asgi-sessions", map[string]any{"session_type": "fernet", "secret": asgiSecret, "ttl": "1"}, asgiFernetToken(asgiSecret, jwtNow, "{}"), false},
		{"fernet", map[string]any{"secret": fernetSecret}, old, true},
		{"fernet", map[string]any{"secret": fernetSecret, "ttl": nil, "max_age": "60"}, old, true},
		{"fernet", map[string]any{"secret": fernetSecret, "ttl": "60"}, old, false},
		{"fernet", map[string]any{"secret": fernetSecret, "max_age": "60"}, old, false},
		{"fernet", map[string]any{"secret": fernetSecret, "ttl": "0"}, fernetToken(fernetSecret, jwtNow, "{}"), false},
		{"fernet", map[string]any{"secrets_newest_first": []any{fernetOlder, fernetSecret}}, old, true},
		{"fernet", map[string]any{}, old, false},
		{"jwt", map[string]any{"secret": asgiSecret}, plain, true},
		{"jwt", map[string]any{"secret": fmt.Sprintf("%x", asgiSecret), "secret_encoding": "hex"}, plain, true},
		{"jwt", map[string]any{"secrets_newest_first": []any{"new", asgiSecret}, "max_age": nil}, plain, true},
		{"jwt", map[string]any{"secret": asgiSecret, "audience": "shop"}, plain, false},
		{"jwt", map[string]any{"secret": asgiSecret, "audience": "shop"}, jwtToken(asgiSecret, sha256.New, jwtHeader, `{"aud":"shop"}`), true},
		{"jwt", map[string]any{"secret": asgiSecret, "algorithm": "RS256"}, plain, false},
	} {
		if err := open(c.system, c.settings, c.value); (err == nil) != c.ok {
			t.Errorf("%s %v: %v", c.system, c.settings, err)
		}
	}
}

func FuzzASGI(f *testing.F) {
	for _, kind := range []string{"jwt", "fernet", "base64"} {
		for _, value := range seedTokens(f, "asgi-sessions", kind) {
			f.Add(value, `{"user":"tom"}`)
		}
	}
	for _, payload := range []string{"", "x", `{"a":[1,{"b":null}]}`, "{}", `{"exp":1e21,"sub":1,"aud":[]}`, `[["a",1]]`} {
		f.Add("", payload)
	}
	jwt, fernet, unsigned := newASGIJWT(f, takeover.ASGIJWTConfig{}), newASGIFernet(f, takeover.ASGIFernetConfig{}), takeover.ASGIUnsigned("")
	f.Fuzz(func(t *testing.T, raw, payload string) {
		for _, r := range []*takeover.Reader{jwt, fernet, unsigned} {
			fuzzOpen(t, r, raw)
		}
		fuzzOpen(t, jwt, jwtToken(asgiSecret, sha256.New, jwtHeader, payload))
		_, err := fuzzOpen(t, fernet, asgiFernetToken(asgiSecret, jwtNow, payload))
		if payload == "" {
			return
		}
		if _, err2 := fuzzOpen(t, unsigned, base64.URLEncoding.EncodeToString([]byte(payload))); (err == nil) != (err2 == nil) && len(payload) < 8<<10 {
			t.Errorf("the same JSON: %v, %v", err, err2)
		}
	})
}
