package token

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

func TestTextHasOneFormOnly(t *testing.T) {
	tried := 0
	for n := range 32 {
		raw := make([]byte, n)
		for i := range raw {
			raw[i] = byte(n*n + 37*i)
		}
		s := string(AppendText(nil, raw))
		if want := base64.RawURLEncoding.EncodeToString(raw); s != want {
			t.Fatalf("the text of %x is %q, want %q", raw, s, want)
		}
		if len(s) != TextSize(n) {
			t.Fatalf("TextSize(%d) = %d, the text has %d", n, TextSize(n), len(s))
		}
		if got, err := DecodeText(nil, s); err != nil || !bytes.Equal(got, raw) {
			t.Fatalf("DecodeText(%q) = %x, %v", s, got, err)
		}
		// Whatever else decodes must be the text of other bytes.
		check := func(edited string) {
			tried++
			got, err := DecodeText(nil, edited)
			if want, ok := reference(edited); ok != (err == nil) || !bytes.Equal(got, want) {
				t.Fatalf("DecodeText(%q) is %x, %v; want %x, %t", edited, got, err, want, ok)
			}
			if err != nil && err != ErrMalformed {
				t.Fatalf("DecodeText(%q): %v, want %v", edited, err, ErrMalformed)
			}
			if err == nil && string(AppendText(nil, got)) != edited {
				t.Fatalf("DecodeText(%q) is %x, whose text is %q", edited, got, AppendText(nil, got))
			}
		}
		for i := range len(s) + 1 {
			for c := range 256 {
				check(s[:i] + string([]byte{byte(c)}) + s[i:])
				if i < len(s) {
					check(s[:i] + string([]byte{byte(c)}) + s[i+1:])
				}
			}
			check(s[:i])
			check(s[:i] + "\r\n" + s[i:])
			check(s[:i] + "\n\n\n" + s[i:])
			check(s[:i] + "\n\n\n\n" + s[i:])
		}
		check(s + "=")
		check(s + "==")
	}
	t.Logf("%d texts tried", tried)
}

// reference is DecodeText by package encoding/base64.
func reference(s string) ([]byte, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil || strings.ContainsAny(s, "\r\n") {
		return nil, false
	}
	return raw, true
}

// What is written ahead of its turn must not stay, and what dst holds must.
func TestTextIsAppended(t *testing.T) {
	for n := range 40 {
		raw := bytes.Repeat([]byte{0xff}, n)
		want := base64.RawURLEncoding.EncodeToString(raw)
		for room := range 60 {
			dst := append(make([]byte, 0, 5+room), "begun"...)
			whole := dst[:cap(dst)]
			copy(whole[5:], strings.Repeat("~", room))
			if got := AppendText(dst, raw); string(got) != "begun"+want {
				t.Fatalf("%d bytes into a room of %d are %q", n, room, got)
			}
			if len(want) <= room && strings.Trim(string(whole[5+len(want):]), "~") != "" {
				t.Fatalf("%d bytes into a room of %d: it wrote beyond its text: %q", n, room, whole)
			}
		}
	}
}

// Of each length, each text that is the one of some bytes is accepted, and
// nothing else: among all characters where they are up to two, in every two that are
// beside each other of longer ones.
func TestShortTextsAreAcceptedInOneFormOnly(t *testing.T) {
	check := func(b []byte) bool {
		raw, err := DecodeText(nil, string(b))
		if err != nil {
			if raw != nil {
				t.Fatalf("DecodeText(%q) returns bytes with its error", b)
			}
			return false
		}
		if string(AppendText(nil, raw)) != string(b) {
			t.Fatalf("DecodeText(%q) is %x, whose text is %q", b, raw, AppendText(nil, raw))
		}
		return true
	}
	for n, want := range []int{1, 0, 1 << 8} {
		b := make([]byte, n)
		accepted := 0
		for i := range 1 << (8 * n) {
			for place := range b {
				b[place] = byte(i >> (8 * place))
			}
			if check(b) {
				accepted++
			}
		}
		if accepted != want {
			t.Errorf("%d texts of length %d are accepted, want %d", accepted, n, want)
		}
	}
	for n := 3; n <= 12; n++ {
		size := len(alphabet)
		last := [...]int{size, 0, 4, 16}[n%4] // characters that may be the last one
		for i := range n - 1 {
			want := size * size
			if i == n-2 {
				want = size * last
			} else if last == 0 {
				want = 0
			}
			b := bytes.Repeat([]byte("A"), n)
			accepted := 0
			for pair := range 1 << 16 {
				b[i], b[i+1] = byte(pair), byte(pair>>8)
				if check(b) {
					accepted++
				}
			}
			if accepted != want {
				t.Errorf("of length %d, %d texts that differ at %d and behind it are accepted, want %d", n, accepted, i, want)
			}
		}
	}
}

// The room may have been used, and may be part of more: what was there does not come
// through, and nothing is written beyond what is decoded.
func TestTextIsDecodedIntoItsRoomOnly(t *testing.T) {
	for n := range 40 {
		raw := make([]byte, n)
		for i := range raw {
			raw[i] = byte(n + 91*i)
		}
		for _, s := range []string{string(AppendText(nil, raw)), string(AppendText(nil, raw)) + "="} {
			for size := range 48 {
				whole := bytes.Repeat([]byte{0xFF}, 64)
				got, err := DecodeText(whole[8:8:8+size], s)
				if err == nil && (!bytes.Equal(got, raw) || cap(got) < n || n <= size && cap(got) != n) {
					t.Fatalf("%q in a room of %d is %x with a capacity of %d", s, size, got, cap(got))
				}
				if err == nil && n > 0 && n <= size != (&got[0] == &whole[8]) {
					t.Fatalf("%d bytes in a room of %d: in it is %t", n, size, &got[0] == &whole[8])
				}
				in := 8 + min(size, len(s)/4*3+len(s)%4*6/8)
				for i, b := range whole {
					if (i < 8 || i >= in) && b != 0xFF {
						t.Fatalf("%q in a room of %d: it wrote at %d", s, size, i-8)
					}
				}
			}
		}
	}
}

func TestDecodeTextSharesNothing(t *testing.T) {
	s := base64.RawURLEncoding.EncodeToString([]byte("abcdef"))
	a, _ := DecodeText(nil, s)
	b, _ := DecodeText(nil, s)
	a[0] = 'x'
	if b[0] != 'a' {
		t.Error("two decodings share memory")
	}
}

func TestDecodeTextAllocatesItsResultOnly(t *testing.T) {
	s := string(AppendText(nil, make([]byte, 200)))
	if n := testing.AllocsPerRun(100, func() { DecodeText(nil, s) }); n != 1 {
		t.Errorf("%v allocations, want 1", n)
	}
}

func FuzzText(f *testing.F) {
	f.Add("ktQBLzzc1Wlb")
	f.Add("kt\nQB")
	f.Add("ktQ")
	f.Add(strings.Repeat("-_", 50) + "8")
	f.Fuzz(func(t *testing.T, s string) {
		raw, err := DecodeText(nil, s)
		if want, ok := reference(s); ok != (err == nil) || !bytes.Equal(raw, want) {
			t.Fatalf("%q is %x, %v; want %x, %t", s, raw, err, want, ok)
		}
		if err != nil {
			return
		}
		if again := string(AppendText(nil, raw)); again != s {
			t.Fatalf("%q is accepted and written as %q", s, again)
		}
	})
}
