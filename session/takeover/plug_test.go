package takeover_test

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"golang.org/x/crypto/chacha20poly1305"

	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

const (
	plugBase  = rackLong
	plugOther = rackOther
)

func newPlug(t testing.TB, c takeover.PlugConfig) *takeover.Reader {
	t.Helper()
	c.Cookie = "_app_key"
	r, err := takeover.Plug(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// plugKey derives a key as Plug.Crypto.KeyGenerator does.
func plugKey(t testing.TB, k takeover.PlugKeys, salt string) []byte {
	t.Helper()
	hash := map[string]crypto.Hash{
		"": crypto.SHA256, "sha1": crypto.SHA1, "sha224": crypto.SHA224, "sha384": crypto.SHA384, "sha512": crypto.SHA512,
	}[k.Digest]
	if k.Iterations == 0 {
		k.Iterations = 1000
	}
	if k.Length == 0 {
		k.Length = 32
	}
	key, err := pbkdf2.Key(hash.New, k.SecretKeyBase, []byte(salt), k.Iterations, k.Length)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func plug64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// plugSign signs text, which Plug has as base64.
func plugSign(key []byte, text string) string {
	m := hmac.New(sha256.New, key)
	m.Write([]byte("SFMyNTY." + text))
	return "SFMyNTY." + text + "." + plug64(m.Sum(nil))
}

func gcm(t testing.TB, key []byte) cipher.AEAD {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	return aead
}

// plugEncrypt2 encrypts as plug_crypto 2 does, apart from the nonce, which is the same.
func plugEncrypt2(t testing.TB, key, plain []byte) []byte {
	t.Helper()
	aead, err := chacha20poly1305.NewX(key)
	if err != nil {
		t.Fatal(err)
	}
	nonce := bytes.Repeat([]byte{0x21}, 24)
	sealed := aead.Seal(nil, nonce, plain, []byte("A128GCM"))
	return append(append(nonce, sealed[len(plain):]...), sealed[:len(plain)]...)
}

// plugEncrypt1 encrypts as plug_crypto 1 does: it returns the wrapped key, nonce,
// ciphertext and tag.
func plugEncrypt1(t testing.TB, encryption, signing, cek, plain []byte) [4][]byte {
	t.Helper()
	nonce := bytes.Repeat([]byte{0x21}, 12)
	wrapped := append(gcm(t, encryption[:min(32, len(encryption))]).Seal(nil, nonce, cek, signing), nonce...)
	sealed := gcm(t, cek).Seal(nil, nonce, plain, []byte("A128GCM"))
	return [4][]byte{wrapped, nonce, sealed[:len(plain)], sealed[len(plain):]}
}

func plugParts1(parts [4][]byte) string {
	value := "QTEyOEdDTQ"
	for _, part := range parts {
		value += "." + plug64(part)
	}
	return value
}

var plugCEK = bytes.Repeat([]byte{0x63}, 16)

// Terms, as Erlang's term_to_binary writes them.

func etfBinary(text string) string {
	return string(binary.BigEndian.AppendUint32([]byte{109}, uint32(len(text)))) + text
}

func etfMap(n int, pairs ...string) string {
	return string(binary.BigEndian.AppendUint32([]byte{116}, uint32(n))) + strings.Join(pairs, "")
}

// etfTom is a session of a user.
var etfTom = "\x83" + etfMap(1, etfBinary("user"), etfBinary("tom"))

func TestPlugReadsSignedCookies(t *testing.T) {
	data := map[string]any{"user": "tom"}
	for _, keys := range []takeover.PlugKeys{
		{},
		{Digest: "sha1"},
		{Digest: "sha224", Iterations: 1},
		{Digest: "sha384", Length: 64},
		{Digest: "sha512", Iterations: 2000, Length: 20},
		{Length: 33}, // no length for a cipher
	} {
		keys.SecretKeyBase, keys.SigningSalt = plugBase, "salt"
		r := newPlug(t, takeover.PlugConfig{PlugKeys: keys})
		if r.System() != "plug" || !reflect.DeepEqual(r.Cookies(), []string{"_app_key"}) {
			t.Errorf("%s, %q", r.System(), r.Cookies())
		}
		wantRackPlug(t, r, plugSign(plugKey(t, keys, "salt"), plug64([]byte(etfTom))), data)
		wantRefused(t, r, atAnyTime, plugSign(plugKey(t, keys, "other"), plug64([]byte(etfTom))), session.ErrForged, "no secret")
		keys.Iterations++
		wantRefused(t, r, atAnyTime, plugSign(plugKey(t, keys, "salt"), plug64([]byte(etfTom))), session.ErrForged, "no secret")
	}
}

func TestPlugReadsEncryptedCookies(t *testing.T) {
	data := map[string]any{"user": "tom"}
	keys := takeover.PlugKeys{SecretKeyBase: plugBase, SigningSalt: "salt", EncryptionSalt: "pepper"}
	for _, length := range []int{16, 24, 32, 33, 64} {
		keys.Length = length
		r := newPlug(t, takeover.PlugConfig{PlugKeys: keys})
		signing, encryption := plugKey(t, keys, "salt"), plugKey(t, keys, "pepper")
		wantRackPlug(t, r, plugParts1(plugEncrypt1(t, encryption, signing, plugCEK, []byte(etfTom))), data)
		wantRefused(t, r, atAnyTime, plugParts1(plugEncrypt1(t, encryption, encryption, plugCEK, []byte(etfTom))), session.ErrForged, "no secret")
		wantRefused(t, r, atAnyTime, plugParts1(plugEncrypt1(t, signing, signing, plugCEK, []byte(etfTom))), session.ErrForged, "no secret")
		wantRefused(t, r, atAnyTime, plugParts1(plugEncrypt1(t, encryption, signing, bytes.Repeat([]byte{1}, 32), []byte(etfTom))), session.ErrMalformed, "")
		wantRefused(t, r, atAnyTime, plugSign(signing, plug64([]byte(etfTom))), session.ErrMalformed, "")
		if length == 32 {
			wantRackPlug(t, r, "XCP."+plug64(plugEncrypt2(t, encryption, []byte(etfTom))), data)
			wantRefused(t, r, atAnyTime, "XCP."+plug64(plugEncrypt2(t, signing, []byte(etfTom))), session.ErrForged, "no secret")
			continue
		}
		// Plug does not encrypt with such a key.
		wantRefused(t, r, atAnyTime, "XCP."+plug64(plugEncrypt2(t, make([]byte, 32), []byte(etfTom))), session.ErrMalformed, "")
	}
}

// TestPlugRotatesEachWithItsOwnSettings: nothing is taken over from the present ones.
func TestPlugRotatesEachWithItsOwnSettings(t *testing.T) {
	data := map[string]any{"user": "tom"}
	present := takeover.PlugKeys{SecretKeyBase: plugBase, SigningSalt: "salt", EncryptionSalt: "pepper", Iterations: 10}
	signed := takeover.PlugKeys{SecretKeyBase: plugOther, SigningSalt: "old"}
	older := takeover.PlugKeys{SecretKeyBase: plugOther, SigningSalt: "salt", EncryptionSalt: "old", Digest: "sha512"}
	r := newPlug(t, takeover.PlugConfig{PlugKeys: present, Rotating: []takeover.PlugKeys{signed, older}})
	for _, k := range []takeover.PlugKeys{present, older} {
		key := plugKey(t, k, k.EncryptionSalt)
		wantRackPlug(t, r, "XCP."+plug64(plugEncrypt2(t, key, []byte(etfTom))), data)
		wantRackPlug(t, r, plugParts1(plugEncrypt1(t, key, plugKey(t, k, k.SigningSalt), plugCEK, []byte(etfTom))), data)
	}
	wantRackPlug(t, r, plugSign(plugKey(t, signed, "old"), plug64([]byte(etfTom))), data)
	// The key of a cookie that is encrypted signs none.
	wantRefused(t, r, atAnyTime, plugSign(plugKey(t, present, "salt"), plug64([]byte(etfTom))), session.ErrForged, "")
	signed.Iterations = 10
	wantRefused(t, r, atAnyTime, plugSign(plugKey(t, signed, "old"), plug64([]byte(etfTom))), session.ErrForged, "")
	wantRefused(t, r, atAnyTime, "tom", session.ErrMalformed, "")
	// What has been verified is not tried with the next, and the reason is told.
	wantRefused(t, r, atAnyTime, "XCP."+plug64(plugEncrypt2(t, plugKey(t, present, "pepper"), []byte("tom"))), session.ErrUndecodable, "term format")
}

func TestPlugSaysWhyItRefuses(t *testing.T) {
	keys := takeover.PlugKeys{SecretKeyBase: plugBase, SigningSalt: "salt"}
	signed := newPlug(t, takeover.PlugConfig{PlugKeys: keys})
	key := plugKey(t, keys, "salt")
	good := plugSign(key, plug64([]byte(etfTom)))
	for _, c := range []struct {
		value  string
		reason session.Reason
		text   string
	}{
		{"", session.ErrMalformed, "empty"},
		{strings.Repeat("a", takeover.MaxCookie+1), session.ErrTooLarge, ""},
		{plugSign(key, plug64([]byte("\x83"+etfBinary(strings.Repeat("a", 1<<20))))), session.ErrTooLarge, ""},
		{"tom", session.ErrMalformed, "as Plug writes it"},
		{"SFMyNTY", session.ErrMalformed, "as Plug writes it"},
		{"SFMyNTY.", session.ErrMalformed, "as Plug writes it"},
		{"SFMyNTY..", session.ErrForged, "no secret"},
		{good + ".", session.ErrMalformed, "as Plug writes it"},
		{"." + good, session.ErrMalformed, "as Plug writes it"},
		{good + "=", session.ErrMalformed, "base64"},
		{good + "\n", session.ErrMalformed, "base64"},
		{good[:len(good)-3], session.ErrForged, "no secret"},
		{good[:len(good)-43], session.ErrForged, "no secret"},
		{"SFM1MTI" + good[7:], session.ErrMalformed, "HMAC-SHA256"},
		{"SFMzODQ" + good[7:], session.ErrMalformed, "HMAC-SHA256"},
		{"eyJhbGciOiJub25lIn0" + good[7:], session.ErrMalformed, "as Plug writes it"},
		{"XCP.AAAA", session.ErrMalformed, "as Plug writes it"},
		{plugSign(key, "g3QAAAAA="), session.ErrUndecodable, "not base64"},
		{plugSign(key, "g3QAAAAB"), session.ErrUndecodable, "cut short"},
		{plugSign(key, "a3QAAAAA"), session.ErrUndecodable, "term format"},
		{plugSign(key, ""), session.ErrUndecodable, "term format"},
	} {
		wantRefused(t, signed, atAnyTime, c.value, c.reason, c.text)
	}
	for n := range good {
		wantNoRackPlugAt(t, signed, good[:n])
	}

	keys.EncryptionSalt = "pepper"
	encrypted := newPlug(t, takeover.PlugConfig{PlugKeys: keys})
	encryption := plugKey(t, keys, "pepper")
	data := plugEncrypt2(t, encryption, []byte(etfTom))
	parts := plugEncrypt1(t, encryption, key, plugCEK, []byte(etfTom))
	for _, c := range []struct {
		value  string
		reason session.Reason
		text   string
	}{
		{"XCP", session.ErrMalformed, "as Plug writes it"},
		{"XCP.", session.ErrMalformed, "as Plug writes it"},
		{"XCP." + plug64(data[:39]), session.ErrMalformed, "as Plug writes it"},
		{"XCP." + plug64(data[:40]), session.ErrForged, "no secret"},
		{"XCP." + plug64(data) + "=", session.ErrMalformed, "base64"},
		{"XCP." + plug64(data) + ".", session.ErrMalformed, "base64"},
		{"xcp." + plug64(data), session.ErrMalformed, "as Plug writes it"},
		{"XCP." + plug64(plugEncrypt2(t, encryption, nil)), session.ErrUndecodable, "term format"},
		{"QTEyOEdDTQ.", session.ErrMalformed, "as Plug writes it"},
		{"QTEyOEdDTQ....", session.ErrMalformed, "as Plug writes it"},
		{plugParts1(parts) + ".", session.ErrMalformed, "as Plug writes it"},
		{plugParts1(parts) + "=", session.ErrMalformed, "base64"},
		{plugParts1([4][]byte{parts[0][1:], parts[1], parts[2], parts[3]}), session.ErrMalformed, "as Plug writes it"},
		{plugParts1([4][]byte{parts[0], parts[1][1:], parts[2], parts[3]}), session.ErrMalformed, "as Plug writes it"},
		{plugParts1([4][]byte{parts[0], parts[1], parts[2], parts[3][:15]}), session.ErrMalformed, "as Plug writes it"},
		{plugParts1([4][]byte{parts[0], parts[1], parts[2][1:], parts[3]}), session.ErrForged, "no secret"},
	} {
		wantRefused(t, encrypted, atAnyTime, c.value, c.reason, c.text)
	}
	// Every bit is authenticated.
	for i := range 8 * len(data) {
		data[i/8] ^= 1 << (i % 8)
		wantNoRackPlugAt(t, encrypted, "XCP."+plug64(data))
		data[i/8] ^= 1 << (i % 8)
	}
	for _, part := range parts {
		for i := range 8 * len(part) {
			part[i/8] ^= 1 << (i % 8)
			wantNoRackPlugAt(t, encrypted, plugParts1(parts))
			part[i/8] ^= 1 << (i % 8)
		}
	}
}

func wantNoRackPlugAt(t *testing.T, r *takeover.Reader, value string) {
	t.Helper()
	if _, err := r.Open(atAnyTime, []string{value}); err == nil {
		t.Errorf("accepted: %q", value)
	}
}

func TestPlugNamesEveryProblem(t *testing.T) {
	good := takeover.PlugKeys{SecretKeyBase: plugBase, SigningSalt: "salt"}
	for _, c := range []struct {
		config takeover.PlugConfig
		texts  []string
	}{
		{takeover.PlugConfig{}, []string{"Cookie is empty", "takeover: Plug: SecretKeyBase is of 0 bytes, and Plug wants 64 or more: it is the text", "takeover: Plug: SigningSalt is empty"}},
		{takeover.PlugConfig{Cookie: "_app_key", PlugKeys: takeover.PlugKeys{SecretKeyBase: plugBase[:63], EncryptionSalt: "pepper", Digest: "md5", Iterations: -1, Length: 31}},
			[]string{"SecretKeyBase is of 63 bytes", "SigningSalt is empty", `Digest is "md5"`, "Iterations is -1", "Length is 31, and keys that encrypt are of 16, 24 or 32 bytes"}},
		{takeover.PlugConfig{Cookie: "_app_key", PlugKeys: good, Rotating: []takeover.PlugKeys{good, {SigningSalt: "old"}, {SecretKeyBase: plugOther, Length: -1}}},
			[]string{"takeover: Plug: Rotating[1].SecretKeyBase is of 0 bytes", "takeover: Plug: Rotating[2].SigningSalt is empty", "takeover: Plug: Rotating[2].Length is -1"}},
	} {
		r, err := takeover.Plug(c.config)
		wantProblems(t, r, err, c.texts...)
	}
}

// newTerms returns a reader, and what puts terms into its cookies.
func newTerms(t testing.TB) (*takeover.Reader, func(term string) string) {
	keys := takeover.PlugKeys{SecretKeyBase: plugBase, SigningSalt: "salt", Iterations: 1}
	key := plugKey(t, keys, "salt")
	return newPlug(t, takeover.PlugConfig{PlugKeys: keys}), func(term string) string {
		return plugSign(key, plug64([]byte("\x83"+term)))
	}
}

func TestPlugReadsPlainTerms(t *testing.T) {
	r, cookie := newTerms(t)
	for _, c := range []struct {
		term string
		data any
	}{
		{"\x61\x00", int64(0)},
		{"\x61\xff", int64(255)},
		{"\x62\x00\x00\x01\x00", int64(256)},
		{"\x62\xff\xff\xff\xff", int64(-1)},
		{"\x62\x80\x00\x00\x00", int64(math.MinInt32)},
		{"\x6e\x04\x00\x00\x00\x00\x80", int64(1 << 31)},
		{"\x6e\x08\x00\xff\xff\xff\xff\xff\xff\xff\x7f", int64(math.MaxInt64)},
		{"\x6e\x08\x01\x00\x00\x00\x00\x00\x00\x00\x80", int64(math.MinInt64)},
		{"\x6e\x08\x00\x00\x00\x00\x00\x00\x00\x00\x80", new(big.Int).Lsh(big.NewInt(1), 63)},
		{"\x6e\x08\x01\x01\x00\x00\x00\x00\x00\x00\x80", new(big.Int).Sub(big.NewInt(math.MinInt64), big.NewInt(1))},
		{"\x6f\x00\x00\x01\x00\x00" + strings.Repeat("\x00", 255) + "\x01", new(big.Int).Lsh(big.NewInt(1), 8*255)},
		{"\x46\x40\x09\x21\xfb\x54\x44\x2d\x18", math.Pi},
		{"\x46\x80\x00\x00\x00\x00\x00\x00\x00", math.Copysign(0, -1)},
		{"\x64\x00\x02ok", takeover.Atom("ok")},
		{"\x64\x00\x03nil", nil},
		{"\x73\x04true", true},
		{"\x77\x05false", false},
		{"\x76\x00\x03\xe2\x82\xac", takeover.Atom("€")},
		{"\x77\x03\xe2\x82\xac", takeover.Atom("€")},
		{"\x64\x00\x01\xe9", takeover.Atom("é")},
		{"\x73\x01\xe9", takeover.Atom("é")},
		{"\x73\x00", takeover.Atom("")},
		{"\x76\x01\xfe" + strings.Repeat("\xc3\xa9", 255), takeover.Atom(strings.Repeat("é", 255))},
		{etfBinary("tom"), "tom"},
		{etfBinary(""), ""},
		{etfBinary("\xff\x00"), []byte("\xff\x00")},
		{"\x6a", []any{}},
		{"\x6b\x00\x03abc", []any{int64('a'), int64('b'), int64('c')}},
		{"\x6c\x00\x00\x00\x02\x61\x01\x6a\x6a", []any{int64(1), []any{}}},
		{"\x68\x00", takeover.Tuple{}},
		{"\x68\x02\x61\x01\x68\x01\x61\x02", takeover.Tuple{int64(1), takeover.Tuple{int64(2)}}},
		{"\x69\x00\x00\x00\x01\x61\x01", takeover.Tuple{int64(1)}},
		{etfMap(0), map[string]any{}},
		{etfMap(2, etfBinary("a"), "\x61\x01", etfBinary("b"), etfTom[1:]), map[string]any{"a": int64(1), "b": map[string]any{"user": "tom"}}},
		{etfMap(2, etfBinary("a"), "\x61\x01", "\x77\x01a", "\x61\x02"), map[any]any{"a": int64(1), takeover.Atom("a"): int64(2)}},
		{etfMap(5, "\x77\x03nil", "\x61\x01", "\x77\x04true", "\x61\x02", "\x61\x01", "\x61\x03", "\x46\x3f\xf0\x00\x00\x00\x00\x00\x00", "\x61\x04", etfBinary("x"), "\x61\x05"),
			map[any]any{nil: int64(1), true: int64(2), int64(1): int64(3), 1.0: int64(4), "x": int64(5)}},
	} {
		wantRackPlug(t, r, cookie(etfMap(1, etfBinary("x"), c.term)), map[string]any{"x": c.data})
	}
	wantRackPlug(t, r, cookie(etfMap(1, "\x77\x02id", "\x61\x07")), map[any]any{takeover.Atom("id"): int64(7)})
	wantRackPlug(t, r, cookie(etfMap(0)), map[string]any{})
}

func TestPlugRefusesOtherTerms(t *testing.T) {
	r, cookie := newTerms(t)
	pid := "\x77\x01n\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00"
	nested := func(open string, n int) string { return strings.Repeat(open, n) + "\x6a" + strings.Repeat("\x6a", n) }
	for _, c := range []struct {
		term string
		text string
	}{
		{"\x70\x00\x00\x00\x04", "a function"},
		{"\x71\x77\x0bElixir.Enum\x77\x03map\x61\x02", "a function"},
		{"\x75\x00\x00\x00\x00", "a function"},
		{"\x58" + pid, "a process"},
		{"\x67" + pid, "a process"},
		{"\x59" + pid, "a port"},
		{"\x66" + pid, "a port"},
		{"\x78" + pid, "a port"},
		{"\x5a\x00\x01" + pid, "a reference"},
		{"\x65" + pid, "a reference"},
		{"\x72\x00\x01" + pid, "a reference"},
		{"\x4d\x00\x00\x00\x01\x04\xf0", "bitstring"},
		{"\x50\x00\x00\x00\x02" + string(deflated(t, "\x61\x01")), "compressed"},
		{"\x52\x00", "of a kind that is not read"}, // an atom of a cache
		{"\x79\x00\x00\x00\x00", "of a kind that is not read"},
		{"\x63" + strings.Repeat("0", 31), "of a kind that is not read"}, // a float as text, of before OTP 17
		{"\x00", "of a kind that is not read"},
		{"\x46\x7f\xf0\x00\x00\x00\x00\x00\x00", "a float"},
		{"\x46\x7f\xf8\x00\x00\x00\x00\x00\x00", "a float"},
		{"\x6e\x01\x02\x01", "an integer"},
		{"\x77\x01\xff", "an atom"},
		{"\x76\x01\x00" + strings.Repeat("a", 256), "an atom"},
		{"\x64\x01\x00" + strings.Repeat("a", 256), "an atom"},
		{"\x6c\x00\x00\x00\x01\x61\x01\x61\x02", "whose tail is no list"},
		{etfMap(1, "\x6a", "\x61\x01"), "a key that is a list"},
		{etfMap(1, "\x6b\x00\x01a", "\x61\x01"), "a key that is a list"},
		{etfMap(1, "\x68\x00", "\x61\x01"), "a tuple"},
		{etfMap(1, etfMap(0), "\x61\x01"), "a map"},
		{etfMap(1, etfBinary("\xff"), "\x61\x01"), "a binary that is not text"},
		{etfMap(1, "\x6e\x09\x00"+strings.Repeat("\x01", 9), "\x61\x01"), "more than 64 bits"},
		{etfMap(2, etfBinary("tom"), "\x61\x01", etfBinary("tom"), "\x61\x02"), "a key twice"},
		{etfMap(3, etfBinary("tom"), "\x61\x01", "\x61\x01", "\x6a", etfBinary("tom"), "\x61\x02"), "a key twice"},
		{etfMap(2, "\x61\x01", "\x61\x01", "\x61\x01", "\x61\x02"), "a key twice"},
		{nested("\x6c\x00\x00\x00\x01", 64), "nested too deeply"},
		{nested("\x6c\x00\x00\x00\x01", 1500), "nested too deeply"},
		{strings.Repeat("\x68\x01", 5000), "nested too deeply"},
		{strings.Repeat(etfMap(1, "\x61\x01"), 64) + "\x6a", "nested too deeply"},
		{strings.Repeat("\x74\x00\x00\x00\x01\x6a", 1800), "a key that is a list"},
		{strings.Repeat("\x74\x00\x00\x00\x01\x61\x01", 1500), "nested too deeply"},
		{"\x6b\x10\x00" + strings.Repeat("a", 4096), "too many entries"},
		{"\x6c\x00\x00\x10\x00" + strings.Repeat("\x6a", 4096) + "\x6a", "too many entries"},
		{"\x69\x00\x00\x10\x00" + strings.Repeat("\x6a", 4096), "too many entries"},
		{"\x6c\xff\xff\xff\xff\x6a", "cut short"},
		{"\x69\xff\xff\xff\xff\x6a", "cut short"},
		{"\x74\xff\xff\xff\xff\x6a", "cut short"},
		{"\x6d\xff\xff\xff\xff\x6a", "cut short"},
		{"\x6f\xff\xff\xff\xff\x00", "cut short"},
		{"\x6b\xff\xff", "cut short"},
		{"\x77\x05tom", "cut short"},
		{"\x6e\x01\x00", "cut short"},
	} {
		wantRefused(t, r, atAnyTime, cookie(etfMap(1, etfBinary("x"), c.term)), session.ErrUndecodable, c.text)
	}
	wantRefused(t, r, atAnyTime, cookie(etfMap(0)+"\x6a"), session.ErrUndecodable, "something behind it")
	for _, term := range []string{"\x61\x01", "\x6a", "\x68\x00", "\x77\x03nil", etfBinary("tom")} {
		wantRefused(t, r, atAnyTime, cookie(term), session.ErrUndecodable, "not a map")
	}
	// Wherever a term is cut, it is refused.
	whole := etfMap(2, etfBinary("x"), "\x6c\x00\x00\x00\x03\x46\x40\x09\x21\xfb\x54\x44\x2d\x18\x62\x00\x00\x01\x00\x6e\x08\x00\xff\xff\xff\xff\xff\xff\xff\x7f\x6a",
		"\x77\x02ok", "\x68\x02\x61\x01\x6b\x00\x02ab")
	if _, err := r.Open(atAnyTime, []string{cookie(whole)}); err != nil {
		t.Fatal(err)
	}
	for n := range whole {
		wantRefused(t, r, atAnyTime, cookie(whole[:n]), session.ErrUndecodable, "cut short")
	}
}

// TestPlugTermsHaveLimits that are as deep and as many as is promised.
func TestPlugTermsHaveLimits(t *testing.T) {
	r, cookie := newTerms(t)
	for _, term := range []string{
		strings.Repeat("\x68\x01", 63) + "\x6a",
		strings.Repeat("\x6c\x00\x00\x00\x01", 63) + "\x61\x01" + strings.Repeat("\x6a", 63),
		strings.Repeat(etfMap(1, "\x61\x01"), 63) + "\x6a",
		"\x6b\x0f\xff" + strings.Repeat("a", 4095),
		"\x6c\x00\x00\x0f\xff" + strings.Repeat("\x6a", 4096),
	} {
		if _, err := r.Open(atAnyTime, []string{cookie(etfMap(1, etfBinary("x"), term))}); err != nil {
			t.Error(err)
		}
	}
}

// TestPlugBinariesAreTheCallers: what is appended to one is not in another.
func TestPlugBinariesAreTheCallers(t *testing.T) {
	r, cookie := newTerms(t)
	f, err := r.Open(atAnyTime, []string{cookie(etfMap(2, "\x61\x01", etfBinary("\xff1"), "\x61\x02", etfBinary("\xff2")))})
	if err != nil {
		t.Fatal(err)
	}
	data := f.Data.(map[any]any)
	first, second := data[int64(1)].([]byte), data[int64(2)].([]byte)
	_ = append(first, "nine of it"[:9]...) // as many as are behind it in the term
	if string(second) != "\xff2" {
		t.Errorf("%q", second)
	}
}

// TestPlugAllocatesLittle, whatever is in a cookie that is authentic.
func TestPlugAllocatesLittle(t *testing.T) {
	r, cookie := newTerms(t)
	for name, term := range map[string]string{
		"long binary":  "\x6d\xff\xff\xff\xff",
		"long list":    "\x6c\xff\xff\xff\xff",
		"long map":     "\x74\xff\xff\xff\xff",
		"nested lists": strings.Repeat("\x6c\x00\x00\x20\x00", 1000) + strings.Repeat("a", 5000),
		"nested maps":  strings.Repeat("\x74\x00\x00\x0f\x00\x61\x01", 1000),
		"bytes":        "\x6b\x0f\xff" + strings.Repeat("a", 4095),
		"maps":         "\x6c\x00\x00\x09\x00" + strings.Repeat("\x74\x00\x00\x00\x00", 2304) + "\x6a",
		"integer":      "\x6f\x00\x00\x2c\x00\x00" + strings.Repeat("\xff", 11<<10),
		"compressed":   "\x50\x7f\xff\xff\xff" + string(deflated(t, strings.Repeat("a", 1<<20))),
	} {
		if n := allocated(openerOf(r, cookie(etfMap(1, etfBinary("x"), term)))); n > 1<<20 {
			t.Errorf("%s: %d bytes are allocated", name, n)
		}
	}
}

// FuzzPlug has values as they come, and terms inside of values that are authentic.
func FuzzPlug(f *testing.F) {
	readers, seeds := seedReaders(f, "plug")
	for value := range seeds {
		payload := []byte(etfTom)
		if parts := strings.Split(value, "."); parts[0] == "SFMyNTY" && len(parts) == 3 {
			payload, _ = base64.RawURLEncoding.DecodeString(parts[1])
		}
		f.Add(value, payload)
	}
	keys := takeover.PlugKeys{SecretKeyBase: plugBase, SigningSalt: "salt", Iterations: 1}
	signed := newPlug(f, takeover.PlugConfig{PlugKeys: keys})
	signing := plugKey(f, keys, "salt")
	keys.EncryptionSalt = "pepper"
	encrypted := newPlug(f, takeover.PlugConfig{PlugKeys: keys})
	encryption := plugKey(f, keys, "pepper")
	readers = append(readers, signed, encrypted)
	f.Fuzz(func(t *testing.T, value string, payload []byte) {
		for _, r := range readers {
			if _, err := r.Open(atAnyTime, []string{value}); err == nil && !seeds[value] {
				t.Errorf("accepted: %q", value)
			}
		}
		for _, c := range []struct {
			r     *takeover.Reader
			value string
		}{
			{signed, plugSign(signing, plug64(payload))},
			{encrypted, "XCP." + plug64(plugEncrypt2(t, encryption, payload))},
			{encrypted, plugParts1(plugEncrypt1(t, encryption, signing, plugCEK, payload))},
		} {
			foreign, err := c.r.Open(atAnyTime, []string{c.value})
			if err != nil && errors.Is(err, session.ErrForged) {
				t.Errorf("%v, and it is authentic", err)
			}
			if err == nil {
				_, _ = takeover.Values(foreign.Data)
			}
		}
	})
}
