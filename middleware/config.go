package middleware

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/keyturn/keyturn/session"
)

// DefaultCacheControl is sent with every Set-Cookie where Config.CacheControl
// is empty.
const DefaultCacheControl = "no-store"

// maxAttribute is the length in bytes of an attribute's value beyond which
// browsers ignore the attribute (RFC 6265bis, section 5.6).
const maxAttribute = 1024

// A Config says how the cookie of a session is sent. The zero Config is right
// for most: the cookie is sent over https only, to this host only, for all of
// its paths, with same-site requests and when a link is followed, and scripts
// do not see it (HttpOnly, always).
type Config struct {
	// Path is the path below which the browser sends the cookie; "/" if empty.
	//
	// The cookie of another Path or Domain is another cookie, even if it has
	// the same name. To change them, change the cookie's name as well, and
	// give the one it had to session.Config.FormerNames and to FormerScopes.
	Path string

	// Domain is the domain to all of whose hosts the browser sends the cookie.
	// If it is empty, the cookie goes to the one host that set it.
	Domain string

	// FormerScopes says where the cookies of session.Config.FormerNames, and
	// those of other libraries that are taken over, were set, by their names,
	// so that they can be deleted: a browser does not delete a cookie of
	// another path, domain or partition. One that is not listed was set with
	// Path, Domain and Partitioned as they are, except that one whose name
	// begins with __Host- can only have been set at "/" and for one host.
	FormerScopes map[string]Scope

	// SameSite says with which requests of other sites the browser sends the
	// cookie; http.SameSiteLaxMode if 0. http.SameSiteDefaultMode is refused:
	// what browsers do without the attribute differs.
	SameSite http.SameSite

	// Partitioned gives each site that embeds this one a cookie of its own.
	Partitioned bool

	// InsecureHTTP leaves out the Secure attribute, for development without
	// TLS in a browser that does not trust localhost: whoever is on the wire
	// can then read and replace the cookie. New wants a name without prefix.
	InsecureHTTP bool

	// CacheControl is the Cache-Control of every response with a Set-Cookie;
	// DefaultCacheControl if empty. It has to keep the response out of shared
	// caches, with no-store or private. It replaces what the handler set,
	// except where that has no-store, which nothing is stricter than.
	CacheControl string

	// ReissueOnRead sends a session that is merely read again if its key,
	// codec or cookie name is not the present one, on navigations by GET
	// (Sec-Fetch-Mode: navigate). Without it, that waits until the session
	// changes or its idle time is refreshed. Nobody is signed out for want of
	// it; with it, a page that is read while another request changes the
	// session may undo the change.
	ReissueOnRead bool

	// Observe, if not nil, is called with an Event for each request that
	// touched its session. See Event.
	Observe func(context.Context, Event)
}

// A Scope is where a cookie was set. The zero Scope is Path=/ without a
// Domain, and not Partitioned.
type Scope struct {
	Path, Domain string
	Partitioned  bool
}

// New returns the middleware that keeps the sessions of m in cookies. An
// error lists every problem of the configuration: New refuses what a browser
// would drop without a word.
func New[T any](m *session.Manager[T], c Config) (*Middleware, error) {
	var p problems
	if m == nil {
		p.add("no session.Manager: make one with session.New")
		return nil, p.err()
	}
	c.fill()
	name, former, others := m.Name(), m.FormerNames(), m.TakeoverNames()
	c.checkName(&p, name)
	c.checkAttributes(&p)
	checkPath(&p, "Config.Path", c.Path)
	checkDomain(&p, "Config.Domain", c.Domain)
	for _, n := range slices.Sorted(maps.Keys(c.FormerScopes)) {
		scope := c.FormerScopes[n]
		if n == name || !slices.Contains(former, n) && !slices.Contains(others, n) {
			p.add("Config.FormerScopes has %q, which is not among the manager's former names, nor among those that it takes over", n)
		}
		checkPath(&p, fmt.Sprintf("Config.FormerScopes[%q].Path", n), scope.Path)
		checkDomain(&p, fmt.Sprintf("Config.FormerScopes[%q].Domain", n), scope.Domain)
		if has(n, prefixHost) && (scope.Path != "/" || scope.Domain != "") {
			p.add("Config.FormerScopes[%q]: a cookie of this name can only have been set with Path=/ and without a Domain", n)
		}
	}
	checkCacheControl(&p, c.CacheControl)
	if err := p.err(); err != nil {
		return nil, err
	}
	begin := func(ctx context.Context, r session.Request) (committer, context.Context) { return m.Begin(ctx, r) }
	return &Middleware{begin, m.Stats, newSettings(name, former, others, c)}, nil
}

// fill fills in what is empty. Maps of the caller stay as they are.
func (c *Config) fill() {
	if c.Path == "" {
		c.Path = "/"
	}
	if c.SameSite == 0 {
		c.SameSite = http.SameSiteLaxMode
	}
	if c.CacheControl == "" {
		c.CacheControl = DefaultCacheControl
	}
	former := make(map[string]Scope, len(c.FormerScopes))
	for n, scope := range c.FormerScopes {
		if scope.Path == "" {
			scope.Path = "/"
		}
		former[n] = scope
	}
	c.FormerScopes = former
}

// checkName reports attributes that the prefix of the name forbids
// (RFC 6265bis, section 4.1.3).
func (c *Config) checkName(p *problems, name string) {
	if n, prefixed := unprefixed(name); prefixed && c.InsecureHTTP {
		p.add("cookie name %q: its prefix wants the Secure attribute, which InsecureHTTP leaves out; set session.Config.Name to %q", name, n)
	}
	if !has(name, prefixHost) {
		return
	}
	if c.Path != "/" {
		p.add("cookie name %q: its prefix wants Config.Path to be \"/\" or empty, it is %q", name, c.Path)
	}
	if c.Domain != "" {
		p.add("cookie name %q: its prefix wants no Config.Domain, it is %q; a name that begins with %s may have one", name, c.Domain, prefixSecure)
	}
}

func (c *Config) checkAttributes(p *problems) {
	switch c.SameSite {
	case http.SameSiteLaxMode, http.SameSiteStrictMode:
	case http.SameSiteNoneMode:
		if c.InsecureHTTP {
			p.add("Config.SameSite is http.SameSiteNoneMode, which browsers accept with Secure only, and InsecureHTTP leaves that out")
		}
	case http.SameSiteDefaultMode:
		p.add("Config.SameSite is http.SameSiteDefaultMode, which browsers take differently: choose Lax, Strict or None")
	default:
		p.add("Config.SameSite is %d, which is not one of the modes of net/http", c.SameSite)
	}
	if c.Partitioned && c.InsecureHTTP {
		p.add("Config.Partitioned is set, which browsers accept with Secure only, and InsecureHTTP leaves that out")
	}
}

// checkPath reports a path that would not arrive as it is (RFC 6265bis,
// sections 4.1.1 and 5.6.4).
func checkPath(p *problems, field, path string) {
	switch {
	case len(path) > maxAttribute:
		p.add("%s of %d bytes, browsers ignore more than %d", field, len(path), maxAttribute)
	case path[0] != '/':
		p.add("%s is %q: it has to begin with a slash, or browsers ignore it", field, path)
	case path != strings.TrimRight(path, " "):
		p.add("%s is %q: browsers cut off the space at its end", field, path)
	}
	for i := range len(path) {
		if b := path[i]; b < ' ' || b > '~' || b == ';' {
			p.add("%s has the byte %q at offset %d: only printable ASCII without semicolons is allowed; encode the rest as %%XX", field, b, i)
			return
		}
	}
}

// checkDomain reports a domain that no browser would accept from any host.
func checkDomain(p *problems, field, domain string) {
	if domain == "" {
		return
	}
	host := strings.TrimPrefix(domain, ".") // which browsers ignore
	switch {
	case (&http.Cookie{Name: "n", Domain: domain}).Valid() != nil:
		p.add("%s is not a domain name: it has letters, digits, hyphens and dots, 255 bytes at most; international names are written as xn--...", field)
	case strings.HasSuffix(host, "."):
		p.add("%s is %q: browsers do not accept a dot at its end", field, domain)
	case net.ParseIP(host) != nil:
		p.add("%s is %q: an address has no hosts below it; leave Domain empty", field, domain)
	case !strings.Contains(host, "."):
		p.add("%s is %q: browsers accept no cookie for a whole top-level domain; for one host, leave Domain empty", field, domain)
	}
}

func checkCacheControl(p *problems, value string) {
	for i := range len(value) {
		if b := value[i]; b < ' ' && b != '\t' || b > '~' {
			p.add("Config.CacheControl has the byte %q at offset %d: only printable ASCII is allowed", b, i)
			return
		}
	}
	values := []string{value}
	switch {
	case !hasMember(values, "no-store") && !hasMember(values, "private"):
		p.add("Config.CacheControl is %q: without no-store or private, a shared cache may give one visitor's cookie to another", value)
	case hasMember(values, "public"):
		p.add("Config.CacheControl is %q: public contradicts the rest of it", value)
	}
}

// problems are what is wrong with a Config.
type problems []error

func (p *problems) add(format string, args ...any) {
	*p = append(*p, fmt.Errorf("middleware: "+format, args...))
}

func (p *problems) err() error { return errors.Join(*p...) }
