package benchmarks_test

import (
	"slices"
	"testing"

	"github.com/keyturn/keyturn/benchmarks/internal/work"
	"github.com/keyturn/keyturn/benchmarks/internal/worktest"
)

// The report measures these, and its targets are entries of them.
var names = []string{
	"envelope/open/16", "envelope/sign/16", "envelope/open/132", "envelope/sign/132",
	"envelope/open/1000", "envelope/sign/1000", "envelope/open/2900", "envelope/sign/2900", "envelope/refused/132",
	"http/get/132", "http/set/132", "value/open", "value/make",
	"request/untouched", "request/untouched-1kB", "request/read", "request/change", "request/sign-in",
	"request/reissue", "request/forged", "request/unknown-key", "request/absent",
	"ring/open", "ring/sign",
}

func TestEveryContestHasEntriesThatSucceed(t *testing.T) {
	all := contests(t)
	worktest.Test(t, all)
	var got []string
	for _, c := range all {
		got = append(got, c.Name)
	}
	if !slices.Equal(got, names) {
		t.Errorf("the contests are %q", got)
	}
}

func TestAllocationsDoNotGrow(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	all := contests(t)
	allocs := func(contest, who string) float64 {
		return testing.AllocsPerRun(200, find(t, all, contest, who).Do)
	}
	for _, c := range []struct {
		contest, who string
		ceiling      float64
	}{
		{"value/open", "keyturn hmac-sha256 json", 1},
		{"value/open", "keyturn hmac-sha256 msgpack", 5},
		{"value/open", "keyturn hmac-sha256 cbor", 2},
		{"value/open", "keyturn xchacha20-poly1305 cbor", 3},
		{"value/open", "keyturn hmac-sha256 json values", 20},
		{"value/open", "keyturn hmac-sha256 msgpack values", 20},
		{"value/open", "keyturn hmac-sha256 cbor values", 20},
		{"value/make", "keyturn hmac-sha256 json", 4},
		{"value/make", "keyturn hmac-sha256 msgpack", 4},
		{"value/make", "keyturn hmac-sha256 cbor", 4},
		{"value/make", "keyturn xchacha20-poly1305 cbor", 4},
		{"value/make", "keyturn hmac-sha256 json values", 4},
		{"value/make", "keyturn hmac-sha256 msgpack values", 4},
		{"value/make", "keyturn hmac-sha256 cbor values", 4},
		{"ring/sign", "keyturn 64 keys", 1},
		{"ring/open", "keyturn 64 keys", 1},
	} {
		if n := allocs(c.contest, c.who); n > c.ceiling {
			t.Errorf("%s, %s: %v allocations, more than %v", c.contest, c.who, n, c.ceiling)
		}
	}

	// Of requests, what comes on top of making the request.
	none := allocs("request/untouched", "no middleware")
	if n := allocs("request/untouched", "floor: wraps the writer and the request") - none; n != 3 {
		t.Errorf("the floor of middleware allocates %v times: the compiler sees through it", n)
	}
	for _, c := range []struct {
		contest, who string
		ceiling      float64
	}{
		{"request/untouched", "keyturn hmac-sha256 cbor", 3},
		{"request/untouched-1kB", "keyturn hmac-sha256 cbor", 3},
		{"request/read", "keyturn hmac-sha256 json", 5},
		{"request/read", "keyturn hmac-sha256 msgpack", 9},
		{"request/read", "keyturn hmac-sha256 cbor", 6},
		{"request/read", "keyturn xchacha20-poly1305 cbor", 7},
		{"request/change", "keyturn hmac-sha256 json", 11},
		{"request/change", "keyturn hmac-sha256 msgpack", 15},
		{"request/change", "keyturn hmac-sha256 cbor", 12},
		{"request/change", "keyturn xchacha20-poly1305 cbor", 13},
	} {
		if n := allocs(c.contest, c.who) - none; n > c.ceiling {
			t.Errorf("%s, %s: %v allocations, more than %v", c.contest, c.who, n, c.ceiling)
		}
	}
}

// An entry that does nothing would be the fastest. All but these leave something
// behind, if only what is thrown away.
func TestEveryEntryDoesSomething(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	all := contests(t)
	var idle []string
	for _, c := range all {
		for _, e := range c.Entries {
			if testing.AllocsPerRun(10, e.Do) == 0 {
				idle = append(idle, c.Name+": "+e.Who)
			}
		}
	}
	if want := []string{
		"envelope/refused/132: keyturn malformed", "envelope/refused/132: keyturn too_large",
		"value/make: json alone", "value/make: msgpack alone", "value/make: cbor alone",
		"request/untouched: no middleware", "request/untouched-1kB: no middleware",
	}; !slices.Equal(idle, want) {
		t.Errorf("these allocate nothing: %q", idle)
	}
	for _, contest := range []string{"envelope/open/132", "envelope/sign/132"} {
		if n := testing.AllocsPerRun(1000, find(t, all, contest, work.FloorEnvelope).Do); n != 1 {
			t.Errorf("the floor of %s allocates %v times: what is made is one", contest, n)
		}
	}
}
