package work

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/internal/envelope"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/signer"
)

// FloorEnvelope is the floor of the envelope: what no signed cookie can do without,
// by the standard library. Keyturn gets below it where it writes text faster.
const FloorEnvelope = "floor: one pooled HMAC-SHA256 and base64"

// AtATime is behind the name of keyturn where it is beside a floor: neither asks for
// the time.
const AtATime = " at a given time"

const atATimeNote = "as the floor, it does not ask for the time"

// padded is data whose JSON is as long as is asked for.
type padded struct {
	S string `json:"s"`
}

func padding(size int) padded { return padded{strings.Repeat("0123456789abcdef", size/16+1)[:size-8]} }

// Payload returns what is signed in the envelope's contests: size bytes, of which
// there must be 8, and which happen to be JSON.
func Payload(size int) []byte { return []byte(`{"s":"` + padding(size).S + `"}`) }

// bareToken returns the value of a cookie with the Payload of a size, and what
// opens and makes it, all but the codec's part.
func bareToken(a signer.Algorithm, size int) (value string, open func(time.Time) ([]byte, error), seal func(time.Time) string, err error) {
	m, err := newManager[padded](a, codec.JSON())
	if err != nil {
		return "", nil, nil, err
	}
	value, err = signIn(m, Now, padding(size))
	if err != nil {
		return "", nil, nil, err
	}
	open, seal = envelope.Of(m, Now, value)
	if got, err := open(Now); err != nil || !bytes.Equal(got, Payload(size)) {
		return "", nil, nil, fmt.Errorf("%s: the token of %d bytes opens as others", a.Name, size)
	}
	again, _ := envelope.Of(m, Now, seal(Now))
	if got, err := again(Now); err != nil || !bytes.Equal(got, Payload(size)) {
		return "", nil, nil, fmt.Errorf("%s: the token of %d bytes that is made again opens as others", a.Name, size)
	}
	return value, open, seal, nil
}

func envelopes() ([]Contest, error) {
	var all []Contest
	for _, size := range Sizes {
		opens := Contest{Name: fmt.Sprintf("envelope/open/%d", size)}
		signs := Contest{Name: fmt.Sprintf("envelope/sign/%d", size)}
		for _, a := range signer.All() {
			value, open, seal, err := bareToken(a, size)
			if err != nil {
				return nil, err
			}
			if len(opens.Entries) == 0 {
				floorOpen, floorSign, err := floor(value)
				if err != nil {
					return nil, err
				}
				opens.Entries = append(opens.Entries, Entry{Who: FloorEnvelope, Do: floorOpen, Cookie: len(value)})
				signs.Entries = append(signs.Entries, Entry{Who: FloorEnvelope, Do: floorSign, Cookie: len(value)})
			}
			var note string
			if a.Seals() {
				note = "encrypts"
			}
			enter := func(who, note string, now func() time.Time) {
				opens.Entries = append(opens.Entries, Entry{Who: who, Cookie: len(value), Note: note, Do: func() {
					if _, err := open(now()); err != nil {
						panic("not valid")
					}
				}})
				signs.Entries = append(signs.Entries, Entry{Who: who, Cookie: len(value), Note: note, Do: func() { Sink = seal(now()) }})
			}
			// The others ask for the time themselves; keyturn is told it.
			enter("keyturn "+a.Name, note, time.Now)
			if a.Name == signer.HMACSHA256().Name {
				enter("keyturn "+a.Name+AtATime, atATimeNote, func() time.Time { return Now })
			}
		}
		all = append(all, opens, signs)
	}
	r, err := refused()
	return append(all, r), err
}

// floor returns what verifies the bytes of a token, and what signs them, with one
// keyed hash and base64, and with no more allocations than the results.
func floor(token string) (open, sign func(), err error) {
	const size = sha256.Size
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return nil, nil, err
	}
	msg := raw[:len(raw)-size]
	pool := sync.Pool{New: func() any { return hmac.New(sha256.New, Secret(0)) }}
	mac := func(dst, msg []byte) []byte {
		h := pool.Get().(hash.Hash)
		h.Reset()
		h.Write(msg)
		dst = h.Sum(dst)
		pool.Put(h)
		return dst
	}
	signed := base64.RawURLEncoding.EncodeToString(mac(bytes.Clone(msg), msg))

	tag := make([]byte, 0, size)
	verify := func() []byte {
		raw, err := base64.RawURLEncoding.DecodeString(signed)
		if err != nil || !hmac.Equal(mac(tag, raw[:len(raw)-size]), raw[len(raw)-size:]) {
			panic("not valid")
		}
		return raw[:len(raw)-size]
	}
	buf := make([]byte, 0, len(raw))
	text := make([]byte, len(token))
	again := func() string {
		buf = append(buf[:0], msg...)
		buf = mac(buf, buf)
		base64.RawURLEncoding.Encode(text, buf)
		return string(text)
	}
	if !bytes.Equal(verify(), msg) || again() != signed {
		return nil, nil, errors.New(FloorEnvelope + ": another result")
	}
	return func() { verify() }, func() { Sink = again() }, nil
}

// refused is the envelope of cookies that are not valid, beside that of a valid one.
func refused() (Contest, error) {
	const size = 132
	c := Contest{Name: fmt.Sprintf("envelope/refused/%d", size)}
	m, err := newManager[padded](signer.HMACSHA256(), codec.JSON())
	if err != nil {
		return c, err
	}
	valid, err := signIn(m, Now, padding(size))
	if err != nil {
		return c, err
	}
	unknown, err := ofAnotherKey(valid)
	if err != nil {
		return c, err
	}
	for _, r := range []struct {
		who, value string
		want       error
	}{
		{"valid", valid, nil},
		{"forged", Forge(valid), session.ErrForged},
		{"unknown_key", unknown, session.ErrUnknownKey},
		{"malformed", "x" + valid, session.ErrMalformed},
		{"too_large", strings.Repeat(valid, 1+session.MaxCookie/len(valid)), session.ErrTooLarge},
	} {
		open, _ := envelope.Of(m, Now, r.value)
		if _, err := open(Now); err != r.want {
			return c, fmt.Errorf("a cookie that is %s: %v", r.who, err)
		}
		c.Entries = append(c.Entries, Entry{Who: "keyturn " + r.who, Cookie: len(r.value), Do: func() {
			if _, err := open(Now); err != r.want {
				panic("another reason")
			}
		}})
	}
	return c, nil
}
