package signer

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/chacha20poly1305"
)

// seeds calls add for each vector in the tree, and fails if there is none.
func seeds(f *testing.F, name string, add func(key, msg, tag, plaintext, additional, sealed []byte)) {
	data, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		f.Fatal(err)
	}
	var vectors map[string][]struct{ Key, Msg, Tag, Plaintext, Additional, Sealed octets }
	if err := json.Unmarshal(data, &vectors); err != nil {
		f.Fatal(err)
	}
	if len(vectors[name]) == 0 {
		f.Fatalf("no seeds for %s", name)
	}
	for _, v := range vectors[name] {
		add(v.Key, v.Msg, v.Tag, v.Plaintext, v.Additional, v.Sealed)
	}
}

// fit makes a key of 32 bytes out of any.
func fit(key []byte) []byte {
	fitted := make([]byte, KeySize)
	copy(fitted, key)
	return fitted
}

// The pooled signers agree with the simplest use of what they are made from,
// about the right tag and about any other.
func FuzzSigners(f *testing.F) {
	seeds(f, nameHMACSHA256, func(key, msg, tag, _, _, _ []byte) { f.Add(key, msg, tag) })
	seeds(f, nameBLAKE2b256, func(key, msg, tag, _, _, _ []byte) { f.Add(key, msg, tag) })
	f.Fuzz(func(t *testing.T, key, msg, tag []byte) {
		key = fit(key)
		h := hmac.New(sha256.New, key)
		b, err := blake2b.New256(key)
		if err != nil {
			t.Fatal(err)
		}
		h.Write(msg)
		b.Write(msg)
		for _, c := range []struct {
			algorithm Algorithm
			want      []byte
		}{{HMACSHA256(), h.Sum(nil)}, {BLAKE2b256(), b.Sum(nil)}} {
			s, err := c.algorithm.NewSigner(key)
			if err != nil {
				t.Fatal(err)
			}
			if got, want := s.Verify(msg, tag), bytes.Equal(tag, c.want); got != want {
				t.Errorf("%s: Verify is %t, want %t", c.algorithm.Name, got, want)
			}
			// Clipped, since the fuzzer keeps one argument behind the other.
			if got := s.Sign(slices.Clip(tag), msg); !bytes.Equal(got[len(tag):], c.want) || !bytes.HasPrefix(got, tag) {
				t.Errorf("%s: Sign gives %x, want %x", c.algorithm.Name, got[len(tag):], c.want)
			}
			if !s.Verify(msg, c.want) {
				t.Errorf("%s: the right tag is refused", c.algorithm.Name)
			}
		}
	})
}

// Open agrees with the cipher about any input, and opens what Seal makes of it.
func FuzzSealer(f *testing.F) {
	seeds(f, nameXChaCha20Poly1305, func(key, _, _, _, additional, sealed []byte) { f.Add(key, sealed, additional) })
	f.Fuzz(func(t *testing.T, key, sealed, additional []byte) {
		key = fit(key)
		s, err := XChaCha20Poly1305().NewSealer(key)
		if err != nil {
			t.Fatal(err)
		}
		got, ok := s.Open(nil, sealed, additional)
		if len(sealed) < nonceSize {
			if ok {
				t.Fatal("a message shorter than its nonce is taken")
			}
		} else {
			aead, err := chacha20poly1305.NewX(key)
			if err != nil {
				t.Fatal(err)
			}
			want, err := aead.Open(nil, sealed[:nonceSize], sealed[nonceSize:], additional)
			if ok != (err == nil) || !bytes.Equal(got, want) {
				t.Fatalf("Open is %x, %t; the cipher says %x, %v", got, ok, want, err)
			}
		}
		again, ok := s.Open(nil, s.Seal(nil, sealed, additional), additional)
		if !ok || !bytes.Equal(again, sealed) {
			t.Fatal("what was sealed does not open")
		}
	})
}
