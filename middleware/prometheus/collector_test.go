package prometheus_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
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
# HELP keyturn_ring_newest_key_timestamp_seconds When the newest key was added.
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
`, id, standbyID(keys, active))
	if err := testutil.GatherAndCompare(r, strings.NewReader(want),
		"keyturn_key_verified_total", "keyturn_ring_generation", "keyturn_ring_newest_key_timestamp_seconds", "keyturn_session_writes_total"); err != nil {
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
	for _, name := range []string{"ring_info", "ring_adopted_timestamp_seconds", "ring_confirmed_timestamp_seconds", "ring_failing",
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
