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
