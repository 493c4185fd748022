package token

import (
	"encoding/binary"
	"errors"

	"github.com/keyturn/keyturn/signer"
)

const (
	magic0 = 0x92
	magic1 = 0xD0 // the high half of the second byte; the low half is version and flags

	version  = 1 << 2
	flagIdle = 1 << 0
	flagID   = 1 << 1
	flags    = flagIdle | flagID

	// MinHeader is the length in bytes of a header without options.
	MinHeader = 2 + 1 + 4 + 3*4
	idleSize  = 4
	// IDSize is the length in bytes of a session ID.
	IDSize = 12
)

var (
	// ErrMalformed is returned for what is not a token of any version.
	ErrMalformed = errors.New("token: malformed")
	// ErrVersion is returned for a token of a version that this code does not
	// know: a newer instance may have written it.
	ErrVersion = errors.New("token: unsupported version")
)

// A Header is what a token says of itself before its payload. Times are Unix
// seconds.
type Header struct {
	Codec   byte
	Key     [4]byte
	Start   uint32 // the session began
	Issued  uint32 // this token was made
	Expires uint32 // the session ends, whatever happens
	Idle    uint32 // seconds after Issued at which an unused session ends; 0: never
	HasID   bool
	ID      [IDSize]byte
}

// Size returns the length of the header in bytes.
func (h *Header) Size() int {
	n := MinHeader
	if h.Idle != 0 {
		n += idleSize
	}
	if h.HasID {
		n += IDSize
	}
	return n
}

// Append appends the bytes of the header to dst.
func (h *Header) Append(dst []byte) []byte {
	second := byte(magic1 | version)
	if h.Idle != 0 {
		second |= flagIdle
	}
	if h.HasID {
		second |= flagID
	}
	dst = append(dst, magic0, second, h.Codec)
	dst = append(dst, h.Key[:]...)
	dst = binary.BigEndian.AppendUint32(dst, h.Start)
	dst = binary.BigEndian.AppendUint32(dst, h.Issued)
	dst = binary.BigEndian.AppendUint32(dst, h.Expires)
	if h.Idle != 0 {
		dst = binary.BigEndian.AppendUint32(dst, h.Idle)
	}
	if h.HasID {
		dst = append(dst, h.ID[:]...)
	}
	return dst
}

// Parse makes h the header that raw begins with. Nothing in it is to be believed
// before VerifySigned or OpenSealed has verified raw.
func (h *Header) Parse(raw []byte) error {
	*h = Header{}
	if len(raw) < 2 || raw[0] != magic0 || raw[1]&0xF0 != magic1 {
		return ErrMalformed
	}
	if raw[1]&^flags != magic1|version {
		return ErrVersion
	}
	if len(raw) < MinHeader {
		return ErrMalformed
	}
	h.Codec = raw[2]
	h.Key = [4]byte(raw[3:7])
	h.Start = binary.BigEndian.Uint32(raw[7:])
	h.Issued = binary.BigEndian.Uint32(raw[11:])
	h.Expires = binary.BigEndian.Uint32(raw[15:])
	rest := raw[MinHeader:]
	if raw[1]&flagIdle != 0 {
		if len(rest) < idleSize {
			return ErrMalformed
		}
		h.Idle = binary.BigEndian.Uint32(rest)
		if h.Idle == 0 { // would be written without the flag
			return ErrMalformed
		}
		rest = rest[idleSize:]
	}
	if raw[1]&flagID != 0 {
		if len(rest) < IDSize {
			return ErrMalformed
		}
		h.HasID = true
		h.ID = [IDSize]byte(rest)
	}
	return nil
}

// Sign appends to dst the token of header and payload, authenticated by s.
// dst must be empty: the tag covers all that precedes it.
func Sign(dst []byte, h *Header, payload []byte, s signer.Signer) []byte {
	dst = h.Append(dst)
	dst = append(dst, payload...)
	return s.Sign(dst, dst)
}

// Seal appends to dst the token of header and payload, the header
// authenticated and the payload encrypted by s. dst must be empty.
func Seal(dst []byte, h *Header, payload []byte, s signer.Sealer) []byte {
	dst = h.Append(dst)
	return s.Seal(dst, payload, dst)
}

// VerifySigned returns the payload of raw, which shares its memory, if all
// of raw is what s signed. header is the length of its header.
func VerifySigned(raw []byte, header int, s signer.Signer) ([]byte, bool) {
	end := len(raw) - s.Size()
	if end < header || !s.Verify(raw[:end], raw[end:]) {
		return nil, false
	}
	return raw[header:end:end], true
}

// OpenSealed returns the payload of raw, in memory of its own, if all of raw
// is what s sealed. header is the length of its header.
func OpenSealed(raw []byte, header int, s signer.Sealer) ([]byte, bool) {
	return s.Open(make([]byte, 0, len(raw)-header), raw[header:], raw[:header])
}

// Is reports whether text is a token, of whatever version and whoever's key, as far as
// can be seen without one.
func Is(text string) bool {
	raw, err := DecodeText(nil, text)
	if err == nil {
		err = new(Header).Parse(raw)
	}
	return err == nil || err == ErrVersion
}
