package device

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/atlas-mdm/atlas-go/atlas/httpapi/httpsig"
)

const keyBlock = "PRIVATE KEY" // PKCS #8, RFC 5208

// deviceKey returns the key in file, or makes one. It is on disk before
// anybody hears of it, so that an enrolment whose answer is lost can be
// repeated with the same key.
func deviceKey(file string, p256 bool) (crypto.Signer, error) {
	raw, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return makeKey(file, p256)
	}
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrState, err)
	}
	block, rest := pem.Decode(raw)
	if block == nil || block.Type != keyBlock || len(rest) > 0 {
		return nil, fmt.Errorf("%w: %s is not one private key", ErrState, file)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("%w: %s does not parse", ErrState, file)
	}
	key, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("%w: %s does not sign", ErrState, file)
	}
	if _, err := httpsig.KeyID(key.Public()); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrState, file, err)
	}
	return key, nil
}

func makeKey(file string, p256 bool) (key crypto.Signer, err error) {
	if p256 {
		key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	} else {
		_, key, err = ed25519.GenerateKey(rand.Reader)
	}
	if err != nil {
		return nil, fmt.Errorf("device: make key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("device: make key: %w", err)
	}
	return key, writeFile(file, pem.EncodeToMemory(&pem.Block{Type: keyBlock, Bytes: der}))
}
