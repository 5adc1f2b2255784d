package pkcs7_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk/internal/pkcs7"
	"github.com/atlas-mdm/atlas-go/apk/internal/signtest"
)

func TestSignerIsFoundAmongTheCertificates(t *testing.T) {
	t.Parallel()
	a, b := signtest.NewKey(t, "a"), signtest.NewKey(t, "b")
	d, err := pkcs7.Parse(append(signtest.SignatureBlock(t, "file", a, b), 0, 0)) // padding is left alone
	require.NoError(t, err)
	require.Len(t, d.Certificates, 2)
	require.Len(t, d.Signers, 2)
	for i, key := range []signtest.Key{a, b} {
		c, ok := d.Signers[i].Certificate(d.Certificates)
		require.True(t, ok)
		require.Equal(t, key.Cert, c.Raw)
	}
	_, ok := d.Signers[0].Certificate(d.Certificates[1:])
	require.False(t, ok)
}

func TestNoTruncationIsRead(t *testing.T) {
	t.Parallel()
	block := signtest.SignatureBlock(t, "file", signtest.NewKey(t, "a"))
	for n := range block {
		_, err := pkcs7.Parse(block[:n])
		require.Error(t, err, n)
	}
}

func TestManySignersAreRefused(t *testing.T) {
	t.Parallel()
	keys := make([]signtest.Key, 33)
	for i := range keys {
		keys[i] = signtest.NewKey(t, "a")
	}
	_, err := pkcs7.Parse(signtest.SignatureBlock(t, "file", keys...))
	require.Error(t, err)
}

func FuzzParse(f *testing.F) {
	f.Add(signtest.SignatureBlock(f, "file", signtest.NewKey(f, "a")))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := pkcs7.Parse(bytes.Clone(data))
		if err != nil {
			return
		}
		for _, s := range d.Signers {
			if s.SignedAttributes != nil && s.SignedAttributes[0] != 0x31 {
				t.Fatal("signed attributes are no set")
			}
		}
	})
}
