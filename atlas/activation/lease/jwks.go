package lease

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/json"
	"fmt"
)

// JWKS is the set of Ed25519 keys whose leases count: the signing key, the
// next one and the last ones, for rotation. Its JSON is a JWK Set (RFC 7517)
// of OKP keys (RFC 8037), each under its thumbprint.
type JWKS []ed25519.PublicKey

const (
	// maxJWKS bounds a key set in bytes.
	maxJWKS = 64 << 10
	// maxKeys bounds the number of its keys, of whatever type.
	maxKeys = 64
)

// Key returns the key with that thumbprint.
func (k JWKS) Key(kid string) (ed25519.PublicKey, bool) {
	for _, pub := range k {
		if len(pub) == ed25519.PublicKeySize && Thumbprint(pub) == kid {
			return pub, true
		}
	}
	return nil, false
}

// Thumbprint returns the name of a key: the SHA-256 of its required members
// as RFC 7638 and RFC 8037 (appendix A.3) have it, in base64url.
func Thumbprint(pub ed25519.PublicKey) string {
	sum := sha256.Sum256([]byte(`{"crv":"Ed25519","kty":"OKP","x":"` + b64.EncodeToString(pub) + `"}`))
	return b64.EncodeToString(sum[:])
}

type jwk struct {
	Type      string `json:"kty"`
	Curve     string `json:"crv,omitempty"`
	X         string `json:"x,omitempty"`
	KeyID     string `json:"kid,omitempty"`
	Use       string `json:"use,omitempty"`
	Algorithm string `json:"alg,omitempty"`
	Private   string `json:"d,omitempty"`
}

type jwkSet struct {
	Keys []jwk `json:"keys"`
}

// MarshalJSON returns the document to publish. It returns ErrMalformed for a
// key of a wrong length.
func (k JWKS) MarshalJSON() ([]byte, error) {
	set := jwkSet{Keys: make([]jwk, 0, len(k))}
	for _, pub := range k {
		if len(pub) != ed25519.PublicKeySize {
			return nil, fmt.Errorf("%w: a key has a wrong length", ErrMalformed)
		}
		set.Keys = append(set.Keys, jwk{
			Type: "OKP", Curve: "Ed25519", X: b64.EncodeToString(pub), KeyID: Thumbprint(pub), Use: "sig", Algorithm: algorithm,
		})
	}
	return json.Marshal(set)
}

// ParseJWKS reads a published key set. Keys of other types or for other uses
// are left out, and unknown members skipped, as RFC 7517 (sections 4 and 5)
// asks for. A set that is too large, an Ed25519 key whose kid is not its
// thumbprint, a key that is there twice and a private key are ErrMalformed.
func ParseJWKS(document []byte) (JWKS, error) {
	if len(document) > maxJWKS {
		return nil, fmt.Errorf("%w: key set of more than %d bytes", ErrMalformed, maxJWKS)
	}
	var set jwkSet
	if err := json.Unmarshal(document, &set); err != nil {
		return nil, fmt.Errorf("%w: key set is not JSON of that form", ErrMalformed)
	}
	if set.Keys == nil || len(set.Keys) > maxKeys {
		return nil, fmt.Errorf("%w: key set has no keys, or more than %d", ErrMalformed, maxKeys)
	}
	keys := JWKS{}
	for _, k := range set.Keys {
		if k.Private != "" {
			return nil, fmt.Errorf("%w: key set holds a private key", ErrMalformed)
		}
		if !k.signsLeases() {
			continue
		}
		pub, ok := decode(k.X)
		if !ok || len(pub) != ed25519.PublicKeySize || k.KeyID != Thumbprint(pub) {
			return nil, fmt.Errorf("%w: a key and its kid don't fit", ErrMalformed)
		}
		if _, twice := keys.Key(k.KeyID); twice {
			return nil, fmt.Errorf("%w: a key is there twice", ErrMalformed)
		}
		keys = append(keys, pub)
	}
	return keys, nil
}

// UnmarshalJSON is [ParseJWKS].
func (k *JWKS) UnmarshalJSON(document []byte) error {
	keys, err := ParseJWKS(document)
	if err != nil {
		return err
	}
	*k = keys
	return nil
}

func (k jwk) signsLeases() bool {
	return k.Type == "OKP" && k.Curve == "Ed25519" && (k.Use == "" || k.Use == "sig") && (k.Algorithm == "" || k.Algorithm == algorithm)
}
