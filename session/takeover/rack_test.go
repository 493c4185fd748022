package takeover_test

import (
	"bytes"
	"compress/zlib"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

// What the tests of Rack and of Plug share.

var atAnyTime = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

// wantRackPlug opens a value that has to be accepted.
func wantRackPlug(t *testing.T, r *takeover.Reader, value string, data any) {
	t.Helper()
	for _, now := range []time.Time{atAnyTime, time.Unix(0, 0), atAnyTime.AddDate(100, 0, 0)} {
		f, err := r.Open(now, []string{value})
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		if !reflect.DeepEqual(f.Data, data) {
			t.Fatalf("%#v, want %#v", f.Data, data)
		}
		if !f.Start.IsZero() || !f.Expires.IsZero() {
			t.Fatalf("it says that it is from %v to %v, and the format says neither", f.Start, f.Expires)
		}
	}
}

const (
	rackSecret = "hunter2-"
	rackLong   = "hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-hunter2-" // 64 bytes
	rackOther  = "another--another--another--another--another--another--another---"
)

func newRack(t testing.TB, c takeover.RackConfig) *takeover.Reader {
	t.Helper()
	r, err := takeover.Rack(c)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// rackSign signs data as Rack 2 does.
func rackSign(hash crypto.Hash, secret, data string) string {
	m := hmac.New(hash.New, []byte(secret))
	m.Write([]byte(data))
	return url.QueryEscape(data + "--" + hex.EncodeToString(m.Sum(nil)))
}

func rackJSON(text string) string {
	return rackSign(crypto.SHA1, rackSecret, base64.StdEncoding.EncodeToString([]byte(text)))
}

func rackZip(t testing.TB, text string) string {
	t.Helper()
	return rackSign(crypto.SHA1, rackSecret, base64.StdEncoding.EncodeToString(deflated(t, text)))
}

func deflated(t testing.TB, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	if _, err := z.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// rackPad puts n bytes of padding before a payload.
func rackPad(n int, payload string) []byte {
	b := binary.LittleEndian.AppendUint16(nil, uint16(n))
	return append(append(b, bytes.Repeat([]byte{0xaa}, n)...), payload...)
}

// rackEncrypt encrypts as the versions of rack-session's encryptor do. The salt is not
// random: the same text is encrypted once.
func rackEncrypt(t testing.TB, version int, secret, purpose string, plain []byte) []byte {
	t.Helper()
	salt := bytes.Repeat([]byte{0xfb}, 32)
	m := hmac.New(sha256.New, []byte(secret[:32]))
	m.Write(salt)
	block, err := aes.NewCipher(m.Sum(nil))
	if err != nil {
		t.Fatal(err)
	}
	data := append([]byte{byte(version)}, salt...)
	if version == 1 {
		iv := bytes.Repeat([]byte{0x22}, 16)
		ciphertext := make([]byte, len(plain))
		cipher.NewCTR(block, iv).XORKeyStream(ciphertext, plain)
		data = append(append(data, iv...), ciphertext...)
		m := hmac.New(sha256.New, []byte(secret[32:]))
		m.Write(data)
		m.Write([]byte(purpose))
		return m.Sum(data)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	iv := bytes.Repeat([]byte{0x22}, 12)
	sealed := aead.Seal(nil, iv, plain, append(data[:len(data):len(data)], purpose...))
	data = append(append(data, iv...), sealed[len(plain):]...)
	return append(data, sealed[:len(plain)]...)
}

func rackURL(data []byte) string { return url.QueryEscape(base64.URLEncoding.EncodeToString(data)) }

func TestRackReadsWhatItsCodersWrite(t *testing.T) {
	const text = `{"user":"tom"}`
	data := map[string]any{"user": "tom"}
	r := newRack(t, takeover.RackConfig{Secrets: []string{rackOther, rackSecret}})
	if r.System() != "rack" || !reflect.DeepEqual(r.Cookies(), []string{"rack.session"}) {
		t.Errorf("%s, %q", r.System(), r.Cookies())
	}
	wantRackPlug(t, r, rackJSON(text), data)

	// Before 2.1, the base64 was in lines of 60 characters, each with its end.
	long := `{"user":"` + strings.Repeat("tom", 30) + `"}`
	var lines strings.Builder
	for line := range strings.SplitSeq(base64.StdEncoding.EncodeToString([]byte(long)), "") {
		lines.WriteString(line)
		if (lines.Len()+1)%61 == 0 {
			lines.WriteByte('\n')
		}
	}
	lines.WriteByte('\n')
	wantRackPlug(t, r, rackSign(crypto.SHA1, rackSecret, lines.String()), map[string]any{"user": strings.Repeat("tom", 30)})

	for name, hash := range map[string]crypto.Hash{
		"SHA1": crypto.SHA1, "SHA224": crypto.SHA224, "SHA256": crypto.SHA256, "SHA384": crypto.SHA384, "SHA512": crypto.SHA512,
	} {
		r := newRack(t, takeover.RackConfig{Cookie: "sid", Secrets: []string{rackSecret}, Hash: name})
		value := rackSign(hash, rackSecret, base64.StdEncoding.EncodeToString([]byte(text)))
		wantRackPlug(t, r, value, data)
		if hash != crypto.SHA1 {
			wantRefused(t, r, atAnyTime, rackJSON(text), session.ErrMalformed, "length of "+name)
		}
	}
	r = newRack(t, takeover.RackConfig{Secrets: []string{rackSecret}, ZipJSON: true})
	wantRackPlug(t, r, rackZip(t, text), data)
}

func TestRackReadsWhatTheEncryptorWrites(t *testing.T) {
	data := map[string]any{"user": "tom"}
	for version := 1; version <= 2; version++ {
		for _, purpose := range []string{"", "rack.session"} {
			r := newRack(t, takeover.RackConfig{Secrets: []string{rackOther, rackLong}, Encryptor: version, Purpose: purpose})
			for _, pad := range []int{0, 1, 31, 4096} {
				plain := rackPad(pad, `{"user":"tom"}`)
				wantRackPlug(t, r, rackURL(rackEncrypt(t, version, rackLong, purpose, plain)), data)
				wantRefused(t, r, atAnyTime, rackURL(rackEncrypt(t, version, rackLong, "other", plain)), session.ErrForged, "")
				wantRefused(t, r, atAnyTime, rackURL(rackEncrypt(t, 3-version, rackLong, purpose, plain)), session.ErrMalformed, fmt.Sprintf("version %d", version))
			}
		}
	}
	// 32 bytes are enough for version 2, and more make no difference.
	r := newRack(t, takeover.RackConfig{Secrets: []string{rackLong[:32]}, Encryptor: 2})
	wantRackPlug(t, r, rackURL(rackEncrypt(t, 2, rackLong, "", rackPad(0, `{"user":"tom"}`))), data)
}

// TestRackReadsBothAlphabetsOfVersion2, and no mixture of them.
func TestRackReadsBothAlphabetsOfVersion2(t *testing.T) {
	r := newRack(t, takeover.RackConfig{Secrets: []string{rackLong}, Encryptor: 2})
	data := rackEncrypt(t, 2, rackLong, "", rackPad(8, `{"user":"tom"}`))
	standard := base64.StdEncoding.EncodeToString(data)
	if !strings.Contains(standard, "+") || !strings.Contains(standard, "/") || !strings.HasSuffix(standard, "=") {
		t.Fatalf("%s has not all of what is special", standard)
	}
	wantRackPlug(t, r, url.QueryEscape(standard), map[string]any{"user": "tom"})
	wantRackPlug(t, r, rackURL(data), map[string]any{"user": "tom"})
	mixed := strings.ReplaceAll(standard, "+", "-")
	wantRefused(t, r, atAnyTime, url.QueryEscape(mixed), session.ErrMalformed, "base64")
	// Version 1 has only ever had the other one.
	r = newRack(t, takeover.RackConfig{Secrets: []string{rackLong}, Encryptor: 1})
	data = rackEncrypt(t, 1, rackLong, "", rackPad(7, `{"user":"tom"}`))
	wantRackPlug(t, r, rackURL(data), map[string]any{"user": "tom"})
	wantRefused(t, r, atAnyTime, url.QueryEscape(base64.StdEncoding.EncodeToString(data)), session.ErrMalformed, "base64")
}

func TestRackPercentEncodingHasOneSpelling(t *testing.T) {
	r := newRack(t, takeover.RackConfig{Secrets: []string{rackSecret}})
	value := rackJSON(`{"user":"tom?>"}`)
	if !strings.Contains(value, "%3D") {
		t.Fatalf("%s has nothing to escape", value)
	}
	wantRackPlug(t, r, value, map[string]any{"user": "tom?>"})
	for _, edit := range []string{
		strings.ReplaceAll(value, "%3D", "="),
		strings.ReplaceAll(value, "%3D", "%3d"),
		strings.ReplaceAll(value, "--", "%2D-"),
		"%65" + value[1:],
		value + "%",
		value + "%3",
		value + "%zz",
		value + "\n",
	} {
		wantRefused(t, r, atAnyTime, edit, session.ErrMalformed, "percent-encoded")
	}
	// A plus is a space, and a space has to be one.
	wantRefused(t, r, atAnyTime, "a+b", session.ErrMalformed, "no signature")
	wantRefused(t, r, atAnyTime, "a%20b", session.ErrMalformed, "percent-encoded")
}

func TestRackSaysWhyItRefuses(t *testing.T) {
	signed := newRack(t, takeover.RackConfig{Secrets: []string{rackSecret}})
	zipped := newRack(t, takeover.RackConfig{Secrets: []string{rackSecret}, ZipJSON: true})
	good := rackJSON(`{"user":"tom"}`)
	sha1 := hex.EncodedLen(sha1.Size)
	for _, c := range []struct {
		r      *takeover.Reader
		value  string
		reason session.Reason
		text   string
	}{
		{signed, "", session.ErrMalformed, "empty"},
		{signed, strings.Repeat("a", takeover.MaxCookie+1), session.ErrTooLarge, ""},
		{signed, strings.Repeat("a", 1<<20), session.ErrTooLarge, ""},
		{signed, "tom", session.ErrMalformed, "no signature"},
		{signed, good[:len(good)-1], session.ErrMalformed, "length of SHA1"},
		{signed, good + "0", session.ErrMalformed, "length of SHA1"},
		{signed, good[:len(good)-sha1] + strings.ToUpper(good[len(good)-sha1:]), session.ErrForged, "no secret"},
		{signed, good[:len(good)-sha1] + strings.Repeat("0", sha1), session.ErrForged, "no secret"},
		{signed, rackSign(crypto.SHA1, rackOther, "e30="), session.ErrForged, "no secret"},
		{signed, rackSign(crypto.SHA1, "", "e30="), session.ErrForged, "no secret"},
		{signed, rackSign(crypto.SHA1, rackSecret, ""), session.ErrUndecodable, "not JSON"},
		{signed, rackSign(crypto.SHA1, rackSecret, "e30=--e30="), session.ErrUndecodable, "not base64"},
		{signed, rackSign(crypto.SHA1, rackSecret, "tom"), session.ErrUndecodable, "not base64"},
		{signed, rackSign(crypto.SHA1, rackSecret, "e30"), session.ErrUndecodable, "not base64"},
		{signed, rackSign(crypto.SHA1, rackSecret, "e31="), session.ErrUndecodable, "not base64"},
		{signed, rackSign(crypto.SHA1, rackSecret, "e30=\r"), session.ErrUndecodable, "not base64"},
		{signed, rackJSON("\x04\x08{\x06I\"\x08tom"), session.ErrUndecodable, "Ruby's Marshal, which is never read"},
		{zipped, rackZip(t, "\x04\x08{\x06I\"\x08tom"), session.ErrUndecodable, "Ruby's Marshal, which is never read"},
		{signed, rackJSON(`["tom"]`), session.ErrUndecodable, "not an object"},
		{signed, rackJSON(`{"tom":NaN}`), session.ErrUndecodable, "not JSON"},
		{signed, rackJSON(`{"tom":1,"tom":2}`), session.ErrUndecodable, "twice"},
		{signed, rackJSON(`{"tom":"` + "\xff" + `"}`), session.ErrUndecodable, "UTF-8"},
		{signed, rackJSON(`{"tom":1}{}`), session.ErrUndecodable, "not JSON"},
		{signed, rackJSON(strings.Repeat(`{"a":`, 2000)), session.ErrUndecodable, "nested too deeply"},
		{signed, rackJSON(`{"a":[` + strings.Repeat("1,", 5000) + `1]}`), session.ErrUndecodable, "too many entries"},
		{zipped, rackJSON(`{"user":"tom"}`), session.ErrUndecodable, "not zlib"},
		{signed, rackZip(t, `{"user":"tom"}`), session.ErrUndecodable, "not UTF-8"},
		{zipped, rackZip(t, strings.Repeat(" ", 5<<20)), session.ErrUndecodable, "inflates to more"},
	} {
		wantRefused(t, c.r, atAnyTime, c.value, c.reason, c.text)
	}
}

func TestRackSaysWhyItRefusesWhatIsEncrypted(t *testing.T) {
	for version := 1; version <= 2; version++ {
		r := newRack(t, takeover.RackConfig{Secrets: []string{rackLong}, Encryptor: version, Purpose: "rack.session"})
		encrypt := func(plain []byte) string {
			return rackURL(rackEncrypt(t, version, rackLong, "rack.session", plain))
		}
		overhead := len(rackEncrypt(t, version, rackLong, "", nil))
		for _, c := range []struct {
			value  string
			reason session.Reason
			text   string
		}{
			{"tom", session.ErrMalformed, "base64"},
			{rackURL([]byte{byte(version)}), session.ErrMalformed, "too short"},
			{encrypt(nil), session.ErrMalformed, "too short"},
			{rackURL(bytes.Repeat([]byte{byte(version)}, overhead)), session.ErrMalformed, "too short"},
			{rackURL(bytes.Repeat([]byte{byte(version)}, overhead+1)), session.ErrForged, "no secret"},
			{rackURL(rackEncrypt(t, version, rackOther, "rack.session", rackPad(0, "{}"))), session.ErrForged, "no secret"},
			{encrypt([]byte{0}), session.ErrUndecodable, "padding"},
			{encrypt([]byte{1, 0}), session.ErrUndecodable, "padding"},
			{encrypt([]byte{0xff, 0xff, '{', '}'}), session.ErrUndecodable, "padding"},
			{encrypt([]byte{0, 0}), session.ErrUndecodable, "not JSON"},
			{encrypt([]byte{2, 0, '{', '}'}), session.ErrUndecodable, "not JSON"},
			{encrypt(rackPad(32, "\x04\b{\x06I\"\ttom")), session.ErrUndecodable, "Ruby's Marshal, which is never read"},
			{encrypt(rackPad(1, `["tom"]`)), session.ErrUndecodable, "not an object"},
			{encrypt(rackPad(1, strings.Repeat("[", 9000))), session.ErrUndecodable, "nested too deeply"},
			{encrypt([]byte(strings.Repeat("a", 1<<20))), session.ErrTooLarge, ""},
		} {
			wantRefused(t, r, atAnyTime, c.value, c.reason, c.text)
		}
		// Every bit is authenticated.
		data := rackEncrypt(t, version, rackLong, "rack.session", rackPad(3, `{"user":"tom"}`))
		wantRackPlug(t, r, rackURL(data), map[string]any{"user": "tom"})
		for i := range 8 * len(data) {
			data[i/8] ^= 1 << (i % 8)
			if _, err := r.Open(atAnyTime, []string{rackURL(data)}); err == nil {
				t.Errorf("version %d: accepted with bit %d changed", version, i)
			}
			data[i/8] ^= 1 << (i % 8)
		}
		for n := range data {
			if _, err := r.Open(atAnyTime, []string{rackURL(data[:n])}); err == nil {
				t.Errorf("version %d: accepted cut to %d bytes", version, n)
			}
		}
	}
}

func TestRackNamesEveryProblem(t *testing.T) {
	for _, c := range []struct {
		config takeover.RackConfig
		texts  []string
	}{
		{takeover.RackConfig{}, []string{"Secrets is empty"}},
		{takeover.RackConfig{Secrets: []string{"hunter2", ""}, Hash: "MD5", Purpose: "x"},
			[]string{"Secrets[1] is empty", `Hash is "MD5"`, "Purpose is set without an Encryptor"}},
		{takeover.RackConfig{Secrets: []string{rackLong[:63], rackLong, ""}, Encryptor: 1},
			[]string{"Secrets[0] is of 63 bytes, and version 1 of the encryptor has 64 or more", "Secrets[2] is empty"}},
		{takeover.RackConfig{Secrets: []string{rackLong[:31]}, Encryptor: 2, Cookie: "sid"},
			[]string{"Secrets[0] is of 31 bytes, and version 2 of the encryptor has 32 or more: it is the text", "Purpose is empty: an application that sets :key"}},
		{takeover.RackConfig{Secrets: []string{rackLong}, Encryptor: 2, Hash: "SHA256"}, []string{"Hash and ZipJSON"}},
		{takeover.RackConfig{Secrets: []string{rackLong}, Encryptor: 1, ZipJSON: true}, []string{"Hash and ZipJSON"}},
		{takeover.RackConfig{Secrets: []string{rackLong}, Encryptor: 3}, []string{"Encryptor is 3: known are 1 and 2"}},
		{takeover.RackConfig{Encryptor: -1, Hash: "sha256"}, []string{"Encryptor is -1", "Hash is ", "Secrets is empty"}},
	} {
		r, err := takeover.Rack(c.config)
		wantProblems(t, r, err, c.texts...)
	}
}

// TestRackAllocatesLittle, whatever is in a cookie that is authentic.
func TestRackAllocatesLittle(t *testing.T) {
	signed := newRack(t, takeover.RackConfig{Secrets: []string{rackSecret}})
	zipped := newRack(t, takeover.RackConfig{Secrets: []string{rackSecret}, ZipJSON: true})
	for name, open := range map[string]func(){
		"bomb":   openerOf(zipped, rackZip(t, `{"a":"`+strings.Repeat("a", 10<<20)+`"}`)),
		"string": openerOf(zipped, rackZip(t, `{"a":"`+strings.Repeat("a", 60<<10)+`"}`)),
		"many":   openerOf(zipped, rackZip(t, `{"a":[`+strings.Repeat("{},", 20<<10)+`{}]}`)),
		"deep":   openerOf(zipped, rackZip(t, strings.Repeat(`[`, 60<<10))),
		"large":  openerOf(signed, strings.Repeat("a", 1<<20)),
	} {
		if n := allocated(open); n > 2<<20 {
			t.Errorf("%s: %d bytes are allocated", name, n)
		}
	}
}

func openerOf(r *takeover.Reader, value string) func() {
	return func() { r.Open(atAnyTime, []string{value}) }
}

// FuzzRack has values as they come, and what is inside of values that are authentic.
func FuzzRack(f *testing.F) {
	readers, seeds := seedReaders(f, "rack")
	for value := range seeds {
		f.Add(value, []byte(`{"user":"tom"}`))
	}
	f.Add("", []byte("\x04\x08{\x00"))
	f.Add("a--b", deflated(f, `{"user":"tom"}`))
	f.Add("%3D", []byte("\x02\x00aa{}"))
	for _, c := range []takeover.RackConfig{
		{Secrets: []string{rackSecret}},
		{Secrets: []string{rackSecret}, ZipJSON: true},
		{Secrets: []string{rackLong}, Encryptor: 1},
		{Secrets: []string{rackLong}, Encryptor: 2},
	} {
		readers = append(readers, newRack(f, c))
	}
	wrapped := readers[len(readers)-4:]
	f.Fuzz(func(t *testing.T, value string, payload []byte) {
		for _, r := range readers {
			if _, err := r.Open(atAnyTime, []string{value}); err == nil && !seeds[value] {
				t.Errorf("accepted: %q", value)
			}
		}
		for i, value := range []string{
			rackJSON(string(payload)),
			rackJSON(string(payload)),
			rackURL(rackEncrypt(t, 1, rackLong, "", payload)),
			rackURL(rackEncrypt(t, 2, rackLong, "", payload)),
		} {
			foreign, err := wrapped[i].Open(atAnyTime, []string{value})
			if err != nil && errors.Is(err, session.ErrForged) {
				t.Errorf("%v, and it is authentic", err)
			}
			if err == nil {
				_, _ = takeover.Values(foreign.Data)
			}
		}
	})
}

// seedReaders returns readers with all the settings of a system's cases, and the values
// of the cases, of which there have to be some.
func seedReaders(f *testing.F, system string) ([]*takeover.Reader, map[string]bool) {
	f.Helper()
	readers, cookies, _ := readersOfCases(f, system)
	values := map[string]bool{}
	for _, value := range cookies {
		values[value] = true
	}
	return readers, values
}

// TestRackAndPlugWithFIPSAlgorithmsOnly: what cannot be had is a problem of the
// configuration, and not of each cookie.
func TestRackAndPlugWithFIPSAlgorithmsOnly(t *testing.T) {
	if !onlyFIPS(t) {
		return
	}
	salt := "a salt of sixteen bytes, or more"
	r, err := takeover.Rack(takeover.RackConfig{Secrets: []string{rackLong}})
	wantProblems(t, r, err, "Secrets[0] with SHA1: ")
	r, err = takeover.Rack(takeover.RackConfig{Secrets: []string{rackLong}, Encryptor: 2})
	wantProblems(t, r, err, "Encryptor is 2: ")
	r, err = takeover.Plug(takeover.PlugConfig{Cookie: "_app_key", PlugKeys: takeover.PlugKeys{SecretKeyBase: plugBase, SigningSalt: "short"}})
	wantProblems(t, r, err, "no key: ")
	r, err = takeover.Plug(takeover.PlugConfig{Cookie: "_app_key", PlugKeys: takeover.PlugKeys{SecretKeyBase: plugBase, SigningSalt: salt, EncryptionSalt: salt}})
	wantProblems(t, r, err, "GCM")
	r = newPlug(t, takeover.PlugConfig{PlugKeys: takeover.PlugKeys{SecretKeyBase: plugBase, SigningSalt: salt}})
	wantRefused(t, r, atAnyTime, "SFMyNTY..", session.ErrForged, "")
	r = newRack(t, takeover.RackConfig{Secrets: []string{rackLong}, Hash: "SHA256"})
	wantRefused(t, r, atAnyTime, "--"+strings.Repeat("0", 64), session.ErrForged, "")
}
