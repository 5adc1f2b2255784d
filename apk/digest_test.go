package apk_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/internal/signtest"
)

// threeChunks is a signed package whose content is digested in several chunks of 1 MiB.
func threeChunks(t testing.TB) []byte {
	t.Helper()
	noise := make([]byte, 5<<19)
	for i := range noise {
		noise[i] = byte(i * i >> 7)
	}
	data := buildStored(t, manifest().End().Bytes(), file{"assets/blob", noise})
	return signtest.Sign(t, data, v2(signtest.Signer{Key: signtest.NewKey(t, "a")}))
}

func TestContentOfSeveralChunksIsDigestedInOrder(t *testing.T) {
	t.Parallel()
	data := threeChunks(t)
	info := inspectBytes(t, data, apk.Options{MinSDK: 24})
	require.True(t, info.Signature.Verified, "%v", info.Signature.Errors)
	sum := sha256.Sum256(data)
	require.Equal(t, hex.EncodeToString(sum[:]), info.SHA256)
	for _, i := range []int{1<<20 - 1, 1 << 20, 2<<20 - 1, 2 << 20, 2<<20 + 1000} {
		data[i] ^= 1
		require.False(t, inspectBytes(t, data, apk.Options{MinSDK: 24}).Signature.Verified, "byte %d", i)
		data[i] ^= 1
	}
}

func TestSeveralInspectionsMayShareAReader(t *testing.T) {
	t.Parallel()
	data := threeChunks(t)
	r := bytes.NewReader(data)
	var wg sync.WaitGroup
	verified := make([]bool, 4)
	for i := range verified {
		wg.Go(func() {
			info, err := apk.Inspect(r, int64(len(data)), apk.Options{MinSDK: 24})
			verified[i] = err == nil && info.Signature.Verified
		})
	}
	wg.Wait()
	require.NotContains(t, verified, false)
}

var errDisk = errors.New("disk on fire")

// failing reads everything but the byte at its offset.
type failing struct {
	io.ReaderAt
	at int64
}

func (f failing) ReadAt(p []byte, off int64) (int, error) {
	if off <= f.at && f.at < off+int64(len(p)) {
		return 0, errDisk
	}
	return f.ReaderAt.ReadAt(p, off)
}

func TestErrorOfTheReaderIsReturned(t *testing.T) {
	t.Parallel()
	data := threeChunks(t)
	for _, at := range []int64{1 << 20, 2 << 20, int64(len(data)) - 1, int64(len(data)) - 30} {
		_, err := apk.Inspect(failing{bytes.NewReader(data), at}, int64(len(data)), apk.Options{})
		require.ErrorIs(t, err, errDisk, "byte %d", at)
	}
}
