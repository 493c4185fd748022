package takeover

import (
	"bytes"
	"compress/zlib"
	"encoding/base64"
	"io"
	"strings"

	"github.com/keyturn/keyturn/session"
)

// The alphabets of base64 (RFC 4648), with padding and without. Each byte sequence
// has one text: unused bits are zero.
var (
	base64Padded = base64.StdEncoding.Strict()
	base64URL    = base64.RawURLEncoding.Strict()
	base64URLPad = base64.URLEncoding.Strict()
)

// decodeBase64 decodes text, which has to be as enc writes it: encoding/base64 would
// skip CR and LF.
func decodeBase64(enc *base64.Encoding, text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") {
		return nil, errNotBase64
	}
	b, err := enc.DecodeString(text)
	if err != nil {
		return nil, errNotBase64
	}
	return b, nil
}

var errNotBase64 = refuse(session.ErrMalformed, "it is not base64 as the system writes it")

// inflate decompresses data (zlib, RFC 1950), which has been verified, up to a limit.
func inflate(data []byte) ([]byte, error) {
	source := bytes.NewReader(data)
	r, err := zlib.NewReader(source)
	if err != nil {
		return nil, errNotZlib
	}
	b, err := io.ReadAll(io.LimitReader(r, maxInflated+1))
	switch {
	case err != nil, len(b) <= maxInflated && source.Len() > 0:
		return nil, errNotZlib
	case len(b) > maxInflated:
		return nil, refuse(session.ErrUndecodable, "it inflates to more than %d bytes", maxInflated)
	}
	return b, nil
}

var errNotZlib = refuse(session.ErrUndecodable, "it is marked as compressed, and is not zlib")

// isPickle reports whether a payload is from Python's pickle: it ends with STOP, where
// JSON never has a point, and begins with PROTO (protocol 2 and later), or with what
// makes a dictionary, a list, a tuple or an object before that.
func isPickle(payload []byte) bool {
	return len(payload) > 1 && payload[len(payload)-1] == '.' && strings.IndexByte("\x80(}])c", payload[0]) >= 0
}

var errPickle = refuse(session.ErrUndecodable, "the payload is Python's pickle, which is never read")

// isMarshal reports whether a payload is in version 4.8 of Ruby's Marshal, which every
// Ruby since 1.8 writes.
func isMarshal(payload []byte) bool { return bytes.HasPrefix(payload, []byte("\x04\x08")) }

var errMarshal = refuse(session.ErrUndecodable, "the payload is Ruby's Marshal, which is never read")

// unquotePython returns what a cookie has that Python may have quoted (http.cookies of
// Python's library, _quote and _unquote): in double quotes, with \" and \\ and, for
// the other characters that are not allowed there up to U+00FF, \ and three octal digits.
// It has to be quoted as Python does it, so that each value has one quoted text.
func unquotePython(cookie string) (string, bool) {
	if len(cookie) < 2 || cookie[0] != '"' || cookie[len(cookie)-1] != '"' {
		return cookie, true
	}
	quoted := cookie[1 : len(cookie)-1]
	var text strings.Builder
	for i := 0; i < len(quoted); i++ {
		if quoted[i] != '\\' {
			text.WriteByte(quoted[i])
			continue
		}
		if i+1 < len(quoted) && (quoted[i+1] == '"' || quoted[i+1] == '\\') {
			i++
			text.WriteByte(quoted[i])
			continue
		}
		if i+3 >= len(quoted) {
			return "", false
		}
		r := rune(0)
		for _, c := range []byte(quoted[i+1 : i+4]) {
			r = r<<3 | rune(c-'0') // Python quotes nothing into what is no digit
		}
		text.WriteRune(r)
		i += 3
	}
	return text.String(), quotePython(text.String()) == cookie
}

var errNotQuoted = refuse(session.ErrMalformed, "it is quoted, and not as Python quotes it")

// quotePython quotes text as Python does.
func quotePython(text string) string {
	const allowed = "!#$%&'*+-.^_`|~:" // beside letters and digits
	needed := text == ""
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		alnum := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		if alnum || strings.ContainsRune(allowed, r) {
			b.WriteRune(r)
			continue
		}
		needed = true
		switch {
		case r == '"' || r == '\\':
			b.WriteString(`\` + string(r))
		case r > 0xFF || strings.ContainsRune(" ()/<=>?@[]{}", r):
			b.WriteRune(r)
		default:
			b.Write([]byte{'\\', '0' + byte(r>>6), '0' + byte(r>>3)&7, '0' + byte(r)&7})
		}
	}
	b.WriteByte('"')
	if !needed {
		return text
	}
	return b.String()
}
