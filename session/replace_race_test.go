package session

import (
	"sync"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

// While rings are replaced, codecs scheduled and statistics read, nobody is signed out,
// no counter goes back, and each token that is counted is counted once.
func TestNobodyIsSignedOutWhileRingsAreReplacedAndRead(t *testing.T) {
	first := signing(newKey(t, signer.HMACSHA256(), 1), t0.Add(-day))
	keys := newKeys(t, first)
	m := newManager[visit](t, Config{Keys: keys, IDs: true})
	value := signedIn(t, m, t0, visit{User: "tom"})
	before := m.Stats(t0)
	const goroutines, each = 4, 120
	var wg sync.WaitGroup
	done := make(chan bool)
	for range goroutines {
		wg.Go(func() {
			value := value
			for i := range each {
				s := request(m, t0.Add(time.Minute), value)
				if o, r := s.Outcome(); o != Valid {
					t.Errorf("%v, %v", o, r)
				}
				if err := s.Update(func(v *visit) { v.Count++ }); err != nil {
					t.Error(err)
				}
				c := s.Commit(true)
				if value = c.Value; m.Open(t0.Add(time.Minute), value).Data().Count != i+1 {
					t.Error("a change is lost")
				}
			}
		})
	}
	go func() { wg.Wait(); close(done) }()
	names := []string{"json", "cbor", "msgpack"}
	var read uint64
	for i := 0; ; i++ {
		replace(t, keys, func(d *keyring.Document) {
			d.Codecs = []keyring.CodecFrom{{Codec: names[i%3], From: t0.Add(-time.Hour)}}
			if len(d.Keys) == 1 {
				d.Keys = append(d.Keys, signing(newKey(t, signer.BLAKE2b256(), 2), t0.Add(-time.Hour)))
			}
		})
		st := m.Stats(t0)
		if n := st.Outcomes["valid"]; n < read {
			t.Errorf("%d were valid, and then %d", read, n)
		} else {
			read = n
		}
		select {
		case <-done:
			st := m.Stats(t0)
			if n := st.Outcomes["valid"] - before.Outcomes["valid"]; n != 2*goroutines*each {
				t.Errorf("valid: %d", n)
			}
			var written, signed, verified uint64
			for _, n := range st.Written {
				written += n
			}
			for _, k := range st.Keyring.Keys {
				signed, verified = signed+k.Signed, verified+k.Verified
			}
			if written != goroutines*each+1 || signed != written || verified != 2*goroutines*each {
				t.Errorf("written %d, signed %d, verified %d", written, signed, verified)
			}
			return
		default:
		}
	}
}
