// Package prometheus shows Prometheus what session.Manager.Stats says.
//
//	registry.MustRegister(prometheus.NewCollector(visits)) // a *session.Manager
//
// It is a module of its own, so that programs which do not use Prometheus do not
// depend on it.
//
// # What to watch
//
//   - keyturn_ring_info: more than one checksum in the fleet, for longer than the
//     policy's propagation, says that an instance lags behind.
//   - keyturn_ring_confirmed_timestamp_seconds: an old one says that an instance no
//     longer reads its ring, which requests do not notice.
//   - keyturn_ring_newest_key_timestamp_seconds: an old one says that nobody turns keys.
//   - keyturn_ring_standby_timestamp_seconds: 0 says that an emergency would have to wait.
//   - keyturn_sessions_total with the outcome unknown_key: a ring is published too late,
//     or a key is missing.
//   - keyturn_key_prunable, and for how long keyturn_key_last_verified_timestamp_seconds
//     has not moved on any instance: a key can go.
//   - keyturn_session_reads_total: a codec that is no longer read can go.
package prometheus

import (
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session"
	prom "github.com/prometheus/client_golang/prometheus"
)

// A Source is what the metrics are of: a *session.Manager of any type is one.
type Source interface {
	Stats(now time.Time) session.Stats
}

// A Collector is a prometheus.Collector of the sessions of one or more Managers,
// and of their rings. It is safe for concurrent use.
//
// Labels are names of cookies, rings, keys, algorithms and codecs of the program's
// own: nothing that a client sends becomes one.
type Collector struct{ sources []Source }

// NewCollector returns a Collector of Managers, each of a cookie of its own. Of
// several with one ring, as their names tell, the ring is shown once.
func NewCollector(sources ...Source) *Collector { return &Collector{sources} }

var (
	ringInfo     = describe("ring_info", "The ring in use.", "ring", "checksum", "primary", "codec")
	generation   = describe("ring_generation", "The generation of the ring in use.", "ring")
	adopted      = describe("ring_adopted_timestamp_seconds", "When the ring in use was adopted.", "ring")
	confirmed    = describe("ring_confirmed_timestamp_seconds", "When the source last had the ring in use; 0 if no source is followed.", "ring")
	failing      = describe("ring_failing", "1 if the last look at the source went wrong.", "ring")
	loads        = describe("ring_loads_total", "Looks at the source, by result.", "ring", "result")
	newestKey    = describe("ring_newest_key_timestamp_seconds", "When the newest key was added.", "ring")
	standby      = describe("ring_standby_timestamp_seconds", "When the standby key was added; 0 if there is none.", "ring")
	keyInfo      = describe("key_info", "The keys of the ring in use, and their states.", "ring", "key", "algorithm", "state")
	keyVerified  = describe("key_verified_total", "Tokens verified with the key.", "ring", "key")
	keySigned    = describe("key_signed_total", "Tokens made with the key.", "ring", "key")
	lastVerified = describe("key_last_verified_timestamp_seconds", "When a token was last verified with the key; 0 if none was.", "ring", "key")
	keyPrunable  = describe("key_prunable", "1 if every token of the key has expired.", "ring", "key")
	sessions     = describe("sessions_total", "Sessions touched, by what became of the cookie.", "cookie", "outcome")
	reads        = describe("session_reads_total", "Valid sessions, by codec.", "cookie", "codec")
	writes       = describe("session_writes_total", "Tokens made, by codec.", "cookie", "codec")
	reissues     = describe("session_reissues_total", "Sessions sent on under another key or in another codec.", "cookie", "from_key", "to_key", "from_codec", "to_codec")
	everyMetric  = []*prom.Desc{ringInfo, generation, adopted, confirmed, failing, loads, newestKey, standby, keyInfo, keyVerified, keySigned, lastVerified, keyPrunable, sessions, reads, writes, reissues}
)

var (
	_ prom.Collector = (*Collector)(nil)
	_ Source         = (*session.Manager[session.Values])(nil)
)

func describe(name, help string, labels ...string) *prom.Desc {
	return prom.NewDesc("keyturn_"+name, help, labels, nil)
}

// Describe sends what metrics there are.
func (c *Collector) Describe(ch chan<- *prom.Desc) {
	for _, d := range everyMetric {
		ch <- d
	}
}

// Collect sends the metrics as they are now.
func (c *Collector) Collect(ch chan<- prom.Metric) {
	now := time.Now()
	rings := make(map[string]bool)
	for _, source := range c.sources {
		s := source.Stats(now)
		if ring := s.Keyring.Ring; !rings[ring] {
			rings[ring] = true
			collectRing(ch, s.Keyring)
		}
		for outcome, n := range s.Outcomes {
			count(ch, sessions, n, s.Cookie, outcome)
		}
		for codec, n := range s.Read {
			count(ch, reads, n, s.Cookie, codec)
		}
		for codec, n := range s.Written {
			count(ch, writes, n, s.Cookie, codec)
		}
		for _, r := range s.Reissued {
			count(ch, reissues, r.Count, s.Cookie, r.FromKey.String(), r.ToKey.String(), r.FromCodec, r.ToCodec)
		}
	}
}

func collectRing(ch chan<- prom.Metric, s keyring.Stats) {
	primary := ""
	if s.Primary != (keyring.KeyID{}) {
		primary = s.Primary.String()
	}
	gauge(ch, ringInfo, 1, s.Ring, s.Checksum, primary, s.Codec)
	gauge(ch, generation, float64(s.Generation), s.Ring)
	gauge(ch, adopted, unix(s.Adopted), s.Ring)
	gauge(ch, confirmed, unix(s.Confirmed), s.Ring)
	gauge(ch, failing, flag(s.Failure != ""), s.Ring)
	gauge(ch, newestKey, unix(s.NewestKey), s.Ring)
	gauge(ch, standby, unix(s.Standby), s.Ring)
	for result, n := range map[string]uint64{
		"adopted": s.Loads.Adopted, "unchanged": s.Loads.Unchanged, "unreadable": s.Loads.Unreadable,
		"invalid": s.Loads.Invalid, "refused": s.Loads.Refused,
	} {
		count(ch, loads, n, s.Ring, result)
	}
	for _, k := range s.Keys {
		id := k.ID.String()
		gauge(ch, keyInfo, 1, s.Ring, id, k.Algorithm, k.State.String())
		count(ch, keyVerified, k.Verified, s.Ring, id)
		count(ch, keySigned, k.Signed, s.Ring, id)
		gauge(ch, lastVerified, unix(k.LastVerified), s.Ring, id)
		gauge(ch, keyPrunable, flag(k.Prunable), s.Ring, id)
	}
}

func gauge(ch chan<- prom.Metric, d *prom.Desc, v float64, labels ...string) {
	ch <- prom.MustNewConstMetric(d, prom.GaugeValue, v, labels...)
}

func count(ch chan<- prom.Metric, d *prom.Desc, n uint64, labels ...string) {
	ch <- prom.MustNewConstMetric(d, prom.CounterValue, float64(n), labels...)
}

func flag(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// unix returns a time in seconds, and 0 for none.
func unix(t time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return float64(t.UnixMilli()) / 1000
}
