package signer

import (
	"crypto/cipher"
	"crypto/rand"
	"fmt"
	"slices"
	"unsafe"

	"golang.org/x/crypto/chacha20poly1305"
)

const (
	nameXChaCha20Poly1305 = "xchacha20-poly1305"

	nonceSize = chacha20poly1305.NonceSizeX
	overhead  = nonceSize + chacha20poly1305.Overhead
)

// XChaCha20Poly1305 returns the [Sealer] algorithm "xchacha20-poly1305"
// (draft-irtf-cfrg-xchacha-03). A sealed message is a nonce of 24 bytes, the
// ciphertext, and a tag of 16 bytes. Nonces of that length may be random for
// any number of messages.
//
// Seal and Open panic if the part to be appended overlaps another argument.
// Under GODEBUG=fips140=only its NewSealer returns an error.
func XChaCha20Poly1305() Algorithm {
	return Algorithm{
		Name: nameXChaCha20Poly1305,
		NewSealer: func(key []byte) (Sealer, error) {
			if err := checkKey(nameXChaCha20Poly1305, key); err != nil {
				return nil, err
			}
			if err := checkFIPS(nameXChaCha20Poly1305); err != nil {
				return nil, err
			}
			aead, err := chacha20poly1305.NewX(key)
			if err != nil {
				return nil, fmt.Errorf("signer: %s: %w", nameXChaCha20Poly1305, err)
			}
			return &sealer{nameXChaCha20Poly1305, func() cipher.AEAD { return aead }}, nil
		},
	}
}

// A sealer is the Sealer of XChaCha20-Poly1305.
type sealer struct {
	hidden
	aead func() cipher.AEAD // a function, so that reflection does not come upon the key
}

func (s *sealer) Overhead() int { return overhead }

func (s *sealer) Seal(dst, plaintext, additional []byte) []byte {
	n := len(dst)
	dst = slices.Grow(dst, overhead+len(plaintext))
	appended := dst[n : n+overhead+len(plaintext)]
	// The nonce is written first, over whatever should still be read.
	if overlap(appended, plaintext) || overlap(appended, additional) {
		panic("signer: an argument of Seal overlaps the appended part")
	}
	rand.Read(appended[:nonceSize])
	return s.seal(dst[:n+nonceSize], plaintext, additional)
}

// seal appends the ciphertext and its tag to dst, which ends in the nonce.
func (s *sealer) seal(dst, plaintext, additional []byte) []byte {
	return s.aead().Seal(dst, dst[len(dst)-nonceSize:], plaintext, additional)
}

func (s *sealer) Open(dst, sealed, additional []byte) ([]byte, bool) {
	if len(sealed) < overhead {
		return nil, false
	}
	n := len(dst)
	dst = slices.Grow(dst, len(sealed)-overhead)
	appended := dst[n : n+len(sealed)-overhead]
	if overlap(appended, sealed) || overlap(appended, additional) {
		panic("signer: an argument of Open overlaps the appended part")
	}
	dst, err := s.aead().Open(dst, sealed[:nonceSize], sealed[nonceSize:], additional)
	if err != nil {
		return nil, false
	}
	return dst, true
}

// overlap reports whether a and b share memory.
func overlap(a, b []byte) bool {
	return len(a) > 0 && len(b) > 0 &&
		uintptr(unsafe.Pointer(&a[0])) <= uintptr(unsafe.Pointer(&b[len(b)-1])) &&
		uintptr(unsafe.Pointer(&b[0])) <= uintptr(unsafe.Pointer(&a[len(a)-1]))
}
