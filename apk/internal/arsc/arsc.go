// Package arsc looks single values up in resources.arsc, for the default configuration. The format is ResTable of
// frameworks/base/libs/androidfw (ResourceTypes.h), with the sparse, 16-bit-offset and compact forms of newer builds.
package arsc

import (
	"encoding/binary"
	"fmt"

	"github.com/atlas-mdm/atlas-go/apk/internal/axml"
	"github.com/atlas-mdm/atlas-go/apk/internal/fault"
)

const (
	chunkPool    = 0x0001
	chunkTable   = 0x0002
	chunkPackage = 0x0200
	chunkType    = 0x0201

	tableHeader   = 12
	packageHeader = 12 // as far as the id
	typeHeader    = 20 + 4

	maxHops = 8
	// appPackage is the id of an application's own package.
	appPackage = 0x7f
)

var le = binary.LittleEndian

// Table is a resource table.
type Table struct {
	pool     *axml.Pool
	packages []axml.Chunk
}

// Open reads the outline of the table in data. Values are read when asked for.
func Open(data []byte) (*Table, error) {
	c, _, err := axml.NextChunk(data)
	if err != nil {
		return nil, err
	}
	if c.Type != chunkTable || c.Head < tableHeader {
		return nil, fmt.Errorf("%w: not a resource table", fault.ErrMalformed)
	}
	t := &Table{}
	for rest := c.Body[c.Head:]; len(rest) > 0; {
		var c axml.Chunk
		if c, rest, err = axml.NextChunk(rest); err != nil {
			return nil, err
		}
		switch {
		case c.Type == chunkPool && t.pool == nil:
			if t.pool, err = axml.NewPool(c.Body, 1<<20); err != nil {
				return nil, err
			}
		case c.Type == chunkPackage && c.Head >= packageHeader:
			t.packages = append(t.packages, c)
		}
	}
	return t, nil
}

// Lookup returns the value of a resource in the default configuration, or in the next best there is, and follows
// references for a few steps.
func (t *Table) Lookup(id uint32) (axml.Value, bool) {
	for range maxHops {
		v, ok := t.once(id)
		if !ok {
			return axml.Value{}, false
		}
		next, isRef := v.Reference()
		if !isRef {
			return v, true
		}
		id = next
	}
	return axml.Value{}, false
}

func (t *Table) once(id uint32) (axml.Value, bool) {
	var best axml.Value
	rank := worst
	for _, p := range t.packages {
		pid := le.Uint32(p.Body[8:])
		if pid != id>>24 && (pid != 0 || id>>24 != appPackage) {
			continue
		}
		for rest := p.Body[p.Head:]; len(rest) > 0; {
			c, tail, err := axml.NextChunk(rest)
			if err != nil {
				break
			}
			rest = tail
			if c.Type != chunkType || c.Head < typeHeader || uint32(c.Body[8]) != id>>16&0xff {
				continue
			}
			if r := rankOf(c.Body[20:c.Head]); r < rank {
				if v, ok := t.entry(c, id&0xffff); ok {
					best, rank = v, r
				}
			}
		}
	}
	return best, rank < worst
}

// Configurations in the order of preference.
const (
	defaultConfig = iota // no qualifier at all
	defaultLocale        // qualified by something else than the locale
	english
	otherLocale
	worst
)

// rankOf judges a ResTable_config.
func rankOf(config []byte) int {
	size := min(int(le.Uint32(config)), len(config))
	if size < 12 {
		return defaultConfig
	}
	switch lang := string(config[8:10]); {
	case allZero(config[4:size]):
		return defaultConfig
	case lang == "\x00\x00":
		return defaultLocale
	case lang == "en":
		return english
	}
	return otherLocale
}

func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
