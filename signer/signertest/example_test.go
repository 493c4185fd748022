package signertest_test

import (
	"crypto/aes"
	"crypto/cipher"
	"errors"
	"testing"

	"github.com/keyturn/keyturn/signer"
	"github.com/keyturn/keyturn/signer/signertest"
)

// AES256GCM seals with AES-256 in Galois/Counter Mode. Its nonces are random and
// of 96 bits, so no more than 2^32 messages may be sealed under one key.
func AES256GCM() signer.Algorithm {
	return signer.Algorithm{
		Name: "aes-256-gcm",
		NewSealer: func(key []byte) (signer.Sealer, error) {
			if len(key) != signer.KeySize { // or AES-128 and AES-192 come in
				return nil, errors.New("aes-256-gcm: bad key length")
			}
			block, err := aes.NewCipher(key)
			if err != nil {
				return nil, err
			}
			aead, err := cipher.NewGCMWithRandomNonce(block)
			if err != nil {
				return nil, err
			}
			return gcmSealer{func() cipher.AEAD { return aead }}, nil
		},
	}
}

// A gcmSealer holds its cipher in a function, so that printing it does not
// print the key.
type gcmSealer struct{ aead func() cipher.AEAD }

func (s gcmSealer) Overhead() int { return s.aead().Overhead() }

func (s gcmSealer) Seal(dst, plaintext, additional []byte) []byte {
	return s.aead().Seal(dst, nil, plaintext, additional)
}

func (s gcmSealer) Open(dst, sealed, additional []byte) ([]byte, bool) {
	plaintext, err := s.aead().Open(dst, nil, sealed, additional)
	if err != nil {
		return nil, false
	}
	return plaintext, true
}

func ExampleRun() {
	// func TestAES256GCM(t *testing.T) { signertest.Run(t, AES256GCM()) }
	_ = func(t *testing.T) { signertest.Run(t, AES256GCM()) }
}
