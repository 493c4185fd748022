package signer

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"hash"
	"sync"

	"golang.org/x/crypto/blake2b"
)

const (
	nameHMACSHA256 = "hmac-sha256"
	nameBLAKE2b256 = "blake2b-256"
)

// HMACSHA256 returns the [Signer] algorithm "hmac-sha256": HMAC (RFC 2104) with
// SHA-256 and a tag of 32 bytes.
func HMACSHA256() Algorithm {
	return Algorithm{
		Name: nameHMACSHA256,
		NewSigner: func(key []byte) (Signer, error) {
			if err := checkKey(nameHMACSHA256, key); err != nil {
				return nil, err
			}
			return newHMACSHA256(key), nil
		},
	}
}

// BLAKE2b256 returns the [Signer] algorithm "blake2b-256": BLAKE2b with a key
// and a tag of 32 bytes (RFC 7693, section 2.9).
//
// Under GODEBUG=fips140=only its NewSigner returns an error.
func BLAKE2b256() Algorithm {
	return Algorithm{
		Name: nameBLAKE2b256,
		NewSigner: func(key []byte) (Signer, error) {
			// The length matters more than elsewhere: blake2b takes an empty
			// key without an error, and is then a hash that anyone can compute.
			if err := checkKey(nameBLAKE2b256, key); err != nil {
				return nil, err
			}
			if err := checkFIPS(nameBLAKE2b256); err != nil {
				return nil, err
			}
			return newBLAKE2b256(key), nil
		},
	}
}

// newHMACSHA256 takes a key of any length.
func newHMACSHA256(key []byte) *macSigner {
	key = append([]byte(nil), key...)
	return newMAC(nameHMACSHA256, func() hash.Hash {
		h := hmac.New(sha256.New, key)
		// crypto/hmac makes the first Reset compute the two states that depend
		// on the key alone: here, so that no message pays for it.
		h.Reset()
		return h
	})
}

// newBLAKE2b256 takes a key of 0 to 64 bytes, of which 0 is no key at all.
func newBLAKE2b256(key []byte) *macSigner {
	key = append([]byte(nil), key...)
	return newMAC(nameBLAKE2b256, func() hash.Hash {
		h, err := blake2b.New256(key)
		if err != nil {
			panic("signer: " + err.Error()) // over 64 bytes
		}
		return h
	})
}

// A macSigner is a Signer from a hash that has a key.
//
// The key is reachable only through the pool's function, so that what walks
// through values by reflection does not come upon it.
type macSigner struct {
	hidden
	size int
	pool sync.Pool // of *macState
}

// A macState is the part of a macSigner that one call has to itself.
type macState struct {
	hash.Hash
	tag []byte // for Verify; here because an argument of Sum would escape
}

func newMAC(name string, keyed func() hash.Hash) *macSigner {
	first := keyed()
	m := &macSigner{hidden: hidden(name), size: first.Size()}
	m.pool.New = func() any {
		return &macState{Hash: keyed(), tag: make([]byte, 0, m.size)}
	}
	return m
}

func (m *macSigner) Size() int { return m.size }

func (m *macSigner) Sign(dst, msg []byte) []byte {
	s := m.pool.Get().(*macState)
	s.Reset()
	s.Write(msg)
	dst = s.Sum(dst)
	m.pool.Put(s)
	return dst
}

func (m *macSigner) Verify(msg, tag []byte) bool {
	if len(tag) != m.size {
		return false
	}
	s := m.pool.Get().(*macState)
	s.Reset()
	s.Write(msg)
	equal := subtle.ConstantTimeCompare(s.Sum(s.tag[:0]), tag) == 1
	m.pool.Put(s)
	return equal
}
