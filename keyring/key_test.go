package keyring

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/signer"
)

func TestBadSecretsAreRefused(t *testing.T) {
	good := testSecret(1)
	counting := func(from, step byte) []byte {
		b := make([]byte, 32)
		for i := range b {
			b[i] = from + byte(i)*step
		}
		return b
	}
	tests := []struct {
		name   string
		secret []byte
		says   string
	}{
		{"nil", nil, "empty"},
		{"empty", []byte{}, "empty"},
		{"one byte", good[:1], "1 bytes"},
		{"one byte too short", good[:31], "31 bytes"},
		{"zeros", make([]byte, 32), "repeats one byte"},
		{"one byte repeated", bytes.Repeat([]byte{0xa5}, 64), "repeats one byte"},
		{"two bytes repeated", bytes.Repeat([]byte("ab"), 16), "repeats a pattern"},
		{"three bytes repeated, cut", bytes.Repeat([]byte("abc"), 11)[:32], "repeats a pattern"},
		{"digits", []byte("01234567890123456789012345678901"), "repeats a pattern"},
		{"sixteen bytes twice", append(bytes.Clone(good[:16]), good[:16]...), "repeats a pattern"},
		{"a whole secret twice", append(bytes.Clone(good), good...), "repeats a pattern"},
		{"counting up", counting(0, 1), "equal steps"},
		{"counting down", counting(200, 255), "equal steps"},
		{"counting by 17", counting(3, 17), "equal steps"},
		{"a password padded to 32 bytes", append([]byte("correct horse battery"), make([]byte, 11)...), "padded"},
		{"padded in front", append(make([]byte, 8), good...), "padded"},
		{"padded behind", append(bytes.Clone(good), make([]byte, 8)...), "padded"},
		{"the example of crypto/cipher, as text", []byte("6368616e676520746869732070617373776f726420746f206120736563726574"), "sample"},
		{"the example of crypto/cipher, decoded", []byte("change this password to a secret"), "sample"},
		{"a sample with a line feed", []byte("passphrasewhichneedstobe32bytes!\n"), "sample"},
		{"a sample in another case", []byte("PASSPHRASEWHICHNEEDSTOBE32BYTES!"), "sample"},
		{"a sample as base64", []byte(base64.StdEncoding.EncodeToString([]byte("the-key-has-to-be-32-bytes-long!"))), "sample"},
		{"a sample as hexadecimal", []byte(hex.EncodeToString([]byte("the-key-has-to-be-32-bytes-long!"))), "sample"},
	}
	for _, sample := range samples {
		tests = append(tests, struct {
			name   string
			secret []byte
			says   string
		}{"sample " + sample, []byte(sample), "sample"})
		if b, err := hex.DecodeString(sample); err == nil {
			tests = append(tests, struct {
				name   string
				secret []byte
				says   string
			}{"decoded sample " + sample, b, "sample"})
		}
		if b, err := decodeBase64(sample); err == nil && len(b) >= MinSecret {
			tests = append(tests, struct {
				name   string
				secret []byte
				says   string
			}{"sample taken for base64 " + sample, b, "sample"})
		}
		if len(sample) < MinSecret {
			t.Errorf("sample %q is refused for its length already", sample)
		}
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, a := range signer.All() {
				_, err := NewKey(a, tt.secret)
				if err == nil || !strings.Contains(err.Error(), tt.says) {
					t.Fatalf("%s: error %v, want one that says %q", a.Name, err, tt.says)
				}
				quiet(t, err, tt.secret)
			}
			// A ring does not rely on keys having come through NewKey.
			k := newKey(t, 1, signer.HMACSHA256())
			k.secret = hide(tt.secret)
			k.SignFrom = base
			if _, err := NewRing(Document{Keys: []Key{k}}); err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("NewRing: error %v, want one that says %q", err, tt.says)
			}
		})
	}
}

func TestGoodSecretsAreTaken(t *testing.T) {
	s := testSecret(1)
	half := append(bytes.Clone(s), s[:31]...) // a pattern of more than half
	for _, s := range [][]byte{half, append(bytes.Clone(s), make([]byte, 7)...), append(make([]byte, 7), s...)} {
		if err := checkSecret(s); err != nil {
			t.Errorf("%x: %v", s, err)
		}
	}
	for n := range 2000 {
		s := testSecret(n)
		for _, s := range [][]byte{s, append(s, s[:7]...), append(bytes.Clone(s), make([]byte, 3)...), []byte(hex.EncodeToString(s))} {
			if err := checkSecret(s); err != nil {
				t.Fatalf("%x: %v", s, err)
			}
		}
	}
}

func TestTwinSecretsAreRefused(t *testing.T) {
	secret := testSecret(1)
	long := append(bytes.Clone(secret), bytes.Repeat(testSecret(2), 2)...)
	hashed := sha256.Sum256(long)
	tests := []struct {
		name   string
		a, b   signer.Algorithm
		sa, sb []byte
		says   string
	}{
		{"the same key", signer.HMACSHA256(), signer.HMACSHA256(), secret, secret, "the same key ID as"},
		{"one secret for two algorithms", signer.HMACSHA256(), signer.BLAKE2b256(), secret, secret, "the same secret as"},
		{"one secret to sign and to seal", signer.XChaCha20Poly1305(), signer.HMACSHA256(), secret, secret, "the same secret as"},
		{"zero appended", signer.HMACSHA256(), signer.HMACSHA256(), secret, append(bytes.Clone(secret), 0), "the same secret as"},
		{"zeros appended, two algorithms", signer.HMACSHA256(), signer.BLAKE2b256(), append(bytes.Clone(secret), 0, 0, 0), secret, "the same secret as"},
		{"hashed", signer.HMACSHA256(), signer.HMACSHA256(), long, hashed[:], "the same secret as"},
	}
	for _, tt := range tests {
		a, err := NewKey(tt.a, tt.sa)
		if err != nil {
			t.Fatal(err)
		}
		b, err := NewKey(tt.b, tt.sb)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := FromKeys(a, b); err == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%s: error %v, want one that says %q", tt.name, err, tt.says)
		} else {
			quiet(t, err, tt.sa, tt.sb)
		}
	}
	if _, err := FromKeys(newKey(t, 1, signer.HMACSHA256()), newKey(t, 2, signer.HMACSHA256())); err != nil {
		t.Errorf("different secrets: %v", err)
	}
	// HMAC hashes what is longer than a block, and not a block.
	block := append(testSecret(1), testSecret(2)...)
	hashed = sha256.Sum256(block)
	a, errA := NewKey(signer.HMACSHA256(), block)
	b, errB := NewKey(signer.HMACSHA256(), hashed[:])
	if _, err := FromKeys(a, b); errA != nil || errB != nil || err != nil {
		t.Errorf("a block and its hash: %v, %v, %v", errA, errB, err)
	}
}

func TestNewKeyCopiesTheSecret(t *testing.T) {
	s := testSecret(1)
	k, err := NewKey(signer.HMACSHA256(), s)
	if err != nil {
		t.Fatal(err)
	}
	clear(s)
	if !bytes.Equal(k.secret(), testSecret(1)) {
		t.Error("the key changed with the caller's slice")
	}
}

func TestGenerateKeyIsRandom(t *testing.T) {
	seen := make(map[KeyID]bool)
	for range 100 {
		k := GenerateKey(signer.BLAKE2b256())
		if k.Algorithm() != "blake2b-256" || k.Seals() || !k.SignFrom.IsZero() || len(k.secret()) != MinSecret {
			t.Fatalf("%v: not a standby key", k)
		}
		seen[k.ID()] = true
	}
	if len(seen) != 100 {
		t.Errorf("%d different keys of 100", len(seen))
	}
	if !GenerateKey(signer.XChaCha20Poly1305()).Seals() {
		t.Error("a key for sealing does not say so")
	}
}

func TestBadAlgorithmsAreRefused(t *testing.T) {
	h, x := signer.HMACSHA256(), signer.XChaCha20Poly1305()
	for _, a := range []signer.Algorithm{
		{},
		{Name: "none"},
		{Name: "both", NewSigner: h.NewSigner, NewSealer: x.NewSealer},
		{NewSigner: h.NewSigner},
		{Name: "HMAC", NewSigner: h.NewSigner},
		{Name: "hmac sha", NewSigner: h.NewSigner},
		{Name: strings.Repeat("a", 33), NewSigner: h.NewSigner},
	} {
		if _, err := NewKey(a, testSecret(1)); err == nil {
			t.Errorf("algorithm %q is taken", a.Name)
		}
		if _, err := FromKeys(GenerateKey(a)); err == nil {
			t.Errorf("a generated key of algorithm %q is taken", a.Name)
		}
		if _, err := (Loader{Algorithms: []signer.Algorithm{a}}).Parse(shopFile(t)); err == nil {
			t.Errorf("a loader takes algorithm %q", a.Name)
		}
	}
	if _, err := (Loader{Algorithms: []signer.Algorithm{h}}).Parse(shopFile(t)); err == nil {
		t.Error("a loader takes a built-in algorithm's name")
	}
}

func TestTheLongestNameOfAnAlgorithmIsTaken(t *testing.T) {
	a := signer.HMACSHA256()
	a.Name = strings.Repeat("a", 32)
	if _, err := NewKey(a, testSecret(1)); err != nil {
		t.Error(err)
	}
}

func TestATombstoneIsNotUsableWithoutItsDate(t *testing.T) {
	d := shop(t)
	d.Keys[1].Revoked = base
	for _, k := range newTestRing(t, d).Document().Keys {
		k.Revoked, k.Pruned = time.Time{}, time.Time{}
		if k.secret == nil && k.Usable(base) {
			t.Errorf("%v is usable without a secret", k)
		}
	}
}

func TestKeyIDText(t *testing.T) {
	id := KeyID{0x9f, 0x2c, 0x01, 0xaa}
	if id.String() != "9f2c01aa" {
		t.Errorf("String is %s", id)
	}
	b, err := json.Marshal(map[KeyID]KeyID{id: id})
	if err != nil || string(b) != `{"9f2c01aa":"9f2c01aa"}` {
		t.Errorf("marshals as %s, %v", b, err)
	}
	var m map[KeyID]KeyID
	if err := json.Unmarshal(b, &m); err != nil || m[id] != id {
		t.Errorf("unmarshals as %v, %v", m, err)
	}
	for _, s := range []string{"", "9f2c01a", "9f2c01aaa", "9f2c01aa00", "9F2C01AA", "9f2c01aA", "9f2c01ag", "9f2c 1aa", " 9f2c01aa", "0x9f2c01", "9f2c01aa\n", "９f2c0"} {
		kept := id
		if _, err := ParseKeyID(s); err == nil {
			t.Errorf("%q is taken", s)
		}
		if err := kept.UnmarshalText([]byte(s)); err == nil || kept != id {
			t.Errorf("%q: error %v, ID %v", s, err, kept)
		}
	}
}

func FuzzParseKeyID(f *testing.F) {
	f.Add("9f2c01aa")
	f.Add("9F2C01AA")
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := ParseKeyID(s); err == nil && fmt.Sprint(id) != s {
			t.Errorf("%q parses as %v", s, id)
		}
	})
}
