package peers

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/keyturn/keyturn/benchmarks/internal/work"
	"github.com/keyturn/keyturn/benchmarks/internal/worktest"
)

func contests(tb testing.TB) []work.Contest {
	tb.Helper()
	all, err := Contests()
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

func TestEveryContestHasEntriesThatSucceed(t *testing.T) { worktest.Test(t, contests(t)) }

func TestEveryPeerEnters(t *testing.T) {
	all := contests(t)
	sites := []string{"gorilla/sessions", "scs", "golangcollege/sessions"}
	envelopes := []string{"gorilla/securecookie raw", "gorilla/securecookie raw sealed", "go-paseto v4.local"}
	wholes := []string{"chmike/securecookie", "gorilla/securecookie raw sealed"}
	values := []string{"gorilla/securecookie JSON", "gorilla/securecookie gob", "golang-jwt HS256", "cristalhq/jwt HS256", "go-paseto v4.local"}
	rings := []string{"gorilla 1 key", "gorilla 2 keys", "gorilla 8 keys", "gorilla 64 keys"}
	want := map[string][]string{
		"http/get/132": wholes, "http/set/132": wholes, "value/open": values, "value/make": values, "ring/open": rings, "ring/sign": rings,
		"envelope/open/16": envelopes, "envelope/open/132": envelopes, "envelope/open/1000": envelopes, "envelope/open/2900": envelopes,
		"envelope/sign/16": envelopes, "envelope/sign/132": envelopes, "envelope/sign/1000": envelopes, "envelope/sign/2900": envelopes,
	}
	for _, name := range work.AllRequests {
		want[name] = sites
	}
	for _, c := range all {
		for _, who := range want[c.Name] {
			if !slices.ContainsFunc(c.Entries, func(e work.Entry) bool { return e.Who == who }) {
				t.Errorf("%s: no %s", c.Name, who)
			}
		}
		delete(want, c.Name)
	}
	for name := range want {
		t.Errorf("no contest %s", name)
	}
}

// changes yields the value of a cookie with each of its letters changed to another.
func changes(value string, yield func(string) bool) {
	for i := range value {
		b := []byte(value)
		switch c := b[i] &^ 0x20; {
		case c < 'A' || c > 'Z':
			continue
		case c == 'Z':
			b[i]--
		default:
			b[i]++
		}
		if !yield(string(b)) {
			return
		}
	}
}

// lastOnly reports that two texts differ in the last character only, some of whose
// bits base64 may not need: not all libraries look at those.
func lastOnly(value, changed string) bool {
	n := len(strings.TrimRight(value, "=")) - 1
	return value[:n] == changed[:n]
}

// A library that did not verify would win every contest.
func TestPeersRejectEveryChangedCookie(t *testing.T) {
	check := func(who, value string, accepts func(string) bool) {
		if !accepts(value) {
			t.Errorf("%s refuses its own cookie", who)
		}
		n := 0
		changes(value, func(changed string) bool {
			n++
			if !lastOnly(value, changed) && accepts(changed) {
				t.Errorf("%s accepts %s for %s", who, changed, value)
			}
			return true
		})
		if n < len(value)/2 {
			t.Errorf("%s: %d changes to a cookie of %d bytes", who, n, len(value))
		}
	}
	carriers, err := envelopes()
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range work.RingSizes {
		carriers = append(carriers, gorillaRing(n))
	}
	for _, c := range carriers {
		value, err := c.make(work.Payload(132))
		if err != nil {
			t.Fatal(c.who, err)
		}
		check(c.who, value, func(v string) bool { _, err := c.open(v); return err == nil })
	}
	sessions, err := values()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range sessions {
		value, err := c.make(work.Standard)
		if err != nil {
			t.Fatal(c.who, err)
		}
		check(c.who, value, func(v string) bool { _, err := c.open(v); return err == nil })
	}
	libraries, err := wholes()
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range libraries {
		w := work.NewResponse()
		if err := l.set(w, work.Payload(132)); err != nil {
			t.Fatal(l.who, err)
		}
		value, err := w.Value()
		if err != nil {
			t.Fatal(l.who, err)
		}
		check("whole "+l.who, value, func(v string) bool { _, err := l.get(nil, work.NewRequest(v)); return err == nil })
	}
	for _, s := range Sites() {
		value, err := s.SignedIn()
		if err != nil {
			t.Fatal(err)
		}
		check(s.Who, value, func(v string) bool {
			var user string
			s.Wrap(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { user = s.Read(r) })).ServeHTTP(work.NewResponse(), work.NewRequest(v))
			return user != ""
		})
	}
}

func TestWhatPeersReturnIsCompared(t *testing.T) {
	good := carrier[[]byte]{
		who:  "peer",
		make: func(b []byte) (string, error) { return string(b), nil },
		open: func(v string) ([]byte, error) { return []byte(v), nil },
	}
	if _, err := good.check([]byte("abcdefgh"), bytes.Equal); err == nil || !strings.Contains(err.Error(), "peer: accepted a forged cookie") {
		t.Errorf("one that accepts everything: %v", err)
	}
	bad := good
	bad.open = func(v string) ([]byte, error) { return []byte("other"), nil }
	if _, err := bad.check([]byte("abcdefgh"), bytes.Equal); err == nil || !strings.Contains(err.Error(), "peer: ") {
		t.Errorf("one that returns something else: %v", err)
	}
}

// In every codec, of a struct and of a dictionary: signed beside signed, and
// encrypted beside encrypted.
func TestCookiesAreTheSmallest(t *testing.T) {
	encrypts := func(e work.Entry) bool { return strings.HasPrefix(e.Note, "encrypts") }
	n := 0
	for _, c := range contests(t) {
		if !strings.HasPrefix(c.Name, "envelope/sign/") && c.Name != "value/make" {
			continue
		}
		for _, ours := range c.Entries {
			if !strings.HasPrefix(ours.Who, "keyturn ") {
				continue
			}
			for _, e := range c.Entries {
				if e.Cookie == 0 || strings.HasPrefix(e.Who, "keyturn ") || strings.HasPrefix(e.Who, "floor") || encrypts(e) != encrypts(ours) {
					continue
				}
				n++
				if ours.Cookie >= e.Cookie {
					t.Errorf("%s: %s has %d bytes, and %s %d", c.Name, ours.Who, ours.Cookie, e.Who, e.Cookie)
				}
			}
		}
	}
	if n < 60 {
		t.Errorf("%d cookies compared, which cannot be all", n)
	}
}

func BenchmarkContests(b *testing.B) { worktest.Benchmark(b, contests(b)) }
