package middleware

import (
	"net/http"
	"strings"
	"time"
)

// Prefixes of cookie names that browsers take as a promise about the
// attributes, in whatever case (RFC 6265bis, section 4.1.3; __Http- and
// __Host-Http- are of the draft that follows it). HttpOnly is always set.
const (
	prefixSecure   = "__Secure-"
	prefixHost     = "__Host-"
	prefixHTTP     = "__Http-"
	prefixHostHTTP = "__Host-Http-"
)

// maxAge is how long browsers keep a cookie at most (RFC 6265bis, section
// 5.5). A longer Max-Age says nothing, and may not fit into an int.
const maxAge = 400 * 24 * time.Hour

// has reports whether a browser sees the prefix at the beginning of name.
func has(name, prefix string) bool {
	return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}

// unprefixed returns name without its prefixes, and whether it had one.
func unprefixed(name string) (string, bool) {
	for _, prefix := range []string{prefixHostHTTP, prefixHost, prefixSecure, prefixHTTP} {
		if has(name, prefix) {
			name, _ = unprefixed(name[len(prefix):])
			if name == "" {
				name = "session"
			}
			return name, true
		}
	}
	return name, false
}

// attributes are the attributes of the cookies of one name.
type attributes struct {
	path, domain string
	secure       bool
	sameSite     http.SameSite
	partitioned  bool
}

// attributesOf returns the attributes with which a cookie is set and deleted.
// For the present name they are those of c, which New has checked.
func attributesOf(name string, c *Config) attributes {
	a := attributes{c.Path, c.Domain, !c.InsecureHTTP, c.SameSite, c.Partitioned}
	if scope, ok := c.FormerScopes[name]; ok {
		a.path, a.domain, a.partitioned = scope.Path, scope.Domain, scope.Partitioned
		// Browsers take Partitioned with Secure only.
		a.secure = a.secure || a.partitioned
	}
	if has(name, prefixHost) {
		a.path, a.domain = "/", ""
	}
	if _, prefixed := unprefixed(name); prefixed {
		a.secure = true
	}
	return a
}

// setCookie returns the value of the Set-Cookie that sets the cookie for a
// time, or that deletes it if not even a second of that is left. The time is
// rounded down: a cookie never outlives its token.
//
// It is in Max-Age alone, which every browser knows and which needs no clock
// that is right: Expires would be ignored beside it (RFC 6265bis, section
// 5.7), and a client that knows Expires only keeps the cookie until it is
// closed. A deletion has both, since any clock is past 1970.
func (a *attributes) setCookie(name, value string, age time.Duration) string {
	c := http.Cookie{
		Name:        name,
		Value:       value,
		Path:        a.path,
		Domain:      a.domain,
		MaxAge:      int(min(age, maxAge) / time.Second),
		HttpOnly:    true,
		Secure:      a.secure,
		SameSite:    a.sameSite,
		Partitioned: a.partitioned,
	}
	if c.MaxAge <= 0 {
		c.MaxAge = -1 // for net/http, 0 is no Max-Age at all
		c.Expires = time.Unix(0, 0)
	}
	return c.String()
}

// deleteCookie returns the value of the Set-Cookie that deletes the cookie.
func (a *attributes) deleteCookie(name string) string { return a.setCookie(name, "", 0) }

// cookieName returns the name in the value of a Set-Cookie, or in one of the
// pairs of a Cookie.
func cookieName(pair string) string {
	pair, _, _ = strings.Cut(pair, ";")
	name, _, _ := strings.Cut(pair, "=")
	return strings.Trim(name, " \t\r\n")
}
