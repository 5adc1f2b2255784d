package identity

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// The parts of a token. A session's is "atls_" and a secret; an API key's is
//
//	atl_live_<8-character id>_<43-character secret>_<6-character checksum>
//
// The prefix and checksum let secret scanners find leaked keys without false
// alarms; the id finds the record, and only the hash proves the secret.
const (
	sessionPrefix = "atls_"
	apiPrefix     = "atl_live_"
	secretSize    = 32
	secretLength  = 43
	idLength      = 8
	sumLength     = 6
	apiBody       = len(apiPrefix) + idLength + 1 + secretLength
	apiLength     = apiBody + 1 + sumLength
)

var secrets = base64.RawURLEncoding.Strict()

// NewToken returns a session's token, made of 256 bits of random, and the
// hash to store. The error is random's.
func NewToken(random io.Reader) (token string, hash []byte, err error) {
	secret, err := newSecret(random)
	if err != nil {
		return "", nil, err
	}
	token = sessionPrefix + secret
	return token, sum(token), nil
}

// HashToken returns the hash under which a session's token is stored, or
// ErrToken for a text that [NewToken] can't have made.
func HashToken(token string) ([]byte, error) {
	secret, ok := strings.CutPrefix(token, sessionPrefix)
	if !ok || !isSecret(secret) {
		return nil, ErrToken
	}
	return sum(token), nil
}

// NewAPIToken returns an API key's token, the id of its record, and the hash
// to store. The id has 40 bits and may be taken: then make another one. The
// error is random's.
func NewAPIToken(random io.Reader) (token, id string, hash []byte, err error) {
	id, err = atlas.RandomSymbols(random, idLength)
	if err != nil {
		return "", "", nil, fmt.Errorf("identity: random source: %w", err)
	}
	secret, err := newSecret(random)
	if err != nil {
		return "", "", nil, err
	}
	body := apiPrefix + id + "_" + secret
	token = body + "_" + checksum(body)
	return token, id, sum(token), nil
}

// ParseAPIToken returns the id in an API key's token and the hash to compare
// with the record's by [SameHash], or ErrToken for a text that [NewAPIToken]
// can't have made.
func ParseAPIToken(token string) (id string, hash []byte, err error) {
	if len(token) != apiLength || !strings.HasPrefix(token, apiPrefix) {
		return "", nil, ErrToken
	}
	body, rest := token[:apiBody], token[len(apiPrefix):]
	id, secret := rest[:idLength], rest[idLength+1:idLength+1+secretLength]
	if token != body+"_"+checksum(body) || rest[idLength] != '_' || !isSymbols(id) || !isSecret(secret) {
		return "", nil, ErrToken
	}
	return id, sum(token), nil
}

// SameHash compares two hashes of tokens in constant time. Hashes of another
// length than SHA-256's are never the same, not even with each other.
func SameHash(a, b []byte) bool {
	return len(a) == sha256.Size && subtle.ConstantTimeCompare(a, b) == 1
}

func newSecret(random io.Reader) (string, error) {
	b := make([]byte, secretSize)
	if _, err := io.ReadFull(random, b); err != nil {
		return "", fmt.Errorf("identity: random source: %w", err)
	}
	return secrets.EncodeToString(b), nil
}

// isSecret checks the length first: the decoder skips line breaks.
func isSecret(s string) bool {
	if len(s) != secretLength {
		return false
	}
	b, err := secrets.DecodeString(s)
	return err == nil && len(b) == secretSize
}

func isSymbols(s string) bool {
	return strings.Trim(s, atlas.Symbols) == ""
}

func sum(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}

// checksum is the CRC-32 of body in six digits of base 62.
func checksum(body string) string {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	n := crc32.ChecksumIEEE([]byte(body))
	out := make([]byte, sumLength)
	for i := sumLength - 1; i >= 0; i-- {
		out[i], n = digits[n%62], n/62
	}
	return string(out)
}
