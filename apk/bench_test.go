package apk_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
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

// jarLarge is a package with a JAR signature, of some 64 MB in 64 entries that deflate to a half.
func jarLarge(b *testing.B) []byte {
	b.Helper()
	noise := rand.NewChaCha8([32]byte{})
	var files []file
	for i := range 64 {
		content := make([]byte, 1<<20)
		_, err := noise.Read(content[:1<<19])
		require.NoError(b, err)
		for n := range content {
			content[n] = "0123456789abcdef"[content[n]&15] // four bits of each byte
		}
		files = append(files, file{fmt.Sprintf("assets/%02d", i), content})
	}
	return jarSigned(b, signtest.NewKey(b, "bench"), files...).bytes(b)
}

func BenchmarkJARSignature(b *testing.B) {
	data := jarLarge(b)
	b.Run("inspect", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			info, err := apk.Inspect(bytes.NewReader(data), int64(len(data)), apk.Options{MinSDK: 21})
			if err != nil || !info.Signature.Verified {
				b.Fatal("does not verify")
			}
		}
	})
	b.Run("inflate-and-sha256-alone", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			inflateAndHash(b, data)
		}
	})
}

// inflateAndHash is the work that can't be left out, on all cores.
func inflateAndHash(b *testing.B, data []byte) {
	b.Helper()
	r, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	require.NoError(b, err)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(r.File)); i = next.Add(1) - 1 {
				content, err := r.File[i].Open()
				if err == nil {
					_, err = io.Copy(sha256.New(), content)
				}
				if err != nil {
					b.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkV4(b *testing.B) {
	signed, idsig, _ := withV4(b, make([]byte, 64<<20))
	b.SetBytes(int64(len(signed)))
	b.ReportAllocs()
	for b.Loop() {
		info, err := apk.Inspect(bytes.NewReader(signed), int64(len(signed)), v4(idsig))
		if err != nil || !info.Signature.Verified {
			b.Fatal("does not verify")
		}
	}
}
