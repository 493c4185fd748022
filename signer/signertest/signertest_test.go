package signertest

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/keyturn/keyturn/signer"
)

// A plainMAC is a sound Signer, in the simplest of ways. Those of its methods
// that a test replaces are broken.
type plainMAC struct {
	key    func() []byte // a function, so as not to show
	sizeF  func() int
	sign   func(dst, msg []byte) []byte
	verify func(msg, tag []byte) bool
}

func sum(key, msg []byte) []byte {
	h := hmac.New(sha256.New, key)
	h.Write(msg)
	return h.Sum(nil)
}

func (m *plainMAC) Size() int {
	if m.sizeF != nil {
		return m.sizeF()
	}
	return 32
}

func (m *plainMAC) Sign(dst, msg []byte) []byte {
	if m.sign != nil {
		return m.sign(dst, msg)
	}
	return append(dst, sum(m.key(), msg)...)
}

func (m *plainMAC) Verify(msg, tag []byte) bool {
	if m.verify != nil {
		return m.verify(msg, tag)
	}
	return hmac.Equal(m.Sign(nil, msg), tag)
}

// A plainAEAD is a sound Sealer likewise.
type plainAEAD struct {
	aead     func() cipher.AEAD
	overhead func() int
	seal     func(dst, plaintext, additional []byte) []byte
	open     func(dst, sealed, additional []byte) ([]byte, bool)
}

func gcm(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return aead
}

func (p *plainAEAD) Overhead() int {
	if p.overhead != nil {
		return p.overhead()
	}
	return 28
}

func (p *plainAEAD) Seal(dst, plaintext, additional []byte) []byte {
	if p.seal != nil {
		return p.seal(dst, plaintext, additional)
	}
	nonce := make([]byte, 12)
	rand.Read(nonce)
	return append(dst, p.aead().Seal(nonce, nonce, plaintext, additional)...)
}

func (p *plainAEAD) Open(dst, sealed, additional []byte) ([]byte, bool) {
	if p.open != nil {
		return p.open(dst, sealed, additional)
	}
	if len(sealed) < 28 {
		return nil, false
	}
	plaintext, err := p.aead().Open(nil, sealed[:12], sealed[12:], additional)
	if err != nil {
		return nil, false
	}
	return append(dst, plaintext...), true
}

func checkSize(key []byte) error {
	if len(key) != signer.KeySize {
		return errors.New("bad key length")
	}
	return nil
}

// newMAC returns what makes a plainMAC that a function may break.
func newMAC(spoil func(m *plainMAC, key []byte)) maker[signer.Signer] {
	return func(key []byte) (signer.Signer, error) {
		if err := checkSize(key); err != nil {
			return nil, err
		}
		key = bytes.Clone(key)
		m := &plainMAC{key: func() []byte { return key }}
		if spoil != nil {
			spoil(m, key)
		}
		return m, nil
	}
}

func newAEAD(spoil func(p *plainAEAD, key []byte)) maker[signer.Sealer] {
	return func(key []byte) (signer.Sealer, error) {
		if err := checkSize(key); err != nil {
			return nil, err
		}
		aead := gcm(key)
		p := &plainAEAD{aead: func() cipher.AEAD { return aead }}
		if spoil != nil {
			spoil(p, key)
		}
		return p, nil
	}
}

func TestRunPassesSoundAlgorithms(t *testing.T) {
	t.Run("Signer", func(t *testing.T) {
		Run(t, signer.Algorithm{Name: "plain-mac", NewSigner: newMAC(nil)})
	})
	t.Run("Sealer", func(t *testing.T) {
		Run(t, signer.Algorithm{Name: "plain-aead", NewSealer: newAEAD(nil)})
	})
}

func TestWellFormed(t *testing.T) {
	for _, name := range []string{"", "HMAC", "hmac_sha256", "a b", "hmac-sha256\n", "é", strings.Repeat("a", 33)} {
		if wellFormed(signer.Algorithm{Name: name, NewSigner: newMAC(nil)}) == nil {
			t.Errorf("name %q passes", name)
		}
	}
	for _, name := range []string{"a", "hmac-sha512-256", strings.Repeat("z", 32)} {
		if err := wellFormed(signer.Algorithm{Name: name, NewSealer: newAEAD(nil)}); err != nil {
			t.Error(err)
		}
	}
	if wellFormed(signer.Algorithm{Name: "none"}) == nil {
		t.Error("an algorithm that makes nothing passes")
	}
	if wellFormed(signer.Algorithm{Name: "both", NewSigner: newMAC(nil), NewSealer: newAEAD(nil)}) == nil {
		t.Error("an algorithm that makes both kinds passes")
	}
}

// A broken algorithm, and the check that must find it out.
type broken[S any] struct {
	how   string
	check string
	make  maker[S]
}

// noticed fails unless the named check finds each broken algorithm out, and
// each check is named at least once.
func noticed[S any](t *testing.T, checks []check[S], all []broken[S]) {
	proven := map[string]bool{}
	for _, b := range all {
		t.Run(b.check+"/"+strings.ReplaceAll(b.how, " ", "-"), func(t *testing.T) {
			i := slices.IndexFunc(checks, func(c check[S]) bool { return c.name == b.check })
			if i < 0 {
				t.Fatalf("no check %q", b.check)
			}
			err := checks[i].find(b.make)
			if err == nil {
				t.Fatalf("an algorithm that %s passes", b.how)
			}
			how, _, _ := strings.Cut(err.Error(), "\n") // without a stack
			if b.check == "NoLeak" && !strings.Contains(how, "in a closure") {
				t.Error("it is not said how to mend that")
			}
			t.Log(how)
			proven[b.check] = true
		})
	}
	for _, c := range checks {
		if !proven[c.name] {
			t.Errorf("nothing shows that the check %s can fail", c.name)
		}
	}
}

// A loose slip of state between two halves of a call, without a data race, so
// that the race detector leaves it to the check to notice.
type slip struct {
	mu   sync.Mutex
	held []byte
}

func (s *slip) through(b []byte) []byte {
	s.mu.Lock()
	s.held = bytes.Clone(b)
	s.mu.Unlock()
	time.Sleep(time.Microsecond)
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

func TestBrokenSignersAreNoticed(t *testing.T) {
	anySize := func(f func(key []byte) []byte) maker[signer.Signer] {
		return func(key []byte) (signer.Signer, error) {
			key = f(bytes.Clone(key))
			return &plainMAC{key: func() []byte { return key }}, nil
		}
	}
	noticed(t, signerChecks, []broken[signer.Signer]{
		{"takes every key", "KeySize", anySize(func(key []byte) []byte { return key })},
		{"pads a short key", "KeySize", func(key []byte) (signer.Signer, error) {
			if len(key) > signer.KeySize || len(key) == 0 {
				return nil, errors.New("bad key length")
			}
			return newMAC(nil)(append(bytes.Clone(key), make([]byte, signer.KeySize-len(key))...))
		}},
		{"takes a nil key", "KeySize", func(key []byte) (signer.Signer, error) {
			if key == nil {
				return newMAC(nil)(make([]byte, signer.KeySize))
			}
			return newMAC(nil)(key)
		}},
		{"refuses the right size", "RoundTrip", func(key []byte) (signer.Signer, error) {
			return nil, errors.New("no")
		}},

		{"has tags of 8 bytes", "Size", newMAC(func(m *plainMAC, key []byte) {
			m.sizeF = func() int { return 8 }
			m.sign = func(dst, msg []byte) []byte { return append(dst, sum(key, msg)[:8]...) }
		})},
		{"says 16 and appends 32", "Size", newMAC(func(m *plainMAC, key []byte) {
			m.sizeF = func() int { return 16 }
		})},
		{"shortens the tag of an empty message", "Size", newMAC(func(m *plainMAC, key []byte) {
			m.sign = func(dst, msg []byte) []byte { return append(dst, sum(key, msg)[:min(32, 16+len(msg))]...) }
		})},
		{"changes its mind about the size", "Size", newMAC(func(m *plainMAC, key []byte) {
			n := 31
			m.sizeF = func() int { n++; return n }
		})},

		{"refuses everything", "RoundTrip", newMAC(func(m *plainMAC, key []byte) {
			m.verify = func(_, _ []byte) bool { return false }
		})},
		{"tells nil from empty", "RoundTrip", newMAC(func(m *plainMAC, key []byte) {
			m.sign = func(dst, msg []byte) []byte {
				return append(dst, sum(key, fmt.Appendf(nil, "%t%s", msg == nil, msg))...)
			}
		})},
		{"panics on an empty message", "RoundTrip", newMAC(func(m *plainMAC, key []byte) {
			m.sign = func(dst, msg []byte) []byte { return append(dst, sum(key, msg[:1])...) }
		})},

		{"does not append", "AppendDst", newMAC(func(m *plainMAC, key []byte) {
			m.sign = func(dst, msg []byte) []byte { return sum(key, msg) }
		})},
		{"writes over dst", "AppendDst", newMAC(func(m *plainMAC, key []byte) {
			m.sign = func(dst, msg []byte) []byte {
				tag := sum(key, msg)
				clear(dst)
				return append(dst, tag...)
			}
		})},
		{"reads msg after it wrote to dst", "AppendDst", newMAC(func(m *plainMAC, key []byte) {
			m.sign = func(dst, msg []byte) []byte {
				kept := bytes.Clone(dst)
				clear(dst)
				tag := sum(key, msg)
				copy(dst, kept)
				return append(dst, tag...)
			}
		})},
		{"writes beyond the capacity", "AppendDst", newMAC(func(m *plainMAC, key []byte) {
			m.sign = func(dst, msg []byte) []byte {
				if len(dst) == 22 && cap(dst) == 222 { // the kit's, within a larger array
					*(*byte)(unsafe.Add(unsafe.Pointer(&dst[0]), cap(dst)))++
				}
				return append(dst, sum(key, msg)...)
			}
		})},

		{"adds salt", "Deterministic", newMAC(func(m *plainMAC, key []byte) {
			m.sign = func(dst, msg []byte) []byte {
				salt := make([]byte, 16)
				rand.Read(salt)
				return append(append(dst, salt...), sum(key, append(salt, msg...))[:16]...)
			}
		})},
		{"goes on from the last message", "Deterministic", newMAC(func(m *plainMAC, key []byte) {
			h := hmac.New(sha256.New, key)
			m.sign = func(dst, msg []byte) []byte { h.Write(msg); return h.Sum(dst) }
		})},
		{"has another tag in each instance", "Deterministic", newMAC(func(m *plainMAC, key []byte) {
			nonce := make([]byte, 16)
			rand.Read(nonce)
			m.sign = func(dst, msg []byte) []byte { return append(dst, sum(key, append(nonce, msg...))...) }
		})},

		{"compares as much as there is", "FullLength", newMAC(func(m *plainMAC, key []byte) {
			m.verify = func(msg, tag []byte) bool {
				return hmac.Equal(m.Sign(nil, msg)[:min(32, len(tag))], tag)
			}
		})},
		{"takes 16 bytes", "FullLength", newMAC(func(m *plainMAC, key []byte) {
			m.verify = func(msg, tag []byte) bool {
				return len(tag) >= 16 && hmac.Equal(m.Sign(nil, msg)[:min(32, len(tag))], tag)
			}
		})},
		{"ignores what follows the tag", "FullLength", newMAC(func(m *plainMAC, key []byte) {
			m.verify = func(msg, tag []byte) bool {
				return len(tag) >= 32 && hmac.Equal(m.Sign(nil, msg), tag[:32])
			}
		})},
		{"reads the tag's capacity", "FullLength", newMAC(func(m *plainMAC, key []byte) {
			m.verify = func(msg, tag []byte) bool {
				return cap(tag) >= 32 && hmac.Equal(m.Sign(nil, msg), tag[:32])
			}
		})},
		{"takes an empty tag", "FullLength", newMAC(func(m *plainMAC, key []byte) {
			m.verify = func(msg, tag []byte) bool {
				return tag == nil || hmac.Equal(m.Sign(nil, msg), tag)
			}
		})},

		{"takes everything of the right length", "WrongTag", newMAC(func(m *plainMAC, key []byte) {
			m.verify = func(msg, tag []byte) bool { return len(tag) == 32 }
		})},
		{"compares all but the last byte", "WrongTag", newMAC(func(m *plainMAC, key []byte) {
			m.verify = func(msg, tag []byte) bool {
				return len(tag) == 32 && hmac.Equal(m.Sign(nil, msg)[:31], tag[:31])
			}
		})},
		{"ignores one bit", "WrongTag", newMAC(func(m *plainMAC, key []byte) {
			m.verify = func(msg, tag []byte) bool {
				want := m.Sign(nil, msg)
				return len(tag) == 32 && hmac.Equal(append(want[:31], want[31]|0x80), append(bytes.Clone(tag[:31]), tag[31]|0x80))
			}
		})},
		{"lets two differences cancel out", "WrongTag", newMAC(func(m *plainMAC, key []byte) {
			m.verify = func(msg, tag []byte) bool {
				var diff [8]byte
				for i, b := range m.Sign(nil, msg) {
					if len(tag) != 32 {
						return false
					}
					diff[i%8] ^= b ^ tag[i]
				}
				return diff == [8]byte{}
			}
		})},
		{"takes a tag of zeros", "WrongTag", newMAC(func(m *plainMAC, key []byte) {
			m.verify = func(msg, tag []byte) bool {
				return hmac.Equal(tag, make([]byte, 32)) || hmac.Equal(m.Sign(nil, msg), tag)
			}
		})},

		{"signs the length", "WrongMessage", newMAC(func(m *plainMAC, key []byte) {
			m.sign = func(dst, msg []byte) []byte { return append(dst, sum(key, fmt.Append(nil, len(msg)))...) }
		})},
		{"signs the first 64 bytes", "WrongMessage", newMAC(func(m *plainMAC, key []byte) {
			m.sign = func(dst, msg []byte) []byte { return append(dst, sum(key, msg[:min(64, len(msg))])...) }
		})},
		{"signs the first 4096 bytes", "WrongMessage", newMAC(func(m *plainMAC, key []byte) {
			m.sign = func(dst, msg []byte) []byte { return append(dst, sum(key, msg[:min(4096, len(msg))])...) }
		})},
		{"ignores zeros at the end", "WrongMessage", newMAC(func(m *plainMAC, key []byte) {
			m.sign = func(dst, msg []byte) []byte { return append(dst, sum(key, bytes.TrimRight(msg, "\x00"))...) }
		})},
		{"ignores the order", "WrongMessage", newMAC(func(m *plainMAC, key []byte) {
			m.sign = func(dst, msg []byte) []byte {
				sorted := bytes.Clone(msg)
				slices.Sort(sorted)
				return append(dst, sum(key, sorted)...)
			}
		})},

		{"has no key", "WrongKey", newMAC(func(m *plainMAC, key []byte) {
			m.sign = func(dst, msg []byte) []byte { return append(dst, sum(nil, msg)...) }
		})},
		{"uses 16 bytes of the key", "WrongKey", newMAC(func(m *plainMAC, key []byte) {
			m.sign = func(dst, msg []byte) []byte { return append(dst, sum(key[:16], msg)...) }
		})},
		{"ignores one bit of the key", "WrongKey", newMAC(func(m *plainMAC, key []byte) { key[7] |= 1 })},

		{"modifies the message", "InputNotModified", newMAC(func(m *plainMAC, key []byte) {
			m.sign = func(dst, msg []byte) []byte {
				tag := sum(key, msg)
				clear(msg)
				return append(dst, tag...)
			}
		})},
		{"pads the message in place", "InputNotModified", newMAC(func(m *plainMAC, key []byte) {
			m.sign = func(dst, msg []byte) []byte {
				return append(dst, sum(key, append(msg, 0x80))...)
			}
		})},
		{"modifies the tag", "InputNotModified", newMAC(func(m *plainMAC, key []byte) {
			m.verify = func(msg, tag []byte) bool {
				for i, b := range m.Sign(nil, msg) {
					if i < len(tag) {
						tag[i] ^= b
					}
				}
				return hmac.Equal(tag, make([]byte, 32))
			}
		})},
		{"modifies the key", "InputNotModified", func(key []byte) (signer.Signer, error) {
			s, err := newMAC(nil)(key)
			clear(key)
			return s, err
		}},

		{"returns memory of its own", "NothingRetained", newMAC(func(m *plainMAC, key []byte) {
			own := make([]byte, 32)
			m.sign = func(dst, msg []byte) []byte {
				copy(own, sum(key, msg))
				if dst == nil {
					return own
				}
				return append(dst, own...)
			}
		})},
		{"remembers a tag by reference", "NothingRetained", newMAC(func(m *plainMAC, key []byte) {
			var lastMsg, lastTag []byte
			m.sign = func(dst, msg []byte) []byte {
				if lastMsg != nil && bytes.Equal(msg, lastMsg) {
					return append(dst, lastTag...)
				}
				dst = append(dst, sum(key, msg)...)
				lastMsg, lastTag = msg, dst[len(dst)-32:]
				return dst
			}
		})},
		{"judges by address", "NothingRetained", newMAC(func(m *plainMAC, key []byte) {
			good := map[*byte]bool{}
			m.verify = func(msg, tag []byte) bool {
				if len(msg) > 0 && good[&msg[0]] {
					return true
				}
				ok := hmac.Equal(m.Sign(nil, msg), tag)
				if ok && len(msg) > 0 {
					good[&msg[0]] = true
				}
				return ok
			}
		})},

		{"prints itself whole", "NoLeak", func(key []byte) (signer.Signer, error) {
			if err := checkSize(key); err != nil {
				return nil, err
			}
			return bareMAC{key: key}, nil
		}},
		{"hides its key from fmt at the top only", "NoLeak", func(key []byte) (signer.Signer, error) {
			if err := checkSize(key); err != nil {
				return nil, err
			}
			return formattedMAC{bareMAC{key: key}}, nil
		}},
		{"has its key in JSON", "NoLeak", func(key []byte) (signer.Signer, error) {
			if err := checkSize(key); err != nil {
				return nil, err
			}
			return &jsonMAC{plainMAC: plainMAC{key: func() []byte { return key }}, key: key}, nil
		}},
		{"has its key in words", "NoLeak", func(key []byte) (signer.Signer, error) {
			if err := checkSize(key); err != nil {
				return nil, err
			}
			m := &wordMAC{plainMAC: plainMAC{key: func() []byte { return key }}}
			for i := range m.words {
				m.words[i] = uint32(key[4*i]) | uint32(key[4*i+1])<<8 | uint32(key[4*i+2])<<16 | uint32(key[4*i+3])<<24
			}
			return m, nil
		}},
		{"quotes a wrong key", "NoLeak", func(key []byte) (signer.Signer, error) {
			if len(key) != signer.KeySize {
				return nil, fmt.Errorf("bad key %x", key)
			}
			return newMAC(nil)(key)
		}},

		{"keeps a message where another call sees it", "Concurrent", newMAC(func(m *plainMAC, key []byte) {
			var s slip
			m.sign = func(dst, msg []byte) []byte { return append(dst, sum(key, s.through(msg))...) }
		})},
		{"keeps a verdict where another call sees it", "Concurrent", newMAC(func(m *plainMAC, key []byte) {
			var s slip
			m.verify = func(msg, tag []byte) bool {
				return hmac.Equal(sum(key, msg), s.through(tag))
			}
		})},
	})
}

type bareMAC struct{ key []byte }

func (bareMAC) Size() int                     { return 32 }
func (m bareMAC) Sign(dst, msg []byte) []byte { return append(dst, sum(m.key, msg)...) }
func (m bareMAC) Verify(msg, tag []byte) bool { return hmac.Equal(sum(m.key, msg), tag) }

type formattedMAC struct{ bareMAC }

func (formattedMAC) Format(f fmt.State, _ rune)   { f.Write([]byte("hidden")) }
func (formattedMAC) MarshalJSON() ([]byte, error) { return []byte(`"hidden"`), nil }

type jsonMAC struct {
	plainMAC
	key []byte
}

func (m *jsonMAC) Format(f fmt.State, _ rune)   { f.Write([]byte("hidden")) }
func (m *jsonMAC) MarshalText() ([]byte, error) { return fmt.Appendf(nil, "%x", m.key), nil }

type wordMAC struct {
	plainMAC
	words [8]uint32
}

// The length of a tag is the algorithm's own affair: what is said of a short one is true.
func TestShortTags(t *testing.T) {
	for _, size := range []int{1, 2, 4, 8, 12, 16} {
		short := newMAC(func(m *plainMAC, key []byte) {
			m.verify = func(msg, tag []byte) bool { return hmac.Equal(sum(key, msg)[:size], tag) }
			m.sign = func(dst, msg []byte) []byte { return append(dst, sum(key, msg)[:size]...) }
		})
		s, err := short(keyA())
		if err != nil {
			t.Fatal(err)
		}
		if err := wrongTag(s, short); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestBrokenSealersAreNoticed(t *testing.T) {
	// gcmSeal seals with a given nonce; gcmOpen opens into fresh memory.
	gcmSeal := func(aead cipher.AEAD, nonce, plaintext, additional []byte) []byte {
		return append(bytes.Clone(nonce), aead.Seal(nil, nonce, plaintext, additional)...)
	}
	fresh := func(n int) []byte {
		nonce := make([]byte, n)
		rand.Read(nonce)
		return nonce
	}
	noticed(t, sealerChecks, []broken[signer.Sealer]{
		{"takes three sizes of key", "KeySize", func(key []byte) (signer.Sealer, error) {
			if _, err := aes.NewCipher(key); err != nil {
				return nil, err
			}
			return &plainAEAD{aead: func() cipher.AEAD { return gcm(key) }}, nil
		}},

		{"says less than it adds", "Overhead", newAEAD(func(p *plainAEAD, key []byte) {
			p.overhead = func() int { return 16 }
		})},
		{"pads to blocks", "Overhead", newAEAD(func(p *plainAEAD, key []byte) {
			p.seal = func(dst, plaintext, additional []byte) []byte {
				padded := append(bytes.Clone(plaintext), make([]byte, 16-len(plaintext)%16)...)
				return append(dst, gcmSeal(p.aead(), fresh(12), padded, additional)...)
			}
		})},
		{"has a short tag", "Overhead", newAEAD(func(p *plainAEAD, key []byte) {
			p.overhead = func() int { return 24 }
			p.seal = func(dst, plaintext, additional []byte) []byte {
				sealed := gcmSeal(p.aead(), fresh(12), plaintext, additional)
				return append(dst, sealed[:len(sealed)-4]...)
			}
		})},

		{"opens nothing", "RoundTrip", newAEAD(func(p *plainAEAD, key []byte) {
			p.open = func(_, _, _ []byte) ([]byte, bool) { return nil, false }
		})},
		{"opens as zeros", "RoundTrip", newAEAD(func(p *plainAEAD, key []byte) {
			p.open = func(dst, sealed, _ []byte) ([]byte, bool) {
				return append(dst, make([]byte, len(sealed)-28)...), true
			}
		})},
		{"panics without additional data", "RoundTrip", newAEAD(func(p *plainAEAD, key []byte) {
			p.seal = func(dst, plaintext, additional []byte) []byte {
				_ = additional[0]
				return append(dst, gcmSeal(p.aead(), fresh(12), plaintext, additional)...)
			}
		})},
		{"has a key of its own in each instance", "RoundTrip", newAEAD(func(p *plainAEAD, key []byte) {
			aead := gcm(fresh(32))
			p.aead = func() cipher.AEAD { return aead }
		})},

		{"does not append when sealing", "AppendDst", newAEAD(func(p *plainAEAD, key []byte) {
			p.seal = func(dst, plaintext, additional []byte) []byte {
				return gcmSeal(p.aead(), fresh(12), plaintext, additional)
			}
		})},
		{"does not append when opening", "AppendDst", newAEAD(func(p *plainAEAD, key []byte) {
			p.open = func(dst, sealed, additional []byte) ([]byte, bool) {
				if len(sealed) < 28 {
					return nil, false
				}
				plaintext, err := p.aead().Open(nil, sealed[:12], sealed[12:], additional)
				return plaintext, err == nil
			}
		})},
		{"reads additional data after it wrote to dst", "AppendDst", newAEAD(func(p *plainAEAD, key []byte) {
			p.seal = func(dst, plaintext, additional []byte) []byte {
				kept := bytes.Clone(dst)
				clear(dst)
				sealed := gcmSeal(p.aead(), fresh(12), plaintext, additional)
				copy(dst, kept)
				return append(dst, sealed...)
			}
		})},
		{"clears dst on failure", "AppendDst", newAEAD(func(p *plainAEAD, key []byte) {
			p.open = func(dst, sealed, additional []byte) ([]byte, bool) {
				got, ok := (&plainAEAD{aead: p.aead}).Open(dst, sealed, additional)
				if !ok {
					clear(dst)
				}
				return got, ok
			}
		})},

		{"has one nonce", "FreshNonce", newAEAD(func(p *plainAEAD, key []byte) {
			p.seal = func(dst, plaintext, additional []byte) []byte {
				return append(dst, gcmSeal(p.aead(), make([]byte, 12), plaintext, additional)...)
			}
		})},
		{"counts from zero in each instance", "FreshNonce", newAEAD(func(p *plainAEAD, key []byte) {
			var mu sync.Mutex
			nonce := make([]byte, 12)
			p.seal = func(dst, plaintext, additional []byte) []byte {
				mu.Lock()
				defer mu.Unlock()
				for i := range nonce {
					nonce[i]++
					if nonce[i] != 0 {
						break
					}
				}
				return append(dst, gcmSeal(p.aead(), nonce, plaintext, additional)...)
			}
		})},
		{"has 24 random bits", "FreshNonce", newAEAD(func(p *plainAEAD, key []byte) {
			p.seal = func(dst, plaintext, additional []byte) []byte {
				return append(dst, gcmSeal(p.aead(), append(make([]byte, 9), fresh(3)...), plaintext, additional)...)
			}
		})},

		{"only authenticates", "Secrecy", newAEAD(func(p *plainAEAD, key []byte) {
			p.seal = func(dst, plaintext, additional []byte) []byte {
				nonce := fresh(12)
				dst = append(append(dst, nonce...), plaintext...)
				return append(dst, sum(key, slices.Concat(nonce, plaintext, additional))[:16]...)
			}
		})},
		{"encrypts blocks one by one", "Secrecy", newAEAD(func(p *plainAEAD, key []byte) {
			p.seal = func(dst, plaintext, additional []byte) []byte {
				block, _ := aes.NewCipher(key)
				dst = append(dst, fresh(12)...)
				for chunk := range slices.Chunk(plaintext, 16) {
					var out [16]byte
					copy(out[:], chunk)
					block.Encrypt(out[:], out[:])
					dst = append(dst, out[:]...)
				}
				return append(dst, fresh(16)...)
			}
		})},
		{"has one key stream for all nonces", "Secrecy", newAEAD(func(p *plainAEAD, key []byte) {
			p.seal = func(dst, plaintext, additional []byte) []byte {
				nonce := fresh(12)
				sealed := gcmSeal(p.aead(), make([]byte, 12), plaintext, additional)
				copy(sealed, nonce)
				return append(dst, sealed...)
			}
		})},
		{"sends its key along", "Secrecy", newAEAD(func(p *plainAEAD, key []byte) {
			p.seal = func(dst, plaintext, additional []byte) []byte {
				return append(append(dst, gcmSeal(p.aead(), fresh(12), plaintext, additional)...), key...)
			}
		})},

		{"ignores what follows", "FullLength", newAEAD(func(p *plainAEAD, key []byte) {
			p.open = func(dst, sealed, additional []byte) ([]byte, bool) {
				for n := len(sealed); n >= 28; n-- {
					if got, ok := (&plainAEAD{aead: p.aead}).Open(dst, sealed[:n], additional); ok {
						return got, true
					}
				}
				return nil, false
			}
		})},
		{"panics on a short message", "FullLength", newAEAD(func(p *plainAEAD, key []byte) {
			p.open = func(dst, sealed, additional []byte) ([]byte, bool) {
				plaintext, err := p.aead().Open(nil, sealed[:12], sealed[12:], additional)
				return append(dst, plaintext...), err == nil
			}
		})},
		{"reads the capacity of a short message", "FullLength", newAEAD(func(p *plainAEAD, key []byte) {
			p.open = func(dst, sealed, additional []byte) ([]byte, bool) {
				if got, ok := (&plainAEAD{aead: p.aead}).Open(dst, sealed, additional); ok {
					return got, true
				}
				for n := range cap(sealed) + 1 {
					if got, ok := (&plainAEAD{aead: p.aead}).Open(dst, sealed[:n], additional); ok {
						return got, true
					}
				}
				return nil, false
			}
		})},

		{"does not check the tag", "WrongSealed", newAEAD(func(p *plainAEAD, key []byte) {
			p.open = func(dst, sealed, additional []byte) ([]byte, bool) {
				if len(sealed) < 28 {
					return nil, false
				}
				// In counter mode, decrypting is encrypting.
				out := p.aead().Seal(nil, sealed[:12], sealed[12:len(sealed)-16], nil)
				return append(dst, out[:len(out)-16]...), true
			}
		})},
		{"checks half of the tag", "WrongSealed", newAEAD(func(p *plainAEAD, key []byte) {
			p.open = func(dst, sealed, additional []byte) ([]byte, bool) {
				if len(sealed) < 28 {
					return nil, false
				}
				out := p.aead().Seal(nil, sealed[:12], sealed[12:len(sealed)-16], nil)
				plaintext := out[:len(out)-16]
				want := p.aead().Seal(nil, sealed[:12], plaintext, additional)
				if !hmac.Equal(want[:len(want)-8], sealed[12:len(sealed)-8]) {
					return nil, false
				}
				return append(dst, plaintext...), true
			}
		})},
		{"ignores a bit of the nonce", "WrongSealed", newAEAD(func(p *plainAEAD, key []byte) {
			p.seal = func(dst, plaintext, additional []byte) []byte {
				nonce := fresh(12)
				nonce[0] &^= 1
				return append(dst, gcmSeal(p.aead(), nonce, plaintext, additional)...)
			}
			p.open = func(dst, sealed, additional []byte) ([]byte, bool) {
				sealed = bytes.Clone(sealed)
				if len(sealed) > 0 {
					sealed[0] &^= 1
				}
				return (&plainAEAD{aead: p.aead}).Open(dst, sealed, additional)
			}
		})},

		{"does not authenticate additional data", "WrongAdditional", newAEAD(func(p *plainAEAD, key []byte) {
			p.seal = func(dst, plaintext, _ []byte) []byte {
				return append(dst, gcmSeal(p.aead(), fresh(12), plaintext, nil)...)
			}
			p.open = func(dst, sealed, _ []byte) ([]byte, bool) {
				return (&plainAEAD{aead: p.aead}).Open(dst, sealed, nil)
			}
		})},
		{"authenticates 16 bytes of additional data", "WrongAdditional", newAEAD(func(p *plainAEAD, key []byte) {
			cut := func(b []byte) []byte { return b[:min(len(b), 16)] }
			p.seal = func(dst, plaintext, additional []byte) []byte {
				return append(dst, gcmSeal(p.aead(), fresh(12), plaintext, cut(additional))...)
			}
			p.open = func(dst, sealed, additional []byte) ([]byte, bool) {
				return (&plainAEAD{aead: p.aead}).Open(dst, sealed, cut(additional))
			}
		})},
		{"joins additional data and ciphertext without a border", "WrongAdditional", newAEAD(func(p *plainAEAD, key []byte) {
			stream := func(nonce, b []byte) []byte { return p.aead().Seal(nil, nonce, b, nil)[:len(b)] }
			p.seal = func(dst, plaintext, additional []byte) []byte {
				nonce := fresh(12)
				ciphertext := stream(nonce, plaintext)
				return slices.Concat(dst, nonce, ciphertext, sum(key, slices.Concat(nonce, additional, ciphertext))[:16])
			}
			p.open = func(dst, sealed, additional []byte) ([]byte, bool) {
				if len(sealed) < 28 {
					return nil, false
				}
				nonce, ciphertext, tag := sealed[:12], sealed[12:len(sealed)-16], sealed[len(sealed)-16:]
				if !hmac.Equal(sum(key, slices.Concat(nonce, additional, ciphertext))[:16], tag) {
					return nil, false
				}
				return append(dst, stream(nonce, ciphertext)...), true
			}
		})},

		{"has one key for all", "WrongKey", newAEAD(func(p *plainAEAD, key []byte) {
			aead := gcm(make([]byte, 32))
			p.aead = func() cipher.AEAD { return aead }
		})},
		{"uses 16 bytes of the key", "WrongKey", newAEAD(func(p *plainAEAD, key []byte) {
			aead := gcm(bytes.Clone(key[:16]))
			p.aead = func() cipher.AEAD { return aead }
		})},

		{"decrypts first and checks then", "NoPlaintextOnFailure", newAEAD(func(p *plainAEAD, key []byte) {
			p.open = func(dst, sealed, additional []byte) ([]byte, bool) {
				if len(sealed) < 28 {
					return nil, false
				}
				out := p.aead().Seal(nil, sealed[:12], sealed[12:len(sealed)-16], nil)
				dst = append(dst, out[:len(out)-16]...)
				if _, err := p.aead().Open(nil, sealed[:12], sealed[12:], additional); err != nil {
					return nil, false
				}
				return dst, true
			}
		})},
		{"returns something with false", "NoPlaintextOnFailure", newAEAD(func(p *plainAEAD, key []byte) {
			p.open = func(dst, sealed, additional []byte) ([]byte, bool) {
				if got, ok := (&plainAEAD{aead: p.aead}).Open(dst, sealed, additional); ok {
					return got, ok
				}
				return dst, false
			}
		})},

		{"encrypts in place", "InputNotModified", newAEAD(func(p *plainAEAD, key []byte) {
			p.seal = func(dst, plaintext, additional []byte) []byte {
				nonce := fresh(12)
				sealed := gcmSeal(p.aead(), nonce, plaintext, additional)
				copy(plaintext, sealed[12:])
				return append(dst, sealed...)
			}
		})},
		{"decrypts in place", "InputNotModified", newAEAD(func(p *plainAEAD, key []byte) {
			p.open = func(dst, sealed, additional []byte) ([]byte, bool) {
				if len(sealed) < 28 {
					return nil, false
				}
				plaintext, err := p.aead().Open(sealed[12:12], sealed[:12], sealed[12:], additional)
				return append(dst, plaintext...), err == nil
			}
		})},
		{"clears additional data", "InputNotModified", newAEAD(func(p *plainAEAD, key []byte) {
			p.seal = func(dst, plaintext, additional []byte) []byte {
				sealed := gcmSeal(p.aead(), fresh(12), plaintext, additional)
				clear(additional)
				return append(dst, sealed...)
			}
		})},
		{"clears the key", "InputNotModified", func(key []byte) (signer.Sealer, error) {
			s, err := newAEAD(nil)(key)
			clear(key)
			return s, err
		}},

		{"returns memory of its own", "NothingRetained", newAEAD(func(p *plainAEAD, key []byte) {
			own := make([]byte, 0, 8192)
			p.seal = func(dst, plaintext, additional []byte) []byte {
				own = append(own[:0], gcmSeal(p.aead(), fresh(12), plaintext, additional)...)
				if dst == nil {
					return own
				}
				return append(dst, own...)
			}
		})},
		{"returns a plaintext of its own", "NothingRetained", newAEAD(func(p *plainAEAD, key []byte) {
			own := make([]byte, 0, 8192)
			p.open = func(dst, sealed, additional []byte) ([]byte, bool) {
				return (&plainAEAD{aead: p.aead}).Open(own[:0], sealed, additional)
			}
		})},
		{"judges by address", "NothingRetained", newAEAD(func(p *plainAEAD, key []byte) {
			good := map[*byte][]byte{}
			p.open = func(dst, sealed, additional []byte) ([]byte, bool) {
				if len(sealed) > 0 && good[&sealed[0]] != nil {
					return append(dst, good[&sealed[0]]...), true
				}
				got, ok := (&plainAEAD{aead: p.aead}).Open(dst, sealed, additional)
				if ok {
					good[&sealed[0]] = bytes.Clone(got)
				}
				return got, ok
			}
		})},

		{"prints itself whole", "NoLeak", func(key []byte) (signer.Sealer, error) {
			if err := checkSize(key); err != nil {
				return nil, err
			}
			aead := gcm(key)
			return &bareAEAD{plainAEAD{aead: func() cipher.AEAD { return aead }}, [32]byte(key)}, nil
		}},

		{"keeps a message where another call sees it", "Concurrent", newAEAD(func(p *plainAEAD, key []byte) {
			var s slip
			p.seal = func(dst, plaintext, additional []byte) []byte {
				return append(dst, gcmSeal(p.aead(), fresh(12), s.through(plaintext), additional)...)
			}
		})},
	})
}

type bareAEAD struct {
	plainAEAD
	Key [32]byte
}
