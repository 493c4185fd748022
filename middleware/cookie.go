package middleware

import (
	"net/http"
	"strconv"
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

// attributesOf returns the cookie of a name without its value and age: the
// attributes with which it is set and deleted. For the present name they are
// those of c, which New has checked.
func attributesOf(name string, c *Config) http.Cookie {
	a := http.Cookie{
		Name:        name,
		Path:        c.Path,
		Domain:      c.Domain,
		HttpOnly:    true,
		Secure:      !c.InsecureHTTP,
		SameSite:    c.SameSite,
		Partitioned: c.Partitioned,
	}
	if scope, ok := c.FormerScopes[name]; ok {
		a.Path, a.Domain, a.Partitioned = scope.Path, scope.Domain, scope.Partitioned
		// Browsers take Partitioned with Secure only.
		a.Secure = a.Secure || a.Partitioned
	}
	if has(name, prefixHost) {
		a.Path, a.Domain = "/", ""
	}
	if _, prefixed := unprefixed(name); prefixed {
		a.Secure = true
	}
	return a
}

// A setCookie makes the values of the Set-Cookie of one name. They are those
// of http.Cookie, whose text for the attributes is made once.
type setCookie struct {
	name   string // with the equals sign
	before string // what is between the value and a Max-Age of a time
	after  string // what is behind it
	gone   string // what is behind the value in a deletion
}

func newSetCookie(a http.Cookie) *setCookie {
	s := &setCookie{name: a.Name + "="}
	a.Name = "n" // net/http refuses some of those that other libraries have
	a.MaxAge = 1
	text := strings.TrimPrefix(a.String(), "n=")
	// No attribute has a semicolon in it: New refuses that.
	s.before, s.after, _ = strings.Cut(text, "; Max-Age=1")
	s.before += "; Max-Age="
	a.MaxAge = -1 // for net/http, 0 is no Max-Age at all
	a.Expires = time.Unix(0, 0)
	s.gone = strings.TrimPrefix(a.String(), "n=")
	return s
}

// set returns the value of the Set-Cookie that sets the cookie for a time, or
// that deletes it if not even a second of that is left. The time is rounded
// down: a cookie never outlives its token. The value is a token, in which
// http.Cookie would not change anything.
//
// The time is in Max-Age alone, which every browser knows and which needs no
// clock that is right: Expires would be ignored beside it (RFC 6265bis, section
// 5.7), and a client that knows Expires only keeps the cookie until it is
// closed. A deletion has both, since any clock is past 1970.
func (s *setCookie) set(value string, age time.Duration) string {
	seconds := int64(min(age, maxAge) / time.Second)
	if seconds <= 0 {
		return s.name + value + s.gone
	}
	var digits [20]byte
	return s.name + value + s.before + string(strconv.AppendInt(digits[:0], seconds, 10)) + s.after
}

// delete returns the value of the Set-Cookie that deletes the cookie.
func (s *setCookie) delete() string { return s.set("", 0) }

// cookieName returns the name in the value of a Set-Cookie, or in one of the
// pairs of a Cookie.
func cookieName(pair string) string {
	pair, _, _ = strings.Cut(pair, ";")
	name, _, _ := strings.Cut(pair, "=")
	return strings.Trim(name, " \t\r\n")
}
