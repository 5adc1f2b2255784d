package zip

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/atlas-mdm/atlas-go/apk/internal/fault"
)

const (
	centralSignature = 0x02014b50
	centralSize      = 46
	flagEncrypted    = 1
)

// Limits bounds what Open allocates.
type Limits struct {
	Entries        int
	DirectoryBytes int64
}

// Directory is the central directory of an archive. It is for one goroutine.
type Directory struct {
	// Entries are in the order of the directory.
	Entries []Entry
	// Offset and Size place the directory in the file; EOCDOffset is where the end record begins and EOCD its bytes.
	Offset, Size, EOCDOffset int64
	EOCD                     []byte
	// Duplicates holds each name that occurs more than once. The platform refuses such an archive, and other
	// readers disagree about which entry counts.
	Duplicates []string

	r      io.ReaderAt
	byName []int32 // indexes of Entries, sorted by name and then by place
	flate  io.ReadCloser
}

// Entry is one record of the central directory.
type Entry struct {
	Name   string
	Method uint16 // 0 is stored; the platform takes everything else for deflated
	Flags  uint16
	// Packed and Size are the lengths of the data in the file and after decompression, as stated.
	Packed, Size int64
	local        int64
}

// Encrypted reports the flag bit of encryption. No platform honours it; tools that do can be misled with it.
func (e Entry) Encrypted() bool { return e.Flags&flagEncrypted != 0 }

// Open reads the central directory of the archive in the first size bytes of r.
func Open(r io.ReaderAt, size int64, lim Limits) (*Directory, error) {
	e, err := findEnd(r, size)
	if err != nil {
		return nil, err
	}
	if e.entries > lim.Entries {
		return nil, fmt.Errorf("%w: %d entries, limit %d", fault.ErrLimit, e.entries, lim.Entries)
	}
	if e.dirSize > lim.DirectoryBytes {
		return nil, fmt.Errorf("%w: central directory of %d bytes, limit %d", fault.ErrLimit, e.dirSize, lim.DirectoryBytes)
	}
	if int64(e.entries)*centralSize > e.dirSize {
		return nil, fmt.Errorf("%w: %d entries in a directory of %d bytes", fault.ErrMalformed, e.entries, e.dirSize)
	}
	buf := make([]byte, e.dirSize)
	if err := readFull(r, buf, e.dirOff); err != nil {
		return nil, err
	}
	d := &Directory{
		Offset: e.dirOff, Size: e.dirSize, EOCDOffset: e.offset, EOCD: e.raw, r: r,
		Entries: make([]Entry, 0, e.entries),
	}
	if err := d.parse(buf, e.entries); err != nil {
		return nil, err
	}
	d.sort()
	return d, nil
}

func (d *Directory) parse(buf []byte, n int) error {
	text := string(buf) // which all names share
	for i := range n {
		e, length, err := parseCentral(buf, text[len(text)-len(buf):])
		if err != nil {
			return fmt.Errorf("%w (entry %d)", err, i)
		}
		buf = buf[length:]
		if e.local >= d.Offset {
			return fmt.Errorf("%w: entry %.100q begins behind the central directory", fault.ErrMalformed, e.Name)
		}
		d.Entries = append(d.Entries, e)
	}
	return nil
}

// sort prepares Lookup and finds duplicates, in a fraction of the memory that a map of all names takes.
func (d *Directory) sort() {
	d.byName = make([]int32, len(d.Entries))
	for i := range d.byName {
		d.byName[i] = int32(i)
	}
	slices.SortFunc(d.byName, func(a, b int32) int {
		return cmp.Or(strings.Compare(d.Entries[a].Name, d.Entries[b].Name), cmp.Compare(a, b))
	})
	for i := 1; i < len(d.byName); i++ {
		name := d.Entries[d.byName[i]].Name
		if name != d.Entries[d.byName[i-1]].Name {
			continue
		}
		if n := len(d.Duplicates); n == 0 || d.Duplicates[n-1] != name {
			d.Duplicates = append(d.Duplicates, name)
		}
	}
}

func parseCentral(b []byte, text string) (Entry, int, error) {
	if len(b) < centralSize || le.Uint32(b) != centralSignature {
		return Entry{}, 0, fmt.Errorf("%w: no central directory record", fault.ErrMalformed)
	}
	name := int(le.Uint16(b[28:]))
	length := centralSize + name + int(le.Uint16(b[30:])) + int(le.Uint16(b[32:]))
	if length > len(b) {
		return Entry{}, 0, fmt.Errorf("%w: central directory record is cut short", fault.ErrMalformed)
	}
	return Entry{
		Name: text[centralSize : centralSize+name], Flags: le.Uint16(b[8:]), Method: le.Uint16(b[10:]),
		Packed: int64(le.Uint32(b[20:])), Size: int64(le.Uint32(b[24:])), local: int64(le.Uint32(b[42:])),
	}, length, nil
}

// Lookup finds an entry by its exact name; of several, the first.
func (d *Directory) Lookup(name string) (Entry, bool) {
	i, ok := d.Index(name)
	if !ok {
		return Entry{}, false
	}
	return d.Entries[i], true
}

// Index is the place in Entries of an exact name; of several, of the first.
func (d *Directory) Index(name string) (int, bool) {
	i, ok := slices.BinarySearchFunc(d.byName, name, func(i int32, name string) int {
		return strings.Compare(d.Entries[i].Name, name)
	})
	if !ok {
		return 0, false
	}
	return int(d.byName[i]), true
}
