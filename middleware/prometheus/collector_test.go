package prometheus_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/keyring"
	"github.com/keyturn/keyturn/middleware/prometheus"
	"github.com/keyturn/keyturn/session"
	"github.com/keyturn/keyturn/signer"
	prom "github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

type visit struct {
	User string `json:"user"`
}

func manager(t *testing.T, keys *keyring.Keyring, name string) *session.Manager[visit] {
	t.Helper()
	m, err := session.New[visit](session.Config{Keys: keys, Name: name})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func ring(t *testing.T) (*keyring.Keyring, keyring.Key) {
	t.Helper()
	active, standby := keyring.GenerateKey(signer.HMACSHA256()), keyring.GenerateKey(signer.HMACSHA256())
	active.Added, standby.Added = time.Unix(1700000000, 0), time.Unix(1700000600, 0)
	active.SignFrom = active.Added
	r, err := keyring.NewRing(keyring.Document{Name: "shop", Generation: 7, Keys: []keyring.Key{active, standby}})
	if err != nil {
		t.Fatal(err)
	}
	return keyring.New(r), active
}

func TestCollectorShowsStats(t *testing.T) {
	keys, active := ring(t)
	a, b := manager(t, keys, "a"), manager(t, keys, "b")
	now := time.Now()
	s := a.New(now)
	if err := s.Renew(visit{User: "tom"}); err != nil {
		t.Fatal(err)
	}
	value, err := a.Seal(now, s)
	if err != nil {
		t.Fatal(err)
	}
	a.Open(now, value).Outcome()
	b.Open(now, value).Outcome() // forged: of another cookie
	a.Open(now, "hostile{label=\"x\"}\n").Outcome()

	r := prom.NewPedanticRegistry()
	r.MustRegister(prometheus.NewCollector(a, b))
	id := active.ID().String()
	want := fmt.Sprintf(`
# HELP keyturn_key_verified_total Tokens verified with the key.
# TYPE keyturn_key_verified_total counter
keyturn_key_verified_total{key="%s",ring="shop"} 1
keyturn_key_verified_total{key="%s",ring="shop"} 0
# HELP keyturn_ring_generation The generation of the ring in use.
# TYPE keyturn_ring_generation gauge
keyturn_ring_generation{ring="shop"} 7
# HELP keyturn_ring_max_session_seconds The longest life of a session that begins now.
# TYPE keyturn_ring_max_session_seconds gauge
keyturn_ring_max_session_seconds{ring="shop"} 1.2096e+06
# HELP keyturn_ring_newest_key_timestamp_seconds When the newest key was added; absent if no key says when.
# TYPE keyturn_ring_newest_key_timestamp_seconds gauge
keyturn_ring_newest_key_timestamp_seconds{ring="shop"} 1.7000006e+09
# HELP keyturn_session_writes_total Tokens made, by codec.
# TYPE keyturn_session_writes_total counter
keyturn_session_writes_total{codec="cbor",cookie="a"} 0
keyturn_session_writes_total{codec="cbor",cookie="b"} 0
keyturn_session_writes_total{codec="json",cookie="a"} 1
keyturn_session_writes_total{codec="json",cookie="b"} 0
keyturn_session_writes_total{codec="msgpack",cookie="a"} 0
keyturn_session_writes_total{codec="msgpack",cookie="b"} 0
# HELP keyturn_ring_propagation_seconds How long a ring may take to reach every instance.
# TYPE keyturn_ring_propagation_seconds gauge
keyturn_ring_propagation_seconds{ring="shop"} 3600
# HELP keyturn_ring_skew_seconds The largest error of one clock.
# TYPE keyturn_ring_skew_seconds gauge
keyturn_ring_skew_seconds{ring="shop"} 300
# HELP keyturn_ring_standby_timestamp_seconds When the standby key was added; 0 if there is none, or none that says when.
# TYPE keyturn_ring_standby_timestamp_seconds gauge
keyturn_ring_standby_timestamp_seconds{ring="shop"} 1.7000006e+09
`, id, standbyID(keys, active))
	if err := testutil.GatherAndCompare(r, strings.NewReader(want),
		"keyturn_key_verified_total", "keyturn_ring_generation", "keyturn_ring_newest_key_timestamp_seconds", "keyturn_session_writes_total",
		"keyturn_ring_propagation_seconds", "keyturn_ring_skew_seconds", "keyturn_ring_max_session_seconds", "keyturn_ring_standby_timestamp_seconds"); err != nil {
		t.Error(err)
	}
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, f := range families {
		found[f.GetName()] = true
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if strings.Contains(l.GetValue(), "hostile") || strings.Contains(l.GetValue(), value) {
					t.Errorf("%s has what a client sent as a label", f.GetName())
				}
			}
		}
	}
	for _, name := range []string{"ring_info", "ring_adopted_timestamp_seconds", "ring_failing", "ring_warnings",
		"ring_loads_total", "ring_standby_timestamp_seconds", "key_info", "key_signed_total", "key_last_verified_timestamp_seconds",
		"key_prunable", "sessions_total", "session_reads_total"} {
		if !found["keyturn_"+name] {
			t.Errorf("there is no keyturn_%s", name)
		}
	}
	if problems, err := testutil.CollectAndLint(prometheus.NewCollector(a, b)); err != nil || len(problems) != 0 {
		t.Errorf("%v, %v", problems, err)
	}
}

// A series that there is twice makes the whole scrape fail.
func TestNoSeriesIsThereTwice(t *testing.T) {
	one, _ := ring(t)
	two, _ := ring(t) // of the same name
	a, again, other := manager(t, one, "a"), manager(t, one, "a"), manager(t, two, "a")
	b, c := manager(t, keyring.Ephemeral(), "b"), manager(t, keyring.Ephemeral(), "c")
	now := time.Now()
	value, err := a.Seal(now, a.New(now))
	if err != nil {
		t.Fatal(err)
	}
	a.Open(now, value).Outcome()
	again.Open(now, value).Outcome()
	other.Open(now, value).Outcome() // of a key that it does not know
	got := gathered(t, a, again, other, a, b, c)
	for name, want := range map[string]float64{
		`keyturn_ring_generation{ring="shop"}`:                                   7,
		`keyturn_ring_generation{ring="shop/2"}`:                                 7,
		`keyturn_ring_generation{ring=""}`:                                       0,
		`keyturn_ring_generation{ring="/2"}`:                                     0,
		`keyturn_sessions_total{cookie="a",outcome="valid"}`:                     2,
		`keyturn_sessions_total{cookie="a",outcome="unknown_key"}`:               1,
		`keyturn_session_reads_total{codec="json",cookie="a"}`:                   2,
		`keyturn_session_writes_total{codec="json",cookie="a"}`:                  1,
		`keyturn_sessions_total{cookie="b",outcome="valid"}`:                     0,
		`keyturn_ring_loads_total{result="adopted",ring="shop/2"}`:               0,
		`keyturn_key_verified_total{key="` + primaryID(one) + `",ring="shop"}`:   2,
		`keyturn_key_verified_total{key="` + primaryID(two) + `",ring="shop/2"}`: 0,
	} {
		if n, ok := got[name]; !ok || n != want {
			t.Errorf("%s is %v, there: %v, want %v", name, n, ok, want)
		}
	}
}

// A counter that begins at 1 has no rate that shows it.
func TestCountersBeginAtZero(t *testing.T) {
	got := gathered(t, manager(t, keyring.Ephemeral(), "a"))
	counters := map[string]int{}
	for name, n := range got {
		if family, _, _ := strings.Cut(name, "{"); strings.HasSuffix(family, "_total") {
			counters[family]++
			if n != 0 {
				t.Errorf("%s begins at %v", name, n)
			}
		}
	}
	outcomes := 2 // valid, absent
	for r := session.Reason(1); !strings.HasPrefix(r.String(), "Reason("); r++ {
		outcomes++
	}
	if want := map[string]int{"keyturn_sessions_total": outcomes, "keyturn_session_reads_total": 3, "keyturn_session_writes_total": 3,
		"keyturn_ring_loads_total": 5, "keyturn_key_verified_total": 1, "keyturn_key_signed_total": 1}; !maps.Equal(counters, want) {
		t.Errorf("%v, want %v", counters, want)
	}
}

// By a time of 0, an alert on what is too old would fire for ever.
func TestATimeThatIsNotKnownIsAbsent(t *testing.T) {
	keys := keyring.Ephemeral() // follows no source, and its key does not say when it was added
	m := manager(t, keys, "a")
	got := gathered(t, m)
	unknown := []string{
		`keyturn_ring_confirmed_timestamp_seconds{ring=""}`,
		`keyturn_ring_newest_key_timestamp_seconds{ring=""}`,
		`keyturn_key_last_verified_timestamp_seconds{key="` + primaryID(keys) + `",ring=""}`,
	}
	for _, name := range unknown {
		if n, ok := got[name]; ok {
			t.Errorf("%s is %v", name, n)
		}
	}
	// This one is to be alerted on.
	if n, ok := got[`keyturn_ring_standby_timestamp_seconds{ring=""}`]; !ok || n != 0 {
		t.Errorf("no standby key: %v, there: %v", n, ok)
	}
	if got[`keyturn_ring_warnings{ring=""}`] == 0 { // of the same
		t.Error("no warning")
	}

	_, active := ring(t)
	file, err := keyring.Document{Name: "shop", Generation: 1, Keys: []keyring.Key{active}}.EncodeWithSecrets()
	if err != nil {
		t.Fatal(err)
	}
	followed, err := keyring.Follow(content(file))
	if err != nil {
		t.Fatal(err)
	}
	defer followed.Close()
	m = manager(t, followed, "a")
	now := time.Now()
	value, err := m.Seal(now, m.New(now))
	if err != nil {
		t.Fatal(err)
	}
	m.Open(now, value).Outcome()
	got = gathered(t, m)
	for _, name := range []string{
		`keyturn_ring_confirmed_timestamp_seconds{ring="shop"}`,
		`keyturn_key_last_verified_timestamp_seconds{key="` + active.ID().String() + `",ring="shop"}`,
	} {
		if n := got[name]; n < float64(now.Unix()-60) || n > float64(now.Unix()+60) {
			t.Errorf("%s is %v, at %d", name, n, now.Unix())
		}
	}
}

func TestARingWithoutAPrimaryNamesNone(t *testing.T) {
	active := keyring.GenerateKey(signer.HMACSHA256())
	active.SignFrom, active.VerifyUntil = time.Unix(1700000000, 0), time.Unix(1700001000, 0)
	r, err := keyring.NewRing(keyring.Document{Name: "shop", Generation: 1, Keys: []keyring.Key{active}})
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf(`keyturn_ring_info{checksum="%s",codec="",primary="",ring="shop"}`, r.Checksum())
	if got := gathered(t, manager(t, keyring.New(r), "a")); got[name] != 1 {
		t.Errorf("there is no %s in %v", name, got)
	}
}

func TestNewCollectorPanicsOfANilManager(t *testing.T) {
	for _, s := range []prometheus.Source{nil, (*session.Manager[visit])(nil)} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%T: a scrape would", s)
				}
			}()
			prometheus.NewCollector(s)
		}()
	}
}

// The package comment names every metric, and nothing else.
func TestEveryMetricIsInThePackageComment(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, name := range regexp.MustCompile(`keyturn_\w+`).FindAllString(string(text), -1) {
		documented[name] = true
	}
	ch := make(chan *prom.Desc, 100)
	prometheus.NewCollector().Describe(ch)
	close(ch)
	described := map[string]bool{}
	for d := range ch {
		described[regexp.MustCompile(`keyturn_\w+`).FindString(d.String())] = true
	}
	if !maps.Equal(documented, described) || len(described) < 20 {
		t.Errorf("documented are %v,\nthere are %v", slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(described)))
	}
}

// gathered returns what a pedantic registry has of the Managers, by name and labels.
func gathered(t *testing.T, sources ...prometheus.Source) map[string]float64 {
	t.Helper()
	r := prom.NewPedanticRegistry()
	r.MustRegister(prometheus.NewCollector(sources...))
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, fmt.Sprintf("%s=%q", l.GetName(), l.GetValue()))
			}
			all[f.GetName()+"{"+strings.Join(labels, ",")+"}"] = m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return all
}

// content is a Source of a ring file that does not change.
type content []byte

func (c content) Load(context.Context) ([]byte, error) { return c, nil }

func primaryID(keys *keyring.Keyring) string {
	k, err := keys.Ring().Primary(time.Now())
	if err != nil {
		return ""
	}
	return k.ID().String()
}

func standbyID(keys *keyring.Keyring, active keyring.Key) string {
	for _, k := range keys.Ring().Document().Keys {
		if k.ID() != active.ID() {
			return k.ID().String()
		}
	}
	return ""
}

func Example() {
	visits, err := session.New[visit](session.Config{Keys: keyring.Ephemeral()})
	if err != nil {
		fmt.Println(err)
		return
	}
	registry := prom.NewRegistry()
	registry.MustRegister(prometheus.NewCollector(visits))
	// Not where the public reaches it.
	metrics := promhttp.HandlerFor(registry, promhttp.HandlerOpts{})

	w := httptest.NewRecorder()
	metrics.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	fmt.Println(w.Code, strings.Contains(w.Body.String(), "keyturn_ring_info"))
	// Output: 200 true
}
