package signertest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/keyturn/keyturn/signer"
)

var sealerChecks = []check[signer.Sealer]{
	{"KeySize", "NewSealer takes a key of KeySize bytes, and to one of another length answers with an error", keySize[signer.Sealer]},
	{"Overhead", "a sealed message is longer than its plaintext by Overhead bytes, the same for every message and at least 28", overhead},
	{"RoundTrip", "Open gives back what was sealed, of any length, with additional data of any length", openSealed},
	{"AppendDst", "Seal and Open append to dst, of which only the unused capacity is written to, also if additional is dst itself", appendSealed},
	{"FreshNonce", "the same message sealed again differs, also under a second Sealer with the same key", freshNonce},
	{"Secrecy", "a sealed message does not show its plaintext, nor whether it is the same as another", secrecy},
	{"FullLength", "Open refuses a sealed message cut or extended at either end", fullLengthSealed},
	{"WrongSealed", "Open refuses a sealed message with any bit flipped", wrongSealed},
	{"WrongAdditional", "Open refuses additional data other than what was sealed", wrongAdditional},
	{"WrongKey", "every bit of the key counts", wrongSealerKey},
	{"NoPlaintextOnFailure", "Open returns nil and false on failure, and leaves dst without the plaintext", noPlaintextOnFailure},
	{"InputNotModified", "key, plaintext, additional and sealed are not modified", sealInputNotModified},
	{"NothingRetained", "no argument is kept after a call", sealNothingRetained},
	{"NoLeak", "the key does not show, however the Sealer is printed or encoded, nor in an error", noLeak[signer.Sealer]},
	{"Concurrent", "a Sealer is safe for concurrent use", concurrentSealer},
}

// refused returns an error if s opens sealed.
func refused(s signer.Sealer, sealed, additional []byte, what string, args ...any) error {
	if _, ok := s.Open(nil, sealed, additional); ok {
		return fmt.Errorf("it takes "+what, args...)
	}
	return nil
}

// opened returns an error if s does not open sealed and give plaintext.
func opened(s signer.Sealer, plaintext, sealed, additional []byte) error {
	got, ok := s.Open(nil, sealed, additional)
	if !ok {
		return fmt.Errorf("a message of %d bytes with %d of additional data does not open", len(plaintext), len(additional))
	}
	if !bytes.Equal(got, plaintext) {
		return fmt.Errorf("a message of %d bytes with %d of additional data comes back as another", len(plaintext), len(additional))
	}
	return nil
}

func overhead(s signer.Sealer, _ maker[signer.Sealer]) error {
	overhead := s.Overhead()
	if overhead < 28 {
		return fmt.Errorf("the overhead is %d", overhead)
	}
	for _, n := range lengths {
		if got := len(s.Seal(nil, octets(1, n), octets(2, n/2))) - n; got != overhead {
			return fmt.Errorf("a message of %d bytes is %d longer when sealed; Overhead is %d", n, got, overhead)
		}
		if got := s.Overhead(); got != overhead {
			return fmt.Errorf("the overhead was %d and is now %d", overhead, got)
		}
	}
	return nil
}

func openSealed(s signer.Sealer, with maker[signer.Sealer]) error {
	again, err := with(keyA())
	if err != nil {
		return err
	}
	for _, n := range lengths {
		for _, m := range []int{0, 1, 12, 16, 22, 100, 1000} {
			plaintext, additional := octets(1, n), octets(2, m)
			sealed := s.Seal(nil, plaintext, additional)
			if err := opened(s, plaintext, sealed, additional); err != nil {
				return err
			}
			if err := opened(again, plaintext, sealed, additional); err != nil {
				return fmt.Errorf("under a second Sealer with the same key: %w", err)
			}
		}
	}
	if err := opened(s, nil, s.Seal(nil, nil, nil), []byte{}); err != nil {
		return fmt.Errorf("nil is not as good as empty: %w", err)
	}
	return opened(s, []byte{}, s.Seal(nil, []byte{}, []byte{}), nil)
}

func appendSealed(s signer.Sealer, _ maker[signer.Sealer]) error {
	for _, n := range []int{0, 1, 22, 64} {
		for _, m := range []int{0, 1, 16, 24, 200} {
			prefix, plaintext := octets(1, n), octets(2, m)
			full := m + s.Overhead()
			for _, unused := range []int{0, 1, 24, full - 1, full, full + 1, full + 100} {
				dst, g := guardedBy(prefix, unused)
				got := s.Seal(dst, plaintext, dst)
				if err := g.disturbed("dst", n, unused); err != nil {
					return fmt.Errorf("in Seal: %w", err)
				}
				if !bytes.HasPrefix(got, prefix) || len(got) != n+full {
					return fmt.Errorf("what is sealed to %d bytes with %d unused is not appended to them", n, unused)
				}
				if err := opened(s, plaintext, got[n:], prefix); err != nil {
					return fmt.Errorf("sealed with dst as additional data: %w", err)
				}
			}
			sealed := s.Seal(nil, plaintext, prefix)
			for _, unused := range []int{0, 1, m, m + 1, m + 100} {
				dst, g := guardedBy(prefix, unused)
				got, ok := s.Open(dst, sealed, dst)
				if err := g.disturbed("dst", n, unused); err != nil {
					return fmt.Errorf("in Open: %w", err)
				}
				if !ok || !bytes.Equal(got, slices.Concat(prefix, plaintext)) {
					return fmt.Errorf("what is opened to %d bytes with %d unused is not appended to them", n, unused)
				}
				dst, g = guardedBy(prefix, unused)
				if err := refused(s, octets(3, full), dst, "what was never sealed"); err != nil {
					return err
				}
				s.Open(dst, octets(3, full), dst)
				if err := g.disturbed("dst", n, unused); err != nil {
					return fmt.Errorf("in Open, failing: %w", err)
				}
			}
		}
	}
	return nil
}

func freshNonce(s signer.Sealer, with maker[signer.Sealer]) error {
	again, err := with(keyA())
	if err != nil {
		return err
	}
	seen := map[string]bool{}
	// As many as it takes to find a nonce of 24 random bits or fewer.
	for range 1 << 13 {
		for _, s := range []signer.Sealer{s, again} {
			sealed := string(s.Seal(nil, nil, nil))
			if seen[sealed] {
				return fmt.Errorf("a message sealed %d times came out the same twice", len(seen)+1)
			}
			seen[sealed] = true
		}
	}
	return nil
}

func secrecy(s signer.Sealer, _ maker[signer.Sealer]) error {
	const run = 8 // bytes that are the same by chance once in 2^64 times
	plaintext := octets(1, 300)
	if shareRun(plaintext, s.Seal(nil, plaintext, nil), run) {
		return errors.New("a sealed message shows its plaintext")
	}
	if shareRun(keyA(), s.Seal(nil, plaintext, nil), run) {
		return errors.New("a sealed message shows its key")
	}
	// What is the same in every block, and in every message, must not stay so.
	same := bytes.Repeat([]byte("sixteen bytes..."), 64)
	one, two := s.Seal(nil, same, nil), s.Seal(nil, same, nil)
	if shareRun(one, two, run) {
		return errors.New("the same plaintext is sealed alike twice")
	}
	seen := map[string]bool{}
	for i := 0; i+run <= len(one); i++ {
		if seen[string(one[i:i+run])] {
			return errors.New("the same blocks of plaintext are sealed alike")
		}
		seen[string(one[i:i+run])] = true
	}
	return nil
}

func fullLengthSealed(s signer.Sealer, _ maker[signer.Sealer]) error {
	if err := errors.Join(refused(s, nil, nil, "nil"), refused(s, make([]byte, s.Overhead()), nil, "zeros")); err != nil {
		return err
	}
	for _, n := range []int{0, 1, 16, 100} {
		additional := octets(2, 22)
		sealed := s.Seal(nil, octets(1, n), additional)
		for i := range sealed {
			if err := errors.Join(
				// In the capacity of the first, the rest still stands.
				refused(s, sealed[:i], additional, "the first %d of %d bytes", i, len(sealed)),
				refused(s, sealed[:i:i], additional, "the first %d of %d bytes", i, len(sealed)),
				refused(s, sealed[len(sealed)-i:], additional, "the last %d of %d bytes", i, len(sealed)),
			); err != nil {
				return err
			}
		}
		for _, more := range [][]byte{{0}, {0x80}, make([]byte, 16), octets(3, 24), sealed} {
			if err := errors.Join(
				refused(s, slices.Concat(sealed, more), additional, "%d bytes more at the end", len(more)),
				refused(s, slices.Concat(more, sealed), additional, "%d bytes more at the beginning", len(more)),
			); err != nil {
				return err
			}
		}
	}
	return nil
}

func wrongSealed(s signer.Sealer, _ maker[signer.Sealer]) error {
	additional := octets(2, 22)
	for _, n := range []int{0, 1, 16, 100, 300} {
		sealed := s.Seal(nil, octets(1, n), additional)
		if err := flips(sealed, func(bit int) error {
			return refused(s, sealed, additional, "a message of %d bytes with bit %d flipped", n, bit)
		}); err != nil {
			return err
		}
		second := s.Seal(nil, octets(1, n), additional)
		for i := 1; i < len(sealed); i++ {
			spliced := slices.Concat(sealed[:i], second[i:])
			if bytes.Equal(spliced, sealed) || bytes.Equal(spliced, second) {
				continue // where the two are alike by chance
			}
			if err := refused(s, spliced, additional, "%d bytes of one message and then those of another", i); err != nil {
				return err
			}
		}
	}
	return nil
}

func wrongAdditional(s signer.Sealer, _ maker[signer.Sealer]) error {
	for _, n := range []int{0, 1, 16, 100} {
		for _, m := range []int{0, 1, 16, 22, 300} {
			additional := octets(2, m)
			sealed := s.Seal(nil, octets(1, n), additional)
			if err := flips(additional, func(bit int) error {
				return refused(s, sealed, additional, "additional data of %d bytes with bit %d flipped", m, bit)
			}); err != nil {
				return err
			}
			for i := range additional {
				if err := errors.Join(
					refused(s, sealed, additional[:i], "the first %d of %d bytes of additional data", i, m),
					refused(s, sealed, additional[i+1:], "the last %d of %d bytes of additional data", m-i-1, m),
				); err != nil {
					return err
				}
			}
			for _, more := range [][]byte{{0}, make([]byte, 16), octets(3, 22)} {
				if err := errors.Join(
					refused(s, sealed, slices.Concat(additional, more), "%d bytes more of additional data", len(more)),
					refused(s, sealed, slices.Concat(more, additional), "%d bytes more of additional data", len(more)),
				); err != nil {
					return err
				}
			}
			// The line between additional data and message does not move.
			if err := refused(s, sealed[1:], slices.Concat(additional, sealed[:1]), "a byte of the message as additional data"); err != nil {
				return err
			}
			if m > 0 {
				if err := refused(s, slices.Concat(additional[m-1:], sealed), additional[:m-1], "a byte of additional data as the message's"); err != nil {
					return err
				}
			}
			// Nor the one to the ciphertext behind the nonce.
			for _, nonce := range []int{12, 16, 24} {
				moved := slices.Concat(sealed[:nonce], additional, sealed[nonce:])
				if m > 0 {
					if err := refused(s, moved, nil, "additional data as ciphertext"); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

func wrongSealerKey(s signer.Sealer, with maker[signer.Sealer]) error {
	sealed := s.Seal(nil, octets(1, 50), octets(2, 22))
	key := keyA()
	return flips(key, func(bit int) error {
		other, err := with(bytes.Clone(key))
		if err != nil {
			return err
		}
		return errors.Join(
			refused(other, sealed, octets(2, 22), "a message under a key that differs in bit %d", bit),
			refused(s, other.Seal(nil, octets(1, 50), nil), nil, "a message under a key that differs in bit %d", bit),
		)
	})
}

func noPlaintextOnFailure(s signer.Sealer, _ maker[signer.Sealer]) error {
	additional := octets(2, 22)
	for _, n := range []int{8, 16, 100, 300, 1000} {
		plaintext := octets(1, n)
		sealed := s.Seal(nil, plaintext, additional)
		for i := 0; i < len(sealed); i += 5 {
			sealed[i] ^= 0x10
			prefix := octets(3, 10)
			dst := append(make([]byte, 0, 2*len(sealed)), prefix...)
			got, ok := s.Open(dst, sealed, additional)
			sealed[i] ^= 0x10
			if ok {
				return fmt.Errorf("it takes a message of %d bytes with byte %d changed", n, i)
			}
			if got != nil {
				return fmt.Errorf("on failure, %d bytes were returned", len(got))
			}
			if !bytes.Equal(dst, prefix) {
				return errors.New("on failure, dst was modified")
			}
			if shareRun(plaintext, dst[:cap(dst)], 8) {
				return fmt.Errorf("a message of %d bytes with byte %d changed was refused, and its plaintext left in dst", n, i)
			}
		}
	}
	return nil
}

func sealInputNotModified(_ signer.Sealer, with maker[signer.Sealer]) error {
	key, keyGuard := guardedBy(keyA(), 0)
	s, err := with(key)
	if err != nil {
		return err
	}
	for _, n := range []int{0, 1, 16, 200} {
		plaintext, plaintextGuard := guardedBy(octets(1, n), 0)
		additional, additionalGuard := guardedBy(octets(2, n/2), 0)
		right, rightGuard := guardedBy(s.Seal(nil, plaintext, additional), 0)
		wrong, wrongGuard := guardedBy(octets(3, len(right)), 0)
		for _, call := range []func(){
			func() { s.Seal(nil, plaintext, additional) },
			func() { s.Open(nil, right, additional) },
			func() { s.Open(nil, wrong, additional) },
		} {
			call()
			if err := errors.Join(
				plaintextGuard.disturbed("plaintext", n, 0),
				additionalGuard.disturbed("additional", n/2, 0),
				rightGuard.disturbed("a sealed message", len(right), 0),
				wrongGuard.disturbed("a wrong message", len(wrong), 0),
				keyGuard.disturbed("key", signer.KeySize, 0),
			); err != nil {
				return err
			}
		}
	}
	return nil
}

func sealNothingRetained(s signer.Sealer, _ maker[signer.Sealer]) error {
	for _, n := range []int{1, 16, 200} {
		plaintext, additional := octets(1, n), octets(2, 22)
		sealed := s.Seal(nil, plaintext, additional)
		kept := bytes.Clone(sealed)
		got, ok := s.Open(nil, sealed, additional)
		s.Open(nil, s.Seal(nil, octets(3, n), additional), additional)
		if !bytes.Equal(sealed, kept) {
			return errors.New("a later call changed what Seal had returned")
		}
		if !ok || !bytes.Equal(got, plaintext) {
			return errors.New("a later call changed what Open had returned")
		}
		// The caller's memory is used for something else.
		clear(plaintext)
		clear(additional)
		clear(sealed)
		clear(got)
		if err := errors.Join(
			opened(s, octets(1, n), kept, octets(2, 22)),
			refused(s, kept, additional, "a message by what its additional data held before"),
			refused(s, sealed, octets(2, 22), "a message by what its memory held before"),
		); err != nil {
			return fmt.Errorf("after writing to what earlier calls were given: %w", err)
		}
	}
	return nil
}

func concurrentSealer(s signer.Sealer, _ maker[signer.Sealer]) error {
	return concurrently(func(worker int) error {
		plaintext, additional := octets(uint64(worker), 50+worker), octets(uint64(worker), 22)
		for range 200 {
			sealed := s.Seal(nil, plaintext, additional)
			if err := opened(s, plaintext, sealed, additional); err != nil {
				return err
			}
			sealed[worker]++
			if err := refused(s, sealed, additional, "wrong messages when called concurrently"); err != nil {
				return err
			}
		}
		return nil
	})
}
