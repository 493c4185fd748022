package work

import (
	"bytes"
	"fmt"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/internal/envelope"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/signer"
)

// RingSizes are the numbers of keys in the ring's contests.
var RingSizes = []int{1, 2, 8, 64}

// RingPayload is the length of the payload in the ring's contests.
const RingPayload = 132

// Keys returns "1 key", "2 keys", and so on.
func Keys(n int) string {
	if n == 1 {
		return "1 key"
	}
	return fmt.Sprintf("%d keys", n)
}

// rings open a token of the oldest key of the ring, and sign with the newest.
func rings() ([]Contest, error) {
	opens, signs := Contest{Name: "ring/open"}, Contest{Name: "ring/sign"}
	value, _, _, err := bareToken(signer.HMACSHA256(), RingPayload) // of the key that is first in each ring
	if err != nil {
		return nil, err
	}
	for _, n := range RingSizes {
		who := "keyturn " + Keys(n)
		keys, err := newRing(signer.HMACSHA256(), n)
		if err != nil {
			return nil, err
		}
		m, err := session.New[padded](session.Config{Keys: keys, Name: Cookie, Lifetime: Lifetime, Codecs: []codec.Codec{codec.JSON()}})
		if err != nil {
			return nil, err
		}
		open, _ := envelope.Of(m, Now, value)
		if got, err := open(Now); err != nil || !bytes.Equal(got, Payload(RingPayload)) {
			return nil, fmt.Errorf("%s: opened as others", who)
		}
		opens.Entries = append(opens.Entries, Entry{Who: who, Cookie: len(value), Do: func() {
			if _, err := open(time.Now()); err != nil {
				panic("not valid")
			}
		}})

		s := m.Open(Now, value)
		again, err := m.Seal(Now, s)
		if err != nil {
			return nil, err
		}
		newest, err := keys.Ring().Primary(Now)
		if err != nil {
			return nil, err
		}
		if o := m.Open(Now, again); o.Info().KeyID != newest.ID() || o.Data() != padding(RingPayload) {
			return nil, fmt.Errorf("%s: not signed by the newest", who)
		}
		signs.Entries = append(signs.Entries, Entry{Who: who, Cookie: len(again), Do: func() {
			text, err := m.Seal(time.Now(), s)
			if err != nil {
				panic(err)
			}
			Sink = text
		}})
	}
	return []Contest{opens, signs}, nil
}
