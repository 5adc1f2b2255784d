package apk_test

import (
	"bytes"
	"crypto/sha256"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/internal/signtest"
)

// large is a signed package of about 64 MB, nearly all of it one stored file.
func large(b *testing.B) []byte {
	b.Helper()
	content := make([]byte, 64<<20)
	_, err := rand.NewChaCha8([32]byte{}).Read(content)
	require.NoError(b, err)
	data := buildStored(b, manifest().End().Bytes(), file{"assets/blob", content})
	k := signtest.NewKey(b, "bench")
	return signtest.Sign(b, data, v2(signtest.Signer{Key: k}), v3(signtest.Signer{Key: k, MinSDK: 24, MaxSDK: math.MaxInt32}))
}

func BenchmarkInspect(b *testing.B) {
	for _, c := range []struct {
		name string
		data func() []byte
	}{
		{"tiny", func() []byte { return testdata(b, "tiny.apk") }},
		{"64MB", func() []byte { return large(b) }},
	} {
		data := c.data()
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				info, err := apk.Inspect(bytes.NewReader(data), int64(len(data)), apk.Options{MinSDK: 24})
				if err != nil || !info.Signature.Verified {
					b.Fatal("does not verify")
				}
			}
		})
		b.Run(c.name+"-sha256-alone", func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				sha256.Sum256(data)
			}
		})
	}
}
