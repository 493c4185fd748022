package keyring

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/signer"
)

// naiveInfo and naiveHKDF are the derivations of the package comment once more,
// on nothing but HMAC (RFC 5869).
func naiveInfo(fields ...string) []byte {
	var b []byte
	for _, f := range fields {
		b = append(append(b, byte(len(f)/256), byte(len(f)%256)), f...)
	}
	return b
}

func naiveHKDF(secret, info []byte, n int) []byte {
	mac := func(key []byte, parts ...[]byte) []byte {
		h := hmac.New(sha256.New, key)
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	prk := mac(make([]byte, 32), secret)
	return mac(prk, info, []byte{1})[:n] // n is 32 at most: one block
}

// The expected values were computed by a script in another language.
var derivations = []struct {
	secret, algorithm, name, audience string
	id, subkey                        string
}{
	{"56c13006ae8bc23434f7425d9c164ba05212ac838ace0d6fb962178903305008", "hmac-sha256", "session", "",
		"21c828b4", "c64bd7b64d0e8dc3e33ed06386561b858cc6850e26de72a0bf6873df2fa5223a"},
	{"56c13006ae8bc23434f7425d9c164ba05212ac838ace0d6fb962178903305008", "hmac-sha256", "__Host-session", "shop",
		"21c828b4", "090af39ca3951697a1981d3a8c95e09eb200654175637d3eab405bf78a24b3e6"},
	{"56c13006ae8bc23434f7425d9c164ba05212ac838ace0d6fb962178903305008", "blake2b-256", "session", "",
		"a04597f2", "40ba53d9005d16d382c8ef0ebd9a50f09322d845d7c206892b45878bc3d6a877"},
	{"60a3180ea373157b147236252b0ff482749899329d2816488f7a97b8bc029447", "xchacha20-poly1305", "session", "",
		"ca97ad85", "ab2a610f8a19ae3f7068934f3916cc732baba336b689ff12c8ff9b405b88de42"},
	{"07bd5405ab6a75ade78c6aec6d70619e23384628873b03ce9db96a9d25f6eea3bc50eb0446025290aaa6e2daae1d5ce797e0729d008c29e08df2bba8be7171847461696c", "hmac-sha256", "session", "a",
		"d6e4328d", "dc52404b59bb50149a3be9669ea11fc7ff2f469f2113024cc69bb07a7293f428"},
	{"1f7dcb955dfde38f20d14680d9f3a686bce0e30d36f51c9a49d4b3e3522158dd", "hmac-sha256", "s\u00e9ssion", strings.Repeat("x", 300),
		"3d5f2149", "ef8c254b7e17a85e6e4627ece9c7d2e3bece3e94e18e37e6c36a39696fa9ad3e"},
}

func TestDerivationsAreAsDocumented(t *testing.T) {
	for _, v := range derivations {
		secret, err := hex.DecodeString(v.secret)
		if err != nil {
			t.Fatal(err)
		}
		// The algorithm hands out the key that it is given.
		var got []byte
		capture := func(key []byte) { got = bytes.Clone(key) }
		k, err := NewKey(capturing(t, v.algorithm, capture), secret)
		if err != nil {
			t.Fatal(err)
		}
		keys, err := FromKeys(k)
		if err != nil && !k.Seals() {
			t.Fatal(err)
		}
		bind(t, keys, Use{Name: v.name, Audience: v.audience})
		if k.ID().String() != v.id {
			t.Errorf("%s: ID %v, want %s", v.algorithm, k.ID(), v.id)
		}
		if hex.EncodeToString(got) != v.subkey {
			t.Errorf("%s %q %q: subkey %x, want %s", v.algorithm, v.name, v.audience, got, v.subkey)
		}
		if id := naiveHKDF(secret, naiveInfo("keyturn v1 key id", v.algorithm), 4); !bytes.Equal(id, k.id[:]) {
			t.Errorf("%s: ID %v, by hand %x", v.algorithm, k.ID(), id)
		}
		if b := naiveHKDF(secret, naiveInfo("keyturn v1 subkey", v.algorithm, v.name, v.audience), 32); !bytes.Equal(b, got) {
			t.Errorf("%s: subkey %x, by hand %x", v.algorithm, got, b)
		}
	}
}

// capturing returns the algorithm of package signer of that name, which calls
// capture with each key.
func capturing(t testing.TB, name string, capture func(key []byte)) signer.Algorithm {
	t.Helper()
	algorithms, err := Loader{}.algorithms()
	if err != nil {
		t.Fatal(err)
	}
	a, ok := algorithms[name]
	if !ok {
		t.Fatalf("no algorithm %s", name)
	}
	if newSigner := a.NewSigner; newSigner != nil {
		a.NewSigner = func(key []byte) (signer.Signer, error) { capture(key); return newSigner(key) }
	}
	if newSealer := a.NewSealer; newSealer != nil {
		a.NewSealer = func(key []byte) (signer.Sealer, error) { capture(key); return newSealer(key) }
	}
	return a
}

func TestSubkeysDifferPairwise(t *testing.T) {
	names := []string{"a", "b", "ab", "abc", "session", "__Host-session", "hmac-sha256"}
	audiences := []string{"", "a", "b", "bc", "c", "session"}
	seen := make(map[string]string)
	var now string
	note := func(key []byte) {
		if now == "" {
			return
		}
		if other, ok := seen[string(key)]; ok && other != now {
			t.Errorf("%s and %s have the same subkey", now, other)
		}
		seen[string(key)] = now
	}
	for n := range 4 {
		for _, algorithm := range []string{"hmac-sha256", "blake2b-256", "xchacha20-poly1305"} {
			k, err := NewKey(capturing(t, algorithm, note), testSecret(n))
			if err != nil {
				t.Fatal(err)
			}
			keys, err := FromKeys(k)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				for _, audience := range audiences {
					now = fmt.Sprintf("(%v, %q, %q)", k, name, audience)
					bind(t, keys, Use{Name: name, Audience: audience})
				}
			}
			now = ""
			// The secret itself is never a subkey.
			seen[string(testSecret(n))] = fmt.Sprintf("secret %d", n)
		}
	}
	if want := 4*3*len(names)*len(audiences) + 4; len(seen) != want {
		t.Errorf("%d different keys, want %d", len(seen), want)
	}
}

// What is signed for one use does not verify for another, by the subkeys
// themselves.
func TestI17UsesDoNotMeet(t *testing.T) {
	now := base
	keys, err := FromKeys(newKey(t, 1, signer.HMACSHA256()))
	if err != nil {
		t.Fatal(err)
	}
	uses := []Use{{Name: "a"}, {Name: "b"}, {Name: "a", Audience: "b"}, {Name: "ab"}, {Name: "b", Audience: "a"}}
	for i, from := range uses {
		s, err := bind(t, keys, from).Subkeys().Primary(now)
		if err != nil {
			t.Fatal(err)
		}
		tag := s.Signer.Sign(nil, []byte("message"))
		for j, to := range uses {
			v, err := bind(t, keys, to).Subkeys().Lookup(s.ID, now)
			if err != nil {
				t.Fatal(err)
			}
			if v.Signer.Verify([]byte("message"), tag) != (i == j) {
				t.Errorf("signed for %+v, verified for %+v: %v", from.Name, to.Name, i != j)
			}
		}
	}
}

func FuzzInfoIsInjective(f *testing.F) {
	f.Add("a", "bc", "", "ab", "c", "")
	f.Add("", "", "", "\x00\x00", "", "")
	f.Add("a\x00\x01b", "", "", "a", "b", "")
	f.Add("session", "", "shop", "sessio", "n", "shop")
	f.Fuzz(func(t *testing.T, a1, a2, a3, b1, b2, b3 string) {
		for _, s := range []string{a1, a2, a3, b1, b2, b3} {
			if len(s) > maxField {
				t.Skip()
			}
		}
		lists := [][]string{{a1, a2, a3}, {b1, b2, b3}, {a1, a2}, {b1, b2}, {a1 + a2, a3}, {a1, a2 + a3}, {a1}}
		for i, a := range lists {
			got := info(a...)
			if want := naiveInfo(a...); got != string(want) {
				t.Fatalf("info(%q) = %q, want %q", a, got, want)
			}
			for _, b := range lists[i+1:] {
				same := len(a) == len(b)
				for j := range a {
					same = same && a[j] == b[j]
				}
				if (got == info(b...)) != same {
					t.Fatalf("info(%q) and info(%q): equal is %v", a, b, !same)
				}
			}
		}
	})
}
