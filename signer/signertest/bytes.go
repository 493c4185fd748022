package signertest

import (
	"bytes"
	"fmt"

	"github.com/keyturn/keyturn/signer"
)

// octets returns n bytes without a pattern, the same for the same arguments.
func octets(seed uint64, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		// SplitMix64
		seed += 0x9e3779b97f4a7c15
		z := seed
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		b[i] = byte((z ^ z>>31) >> 32)
	}
	return b
}

func keyA() []byte { return octets(0xa, signer.KeySize) }

// lengths are those of messages: around the blocks of common hashes and
// ciphers, and up to a cookie's.
var lengths = []int{0, 1, 7, 8, 15, 16, 17, 31, 32, 33, 55, 56, 63, 64, 65, 111, 112, 127, 128, 129, 132, 200, 255, 256, 257, 1000, 4096}

// flips calls f with b, once for each of its bits, while that bit is flipped,
// until f returns an error.
func flips(b []byte, f func(bit int) error) error {
	for i := range 8 * len(b) {
		b[i/8] ^= 1 << (i % 8)
		err := f(i)
		b[i/8] ^= 1 << (i % 8)
		if err != nil {
			return err
		}
	}
	return nil
}

// A guarded is a slice with canaries around it. What writes outside of it is
// found by disturbed.
type guarded struct{ all, before []byte }

const guard = 32

// guardedBy returns a slice with the contents b and the given unused capacity,
// within a larger array.
func guardedBy(b []byte, unused int) ([]byte, guarded) {
	all := octets(0x9, guard+len(b)+unused+guard)
	copy(all[guard:], b)
	return all[guard : guard+len(b) : guard+len(b)+unused], guarded{all, bytes.Clone(all)}
}

// disturbed reports what was written to beside the unused capacity of the slice
// of length n, which may be.
func (g guarded) disturbed(what string, n, unused int) error {
	end := guard + n
	switch {
	case !bytes.Equal(g.all[:guard], g.before[:guard]):
		return fmt.Errorf("memory before %s was written to", what)
	case !bytes.Equal(g.all[guard:end], g.before[guard:end]):
		return fmt.Errorf("%s was modified", what)
	case !bytes.Equal(g.all[end+unused:], g.before[end+unused:]):
		return fmt.Errorf("memory beyond %s was written to", what)
	}
	return nil
}

// shareRun reports whether a and b have n bytes in a row in common, at any place.
func shareRun(a, b []byte, n int) bool {
	seen := make(map[string]bool)
	for i := 0; i+n <= len(a); i++ {
		seen[string(a[i:i+n])] = true
	}
	for i := 0; i+n <= len(b); i++ {
		if seen[string(b[i:i+n])] {
			return true
		}
	}
	return false
}
