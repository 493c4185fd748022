package demo

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// checkHost answers requests for another host than this server's itself. A page
// of somebody's can have its name point to this address and then talk to this
// server as one of the same origin (DNS rebinding): the name is still in Host.
// An address cannot be pointed elsewhere.
func checkHost(remote bool, names []string, next http.Handler) http.Handler {
	ours := []string{"localhost"}
	for _, n := range names {
		ours = append(ours, strings.ToLower(n))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := hostname(r.Host)
		ip, err := netip.ParseAddr(host)
		if isAddr := err == nil && (remote || ip.Unmap().IsLoopback()); !isAddr && !slices.Contains(ours, host) {
			showProblem(w, http.StatusMisdirectedRequest, "The request is for another host than this one.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// hostname returns a Host in lower case, without its port.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	return strings.ToLower(host)
}
