package sign

import (
	"fmt"
	"io"

	"github.com/atlas-mdm/atlas-go/apk/internal/fault"
)

// The ids of what an APK Signing Block can hold.
const (
	idV2     = 0x7109871a
	idV3     = 0xf05368c0
	idV31    = 0x1b93ad61
	idV32    = 0x70e1c89f
	idStamp  = 0x2b09189e
	idStamp2 = 0x6dff800d
)

const (
	blockFooter = 24 // size and magic
	blockMin    = 32 // with the size in front
	pairHeader  = 8
	maxPair     = 1<<31 - 1
)

var blockMagic = []byte("APK Sig Block 42")

// block is the APK Signing Block, which lies before the central directory
// (https://source.android.com/docs/security/features/apksigning/v2).
type block struct {
	offset int64 // in the file; where there is no block, where the central directory begins
	pairs  []byte
}

// findBlock reads the block. A file without one, or with one whose sizes contradict each other, has none as far as the
// platform is concerned.
func findBlock(in Input) (block, error) {
	absent := block{offset: in.DirectoryOffset}
	if in.DirectoryOffset+in.DirectorySize != in.Size-int64(len(in.EOCD)) || in.DirectoryOffset < blockMin {
		return absent, nil
	}
	var foot [blockFooter]byte
	if err := readAt(in.R, foot[:], in.DirectoryOffset-blockFooter); err != nil {
		return absent, err
	}
	size := le.Uint64(foot[:])
	if string(foot[8:]) != string(blockMagic) || size < blockFooter || size > uint64(in.DirectoryOffset-8) {
		return absent, nil
	}
	if size > uint64(in.BlockLimit) {
		return absent, fmt.Errorf("%w: signing block of %d bytes, limit %d", fault.ErrLimit, size, in.BlockLimit)
	}
	buf := make([]byte, 8+size)
	offset := in.DirectoryOffset - int64(len(buf))
	if err := readAt(in.R, buf, offset); err != nil {
		return absent, err
	}
	if le.Uint64(buf) != size {
		return absent, nil
	}
	return block{offset: offset, pairs: buf[8 : len(buf)-blockFooter]}, nil
}

// get returns the value of the first pair with the id, which is the one that counts. A malformed pair hides everything
// behind it, as on the platform.
func (b block) get(id uint32) ([]byte, bool) {
	for p := b.pairs; len(p) >= pairHeader; {
		n := le.Uint64(p)
		if n < 4 || n > maxPair || n > uint64(len(p)-pairHeader) {
			return nil, false
		}
		if le.Uint32(p[8:]) == id {
			return p[12 : 8+n], true
		}
		p = p[8+n:]
	}
	return nil, false
}

func readAt(r io.ReaderAt, buf []byte, off int64) error {
	n, err := r.ReadAt(buf, off)
	if n == len(buf) {
		return nil
	}
	if err == nil || err == io.EOF {
		return fmt.Errorf("%w: file ends at byte %d", fault.ErrMalformed, off+int64(n))
	}
	return fmt.Errorf("apk: reading: %w", err)
}
