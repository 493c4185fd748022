package takeover_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"hash"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

const (
	jwtHeader = `{"alg":"HS256","typ":"JWT"}`
	jwtSecret = "a secret of HS256 that is 40 bytes long."
)

// jwtNow is when most of the tokens below are opened.
var jwtNow = time.Unix(1_700_000_000, 0)

// jwtToken returns a token with a tag of this hash.
func jwtToken(secret string, h func() hash.Hash, header, payload string) string {
	signed := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
	return signed + "." + jwtTag(secret, h, signed)
}

func jwtTag(secret string, h func() hash.Hash, signed string) string {
	mac := hmac.New(h, []byte(secret))
	mac.Write([]byte(signed))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func newJWT(t testing.TB, audience string, secrets ...string) *takeover.Reader {
	t.Helper()
	c := takeover.JWTConfig{Cookie: "token", Audience: audience}
	for _, s := range append(secrets, jwtSecret) {
		c.Secrets = append(c.Secrets, []byte(s))
	}
	r, err := takeover.JWT(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wantOpened says whether a value is opened at now, or refused for the reason, which is
// 0 for one that is opened. An error must not quote the value.
func wantOpened(t testing.TB, name string, r *takeover.Reader, now time.Time, value string, want session.Reason) session.Foreign {
	t.Helper()
	f, err := r.Open(now, []string{value})
	var got session.Reason
	errors.As(err, &got)
	if got != want || err != nil && got == 0 {
		t.Errorf("%s: %v, and not %v", name, err, want)
	}
	if err != nil && f != (session.Foreign{}) {
		t.Errorf("%s: an error, and %v", name, f)
	}
	return f
}

func TestJWTClaimsMeanWhatTheyMeanToPyJWT(t *testing.T) {
	for _, c := range []struct {
		claims string
		now    time.Time
		want   session.Reason
	}{
		{`{"exp":1700000000}`, jwtNow.Add(-1), 0},
		{`{"exp":1700000000}`, jwtNow, session.ErrExpired},
		{`{"exp":1700000000.9}`, jwtNow, session.ErrExpired}, // a whole second
		{`{"exp":1.7e9}`, jwtNow.Add(-1), 0},
		{`{"exp":0}`, jwtNow, session.ErrExpired},
		{`{"exp":-62135596800}`, jwtNow, session.ErrExpired}, // Go's zero time
		{`{"exp":-1e300}`, jwtNow, session.ErrExpired},
		{`{"exp":1e300}`, jwtNow, 0},
		{`{"exp":9223372036854775807}`, jwtNow, 0},
		{`{"exp":-9223372036854775808}`, jwtNow, session.ErrExpired},
		{`{"nbf":9223372036854775807}`, jwtNow, session.ErrFuture},
		{`{"exp":1` + strings.Repeat("0", 40) + `}`, jwtNow, 0},
		{`{"exp":-1` + strings.Repeat("0", 40) + `}`, jwtNow, session.ErrExpired},
		{`{"exp":"1800000000"}`, jwtNow, session.ErrUndecodable},
		{`{"exp":null}`, jwtNow, session.ErrUndecodable},
		{`{"exp":true}`, jwtNow, session.ErrUndecodable},
		{`{"exp":[]}`, jwtNow, session.ErrUndecodable},
		{`{"nbf":1700000000}`, jwtNow, 0},
		{`{"nbf":1700000000}`, jwtNow.Add(-1), session.ErrFuture},
		{`{"nbf":1700000000.9}`, jwtNow, 0}, // a whole second
		{`{"nbf":1e300}`, jwtNow, session.ErrFuture},
		{`{"nbf":"x"}`, jwtNow, session.ErrUndecodable},
		{`{"iat":1700000000}`, jwtNow, 0},
		{`{"iat":1700000000}`, jwtNow.Add(-1), session.ErrFuture},
		{`{"iat":1700000000.5}`, jwtNow.Add(time.Second/2 - 1), session.ErrFuture},
		{`{"iat":1700000000.5}`, jwtNow.Add(time.Second / 2), 0},
		{`{"iat":"x"}`, jwtNow, session.ErrUndecodable},
		{`{"exp":1,"iat":1800000000}`, jwtNow, session.ErrFuture}, // in the order of the reasons
		{`{"sub":42,"jti":null,"iss":[]}`, jwtNow, 0},
		{`{}`, jwtNow, 0},
	} {
		f := wantOpened(t, c.claims, newJWT(t, ""), c.now, jwtToken(jwtSecret, sha256.New, jwtHeader, c.claims), c.want)
		if _, ok := f.Data.(map[string]any); !ok && c.want == 0 {
			t.Errorf("%s: %#v", c.claims, f.Data)
		}
	}
}

func TestJWTSaysWhenASessionBeginsAndEnds(t *testing.T) {
	token := jwtToken(jwtSecret, sha256.New, jwtHeader, `{"iat":1699999990.5,"exp":1700000060,"user":"tom"}`)
	f := wantOpened(t, "both", newJWT(t, ""), jwtNow, token, 0)
	if !f.Start.Equal(jwtNow.Add(-9500*time.Millisecond)) || !f.Expires.Equal(jwtNow.Add(time.Minute)) {
		t.Errorf("from %v to %v", f.Start, f.Expires)
	}
	if claims := f.Data.(map[string]any); len(claims) != 3 || claims["exp"] != int64(1700000060) {
		t.Errorf("%v", claims)
	}
	f = wantOpened(t, "neither", newJWT(t, ""), jwtNow, jwtToken(jwtSecret, sha256.New, jwtHeader, `{}`), 0)
	if !f.Start.IsZero() || !f.Expires.IsZero() {
		t.Errorf("from %v to %v", f.Start, f.Expires)
	}
}

func TestJWTIsForItsAudience(t *testing.T) {
	for _, c := range []struct {
		aud, audience string
		want          session.Reason
	}{
		{`"shop"`, "shop", 0},
		{`["admin","shop"]`, "shop", 0},
		{`["admin"]`, "shop", session.ErrUndecodable},
		{`["shop",1]`, "shop", session.ErrUndecodable},
		{`{"shop":1}`, "shop", session.ErrUndecodable},
		{`"sho"`, "shop", session.ErrUndecodable},
		{`null`, "shop", session.ErrUndecodable},
		{`""`, "shop", session.ErrUndecodable},
		{`[]`, "shop", session.ErrUndecodable},
		{`0`, "shop", session.ErrUndecodable},
		{`"shop"`, "", session.ErrUndecodable},
		{`["shop"]`, "", session.ErrUndecodable},
		{`[""]`, "", session.ErrUndecodable},
		{`{"a":1}`, "", session.ErrUndecodable},
		{`1`, "", session.ErrUndecodable},
		{`0.5`, "", session.ErrUndecodable},
		{`true`, "", session.ErrUndecodable},
		{`1` + strings.Repeat("0", 40), "", session.ErrUndecodable},
		{`""`, "", 0},
		{`null`, "", 0},
		{`[]`, "", 0},
		{`{}`, "", 0},
		{`0`, "", 0},
		{`0.0`, "", 0},
		{`false`, "", 0},
	} {
		token := jwtToken(jwtSecret, sha256.New, jwtHeader, `{"aud":`+c.aud+`}`)
		wantOpened(t, c.aud+" for "+c.audience, newJWT(t, c.audience), jwtNow, token, c.want)
	}
	wantOpened(t, "no aud", newJWT(t, "shop"), jwtNow, jwtToken(jwtSecret, sha256.New, jwtHeader, `{}`), session.ErrUndecodable)
}

// The tag is always that of HS256, whatever the header asks for.
func TestJWTNeverChoosesTheAlgorithm(t *testing.T) {
	r := newJWT(t, "")
	for _, header := range []string{
		`{"alg":"none"}`, `{"alg":"HS512"}`, `{"alg":"HS384"}`, `{"alg":"hs256"}`, `{"alg":"RS256"}`, `{"alg":""}`,
		`{"alg":null}`, `{"alg":["HS256"]}`, `{"alg":256}`, `{"typ":"JWT"}`, `{}`, `[]`, `"HS256"`, `HS256`, ``,
		`{"alg":"HS256","alg":"HS256"}`, `{"alg":"HS256","crit":["exp"]}`, `{"alg":"HS256","b64":false}`, `{"alg":"HS256"} {}`,
		"{\"alg\":\"HS256\",\"x\":\"\xff\"}",
	} {
		wantOpened(t, header, r, jwtNow, jwtToken(jwtSecret, sha256.New, header, `{}`), session.ErrUndecodable)
	}
	for _, header := range []string{jwtHeader, `{"alg":"HS256"}`, `{"typ":"JWT","alg":"HS256","kid":"1"}`, " {\n\"alg\" : \"HS256\" }\t"} {
		wantOpened(t, header, r, jwtNow, jwtToken(jwtSecret, sha256.New, header, `{}`), 0)
	}
	for name, h := range map[string]func() hash.Hash{"HS384": sha512.New384, "HS512": sha512.New, "SHA-512/256": sha512.New512_256} {
		token := jwtToken(jwtSecret, h, `{"alg":"`+name+`"}`, `{}`)
		want := session.ErrMalformed // a tag of another length
		if h().Size() == sha256.Size {
			want = session.ErrForged
		}
		wantOpened(t, name, r, jwtNow, token, want)
	}
}

func TestJWTIsVerifiedBeforeItIsDecoded(t *testing.T) {
	r := newJWT(t, "")
	good := jwtToken(jwtSecret, sha256.New, jwtHeader, `{"user":"tom"}`)
	parts := strings.Split(good, ".")
	signed := parts[0] + "." + parts[1]
	for _, c := range []struct {
		name, token string
		want        session.Reason
	}{
		{"as it is", good, 0},
		{"another secret", jwtToken("another", sha256.New, jwtHeader, `{}`), session.ErrForged},
		{"another secret, alg none", jwtToken("another", sha256.New, `{"alg":"none"}`, `{}`), session.ErrForged},
		{"another secret, expired", jwtToken("another", sha256.New, jwtHeader, `{"exp":1}`), session.ErrForged},
		{"another secret, not JSON", jwtToken("another", sha256.New, "x", `x`), session.ErrForged},
		{"no tag", signed + ".", session.ErrMalformed},
		{"a short tag", signed + "." + parts[2][:40], session.ErrMalformed},
		{"16 bytes of the tag", signed + "." + base64.RawURLEncoding.EncodeToString(make([]byte, 16)), session.ErrMalformed},
		{"a tag with padding", good + "=", session.ErrMalformed},
		{"a tag with a line end", good[:len(good)-3] + "\n" + good[len(good)-3:], session.ErrMalformed},
		{"two parts", signed, session.ErrMalformed},
		{"one part", parts[1], session.ErrMalformed},
		{"four parts", good + "." + parts[2], session.ErrMalformed},
		{"dots", "..", session.ErrMalformed},
		{"a payload with padding", parts[0] + "." + parts[1] + "==." + jwtTag(jwtSecret, sha256.New, parts[0]+"."+parts[1]+"=="), session.ErrUndecodable},
		{"a header with a line end", "\n" + signed + "." + jwtTag(jwtSecret, sha256.New, "\n"+signed), session.ErrUndecodable},
		{"no payload", jwtToken(jwtSecret, sha256.New, jwtHeader, ""), session.ErrUndecodable},
		{"a list", jwtToken(jwtSecret, sha256.New, jwtHeader, `[["user","tom"]]`), session.ErrUndecodable},
		{"null", jwtToken(jwtSecret, sha256.New, jwtHeader, `null`), session.ErrUndecodable},
		{"a name twice", jwtToken(jwtSecret, sha256.New, jwtHeader, `{"a":1,"a":2}`), session.ErrUndecodable},
		{"NaN", jwtToken(jwtSecret, sha256.New, jwtHeader, `{"a":NaN}`), session.ErrUndecodable},
		{"more behind it", jwtToken(jwtSecret, sha256.New, jwtHeader, `{}{}`), session.ErrUndecodable},
	} {
		wantOpened(t, c.name, r, jwtNow, c.token, c.want)
	}
}

func TestJWTIsOpenedByEverySecret(t *testing.T) {
	r := newJWT(t, "", "newest", "newer") // and jwtSecret
	for _, secret := range []string{"newest", "newer", jwtSecret} {
		wantOpened(t, secret, r, jwtNow, jwtToken(secret, sha256.New, jwtHeader, `{}`), 0)
	}
	wantOpened(t, "none of them", r, jwtNow, jwtToken("oldest", sha256.New, jwtHeader, `{}`), session.ErrForged)
}

func TestJWTKeepsNoSecretOfTheCaller(t *testing.T) {
	secret := []byte(jwtSecret)
	r, err := takeover.JWT(takeover.JWTConfig{Cookie: "token", Secrets: [][]byte{secret}})
	if err != nil {
		t.Fatal(err)
	}
	clear(secret)
	wantOpened(t, "cleared", r, jwtNow, jwtToken(jwtSecret, sha256.New, jwtHeader, `{}`), 0)
}

// Everything in these tokens is verified: it is the work that is bounded.
func TestJWTBoundsItsWork(t *testing.T) {
	r := newJWT(t, "")
	for name, payload := range map[string]string{
		"deep":    `{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`,
		"deep {}": `{"a":` + strings.Repeat(`{"":`, 2000) + "0" + strings.Repeat("}", 2001),
		"entries": `{"a":[0` + strings.Repeat(",0", 5000) + `]}`,
	} {
		wantOpened(t, name, r, jwtNow, jwtToken(jwtSecret, sha256.New, jwtHeader, payload), session.ErrUndecodable)
		wantOpened(t, name+" header", r, jwtNow, jwtToken(jwtSecret, sha256.New, payload, `{}`), session.ErrUndecodable)
	}
	mega := jwtToken(jwtSecret, sha256.New, jwtHeader, `{"a":"`+strings.Repeat("a", 1<<20)+`"}`)
	wantOpened(t, "1 MB", r, jwtNow, mega, session.ErrTooLarge)
}

func TestJWTConfigIsRefusedWithEveryProblem(t *testing.T) {
	for _, c := range []struct {
		config takeover.JWTConfig
		want   []string
	}{
		{takeover.JWTConfig{}, []string{"Cookie is empty", "Secrets is empty"}},
		{takeover.JWTConfig{Cookie: "c", Secrets: [][]byte{{}, []byte("-----BEGIN PUBLIC KEY-----\n"), []byte("ssh-rsa AAAA")}},
			[]string{"Secrets[0] is empty", "Secrets[1] is a public or private key", "Secrets[2] is a public or private key"}},
	} {
		r, err := takeover.JWT(c.config)
		wantProblems(t, r, err, c.want...)
	}
}

// Where only FIPS 140-3 algorithms run, a short secret is a problem at the start, and
// the rest works.
func TestJWTAndFernetUnderFIPS(t *testing.T) {
	if !onlyFIPS(t) {
		return
	}
	r, err := takeover.JWT(takeover.JWTConfig{Cookie: "c", Secrets: [][]byte{[]byte("short secret!")}})
	wantProblems(t, r, err, "keys shorter than 112 bits")
	wantOpened(t, "JWT", newJWT(t, ""), jwtNow, jwtToken(jwtSecret, sha256.New, jwtHeader, `{}`), 0)
	wantOpened(t, "Fernet", newFernet(t, takeover.NoMaxAge), jwtNow, fernetToken(fernetSecret, jwtNow, "{}"), 0)
}

// seedTokens returns the values of the cookies of a system's cases, for a fuzz target.
func seedTokens(f *testing.F, system, kind string) (values []string) {
	f.Helper()
	for _, c := range casesOf(f, system) {
		if got, _ := c.Settings["session_type"].(string); got == kind {
			values = append(values, c.CookieValues[0].Value)
		}
	}
	if len(values) == 0 {
		f.Fatalf("there is no case of %s %s", system, kind)
	}
	return values
}

// fuzzOpen opens a value, and says whether what it does is within bounds.
func fuzzOpen(t *testing.T, r *takeover.Reader, value string) (session.Foreign, error) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f, err := r.Open(jwtNow, []string{value})
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 4<<20 {
		t.Errorf("%d bytes are allocated for %d", n, len(value))
	}
	if err != nil && !errors.As(err, new(session.Reason)) {
		t.Errorf("no reason: %v", err)
	}
	if (err == nil) == (f.Data == nil) {
		t.Errorf("%#v, %v", f, err)
	}
	return f, err
}

func FuzzJWT(f *testing.F) {
	for _, value := range seedTokens(f, "asgi-sessions", "jwt") {
		header, payload := jwtHeader, value
		if parts := strings.Split(value, "."); len(parts) == 3 {
			h, err := base64.RawURLEncoding.DecodeString(parts[0])
			p, err2 := base64.RawURLEncoding.DecodeString(parts[1])
			if err == nil && err2 == nil {
				header, payload = string(h), string(p)
			}
		}
		f.Add(value, header, payload)
	}
	r := newJWT(f, "")
	f.Fuzz(func(t *testing.T, raw, header, payload string) {
		if _, err := fuzzOpen(t, r, raw); err == nil && !strings.HasSuffix(raw, jwtTag(jwtSecret, sha256.New, raw[:strings.LastIndex(raw, ".")])) {
			t.Error("opened, and its tag is another one")
		}
		fuzzOpen(t, r, jwtToken(jwtSecret, sha256.New, header, payload))
	})
}
