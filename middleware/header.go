package middleware

import (
	"encoding/binary"
	"net/http"
	"slices"
	"strings"
)

// hasMember reports whether a comma-separated list, in one or more header
// lines, has the member, in whatever case. A member with an argument
// (private="x") is another one.
func hasMember(lines []string, member string) bool {
	for _, line := range lines {
		for m := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.Trim(m, " \t"), member) {
				return true
			}
		}
	}
	return false
}

// varyByCookie says to caches that the response depends on cookies. For room,
// see add.
func varyByCookie(h http.Header, room []string) {
	if v := h["Vary"]; !hasMember(v, "Cookie") && !hasMember(v, "*") {
		add(h, "Vary", "Cookie", room)
	}
}

// setsCookie reports whether the header already sets the cookie.
func setsCookie(h http.Header, name string) bool {
	return slices.ContainsFunc(h["Set-Cookie"], func(line string) bool { return cookieName(line) == name })
}

// replaceCookie makes line the only Set-Cookie of its name. The slice that is
// in the header may be somebody's: it is not modified. For room, see add.
func replaceCookie(h http.Header, name, line string, room []string) {
	if setsCookie(h, name) {
		h["Set-Cookie"] = slices.DeleteFunc(slices.Clone(h["Set-Cookie"]), func(l string) bool { return cookieName(l) == name })
	}
	add(h, "Set-Cookie", line, room)
}

// spell puts lines under the canonical spelling of these keys. A handler may have
// used another, by which they are not found, and with which they would be sent.
func spell(h http.Header, keys ...string) {
	for key, lines := range h {
		if c := http.CanonicalHeaderKey(key); c != key && slices.Contains(keys, c) {
			delete(h, key)
			h[c] = append(slices.Clip(h[c]), lines...)
		}
	}
}

// add adds a line to the header, whose key is canonical. The slice that is
// there may be one that handlers put into many responses: with h.Add, two that
// are served at once would write their lines to the same place behind it.
//
// Room is where the line is put if it is the first: an empty slice that has
// room for one line, or none, and is of this response and this key alone.
// Whoever gets the header may change what is in it.
func add(h http.Header, key, value string, room []string) {
	if lines := h[key]; len(lines) > 0 {
		room = slices.Clip(lines)
	}
	h[key] = append(room, value)
}

// rooms returns room for a line in each of three keys, in one allocation.
// Nothing that is appended to one of them gets into another.
func rooms() (vary, setCookie, cacheControl []string) {
	all := new([3]string)
	return all[0:0:1], all[1:1:2], all[2:2:3]
}

// fewCookies is how many cookies a request may have for this package to look
// through them by itself. net/http's limit is far above, unless GODEBUG
// (httpcookiemaxnum) sets another, which cannot be asked for: New tries whether
// it is below. One that is lowered after that holds for more cookies only.
const fewCookies = 100

// looksAtFew reports whether net/http looks at a request of fewCookies.
func looksAtFew() bool {
	r := http.Request{Header: http.Header{"Cookie": {"a=" + strings.Repeat(";", fewCookies-1)}}}
	return len(r.CookiesNamed("a")) == 1
}

// countCookies returns how many cookies there are in the lines of a request, as
// net/http counts them for its limit: empty ones, too.
func countCookies(lines []string) int {
	n := len(lines)
	for _, line := range lines {
		n += strings.Count(line, ";")
	}
	return n
}

// appendCookies appends the values of the cookies of a name, which is a token,
// to values. They are those of http.Request.CookiesNamed, which allocates a
// http.Cookie for each. It knows no limit to their number.
func appendCookies(values, lines []string, name string) []string {
	for _, line := range lines {
		for more := true; more; {
			var pair string
			pair, line, more = strings.Cut(line, ";")
			value, ok := strings.CutPrefix(trim(pair), name)
			if !ok {
				continue
			}
			if value != "" {
				// Space is allowed before the equals sign. Behind it, it is
				// of the value.
				if value, ok = strings.CutPrefix(trim(value), "="); !ok {
					continue // of a longer name
				}
			}
			if value, ok = unquoted(value); ok {
				values = append(values, value)
			}
		}
	}
	return values
}

// trim returns s without the white space around it that headers may have. It
// is strings.Trim, but quick where there is little.
func trim(s string) string {
	for s != "" && isSpace(s[0]) {
		s = s[1:]
	}
	for s != "" && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func isSpace(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == '\n' }

// rawCookies returns the values of the cookies of a name, of whatever characters both
// are.
func rawCookies(lines []string, name string) (values []string) {
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			n, v, _ := strings.Cut(pair, "=")
			if strings.Trim(n, " \t") == name {
				values = append(values, strings.Trim(v, " \t"))
			}
		}
	}
	return values
}

// unquoted returns the value of a cookie without its quotes, and whether
// net/http takes it for one.
func unquoted(value string) (string, bool) {
	if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
		value = value[1 : n-1]
	}
	rest := value
	for ; len(rest) >= 8; rest = rest[8:] {
		if !allInValue(binary.LittleEndian.Uint64([]byte(rest[:8]))) {
			return "", false
		}
	}
	for i := range len(rest) {
		if !inValue[rest[i]] {
			return "", false
		}
	}
	return value, true
}

// allInValue reports whether each of the eight bytes of x is inValue. One by one, a
// session's 300 bytes would cost half as much as their tag.
func allInValue(x uint64) bool {
	const (
		each = 0x0101010101010101
		high = each << 7
	)
	bad := x | (x - each*' ') // over 0x7f, under a space
	for _, b := range [...]uint64{'"', '\\', 0x7f} {
		bad |= (x ^ each*b) - each // b itself
	}
	return bad&high == 0
}

// inValue are the bytes that the value of a cookie may have, for net/http. A
// semicolon would not be among them, and ends the cookie anyway.
var inValue = func() (ok [256]bool) {
	for b := ' '; b <= '~'; b++ {
		ok[b] = b != '"' && b != '\\'
	}
	return ok
}()

// withoutCookies removes the cookies of these names from the header of a
// request, and leaves the others as they were, byte by byte.
func withoutCookies(h http.Header, names []string) {
	ours := func(pair string) bool { return slices.Contains(names, cookieName(pair)) }
	var kept []string
	for _, line := range h["Cookie"] {
		pairs := strings.Split(line, ";")
		left := slices.DeleteFunc(pairs, ours)
		switch {
		case len(left) == len(pairs):
			kept = append(kept, line)
		case len(left) > 0:
			kept = append(kept, strings.TrimLeft(strings.Join(left, ";"), " \t"))
		}
	}
	if len(kept) == 0 {
		delete(h, "Cookie")
		return
	}
	h["Cookie"] = kept
}
