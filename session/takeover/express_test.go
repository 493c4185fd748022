package takeover_test

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

const keygripSecret = "0123456789abcdef"

// keygripTag returns what Keygrip signs value with as the cookie name.
func keygripTag(h func() hash.Hash, key, name, value string) []byte {
	mac := hmac.New(h, []byte(key))
	mac.Write([]byte(name + "=" + value))
	return mac.Sum(nil)
}

// keygripPair returns the two cookies of a payload.
func keygripPair(name, payload string) []string {
	return keygripSigned(name, base64.StdEncoding.EncodeToString([]byte(payload)))
}

// keygripSigned returns value and its signature.
func keygripSigned(name, value string) []string {
	return []string{value, base64.RawURLEncoding.EncodeToString(keygripTag(sha1.New, keygripSecret, name, value))}
}

func expressReader(t testing.TB, c takeover.ExpressConfig) *takeover.Reader {
	t.Helper()
	if c.Secrets == nil {
		c.Secrets = []string{keygripSecret}
	}
	r, err := takeover.Express(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestExpressAndKoaNameEveryProblem(t *testing.T) {
	a := []string{"a"}
	for _, tt := range []struct {
		name   string
		config takeover.ExpressConfig
		want   []string
	}{
		{"nothing is set", takeover.ExpressConfig{}, []string{"Secrets is empty"}},
		{"an empty secret", takeover.ExpressConfig{Secrets: []string{"a", ""}}, []string{"Secrets[1] is empty"}},
		{"the signature's name", takeover.ExpressConfig{Secrets: a, Cookie: "session.sig"}, []string{`of what it signs, "session"`}},
		{"unknown hash", takeover.ExpressConfig{Secrets: a, Hash: "ripemd160"}, []string{`Hash is "ripemd160"`}},
		{"unknown encoding", takeover.ExpressConfig{Secrets: a, Encoding: "latin1"}, []string{`Encoding is "latin1"`}},
		{"several", takeover.ExpressConfig{Cookie: "x.sig", Hash: "h", Encoding: "e", Secrets: []string{""}},
			[]string{"Cookie", "Hash", "Encoding", "Secrets[0]"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, express := takeover.Express(tt.config)
			_, koa := takeover.Koa(takeover.KoaConfig(tt.config))
			for system, err := range map[string]error{"Express": express, "Koa": koa} {
				if err == nil {
					t.Fatalf("%s: no error", system)
				}
				if got := strings.Count(err.Error(), "\n") + 1; got != len(tt.want) {
					t.Errorf("%s: %d problems, want %d: %v", system, got, len(tt.want), err)
				}
				for _, want := range tt.want {
					if !strings.Contains(err.Error(), want) {
						t.Errorf("%s: %v does not have %q", system, err, want)
					}
				}
			}
		})
	}
	if _, err := takeover.Express(takeover.ExpressConfig{Cookie: "connect.sid", Secrets: a}); err == nil || !strings.Contains(err.Error(), "express-session") {
		t.Errorf("connect.sid: %v", err)
	}
}

func TestExpressHasTwoCookies(t *testing.T) {
	for _, tt := range []struct {
		config takeover.ExpressConfig
		want   []string
	}{
		{takeover.ExpressConfig{}, []string{"session", "session.sig"}},
		{takeover.ExpressConfig{Cookie: "express:sess"}, []string{"express:sess", "express:sess.sig"}},
	} {
		if got := expressReader(t, tt.config).Cookies(); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestExpressSaysWhyItRefuses(t *testing.T) {
	r := expressReader(t, takeover.ExpressConfig{})
	good := keygripPair("session", `{"user":"tom"}`)
	with := func(value, signature string) []string { return []string{value, signature} }
	for _, tt := range []struct {
		name   string
		values []string
		reason session.Reason
		text   string
	}{
		{"empty, and signed", keygripSigned("session", ""), session.ErrMalformed, "empty"},
		{"quoted emptiness, and signed", with(`""`, keygripSigned("session", "")[1]), session.ErrUndecodable, "not JSON"},
		{"no signature", with(good[0], ""), session.ErrMalformed, "signature is missing"},
		{"a quoted emptiness for a signature", with(good[0], `""`), session.ErrMalformed, "signature is missing"},
		{"one quote for a signature", with(good[0], `"`), session.ErrForged, ""},
		{"a quote on one side", with(`"`+good[0], good[1]), session.ErrForged, ""},
		{"a quote on one side, and something on the other", with(`"`+good[0]+"x", good[1]), session.ErrForged, ""},
		{"two quotes on each side", with(`""`+good[0]+`""`, good[1]), session.ErrForged, ""},
		{"a shorter signature", with(good[0], good[1][:26]), session.ErrForged, ""},
		{"a longer signature", with(good[0], good[1]+"A"), session.ErrForged, ""},
		{"signature of a beginning", with(good[0]+"AAAA", good[1]), session.ErrForged, ""},
		{"another name's", keygripPair("sess", `{"user":"tom"}`), session.ErrForged, ""},
		{"another hash", with(good[0], base64.RawURLEncoding.EncodeToString(keygripTag(sha256.New, keygripSecret, "session", good[0]))), session.ErrForged, ""},
		{"another encoding", with(good[0], hex.EncodeToString(keygripTag(sha1.New, keygripSecret, "session", good[0]))), session.ErrForged, ""},
		{"base64url", keygripSigned("session", "eyJxIjoiPz8_In0="), session.ErrMalformed, "base64"},
		{"no padding", keygripSigned("session", "e30"), session.ErrMalformed, "base64"},
		{"unused bits", keygripSigned("session", "e31="), session.ErrMalformed, "base64"},
		{"a line break", keygripSigned("session", "e30=\n"), session.ErrMalformed, "base64"},
		{"null", keygripPair("session", `null`), session.ErrUndecodable, "not an object"},
		{"a list", keygripPair("session", `["user"]`), session.ErrUndecodable, "not an object"},
		{"no JSON", keygripPair("session", `{user:1}`), session.ErrUndecodable, "not JSON"},
		{"two values", keygripPair("session", `{"user":1}{}`), session.ErrUndecodable, "not JSON"},
		{"a name twice", keygripPair("session", `{"user":1,"user":2}`), session.ErrUndecodable, "twice"},
		{"no UTF-8", keygripPair("session", "{\"user\":\"\xff\"}"), session.ErrUndecodable, "UTF-8"},
		{"too few values", good[:1], session.ErrMalformed, "1 values for 2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			wantRefused(t, r, djangoIssued, tt.values[0], tt.reason, tt.text, tt.values[1:]...)
		})
	}
}

func TestExpressReadsWhatEveryKeygripSigns(t *testing.T) {
	const value = "eyJ1c2VyIjoidG9tIn0="
	base := base64.RawURLEncoding.EncodeToString
	for _, tt := range []struct {
		name   string
		config takeover.ExpressConfig
		sign   func() hash.Hash
		text   func([]byte) string
	}{
		{"by default", takeover.ExpressConfig{}, sha1.New, base},
		{"by name", takeover.ExpressConfig{Hash: "sha1", Encoding: "base64"}, sha1.New, base},
		{"md5", takeover.ExpressConfig{Hash: "md5"}, md5.New, base},
		{"sha224", takeover.ExpressConfig{Hash: "sha224"}, sha256.New224, base},
		{"sha256", takeover.ExpressConfig{Hash: "sha256"}, sha256.New, base},
		{"sha384", takeover.ExpressConfig{Hash: "sha384"}, sha512.New384, base},
		{"sha512 in hex", takeover.ExpressConfig{Hash: "sha512", Encoding: "hex"}, sha512.New, hex.EncodeToString},
		{"an older key", takeover.ExpressConfig{Secrets: []string{"new", "newer", keygripSecret}}, sha1.New, base},
	} {
		r := expressReader(t, tt.config)
		signature := tt.text(keygripTag(tt.sign, keygripSecret, "session", value))
		f, err := r.Open(djangoIssued, []string{value, signature})
		want := session.Foreign{Data: map[string]any{"user": "tom"}}
		if err != nil || !reflect.DeepEqual(f, want) {
			t.Errorf("%s: %v, %v", tt.name, f, err)
		}
		if _, err := r.Open(djangoIssued, []string{value, strings.ToUpper(signature)}); !errors.Is(err, session.ErrForged) {
			t.Errorf("%s: in upper case: %v", tt.name, err)
		}
	}
}

func TestExpressKeepsDataAndNotWhatJavaScriptHasBeside(t *testing.T) {
	r := expressReader(t, takeover.ExpressConfig{})
	f, err := r.Open(djangoIssued, keygripPair("session",
		`{"n":9007199254740993,"u":18446744073709551616,"f":1e21,"_mine":1,"isNew":false,"__proto__":{"admin":true},"toString":1,`+
			`"constructor":2,"in":{"constructor":3}}`))
	if err != nil {
		t.Fatal(err)
	}
	u, _ := new(big.Int).SetString("18446744073709551616", 10)
	want := map[string]any{"n": int64(9007199254740993), "u": u, "f": 1e21, "_mine": int64(1), "in": map[string]any{"constructor": int64(3)}}
	if !reflect.DeepEqual(f.Data, want) {
		t.Errorf("got %v, want %v", f.Data, want)
	}
}

func TestOnlyExpressUnsignedTakesWhatNobodySigned(t *testing.T) {
	r := takeover.ExpressUnsigned("")
	if got := r.Cookies(); !reflect.DeepEqual(got, []string{"session"}) {
		t.Errorf("the cookies are %q", got)
	}
	if !r.Unsigned() || expressReader(t, takeover.ExpressConfig{}).Unsigned() || koaReader(t).Unsigned() {
		t.Error("a Reader does not say whether it is of unsigned cookies")
	}
	value := keygripPair("session", `{"user":"tom"}`)[0]
	f, err := r.Open(djangoIssued, []string{value})
	if err != nil || !reflect.DeepEqual(f, session.Foreign{Data: map[string]any{"user": "tom"}}) {
		t.Errorf("%v, %v", f, err)
	}
	wantRefused(t, r, djangoIssued, "e30", session.ErrMalformed, "base64")
	wantRefused(t, r, djangoIssued, "bnVsbA==", session.ErrUndecodable, "not an object")
	wantRefused(t, expressReader(t, takeover.ExpressConfig{}), djangoIssued, value, session.ErrMalformed, "missing", "")

	if named := takeover.ExpressUnsigned("lang"); !reflect.DeepEqual(named.Cookies(), []string{"lang"}) {
		t.Errorf("the cookies are %q", named.Cookies())
	}
}

func TestExpressBoundsItsWork(t *testing.T) {
	r := expressReader(t, takeover.ExpressConfig{})
	big := keygripPair("session", `{"a":"`+strings.Repeat("x", 1<<20)+`"}`)
	for _, tt := range []struct {
		name   string
		values []string
		reason session.Reason
	}{
		{"1 MB", big, session.ErrTooLarge},
		{"a signature of 1 MB", []string{"e30=", big[0]}, session.ErrTooLarge},
		{"deep nesting", keygripPair("session", strings.Repeat(`{"":`, 3000)), session.ErrUndecodable},
		{"many entries", keygripPair("session", `{"a":[`+strings.Repeat("0,", 6000)+`0]}`), session.ErrUndecodable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := allocated(func() { wantRefused(t, r, djangoIssued, tt.values[0], tt.reason, "", tt.values[1:]...) })
			if n > 2<<20 {
				t.Errorf("allocated %d bytes", n)
			}
		})
	}
}

// keygripSeeds adds the cookies of a system, and their payloads.
func keygripSeeds(f *testing.F, system string) {
	for _, c := range casesOf(f, system) {
		pair := [2]string{}
		for i := range min(2, len(c.CookieValues)) {
			pair[i] = c.CookieValues[i].Value
		}
		payload, _ := base64.StdEncoding.DecodeString(pair[0])
		f.Add(pair[0], pair[1], payload)
	}
}

// keygripFuzz opens values as they come, the first of them signed, and a payload.
func keygripFuzz(t *testing.T, r *takeover.Reader, now time.Time, value, signature string, payload []byte) {
	name := r.Cookies()[0]
	n := allocated(func() {
		for _, values := range [][]string{
			{value, signature},
			keygripSigned(name, value),
			keygripPair(name, string(payload)),
		} {
			f, err := r.Open(now, values)
			if _, ok := f.Data.(map[string]any); err == nil && !ok {
				t.Errorf("a session is %T", f.Data)
			}
			if err != nil && !errors.As(err, new(session.Reason)) {
				t.Errorf("refused without a reason: %v", err)
			}
		}
	})
	if n > 8<<20+32*uint64(len(value)+len(signature)+len(payload)) {
		t.Errorf("allocated %d bytes", n)
	}
}

func FuzzExpress(f *testing.F) {
	keygripSeeds(f, "express-cookie-session")
	r := expressReader(f, takeover.ExpressConfig{})
	f.Fuzz(func(t *testing.T, value, signature string, payload []byte) {
		keygripFuzz(t, r, djangoIssued, value, signature, payload)
	})
}
