package httpsig

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// maxTarget bounds a target URI in bytes.
const maxTarget = 8192

// Options change how a server reads a request. The zero value works where
// clients reach the server directly.
type Options struct {
	// TargetURI returns the URL that the client called. Behind a proxy that
	// ends TLS or changes the Host field the server can't see it: use
	// [BaseURL]. Without it the URL is made of the request's Host field, and
	// whatever host a signature was made for is accepted; so set it wherever
	// a device key may be used with more than one server.
	TargetURI func(*http.Request) string
}

// BaseURL returns an [Options].TargetURI for a server that clients know under
// base, such as "https://mdm.example.com" or "https://example.com/mdm" where a
// proxy takes "/mdm" off. Whatever scheme and host arrive are ignored. It
// returns ErrMalformed unless base is an http or https URL without query,
// fragment or user.
func BaseURL(base string) (func(*http.Request) string, error) {
	u, err := url.Parse(base)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, fmt.Errorf("%w: base URL has to be scheme, host and perhaps a path", ErrMalformed)
	}
	prefix, ok := origin(u.Scheme, u.Host)
	if !ok {
		return nil, fmt.Errorf("%w: base URL is neither http nor https", ErrMalformed)
	}
	prefix += strings.TrimSuffix(u.EscapedPath(), "/")
	return func(r *http.Request) string {
		target, ok := requestTarget(r)
		if !ok {
			return ""
		}
		return prefix + target
	}, nil
}

// receivedTarget is the target URI as far as the server can see it.
func receivedTarget(r *http.Request) string {
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	prefix, ok := origin(scheme, r.Host)
	target, fine := requestTarget(r)
	if !ok || !fine {
		return ""
	}
	return prefix + target
}

// requestTarget returns path and query as they arrived. Handlers that take a
// prefix off change URL.Path and leave RequestURI alone.
func requestTarget(r *http.Request) (string, bool) {
	if strings.HasPrefix(r.RequestURI, "/") {
		return r.RequestURI, true
	}
	// The absolute form (RFC 9112, section 3.2.2), which servers have to accept.
	if r.URL != nil && r.URL.IsAbs() && r.URL.Host != "" && r.URL.Opaque == "" {
		return r.URL.RequestURI(), true
	}
	return "", false
}

// calledTarget is the target URI of a request that is about to be sent.
func calledTarget(r *http.Request) (string, error) {
	if r.URL == nil || r.URL.Opaque != "" {
		return "", fmt.Errorf("%w: request has no usual URL", ErrMalformed)
	}
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	prefix, ok := origin(r.URL.Scheme, host)
	if !ok {
		return "", fmt.Errorf("%w: request has no http or https URL with a host", ErrMalformed)
	}
	return prefix + r.URL.RequestURI(), nil
}

// origin joins scheme and authority in their normal form (RFC 9110, section
// 4.2.3). A WebSocket's handshake is an HTTP request (RFC 6455, section 4.1).
func origin(scheme, host string) (string, bool) {
	scheme, host = strings.ToLower(scheme), strings.ToLower(host)
	switch scheme {
	case "http", "ws":
		scheme, host = "http", strings.TrimSuffix(host, ":80")
	case "https", "wss":
		scheme, host = "https", strings.TrimSuffix(host, ":443")
	default:
		return "", false
	}
	host = strings.TrimSuffix(host, ":")
	return scheme + "://" + host, host != ""
}

// isTarget reports whether s can stand on a line of the signature base.
func isTarget(s string) bool {
	if s == "" || len(s) > maxTarget {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}

// isMethod reports whether s is a method this protocol has: upper-case
// letters. HTTP has more, and methods are case-sensitive.
func isMethod(s string) bool {
	if s == "" || len(s) > 16 {
		return false
	}
	for i := range len(s) {
		if s[i] < 'A' || s[i] > 'Z' {
			return false
		}
	}
	return true
}
