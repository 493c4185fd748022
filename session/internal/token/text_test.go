package token

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

func TestTextHasOneFormOnly(t *testing.T) {
	tried := 0
	for n := range 80 {
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
