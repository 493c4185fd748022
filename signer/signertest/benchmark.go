package signertest

import (
	"fmt"
	"testing"

	"github.com/keyturn/keyturn/signer"
)

// Benchmark measures the two operations of an algorithm on messages of the
// given sizes in bytes, with their allocations: Sign and Verify, or Seal and
// Open. Without sizes it takes 16, 132, 1000 and 2900: a block, a small session,
// a large one, and about the most that fits into a cookie.
//
// The results go to a slice with enough capacity, as in a program that cares,
// and the additional data of a Sealer is of 22 bytes, as in a token.
//
// What cannot be measured is a failure: an algorithm without exactly one of
// NewSigner and NewSealer, or a negative size.
func Benchmark(b *testing.B, a signer.Algorithm, sizes ...int) {
	if (a.NewSigner == nil) == (a.NewSealer == nil) {
		b.Fatal(errNotOne)
	}
	for _, size := range sizes {
		if size < 0 {
			b.Fatalf("a message of %d bytes: sizes are 0 or more", size)
		}
	}
	if len(sizes) == 0 {
		sizes = []int{16, 132, 1000, 2900}
	}
	measure := func(operation string, size int, f func()) {
		b.Run(fmt.Sprintf("%s/bytes=%d", operation, size), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(size))
			for b.Loop() {
				f()
			}
		})
	}
	if a.NewSigner != nil {
		s, err := a.NewSigner(keyA())
		if err != nil {
			b.Fatal(err)
		}
		for _, size := range sizes {
			msg := octets(1, size)
			tag := s.Sign(nil, msg)
			dst := make([]byte, 0, s.Size())
			measure("Sign", size, func() { s.Sign(dst, msg) })
			measure("Verify", size, func() {
				if !s.Verify(msg, tag) {
					b.Fatal("a right tag is refused")
				}
			})
		}
	}
	if a.NewSealer != nil {
		s, err := a.NewSealer(keyA())
		if err != nil {
			b.Fatal(err)
		}
		for _, size := range sizes {
			plaintext, additional := octets(1, size), octets(2, 22)
			sealed := s.Seal(nil, plaintext, additional)
			dst := make([]byte, 0, len(sealed))
			measure("Seal", size, func() { s.Seal(dst, plaintext, additional) })
			measure("Open", size, func() {
				if _, ok := s.Open(dst, sealed, additional); !ok {
					b.Fatal("a right message is refused")
				}
			})
		}
	}
}
