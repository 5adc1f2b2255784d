package httpapi

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// maxHops is how many trusted proxies one request may have passed.
const maxHops = 32

// TrustedProxies returns an [Options.ClientAddr] for a server behind proxies
// whose addresses are within prefixes. A request from anywhere else is its
// peer's, whatever its X-Forwarded-For says. Of one from a trusted proxy the
// client is the last address in X-Forwarded-For that is not itself a trusted
// proxy's: every proxy appends whom it spoke to, and what is to the left of
// that is only what the client claims. Where the field is missing, names none
// but trusted proxies or more than 32 of them, or has something else than an
// IP address where one is looked for, the client is the peer too.
//
// An IPv4 address that is mapped into IPv6 counts as the IPv4 address; name
// IPv4 proxies by IPv4 prefixes.
func TrustedProxies(prefixes []netip.Prefix) func(*http.Request) string {
	trusted := slices.Clone(prefixes)
	return func(r *http.Request) string {
		at := peer(r)
		if ip, err := netip.ParseAddr(at); err != nil || !within(trusted, ip) {
			return at
		}
		if ip, ok := forwardedFor(r.Header.Values("X-Forwarded-For"), trusted); ok {
			return ip.String()
		}
		return at
	}
}

func within(prefixes []netip.Prefix, ip netip.Addr) bool {
	return slices.ContainsFunc(prefixes, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// forwardedFor returns the last address of the lines that is not trusted.
// Several lines are one list (RFC 9110, section 5.3).
func forwardedFor(lines []string, trusted []netip.Prefix) (netip.Addr, bool) {
	hops := 0
	for _, line := range slices.Backward(lines) {
		for end := len(line); end >= 0 && hops < maxHops; hops++ {
			comma := strings.LastIndexByte(line[:end], ',')
			ip, err := netip.ParseAddr(strings.Trim(line[comma+1:end], " \t"))
			if err != nil || ip.Zone() != "" {
				return netip.Addr{}, false
			}
			if ip = ip.Unmap(); !within(trusted, ip) {
				return ip, true
			}
			end = comma
		}
	}
	return netip.Addr{}, false
}
