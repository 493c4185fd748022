package peers

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/gorilla/securecookie"

	"github.com/keyturn/keyturn/benchmarks/internal/work"
)

// gorillaRing is gorilla/securecookie with n keys, of which the newest is the first.
func gorillaRing(n int) carrier[[]byte] {
	var codecs []securecookie.Codec
	for i := range n {
		codecs = append(codecs, raw(work.Secret(i), nil))
	}
	slices.Reverse(codecs)
	return carrier[[]byte]{
		who:  "gorilla " + work.Keys(n),
		make: func(b []byte) (string, error) { return securecookie.EncodeMulti(work.Cookie, b, codecs...) },
		open: func(value string) (b []byte, err error) {
			err = securecookie.DecodeMulti(work.Cookie, value, &b, codecs...)
			return b, err
		},
	}
}

// enterRings opens a cookie of the oldest key, the last that is tried, and one of the
// newest, the first, and signs with the newest.
func enterRings(contests []work.Contest) error {
	payload := work.Payload(work.RingPayload)
	oldest := gorillaRing(1)
	value, err := oldest.check(payload, bytes.Equal)
	if err != nil {
		return err
	}
	for _, n := range work.RingSizes {
		c := gorillaRing(n)
		again, err := c.check(payload, bytes.Equal)
		if err != nil {
			return err
		}
		if got, err := c.open(value); err != nil || !bytes.Equal(got, payload) {
			return fmt.Errorf("%s: %q, %v", c.who, got, err)
		}
		opens := func(who, note, value string) work.Entry {
			return work.Entry{Who: who, Note: note, Cookie: len(value), Do: func() {
				if _, err := c.open(value); err != nil {
					panic(err)
				}
			}}
		}
		if n == 1 {
			work.Enter(contests, "ring/open", opens(c.who, "", value))
		} else {
			work.Enter(contests, "ring/open", opens(c.who, "the key is the oldest, which is tried last", value),
				opens(c.who+", newest", "the key is the newest, which is tried first", again))
		}
		work.Enter(contests, "ring/sign", work.Entry{Who: c.who, Cookie: len(again), Do: c.makes(payload)})
	}
	return nil
}
