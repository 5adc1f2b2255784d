package httpsig

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Params are what the signature of a request says of itself. All of it is
// signed.
type Params struct {
	// KeyID names the key: 1 to 128 letters, digits, '-', '_', '.' or ':'.
	// Devices use [KeyID].
	KeyID string
	// Created is when the signature was made, to the second.
	Created time.Time
	// Counter is the device's request counter, 1 to 2^63-1, so that every
	// database can hold it.
	Counter uint64
}

// ResponseParams are what the signature of an answer says of itself.
type ResponseParams struct {
	// KeyID names the server's key, in the same form as in [Params].
	KeyID string
	// Created is when the answer was signed, to the second. A device may take
	// it as the server's time.
	Created time.Time
}

const (
	requestComponents  = `("@method" "@target-uri" "content-digest")`
	responseComponents = `("@status" "content-digest" "signature";req;key="` + label + `")`
)

const (
	maxInput   = 512
	maxKeyID   = 128
	maxCreated = 99_999_999_999 // eleven digits; RFC 9651 has room for fifteen
)

func (p Params) format(alg string) (string, error) {
	if err := checkNamed(p.KeyID, p.Created); err != nil {
		return "", err
	}
	if p.Counter == 0 || p.Counter > math.MaxInt64 {
		return "", fmt.Errorf("%w: counter is not within 1 and 2^63-1", ErrMalformed)
	}
	return fmt.Sprintf(`%s;created=%d;nonce="%d";keyid="%s";alg="%s"`,
		requestComponents, p.Created.Unix(), p.Counter, p.KeyID, alg), nil
}

func (p ResponseParams) format(alg string) (string, error) {
	if err := checkNamed(p.KeyID, p.Created); err != nil {
		return "", err
	}
	return fmt.Sprintf(`%s;created=%d;keyid="%s";alg="%s"`,
		responseComponents, p.Created.Unix(), p.KeyID, alg), nil
}

func checkNamed(keyID string, created time.Time) error {
	if !isKeyID(keyID) {
		return fmt.Errorf("%w: key id has a wrong length or character", ErrMalformed)
	}
	if s := created.Unix(); s < 0 || s > maxCreated {
		return fmt.Errorf("%w: created can't be written", ErrMalformed)
	}
	return nil
}

// parseParams reads the Signature-Input of a request. It returns the value of
// the member as well, which is the last line of the signature base.
func parseParams(input string) (p Params, alg, params string, ok bool) {
	s := newScanner(input, requestComponents)
	p.Created = s.created()
	s.literal(`;nonce="`)
	p.Counter = s.integer(math.MaxInt64)
	s.literal(`"`)
	p.KeyID, alg = s.keyAndAlg()
	return p, alg, strings.TrimPrefix(input, label+"="), s.done() && p.Counter > 0
}

func parseResponseParams(input string) (p ResponseParams, alg, params string, ok bool) {
	s := newScanner(input, responseComponents)
	p.Created = s.created()
	p.KeyID, alg = s.keyAndAlg()
	return p, alg, strings.TrimPrefix(input, label+"="), s.done()
}

// scanner reads the one accepted form from left to right. After the first
// difference it stays failed and returns zero values.
type scanner struct {
	rest   string
	failed bool
}

func newScanner(input, components string) *scanner {
	s := &scanner{rest: input, failed: len(input) > maxInput}
	s.literal(label + "=" + components)
	return s
}

func (s *scanner) literal(want string) {
	rest, ok := strings.CutPrefix(s.rest, want)
	s.rest, s.failed = rest, s.failed || !ok
}

// integer reads a decimal number without sign or leading zeros.
func (s *scanner) integer(limit uint64) uint64 {
	end := 0
	for end < len(s.rest) && '0' <= s.rest[end] && s.rest[end] <= '9' {
		end++
	}
	digits := s.rest[:end]
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || n > limit || len(digits) > 1 && digits[0] == '0' {
		s.failed = true
		return 0
	}
	s.rest = s.rest[end:]
	return n
}

func (s *scanner) created() time.Time {
	s.literal(";created=")
	return time.Unix(int64(s.integer(maxCreated)), 0).UTC()
}

func (s *scanner) keyAndAlg() (keyID, alg string) {
	s.literal(`;keyid="`)
	keyID = s.until('"')
	s.literal(`;alg="`)
	alg = s.until('"')
	if !isKeyID(keyID) || alg != algEd25519 && alg != algP256 {
		s.failed = true
	}
	return keyID, alg
}

func (s *scanner) until(end byte) string {
	text, rest, ok := strings.Cut(s.rest, string(end))
	s.rest, s.failed = rest, s.failed || !ok
	return text
}

func (s *scanner) done() bool { return !s.failed && s.rest == "" }

func isKeyID(s string) bool {
	if s == "" || len(s) > maxKeyID {
		return false
	}
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
		if !letter && !('0' <= c && c <= '9') && !strings.ContainsRune("-_.:", rune(c)) {
			return false
		}
	}
	return true
}
