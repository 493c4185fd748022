package session

import (
	"time"

	bare "github.com/keyturn/keyturn/internal/envelope"
)

func init() {
	bare.Of = func(manager any, now time.Time, value string) (open func() ([]byte, bool), seal func() string) {
		e := manager.(interface{ base() *envelope }).base()
		keys := e.names[0].keys.Subkeys()
		var o opened
		if reason := e.open(&o, keys, now, 0, value); reason != 0 {
			panic(reason)
		}
		w := &written{o.header, o.key, o.codec, o.payload}
		open = func() ([]byte, bool) {
			var o opened
			reason := e.open(&o, keys, now, 0, value)
			return o.payload, reason == 0
		}
		return open, func() string { return e.issue(w) }
	}
	bare.Judge = func(manager any, now time.Time, value string) func() error {
		e := manager.(interface{ base() *envelope }).base()
		keys := e.names[0].keys.Subkeys()
		return func() error {
			var o opened
			return e.open(&o, keys, now, 0, value).Err()
		}
	}
}

func (e *envelope) base() *envelope { return e }
