package demo

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/keyturn/keyturn/session"
)

// A part is one of those that a token consists of.
type part struct {
	Name   string
	Offset int
	Hex    string
	Says   string
}

// takeApart returns the parts of an authentic cookie value, as the page about
// the token's format has them. It returns nil for what it does not recognize.
func takeApart(value string, i session.Info, sealed bool) []part {
	raw, err := base64.RawURLEncoding.DecodeString(value)
	if err != nil || len(raw) != i.Overhead+i.Payload || i.Payload == 0 {
		return nil
	}
	offset := 0
	var parts []part
	cut := func(name string, n int, says string) {
		if offset+n > len(raw) {
			n = len(raw) - offset
		}
		parts = append(parts, part{name, offset, hex.EncodeToString(raw[offset : offset+n]), says})
		offset += n
	}
	says := []string{fmt.Sprintf("keyturn, version %d", raw[1]>>2&3)}
	if i.IdleTimeout != 0 {
		says = append(says, "has an idle time")
	}
	if i.ID != "" {
		says = append(says, "has a session ID")
	}
	cut("magic, version, flags", 2, strings.Join(says, ", "))
	cut("codec", 1, i.Codec)
	cut("key ID", 4, i.Algorithm+", which the key says and not the token")
	cut("started", 4, stamp(i.Start))
	cut("issued", 4, stamp(i.Issued))
	cut("expires", 4, stamp(i.Expires))
	if i.IdleTimeout != 0 {
		cut("idle", 4, i.IdleTimeout.String())
	}
	if i.ID != "" {
		cut("session ID", 12, i.ID)
	}
	if sealed {
		cut("nonce", 24, "random")
		cut("ciphertext", i.Payload, "the payload, encrypted")
		cut("tag", len(raw)-offset, "Poly1305, over all of the above")
		return parts
	}
	payload := raw[offset : offset+i.Payload]
	cut("payload", i.Payload, printable(payload))
	cut("tag", len(raw)-offset, "over all of the above")
	return parts
}

// printable returns b with a dot for each byte that is no printable ASCII.
func printable(b []byte) string {
	text := make([]byte, len(b))
	for i, c := range b {
		if c < ' ' || c > '~' {
			c = '.'
		}
		text[i] = c
	}
	return string(text)
}

// stamp spells a time for the page.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02 15:04:05 UTC")
}
