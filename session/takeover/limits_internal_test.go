package takeover

import (
	"bytes"
	"compress/zlib"
	"errors"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/session"
)

func TestInflateStopsAtItsLimit(t *testing.T) {
	deflate := func(n int) []byte {
		var b bytes.Buffer
		w := zlib.NewWriter(&b)
		w.Write(make([]byte, n))
		w.Close()
		return b.Bytes()
	}
	behind := func(b []byte) []byte { return append(b, 'x') }
	cutOff := func(b []byte) []byte { return b[:len(b)-1] }
	same := func(b []byte) []byte { return b }
	for _, tt := range []struct {
		size int
		edit func([]byte) []byte
		says string
	}{
		{0, same, ""},
		{maxInflated - 1, same, ""},
		{maxInflated, same, ""},
		{maxInflated + 1, same, "it inflates to more than 65536 bytes"},
		{100 * maxInflated, same, "it inflates to more than 65536 bytes"},
		{maxInflated, behind, "is not zlib"},
		{10, behind, "is not zlib"},
		{10, cutOff, "is not zlib"},
		{maxInflated, cutOff, "is not zlib"},
	} {
		b, err := inflate(tt.edit(deflate(tt.size)))
		switch {
		case tt.says == "":
			if err != nil || len(b) != tt.size {
				t.Errorf("%d bytes: %d, %v", tt.size, len(b), err)
			}
		case err == nil || !errors.Is(err, session.ErrUndecodable) || !strings.Contains(err.Error(), tt.says):
			t.Errorf("%d bytes: %v, want %q", tt.size, err, tt.says)
		}
	}
}

func TestJSONSaysWhatIsWrongWithoutQuotingIt(t *testing.T) {
	const secret = "of the client"
	nested := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	list := func(n int) string { return "[" + strings.Repeat("0,", n-1) + "0]" }
	object := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(`,"` + strings.Repeat("k", i%64) + string(rune(0x4e00+i)) + `":0`)
		}
		return "{" + b.String()[1:] + "}"
	}
	for _, tt := range []struct{ text, says string }{
		{nested(maxDepth), ""},
		{nested(maxDepth + 1), "the JSON is nested too deeply"},
		{list(maxEntries), ""},
		{list(maxEntries + 1), "the JSON is of too many entries"},
		{object(maxEntries), ""},
		{object(maxEntries + 1), "the JSON is of too many entries"},
		{"[" + list(maxEntries-1) + "]", ""},
		{"[" + list(maxEntries) + "]", "the JSON is of too many entries"},
		{`{"a":1,"a":2}`, "the JSON has a name twice"},
		{`{"` + secret + `":1,"` + secret + `":2}`, "the JSON has a name twice"},
		{"1e999", "the JSON is of a number that is out of range"},
		{"1e308", ""},
		{"\"" + secret + "\xff\"", "the JSON is not UTF-8"},
		{"", "the payload is not JSON"},
		{secret, "the payload is not JSON"},
		{`{"` + secret, "the payload is not JSON"},
		{`{"a":1`, "the payload is not JSON"},
		{`{"a"`, "the payload is not JSON"},
		{`{"a":1,}`, "the payload is not JSON"},
		{`{1:1}`, "the payload is not JSON"},
		{`[1`, "the payload is not JSON"},
		{`[1,]`, "the payload is not JSON"},
		{`[1}`, "the payload is not JSON"},
		{`{"a":1]`, "the payload is not JSON"},
		{"1 2", "the payload is not JSON"},
		{"NaN", "the payload is not JSON"},
		{"01", "the payload is not JSON"},
	} {
		_, err := decodeJSON([]byte(tt.text))
		if tt.says == "" {
			if err != nil {
				t.Errorf("%.20q: %v", tt.text, err)
			}
			continue
		}
		if err == nil || !errors.Is(err, session.ErrUndecodable) || err.Error() != tt.says {
			t.Errorf("%.20q: %v, want %q", tt.text, err, tt.says)
		}
	}
	if _, err := decodeObject([]byte(`["` + secret + `"]`)); err == nil || err.Error() != "the JSON is not an object" {
		t.Errorf("%v", err)
	}
}
