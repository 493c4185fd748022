package session

import (
	"context"
	"errors"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session/internal/token"
)

const (
	maxName       = 256 // bytes; leaves most of a cookie to its value
	maxNames      = 8   // the present name and the former ones
	maxCandidates = 4   // cookies of the same name that are tried
)

// An envelope is the part of a Manager that does not depend on T: it opens
// and makes tokens and knows nothing of what is in them.
type envelope struct {
	keys     *keyring.Keyring
	names    []cookieName // the present one first
	audience string

	codecs []codec.Codec // what may be read; the first is written by default
	byID   [256]codec.Codec

	scheduled atomic.Pointer[codecSchedule] // of the ring that was written by last

	lifetime, idle    time.Duration
	promised          time.Duration // what a session lasts, by lifetime and the ring that New found
	ids, sealed       bool
	revoked           func(context.Context, Info) (bool, error)
	revocationFailure RevocationFailure

	takeovers []*takeover
	inPlace   bool // one of them has the cookie of the present name

	tally *tally
}

type cookieName struct {
	name        string
	deleteAfter time.Time
	keys        *keyring.Binding
}

// opened is a token that has been looked at: what is known of it, valid or not.
type opened struct {
	header  token.Header
	key     *keyring.Subkey
	payload []byte
	size    int   // of the text
	name    uint8 // index in envelope.names
	// verified says that the header and the payload are what the key made.
	verified bool
}

// open verifies a cookie value, in the order of the reasons, and makes o of it. On
// failure, the fields of o that are set are what may be told of the cookie: the key
// of the ring; the header once it is verified. What is decoded may be put into room.
func (e *envelope) open(o *opened, room []byte, keys *keyring.Subkeys, now time.Time, name int, value string) Reason {
	*o = opened{name: uint8(name), size: len(value)}
	if len(value)+len(e.names[name].name) > MaxCookie {
		return ErrTooLarge
	}
	var h token.Header
	raw, reason := parse(&h, room, value)
	if reason != 0 {
		return reason
	}
	var err error
	o.key, err = keys.Lookup(h.Key, now)
	if err != nil {
		reason = keyReason(err)
		if reason != ErrUnknownKey { // it is a key of the ring, and may be named
			o.header.Key = h.Key
		}
		return reason
	}
	var ok bool
	if o.payload, ok = verify(raw, h.Size(), o.key); !ok {
		return ErrForged
	}
	o.key.CountVerified(now)
	o.header, o.verified = h, true
	if e.byID[h.Codec] == nil {
		return ErrUnsupportedCodec
	}
	return e.checkTimes(&h, keys.Ring(), now)
}

// parse makes h the header of the token that value is the text of, and returns the
// token's bytes, which may be put into room.
func parse(h *token.Header, room []byte, value string) ([]byte, Reason) {
	raw, err := token.DecodeText(room, value)
	if err == nil {
		err = h.Parse(raw)
	}
	switch err {
	case nil:
		return raw, 0
	case token.ErrVersion:
		return nil, ErrUnsupportedVersion
	}
	return nil, ErrMalformed
}

// codec returns the codec of a token; nil if it is not one of the configuration, or
// the token is not verified.
func (e *envelope) codec(o *opened) codec.Codec {
	if !o.verified {
		return nil
	}
	return e.byID[o.header.Codec]
}

// verify returns the payload of raw if the key made it. What an algorithm of
// somebody else's panics at, it has not verified.
func verify(raw []byte, header int, k *keyring.Subkey) (payload []byte, ok bool) {
	defer func() { recover() }() // nothing is returned then
	if k.Signer != nil {
		return token.VerifySigned(raw, header, k.Signer)
	}
	return token.OpenSealed(raw, header, k.Sealer)
}

func keyReason(err error) Reason {
	switch {
	case errors.Is(err, keyring.ErrRevoked):
		return ErrRevoked
	case errors.Is(err, keyring.ErrDisabled):
		return ErrDisabled
	case errors.Is(err, keyring.ErrRetired):
		return ErrRetired
	}
	return ErrUnknownKey
}

func (e *envelope) checkTimes(h *token.Header, ring *keyring.Ring, now time.Time) Reason {
	t, start, issued := now.Unix(), int64(h.Start), int64(h.Issued)
	// Two clocks may each be off by the skew, in opposite directions.
	if latest := max(start, issued); latest > t && latest > now.Add(2*ring.Policy().Skew).Unix() {
		return ErrFuture
	}
	switch {
	case t >= int64(h.Expires):
		return ErrExpired
	case h.Idle != 0 && t >= issued+int64(h.Idle):
		return ErrIdle
	case time.Unix(start, 0).Before(ring.NotBefore()):
		// A start is rounded down to the second. Whatever began before is
		// refused, and so is what began after it within the same second.
		return ErrNotBefore
	}
	return 0
}

// checkRevoked asks the hook about a session that is valid otherwise.
func (e *envelope) checkRevoked(ctx context.Context, o *opened) Reason {
	if e.revoked == nil {
		return 0
	}
	return e.askRevoked(ctx, e.info(o))
}

// askRevoked asks the hook, if there is one, about what info describes.
func (e *envelope) askRevoked(ctx context.Context, info Info) Reason {
	if e.revoked == nil {
		return 0
	}
	revoked, err := e.revoked(ctx, info)
	switch {
	case err != nil && e.revocationFailure == FailOpen:
		return 0
	case err != nil:
		return ErrRevocationUnavailable
	case revoked:
		return ErrSessionRevoked
	}
	return 0
}

func sameSession(a, b *token.Header) bool {
	if a.HasID || b.HasID {
		return a.HasID && b.HasID && a.ID == b.ID
	}
	return a.Start == b.Start
}

// overhead returns by how much a token is longer than its payload, in bytes.
func overhead(h *token.Header, k *keyring.Subkey) int {
	if k.Sealer != nil {
		return h.Size() + k.Sealer.Overhead()
	}
	return h.Size() + k.Signer.Size()
}

// checkSize reports a payload that does not fit into a cookie.
func (e *envelope) checkSize(h *token.Header, k *keyring.Subkey, payload int) error {
	size := len(e.names[0].name) + token.TextSize(overhead(h, k)+payload)
	if size > MaxCookie {
		return &SizeError{Size: size, Limit: MaxCookie}
	}
	return nil
}

// scratch has room for any token and its text, neither of which is longer than a cookie.
var scratch = sync.Pool{New: func() any {
	b := make([]byte, 0, 2*MaxCookie)
	return &b
}}

// issue makes the cookie value of a token, and counts it.
func (e *envelope) issue(w *written) string {
	w.key.CountSigned()
	e.tally.written[w.codec.ID()].Add(1)
	return seal(&w.header, w.key, w.payload)
}

// seal makes the cookie value of a token.
func seal(h *token.Header, k *keyring.Subkey, payload []byte) string {
	b := scratch.Get().(*[]byte)
	raw := (*b)[:0]
	if k.Sealer != nil {
		raw = token.Seal(raw, h, payload, k.Sealer)
	} else {
		raw = token.Sign(raw, h, payload, k.Signer)
	}
	n := len(raw)
	raw = token.AppendText(raw, raw)
	text := string(raw[n:])
	scratch.Put(b)
	return text
}

// seconds returns t as a token has it, within what it can hold.
func seconds(t time.Time) uint32 {
	return uint32(min(max(t.Unix(), 0), math.MaxUint32))
}
