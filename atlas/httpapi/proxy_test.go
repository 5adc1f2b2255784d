package httpapi_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi"
)

func TestTheClientIsTheLastAddressThatNoTrustedProxyHas(t *testing.T) {
	t.Parallel()
	client := httpapi.TrustedProxies([]netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("2001:db8::/32")})
	for name, c := range map[string]struct {
		peer  string
		lines []string
		want  string
	}{
		"no proxy at all":           {"203.0.113.1:9", nil, "203.0.113.1"},
		"a peer that lies":          {"203.0.113.1:9", []string{"198.51.100.1"}, "203.0.113.1"},
		"a proxy without the field": {"10.0.0.1:9", nil, "10.0.0.1"},
		"a proxy":                   {"10.0.0.1:9", []string{"198.51.100.1"}, "198.51.100.1"},
		"a proxy over IPv6":         {"[2001:db8::1]:9", []string{"2001:db9::7"}, "2001:db9::7"},
		"a mapped proxy":            {"[::ffff:10.0.0.1]:9", []string{"::ffff:198.51.100.1"}, "198.51.100.1"},
		"a client that lies":        {"10.0.0.1:9", []string{"192.0.2.66, 198.51.100.1"}, "198.51.100.1"},
		"a client that sends junk":  {"10.0.0.1:9", []string{"<script>, 198.51.100.1"}, "198.51.100.1"},
		"two proxies":               {"10.0.0.1:9", []string{"192.0.2.66,198.51.100.1 ,\t10.0.0.2"}, "198.51.100.1"},
		"two lines":                 {"10.0.0.1:9", []string{"192.0.2.66", "198.51.100.1", "10.0.0.2, 10.0.0.3"}, "198.51.100.1"},
		"proxies alone":             {"10.0.0.1:9", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.1"},
		"a name":                    {"10.0.0.1:9", []string{"198.51.100.1, unknown"}, "10.0.0.1"},
		"a port":                    {"10.0.0.1:9", []string{"198.51.100.1:80"}, "10.0.0.1"},
		"a zone":                    {"10.0.0.1:9", []string{"fe80::1%eth0"}, "10.0.0.1"},
		"nothing":                   {"10.0.0.1:9", []string{""}, "10.0.0.1"},
		"nothing at the end":        {"10.0.0.1:9", []string{"198.51.100.1,"}, "10.0.0.1"},
		"nothing in the last line":  {"10.0.0.1:9", []string{"198.51.100.1", ""}, "10.0.0.1"},
		"31 more proxies":           {"10.0.0.1:9", []string{"198.51.100.1" + strings.Repeat(",10.0.0.2", 31)}, "198.51.100.1"},
		"32 more proxies":           {"10.0.0.1:9", []string{"198.51.100.1" + strings.Repeat(",10.0.0.2", 32)}, "10.0.0.1"},
		"32 lines of them":          {"10.0.0.1:9", append([]string{"198.51.100.1"}, strings.Split(strings.Repeat("10.0.0.2;", 32), ";")[:32]...), "10.0.0.1"},
		"a socket without address":  {"@", []string{"198.51.100.1"}, ""},
	} {
		r := &http.Request{RemoteAddr: c.peer, Header: http.Header{"X-Forwarded-For": c.lines}}
		require.Equal(t, c.want, client(r), name)
	}
}

func TestWithoutTrustedProxiesNobodyIsBelieved(t *testing.T) {
	t.Parallel()
	r := &http.Request{RemoteAddr: "127.0.0.1:9", Header: http.Header{"X-Forwarded-For": {"198.51.100.1"}}}
	require.Equal(t, "127.0.0.1", httpapi.TrustedProxies(nil)(r))
}

func TestEventsNameTheClientBehindATrustedProxy(t *testing.T) {
	t.Parallel()
	s := serveWith(t, httpapi.Options{ClientAddr: httpapi.TrustedProxies([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")})}, fleet.Options{})
	s.as("", "GET", "/v1/me", nil, "X-Forwarded-For", "192.0.2.66, 203.0.113.9")
	events := atlastest.SecurityEvents(t, s.Store)
	require.Equal(t, "203.0.113.9", events[len(events)-1].Origin)
}
