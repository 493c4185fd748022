package session

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session/internal/token"
)

// testdata/tokens.json has tokens of every algorithm, codec and option, and
// of every reason to refuse one that a token alone can give. It says what is
// expected of each, and is never changed for a released version, only added
// to: such tokens are in browsers.
//
// With -update, cases that are missing are added.
var update = flag.Bool("update", false, "add missing cases to testdata/tokens.json")

const vectorsFile = "testdata/tokens.json"

type vectors struct {
	Comment string       `json:"comment"`
	Keys    []vectorKey  `json:"keys"`
	Cases   []vectorCase `json:"cases"`
}

type vectorKey struct {
	ID        string `json:"id"`
	Algorithm string `json:"algorithm"`
	Secret    string `json:"secret"`
}

type vectorCase struct {
	Name     string `json:"name"`
	Expect   string `json:"expect"` // "valid", or a reason
	Cookie   string `json:"cookie"`
	Audience string `json:"audience"`
	Codecs   []int  `json:"codecs"` // that may be read
	Now      int64  `json:"now"`
	Value    string `json:"value"`
	Payload  string `json:"payload,omitempty"` // of a valid one, in hex
	Data     string `json:"data,omitempty"`    // of a valid one, as package codec has it in JSON
}

func loadVectors(t testing.TB) vectors {
	t.Helper()
	b, err := os.ReadFile(vectorsFile)
	if err != nil {
		t.Fatal(err)
	}
	var v vectors
	if err := json.Unmarshal(b, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Cases) < 30 || len(v.Keys) != len(algorithms) {
		t.Fatalf("%d cases and %d keys, which cannot be all", len(v.Cases), len(v.Keys))
	}
	return v
}

func (v vectors) keys(t testing.TB) *keyring.Keyring {
	t.Helper()
	var keys []keyring.Key
	for _, k := range v.Keys {
		secret, err := hex.DecodeString(k.Secret)
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range algorithms {
			if a.Name != k.Algorithm {
				continue
			}
			key, err := keyring.NewKey(a, secret)
			if err != nil {
				t.Fatal(err)
			}
			if key.ID().String() != k.ID {
				t.Errorf("key %s has the ID %s", k.ID, key.ID())
			}
			keys = append(keys, signing(key, t0.Add(-day)))
		}
	}
	return newKeys(t, keys...)
}

func (c vectorCase) manager(t testing.TB, keys *keyring.Keyring) *Manager[Values] {
	t.Helper()
	var read []codec.Codec
	for _, id := range c.Codecs {
		for _, c := range codecs() {
			if int(c.ID()) == id {
				read = append(read, c)
			}
		}
	}
	return newManager[Values](t, Config{Keys: keys, Name: c.Cookie, Audience: c.Audience, Codecs: read})
}

func TestVectors(t *testing.T) {
	if *update {
		updateVectors(t)
	}
	v := loadVectors(t)
	keys := v.keys(t)
	seen := map[string]int{}
	for _, c := range v.Cases {
		seen[c.Expect]++
		m := c.manager(t, keys)
		now := time.Unix(c.Now, 0)
		s := m.Open(now, c.Value)
		_, reason := s.Outcome()
		got := reason.String()
		if reason == 0 {
			got = "valid"
		}
		if got != c.Expect {
			t.Errorf("%s: %s, want %s", c.Name, got, c.Expect)
			continue
		}
		if c.Expect != "valid" {
			if s.Data().Len() != 0 {
				t.Errorf("%s: data = %v", c.Name, s.Data().tree())
			}
			continue
		}
		if got := hex.EncodeToString(s.cookie.payload); got != c.Payload {
			t.Errorf("%s: payload = %s, want %s", c.Name, got, c.Payload)
		}
		if got := jsonOf(t, s.Data()); got != c.Data {
			t.Errorf("%s: data = %s, want %s", c.Name, got, c.Data)
		}
		// What is accepted is written as it was.
		if s.cookie.key.Signer != nil {
			if again := seal(&s.cookie.header, s.cookie.key, s.cookie.payload); again != c.Value {
				t.Errorf("%s: made again: %s", c.Name, again)
			}
		}
		info, err := ReadUnverified(c.Value)
		full := s.Info()
		if err != nil || info.KeyID != full.KeyID || info.Start != full.Start || info.Issued != full.Issued ||
			info.Expires != full.Expires || info.IdleTimeout != full.IdleTimeout || info.ID != full.ID || info.Codec != full.Codec {
			t.Errorf("%s: unverified %+v, %v; verified %+v", c.Name, info, err, full)
		}
	}
	for _, r := range tokenReasons {
		if seen[r.String()] == 0 {
			t.Errorf("no case is %s", r)
		}
	}
	t.Logf("%d cases: %v", len(v.Cases), seen)
}

// The page of prose about the format has a token that is one of the vectors.
func TestTokenOfTheFormatsPageIsAVector(t *testing.T) {
	page, err := os.ReadFile("internal/token/doc.go")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)^//\tkt.+$`).FindAllString(string(page), -1)
	if len(text) != 1 {
		t.Fatalf("%d tokens are there: %q", len(text), text)
	}
	value := strings.TrimPrefix(text[0], "//\t")
	if !slices.ContainsFunc(loadVectors(t).Cases, func(c vectorCase) bool { return c.Value == value && c.Expect == "valid" }) {
		t.Errorf("%s is no valid vector", value)
	}
	hexes := strings.Map(func(r rune) rune {
		if strings.ContainsRune("/\t\n ", r) {
			return -1
		}
		return r
	}, string(page))
	if !strings.Contains(hexes, hex.EncodeToString(decodeText(t, value))) {
		t.Errorf("the bytes above %s are not its", value)
	}
}

var tokenReasons = []Reason{ErrTooLarge, ErrMalformed, ErrUnsupportedVersion, ErrUnknownKey, ErrForged, ErrUnsupportedCodec, ErrFuture, ErrExpired, ErrIdle}

func jsonOf(t testing.TB, v Values) string {
	t.Helper()
	b, err := codec.JSON().Append(nil, v.tree())
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestVectorsInPython(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("python3 is not there")
	}
	out, err := exec.Command(python, "testdata/verify.py", vectorsFile).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}

func TestMutatedTokensAreNotAccepted(t *testing.T) {
	v := loadVectors(t)
	keys := v.keys(t)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	bits, edits := 0, 0
	for _, c := range v.Cases {
		if c.Expect != "valid" {
			continue
		}
		m := c.manager(t, keys)
		now := time.Unix(c.Now, 0)
		subkeys := m.names[0].keys.Subkeys()
		try := func(value string) {
			var o opened
			if reason := m.open(&o, nil, subkeys, now, 0, value); reason == 0 && value != c.Value {
				t.Fatalf("%s: accepted: %q", c.Name, value)
			}
		}
		raw := decodeText(t, c.Value)
		for i := range raw {
			for bit := range 8 {
				raw[i] ^= 1 << bit
				try(encodeText(raw))
				raw[i] ^= 1 << bit
				bits++
			}
			try(encodeText(raw[:i]))
			try(encodeText(raw[i:]))
			edits += 2
		}
		// One character more, less or other, of the alphabet and of all the
		// others that a lenient reader might skip or take for one of it.
		for i := range len(c.Value) + 1 {
			for _, x := range alphabet + "+/=\r\n\t \"%.,;\x00\xff" {
				try(c.Value[:i] + string(x) + c.Value[i:])
				edits++
				if i < len(c.Value) {
					try(c.Value[:i] + string(x) + c.Value[i+1:])
					edits++
				}
			}
			if i < len(c.Value) {
				try(c.Value[:i] + c.Value[i+1:])
				edits++
			}
			if i+1 < len(c.Value) {
				b := []byte(c.Value)
				b[i], b[i+1] = b[i+1], b[i]
				try(string(b))
				edits++
			}
		}
	}
	if bits < 10000 || edits < 100000 {
		t.Errorf("%d bits and %d edits tried, which cannot be all", bits, edits)
	}
	t.Logf("%d flipped bits and %d edited texts tried, 0 accepted", bits, edits)
}

func FuzzOpen(f *testing.F) {
	v := loadVectors(f)
	keys := v.keys(f)
	m := newManager[Values](f, Config{Keys: keys, IdleTimeout: time.Hour})
	valid := map[string]bool{}
	for _, c := range v.Cases {
		f.Add(c.Value)
		if c.Expect == "valid" {
			valid[c.Value] = true
		}
	}
	f.Fuzz(func(t *testing.T, value string) {
		s := request(m, t0, value)
		o, _ := s.Outcome()
		if o == Valid && !valid[value] {
			t.Fatalf("accepted: %q", value)
		}
		s.Info()
		ReadUnverified(value)
		if err := keyInt.SetIn(s, 1); err != nil && o != Valid {
			t.Fatal(err)
		}
		s.Commit(true)
	})
}

// updateVectors adds the cases that are missing.
func updateVectors(t *testing.T) {
	v := vectors{
		Comment: "Tokens, and what is to become of them; made by this package, verified by testdata/verify.py too. " +
			"now is in Unix seconds; the ring has the default skew of 5 minutes.",
	}
	if b, err := os.ReadFile(vectorsFile); err == nil {
		if err := json.Unmarshal(b, &v); err != nil {
			t.Fatal(err)
		}
	}
	if len(v.Keys) == 0 {
		for i, a := range algorithms {
			secret := sha256.Sum256(fmt.Appendf(nil, "keyturn example %d", i))
			k, err := keyring.NewKey(a, secret[:])
			if err != nil {
				t.Fatal(err)
			}
			v.Keys = append(v.Keys, vectorKey{k.ID().String(), a.Name, hex.EncodeToString(secret[:])})
		}
	}
	keys := v.keys(t)
	has := map[string]bool{}
	for _, c := range v.Cases {
		has[c.Name] = true
	}
	issued := t0.Add(time.Hour)
	add := func(c vectorCase, make func(m *Manager[Values], k *keyring.Subkey, h token.Header) string, a string) {
		if has[c.Name] {
			return
		}
		if c.Cookie == "" {
			c.Cookie = DefaultName
		}
		if c.Codecs == nil {
			c.Codecs = []int{1, 2, 3}
		}
		if c.Now == 0 {
			c.Now = issued.Add(time.Minute).Unix()
		}
		m := c.manager(t, keys)
		var key *keyring.Subkey
		for _, k := range v.Keys {
			if k.Algorithm != a {
				continue
			}
			id, err := keyring.ParseKeyID(k.ID)
			if err != nil {
				t.Fatal(err)
			}
			if key, err = m.names[0].keys.Subkeys().Lookup(id, issued); err != nil {
				t.Fatal(err)
			}
		}
		h := token.Header{Codec: 1, Key: key.ID, Start: seconds(t0), Issued: seconds(issued), Expires: seconds(t0.Add(14 * day))}
		c.Value = make(m, key, h)
		v.Cases = append(v.Cases, c)
	}
	var small Values
	keyString.Set(&small, "tom")
	data := everyKind()
	for _, a := range algorithms {
		for _, cd := range codecs() {
			for _, d := range []struct {
				name string
				v    Values
			}{{"user", small}, {"every kind", data}, {"empty", Values{}}} {
				payload, err := cd.Append(nil, d.v.tree())
				if err != nil {
					t.Fatal(err)
				}
				add(vectorCase{Name: a.Name + ", " + cd.Name() + ", " + d.name, Expect: "valid", Payload: hex.EncodeToString(payload), Data: jsonOf(t, d.v)},
					func(_ *Manager[Values], k *keyring.Subkey, h token.Header) string {
						h.Codec = cd.ID()
						return seal(&h, k, payload)
					}, a.Name)
			}
		}
		payload := []byte(`{"user":"tom"}`)
		plain := func(edit func(*token.Header)) func(*Manager[Values], *keyring.Subkey, token.Header) string {
			return func(_ *Manager[Values], k *keyring.Subkey, h token.Header) string {
				if edit != nil {
					edit(&h)
				}
				return seal(&h, k, payload)
			}
		}
		raw := func(edit func(raw []byte) []byte) func(*Manager[Values], *keyring.Subkey, token.Header) string {
			return func(_ *Manager[Values], k *keyring.Subkey, h token.Header) string {
				return encodeText(edit(decodeText(t, seal(&h, k, payload))))
			}
		}
		valid := func(name string) vectorCase {
			return vectorCase{Name: a.Name + ", " + name, Expect: "valid", Payload: hex.EncodeToString(payload), Data: string(payload)}
		}
		bad := func(name string, r Reason) vectorCase {
			return vectorCase{Name: a.Name + ", " + name, Expect: r.String()}
		}
		at := func(c vectorCase, now time.Time) vectorCase { c.Now = now.Unix(); return c }
		id := [12]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
		add(valid("idle"), plain(func(h *token.Header) { h.Idle = 1800 }), a.Name)
		add(valid("ID"), plain(func(h *token.Header) { h.HasID, h.ID = true, id }), a.Name)
		add(valid("idle and ID"), plain(func(h *token.Header) { h.Idle, h.HasID, h.ID = 1800, true, id }), a.Name)
		other := valid("another cookie and audience")
		other.Cookie, other.Audience = "session", "shop"
		add(other, plain(nil), a.Name)
		add(at(valid("last second"), t0.Add(14*day-time.Second)), plain(nil), a.Name)
		add(at(bad("first second after the end", ErrExpired), t0.Add(14*day)), plain(nil), a.Name)
		add(at(bad("idle too long", ErrIdle), issued.Add(30*time.Minute)), plain(func(h *token.Header) { h.Idle = 1800 }), a.Name)
		add(at(valid("not idle yet"), issued.Add(30*time.Minute-time.Second)), plain(func(h *token.Header) { h.Idle = 1800 }), a.Name)
		add(at(bad("issued in the future", ErrFuture), issued.Add(-601*time.Second)), plain(nil), a.Name)
		add(at(valid("issued by a clock ahead"), issued.Add(-600*time.Second)), plain(nil), a.Name)
		json1 := bad("of another codec", ErrUnsupportedCodec)
		json1.Codecs = []int{2, 3}
		add(json1, plain(nil), a.Name)
		add(bad("codec relabelled", ErrForged), raw(func(b []byte) []byte { b[2] = 3; return b }), a.Name)
		add(bad("last bit flipped", ErrForged), raw(func(b []byte) []byte { b[len(b)-1] ^= 1; return b }), a.Name)
		add(bad("first bit of the payload flipped", ErrForged), raw(func(b []byte) []byte { b[19] ^= 0x80; return b }), a.Name)
		add(bad("expires later", ErrForged), raw(func(b []byte) []byte { b[15]++; return b }), a.Name)
		add(bad("tag cut short", ErrForged), raw(func(b []byte) []byte { return b[:len(b)-1] }), a.Name)
		add(bad("no tag", ErrForged), raw(func(b []byte) []byte { return b[:19] }), a.Name)
		add(bad("tag of zeros", ErrForged), raw(func(b []byte) []byte { clear(b[len(b)-16:]); return b }), a.Name)
		add(bad("byte appended", ErrForged), raw(func(b []byte) []byte { return append(b, 0) }), a.Name)
		add(bad("key ID flipped", ErrUnknownKey), raw(func(b []byte) []byte { b[3] ^= 1; return b }), a.Name)
		add(bad("version 2", ErrUnsupportedVersion), raw(func(b []byte) []byte { b[1] += 1 << 2; return b }), a.Name)
		add(bad("version 3", ErrUnsupportedVersion), raw(func(b []byte) []byte { b[1] += 2 << 2; return b }), a.Name)
		add(bad("version 0", ErrUnsupportedVersion), raw(func(b []byte) []byte { b[1] -= 1 << 2; return b }), a.Name)
		add(bad("flag of idle set", ErrForged), raw(func(b []byte) []byte { b[1] |= 1; return b }), a.Name)
		add(bad("flag of the ID set", ErrForged), raw(func(b []byte) []byte { b[1] |= 2; return b }), a.Name)
		add(bad("header cut short", ErrMalformed), raw(func(b []byte) []byte { return b[:18] }), a.Name)
		add(bad("idle of zero", ErrMalformed), raw(func(b []byte) []byte { b[1] |= 1; clear(b[19:23]); return b }), a.Name)
		add(bad("foreign", ErrMalformed), raw(func(b []byte) []byte { return b[19:] }), a.Name)
		twin := bad("of another cookie", ErrForged)
		add(twin, func(_ *Manager[Values], k *keyring.Subkey, h token.Header) string {
			foreign := newManager[Values](t, Config{Keys: keys, Name: "other"})
			sub, err := foreign.names[0].keys.Subkeys().Lookup(k.ID, issued)
			if err != nil {
				t.Fatal(err)
			}
			return seal(&h, sub, payload)
		}, a.Name)
		text := func(edit func(string) string) func(*Manager[Values], *keyring.Subkey, token.Header) string {
			return func(_ *Manager[Values], k *keyring.Subkey, h token.Header) string { return edit(seal(&h, k, payload)) }
		}
		add(bad("padded", ErrMalformed), text(func(s string) string { return s + "=" }), a.Name)
		add(bad("line feed", ErrMalformed), text(func(s string) string { return s[:8] + "\n" + s[8:] }), a.Name)
		add(bad("standard alphabet", ErrMalformed), text(func(s string) string { return s[:8] + "+" + s[9:] }), a.Name)
		add(bad("too large", ErrTooLarge), text(func(s string) string {
			for len(s) <= MaxCookie {
				s += s
			}
			return s[:MaxCookie]
		}), a.Name)
	}
	b, err := json.MarshalIndent(v, "", "\t")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorsFile, append(b, '\n'), 0o666); err != nil {
		t.Fatal(err)
	}
}
