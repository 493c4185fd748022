package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/signer"
)

var algorithmNames = []string{"hmac-sha256", "blake2b-256", "xchacha20-poly1305"}

// A seen is what inspect --json shows, as a script reads it.
type seen struct {
	status    int
	Outcome   string
	Reason    string
	KeyID     string `json:"key_id"`
	Algorithm string
	Codec     string
	Started   time.Time
	Issued    time.Time
	Expires   time.Time
	Idle      string
	ID        string
	Bytes     struct{ Total, Overhead, Payload, Text int }
	Payload   json.RawMessage
	Hex       string         `json:"payload_hex"`
	Claimed   map[string]any `json:"claimed"`
}

func inspect(t *testing.T, value string, args ...string) seen {
	t.Helper()
	r := keyturn(t, value, append([]string{"inspect", "--json", "-"}, args...)...)
	var s seen
	decodeJSON(t, r.out, &s)
	s.status = r.status
	if strings.Count(r.out, "\n") != 1 {
		t.Errorf("not one line: %q", r.out)
	}
	return s
}

func (s seen) is(outcome, reason string) bool {
	statuses := map[string]int{"valid": 0, "rejected": 1, "indeterminate": 2, "unverified": 3}
	status, ok := statuses[s.Outcome]
	return ok && s.Outcome == outcome && s.Reason == reason && s.status == status
}

func sign(t *testing.T, object string, args ...string) string {
	t.Helper()
	r := want(t, 0, object, append([]string{"sign"}, args...)...)
	if strings.Count(r.out, "\n") != 1 || r.err != "" {
		t.Fatalf("%q %q", r.out, r.err)
	}
	return strings.TrimSuffix(r.out, "\n")
}

func sameJSON(a, b string) bool {
	decode := func(s string) (v any) {
		d := json.NewDecoder(strings.NewReader(s))
		d.UseNumber()
		if d.Decode(&v) != nil {
			return s
		}
		return v
	}
	return reflect.DeepEqual(decode(a), decode(b))
}

// Cookie names and audiences, of which each pair has tokens of its own.
var cookies = [][]string{
	nil,
	{"--name", "session"},
	{"--name", "__Secure-session"},
	{"--audience", "shop"},
	{"--audience", "shop", "--name", "session"},
	{"--audience", "session", "--name", "shop"},
}

func TestWhatIsSignedIsInspected(t *testing.T) {
	object := ` { "user": "tom", "n": 7, "f": 7.5, "e": 1e3, "neg": -9223372036854775808, "s": "$bytes:AAEC", "html": "<&>",
		"list": [null, true, false, {"k": ""}, []], "é": "日本", "empty": {} } `
	plain := `{"user":"tom","n":7,"f":7.5,"e":1e3,"neg":-9223372036854775808,"s":"$bytes:AAEC","html":"<&>",` +
		`"list":[null,true,false,{"k":""},[]],"é":"日本","empty":{}}`
	for _, algorithm := range algorithmNames {
		ring := initRing(t, algorithm)
		overhead := 51
		if algorithm == "xchacha20-poly1305" {
			overhead = 59
		}
		for _, name := range []string{"json", "msgpack", "cbor"} {
			for i, cookie := range cookies {
				t.Run(fmt.Sprint(algorithm, " ", name, " ", cookie), func(t *testing.T) {
					flags := append([]string{"--keyring", ring}, cookie...)
					value := sign(t, object, append(flags, "--codec", name)...)
					s := inspect(t, value, flags...)
					if !s.is("valid", "") {
						t.Fatalf("%+v", s)
					}
					shown := plain
					if name != "json" {
						shown = strings.Replace(plain, "1e3", "1000.0", 1)
					} else if string(s.Payload) != plain {
						t.Errorf("the payload is not as it was: %s", s.Payload)
					}
					if !sameJSON(string(s.Payload), shown) {
						t.Errorf("payload %s, want %s", s.Payload, shown)
					}
					active := readRing(t, ring)
					key, _ := active.Primary(time.Now())
					if s.Algorithm != algorithm || s.Codec != name || s.KeyID != key.ID().String() ||
						!s.Started.Equal(s.Issued) || s.Expires.Sub(s.Started) != session.DefaultLifetime ||
						time.Since(s.Started) > time.Minute || s.Started.Location() != time.UTC ||
						s.Bytes.Total != s.Bytes.Overhead+s.Bytes.Payload || s.Bytes.Overhead != overhead || s.Bytes.Text != len(value) ||
						s.Bytes.Total != base64.RawURLEncoding.DecodedLen(len(value)) ||
						s.Idle != "" || s.ID != "" || s.Hex != "" || s.Claimed != nil {
						t.Errorf("%+v", s)
					}
					// Any other name or audience refuses it.
					for j, other := range cookies {
						if i == j {
							continue
						}
						if s := inspect(t, value, append([]string{"--keyring", ring}, other...)...); !s.is("rejected", "forged") || s.Payload != nil {
							t.Errorf("signed with %q, inspected with %q: %+v", cookie, other, s)
						}
					}
				})
			}
		}
	}
}

// What the command signs, applications take for their own, and what they write,
// it reads.
func TestApplicationsAndTheCommandUnderstandEachOther(t *testing.T) {
	type visit struct {
		User   string           `json:"user"`
		Count  int32            `json:"count"`
		Share  float64          `json:"share"`
		Groups []string         `json:"groups"`
		Limits map[string]int64 `json:"limits"`
	}
	want := visit{"tom", -3, 0.5, []string{"a", "$b"}, map[string]int64{"x": math.MaxInt64}}
	object := `{"user":"tom","count":-3,"share":0.5,"groups":["a","$b"],"limits":{"x":9223372036854775807}}`
	const values session.Key[string] = "user"
	for _, algorithm := range algorithmNames {
		ring := initRing(t, algorithm)
		keys, err := keyring.Open(ring)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range codec.All() {
			typed, err := session.New[visit](session.Config{Keys: keys, Codecs: []codec.Codec{c}})
			if err != nil {
				t.Fatal(err)
			}
			s := typed.Open(time.Now(), sign(t, object, "--keyring", ring, "--codec", c.Name()))
			if outcome, reason := s.Outcome(); outcome != session.Valid || !reflect.DeepEqual(s.Data(), want) {
				t.Errorf("%s %s: %v %v %+v", algorithm, c.Name(), outcome, reason, s.Data())
			}
			s = typed.New(time.Now())
			if err := s.Renew(want); err != nil {
				t.Fatal(err)
			}
			value, err := typed.Seal(time.Now(), s)
			if err != nil {
				t.Fatal(err)
			}
			if got := inspect(t, value, "--keyring", ring); !got.is("valid", "") || !sameJSON(string(got.Payload), object) {
				t.Errorf("%s %s: %+v %s", algorithm, c.Name(), got, got.Payload)
			}

			dictionary, err := session.New[session.Values](session.Config{Keys: keys, Codecs: []codec.Codec{c}})
			if err != nil {
				t.Fatal(err)
			}
			d := dictionary.Open(time.Now(), sign(t, `{"user":"tom","n":7}`, "--keyring", ring, "--codec", c.Name()))
			if values.GetIn(d) != "tom" || session.Key[int64]("n").Get(d.Data()) != 7 {
				t.Errorf("%s %s: %v", algorithm, c.Name(), d.Data())
			}
		}
	}
}

// The payload is the application's, whatever its type: it need not be one that
// this program could make sense of.
func TestEveryTypeOfASessionIsValid(t *testing.T) {
	ring := initRing(t, "hmac-sha256")
	keys, err := keyring.Open(ring)
	if err != nil {
		t.Fatal(err)
	}
	type integers struct {
		ByNumber map[int64]string `json:"by_number"`
	}
	type numbers struct {
		Large uint64 `json:"large"`
	}
	type kinds struct {
		Bytes []byte        `json:"bytes"`
		When  time.Time     `json:"when"`
		Long  time.Duration `json:"long"`
		Float float64       `json:"float"`
		Zero  float64       `json:"zero"`
		None  *int          `json:"none"`
		Array [2]bool       `json:"array"`
		Money string        `json:"money"`
	}
	when := time.Date(2026, 2, 3, 4, 5, 6, 7000, time.FixedZone("", 3600))
	for _, c := range codec.All() {
		t.Run(c.Name(), func(t *testing.T) {
			check := func(name, value, payload string) {
				t.Helper()
				s := inspect(t, value, "--keyring", ring)
				if !s.is("valid", "") {
					t.Errorf("%s: %+v", name, s)
					return
				}
				if (s.Payload == nil) == (s.Hex == "") {
					t.Errorf("%s: neither or both of payload and payload_hex: %+v", name, s)
				}
				if payload == "" && s.Hex == "" || payload != "" && !sameJSON(string(s.Payload), payload) {
					t.Errorf("%s: %s %s, want %s", name, s.Payload, s.Hex, payload)
				}
				// People see it, too.
				if r := want(t, 0, "", "inspect", "--keyring", ring, value); !strings.HasPrefix(r.out, "valid\n") || !strings.Contains(r.out, "payload") {
					t.Errorf("%s: %s", name, r.out)
				}
			}
			numbersShown, integersShown := `{"large":18446744073709551615}`, `{"by_number":{"-1":"a","7":"b"}}`
			if c.Name() != "json" {
				numbersShown, integersShown = "", ""
			}
			check("integers as keys", sealed(t, keys, c, integers{map[int64]string{7: "b", -1: "a"}}), integersShown)
			check("a large integer", sealed(t, keys, c, numbers{math.MaxUint64}), numbersShown)
			kindsShown := `{"bytes":"AP8+","when":"2026-02-03T03:05:06.000007Z","long":90000000000,"float":7.0,"zero":-0.0,"none":null,"array":[true,false],"money":"$5"}`
			if c.Name() == "json" {
				kindsShown = strings.NewReplacer("7.0,", "7,", "-0.0", "-0").Replace(kindsShown)
			}
			check("kinds", sealed(t, keys, c, kinds{[]byte{0, 0xff, 0x3e}, when, 90 * time.Second, 7, math.Copysign(0, -1), nil, [2]bool{true, false}, "$5"}), kindsShown)
			check("a map", sealed(t, keys, c, map[string]bool{"a": true}), `{"a":true}`)
			check("an empty map", sealed(t, keys, c, map[string]string{}), `{}`)
			check("an empty struct", sealed(t, keys, c, struct{}{}), `{}`)

			var v session.Values
			session.Key[[]byte]("b").Set(&v, []byte{1})
			session.Key[time.Time]("t").Set(&v, when)
			session.Key[string]("s").Set(&v, "$x")
			shown := `{"b":"AQ==","t":"2026-02-03T03:05:06.000007Z","s":"$x"}`
			if c.Name() == "json" { // as it is in the payload
				shown = `{"b":"$bytes:AQ","t":"$time:2026-02-03T03:05:06.000007Z","s":"$$x"}`
			}
			check("a dictionary", sealed(t, keys, c, v), shown)
		})
	}
}

func sealed[T any](t *testing.T, keys *keyring.Keyring, c codec.Codec, data T) string {
	t.Helper()
	m, err := session.New[T](session.Config{Keys: keys, Codecs: []codec.Codec{c}})
	if err != nil {
		t.Fatal(err)
	}
	s := m.New(time.Now())
	if err := s.Renew(data); err != nil {
		t.Fatal(err)
	}
	value, err := m.Seal(time.Now(), s)
	if err != nil {
		t.Fatal(err)
	}
	return value
}

func TestNothingTamperedIsValid(t *testing.T) {
	// Each value costs a process: a few of each kind. Package session tries all.
	for _, algorithm := range algorithmNames {
		ring := initRing(t, algorithm)
		value := sign(t, `{"user":"tom"}`, "--keyring", ring)
		const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
		tried := 0
		for i := 0; i < len(value); i += 3 {
			other := alphabet[(strings.IndexByte(alphabet, value[i])+1+i)%64]
			if other == value[i] {
				other = alphabet[(strings.IndexByte(alphabet, other)+1)%64]
			}
			for _, tampered := range []string{
				value[:i] + string(other) + value[i+1:],
				value[:i] + value[i+1:],
			} {
				s := inspect(t, tampered, "--keyring", ring)
				if s.status != 1 && s.status != 2 || s.Payload != nil || s.Outcome == "valid" {
					t.Errorf("%s: position %d: %+v", algorithm, i, s)
				}
				tried++
			}
		}
		for _, tampered := range []string{value + "A", "=" + value, value + "=", value + "\n\n", value[:len(value)/2] + "\n" + value[len(value)/2:], strings.ToLower(value), value + value} {
			if s := inspect(t, tampered, "--keyring", ring); s.status != 1 && s.status != 2 || s.Payload != nil {
				t.Errorf("%s: %+v", algorithm, s)
			}
			tried++
		}
		if tried < 60 {
			t.Errorf("%d tried", tried)
		}
		t.Logf("%s: %d tampered values, 0 accepted", algorithm, tried)
	}
}

func TestInspectJudgesAtTheTimeAsked(t *testing.T) {
	k := newKey(signer.HMACSHA256())
	k.SignFrom = base.Add(-10 * day)
	ring := writeRing(t, keyring.Document{Name: "shop", Generation: 1, NotBefore: base.Add(-5 * day), Keys: []keyring.Key{k, newKey(signer.HMACSHA256())}})
	at := func(d time.Duration) []string {
		return []string{"--keyring", ring, "--at", base.Add(d).Format(time.RFC3339)}
	}
	lasting := sign(t, `{}`, append(at(0), "--lifetime", "24h")...)
	idle := sign(t, `{}`, append(at(0), "--lifetime", "24h", "--idle", "30m")...)
	early := sign(t, `{}`, at(-6*day)...)
	for _, test := range []struct {
		value           string
		at              time.Duration
		outcome, reason string
	}{
		{lasting, 0, "valid", ""},
		{lasting, 24*time.Hour - time.Second, "valid", ""},
		{lasting, 24 * time.Hour, "rejected", "expired"},
		{lasting, -10 * time.Minute, "valid", ""}, // twice the skew
		{lasting, -10*time.Minute - time.Second, "indeterminate", "future"},
		{idle, 30*time.Minute - time.Second, "valid", ""},
		{idle, 30 * time.Minute, "rejected", "idle"},
		{idle, 24 * time.Hour, "rejected", "expired"},
		{early, 0, "rejected", "not_before"},
	} {
		s := inspect(t, test.value, at(test.at)...)
		if !s.is(test.outcome, test.reason) {
			t.Errorf("at %v: %+v, want %s %s", test.at, s, test.outcome, test.reason)
		}
		// All of these are authentic, so that what they say is known.
		if s.KeyID != k.ID().String() || s.Algorithm != "hmac-sha256" || s.Codec != "json" || s.Issued.IsZero() || s.Expires.IsZero() || s.Bytes.Payload != 2 || s.Claimed != nil {
			t.Errorf("at %v: %+v", test.at, s)
		}
		// Nor is there a reason to hide the payload, if it is said what it is worth.
		if string(s.Payload) != "{}" {
			t.Errorf("at %v: payload %s", test.at, s.Payload)
		}
		heading := "\npayload\n"
		if test.reason != "" {
			heading = "\npayload, " + test.outcome + " as " + test.reason + "\n"
		}
		if r := keyturn(t, test.value, append([]string{"inspect", "-"}, at(test.at)...)...); !strings.Contains(r.out, heading) {
			t.Errorf("at %v: no %q in %s", test.at, heading, r.out)
		}
		if wantIdle := map[bool]string{true: "30m"}[test.value == idle]; s.Idle != wantIdle {
			t.Errorf("idle %q, want %q", s.Idle, wantIdle)
		}
	}
}

func TestKeysDecide(t *testing.T) {
	d, keys := everyState(t)
	ring := writeRing(t, d)
	at := base.Format(time.RFC3339)
	foreign := newKey(signer.HMACSHA256())
	keys["unknown"] = foreign
	for state, verdict := range map[string][2]string{
		"active":   {"valid", ""},
		"standby":  {"valid", ""},
		"pending":  {"valid", ""},
		"retiring": {"valid", ""},
		"retired":  {"rejected", "retired"},
		"disabled": {"indeterminate", "disabled"},
		"revoked":  {"rejected", "revoked"},
		"pruned":   {"rejected", "retired"},
		"unknown":  {"indeterminate", "unknown_key"},
	} {
		// Signed before anything became of the key.
		k := keys[state]
		k.SignFrom, k.VerifyUntil, k.Disabled, k.Revoked, k.Pruned, k.Reason = base.Add(-day), time.Time{}, false, time.Time{}, time.Time{}, ""
		old := writeRing(t, keyring.Document{Name: "shop", Generation: 1, Keys: []keyring.Key{k}})
		value := sign(t, `{"user":"tom"}`, "--keyring", old, "--at", base.Add(-time.Minute).Format(time.RFC3339))
		s := inspect(t, value, "--keyring", ring, "--at", at)
		if !s.is(verdict[0], verdict[1]) {
			t.Errorf("%s: %+v, want %q", state, s, verdict)
		}
		if s.KeyID != k.ID().String() {
			t.Errorf("%s: key_id %q, want %v", state, s.KeyID, k.ID())
		}
		if known := state != "unknown"; (s.Algorithm == "hmac-sha256") != known {
			t.Errorf("%s: algorithm %q", state, s.Algorithm)
		}
		if verdict[0] == "valid" {
			continue
		}
		// What has not been verified is not among what is known.
		if s.Codec != "" || !s.Started.IsZero() || !s.Issued.IsZero() || !s.Expires.IsZero() || s.Payload != nil || s.Bytes.Overhead != 0 || s.Bytes.Payload != 0 || s.Bytes.Total != 51+len(`{"user":"tom"}`) {
			t.Errorf("%s: %+v", state, s)
		}
		if s.Claimed["codec"] != "json" || s.Claimed["issued"] != "2026-09-30T23:59:00Z" {
			t.Errorf("%s: claimed %v", state, s.Claimed)
		}
	}
}

func TestSignFollowsTheRing(t *testing.T) {
	d, keys := everyState(t)
	d.Codecs = []keyring.CodecFrom{{Codec: "cbor", From: base}, {Codec: "msgpack", From: base.Add(day)}}
	ring := writeRing(t, d)
	for at, want := range map[time.Duration]struct{ state, codec string }{
		-time.Second: {"active", "json"},
		0:            {"active", "cbor"},
		day:          {"pending", "msgpack"}, // its time has come
	} {
		flags := []string{"--keyring", ring, "--at", base.Add(at).Format(time.RFC3339)}
		s := inspect(t, sign(t, `{}`, flags...), flags...)
		if s.KeyID != keys[want.state].ID().String() || s.Codec != want.codec {
			t.Errorf("at %v: %+v, want the %s key, %s", at, s, want.state, want.codec)
		}
		s = inspect(t, sign(t, `{}`, append(flags, "--codec", "json")...), flags...)
		if s.Codec != "json" {
			t.Errorf("at %v: --codec json gives %s", at, s.Codec)
		}
	}
	// A ring of which no key may sign: the last one to sign encrypts, and is disabled.
	k, other := newKey(signer.XChaCha20Poly1305()), newKey(signer.HMACSHA256())
	k.SignFrom, k.Disabled, other.SignFrom = base, true, base.Add(-day)
	ring = writeRing(t, keyring.Document{Name: "shop", Generation: 1, Keys: []keyring.Key{k, other}})
	want(t, 78, `{}`, "sign", "--keyring", ring, "--at", base.Format(time.RFC3339))
	// A ring with shorter sessions.
	k.Disabled = false
	ring = writeRing(t, keyring.Document{Name: "shop", Generation: 1, Keys: []keyring.Key{k}, Policy: keyring.Policy{MaxSession: time.Hour}})
	if s := inspect(t, sign(t, `{}`, "--keyring", ring), "--keyring", ring); !s.is("valid", "") || s.Expires.Sub(s.Started) != time.Hour {
		t.Errorf("%+v", s)
	}
}

func TestInspectWithoutARingSaysSo(t *testing.T) {
	ring := initRing(t, "xchacha20-poly1305")
	value := sign(t, `{"user":"tom"}`, "--keyring", ring, "--idle", "1h30m")
	s := inspect(t, value)
	if !s.is("unverified", "") || s.Codec != "json" || s.Idle != "1h30m" || s.Issued.IsZero() || s.KeyID == "" || s.Algorithm != "" || s.Payload != nil || s.Claimed != nil {
		t.Errorf("%+v", s)
	}
	r := want(t, 3, "", "inspect", value)
	if !strings.HasPrefix(r.out, "unverified: ") || !strings.Contains(r.out, s.KeyID) {
		t.Errorf("%q", r.out)
	}
	// Even an authentic signed payload is not shown: nothing vouches for it.
	signed := sign(t, `{"user":"tom"}`, "--keyring", initRing(t, "hmac-sha256"))
	if r := want(t, 3, "", "inspect", signed); strings.Contains(r.out, "tom") {
		t.Errorf("%q", r.out)
	}
}

func TestOtherReasons(t *testing.T) {
	ring := initRing(t, "hmac-sha256")
	keys, err := keyring.Open(ring)
	if err != nil {
		t.Fatal(err)
	}
	value := sign(t, `{"user":"tom"}`, "--keyring", ring)
	raw, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil {
		t.Fatal(err)
	}
	later := append([]byte(nil), raw...)
	later[1] += 1 << 2 // the version
	for _, test := range []struct{ name, value, outcome, reason string }{
		{"too long", strings.Repeat("A", 4096), "rejected", "too_large"},
		{"no token", "eyJhbGciOiJIUzI1NiJ9", "rejected", "malformed"},
		{"nothing", "", "rejected", "malformed"},
		{"a later version", base64.RawURLEncoding.EncodeToString(later), "indeterminate", "unsupported_version"},
		{"a codec of the application's", sealed(t, keys, ownCodec{codec.JSON()}, map[string]string{}), "indeterminate", "unsupported_codec"},
		// As a codec with the ID of another would write it.
		{"a payload that is none", sealed(t, keys, wrongCodec{codec.JSON()}, session.Values{}), "indeterminate", "undecodable"},
	} {
		s := inspect(t, test.value, "--keyring", ring)
		if !s.is(test.outcome, test.reason) {
			t.Errorf("%s: %+v", test.name, s)
		}
		if s.Bytes.Text != len(test.value) {
			t.Errorf("%s: %+v", test.name, s)
		}
	}
	if s := inspect(t, base64.RawURLEncoding.EncodeToString(later)); !s.is("indeterminate", "unsupported_version") {
		t.Errorf("%+v", s)
	}
	if s := inspect(t, strings.Repeat("A", 4097)); !s.is("rejected", "too_large") {
		t.Errorf("%+v", s)
	}
}

// ownCodec is JSON as an application's own codec.
type ownCodec struct{ codec.Codec }

func (ownCodec) ID() byte     { return 200 }
func (ownCodec) Name() string { return "own" }

// wrongCodec writes what JSON does not read.
type wrongCodec struct{ codec.Codec }

func (wrongCodec) Append(dst []byte, _ any) ([]byte, error) {
	return append(dst, `{"a":1,"a":2}`...), nil
}

// What is not a token is often one with something around it; what is forged is
// often another cookie's. Hints go to standard error, and do not quote the value.
func TestInspectHints(t *testing.T) {
	ring := initRing(t, "hmac-sha256")
	value := sign(t, `{"user":"tom"}`, "--keyring", ring, "--audience", "shop")
	for _, tt := range []struct{ value, says string }{
		{"Set-Cookie: __Host-session=" + value + "; Path=/", "looks like a header"},
		{"cookie: a=b", "looks like a header"},
		{`"` + value + `"`, "quotes"},
		{"a=b; s=" + value, "more than one cookie"},
		{"__Host-session=" + value, "NAME=VALUE"},
		{value[:20] + " " + value[20:], "space"},
		{value + "%3D", "escaped for a URL"},
		{value[:40] + "...", "cut off"},
		{value[:40] + "…", "cut off"},
		{"", "this is empty"},
		{value[:len(value)-len(value)%4-3], "cut off"}, // which no base64 is as long as
		{value[:12], ""},
		{value[:40], "cut off"},
		{"eyJhbGciOiJIUzI1NiJ9", ""},
		{value, `another cookie or audience than "__Host-session" without an audience`},
	} {
		r := keyturn(t, tt.value, "inspect", "--keyring", ring, "-")
		if r.status != statusRejected || !strings.Contains(r.err, tt.says) || (tt.says == "") != (r.err == "") || strings.Contains(r.err, value[:20]) {
			t.Errorf("%q: %q, want %q", tt.value, r.err, tt.says)
		}
	}
	other := initRing(t, "hmac-sha256")
	id := inspect(t, value).KeyID
	if r := want(t, statusIndeterminate, value, "inspect", "--keyring", other, "-"); r.err != "keyturn: key "+id+" is not in "+other+" (ring shop, generation 1): the cookie may be of another ring, or of a newer generation of this one\n" {
		t.Errorf("%q", r.err)
	}
	r := keyturn(t, value, "inspect", "--keyring", ring, "--name", "s", "--audience", "x", "-")
	if r.status != statusRejected || !strings.Contains(r.err, `than "s" for the audience "x"`) {
		t.Errorf("%q", r.err)
	}
}
