package takeover_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

// The first is in the specification of Fernet.
const (
	fernetSecret = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4="
	fernetOlder  = "QUFBQUFBQUFBQUFBQUFBQUJCQkJCQkJCQkJCQkJCQkI="
)

// fernetToken returns a token of a payload.
func fernetToken(secret string, made time.Time, payload string) string {
	n := aes.BlockSize - len(payload)%aes.BlockSize
	return fernetSealed(secret, made, payload+strings.Repeat(string(rune(n)), n))
}

// fernetSealed returns a token of a payload that is padded.
func fernetSealed(secret string, made time.Time, padded string) string {
	return fernetSigned(secret, fernetEncrypted(secret, made, padded))
}

func fernetEncrypted(secret string, made time.Time, padded string) []byte {
	iv := []byte("an IV of 16 byte")
	b := append(binary.BigEndian.AppendUint64([]byte{0x80}, uint64(made.Unix())), iv...)
	block, err := aes.NewCipher(fernetKeyOf(secret)[16:])
	if err != nil {
		panic(err)
	}
	ciphertext := make([]byte, len(padded))
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(ciphertext, []byte(padded))
	return append(b, ciphertext...)
}

func fernetSigned(secret string, b []byte) string {
	mac := hmac.New(sha256.New, fernetKeyOf(secret)[:16])
	mac.Write(b)
	return base64.URLEncoding.EncodeToString(mac.Sum(b))
}

func fernetKeyOf(secret string) []byte {
	key, err := base64.URLEncoding.DecodeString(secret)
	if err != nil {
		panic(err)
	}
	return key
}

func newFernet(t testing.TB, maxAge time.Duration, secrets ...string) *takeover.Reader {
	t.Helper()
	r, err := takeover.Fernet(takeover.FernetConfig{Cookie: "token", Secrets: append(secrets, fernetSecret), MaxAge: maxAge})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Times are whole seconds, as they are to Fernet.
func TestFernetTokensAgeAsTheyDoThere(t *testing.T) {
	made := jwtNow
	token := fernetToken(fernetSecret, made, `{"user":"tom"}`)
	for _, c := range []struct {
		name   string
		maxAge time.Duration
		now    time.Time
		want   session.Reason
	}{
		{"at once", time.Hour, made, 0},
		{"in its last second", time.Hour, made.Add(time.Hour + time.Second - 1), 0},
		{"behind it", time.Hour, made.Add(time.Hour + time.Second), session.ErrExpired},
		{"without a ttl", takeover.NoMaxAge, made.AddDate(200, 0, 0), 0},
		{"60 s early", time.Hour, made.Add(-60 * time.Second), 0},
		{"60.1 s early", time.Hour, made.Add(-60*time.Second - 1), session.ErrFuture},
		{"61 s early without a ttl", takeover.NoMaxAge, made.Add(-61 * time.Second), session.ErrFuture},
		{"before 1970", time.Hour, time.Unix(-1e9, 0), session.ErrFuture},
	} {
		f := wantOpened(t, c.name, newFernet(t, c.maxAge), c.now, token, c.want)
		if c.want != 0 {
			continue
		}
		var end time.Time
		if c.maxAge > 0 {
			end = made.Add(c.maxAge + time.Second)
		}
		if !f.Start.Equal(made) || !f.Expires.Equal(end) {
			t.Errorf("%s: from %v to %v", c.name, f.Start, f.Expires)
		}
	}
	for _, late := range []uint64{1<<64 - 1, 1 << 63, 1<<63 - 1} {
		b := fernetEncrypted(fernetSecret, made, strings.Repeat("\x10", 16))
		binary.BigEndian.PutUint64(b[1:], late)
		wantOpened(t, "far away", newFernet(t, time.Hour), made, fernetSigned(fernetSecret, b), session.ErrFuture)
		wantOpened(t, "far away", newFernet(t, takeover.NoMaxAge), made, fernetSigned(fernetSecret, b), session.ErrFuture)
	}
}

func TestFernetGivesAnObjectOrTheBytes(t *testing.T) {
	r := newFernet(t, time.Hour)
	for _, c := range []struct {
		payload string
		data    any
	}{
		{`{"a":1}`, map[string]any{"a": int64(1)}},
		{" {}\r\n", map[string]any{}},
		{``, []byte{}},
		{`{`, []byte(`{`)},
		{`}`, []byte(`}`)},
		{`[{}]`, []byte(`[{}]`)},
		{`null`, []byte(`null`)},
		{"hello", []byte("hello")},
		{"\x80\x05}q\x00.", []byte("\x80\x05}q\x00.")},
		{"{\x00", []byte("{\x00")},
	} {
		f := wantOpened(t, c.payload, r, jwtNow, fernetToken(fernetSecret, jwtNow, c.payload), 0)
		if !reflect.DeepEqual(f.Data, c.data) {
			t.Errorf("%q: %#v", c.payload, f.Data)
		}
	}
	for _, payload := range []string{`{x}`, `{"a":1,"a":2}`, `{"a":NaN}`, "{\"a\":\"\xff\"}", `{}{}`, "{\x00}"} {
		wantOpened(t, payload, r, jwtNow, fernetToken(fernetSecret, jwtNow, payload), session.ErrUndecodable)
	}
}

func TestFernetPayloadIsTheCallers(t *testing.T) {
	r := newFernet(t, time.Hour)
	token := fernetToken(fernetSecret, jwtNow, "hello")
	b := wantOpened(t, "hello", r, jwtNow, token, 0).Data.([]byte)
	if cap(b) != len(b) {
		t.Errorf("there are %d bytes behind it", cap(b)-len(b))
	}
	clear(b)
	if b := wantOpened(t, "hello", r, jwtNow, token, 0).Data.([]byte); string(b) != "hello" {
		t.Errorf("%q", b)
	}
}

func TestFernetIsVerifiedBeforeItIsDecrypted(t *testing.T) {
	r := newFernet(t, time.Hour)
	good := fernetToken(fernetSecret, jwtNow, `{"user":"tom"}`)
	// resealed returns the token with another tag, which is right for what f makes of it.
	resealed := func(f func([]byte) []byte) string {
		return fernetSigned(fernetSecret, f(fernetEncrypted(fernetSecret, jwtNow, strings.Repeat("\x10", 32))))
	}
	flipped := func(i int) string {
		b, err := base64.URLEncoding.DecodeString(good)
		if err != nil {
			t.Fatal(err)
		}
		b[(i+len(b))%len(b)] ^= 1
		return base64.URLEncoding.EncodeToString(b)
	}
	for _, c := range []struct {
		name, token string
		want        session.Reason
	}{
		{"as it is", good, 0},
		{"resealed", resealed(func(b []byte) []byte { return b }), 0},
		{"another key", fernetToken(fernetOlder, jwtNow, `{}`), session.ErrForged},
		{"another key, expired", fernetToken(fernetOlder, jwtNow.AddDate(-1, 0, 0), `{}`), session.ErrForged},
		{"another key, padding", fernetSealed(fernetOlder, jwtNow, strings.Repeat("\x00", 16)), session.ErrForged},
		{"the time", flipped(8), session.ErrForged},
		{"the IV", flipped(9), session.ErrForged},
		{"the ciphertext", flipped(25), session.ErrForged},
		{"the tag's first byte", flipped(-32), session.ErrForged},
		{"the tag's last byte", flipped(-1), session.ErrForged},
		{"the version", resealed(func(b []byte) []byte { b[0] = 0x81; return b }), session.ErrMalformed},
		{"a block and a byte", resealed(func(b []byte) []byte { return append(b, 0) }), session.ErrMalformed},
		{"no ciphertext", resealed(func(b []byte) []byte { return b[:25] }), session.ErrMalformed},
		{"nothing but a tag", resealed(func(b []byte) []byte { return nil }), session.ErrMalformed},
		{"without padding", strings.TrimRight(good, "="), session.ErrMalformed},
		{"more padding", good + "=", session.ErrMalformed},
		{"a line end", good[:40] + "\n" + good[40:], session.ErrMalformed},
		{"the other alphabet", strings.NewReplacer("-", "+", "_", "/").Replace(resealed(func(b []byte) []byte { return append(b[:25], bytes.Repeat([]byte{0xff}, 16)...) })), session.ErrMalformed},
		{"padding of 0", fernetSealed(fernetSecret, jwtNow, strings.Repeat("\x00", 16)), session.ErrUndecodable},
		{"padding of 17", fernetSealed(fernetSecret, jwtNow, strings.Repeat("\x11", 32)), session.ErrUndecodable},
		{"padding of 255", fernetSealed(fernetSecret, jwtNow, strings.Repeat("\xff", 16)), session.ErrUndecodable},
		{"padding that differs", fernetSealed(fernetSecret, jwtNow, strings.Repeat("a", 13)+"\x02\x03\x03"), session.ErrUndecodable},
	} {
		wantOpened(t, c.name, r, jwtNow, c.token, c.want)
	}
}

func TestFernetIsOpenedByEveryKey(t *testing.T) {
	r := newFernet(t, time.Hour, fernetOlder)
	for _, secret := range []string{fernetOlder, fernetSecret} {
		wantOpened(t, secret, r, jwtNow, fernetToken(secret, jwtNow, "{}"), 0)
		wantOpened(t, secret+" expired", r, jwtNow.AddDate(0, 0, 1), fernetToken(secret, jwtNow, "{}"), session.ErrExpired)
	}
}

// A key is taken as Python takes it.
func TestFernetKeyHasBothAlphabets(t *testing.T) {
	for _, text := range []string{
		fernetSecret,
		strings.NewReplacer("-", "+", "_", "/").Replace(fernetSecret),
		" " + fernetSecret + " \n",
		fernetSecret[:42] + "7=", // bits that are not used
	} {
		r, err := takeover.Fernet(takeover.FernetConfig{Cookie: "c", Secrets: []string{text}, MaxAge: time.Hour})
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		wantOpened(t, text, r, jwtNow, fernetToken(fernetSecret, jwtNow, "{}"), 0)
	}
}

func TestFernetBoundsItsWork(t *testing.T) {
	r := newFernet(t, time.Hour)
	for name, payload := range map[string]string{
		"deep":    `{"a":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}`,
		"entries": `{"a":[0` + strings.Repeat(",0", 5000) + `]}`,
	} {
		wantOpened(t, name, r, jwtNow, fernetToken(fernetSecret, jwtNow, payload), session.ErrUndecodable)
	}
	wantOpened(t, "1 MB", r, jwtNow, fernetToken(fernetSecret, jwtNow, strings.Repeat("a", 1<<20)), session.ErrTooLarge)
}

func TestFernetConfigIsRefusedWithEveryProblem(t *testing.T) {
	for _, c := range []struct {
		config takeover.FernetConfig
		want   []string
	}{
		{takeover.FernetConfig{}, []string{"Cookie is empty", "Secrets is empty", "MaxAge is not set"}},
		{takeover.FernetConfig{Cookie: "c", MaxAge: -time.Hour, Secrets: []string{fernetSecret}}, []string{"MaxAge is -1h0m0s"}},
		{takeover.FernetConfig{Cookie: "c", MaxAge: time.Hour, Secrets: []string{
			"", "69f786943081ad9c21a721cb4325a9c4", strings.Repeat("0a", 32), strings.TrimRight(fernetSecret, "="), "cGFzc3dvcmQ=", "my password",
		}}, []string{
			"Secrets[0] is empty", "Secrets[1] is of 32 characters", "Secrets[2] seems to be hex", "Secrets[3] is not base64 with padding",
			"Secrets[4] is base64 of another number of bytes", "Secrets[5] is not base64",
		}},
	} {
		r, err := takeover.Fernet(c.config)
		wantProblems(t, r, err, c.want...)
		for _, s := range c.config.Secrets {
			if s != "" && strings.Contains(err.Error(), s) {
				t.Errorf("the error has the secret: %v", err)
			}
		}
	}
}

func FuzzFernet(f *testing.F) {
	for _, value := range seedTokens(f, "fernet", "") {
		f.Add(value, uint64(jwtNow.Unix()), []byte(`{"user":"tom"}`))
	}
	for _, payload := range []string{"", "hello", `{"a":[1,{"b":null}]}`, "{}", "{\"\\ud800\":1e5}\n"} {
		f.Add("", uint64(jwtNow.Unix()), []byte(payload))
	}
	r, forever := newFernet(f, time.Hour, fernetOlder), newFernet(f, takeover.NoMaxAge)
	f.Fuzz(func(t *testing.T, raw string, made uint64, payload []byte) {
		fuzzOpen(t, r, raw)
		token := fernetToken(fernetSecret, time.Unix(int64(made), 0), string(payload))
		if got, err := fuzzOpen(t, forever, token); err == nil {
			if b, ok := got.Data.([]byte); ok && !bytes.Equal(b, payload) {
				t.Errorf("%q comes back as %q", payload, b)
			}
		}
		// What is authentic and not as Fernet makes it.
		fuzzOpen(t, forever, fernetSealed(fernetSecret, jwtNow, string(payload[:len(payload)&^15])))
		fuzzOpen(t, forever, fernetSigned(fernetSecret, payload))
	})
}
