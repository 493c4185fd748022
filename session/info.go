package session

import (
	"encoding/base64"
	"time"

	"github.com/keyturn/keyturn/codec"
	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session/internal/token"
)

// Info is what a token says of itself. It is verified, except where a
// function says otherwise.
type Info struct {
	Cookie    string        // the name of the cookie it came in
	System    string        // the library whose cookie it is (see Takeover); "" for a token of ours
	KeyID     keyring.KeyID // the key it was made with
	Algorithm string        // of that key
	Codec     string        // of the payload
	ID        string        // of the session; "" without Config.IDs

	Start   time.Time // when the session began
	Issued  time.Time // when the token was made
	Expires time.Time // when the session ends, used or not

	// IdleTimeout is how long after Issued the session ends unless it is used;
	// 0 for never.
	IdleTimeout time.Duration

	Size     int // of the cookie value, in bytes
	Overhead int // of the token without its payload, in bytes before base64
	Payload  int // of the payload, in bytes before base64
}

func headerInfo(h *token.Header) Info {
	i := Info{
		KeyID:       h.Key,
		Start:       time.Unix(int64(h.Start), 0).UTC(),
		Issued:      time.Unix(int64(h.Issued), 0).UTC(),
		Expires:     time.Unix(int64(h.Expires), 0).UTC(),
		IdleTimeout: time.Duration(h.Idle) * time.Second,
	}
	if h.HasID {
		i.ID = formatID(h.ID)
	}
	return i
}

func (e *envelope) info(o *opened) Info {
	var i Info
	if o.verified {
		i = headerInfo(&o.header)
		i.Overhead = overhead(&o.header, o.key)
		i.Payload = len(o.payload)
	}
	i.Cookie, i.Size = e.names[o.name].name, o.size
	i.KeyID = o.header.Key
	if o.key != nil {
		i.KeyID, i.Algorithm = o.key.ID, o.key.Algorithm
	}
	if c := e.codec(o); c != nil {
		i.Codec = c.Name()
	}
	return i
}

func formatID(id [token.IDSize]byte) string {
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// ReadUnverified returns what a cookie value says of itself, without any key:
// none of it is to be believed. It is for looking at cookies, not for
// deciding anything. The error is a Reason. Algorithm and Cookie are empty,
// the sizes but Size are 0, and Codec is named only if it is built in.
func ReadUnverified(value string) (Info, error) {
	if len(value) > MaxCookie {
		return Info{}, ErrTooLarge
	}
	var h token.Header
	if _, reason := parse(&h, nil, value); reason != 0 {
		return Info{}, reason
	}
	i := headerInfo(&h)
	i.Size = len(value)
	for _, c := range codec.All() {
		if c.ID() == h.Codec {
			i.Codec = c.Name()
		}
	}
	return i, nil
}
