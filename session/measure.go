package session

import (
	"time"

	bare "github.com/keyturn/keyturn/internal/envelope"
)

func init() {
	bare.Of = func(manager any, now time.Time, value string) (open func(time.Time) ([]byte, error), seal func(time.Time) string) {
		e := manager.(interface{ base() *envelope }).base()
		keys := e.names[0].keys.Subkeys()
		open = func(now time.Time) ([]byte, error) {
			var o opened
			reason := e.open(&o, nil, keys, now, 0, value)
			return o.payload, reason.Err()
		}
		var o opened
		if e.open(&o, nil, keys, now, 0, value) != 0 {
			return open, nil
		}
		w := written{o.header, o.key, e.codec(&o), o.payload}
		return open, func(now time.Time) string {
			w.header.Issued = seconds(now)
			return e.issue(&w)
		}
	}
}

func (e *envelope) base() *envelope { return e }
