package httpsig

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// component is one line of a signature base: its identifier as it stands in
// Signature-Input, with quotes and parameters, and its value.
type component struct{ id, value string }

// signatureBase builds what is signed (RFC 9421, section 2.5). params is the
// value of the member of Signature-Input: the list and its parameters.
func signatureBase(components []component, params string) string {
	var b strings.Builder
	for _, c := range components {
		b.WriteString(c.id + ": " + c.value + "\n")
	}
	b.WriteString(`"@signature-params": ` + params)
	return b.String()
}

// contentDigest returns the value of Content-Digest (RFC 9530, section 2).
func contentDigest(body []byte) string {
	sum := sha256.Sum256(body)
	return digestPrefix + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

const (
	digestPrefix    = "sha-256=:"
	signaturePrefix = label + "=:"
)

// label names the one signature that a message has.
const label = "atlas"

// digestLength is the length of every value of contentDigest.
var digestLength = len(digestPrefix) + base64.StdEncoding.EncodedLen(sha256.Size) + 1

// parseDigest reports whether v has the form of contentDigest's value.
func parseDigest(v string) bool {
	b64, ok := strings.CutPrefix(v, digestPrefix)
	if !ok || len(v) != digestLength || b64[len(b64)-1] != ':' {
		return false
	}
	_, ok = decodeExact(b64[:len(b64)-1], sha256.Size)
	return ok
}

func formatSignature(sig []byte) string {
	return signaturePrefix + base64.StdEncoding.EncodeToString(sig) + ":"
}

// parseSignature reads the value of a Signature field with our label alone.
func parseSignature(v string) ([]byte, bool) {
	b64, ok := strings.CutPrefix(v, signaturePrefix)
	if !ok {
		return nil, false
	}
	if b64, ok = strings.CutSuffix(b64, ":"); !ok {
		return nil, false
	}
	return decodeExact(b64, signatureSize)
}

// decodeExact decodes base64 of exactly size bytes in its only encoding. The
// length is compared because the decoder skips line breaks.
func decodeExact(s string, size int) ([]byte, bool) {
	if len(s) != base64.StdEncoding.EncodedLen(size) {
		return nil, false
	}
	b, err := base64.StdEncoding.Strict().DecodeString(s)
	return b, err == nil && len(b) == size
}
