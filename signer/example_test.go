package signer_test

import (
	"crypto/hmac"
	"crypto/sha512"
	"errors"
	"fmt"

	"github.com/keyturn/keyturn/signer"
)

// HMACSHA512_256 is an algorithm of a program's own. Its test is one line:
//
//	func TestHMACSHA512_256(t *testing.T) { signertest.Run(t, HMACSHA512_256()) }
func HMACSHA512_256() signer.Algorithm {
	return signer.Algorithm{
		Name: "hmac-sha512-256",
		NewSigner: func(key []byte) (signer.Signer, error) {
			if len(key) != signer.KeySize {
				return nil, errors.New("hmac-sha512-256: bad key length")
			}
			// A function, and not a field, so that printing the signer does
			// not print the key.
			return sha512Signer(func(dst, msg []byte) []byte {
				h := hmac.New(sha512.New512_256, key)
				h.Write(msg)
				return h.Sum(dst)
			}), nil
		},
	}
}

type sha512Signer func(dst, msg []byte) []byte

func (s sha512Signer) Size() int                   { return sha512.Size256 }
func (s sha512Signer) Sign(dst, msg []byte) []byte { return s(dst, msg) }

// Verify leaves the comparison to package hmac, which looks at the lengths and
// then at every byte.
func (s sha512Signer) Verify(msg, tag []byte) bool { return hmac.Equal(s(nil, msg), tag) }

func Example_ownAlgorithm() {
	s, err := HMACSHA512_256().NewSigner(make([]byte, signer.KeySize))
	if err != nil {
		fmt.Println(err)
		return
	}
	tag := s.Sign(nil, []byte("user=tom"))
	fmt.Println(s.Verify([]byte("user=tom"), tag))
	fmt.Println(s.Verify([]byte("user=eve"), tag))
	// Output:
	// true
	// false
}
