package takeover

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"
	"hash"

	"github.com/keyturn/keyturn/session"
)

// hashes are the hash functions that configurations name, in lower case.
var hashes = map[string]func() hash.Hash{
	"md5":      md5.New,
	"sha1":     sha1.New,
	"sha224":   sha256.New224,
	"sha256":   sha256.New,
	"sha384":   sha512.New384,
	"sha512":   sha512.New,
	"sha3_224": func() hash.Hash { return sha3.New224() },
	"sha3_256": func() hash.Hash { return sha3.New256() },
	"sha3_384": func() hash.Hash { return sha3.New384() },
	"sha3_512": func() hash.Hash { return sha3.New512() },
}

// sha2 are those that most systems have.
var sha2 = []string{"sha1", "sha224", "sha256", "sha384", "sha512"}

// equal reports whether two tags are equal, in constant time. Their lengths are no secret.
func equal(a, b []byte) bool { return subtle.ConstantTimeCompare(a, b) == 1 }

// sum returns the HMAC of the parts of a message, one behind the other.
func sum(h func() hash.Hash, key []byte, message ...[]byte) []byte {
	mac := hmac.New(h, key)
	for _, part := range message {
		mac.Write(part)
	}
	return mac.Sum(nil)
}

// allowed calls f, which GODEBUG=fips140=only may make panic: what that does not allow
// has to be a problem of the configuration, and not a panic of the first cookie.
func allowed(f func()) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("%v", r)
		}
	}()
	f()
	return nil
}

// usableHMAC says whether HMAC is allowed with this hash and this key.
func usableHMAC(h func() hash.Hash, key []byte) error {
	return allowed(func() { sum(h, key) })
}

// aesGCM is AES-GCM, which GODEBUG=fips140=only refuses.
func aesGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// openCBC decrypts data, which have been verified, in place: AES-CBC with the padding of
// PKCS #7 (RFC 5652, section 6.3).
func openCBC(block cipher.Block, iv, data []byte) ([]byte, error) {
	if len(iv) != aes.BlockSize || len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, errNotCBC
	}
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(data, data)
	n := int(data[len(data)-1])
	if n == 0 || n > aes.BlockSize {
		return nil, errNotCBC
	}
	for _, b := range data[len(data)-n:] {
		if int(b) != n {
			return nil, errNotCBC
		}
	}
	return data[: len(data)-n : len(data)-n], nil
}

var errNotCBC = refuse(session.ErrUndecodable, "what is encrypted in it is not whole")
