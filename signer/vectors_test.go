package signer

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"hash"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/blake2b"
)

// The vectors of this file run through three paths:
//
//   - public: an Algorithm and its NewSigner or NewSealer, for keys of KeySize.
//   - keyed: newHMACSHA256 and newBLAKE2b256, which differ from NewSigner in
//     nothing but that they take keys of other lengths.
//   - pooled: newMAC with a hash of the test's, for what is not an algorithm of
//     this package, namely BLAKE2b with 64 bytes of output. It shows that the
//     pool is used right, and that x/crypto computes BLAKE2b.
//
// Each test says how many go which way, and fails unless these are the numbers
// that it knows.

// standards returns the folder of the standard vectors, which are too large for
// this repository; testdata has a small set that always runs.
func standards(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("KEYTURN_VECTORS")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "vectors", "standards")
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			t.Skip("no standard vectors here; KEYTURN_VECTORS names their folder")
		}
	}
	return dir
}

func readJSON(t *testing.T, into any, path ...string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(path...))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", filepath.Join(path...), err)
	}
}

// octets is bytes that JSON spells in hexadecimal.
type octets []byte

func (o *octets) UnmarshalText(text []byte) (err error) {
	*o, err = hex.DecodeString(string(text))
	return err
}

// counts fails unless each path was taken by the number of vectors that it has.
func counts(t *testing.T, got, want map[string]int) {
	t.Helper()
	for path, n := range want {
		if got[path] != n || n == 0 {
			t.Errorf("%d vectors ran through the %s path, want %d", got[path], path, n)
		}
	}
	for path, n := range got {
		if want[path] == 0 {
			t.Errorf("%d vectors ran through the %s path, want none", n, path)
		}
	}
	t.Logf("vectors by path: %v", got)
}

func newSigner(t *testing.T, a Algorithm, key []byte) Signer {
	t.Helper()
	s, err := a.NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// hmacSHA256 returns the Signer for a key of any length, and its path.
func hmacSHA256(t *testing.T, key []byte) (Signer, string) {
	if len(key) == KeySize {
		return newSigner(t, HMACSHA256(), key), "public"
	}
	return newHMACSHA256(key), "keyed"
}

func checkTag(t *testing.T, s Signer, msg, tag []byte, name any) {
	t.Helper()
	if got := s.Sign(nil, msg); !bytes.Equal(got, tag) {
		t.Errorf("vector %v: tag %x, want %x", name, got, tag)
	}
	if !s.Verify(msg, tag) {
		t.Errorf("vector %v: the tag is refused", name)
	}
}

func TestHMACSHA256OfRFC4231(t *testing.T) {
	var vectors []struct {
		TC            int
		Key, Msg, Tag octets
	}
	readJSON(t, &vectors, "testdata", "rfc4231.json")
	ran := map[string]int{}
	for _, v := range vectors {
		s, path := hmacSHA256(t, v.Key)
		if v.TC == 5 { // its tag is cut to 16 bytes
			if got := s.Sign(nil, v.Msg); !bytes.HasPrefix(got, v.Tag) {
				t.Errorf("vector 5: tag %x, want %x and more", got, v.Tag)
			}
			if s.Verify(v.Msg, v.Tag) {
				t.Error("vector 5: a tag of 16 bytes is taken")
			}
		} else {
			checkTag(t, s, v.Msg, v.Tag, v.TC)
		}
		ran[path]++
	}
	// The RFC has no key of 32 bytes. The next test does.
	counts(t, ran, map[string]int{"keyed": 7})
}

func TestVectorsInTheTree(t *testing.T) {
	type vector struct{ Key, Msg, Tag, Plaintext, Additional, Sealed octets }
	var vectors map[string][]vector
	readJSON(t, &vectors, "testdata", "vectors.json")
	ran := map[string]int{}
	for _, a := range []Algorithm{HMACSHA256(), BLAKE2b256()} {
		for i, v := range vectors[a.Name] {
			checkTag(t, newSigner(t, a, v.Key), v.Msg, v.Tag, i)
			ran[a.Name]++
		}
	}
	for i, v := range vectors[nameXChaCha20Poly1305] {
		checkSealed(t, v.Key, v.Plaintext, v.Additional, v.Sealed, true, i)
		ran[nameXChaCha20Poly1305]++
	}
	counts(t, ran, map[string]int{nameHMACSHA256: 13, nameBLAKE2b256: 13, nameXChaCha20Poly1305: 11})
}

// The script that made the vectors in the tree still makes them.
func TestVectorsAreGenerated(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		t.Skip(err)
	}
	want, err := os.ReadFile(filepath.Join("testdata", "vectors.json"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := exec.Command(python, filepath.Join("testdata", "generate.py")).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := bytes.ReplaceAll(got, []byte("\r"), nil), bytes.ReplaceAll(want, []byte("\r"), nil); !bytes.Equal(got, want) {
		t.Error("generate.py makes other vectors than are in vectors.json")
	}
}

// wycheproof is what is of use here of a file of github.com/C2SP/wycheproof.
type wycheproof struct {
	TestGroups []struct {
		TagSize, IVSize int
		Tests           []struct {
			TCID          int `json:"tcId"`
			Key, Msg, Tag octets
			IV, AAD, CT   octets
			Result        string
		}
	}
}

func TestHMACSHA256OfWycheproof(t *testing.T) {
	var file wycheproof
	readJSON(t, &file, standards(t), "wycheproof", "hmac_sha256_test.json")
	ran := map[string]int{}
	for _, g := range file.TestGroups {
		for _, v := range g.Tests {
			s, path := hmacSHA256(t, v.Key)
			valid := v.Result == "valid"
			if got := bytes.Equal(s.Sign(nil, v.Msg)[:g.TagSize/8], v.Tag); got != valid {
				t.Errorf("vector %d: the tag is right: %t, want %t", v.TCID, got, valid)
			}
			// A tag cut to 16 bytes is refused even where it is right.
			if got, want := s.Verify(v.Msg, v.Tag), valid && g.TagSize == 256; got != want {
				t.Errorf("vector %d: Verify is %t, want %t", v.TCID, got, want)
			}
			ran[path]++
		}
	}
	counts(t, ran, map[string]int{"public": 162, "keyed": 12})
}

func TestBLAKE2bOfKAT(t *testing.T) {
	var vectors []struct{ In, Key, Out octets }
	readJSON(t, &vectors, standards(t), "blake2", "blake2b-kat.json")
	ran := map[string]int{}
	for i, v := range vectors {
		s := newMAC("blake2b-512", func() hash.Hash {
			h, err := blake2b.New512(v.Key)
			if err != nil {
				t.Fatal(err)
			}
			return h
		})
		checkTag(t, s, v.In, v.Out, i)
		checkTag(t, s, v.In, v.Out, i) // from the pool
		if len(v.Key) == 0 {
			ran["pooled, no key"]++
		} else {
			ran["pooled, key of 64 bytes"]++
		}
	}
	counts(t, ran, map[string]int{"pooled, no key": 256, "pooled, key of 64 bytes": 256})
}

func TestBLAKE2b256Keyed(t *testing.T) {
	var vectors []struct {
		Key, Tag octets
		Msg      *octets
		MsgLen   int
	}
	readJSON(t, &vectors, standards(t), "generated", "blake2b256_keyed.json")
	ran := map[string]int{}
	for i, v := range vectors {
		msg := make([]byte, v.MsgLen)
		for i := range msg {
			msg[i] = byte(7*i + v.MsgLen)
		}
		if v.Msg != nil && !bytes.Equal(msg, *v.Msg) {
			t.Fatalf("vector %d: another message than described", i)
		}
		if len(v.Key) == KeySize {
			checkTag(t, newSigner(t, BLAKE2b256(), v.Key), msg, v.Tag, i)
			ran["public"]++
		} else {
			checkTag(t, newBLAKE2b256(v.Key), msg, v.Tag, i)
			ran["keyed"]++
		}
	}
	counts(t, ran, map[string]int{"public": 52, "keyed": 260})
}

// checkSealed opens sealed, and seals plaintext with the nonce that sealed
// begins with.
func checkSealed(t *testing.T, key, plaintext, additional, sealed []byte, valid bool, name any) {
	t.Helper()
	s, err := XChaCha20Poly1305().NewSealer(key)
	if err != nil {
		t.Fatal(err)
	}
	got, ok := s.Open(nil, sealed, additional)
	if ok != valid {
		t.Errorf("vector %v: Open is %t, want %t", name, ok, valid)
	}
	if ok && !bytes.Equal(got, plaintext) {
		t.Errorf("vector %v: opened as %x, want %x", name, got, plaintext)
	}
	if !ok && got != nil {
		t.Errorf("vector %v: refused, but opened as %x", name, got)
	}
	// Seal without its random nonce.
	made := s.(*sealer).seal(bytes.Clone(sealed[:nonceSize]), plaintext, additional)
	if bytes.Equal(made, sealed) != valid {
		t.Errorf("vector %v: sealed as %x; to be as given: %t", name, made, valid)
	}
}

func TestXChaCha20Poly1305OfWycheproof(t *testing.T) {
	var file wycheproof
	readJSON(t, &file, standards(t), "wycheproof", "xchacha20_poly1305_test.json")
	ran := map[string]int{}
	for _, g := range file.TestGroups {
		for _, v := range g.Tests {
			sealed := bytes.Join([][]byte{v.IV, v.CT, v.Tag}, nil)
			if g.IVSize != 8*nonceSize {
				// A nonce of another length cannot be said: it is the first 24
				// bytes, whatever they are.
				if v.Result == "valid" {
					t.Fatalf("vector %d is valid with a nonce of %d bits", v.TCID, g.IVSize)
				}
				s, err := XChaCha20Poly1305().NewSealer(v.Key)
				if err != nil {
					t.Fatal(err)
				}
				if _, ok := s.Open(nil, sealed, v.AAD); ok {
					t.Errorf("vector %d: taken with a nonce of %d bits", v.TCID, g.IVSize)
				}
				ran["public, Open only"]++
				continue
			}
			checkSealed(t, v.Key, v.Msg, v.AAD, sealed, v.Result == "valid", v.TCID)
			ran["public"]++
		}
	}
	counts(t, ran, map[string]int{"public": 306, "public, Open only": 9})
}
