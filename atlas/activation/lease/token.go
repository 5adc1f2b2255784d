package lease

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
)

const (
	algorithm = "EdDSA"
	mediaType = "atlas-lease+jwt"
)

// maxToken bounds a token in bytes.
const maxToken = 4096

// claims are a lease on the wire. The order of the fields is part of the form.
type claims struct {
	Issuer     string `json:"iss"`
	Device     string `json:"sub"`
	ID         string `json:"jti"`
	Plan       string `json:"plan"`
	State      string `json:"state"`
	IssuedAt   int64  `json:"iat"`
	NextCheck  int64  `json:"next_check"`
	Expires    int64  `json:"exp"`
	GraceUntil int64  `json:"grace_until"`
}

type header struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ"`
}

// Signer signs leases with one Ed25519 key, which may live in hardware.
type Signer struct {
	key crypto.Signer
	pub ed25519.PublicKey
}

// NewSigner returns the signer of key, or ErrMalformed if it is not an
// Ed25519 key.
func NewSigner(key crypto.Signer) (*Signer, error) {
	pub, ok := key.Public().(ed25519.PublicKey)
	if !ok || len(pub) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("%w: a signing key has to be Ed25519", ErrMalformed)
	}
	return &Signer{key: key, pub: pub}, nil
}

// Public returns the key to publish in the [JWKS].
func (s *Signer) Public() ed25519.PublicKey { return s.pub }

// KeyID returns the thumbprint of the key.
func (s *Signer) KeyID() string { return Thumbprint(s.pub) }

// Sign returns the token of a lease. It returns ErrMalformed for a lease whose
// texts or times can't be in one, and the key's own error.
func (s *Signer) Sign(l Lease) (string, error) {
	c := claims{
		Issuer: l.Issuer, Device: string(l.Device), ID: l.ID, Plan: l.Plan, State: l.State,
		IssuedAt: l.IssuedAt.Unix(), NextCheck: l.NextCheck.Unix(), Expires: l.Expires.Unix(), GraceUntil: l.GraceUntil.Unix(),
	}
	if err := c.check(); err != nil {
		return "", err
	}
	return s.compact(encode(header{Algorithm: algorithm, KeyID: s.KeyID(), Type: mediaType}), encode(c))
}

// compact returns the compact serialization (RFC 7515, section 3.1).
func (s *Signer) compact(header, payload []byte) (string, error) {
	input := b64.EncodeToString(header) + "." + b64.EncodeToString(payload)
	sig, err := s.key.Sign(rand.Reader, []byte(input), crypto.Hash(0))
	if err != nil {
		return "", fmt.Errorf("lease: sign: %w", err)
	}
	return input + "." + b64.EncodeToString(sig), nil
}

// Verify returns the lease in token and how far it counts at now. keys are
// the server's, device is the one that asks, and floor is the latest time of
// the server that it ever saw, see [Lease.At]; the zero time is none. It
// returns ErrMalformed, ErrUnknownKey, ErrSignature, ErrDevice or ErrExpired,
// and no lease with any of them.
func Verify(token string, keys JWKS, device atlas.DeviceID, now, floor time.Time) (Lease, Status, error) {
	c, err := open(token, keys)
	if err != nil {
		return Lease{}, "", err
	}
	l := Lease{
		ID: c.ID, Device: atlas.DeviceID(c.Device), Issuer: c.Issuer, Plan: c.Plan, State: c.State,
		IssuedAt: at(c.IssuedAt), NextCheck: at(c.NextCheck), Expires: at(c.Expires), GraceUntil: at(c.GraceUntil),
	}
	if l.Device != device {
		return Lease{}, "", ErrDevice
	}
	status, err := l.At(now, floor)
	if err != nil {
		return Lease{}, "", err
	}
	return l, status, nil
}

// open checks form and signature. Nothing of the claims is read before the
// signature is known to be good.
func open(token string, keys JWKS) (claims, error) {
	if len(token) > maxToken {
		return claims{}, fmt.Errorf("%w: more than %d bytes", ErrMalformed, maxToken)
	}
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return claims{}, fmt.Errorf("%w: not three parts", ErrMalformed)
	}
	kid, err := readHeader(parts[0])
	if err != nil {
		return claims{}, err
	}
	pub, ok := keys.Key(kid)
	if !ok {
		return claims{}, ErrUnknownKey
	}
	sig, ok := decode(parts[2])
	if !ok {
		return claims{}, fmt.Errorf("%w: signature", ErrMalformed)
	}
	if !ed25519.Verify(pub, []byte(parts[0]+"."+parts[1]), sig) {
		return claims{}, ErrSignature
	}
	var c claims
	if !decodeExact(parts[1], &c) {
		return claims{}, fmt.Errorf("%w: claims", ErrMalformed)
	}
	return c, c.check()
}

func readHeader(part string) (kid string, err error) {
	var h header
	if !decodeExact(part, &h) || h.Algorithm != algorithm || h.Type != mediaType {
		return "", fmt.Errorf("%w: header", ErrMalformed)
	}
	return h.KeyID, nil
}

var b64 = base64.RawURLEncoding.Strict()

// decode returns the bytes of an unpadded base64url text. The decoder skips
// line breaks, so the text is compared with its only encoding.
func decode(s string) ([]byte, bool) {
	b, err := b64.DecodeString(s)
	return b, err == nil && b64.EncodeToString(b) == s
}

// decodeExact reads one JSON object into v and reports whether part holds v's
// own encoding and not a byte else: no other order, no second value of a name,
// no unknown names, nothing behind it.
func decodeExact(part string, v any) bool {
	raw, ok := decode(part)
	return ok && json.Unmarshal(raw, v) == nil && bytes.Equal(encode(v), raw)
}

// encode returns v as JSON. The values of this package always encode.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		return nil
	}
	return b
}

func at(seconds int64) time.Time { return time.Unix(seconds, 0).UTC() }
