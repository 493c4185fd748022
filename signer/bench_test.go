package signer_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding"
	"fmt"
	"hash"
	"math"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/signer"
)

// The ways to compute HMAC-SHA256 through public APIs, of which this package
// takes the pooled crypto/hmac. The only other that is as fast stores the states
// behind the padded key, which is what crypto/hmac does inside, and is not an
// approved HMAC to FIPS 140.
func BenchmarkWaysToHMAC(b *testing.B) {
	const block = sha256.BlockSize
	ipad, opad := make([]byte, block), make([]byte, block)
	for i := range ipad {
		ipad[i], opad[i] = 0x36, 0x5c
		if i < len(testKey) {
			ipad[i] ^= testKey[i]
			opad[i] ^= testKey[i]
		}
	}
	stateAfter := func(pad []byte) []byte {
		h := sha256.New()
		h.Write(pad)
		state, err := h.(encoding.BinaryMarshaler).MarshalBinary()
		if err != nil {
			b.Fatal(err)
		}
		return state
	}
	inner, outer := stateAfter(ipad), stateAfter(opad)

	type state struct {
		hash.Hash
		buf []byte
	}
	pool := func(keyed func() hash.Hash) *sync.Pool {
		return &sync.Pool{New: func() any { return &state{keyed(), make([]byte, 0, 4096)} }}
	}
	hmacs := pool(func() hash.Hash { return hmac.New(sha256.New, testKey) })
	hashes := pool(sha256.New)
	prototype := hmac.New(sha256.New, testKey)
	prototype.Reset()
	ours := made(b, signer.HMACSHA256(), testKey).(signer.Signer)

	ways := []struct {
		name string
		sign func(dst, msg []byte) []byte
	}{
		{"ours", ours.Sign},
		{"pooled-hmac", func(dst, msg []byte) []byte {
			s := hmacs.Get().(*state)
			s.Reset()
			s.Write(msg)
			dst = s.Sum(dst)
			hmacs.Put(s)
			return dst
		}},
		{"sha256-with-stored-states", func(dst, msg []byte) []byte {
			s := hashes.Get().(*state)
			u := s.Hash.(encoding.BinaryUnmarshaler)
			u.UnmarshalBinary(inner)
			s.Write(msg)
			sum := s.Sum(s.buf[:0])
			u.UnmarshalBinary(outer)
			s.Write(sum)
			dst = s.Sum(dst)
			hashes.Put(s)
			return dst
		}},
		{"sha256-of-pads", func(dst, msg []byte) []byte {
			s := hashes.Get().(*state)
			s.Reset()
			s.Write(ipad)
			s.Write(msg)
			sum := s.Sum(s.buf[:0])
			s.Reset()
			s.Write(opad)
			s.Write(sum)
			dst = s.Sum(dst)
			hashes.Put(s)
			return dst
		}},
		{"sum256-of-a-copy", func(dst, msg []byte) []byte {
			s := hashes.Get().(*state)
			s.buf = append(append(s.buf[:0], ipad...), msg...)
			sum := sha256.Sum256(s.buf)
			s.buf = append(append(s.buf[:0], opad...), sum[:]...)
			sum = sha256.Sum256(s.buf)
			hashes.Put(s)
			return append(dst, sum[:]...)
		}},
		{"cloned-hmac", func(dst, msg []byte) []byte {
			c, err := prototype.(hash.Cloner).Clone()
			if err != nil {
				b.Fatal(err)
			}
			c.Write(msg)
			return c.Sum(dst)
		}},
		{"new-hmac", func(dst, msg []byte) []byte {
			h := hmac.New(sha256.New, testKey)
			h.Write(msg)
			return h.Sum(dst)
		}},
	}
	dst := make([]byte, 0, 32)
	for _, w := range ways {
		for _, size := range []int{16, 132, 1000, 2900} {
			msg := make([]byte, size)
			if !ours.Verify(msg, w.sign(nil, msg)) {
				b.Fatalf("%s computes something else", w.name)
			}
			b.Run(fmt.Sprintf("%s/bytes=%d", w.name, size), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					w.sign(dst, msg)
				}
			})
		}
	}
}

// BenchmarkVerifyTiming looks for a difference in time between tags that are
// wrong in the first byte and in the last, by Welch's t test on the faster nine
// tenths of the samples. Under 4.5 is none that it can see; the comparison
// that stops at the first difference shows what one looks like. It wants 10^5
// samples (-benchtime=100000x) and a quiet machine.
func BenchmarkVerifyTiming(b *testing.B) {
	msg := make([]byte, 132)
	for _, a := range []signer.Algorithm{signer.HMACSHA256(), signer.BLAKE2b256()} {
		s := made(b, a, testKey).(signer.Signer)
		b.Run(a.Name, func(b *testing.B) {
			welch(b, s.Sign(nil, msg), func(tag []byte) bool { return s.Verify(msg, tag) })
		})
	}
	s := made(b, signer.HMACSHA256(), testKey).(signer.Signer)
	right := s.Sign(nil, msg)
	b.Run("stops-at-the-first-difference", func(b *testing.B) {
		welch(b, right, func(tag []byte) bool {
			s.Verify(msg, tag)
			for i := range tag {
				if tag[i] != right[i] {
					return false
				}
			}
			return true
		})
	})
}

func welch(b *testing.B, right []byte, verify func(tag []byte) bool) {
	early, late := slices.Clone(right), slices.Clone(right)
	early[0]++
	late[len(late)-1]++
	var samples [2][]float64
	random := uint64(1)
	for b.Loop() {
		// Which comes next is unpredictable to the processor, too.
		random ^= random << 13
		random ^= random >> 7
		random ^= random << 17
		class, tag := int(random>>60&1), early
		if class == 1 {
			tag = late
		}
		start := time.Now()
		for range 8 {
			verify(tag)
		}
		samples[class] = append(samples[class], float64(time.Since(start)))
	}
	var mean, variance [2]float64 // the latter of the mean
	for i, s := range samples {
		slices.Sort(s)
		s = s[:len(s)*9/10]
		n := float64(len(s))
		for _, x := range s {
			mean[i] += x / n
		}
		for _, x := range s {
			variance[i] += (x - mean[i]) * (x - mean[i]) / (n - 1) / n
		}
	}
	b.ReportMetric(math.Abs(mean[0]-mean[1])/math.Sqrt(variance[0]+variance[1]), "|t|")
}
