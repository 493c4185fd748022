package middleware

import (
	"math"
	"net/http"
	"strings"
	"testing"
	"time"
)

// byHTTPCookie is what setCookie.set has to return.
func byHTTPCookie(a http.Cookie, value string, age time.Duration) string {
	a.Value = value
	a.MaxAge = int(min(age, maxAge) / time.Second)
	if a.MaxAge <= 0 {
		a.MaxAge = -1
		a.Expires = time.Unix(0, 0)
	}
	return a.String()
}

func TestSetCookieIsThatOfNetHTTP(t *testing.T) {
	const second = time.Second
	ages := []time.Duration{
		math.MinInt64, -second, -1, 0, 1, second - 1, second, second + 1, 2*second - 1, 9 * second, 10 * second, 11 * second, 99 * second, time.Minute,
		time.Hour, 14 * 24 * time.Hour, maxAge - 1, maxAge, maxAge + second, 10 * maxAge, math.MaxInt64,
	}
	names := []string{"s", "__Host-session", "__secure-s", "__HTTP-s", "Max-Age", "!#$%&'*+-.^_`|~"}
	paths := []string{"/", "/a=b,c", "/ Max-Age=1", `/"a"\`}
	domains := []string{"", ".example.com", "max-age.example"}
	sites := []http.SameSite{http.SameSiteLaxMode, http.SameSiteStrictMode, http.SameSiteNoneMode}
	values := []string{"", "v", strings.Repeat("aZ09-_", 10)}

	compared := 0
	compare := func(a http.Cookie) {
		s := newSetCookie(a)
		for _, value := range values {
			for _, age := range ages {
				compared++
				if got, want := s.set(value, age), byHTTPCookie(a, value, age); got != want {
					t.Errorf("for %v: %q, want %q", age, got, want)
				}
			}
		}
		if got, want := s.delete(), byHTTPCookie(a, "", 0); got != want {
			t.Errorf("deletion: %q, want %q", got, want)
		}
	}
	for _, name := range names {
		for _, path := range paths {
			var p problems
			if checkPath(&p, "", path); len(p) > 0 {
				t.Fatal(p)
			}
			for _, domain := range domains {
				if checkDomain(&p, "", domain); len(p) > 0 {
					t.Fatal(p)
				}
				for _, site := range sites {
					for bits := range 8 {
						insecure, partitioned, scoped := bits&1 != 0, bits&2 != 0, bits&4 != 0
						c := Config{Path: path, Domain: domain, SameSite: site, Partitioned: partitioned, InsecureHTTP: insecure}
						if scoped { // under a former name, of that place
							c = Config{SameSite: site, InsecureHTTP: insecure, FormerScopes: map[string]Scope{name: {path, domain, partitioned}}}
							c.fill()
						}
						compare(attributesOf(name, &c))
					}
				}
			}
		}
	}
	if compared < 50_000 {
		t.Errorf("%d comparisons", compared)
	}
}

// What is asked for by a Config is in the line, so that the comparison above
// compares what it should.
func TestAttributesAreThoseOfTheConfig(t *testing.T) {
	c := Config{
		Path: "/a", Domain: "example.com", SameSite: http.SameSiteNoneMode, Partitioned: true,
		FormerScopes: map[string]Scope{"old": {Path: "/old"}},
	}
	const gone = "; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0"
	for _, tt := range []struct{ name, set, deleted string }{
		{"s", "s=v; Path=/a; Domain=example.com; Max-Age=60; HttpOnly; Secure; SameSite=None; Partitioned", "s=; Path=/a; Domain=example.com" + gone + "; HttpOnly; Secure; SameSite=None; Partitioned"},
		{"old", "old=v; Path=/old; Max-Age=60; HttpOnly; Secure; SameSite=None", "old=; Path=/old" + gone + "; HttpOnly; Secure; SameSite=None"},
		{"__Host-s", "__Host-s=v; Path=/; Max-Age=60; HttpOnly; Secure; SameSite=None; Partitioned", "__Host-s=; Path=/" + gone + "; HttpOnly; Secure; SameSite=None; Partitioned"},
	} {
		s := newSetCookie(attributesOf(tt.name, &c))
		if got := s.set("v", time.Minute+time.Second/2); got != tt.set {
			t.Errorf("%q, want %q", got, tt.set)
		}
		if got := s.delete(); got != tt.deleted {
			t.Errorf("%q, want %q", got, tt.deleted)
		}
	}
}

// A token is all that is ever sent as a value, and http.Cookie changes nothing
// in its alphabet.
func TestTheAlphabetOfTokensNeedsNoQuotes(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	a := http.Cookie{Name: "s", Path: "/"}
	if got, want := newSetCookie(a).set(alphabet, time.Second), byHTTPCookie(a, alphabet, time.Second); got != want || !strings.HasPrefix(got, "s="+alphabet+";") {
		t.Errorf("%q, want %q", got, want)
	}
}
