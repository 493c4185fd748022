package signertest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/keyturn/keyturn/signer"
)

var signerChecks = []check[signer.Signer]{
	{"KeySize", "NewSigner takes a key of KeySize bytes, and to one of another length answers with an error", keySize[signer.Signer]},
	{"Size", "a tag has Size bytes, the same for every message and at least 16", size},
	{"RoundTrip", "Verify takes what Sign appends, for a message of any length", roundTrip},
	{"AppendDst", "Sign appends to dst, of which only the unused capacity is written to, also if msg is dst itself", appendTag},
	{"Deterministic", "the same key and message give the same tag, whatever came before", deterministic},
	{"FullLength", "Verify takes all Size bytes of a tag and no more", fullLength},
	{"WrongTag", "Verify refuses a tag with any bit flipped, and the tags of other messages", wrongTag},
	{"WrongMessage", "Verify refuses the tag for a message with any bit flipped, cut or extended anywhere", wrongMessage},
	{"WrongKey", "every bit of the key counts", wrongKey},
	{"InputNotModified", "key, msg and tag are not modified", inputNotModified},
	{"NothingRetained", "neither dst nor msg nor tag is kept after a call", nothingRetained},
	{"NoLeak", "the key does not show, however the Signer is printed or encoded, nor in an error", noLeak[signer.Signer]},
	{"Concurrent", "a Signer is safe for concurrent use", concurrentSigner},
}

func keySize[S any](_ S, with maker[S]) error {
	for _, n := range []int{0, 1, 8, 15, 16, 20, 24, 31, 33, 40, 48, 63, 64, 65, 128} {
		if _, err := with(octets(0xc, n)); err == nil {
			return fmt.Errorf("a key of %d bytes is taken", n)
		}
	}
	if _, err := with(nil); err == nil {
		return errors.New("a nil key is taken")
	}
	return nil
}

func size(s signer.Signer, _ maker[signer.Signer]) error {
	size := s.Size()
	if size < 16 {
		return fmt.Errorf("the size is %d", size)
	}
	for _, n := range lengths {
		if got := len(s.Sign(nil, octets(1, n))); got != size {
			return fmt.Errorf("the tag of a message of %d bytes has %d bytes; Size is %d", n, got, size)
		}
		if got := s.Size(); got != size {
			return fmt.Errorf("the size was %d and is now %d", size, got)
		}
	}
	return nil
}

func roundTrip(s signer.Signer, _ maker[signer.Signer]) error {
	for _, n := range lengths {
		msg := octets(1, n)
		if !s.Verify(msg, s.Sign(nil, msg)) {
			return fmt.Errorf("a message of %d bytes does not verify", n)
		}
	}
	if !s.Verify([]byte{}, s.Sign(nil, nil)) || !s.Verify(nil, s.Sign(nil, []byte{})) {
		return errors.New("a nil message and an empty one are told apart")
	}
	return nil
}

func appendTag(s signer.Signer, _ maker[signer.Signer]) error {
	for _, n := range []int{0, 1, 22, 64, 200} {
		for _, unused := range []int{0, 1, s.Size() - 1, s.Size(), s.Size() + 1, 200} {
			msg, prefix := octets(1, 100), octets(2, n)
			tag := s.Sign(nil, msg)

			dst, g := guardedBy(prefix, unused)
			if got := s.Sign(dst, msg); !bytes.Equal(got, slices.Concat(prefix, tag)) {
				return fmt.Errorf("%d bytes with %d unused do not become themselves and the tag", n, unused)
			}
			if err := g.disturbed("dst", n, unused); err != nil {
				return err
			}

			dst, g = guardedBy(prefix, unused)
			if got := s.Sign(dst, dst); !bytes.Equal(got, s.Sign(bytes.Clone(prefix), prefix)) {
				return fmt.Errorf("%d bytes with %d unused, signed in place, have another tag", n, unused)
			}
			if err := g.disturbed("dst", n, unused); err != nil {
				return err
			}
		}
	}
	return nil
}

func deterministic(s signer.Signer, with maker[signer.Signer]) error {
	for _, n := range lengths {
		msg, other := octets(1, n), octets(2, 77)
		tag := s.Sign(nil, msg)
		s.Verify(other, tag)
		s.Verify(msg, s.Sign(nil, other))
		s.Verify(other, tag[:1])
		if !bytes.Equal(s.Sign(nil, msg), tag) {
			return fmt.Errorf("a message of %d bytes has another tag the second time", n)
		}
		again, err := with(keyA())
		if err != nil {
			return err
		}
		if !bytes.Equal(again.Sign(nil, msg), tag) {
			return fmt.Errorf("a message of %d bytes has another tag from a second Signer with the same key", n)
		}
	}
	return nil
}

func fullLength(s signer.Signer, _ maker[signer.Signer]) error {
	for _, n := range []int{0, 1, 100} {
		msg := octets(1, n)
		tag := s.Sign(nil, msg)
		if s.Verify(msg, nil) {
			return errors.New("a nil tag is taken")
		}
		for i := range tag {
			// In the capacity of the first, the rest of the tag still stands.
			if s.Verify(msg, tag[:i]) || s.Verify(msg, tag[:i:i]) {
				return fmt.Errorf("the first %d bytes of a tag of %d are taken", i, len(tag))
			}
			if s.Verify(msg, tag[len(tag)-i:]) {
				return fmt.Errorf("the last %d bytes of a tag of %d are taken", i, len(tag))
			}
		}
		for _, more := range [][]byte{{0}, {0xff}, tag[len(tag)-1:], octets(3, 16), tag} {
			if s.Verify(msg, slices.Concat(tag, more)) {
				return fmt.Errorf("a tag with %d bytes more at its end is taken", len(more))
			}
			if s.Verify(msg, slices.Concat(more, tag)) {
				return fmt.Errorf("a tag with %d bytes more at its beginning is taken", len(more))
			}
		}
	}
	return nil
}

func wrongTag(s signer.Signer, _ maker[signer.Signer]) error {
	for _, n := range []int{0, 1, 64, 1000} {
		msg := octets(1, n)
		tag := s.Sign(nil, msg)
		if err := flips(tag, func(bit int) error {
			if s.Verify(msg, tag) {
				return fmt.Errorf("a tag with bit %d flipped is taken", bit)
			}
			return nil
		}); err != nil {
			return err
		}
		// What sums or XORs the differences word by word takes two for none.
		apart := 64
		if len(tag) <= 8 {
			apart = 4 * len(tag) // or the second would be the first again
		}
		if err := flips(tag, func(bit int) error {
			second := (bit + apart) % (8 * len(tag))
			tag[second/8] ^= 1 << (second % 8)
			taken := s.Verify(msg, tag)
			tag[second/8] ^= 1 << (second % 8)
			if taken {
				return fmt.Errorf("a tag with bits %d and %d flipped is taken", bit, second)
			}
			return nil
		}); err != nil {
			return err
		}
		for name, wrong := range map[string][]byte{
			"of zeros":                 make([]byte, len(tag)),
			"of ones":                  bytes.Repeat([]byte{0xff}, len(tag)),
			"of a longer message":      s.Sign(nil, octets(1, n+1)),
			"of another message":       s.Sign(nil, octets(2, n+1)),
			"with its halves swapped":  slices.Concat(tag[len(tag)/2:], tag[:len(tag)/2]),
			"that is the message":      octets(1, len(tag)),
			"of the message and a tag": s.Sign(nil, slices.Concat(msg, tag)),
		} {
			if !bytes.Equal(wrong, tag) && s.Verify(msg, wrong) {
				return fmt.Errorf("a tag %s is taken", name)
			}
		}
	}
	return nil
}

func wrongMessage(s signer.Signer, _ maker[signer.Signer]) error {
	for _, n := range []int{0, 1, 64, 200, 1000} {
		msg := octets(1, n)
		tag := s.Sign(nil, msg)
		if err := flips(msg, func(bit int) error {
			if s.Verify(msg, tag) {
				return fmt.Errorf("a message of %d bytes verifies with bit %d flipped", n, bit)
			}
			return nil
		}); err != nil {
			return err
		}
		for i := range msg {
			if s.Verify(msg[:i], tag) || s.Verify(msg[n-i:], tag) {
				return fmt.Errorf("a message of %d bytes verifies when cut to %d", n, i)
			}
		}
		for _, more := range [][]byte{{0}, {0x80}, make([]byte, 64), make([]byte, 128), tag} {
			if s.Verify(slices.Concat(msg, more), tag) || s.Verify(slices.Concat(more, msg), tag) {
				return fmt.Errorf("a message of %d bytes verifies when extended by %d", n, len(more))
			}
		}
		if n > 1 && s.Verify(slices.Concat(msg[n/2:], msg[:n/2]), tag) {
			return fmt.Errorf("a message of %d bytes verifies with its halves swapped", n)
		}
	}
	// A byte far into a message counts too.
	msg := octets(1, 1<<16)
	tag := s.Sign(nil, msg)
	for i := 0; i < len(msg); i += 509 {
		msg[i]++
		taken := s.Verify(msg, tag)
		msg[i]--
		if taken {
			return fmt.Errorf("a message of %d bytes verifies with byte %d changed", len(msg), i)
		}
	}
	return nil
}

func wrongKey(s signer.Signer, with maker[signer.Signer]) error {
	msg := octets(1, 100)
	tag := s.Sign(nil, msg)
	key := keyA()
	return flips(key, func(bit int) error {
		other, err := with(bytes.Clone(key))
		if err != nil {
			return err
		}
		if other.Verify(msg, tag) || s.Verify(msg, other.Sign(nil, msg)) {
			return fmt.Errorf("two keys that differ in bit %d take each other's tags", bit)
		}
		return nil
	})
}

func inputNotModified(_ signer.Signer, with maker[signer.Signer]) error {
	key, keyGuard := guardedBy(keyA(), 0)
	s, err := with(key)
	if err != nil {
		return err
	}
	for _, n := range []int{0, 1, 64, 200} {
		msg, msgGuard := guardedBy(octets(1, n), 0)
		// With capacity of its own, into which padding might be written.
		roomy, roomyGuard := guardedBy(octets(1, n), 200)
		right, rightGuard := guardedBy(s.Sign(nil, msg), 0)
		wrong, wrongGuard := guardedBy(octets(2, s.Size()), 0)
		// After each call, since a second one may undo what the first did.
		for _, call := range []func(){
			func() { s.Sign(nil, msg) },
			func() { s.Sign(nil, roomy) },
			func() { s.Verify(msg, right) },
			func() { s.Verify(msg, wrong) },
			func() { s.Verify(roomy, right) },
		} {
			call()
			if err := errors.Join(
				msgGuard.disturbed("msg", n, 0),
				roomyGuard.disturbed("msg", n, 0),
				rightGuard.disturbed("a right tag", s.Size(), 0),
				wrongGuard.disturbed("a wrong tag", s.Size(), 0),
				keyGuard.disturbed("key", signer.KeySize, 0),
			); err != nil {
				return err
			}
		}
	}
	return nil
}

func nothingRetained(s signer.Signer, _ maker[signer.Signer]) error {
	for _, n := range []int{0, 1, 64, 200} {
		msg, other := octets(1, n), octets(2, n+1)
		tag := s.Sign(nil, msg)
		kept := bytes.Clone(tag)
		clear(tag)
		if !bytes.Equal(s.Sign(nil, msg), kept) {
			return errors.New("writing to a tag that Sign had returned changed what it returns next")
		}
		tag = s.Sign(nil, msg)
		otherTag := s.Sign(nil, other)
		s.Verify(other, otherTag)
		if !bytes.Equal(tag, kept) {
			return errors.New("a later call changed a tag that Sign had returned")
		}
		// The caller's memory is used for something else.
		scratch := slices.Concat(msg, tag)
		s.Sign(scratch[:n:n], scratch[:n])
		s.Verify(scratch[:n], scratch[n:])
		copy(scratch, octets(3, len(scratch)))
		clear(tag)
		if !s.Verify(msg, kept) || !s.Verify(other, otherTag) || !bytes.Equal(s.Sign(nil, msg), kept) {
			return errors.New("writing to msg and tag after a call changed what later calls do")
		}
		if s.Verify(scratch[:n], scratch[n:]) {
			return errors.New("a message is judged by what its memory held before")
		}
	}
	return nil
}

func concurrentSigner(s signer.Signer, _ maker[signer.Signer]) error {
	return concurrently(func(worker int) error {
		msg := octets(uint64(worker), 50+worker)
		tag := s.Sign(nil, msg)
		dst := make([]byte, 0, s.Size())
		for range 200 {
			if !bytes.Equal(s.Sign(dst, msg), tag) {
				return errors.New("concurrent calls to Sign give wrong tags")
			}
			if !s.Verify(msg, tag) {
				return errors.New("concurrent calls to Verify refuse right tags")
			}
			tag[worker]++
			taken := s.Verify(msg, tag)
			tag[worker]--
			if taken {
				return errors.New("concurrent calls to Verify take wrong tags")
			}
		}
		return nil
	})
}
