package token

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/signer"
)

// example is the token of the package comment: its bytes before the payload.
var example = Header{
	Codec:   1,
	Key:     [4]byte{0x2f, 0x3c, 0xdc, 0xd5},
	Start:   1767225600, // 2026-01-01T00:00:00Z
	Issued:  1767229200, // an hour later
	Expires: 1768435200, // 14 days after the start
}

const exampleHex = "92d4 01 2f3cdcd5 6955b900 6955c710 69682e00"

func fromHex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestHeaderBytesOfThePackageComment(t *testing.T) {
	if got, want := example.Append(nil), fromHex(t, exampleHex); !bytes.Equal(got, want) {
		t.Errorf("header = %x, want %x", got, want)
	}
	for _, tt := range []struct {
		idle uint32
		id   bool
		want string
	}{
		{3600, false, "92d5 01 2f3cdcd5 6955b900 6955c710 69682e00 00000e10"},
		{0, true, "92d6 01 2f3cdcd5 6955b900 6955c710 69682e00 000102030405060708090a0b"},
		{3600, true, "92d7 01 2f3cdcd5 6955b900 6955c710 69682e00 00000e10 000102030405060708090a0b"},
	} {
		options := example
		options.Idle = tt.idle
		if tt.id {
			options.HasID, options.ID = true, [IDSize]byte{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
		}
		if got, want := options.Append(nil), fromHex(t, tt.want); !bytes.Equal(got, want) {
			t.Errorf("header with options = %x, want %x", got, want)
		}
	}
}

func TestHeaderOverheadIsWithinTheBudget(t *testing.T) {
	if n := MinHeader + 32; n > 51 {
		t.Errorf("signed overhead = %d, want 51 at most", n)
	}
	if n := MinHeader + 24 + 16; n > 59 {
		t.Errorf("sealed overhead = %d, want 59 at most", n)
	}
}

func TestHeaderRoundTrip(t *testing.T) {
	for idle := range 2 {
		for id := range 2 {
			h := example
			h.Idle = uint32(idle * 1800)
			h.HasID = id == 1
			if h.HasID {
				h.ID[3] = 7
			}
			raw := h.Append(nil)
			if len(raw) != h.Size() {
				t.Errorf("Size = %d, appended %d bytes", h.Size(), len(raw))
			}
			for _, rest := range []string{"", "payload"} {
				var got Header
				err := got.Parse(append(raw, rest...))
				if err != nil || got != h {
					t.Errorf("Parse before %q = %+v, %v; want %+v", rest, got, err, h)
				}
			}
			// Nothing stays of a header that was there before.
			got := Header{9, [4]byte{9}, 9, 9, 9, 9, true, [IDSize]byte{9}}
			if err := got.Parse(raw); err != nil || got != h {
				t.Errorf("Parse into another header = %+v, %v; want %+v", got, err, h)
			}
			// Part of a header is of this version, and no newer one's.
			for n := range raw {
				if err := new(Header).Parse(raw[:n]); err != ErrMalformed {
					t.Errorf("Parse of %d of %d bytes: %v, want %v", n, len(raw), err, ErrMalformed)
				}
			}
		}
	}
}

func TestParseTellsNewerFromForeign(t *testing.T) {
	for _, tt := range []struct {
		name string
		raw  string
		want error
	}{
		{"empty", "", ErrMalformed},
		{"foreign", "7b2275736572223a22746f6d227d0000000000000000", ErrMalformed},
		{"first byte", "93d4 01 2f3cdcd5 6955b900 6955c710 69682e00", ErrMalformed},
		{"second byte", "92c4 01 2f3cdcd5 6955b900 6955c710 69682e00", ErrMalformed},
		{"version 0", "92d0 01 2f3cdcd5 6955b900 6955c710 69682e00", ErrVersion},
		{"version 0, with the flags", "92d3 01 2f3cdcd5 6955b900 6955c710 69682e00 00000e10 000102030405060708090a0b", ErrVersion},
		{"version 2", "92d8 01 2f3cdcd5 6955b900 6955c710 69682e00", ErrVersion},
		{"version 2, of another length", "92d8", ErrVersion},
		{"version 3", "92dc 01 2f3cdcd5 6955b900 6955c710 69682e00", ErrVersion},
		{"version 3, with the flags", "92df 01 2f3cdcd5 6955b900 6955c710 69682e00 00000e10 000102030405060708090a0b", ErrVersion},
		{"half of the magic", "92", ErrMalformed},
		{"idle of 0", "92d5 01 2f3cdcd5 6955b900 6955c710 69682e00 00000000", ErrMalformed},
		{"good", exampleHex, nil},
	} {
		if err := new(Header).Parse(fromHex(t, tt.raw)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		text := string(AppendText(nil, fromHex(t, tt.raw)))
		if got, want := Is(text), tt.want != ErrMalformed; got != want || Is(text+"\n") {
			t.Errorf("%s: Is = %t, want %t, and never with an end of line", tt.name, got, want)
		}
	}
}

func TestOnlyAWholeTokenIsOpened(t *testing.T) {
	key := make([]byte, signer.KeySize)
	mac, err := signer.HMACSHA256().NewSigner(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := signer.XChaCha20Poly1305().NewSealer(key)
	if err != nil {
		t.Fatal(err)
	}
	header := example.Append(nil)
	for name, tt := range map[string]struct {
		raw  []byte
		open func(raw []byte) ([]byte, bool)
		// what the key makes of less than a header is no token
		part func(n int) []byte
	}{
		"signed": {
			Sign(nil, &example, []byte("payload"), mac),
			func(raw []byte) ([]byte, bool) { return VerifySigned(raw, len(header), mac) },
			func(n int) []byte { return mac.Sign(header[:n:n], header[:n]) },
		},
		"sealed": {
			Seal(nil, &example, []byte("payload"), aead),
			func(raw []byte) ([]byte, bool) { return OpenSealed(raw, len(header), aead) },
			func(n int) []byte { return aead.Seal(header[:n:n], nil, header[:n]) },
		},
	} {
		if payload, ok := tt.open(tt.raw); !ok || string(payload) != "payload" {
			t.Errorf("%s: the payload is %q, %v", name, payload, ok)
		} else if name == "signed" && cap(payload) != len(payload) {
			t.Errorf("%s: to append to the payload overwrites the tag", name)
		}
		for n := len(header); n < len(tt.raw); n++ {
			if payload, ok := tt.open(tt.raw[:n]); ok || payload != nil {
				t.Errorf("%s: %d of %d bytes are opened, as %q", name, n, len(tt.raw), payload)
			}
		}
		for n := range header {
			if payload, ok := tt.open(tt.part(n)); ok || payload != nil {
				t.Errorf("%s: %d bytes of a header are opened, as %q", name, n, payload)
			}
		}
	}
}

func FuzzHeader(f *testing.F) {
	f.Add(example.Append(nil))
	f.Add([]byte{0x92, 0xd7, 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		var h Header
		err := h.Parse(raw)
		if err != nil {
			return
		}
		if again := h.Append(nil); !bytes.HasPrefix(raw, again) || len(again) != h.Size() {
			t.Fatalf("%x is accepted and written as %x", raw, again)
		}
	})
}
