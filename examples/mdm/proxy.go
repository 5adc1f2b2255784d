package main

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// proxies are the networks of the proxies that are believed, as the flag
// -trusted-proxy names them.
type proxies []netip.Prefix

// String implements flag.Value.
func (p *proxies) String() string {
	var out []string
	for _, network := range *p {
		out = append(out, network.String())
	}
	return strings.Join(out, ",")
}

// Set implements flag.Value. Given again, the flag adds to what it was.
func (p *proxies) Set(list string) error {
	for text := range strings.SplitSeq(list, ",") {
		network, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			return fmt.Errorf("%q is no network such as 10.0.0.0/8", text)
		}
		*p = append(*p, network)
	}
	return nil
}

// sent reports whether a request comes from one of the proxies.
func (p proxies) sent(r *http.Request) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && slices.ContainsFunc(p, func(network netip.Prefix) bool { return network.Contains(peer.Addr().Unmap()) })
}
