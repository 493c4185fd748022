package prometheus

import (
	"fmt"
	"slices"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/session"
	prom "github.com/prometheus/client_golang/prometheus"
)

// A Source is what the metrics are of: a *session.Manager of any type is one. It
// must be comparable, as a pointer is.
type Source interface {
	Stats(now time.Time) session.Stats

	// Keyring returns what Stats says of a ring is about.
	Keyring() *keyring.Keyring
}

// A Collector is a prometheus.Collector of the sessions of one or more Managers,
// and of their rings. It is safe for concurrent use.
//
// Labels are names of cookies, rings, keys, algorithms and codecs of the program's
// own: nothing that a client sends becomes one.
type Collector struct{ sources []source }

type source struct {
	Source
	keyring *keyring.Keyring
}

// NewCollector returns a Collector of Managers. A registry takes one Collector: give
// it all the Managers of the program.
//
// A keyring that several Managers have is shown once. Of different keyrings whose
// rings have one name, or none, the second has the label shop/2 where the first has
// shop, and so on, in the order of the Managers. Managers of one cookie are counted
// together; one that is given twice counts once.
//
// It panics if a Manager is nil.
func NewCollector(sources ...Source) *Collector {
	c := new(Collector)
	for _, s := range sources {
		// Asking a nil Manager panics: here, and not in a scrape.
		if s := (source{s, s.Keyring()}); !slices.Contains(c.sources, s) {
			c.sources = append(c.sources, s)
		}
	}
	return c
}

var (
	ringInfo     = describe("ring_info", "The ring in use.", "ring", "checksum", "primary", "codec")
	generation   = describe("ring_generation", "The generation of the ring in use.", "ring")
	propagation  = describe("ring_propagation_seconds", "How long a ring may take to reach every instance.", "ring")
	skew         = describe("ring_skew_seconds", "The largest error of one clock.", "ring")
	maxSession   = describe("ring_max_session_seconds", "The longest life of a session that begins now.", "ring")
	warnings     = describe("ring_warnings", "How many warnings there are of the ring in use.", "ring")
	adopted      = describe("ring_adopted_timestamp_seconds", "When the ring in use was adopted.", "ring")
	confirmed    = describe("ring_confirmed_timestamp_seconds", "When the source last had the ring in use; absent if no source is followed.", "ring")
	failing      = describe("ring_failing", "1 if the last look at the source went wrong.", "ring")
	loads        = describe("ring_loads_total", "Looks at the source, by result.", "ring", "result")
	newestKey    = describe("ring_newest_key_timestamp_seconds", "When the newest key was added; absent if no key says when.", "ring")
	standby      = describe("ring_standby_timestamp_seconds", "When the standby key was added; 0 if there is none, or none that says when.", "ring")
	keyInfo      = describe("key_info", "The keys of the ring in use, and their states.", "ring", "key", "algorithm", "state")
	keyVerified  = describe("key_verified_total", "Tokens verified with the key.", "ring", "key")
	keySigned    = describe("key_signed_total", "Tokens made with the key.", "ring", "key")
	lastVerified = describe("key_last_verified_timestamp_seconds", "When a token was last verified with the key; absent if none was.", "ring", "key")
	keyPrunable  = describe("key_prunable", "1 if every token of the key has expired.", "ring", "key")
	lacking      = describe("session_warnings", "How many warnings there are of what the program lacks.", "cookie")
	sessions     = describe("sessions_total", "Sessions touched, by what became of the cookie.", "cookie", "outcome")
	reads        = describe("session_reads_total", "Valid sessions, by codec.", "cookie", "codec")
	writes       = describe("session_writes_total", "Tokens made, by codec.", "cookie", "codec")
	reissues     = describe("session_reissues_total", "Sessions sent on under another key or in another codec.", "cookie", "from_key", "to_key", "from_codec", "to_codec")
	takeovers    = describe("session_takeovers_total", "Cookies of other libraries, by whether the session was taken over: taken_over, refused.", "cookie", "system", "result")
	everyMetric  = []*prom.Desc{ringInfo, generation, propagation, skew, maxSession, warnings, adopted, confirmed, failing, loads, newestKey, standby, keyInfo, keyVerified, keySigned, lastVerified, keyPrunable, lacking, sessions, reads, writes, reissues, takeovers}
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
	shown := make(map[*keyring.Keyring]bool)
	namesakes := make(map[string]int)
	counts := make(map[series]uint64)
	warned := make(map[string]int)
	add := func(n uint64, d *prom.Desc, labels ...string) {
		k := series{desc: d}
		k.n = copy(k.labels[:], labels)
		counts[k] += n
	}
	for _, source := range c.sources {
		s := source.Stats(now)
		if !shown[source.keyring] {
			shown[source.keyring] = true
			ring := s.Keyring.Ring
			namesakes[ring]++
			if n := namesakes[ring]; n > 1 { // no name of a ring has a slash
				s.Keyring.Ring = fmt.Sprintf("%s/%d", ring, n)
			}
			collectRing(ch, s.Keyring)
		}
		warned[s.Cookie] = max(warned[s.Cookie], len(s.Warnings))
		for outcome, n := range s.Outcomes {
			add(n, sessions, s.Cookie, outcome)
		}
		for codec, n := range s.Read {
			add(n, reads, s.Cookie, codec)
		}
		for codec, n := range s.Written {
			add(n, writes, s.Cookie, codec)
		}
		for system, n := range s.TakenOver {
			add(n, takeovers, s.Cookie, system, "taken_over")
		}
		for system, n := range s.NotTakenOver {
			add(n, takeovers, s.Cookie, system, "refused")
		}
		for _, r := range s.Reissued {
			add(r.Count, reissues, s.Cookie, r.FromKey.String(), r.ToKey.String(), r.FromCodec, r.ToCodec)
		}
	}
	for cookie, n := range warned {
		gauge(ch, lacking, float64(n), cookie)
	}
	for k, n := range counts {
		count(ch, k.desc, n, k.labels[:k.n]...)
	}
}

// A series is a counter that several Managers may add to.
type series struct {
	desc   *prom.Desc
	labels [5]string // the first n
	n      int
}

func collectRing(ch chan<- prom.Metric, s keyring.Stats) {
	primary := ""
	if s.Primary != (keyring.KeyID{}) {
		primary = s.Primary.String()
	}
	gauge(ch, ringInfo, 1, s.Ring, s.Checksum, primary, s.Codec)
	gauge(ch, generation, float64(s.Generation), s.Ring)
	gauge(ch, propagation, s.Policy.Propagation.Seconds(), s.Ring)
	gauge(ch, skew, s.Policy.Skew.Seconds(), s.Ring)
	gauge(ch, maxSession, s.Policy.MaxSession.Seconds(), s.Ring)
	gauge(ch, warnings, float64(len(s.Warnings)), s.Ring)
	instant(ch, adopted, s.Adopted, s.Ring)
	instant(ch, confirmed, s.Confirmed, s.Ring)
	gauge(ch, failing, flag(s.Failure != ""), s.Ring)
	instant(ch, newestKey, s.NewestKey, s.Ring)
	if s.Standby.IsZero() {
		gauge(ch, standby, 0, s.Ring) // what is absent is hard to alert on
	}
	instant(ch, standby, s.Standby, s.Ring)
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
		instant(ch, lastVerified, k.LastVerified, s.Ring, id)
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

// instant sends a time in seconds, and nothing for none: by 0, everything since 1970
// would be too late.
func instant(ch chan<- prom.Metric, d *prom.Desc, t time.Time, labels ...string) {
	if !t.IsZero() {
		gauge(ch, d, float64(t.UnixMilli())/1000, labels...)
	}
}
