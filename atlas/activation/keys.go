package activation

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// Keys finds and seals codes. It is derived from one secret that stays
// outside the database.
type Keys struct {
	lookup []byte
	seal   cipher.AEAD
}

// NewKeys derives the keys from a secret of at least 32 bytes (HKDF-SHA-256,
// RFC 5869).
func NewKeys(secret []byte) (Keys, error) {
	if len(secret) < 32 {
		return Keys{}, atlas.Invalid("secret", "must have at least 32 bytes")
	}
	lookup, err := hkdf.Key(sha256.New, secret, nil, "atlas activation lookup", 32)
	if err != nil {
		return Keys{}, fmt.Errorf("activation: derive keys: %w", err)
	}
	seal, err := hkdf.Key(sha256.New, secret, nil, "atlas activation seal", 32)
	if err != nil {
		return Keys{}, fmt.Errorf("activation: derive keys: %w", err)
	}
	block, err := aes.NewCipher(seal)
	if err != nil {
		return Keys{}, fmt.Errorf("activation: derive keys: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return Keys{}, fmt.Errorf("activation: derive keys: %w", err)
	}
	return Keys{lookup: lookup, seal: aead}, nil
}

// Lookup returns the keyed hash under which a code is stored, or the
// ErrInvalid of [Normalize].
func (k Keys) Lookup(code string) ([]byte, error) {
	s, err := Normalize(code)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, k.lookup)
	mac.Write([]byte(s))
	return mac.Sum(nil), nil
}

// Seal encrypts the text of the code with the given id (AES-256-GCM). The id
// is bound to it, so that a sealed code moved to another row does not open.
func (k Keys) Seal(id, code string) []byte {
	return k.seal.Seal(nil, nil, []byte(code), []byte(id))
}

// Open returns the text of a sealed code, or an ErrRefused if it was changed,
// moved or sealed under another secret.
func (k Keys) Open(id string, sealed []byte) (string, error) {
	text, err := k.seal.Open(nil, nil, sealed, []byte(id))
	if err != nil {
		return "", fmt.Errorf("activation: code %s does not open: %w", id, atlas.ErrRefused)
	}
	return string(text), nil
}
