package takeover_test

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"hash"
	"net/url"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

var railsSecret = strings.Repeat("0123456789abcdef", 8)

// railsKey is the key generator of Rails, with SHA-256.
func railsKey(salt string, size int) []byte {
	type of struct {
		salt string
		size int
	}
	if key, ok := railsKeys.Load(of{salt, size}); ok {
		return key.([]byte)
	}
	key, err := pbkdf2.Key(sha256.New, railsSecret, []byte(salt), 1000, size)
	if err != nil {
		panic(err)
	}
	railsKeys.Store(of{salt, size}, key)
	return key
}

var railsKeys sync.Map

func base64Text(data []byte) string { return base64.StdEncoding.EncodeToString(data) }

// railsSigned signs the text of a cookie.
func railsSigned(text, salt string, h func() hash.Hash) string {
	m := hmac.New(h, railsKey(salt, 64))
	m.Write([]byte(text))
	return url.QueryEscape(text + "--" + hex.EncodeToString(m.Sum(nil)))
}

func railsSign(data string) string {
	return railsSigned(base64Text([]byte(data)), "signed cookie", sha1.New)
}

// railsGCM encrypts the data of a cookie, in parts that are not yet escaped.
func railsGCM(data, salt string, size int) (ciphertext, nonce, tag []byte) {
	block, err := aes.NewCipher(railsKey(salt, size))
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	nonce = []byte("0123456789ab")
	sealed := gcm.Seal(nil, nonce, []byte(data), nil)
	return sealed[:len(data)], nonce, sealed[len(data):]
}

func railsJoin(parts ...[]byte) string {
	var texts []string
	for _, p := range parts {
		texts = append(texts, base64Text(p))
	}
	return url.QueryEscape(strings.Join(texts, "--"))
}

func railsEncrypt(data string) string {
	return railsJoin(railsGCM(data, "authenticated encrypted cookie", 32))
}

func railsCBC(data string) string {
	iv := []byte("0123456789abcdef")
	return railsInCBC(base64Text(encryptCBC(railsKey("encrypted cookie", 32), iv, pad([]byte(data)))) + "--" + base64Text(iv))
}

// railsInCBC signs what is encrypted in AES-CBC, or pretends to be.
func railsInCBC(inner string) string {
	return railsSigned(base64Text([]byte(inner)), "signed encrypted cookie", sha1.New)
}

// railsMetadata is data in metadata, of which the rest is rest.
func railsMetadata(data, rest string) string {
	return `{"_rails":{"message":"` + base64Text([]byte(data)) + `",` + rest + `}}`
}

func railsReader(t testing.TB, c takeover.RailsConfig) *takeover.Reader {
	t.Helper()
	c.Cookie, c.Secrets, c.KeyDigest = "_app_session", []string{railsSecret}, "SHA256"
	r, err := takeover.Rails(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRailsListsEveryProblem(t *testing.T) {
	with := func(edit func(*takeover.RailsConfig)) takeover.RailsConfig {
		c := takeover.RailsConfig{Cookie: "_app_session", Secrets: []string{railsSecret}, KeyDigest: "SHA1"}
		edit(&c)
		return c
	}
	for name, test := range map[string]struct {
		c    takeover.RailsConfig
		want []string
	}{
		"nothing": {takeover.RailsConfig{}, []string{"Cookie is empty", "KeyDigest is empty", "Secrets is empty"}},
		"everything": {
			takeover.RailsConfig{Secrets: []string{"", railsSecret, "short", strings.Repeat("\xff", 32)},
				KeyDigest: "sha1", Digest: "MD5", Cipher: "aes-256-cbc", Iterations: -1},
			[]string{"Cookie is empty", `KeyDigest is "sha1", and known are ["SHA1" "SHA256" "SHA384" "SHA512"]`, `Digest is "MD5"`,
				`Cipher is "aes-256-cbc", and known are ["aes-128-gcm" "aes-192-gcm" "aes-256-gcm"]; cookies in aes-256-cbc are read`, "Iterations is negative",
				"Secrets[0] has fewer than 16 characters", "Secrets[2] has fewer than 16 characters: it wants secret_key_base",
				"Secrets[3] is not text: it wants secret_key_base as it is, and not a key derived from it"},
		},
		"a short secret":       {with(func(c *takeover.RailsConfig) { c.Secrets = []string{"sixteen letters!"} }), nil},
		"what Rails has":       {with(func(c *takeover.RailsConfig) {}), nil},
		"what Rails may have":  {with(func(c *takeover.RailsConfig) { c.KeyDigest, c.Cipher, c.Iterations = "SHA512", "aes-192-gcm", 1 }), nil},
		"what is signed, also": {with(func(c *takeover.RailsConfig) { c.Signed, c.Digest = true, "SHA384" }), nil},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := takeover.Rails(test.c)
			wantProblems(t, r, err, test.want...)
		})
	}
}

func TestRailsReadsWhatItsSettingsSay(t *testing.T) {
	const user = `{"user":"tom"}`
	signed := func(salt string, h func() hash.Hash) string {
		return railsSigned(base64Text([]byte(user)), salt, h)
	}
	now := time.Unix(1_700_000_000, 0)
	for name, test := range map[string]struct {
		c      takeover.RailsConfig
		cookie string
	}{
		"GCM":             {takeover.RailsConfig{}, railsEncrypt(user)},
		"GCM of 128 bits": {takeover.RailsConfig{Cipher: "aes-128-gcm"}, railsJoin(railsGCM(user, "authenticated encrypted cookie", 16))},
		"GCM of 192 bits": {takeover.RailsConfig{Cipher: "aes-192-gcm"}, railsJoin(railsGCM(user, "authenticated encrypted cookie", 24))},
		"GCM, salted":     {takeover.RailsConfig{AuthenticatedEncryptedSalt: "own"}, railsJoin(railsGCM(user, "own", 32))},
		"CBC":             {takeover.RailsConfig{}, railsCBC(user)},
		"signed":          {takeover.RailsConfig{Signed: true}, railsSign(user)},
		"signed, SHA-256": {takeover.RailsConfig{Signed: true, Digest: "SHA256"}, signed("signed cookie", sha256.New)},
		"signed, SHA-384": {takeover.RailsConfig{Signed: true, Digest: "SHA384"}, signed("signed cookie", sha512.New384)},
		"signed, SHA-512": {takeover.RailsConfig{Signed: true, Digest: "SHA512"}, signed("signed cookie", sha512.New)},
		"signed, salted":  {takeover.RailsConfig{Signed: true, SignedSalt: "own"}, signed("own", sha1.New)},
		"CBC, with the salt of signed ones": {takeover.RailsConfig{EncryptedSignedSalt: "own"}, func() string {
			iv := []byte("0123456789abcdef")
			inner := base64Text(encryptCBC(railsKey("encrypted cookie", 32), iv, pad([]byte(user)))) + "--" + base64Text(iv)
			return railsSigned(base64Text([]byte(inner)), "own", sha1.New)
		}()},
		"signed, of a key of 2 rounds": {takeover.RailsConfig{Signed: true, Iterations: 2}, func() string {
			key, err := pbkdf2.Key(sha256.New, railsSecret, []byte("signed cookie"), 2, 64)
			if err != nil {
				t.Fatal(err)
			}
			m := hmac.New(sha1.New, key)
			m.Write([]byte(base64Text([]byte(user))))
			return url.QueryEscape(base64Text([]byte(user)) + "--" + hex.EncodeToString(m.Sum(nil)))
		}()},
		"CBC, salted": {takeover.RailsConfig{EncryptedSalt: "own", Digest: "SHA256"}, func() string {
			iv := []byte("0123456789abcdef")
			inner := base64Text(encryptCBC(railsKey("own", 32), iv, pad([]byte(user)))) + "--" + base64Text(iv)
			return railsSigned(base64Text([]byte(inner)), "signed encrypted cookie", sha256.New)
		}()},
		"in metadata":                {takeover.RailsConfig{}, railsEncrypt(railsMetadata(user, `"exp":null,"pur":"cookie._app_session"`))},
		"in metadata for no cookie":  {takeover.RailsConfig{}, railsEncrypt(railsMetadata(user, `"exp":null,"pur":null`))},
		"in metadata without rest":   {takeover.RailsConfig{}, railsEncrypt(strings.Replace(railsMetadata(user, ``), ",}", "}", 1))},
		"signed, in metadata":        {takeover.RailsConfig{Signed: true}, railsSign(railsMetadata(user, `"exp":null,"pur":"cookie._app_session"`))},
		"CBC, in metadata":           {takeover.RailsConfig{}, railsCBC(railsMetadata(user, `"exp":null,"pur":"cookie._app_session"`))},
		"in metadata with more said": {takeover.RailsConfig{}, railsEncrypt(railsMetadata(user, `"exp":null,"pur":null,"new":1`))},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := railsReader(t, test.c).Open(now, []string{test.cookie})
			if err != nil || !reflect.DeepEqual(f, session.Foreign{Data: map[string]any{"user": "tom"}}) {
				t.Errorf("%v, %v", f, err)
			}
			if other := (takeover.RailsConfig{Signed: test.c.Signed}); !reflect.DeepEqual(other, test.c) {
				wantRefused(t, railsReader(t, other), now, test.cookie, session.ErrForged, "")
			}
		})
	}
}

func TestRailsSaysWhyACookieIsRefused(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	const user = `{"user":"QUOTED"}`
	encrypted, signed := railsReader(t, takeover.RailsConfig{}), railsReader(t, takeover.RailsConfig{Signed: true})
	ciphertext, nonce, tag := railsGCM(user, "authenticated encrypted cookie", 32)
	flipped := append([]byte{tag[0] ^ 1}, tag[1:]...)
	text := base64Text([]byte(user))
	deep := strings.Repeat(`[`, 100) + strings.Repeat("]", 100)
	list := "[0" + strings.Repeat(",0", 5000) + "]"
	block := func(data string) string { // without padding
		iv := []byte("0123456789abcdef")
		return railsInCBC(base64Text(encryptCBC(railsKey("encrypted cookie", 32), iv, []byte(data))) + "--" + base64Text(iv))
	}
	metadata := func(rest string) string { return railsMetadata(user, rest) }
	for name, test := range map[string]struct {
		r      *takeover.Reader
		cookie string
		reason session.Reason
		text   string
	}{
		"not escaped":            {encrypted, base64Text(ciphertext) + "--" + base64Text(nonce) + "--" + base64Text(tag), session.ErrMalformed, "Rack"},
		"escaped in lower case":  {encrypted, strings.Replace(railsEncrypt(user), "%3D", "%3d", 1), session.ErrMalformed, "Rack"},
		"escaped too much":       {encrypted, strings.Replace(railsEncrypt(user), "--", "%2D-", 1), session.ErrMalformed, "Rack"},
		"escaped by halves":      {encrypted, railsEncrypt(user) + "%3", session.ErrMalformed, "Rack"},
		"a plus":                 {encrypted, "QUOTED+--a--b", session.ErrMalformed, "base64"},
		"one part":               {encrypted, "QUOTED", session.ErrMalformed, "parts"},
		"four parts":             {encrypted, railsEncrypt(user) + "--QUOTED", session.ErrMalformed, "parts"},
		"three parts signed":     {signed, railsEncrypt(user), session.ErrMalformed, "parts"},
		"signed, and a third":    {signed, railsSign(user) + "--QUOTED", session.ErrMalformed, "parts"},
		"signed for encrypted":   {encrypted, railsSign(user), session.ErrForged, "no secret"},
		"CBC for signed":         {signed, railsCBC(user), session.ErrForged, "no secret"},
		"loose base64":           {encrypted, url.QueryEscape(strings.TrimRight(base64Text(ciphertext), "=") + "--" + base64Text(nonce) + "--" + base64Text(tag)), session.ErrMalformed, "base64"},
		"a line within base64":   {encrypted, url.QueryEscape(base64Text(ciphertext) + "\n--" + base64Text(nonce) + "--" + base64Text(tag)), session.ErrMalformed, "base64"},
		"a tag of 12 bytes":      {encrypted, railsJoin(ciphertext, nonce, tag[:12]), session.ErrMalformed, "length"},
		"no tag":                 {encrypted, railsJoin(ciphertext, nonce, nil), session.ErrMalformed, "length"},
		"a tag of 17 bytes":      {encrypted, railsJoin(ciphertext, nonce, append(tag[:16:16], 0)), session.ErrMalformed, "length"},
		"a byte moved to tag":    {encrypted, railsJoin(ciphertext[:len(ciphertext)-1], nonce, append(ciphertext[len(ciphertext)-1:len(ciphertext):len(ciphertext)], tag...)), session.ErrMalformed, "length"},
		"a nonce of 16 bytes":    {encrypted, railsJoin(ciphertext, []byte("0123456789abcdef"), tag), session.ErrMalformed, "length"},
		"another tag":            {encrypted, railsJoin(ciphertext, nonce, flipped), session.ErrForged, "no secret"},
		"another nonce":          {encrypted, railsJoin(ciphertext, []byte("0123456789aB"), tag), session.ErrForged, "no secret"},
		"no signature":           {signed, url.QueryEscape(text + "--"), session.ErrForged, "no secret"},
		"half a signature":       {signed, railsSign(user)[:len(railsSign(user))-20], session.ErrForged, "no secret"},
		"a longer signature":     {signed, railsSign(user) + "0", session.ErrForged, "no secret"},
		"an upper signature":     {signed, strings.ToUpper(railsSign("")), session.ErrForged, "no secret"},
		"signed, of SHA-256":     {signed, railsSigned(text, "signed cookie", sha256.New), session.ErrForged, "no secret"},
		"for another cookie":     {encrypted, railsEncrypt(metadata(`"exp":null,"pur":"cookie.QUOTED"`)), session.ErrForged, "another cookie"},
		"signed for another":     {signed, railsSign(metadata(`"exp":null,"pur":"cookie.QUOTED"`)), session.ErrForged, "another cookie"},
		"for what is no text":    {encrypted, railsEncrypt(metadata(`"exp":null,"pur":[]`)), session.ErrForged, "another cookie"},
		"for another, and over":  {encrypted, railsEncrypt(metadata(`"exp":"2001-01-01T00:00:00.000Z","pur":"login"`)), session.ErrForged, "another cookie"},
		"over":                   {encrypted, railsEncrypt(metadata(`"exp":"2001-01-01T00:00:00.000Z","pur":null`)), session.ErrExpired, ""},
		"over, and in Marshal":   {encrypted, railsEncrypt(railsMetadata("\x04\x08QUOTED", `"exp":"2001-01-01T00:00:00.000Z","pur":null`)), session.ErrExpired, ""},
		"an end that is none":    {encrypted, railsEncrypt(metadata(`"exp":"QUOTED","pur":null`)), session.ErrUndecodable, "not a time"},
		"an empty end":           {encrypted, railsEncrypt(metadata(`"exp":"","pur":null`)), session.ErrUndecodable, "not a time"},
		"an end in seconds":      {encrypted, railsEncrypt(metadata(`"exp":2000000000,"pur":null`)), session.ErrUndecodable, "not a time"},
		"an end that is false":   {encrypted, railsEncrypt(metadata(`"exp":false,"pur":null`)), session.ErrUndecodable, "not a time"},
		"metadata without value": {encrypted, railsEncrypt(`{"_rails":{"exp":null,"pur":null}}`), session.ErrUndecodable, "no value"},
		"metadata of loose base": {encrypted, railsEncrypt(`{"_rails":{"message":"QUOTED\n","pur":null}}`), session.ErrUndecodable, "no value"},
		"metadata of no kind":    {encrypted, railsEncrypt(`{"_rails":"QUOTED"}`), session.ErrUndecodable, "no value"},
		"metadata twice":         {encrypted, railsEncrypt(`{"_rails":{"message":"MQ=="},"_rails":{"message":"Mg=="}}`), session.ErrUndecodable, "twice"},

		"Marshal":             {encrypted, railsEncrypt("\x04\x08QUOTED"), session.ErrUndecodable, "Ruby's Marshal"},
		"Marshal in metadata": {encrypted, railsEncrypt(railsMetadata("\x04\x08QUOTED", `"pur":null`)), session.ErrUndecodable, "Ruby's Marshal"},
		"Marshal, signed":     {signed, railsSign("\x04\x08QUOTED"), session.ErrUndecodable, "Ruby's Marshal"},
		"Marshal in CBC":      {encrypted, railsCBC("\x04\x08QUOTED"), session.ErrUndecodable, "Ruby's Marshal"},
		"MessagePack":         {encrypted, railsEncrypt(railsMetadata("\xcc\x80QUOTED", `"pur":null`)), session.ErrUndecodable, "MessagePack"},
		"null":                {encrypted, railsEncrypt(railsMetadata("null", `"pur":null`)), session.ErrUndecodable, "null"},
		"null, bare":          {signed, railsSign("null"), session.ErrUndecodable, "null"},
		"nothing":             {encrypted, railsEncrypt(""), session.ErrUndecodable, "not JSON"},
		"no JSON":             {encrypted, railsEncrypt("QUOTED"), session.ErrUndecodable, "not JSON"},
		"a comment":           {encrypted, railsEncrypt(`{/*QUOTED*/}`), session.ErrUndecodable, "not JSON"},
		"too deep":            {encrypted, railsEncrypt(deep), session.ErrUndecodable, "too deeply"},
		"too deep within":     {signed, railsSign(railsMetadata(deep, `"pur":null`)), session.ErrUndecodable, "too deeply"},
		"too deep around":     {signed, railsSign(`{"_rails":{"pur":` + deep + `}}`), session.ErrUndecodable, "too deeply"},
		"too many":            {encrypted, railsEncrypt(list), session.ErrUndecodable, "too many"},
		"of 1 MB":             {encrypted, railsEncrypt(`{"a":"` + strings.Repeat("a", 1<<20) + `"}`), session.ErrTooLarge, ""},

		"signed, no base64":        {signed, railsSigned("QUOTED.", "signed cookie", sha1.New), session.ErrUndecodable, "not base64"},
		"CBC, one part":            {encrypted, railsInCBC("QUOTED"), session.ErrUndecodable, "not whole"},
		"CBC, no base64":           {encrypted, railsInCBC("QUOTED--QUOTED"), session.ErrUndecodable, "not whole"},
		"CBC, three parts":         {encrypted, railsInCBC(base64Text(make([]byte, 16)) + "--" + base64Text(make([]byte, 16)) + "--"), session.ErrUndecodable, "not whole"},
		"CBC, a short vector":      {encrypted, railsInCBC(base64Text(make([]byte, 16)) + "--" + base64Text(make([]byte, 12))), session.ErrUndecodable, "not whole"},
		"CBC, half a block":        {encrypted, railsInCBC(base64Text(make([]byte, 24)) + "--" + base64Text(make([]byte, 16))), session.ErrUndecodable, "not whole"},
		"CBC, nothing encrypted":   {encrypted, railsInCBC("--" + base64Text(make([]byte, 16))), session.ErrUndecodable, "not whole"},
		"CBC, padding of nothing":  {encrypted, block(strings.Repeat("\x00", 16)), session.ErrUndecodable, "not whole"},
		"CBC, padding that is odd": {encrypted, block("QUOTED1234567\x02\x03\x03"), session.ErrUndecodable, "not whole"},
	} {
		t.Run(name, func(t *testing.T) { wantNotQuoted(t, test.r, now, test.cookie, test.reason, test.text) })
	}
}

func TestRailsCookieEndsWhereItsMetadataSay(t *testing.T) {
	end := time.Date(2026, 2, 28, 23, 59, 59, 123e6, time.UTC)
	for _, exp := range []string{"2026-02-28T23:59:59.123Z", "2026-03-01T01:59:59.123+02:00"} {
		for name, cookie := range map[string]string{
			"with a purpose":    railsEncrypt(railsMetadata("{}", `"exp":"`+exp+`","pur":"cookie._app_session"`)),
			"without a purpose": railsEncrypt(railsMetadata("{}", `"exp":"`+exp+`","pur":null`)),
		} {
			r := railsReader(t, takeover.RailsConfig{})
			f, err := r.Open(end.Add(-1), []string{cookie})
			if err != nil || !f.Expires.Equal(end) || !f.Start.IsZero() {
				t.Errorf("%s: %v, %v, want one that ends at %v", name, f, err, end)
			}
			wantRefused(t, r, end, cookie, session.ErrExpired, "")
		}
	}
}

func TestRailsTriesEverySecret(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	first, last := strings.Repeat("a", 64), strings.Repeat("b", 64)
	for _, signed := range []bool{false, true} {
		cookies := []string{railsEncrypt("1"), railsCBC("1")}
		if signed {
			cookies = []string{railsSign("1")}
		}
		for i, secrets := range [][]string{{railsSecret, first, last}, {first, railsSecret, last}, {first, last, railsSecret}, {first, last}} {
			r, err := takeover.Rails(takeover.RailsConfig{Cookie: "c", Secrets: secrets, KeyDigest: "SHA256", Signed: signed})
			if err != nil {
				t.Fatal(err)
			}
			for _, cookie := range cookies {
				if f, err := r.Open(now, []string{cookie}); i < 3 && (err != nil || f.Data != int64(1)) || i == 3 && !errors.Is(err, session.ErrForged) {
					t.Errorf("%d: %v, %v", i, f, err)
				}
			}
		}
	}
}

func TestRailsSuspectsMasterKey(t *testing.T) {
	for secret, hint := range map[string]bool{"0123456789abcdef0123456789abcdef": true, railsSecret: false, "0123456789abcdef0123456789abcdeg": false} {
		r, err := takeover.Rails(takeover.RailsConfig{Cookie: "c", Secrets: []string{secret}, KeyDigest: "SHA1"})
		if err != nil {
			t.Fatal(err)
		}
		if _, err = r.Open(time.Now(), []string{railsSign("1")}); !errors.Is(err, session.ErrForged) || strings.Contains(err.Error(), "master.key") != hint {
			t.Errorf("%q: %v", secret, err)
		}
	}
}

func FuzzRails(f *testing.F) {
	readers, cookies, payloads := readersOfCases(f, "rails")
	for i := range cookies {
		f.Add(cookies[i], payloads[i], "2030-01-01T00:00:00.000Z", uint8(i))
	}
	f.Add("", "\x04\x08[\x00", "", uint8(3))
	encrypted, signed := railsReader(f, takeover.RailsConfig{}), railsReader(f, takeover.RailsConfig{Signed: true})
	now := time.Unix(1_750_000_000, 0)
	f.Fuzz(func(t *testing.T, raw, payload, exp string, kind uint8) {
		for _, r := range readers {
			r.Open(now, []string{raw})
		}
		data := payload
		if kind&4 != 0 {
			data = railsMetadata(payload, `"exp":"`+exp+`","pur":"cookie._app_session"`)
		}
		r, cookie := encrypted, railsEncrypt(data)
		switch kind & 3 {
		case 1:
			cookie = railsCBC(data)
		case 2:
			cookie = railsInCBC(data)
		case 3:
			r, cookie = signed, railsSign(data)
		}
		if f, err := r.Open(now, []string{cookie}); err == nil {
			wantPlain(t, f.Data, payload)
		} else if !errors.As(err, new(session.Reason)) {
			t.Errorf("refused without a reason: %v", err)
		}
	})
}

func TestWorkOnAnIronSessionOrACookieOfRailsIsBounded(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	fill := func(open, item, end string, n int) string { return open + strings.Repeat(item, n/len(item)) + end }
	encrypted, signed := railsReader(t, takeover.RailsConfig{}), railsReader(t, takeover.RailsConfig{Signed: true})
	for name, payload := range map[string]func(n int) string{
		"lists":   func(n int) string { return fill("[0", ",[]", "]", n) },
		"maps":    func(n int) string { return fill(`{"a":[0`, ",{}", "]}", n) },
		"numbers": func(n int) string { return fill(`{"a":1`, "0", "}", n) },
		"depth":   func(n int) string { return fill("", "[", "", n) },
		"text":    func(n int) string { return fill(`{"a":"`, `\u0001`, `"}`, n) },
	} {
		for system, open := range map[string]func() error{
			"iron": func() error {
				_, err := ironReader(t).Open(now, []string{ironSeal{plain: payload(11 << 10), suffix: "~2"}.String()})
				return err
			},
			"rails": func() error { _, err := encrypted.Open(now, []string{railsEncrypt(payload(11 << 10))}); return err },
			"rails, signed": func() error {
				_, err := signed.Open(now, []string{railsSign(railsMetadata(payload(8<<10), `"pur":null`))})
				return err
			},
			"parts": func() error { _, err := encrypted.Open(now, []string{fill("", "--", "", 16<<10)}); return err },
			"parts of iron": func() error {
				_, err := ironReader(t).Open(now, []string{fill("", "*", "", 16<<10)})
				return err
			},
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := open()
			runtime.ReadMemStats(&after)
			if errors.Is(err, session.ErrTooLarge) {
				t.Errorf("%s, %s: the case is too large to say anything", system, name)
			}
			if got := after.TotalAlloc - before.TotalAlloc; got > 64*takeover.MaxCookie {
				t.Errorf("%s, %s: %d bytes", system, name, got)
			}
		}
	}
}

// What GODEBUG=fips140=only does not allow is a problem of the configuration, and neither
// an error nor a panic at each cookie.
func TestIronSessionAndRailsWithFIPSAlgorithmsOnly(t *testing.T) {
	if !onlyFIPS(t) {
		return
	}
	r, err := takeover.IronSession(takeover.IronSessionConfig{Cookie: "sid", Passwords: map[int]string{1: ironPassword}})
	wantProblems(t, r, err, "PBKDF2 with HMAC-SHA1")
	c := takeover.RailsConfig{Cookie: "c", Secrets: []string{railsSecret}, KeyDigest: "SHA256", AuthenticatedEncryptedSalt: strings.Repeat("1", 16),
		EncryptedSalt: strings.Repeat("2", 16), EncryptedSignedSalt: strings.Repeat("3", 16), SignedSalt: strings.Repeat("4", 16)}
	r, err = takeover.Rails(c)
	wantProblems(t, r, err, "GCM")
	c.Signed = true
	r, err = takeover.Rails(c)
	wantProblems(t, r, err, "the keys cannot be made: crypto/hmac")
	c.Digest = "SHA256"
	if r, err = takeover.Rails(c); err != nil {
		t.Fatal(err)
	}
	wantRefused(t, r, time.Now(), "--", session.ErrForged, "")
}
