package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keyturn/keyturn/benchmarks/internal/work"
	"github.com/keyturn/keyturn/benchmarks/peers/internal/server"
	"github.com/keyturn/keyturn/internal/turns"
)

// fakeTimes are times around ns, in rounds of which some are disturbed, which
// happens to all who were measured in that round.
func fakeTimes(ns float64) turns.Times {
	t := turns.Times{Allocs: 3.004, Bytes: 416}
	for round := range 20 {
		x := ns
		if round%7 == 3 {
			x *= 5
		}
		t.NS = append(t.NS, x)
	}
	return t
}

func fakeContest(name string, entries ...any) contest {
	c := contest{name: name}
	for i := 0; i < len(entries); i += 2 {
		e := entry{who: entries[i].(string), Times: fakeTimes(entries[i+1].(float64))}
		if strings.HasPrefix(name, "value/") {
			e.cookie = 200 + 30*i
		}
		if e.who == scs {
			e.note = "server-side: the data stays in its memory"
		}
		c.entries = append(c.entries, e)
	}
	return c
}

// fakeResults are such as a run has, of known times.
func fakeResults() *results {
	r := &results{
		effort: quick, quick: true, began: time.Date(2026, 5, 4, 10, 20, 0, 0, time.UTC), took: 171 * time.Second,
		machine: machine{
			cpu: "Some | Processor", cores: 2, os: "Debian", goos: "linux/amd64", golang: "go1.26.8", commit: "0123abc, unchanged",
			rivals: []module{{"github.com/gorilla/sessions", "v1.4.0"}},
		},
	}
	for i, size := range []int{16, 132, 1000, 2900} {
		f := float64(i)
		for j, kind := range []string{"open", "sign"} {
			g := float64(j) * 90
			r.contests = append(r.contests, fakeContest(fmt.Sprintf("envelope/%s/%d", kind, size),
				floorEnvelope, 350+g+f*700, hmacAlone, 380+g+f*720, "keyturn blake2b-256", 500+g+f*1200,
				"keyturn xchacha20-poly1305", 700+g+f*900, gorillaRaw, 1300+g+f*2500, "gorilla/securecookie raw, block key", 1900+g+f*2600,
				goPaseto, 6000+g+f*2000))
		}
	}
	r.contests = append(r.contests,
		fakeContest("value/make", keyJSON, 900., keyMsgpack, 800., keyCBOR, 700., "keyturn xchacha20-poly1305 cbor", 1000.,
			gorillaJSON, 2300., gorillaGob, 4200., golangJWT, 2700., cristalhqJWT, 1500., goPaseto, 8000.,
			"keyturn blake2b-256 cbor", 1100., keyCBOR+" values", 1000., keyCBOR+work.AtATime, 600., floorEnvelope+" cbor", 500.),
		fakeContest("request/read", floorRequest, 350., keyCBOR, 1200., keyMsgpack, 1400., keyJSON, 1600., "keyturn xchacha20-poly1305 cbor", 1500.,
			gorillaSess, 14100., scs, 15200., "golangcollege/sessions", 16700.),
		fakeContest("request/change", keyCBOR, 3200., keyMsgpack, 3400., keyJSON, 3900., "keyturn xchacha20-poly1305 cbor", 3600., floorRequest, 350.,
			gorillaSess, 21000., scs, 24400., "golangcollege/sessions", 28100.),
		fakeContest("ring/open", "keyturn 1 key", 380., "keyturn 2 keys", 381., "keyturn 8 keys", 380., "keyturn 64 keys", 382.,
			"gorilla/securecookie raw 1 key", 1300., "gorilla/securecookie raw 2 keys", 2500., "gorilla/securecookie raw 8 keys", 9800.,
			"gorilla/securecookie raw 64 keys", 78000.))
	r.parallel = []parallel{
		{"value/open", parallelWho, false, []float64{1e6, 1.1e6, 1e6}, []float64{2e6, 2.1e6, 1.9e6}},
		{"value/open", parallelWho, true, []float64{1e6, 1e6, 1e6}, []float64{1.7e6, 1.8e6, 1.6e6}},
	}
	for i, name := range server.Names {
		f := float64(1 + i)
		r.sites = append(r.sites, server.Site{
			Name: name, PerSecond: []float64{30000, 31000, 29000}, P50: []float64{80, 81, 82}, P99: []float64{600, 610, 620},
			CPU: []float64{15 + f, 16 + f, 17 + f},
		})
	}
	return r
}

// spin is work that takes about so long.
func spin(d time.Duration) func() {
	return func() {
		for began := time.Now(); time.Since(began) < d; {
		}
	}
}

// fakeContests are contests whose times are known.
func fakeContests() ([]work.Contest, error) {
	read := work.Entry{Who: parallelWho, Do: spin(20 * time.Microsecond), Fork: func() func() { return spin(20 * time.Microsecond) }}
	return []work.Contest{
		{Name: "value/open", Entries: []work.Entry{
			{Who: keyCBOR, Do: read.Do, Fork: read.Fork, Cookie: 200},
			{Who: gorillaJSON, Do: spin(100 * time.Microsecond), Cookie: 300},
		}},
		{Name: "request/read", Entries: []work.Entry{read, {Who: gorillaSess, Do: spin(100 * time.Microsecond)}}},
	}, nil
}

func mustFiles(t *testing.T, r *results) map[string]string {
	t.Helper()
	files, err := r.files()
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]string)
	for _, f := range files {
		all[f.name] = string(f.data)
	}
	return all
}
