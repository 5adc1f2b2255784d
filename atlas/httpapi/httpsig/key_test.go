package httpsig_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/httpapi/httpsig"
)

func TestPublicKeysRoundTrip(t *testing.T) {
	t.Parallel()
	for name, key := range keys(t) {
		der, err := httpsig.MarshalPublicKey(key.Public())
		require.NoError(t, err, name)
		pub, err := httpsig.ParsePublicKey(der)
		require.NoError(t, err, name)
		require.Equal(t, key.Public(), pub, name)
	}
}

func TestOtherKeysAreRefused(t *testing.T) {
	t.Parallel()
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	r, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	for _, key := range []crypto.Signer{p384, r} {
		der, err := x509.MarshalPKIXPublicKey(key.Public())
		require.NoError(t, err)
		_, err = httpsig.ParsePublicKey(der)
		require.ErrorIs(t, err, httpsig.ErrKey)
		_, err = httpsig.KeyID(key.Public())
		require.ErrorIs(t, err, atlas.ErrInvalid)
		req := httptest.NewRequest("GET", checkin, nil)
		require.ErrorIs(t, httpsig.Sign(req, nil, key, params()), httpsig.ErrKey)
	}
}

func TestABrokenPublicKeyIsRefused(t *testing.T) {
	t.Parallel()
	for _, key := range keys(t) {
		der, err := httpsig.MarshalPublicKey(key.Public())
		require.NoError(t, err)
		for _, bad := range [][]byte{nil, der[:len(der)-1], append(append([]byte{}, der...), 0), make([]byte, 300)} {
			_, err := httpsig.ParsePublicKey(bad)
			require.ErrorIs(t, err, httpsig.ErrKey)
		}
	}
}

func TestKeyIDIsTheDigestOfTheSPKI(t *testing.T) {
	t.Parallel()
	// The Ed25519 key of RFC 9421, appendix B.1.4; the digest is openssl's.
	der, err := base64.StdEncoding.DecodeString("MCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=")
	require.NoError(t, err)
	pub, err := httpsig.ParsePublicKey(der)
	require.NoError(t, err)
	id, err := httpsig.KeyID(pub)
	require.NoError(t, err)
	require.Equal(t, keyIDOfRFC, id)
}

const keyIDOfRFC = "NFcWBst6DXG-N35nHdzMrioWntdzNZghQSkjHNMMSjw"

// failing is a hardware key that does not answer.
type failing struct{ crypto.Signer }

var errHardware = errors.New("hardware is busy")

func (failing) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return nil, errHardware }

// garbled is a hardware key that answers something else than ASN.1.
type garbled struct{ crypto.Signer }

func (garbled) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return make([]byte, 64), nil
}

func TestTheKeysOwnErrorIsPassedOn(t *testing.T) {
	t.Parallel()
	req := httptest.NewRequest("GET", checkin, nil)
	require.ErrorIs(t, httpsig.Sign(req, nil, failing{keys(t)["ed25519"]}, params()), errHardware)
	require.ErrorIs(t, httpsig.Sign(req, nil, garbled{keys(t)["ecdsa-p256-sha256"]}, params()), httpsig.ErrKey)
	require.Empty(t, req.Header.Get("Signature"))
}
