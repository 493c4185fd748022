package takeover_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/session/takeover"
)

const ironPassword = "a password of 32 characters, or more"

// An ironSeal is what a seal is made of. Those of its fields that are empty are as iron
// makes them; plain is padded unless blocks says that it is not.
type ironSeal struct {
	plain, iv, salt, id, expires, prefix, suffix string
	blocks                                       bool
}

func (s ironSeal) String() string {
	or := func(text, byDefault string) string {
		if text == "" {
			return byDefault
		}
		return text
	}
	key := func(salt string) []byte {
		k, err := pbkdf2.Key(sha1.New, ironPassword, []byte(salt), 1, 32)
		if err != nil {
			panic(err)
		}
		return k
	}
	salt, macSalt := or(s.salt, strings.Repeat("0a", 32)), strings.Repeat("1b", 32)
	iv := or(s.iv, "0123456789abcdef")
	data := []byte(s.plain)
	if !s.blocks {
		data = pad(data)
	}
	if len(data)%16 == 0 && len(iv) == 16 {
		data = encryptCBC(key(salt), []byte(iv), data)
	}
	enc := base64.RawURLEncoding
	text := strings.Join([]string{or(s.prefix, "Fe26.2"), or(s.id, "1"), salt, enc.EncodeToString([]byte(iv)), enc.EncodeToString(data), s.expires}, "*")
	h := hmac.New(sha256.New, key(macSalt))
	h.Write([]byte(text))
	return text + "*" + macSalt + "*" + enc.EncodeToString(h.Sum(nil)) + s.suffix
}

func pad(data []byte) []byte {
	n := 16 - len(data)%16
	return append(bytes.Clone(data), bytes.Repeat([]byte{byte(n)}, n)...)
}

func encryptCBC(key, iv, data []byte) []byte {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	data = bytes.Clone(data)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(data, data)
	return data
}

func ironReader(t testing.TB) *takeover.Reader {
	t.Helper()
	r, err := takeover.IronSession(takeover.IronSessionConfig{Cookie: "sid", Passwords: map[int]string{1: ironPassword}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// wantNotQuoted is wantRefused for a cookie in which QUOTED, which may be encrypted, stands
// for what no error may tell.
func wantNotQuoted(t *testing.T, r *takeover.Reader, now time.Time, cookie string, reason session.Reason, text string) {
	t.Helper()
	wantRefused(t, r, now, cookie, reason, text)
	if _, err := r.Open(now, []string{cookie}); err != nil && (strings.Contains(err.Error(), "QUOTED") || len(err.Error()) > 200) {
		t.Errorf("the error quotes the cookie: %v", err)
	}
}

func TestIronSessionListsEveryProblem(t *testing.T) {
	for name, test := range map[string]struct {
		c    takeover.IronSessionConfig
		want []string
	}{
		"nothing": {takeover.IronSessionConfig{}, []string{"Cookie is empty", "Passwords is empty"}},
		"everything": {
			takeover.IronSessionConfig{Passwords: map[int]string{-1: "short", 2: strings.Repeat("\xff", 40)}},
			[]string{"Cookie is empty", "[-1]: an ID is not negative", "[-1] has fewer than 32", "[2] is not UTF-8"},
		},
		"31 characters": {takeover.IronSessionConfig{Cookie: "s", Passwords: map[int]string{1: strings.Repeat("й", 31)}}, []string{"fewer than 32"}},
		"32 characters": {takeover.IronSessionConfig{Cookie: "s", Passwords: map[int]string{1: strings.Repeat("й", 32)}}, nil},
		"16 characters of two units of JavaScript": {
			takeover.IronSessionConfig{Cookie: "s", Passwords: map[int]string{0: strings.Repeat("😀", 16)}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := takeover.IronSession(test.c)
			wantProblems(t, r, err, test.want...)
		})
	}
}

func TestIronSessionSaysWhyASealIsRefused(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	const user = `{"user":"QUOTED"}`
	good := ironSeal{plain: user, suffix: "~2"}.String()
	old := ironSeal{plain: `{"persistent":` + user + `,"flash":{}}`}.String()
	r := ironReader(t)
	for _, cookie := range []string{good, old} {
		f, err := r.Open(now, []string{cookie})
		if err != nil || !reflect.DeepEqual(f, session.Foreign{Data: map[string]any{"user": "QUOTED"}}) {
			t.Fatalf("%v, %v", f, err)
		}
	}
	last := strings.LastIndex(good, "*")
	for name, test := range map[string]struct {
		cookie string
		reason session.Reason
		text   string
	}{
		"another suffix":        {strings.TrimSuffix(good, "2") + "3", session.ErrMalformed, "~2"},
		"two suffixes":          {good + "~2", session.ErrMalformed, "~2"},
		"an empty suffix":       {strings.TrimSuffix(good, "2"), session.ErrMalformed, "~2"},
		"escaped":               {strings.ReplaceAll(good, "~", "%7E"), session.ErrForged, "does not verify"},
		"escaped throughout":    {strings.ReplaceAll(good, "*", "%2A"), session.ErrMalformed, "not a seal"},
		"quoted":                {`"` + good + `"`, session.ErrMalformed, "~2"},
		"a ninth part":          {strings.TrimSuffix(good, "~2") + "*QUOTED~2", session.ErrMalformed, "not a seal"},
		"another version":       {ironSeal{plain: user, prefix: "Fe26.1", suffix: "~2"}.String(), session.ErrMalformed, "not a seal"},
		"a shorter salt":        {ironSeal{plain: user, salt: "0a0a", suffix: "~2"}.String(), session.ErrMalformed, "salt"},
		"another salt":          {ironSeal{plain: user, salt: strings.Repeat("0A", 32), suffix: "~2"}.String(), session.ErrMalformed, "salt"},
		"another salt of MAC":   {strings.Replace(good, "1b1b*", "1B1B*", 1), session.ErrMalformed, "salt"},
		"an end in hexadecimal": {ironSeal{plain: user, expires: "0x1", suffix: "~2"}.String(), session.ErrMalformed, "not a number"},
		"a negative end":        {ironSeal{plain: user, expires: "-1", suffix: "~2"}.String(), session.ErrMalformed, "not a number"},
		"an ID of none":         {ironSeal{plain: user, id: "2", suffix: "~2"}.String(), session.ErrForged, "no password"},
		"an ID as 01":           {ironSeal{plain: user, id: "01", suffix: "~2"}.String(), session.ErrForged, "no password"},
		"no ID":                 {strings.Replace(good, "*1*", "**", 1), session.ErrForged, "no password"},
		"no MAC":                {good[:last+1] + "~2", session.ErrForged, "does not verify"},
		"half a MAC":            {good[:last+22] + "~2", session.ErrForged, "does not verify"},
		"a MAC with more":       {good[:last+44] + "A~2", session.ErrForged, "does not verify"},

		"forged, and over":         {strings.Replace(ironSeal{plain: user, expires: "2", suffix: "~2"}.String(), "*2*", "*1*", 1), session.ErrForged, "does not verify"},
		"over":                     {ironSeal{plain: user, expires: "1", suffix: "~2"}.String(), session.ErrExpired, ""},
		"a short vector":           {ironSeal{plain: user, iv: "0123456789", suffix: "~2"}.String(), session.ErrUndecodable, "not whole"},
		"nothing encrypted":        {ironSeal{blocks: true, suffix: "~2"}.String(), session.ErrUndecodable, "not whole"},
		"half a block":             {ironSeal{plain: "01234567", blocks: true, suffix: "~2"}.String(), session.ErrUndecodable, "not whole"},
		"padding of nothing":       {ironSeal{plain: strings.Repeat("\x00", 16), blocks: true, suffix: "~2"}.String(), session.ErrUndecodable, "not whole"},
		"padding of 17":            {ironSeal{plain: strings.Repeat("\x11", 16), blocks: true, suffix: "~2"}.String(), session.ErrUndecodable, "not whole"},
		"padding of 32":            {ironSeal{plain: strings.Repeat("\x20", 32), blocks: true, suffix: "~2"}.String(), session.ErrUndecodable, "not whole"},
		"padding that is not even": {ironSeal{plain: "{}\x0e" + strings.Repeat("\x0e", 11) + "\x0d\x0e", blocks: true, suffix: "~2"}.String(), session.ErrUndecodable, "not whole"},

		"no JSON":            {ironSeal{plain: "QUOTED", suffix: "~2"}.String(), session.ErrUndecodable, "not JSON"},
		"an empty text":      {ironSeal{plain: "", suffix: "~2"}.String(), session.ErrUndecodable, "not JSON"},
		"null":               {ironSeal{plain: "null", suffix: "~2"}.String(), session.ErrUndecodable, "not an object"},
		"a list":             {ironSeal{plain: `["QUOTED"]`, suffix: "~2"}.String(), session.ErrUndecodable, "not an object"},
		"a name twice":       {ironSeal{plain: `{"QUOTED":1,"QUOTED":2}`, suffix: "~2"}.String(), session.ErrUndecodable, "a name twice"},
		"too deep":           {ironSeal{plain: strings.Repeat(`{"a":`, 100) + "1" + strings.Repeat("}", 100), suffix: "~2"}.String(), session.ErrUndecodable, "too deeply"},
		"too many":           {ironSeal{plain: `{"a":[0` + strings.Repeat(",0", 5000) + "]}", suffix: "~2"}.String(), session.ErrUndecodable, "too many"},
		"of 16 KB":           {ironSeal{plain: `{"a":"` + strings.Repeat("QUOTED", 3000) + `"}`, suffix: "~2"}.String(), session.ErrTooLarge, ""},
		"of 1 MB":            {ironSeal{plain: `{"a":"` + strings.Repeat("a", 1<<20) + `"}`, suffix: "~2"}.String(), session.ErrTooLarge, ""},
		"the suffix cut off": {strings.TrimSuffix(good, "~2"), session.ErrUndecodable, "next-iron-session"},

		"old, of another member":      {ironSeal{plain: `{"persistent":{},"flash":{},"QUOTED":1}`}.String(), session.ErrUndecodable, "next-iron-session"},
		"old, and persistent no map":  {ironSeal{plain: `{"persistent":[],"flash":{}}`}.String(), session.ErrUndecodable, "next-iron-session"},
		"old, with __proto__":         {ironSeal{plain: `{"persistent":{"__proto__":{}},"flash":{}}`}.String(), session.ErrUndecodable, "__proto__"},
		"old, with __proto__ within":  {ironSeal{plain: `{"persistent":{"a":[{"__proto__":1}]},"flash":{}}`}.String(), session.ErrUndecodable, "__proto__"},
		"old, with __proto__ escaped": {ironSeal{plain: `{"persistent":{"_\u005fproto__":1},"flash":{}}`}.String(), session.ErrUndecodable, "__proto__"},
	} {
		t.Run(name, func(t *testing.T) { wantNotQuoted(t, r, now, test.cookie, test.reason, test.text) })
	}
}

func TestIronSealIsGoodForAMinuteAfterItsEnd(t *testing.T) {
	r := ironReader(t)
	end := time.UnixMilli(1_700_000_000_123)
	cookie := ironSeal{plain: "{}", expires: strconv.FormatInt(end.UnixMilli(), 10), suffix: "~2"}.String()
	over := end.Add(time.Minute)
	f, err := r.Open(over.Add(-1), []string{cookie})
	if err != nil || !f.Expires.Equal(over) || !f.Start.IsZero() {
		t.Errorf("%v, %v, want one that ends at %v", f, err, over)
	}
	wantRefused(t, r, over, cookie, session.ErrExpired, "")

	// A ttl may be so long that the end is beyond every time.
	for _, never := range []string{"", "100000000001748816902000"} {
		if f, err = r.Open(over.AddDate(5000, 0, 0), []string{ironSeal{plain: "{}", expires: never, suffix: "~2"}.String()}); err != nil || f.Expires.IsZero() != (never == "") {
			t.Errorf("%q: %v, %v", never, f, err)
		}
	}
}

func TestIronSessionKeepsWhatOnlyJavaScriptMinds(t *testing.T) {
	f, err := ironReader(t).Open(time.Now(), []string{ironSeal{plain: `{"__proto__":{"a":9007199254740993}}`, suffix: "~2"}.String()})
	if want := map[string]any{"__proto__": map[string]any{"a": int64(9007199254740993)}}; err != nil || !reflect.DeepEqual(f.Data, want) {
		t.Errorf("%v, %v", f, err)
	}
}

// readersOfCases returns the readers that the cases of a system are for, the first values
// of their cookies, and their payloads.
func readersOfCases(f *testing.F, system string) (readers []*takeover.Reader, cookies, payloads []string) {
	f.Helper()
	seen := map[string]bool{}
	for _, c := range casesOf(f, system) {
		r, _, err := c.Reader()
		if err != nil {
			f.Fatal(err)
		}
		if settings := fmt.Sprint(c.Settings); !seen[settings] {
			seen[settings] = true
			readers = append(readers, r)
		}
		cookies = append(cookies, c.Values(r)[0])
		payload, err := json.Marshal(c.Payload)
		if err != nil {
			f.Fatal(err)
		}
		payloads = append(payloads, string(payload))
	}
	return readers, cookies, payloads
}

// wantPlain fails for data that are not of the types that JSON has, or more than the
// payload can say.
func wantPlain(t *testing.T, data any, payload string) {
	t.Helper()
	size := 0
	var walk func(x any)
	walk = func(x any) {
		size++
		switch x := x.(type) {
		case nil, bool, int64, float64:
		case *big.Int:
			size += len(x.Bytes())
		case string:
			size += len(x)
		case []any:
			for _, x := range x {
				walk(x)
			}
		case map[string]any:
			for name, x := range x {
				size += len(name)
				walk(x)
			}
		default:
			t.Errorf("a %T is in the data", x)
		}
	}
	if walk(data); size > len(payload) {
		t.Errorf("%d bytes have become %d", len(payload), size)
	}
}

func FuzzIronSession(f *testing.F) {
	readers, cookies, payloads := readersOfCases(f, "iron-session")
	for i := range cookies {
		f.Add(cookies[i], payloads[i], "1893456000000", i%2 == 0)
	}
	f.Add("", `{"persistent":{},"flash":{}}`, "", false)
	own := ironReader(f)
	now := time.Unix(1_750_000_000, 0)
	f.Fuzz(func(t *testing.T, raw, payload, expires string, versioned bool) {
		for _, r := range readers {
			r.Open(now, []string{raw})
		}
		s := ironSeal{plain: payload, expires: expires}
		if versioned {
			s.suffix = "~2"
		}
		if f, err := own.Open(now, []string{s.String()}); err == nil {
			if _, ok := f.Data.(map[string]any); !ok {
				t.Errorf("the session is a %T", f.Data)
			}
			wantPlain(t, f.Data, payload)
		} else if !errors.As(err, new(session.Reason)) {
			t.Errorf("refused without a reason: %v", err)
		}
	})
}
