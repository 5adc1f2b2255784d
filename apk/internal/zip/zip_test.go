package zip_test

import (
	stdzip "archive/zip"
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk/internal/fault"
	"github.com/atlas-mdm/atlas-go/apk/internal/zip"
)

var limits = zip.Limits{Entries: 100, DirectoryBytes: 1 << 16}

// archive makes an archive of stored (upper case) and deflated entries, each with its own name as the content.
func archive(t testing.TB, comment string, names ...string) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := stdzip.NewWriter(&buf)
	for _, n := range names {
		method := stdzip.Deflate
		if n[0] < 'a' {
			method = stdzip.Store
		}
		f, err := w.CreateHeader(&stdzip.FileHeader{Name: n, Method: method})
		require.NoError(t, err)
		_, err = f.Write([]byte(n))
		require.NoError(t, err)
	}
	require.NoError(t, w.SetComment(comment))
	require.NoError(t, w.Close())
	return buf.Bytes()
}

func open(data []byte) (*zip.Directory, error) {
	return zip.Open(bytes.NewReader(data), int64(len(data)), limits)
}

func TestStoredAndDeflatedEntriesAreRead(t *testing.T) {
	t.Parallel()
	d, err := open(archive(t, "a comment", "STORED", "deflated"))
	require.NoError(t, err)
	require.Len(t, d.Entries, 2)
	for _, e := range d.Entries {
		got, err := d.Read(e, 100)
		require.NoError(t, err)
		require.Equal(t, e.Name, string(got))
		require.Equal(t, e.Name[:4], string(d.Head(e, make([]byte, 4))))
	}
}

func TestNameThatOccursTwiceIsReported(t *testing.T) {
	t.Parallel()
	d, err := open(archive(t, "", "x", "y", "x"))
	require.NoError(t, err)
	require.Equal(t, []string{"x"}, d.Duplicates)
}

func TestBytesThatAreNoArchiveAreNotAPK(t *testing.T) {
	t.Parallel()
	for _, data := range [][]byte{nil, []byte("PK"), make([]byte, 1000), append(archive(t, "", "x"), 0)} {
		_, err := open(data)
		require.ErrorIs(t, err, fault.ErrNotAPK)
	}
}

func TestLimitsStopBeforeReading(t *testing.T) {
	t.Parallel()
	data := archive(t, "", "x", "y")
	for _, l := range []zip.Limits{{Entries: 1, DirectoryBytes: 1000}, {Entries: 10, DirectoryBytes: 10}} {
		_, err := zip.Open(bytes.NewReader(data), int64(len(data)), l)
		require.ErrorIs(t, err, fault.ErrLimit)
	}
	d, err := open(data)
	require.NoError(t, err)
	_, err = d.Read(d.Entries[0], 0)
	require.ErrorIs(t, err, fault.ErrLimit)
}

// central is where the first record of the directory lies.
func central(t *testing.T, data []byte) []byte {
	t.Helper()
	d, err := open(data)
	require.NoError(t, err)
	return data[d.Offset:]
}

func TestSizesThatDoNotHoldAreMalformed(t *testing.T) {
	t.Parallel()
	for _, size := range []uint32{0, 7, 9, 1 << 20} {
		data := archive(t, "", "deflated")
		binary.LittleEndian.PutUint32(central(t, data)[24:], size)
		d, err := open(data)
		require.NoError(t, err)
		_, err = d.Read(d.Entries[0], 1<<24)
		require.ErrorIs(t, err, fault.ErrMalformed, size)
	}
}

func TestLocalHeaderThatNamesAnotherFileIsMalformed(t *testing.T) {
	t.Parallel()
	data := archive(t, "", "name")
	copy(data[30:], "fame")
	d, err := open(data)
	require.NoError(t, err)
	_, err = d.Read(d.Entries[0], 100)
	require.ErrorIs(t, err, fault.ErrMalformed)
	require.Empty(t, d.Head(d.Entries[0], make([]byte, 4)))
}

func TestDirectoryThatLiesIsMalformed(t *testing.T) {
	t.Parallel()
	end := func(at int, v uint16) []byte {
		data := archive(t, "", "x", "y")
		binary.LittleEndian.PutUint16(data[len(data)-22+at:], v)
		return data
	}
	local := archive(t, "", "x", "y")
	binary.LittleEndian.PutUint32(central(t, local)[42:], 1<<31)
	for what, data := range map[string][]byte{
		"parts": end(4, 1), "entry counts differ": end(8, 9), "directory too long": end(12, 60000),
		"directory too far": end(16, 60000), "wrong directory": end(16, 3), "entry behind directory": local,
	} {
		_, err := open(data)
		require.ErrorIs(t, err, fault.ErrMalformed, what)
	}
}

func FuzzOpen(f *testing.F) {
	f.Add(archive(f, "", "STORED", "deflated"))
	f.Add(archive(f, "comment", "x", "x"))
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := open(data)
		if err != nil {
			return
		}
		for _, e := range d.Entries {
			if got, err := d.Read(e, 1<<16); err == nil && int64(len(got)) != e.Size {
				t.Fatal("content of another size than stated")
			}
			d.Head(e, make([]byte, 8))
		}
	})
}
