package session

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/signer"
)

// reload does what a keyring does when its file has another generation.
func reload(b *testing.B, keys *keyring.Keyring) {
	d := keys.Ring().Document()
	d.Generation++
	file, err := d.EncodeWithSecrets()
	if err != nil {
		b.Error(err)
		return
	}
	r, err := keyring.Parse(file)
	if err == nil {
		err = keys.Replace(r)
	}
	if err != nil {
		b.Error(err)
	}
}

// BenchmarkReload opens and seals a session while another ring takes the place of
// the present one every 100 ms, and while none does, by turns of a second, so that
// both meet the same machine. It reports what one request of a hundred takes
// longer than, in each case, and the ratio.
func BenchmarkReload(b *testing.B) {
	keys := newKeys(b, signing(newKey(b, signer.HMACSHA256(), 1), t0.Add(-day)))
	replace(b, keys, func(d *keyring.Document) {
		for range 15 {
			d.Keys = append(d.Keys, keyring.GenerateKey(signer.HMACSHA256()))
		}
	})
	m := newManager[visit](b, Config{Keys: keys})
	value := signedIn(b, m, t0, visit{User: "tom"})
	var took [2][]time.Duration // without, and with
	for n := 0; b.Loop(); n++ {
		with := n % 2
		stop, done := make(chan struct{}), make(chan struct{})
		go func() {
			defer close(done)
			tick := time.NewTicker(100 * time.Millisecond)
			defer tick.Stop()
			for {
				select {
				case <-stop:
					return
				case <-tick.C:
					if with == 1 {
						reload(b, keys)
					}
				}
			}
		}()
		for end := time.Now().Add(time.Second); ; {
			began := time.Now()
			s := m.Open(t0, value)
			if _, err := m.Seal(t0, s); err != nil {
				b.Fatal(err)
			}
			now := time.Now()
			took[with] = append(took[with], now.Sub(began))
			if now.After(end) {
				break
			}
		}
		close(stop)
		<-done
	}
	var p99 [2]time.Duration
	for i, name := range []string{"calm", "reloading"} {
		if len(took[i]) == 0 {
			return
		}
		slices.Sort(took[i])
		p99[i] = took[i][len(took[i])*99/100]
		b.ReportMetric(float64(took[i][len(took[i])/2]), fmt.Sprintf("p50-ns-%s", name))
		b.ReportMetric(float64(p99[i]), fmt.Sprintf("p99-ns-%s", name))
	}
	b.ReportMetric(float64(p99[1])/float64(p99[0]), "p99-ratio")
	b.ReportMetric(0, "ns/op") // an iteration is a second
}
