package middleware

import (
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

// varyByCookie says to caches that the response depends on cookies.
func varyByCookie(h http.Header) {
	if v := h["Vary"]; !hasMember(v, "Cookie") && !hasMember(v, "*") {
		add(h, "Vary", "Cookie")
	}
}

// setsCookie reports whether the header already sets the cookie.
func setsCookie(h http.Header, name string) bool {
	return slices.ContainsFunc(h["Set-Cookie"], func(line string) bool { return cookieName(line) == name })
}

// replaceCookie makes line the only Set-Cookie of its name. The slice that is
// in the header may be somebody's: it is not modified.
func replaceCookie(h http.Header, name, line string) {
	if setsCookie(h, name) {
		h["Set-Cookie"] = slices.DeleteFunc(slices.Clone(h["Set-Cookie"]), func(l string) bool { return cookieName(l) == name })
	}
	add(h, "Set-Cookie", line)
}

// add adds a line to the header, whose key is canonical. The slice that is
// there may be one that handlers put into many responses: with h.Add, two that
// are served at once would write their lines to the same place behind it.
func add(h http.Header, key, value string) {
	h[key] = append(slices.Clip(h[key]), value)
}

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
