package sign

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"runtime"
	"sync"

	"github.com/atlas-mdm/atlas-go/apk/internal/fault"
)

const (
	verityPage = 4096
	veritySalt = 8 // zero bytes, in v2 and v3; v4 has none
	perPage    = verityPage / sha256.Size
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
	size := l.content + l.end - l.directory + int64(len(signed))
	root, err := newMerkle(size, veritySalt, nil).root(in)
	if err != nil {
		return err
	}
	s.Content[VeritySHA256] = le.AppendUint64(root[:], uint64(size))
	return nil
}

// merkle computes the root of a hash tree over pages, level by level as the pages come, so that it takes one page of
// memory a level and a buffer.
type merkle struct {
	size   int64
	salt   int // zero bytes before each page
	levels []merkleLevel
	top    [sha256.Size]byte
	// each sees the pages of the tree; offset is where the tree has it when it is written with its top first.
	each func(page []byte, offset int64) error
}

// merkleLevel is the page of a level that is not full yet.
type merkleLevel struct {
	page   [verityPage]byte
	used   int
	offset int64 // of the page in the tree
}

func newMerkle(size int64, salt int, each func(page []byte, offset int64) error) *merkle {
	m := &merkle{size: size, salt: salt, each: each}
	var pages []int64
	for n := ceil(size, verityPage); ; {
		n = max(ceil(n, perPage), 1)
		pages = append(pages, n)
		if n == 1 {
			break
		}
	}
	m.levels = make([]merkleLevel, len(pages))
	for i := len(pages) - 2; i >= 0; i-- {
		m.levels[i].offset = m.levels[i+1].offset + pages[i+1]*verityPage
	}
	return m
}

func ceil(a, b int64) int64 { return (a + b - 1) / b }

// treeSize is the length of the whole tree.
func (m *merkle) treeSize() int64 {
	return m.levels[0].offset + max(ceil(ceil(m.size, verityPage), perPage), 1)*verityPage
}

// root reads everything, which must have the size that was stated.
func (m *merkle) root(in io.Reader) ([sha256.Size]byte, error) {
	buf, sums := make([]byte, chunkSize), make([]byte, chunkSize/perPage)
	read := int64(0)
	for {
		n, err := io.ReadFull(in, buf)
		if err == io.EOF {
			break
		}
		if err != nil && err != io.ErrUnexpectedEOF {
			return m.top, fmt.Errorf("apk: reading: %w", err)
		}
		read += int64(n)
		pages := int(ceil(int64(n), verityPage))
		clear(buf[n : pages*verityPage])
		m.hashPages(buf[:pages*verityPage], sums)
		for i := range pages {
			if err := m.add(0, sums[i*sha256.Size:(i+1)*sha256.Size]); err != nil {
				return m.top, err
			}
		}
	}
	if read != m.size {
		return m.top, fmt.Errorf("%w: file ends early", fault.ErrMalformed)
	}
	for i := range m.levels {
		if l := &m.levels[i]; l.used > 0 || m.size == 0 {
			clear(l.page[l.used:])
			if err := m.flush(i); err != nil {
				return m.top, err
			}
		}
	}
	return m.top, nil
}

// hashPages hashes the pages of a buffer on several cores.
func (m *merkle) hashPages(buf, sums []byte) {
	pages := len(buf) / verityPage
	workers := min(runtime.GOMAXPROCS(0), maxWorkers, pages)
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w * pages / workers; i < (w+1)*pages/workers; i++ {
				sum := m.hash(buf[i*verityPage : (i+1)*verityPage])
				copy(sums[i*sha256.Size:], sum[:])
			}
		})
	}
	wg.Wait()
}

func (m *merkle) hash(page []byte) [sha256.Size]byte {
	if m.salt == 0 {
		return sha256.Sum256(page)
	}
	var buf [veritySalt + verityPage]byte
	copy(buf[veritySalt:], page)
	return sha256.Sum256(buf[:])
}

// add puts one hash into a level.
func (m *merkle) add(level int, sum []byte) error {
	if level == len(m.levels) {
		copy(m.top[:], sum)
		return nil
	}
	l := &m.levels[level]
	copy(l.page[l.used:], sum)
	if l.used += len(sum); l.used < verityPage {
		return nil
	}
	return m.flush(level)
}

// flush hands a level's page to the next level.
func (m *merkle) flush(level int) error {
	l := &m.levels[level]
	if m.each != nil {
		if err := m.each(l.page[:], l.offset); err != nil {
			return err
		}
	}
	l.used, l.offset = 0, l.offset+verityPage
	sum := m.hash(l.page[:])
	return m.add(level+1, sum[:])
}
