package keyring

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
)

// maxPadding is how many zero bytes a secret may end or begin with. A random
// one has more with a probability of 2^-64.
const maxPadding = 7

// checkSecret returns why a secret must not be used, or nil. The error says
// nothing of the secret beyond that.
func checkSecret(s []byte) error {
	switch {
	case len(s) == 0:
		return errors.New("the secret is empty; use 32 random bytes")
	case len(s) < MinSecret:
		return fmt.Errorf("the secret has %d bytes; use %d random bytes or more", len(s), MinSecret)
	case isSequence(s):
		return errors.New("the secret repeats one byte or counts in equal steps; use 32 random bytes")
	case isPeriodic(s):
		return errors.New("the secret repeats a pattern; use 32 random bytes")
	case isPadded(s):
		return errors.New("the secret is padded with zero bytes; use 32 random bytes")
	case isSample(s):
		return errors.New("the secret is a sample from documentation; use 32 random bytes")
	}
	return nil
}

// isSequence reports whether the bytes differ by the same step throughout.
func isSequence(s []byte) bool {
	for i := 2; i < len(s); i++ {
		if s[i]-s[i-1] != s[1]-s[0] {
			return false
		}
	}
	return true
}

// isPeriodic reports whether s is a pattern of at most half its length,
// repeated; the last repetition may be cut.
func isPeriodic(s []byte) bool {
	for p := 1; p <= len(s)/2; p++ {
		if bytes.Equal(s[p:], s[:len(s)-p]) {
			return true
		}
	}
	return false
}

func isPadded(s []byte) bool {
	return len(s)-len(trimZeros(s)) > maxPadding || len(s)-len(bytes.TrimLeft(s, "\x00")) > maxPadding
}

func trimZeros(s []byte) []byte { return bytes.TrimRight(s, "\x00") }

// samples are secrets of 32 bytes or more that documentation prints and that
// are therefore found in production. Shorter ones fail by their length.
var samples = []string{
	"complex_password_at_least_32_characters_long",
	"at_least_32_characters_long_password",
	"password_at_least_32_characters_long",
	"this_is_a_secret_value_with_at_least_32_characters",
	"secret-thirty-2-character-string",
	"the-key-has-to-be-32-bytes-long!",
	"passphrasewhichneedstobe32bytes!",
	"AES256Key-32Characters1234567890",
	"a-string-secret-at-least-256-bits-long",
	"a-valid-string-secret-that-is-at-least-512-bits-long-which-is-very-long",
	"abcdefghijklmnopqrstuvwxyz012345",
	"abcdefghijklmnopqrstuvwxyz123456",
	"abcdefghijklmnopqrstuvwxyz0123456789",
	"SomeRandomStringWith32Characters",
	"change this password to a secret",
	"super-secret-key-change-me-please",
	"please-change-this-secret-key-now",
	"please-change-me-to-a-random-secret",
	"your-super-secret-key-change-in-production",
	"your-secret-key-change-in-production",
	"your-super-secret-jwt-token-with-at-least-32-characters-long",
	"keep-it-secret-keep-it-safe-keep-it-secret",
	"192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
	"6368616e676520746869732070617373776f726420746f206120736563726574",
	// Those of the ring in this package's comment.
	"462f2089d6d7e7a7b9a748344fcdda2f36b8bebbfc0a8d15dff334d0fb46b4b8",
	"bfc1367bad4024c9a32c189555c6c1586c057a92f1aa87f5787721854c373562",
	"ee851c91058012351fcaddd39cfe1ef8bd0ff8c75ac767335bbc72474798e86c",
}

// isSample reports whether s is a known sample, or what one means as
// hexadecimal or base64 text, or the text that means one.
func isSample(s []byte) bool {
	forms := [][]byte{s}
	if b, err := hex.DecodeString(string(s)); err == nil {
		forms = append(forms, b)
	}
	if b, err := decodeBase64(string(s)); err == nil {
		forms = append(forms, b)
	}
	for _, sample := range samples {
		fromHex, _ := hex.DecodeString(sample)
		fromBase64, _ := decodeBase64(sample)
		for _, f := range forms {
			f = bytes.TrimSpace(f)
			if bytes.EqualFold(f, []byte(sample)) || len(fromHex) > 0 && bytes.Equal(f, fromHex) || len(fromBase64) > 0 && bytes.Equal(f, fromBase64) {
				return true
			}
		}
	}
	return false
}

// decodeBase64 reads either alphabet of base64, padded or not, strictly.
func decodeBase64(s string) ([]byte, error) {
	encoding := base64.RawURLEncoding
	if bytes.ContainsAny([]byte(s), "+/") {
		encoding = base64.RawStdEncoding
	}
	if len(s)%4 == 0 {
		for range 2 {
			if len(s) > 0 && s[len(s)-1] == '=' {
				s = s[:len(s)-1]
			}
		}
	}
	b, err := encoding.Strict().DecodeString(s)
	// Strict skips line breaks: what it reads must write to the same text.
	if err != nil || encoding.EncodeToString(b) != s {
		return nil, errors.New("not base64")
	}
	return b, nil
}

// hmacKey returns a form that is the same for two secrets which HMAC takes for
// the same key: one with zeros appended, and one that was hashed because it is
// longer than a block. HKDF tells them apart, since it takes the secret for a
// message; but nobody has two such secrets on purpose.
func hmacKey(s []byte) string {
	if len(s) > sha256.BlockSize {
		h := sha256.Sum256(s)
		s = h[:]
	}
	return string(trimZeros(s))
}
