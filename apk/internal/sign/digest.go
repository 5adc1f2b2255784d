package sign

import (
	"crypto/sha256"
	"crypto/sha512"
	"hash"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
)

const (
	chunkSize   = 1 << 20
	chunkPrefix = 0xa5
	topPrefix   = 0x5a
	maxWorkers  = 4
)

// Sums are the digests of one pass over a file.
type Sums struct {
	File    [sha256.Size]byte
	Content map[Digest][]byte
}

// layout is where the parts of a package lie. The signing block is between content and directory.
type layout struct {
	content, directory, end int64 // end of the content, beginning of the directory, beginning of the end record
	eocd                    []byte
}

// span is a part of the file that is digested as one chunk, at most chunkSize bytes; index is -1 for the signing block,
// which only the file's own digest covers.
type span struct {
	off    int64
	n      int
	index  int
	signed []byte // where what is signed differs from what is in the file
}

// spans cuts the file. The last chunk is the end record, in which schemes take the place of the directory for that of
// the signing block, so that inserting the block does not change it.
func (l layout) spans() []span {
	var out []span
	index := 0
	cut := func(from, to int64, counted bool) {
		for from < to {
			s := span{off: from, n: int(min(chunkSize, to-from)), index: -1}
			if counted {
				s.index = index
				index++
			}
			out = append(out, s)
			from += int64(s.n)
		}
	}
	cut(0, l.content, true)
	cut(l.content, l.directory, false)
	cut(l.directory, l.end, true)
	return append(out, span{off: l.end, n: len(l.eocd), index: index, signed: l.signedEOCD()})
}

func (l layout) signedEOCD() []byte {
	b := append([]byte(nil), l.eocd...)
	le.PutUint32(b[16:], uint32(l.content))
	return b
}

// chunkDigest gathers the digests of all chunks for one algorithm.
type chunkDigest struct {
	size int
	new  func() hash.Hash
	sums []byte // the top level's input: prefix, count, one digest a chunk
}

func newChunkDigest(d Digest, chunks int) *chunkDigest {
	c := &chunkDigest{size: sha256.Size, new: sha256.New}
	if d == ChunkedSHA512 {
		c.size, c.new = sha512.Size, sha512.New
	}
	c.sums = make([]byte, 5+chunks*c.size)
	c.sums[0] = topPrefix
	le.PutUint32(c.sums[1:], uint32(chunks))
	return c
}

func (c *chunkDigest) add(h hash.Hash, index int, data []byte) {
	h.Reset()
	head := [5]byte{chunkPrefix}
	le.PutUint32(head[1:], uint32(len(data)))
	h.Write(head[:])
	h.Write(data)
	h.Sum(c.sums[:5+index*c.size])
}

func (c *chunkDigest) top() []byte {
	h := c.new()
	h.Write(c.sums)
	return h.Sum(nil)
}

// digest reads the file once and computes its SHA-256 and the wanted content digests. One goroutine reads, one hashes
// the file as a whole, the others hash chunks; memory is bounded by a few buffers of one chunk each.
func digest(r io.ReaderAt, l layout, want map[Digest]bool) (Sums, error) {
	spans := l.spans()
	p := pass{file: sha256.New()}
	for d := range want {
		if d != VeritySHA256 {
			p.chunked = append(p.chunked, newChunkDigest(d, spans[len(spans)-1].index+1))
		}
	}
	if err := p.run(r, spans); err != nil {
		return Sums{}, err
	}
	out := Sums{Content: map[Digest][]byte{}}
	p.file.Sum(out.File[:0])
	for _, c := range p.chunked {
		d := ChunkedSHA256
		if c.size == sha512.Size {
			d = ChunkedSHA512
		}
		out.Content[d] = c.top()
	}
	if want[VeritySHA256] {
		return out, out.addVerity(r, l)
	}
	return out, nil
}

type pass struct {
	file    hash.Hash
	chunked []*chunkDigest
}

// piece is a buffer with a span in it, on its way through two consumers.
type piece struct {
	span
	buf  []byte
	data []byte
	refs atomic.Int32
}

func (p *pass) run(r io.ReaderAt, spans []span) error {
	workers := min(runtime.GOMAXPROCS(0), maxWorkers, len(spans))
	if len(p.chunked) == 0 {
		workers = 0
	}
	buffers := min(workers+3, len(spans))
	free := make(chan *piece, buffers)
	size := 0
	for _, s := range spans {
		size = max(size, s.n)
	}
	for range buffers {
		free <- &piece{buf: make([]byte, size)}
	}
	whole, chunks := make(chan *piece, buffers), make(chan *piece, buffers)
	release := func(c *piece) {
		if c.refs.Add(-1) == 0 {
			free <- c
		}
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for c := range whole {
			p.file.Write(c.data)
			release(c)
		}
	})
	for range workers {
		wg.Go(func() { p.hashChunks(chunks, release) })
	}
	err := feed(r, spans, free, whole, chunks, workers > 0)
	close(whole)
	close(chunks)
	wg.Wait()
	return err
}

// feed reads the spans in order and hands each to the consumers.
func feed(r io.ReaderAt, spans []span, free <-chan *piece, whole, chunks chan<- *piece, chunked bool) error {
	for _, s := range spans {
		c := <-free
		c.span, c.data = s, c.buf[:s.n]
		if err := readAt(r, c.data, s.off); err != nil {
			return err
		}
		counted := chunked && s.index >= 0
		c.refs.Store(1)
		if counted {
			c.refs.Store(2)
			chunks <- c
		}
		whole <- c
	}
	return nil
}

func (p *pass) hashChunks(in <-chan *piece, release func(*piece)) {
	hashes := make([]hash.Hash, len(p.chunked))
	for i, c := range p.chunked {
		hashes[i] = c.new()
	}
	for c := range in {
		data := c.data
		if c.signed != nil {
			data = c.signed
		}
		for i, d := range p.chunked {
			d.add(hashes[i], c.index, data)
		}
		release(c)
	}
}
