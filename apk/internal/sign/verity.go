package sign

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"

	"github.com/atlas-mdm/atlas-go/apk/internal/fault"
)

const (
	verityPage = 4096
	veritySalt = 8 // zero bytes
)

// addVerity computes the fs-verity style digest: the root of a hash tree over pages of the file without its signing
// block, and the length of that. It is defined only for a content that ends on a page's boundary; without it the
// signer's digest is missing, and that is an error where it is compared.
func (s *Sums) addVerity(r io.ReaderAt, l layout) error {
	if l.content%verityPage != 0 {
		return nil
	}
	signed := l.signedEOCD()
	in := io.MultiReader(
		io.NewSectionReader(r, 0, l.content),
		io.NewSectionReader(r, l.directory, l.end-l.directory),
		bytes.NewReader(signed),
	)
	level, size, err := verityLevel(in)
	if err != nil {
		return err
	}
	want := l.content + l.end - l.directory + int64(len(signed))
	if size != want {
		return fmt.Errorf("%w: file ends early", fault.Malformed)
	}
	for len(level) > verityPage {
		if level, _, err = verityLevel(bytes.NewReader(level)); err != nil {
			return err
		}
	}
	root := verityHash(append(level, make([]byte, verityPage-len(level))...))
	s.Content[VeritySHA256] = le.AppendUint64(root[:], uint64(size))
	return nil
}

// verityLevel hashes the pages of one level into the bytes of the next, the last page filled up with zeros.
func verityLevel(in io.Reader) (next []byte, size int64, err error) {
	page := make([]byte, verityPage)
	for {
		n, err := io.ReadFull(in, page)
		if err == io.EOF {
			return next, size, nil
		}
		if err != nil && err != io.ErrUnexpectedEOF {
			return nil, 0, fmt.Errorf("apk: reading: %w", err)
		}
		clear(page[n:])
		sum := verityHash(page)
		next, size = append(next, sum[:]...), size+int64(n)
	}
}

func verityHash(page []byte) [sha256.Size]byte {
	var buf [veritySalt + verityPage]byte
	copy(buf[veritySalt:], page)
	return sha256.Sum256(buf[:])
}
