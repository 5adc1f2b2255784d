// Package axml reads Android's binary XML, the form of AndroidManifest.xml in a package. The format is ResXMLTree of
// frameworks/base/libs/androidfw (ResourceTypes.h); like the platform it skips chunks it does not know, believes the
// sizes in the chunk headers, and knows attributes of the framework by resource id before name.
package axml

import (
	"fmt"

	"github.com/atlas-mdm/atlas-go/apk/internal/fault"
)

const (
	chunkHeader = 8
	nodeHeader  = 16
	elementSize = 20 // the extension of a start element
	attrSize    = 20

	chunkPool         = 0x0001
	chunkXML          = 0x0003
	chunkStartElement = 0x0102
	chunkEndElement   = 0x0103
	chunkResourceMap  = 0x0180

	none = 0xffffffff
)

// Limits bounds a document.
type Limits struct {
	Elements, Depth int
}

// Element is one start tag. It is valid during the call it is given to.
type Element struct {
	Name  string
	attrs []byte // records of size bytes
	size  int
	doc   *document
}

// Visitor is told of every element in the order of the document.
type Visitor interface {
	// Start and End stop the walk with the error they return.
	Start(e *Element) error
	End() error
}

type document struct {
	pool *Pool
	ids  []byte // resource ids of the first strings
}

// Walk reads the document and tells v of its elements.
func Walk(data []byte, lim Limits, v Visitor) error {
	if len(data) < chunkHeader {
		return fmt.Errorf("%w: binary XML of %d bytes", fault.ErrMalformed, len(data))
	}
	head, size := int(le.Uint16(data[2:])), uint64(le.Uint32(data[4:]))
	// The platform looks at the sizes of the outer chunk and not at its type; data behind it is ignored.
	if size > uint64(len(data)) || head < chunkHeader || uint64(head) > size {
		return fmt.Errorf("%w: binary XML header", fault.ErrMalformed)
	}
	w := walk{lim: lim, v: v}
	rest := data[head:size]
	for len(rest) >= chunkHeader {
		c, tail, err := NextChunk(rest)
		if err != nil {
			return err
		}
		if err := w.chunk(c); err != nil {
			return err
		}
		rest = tail
	}
	if w.depth != 0 || w.elements == 0 {
		return fmt.Errorf("%w: binary XML ends inside an element", fault.ErrMalformed)
	}
	return nil
}

// Chunk is one chunk: Body is everything with its header.
type Chunk struct {
	Type uint16
	Head int
	Body []byte
}

// NextChunk cuts the chunk at the beginning of b off the rest.
func NextChunk(b []byte) (Chunk, []byte, error) {
	if len(b) < chunkHeader {
		return Chunk{}, nil, fmt.Errorf("%w: chunk of %d bytes", fault.ErrMalformed, len(b))
	}
	c := Chunk{Type: le.Uint16(b), Head: int(le.Uint16(b[2:]))}
	size := uint64(le.Uint32(b[4:]))
	if c.Head < chunkHeader || uint64(c.Head) > size || size > uint64(len(b)) {
		return Chunk{}, nil, fmt.Errorf("%w: chunk %#x has header %d and size %d in %d bytes", fault.ErrMalformed, c.Type, c.Head, size, len(b))
	}
	c.Body = b[:size]
	return c, b[size:], nil
}

type walk struct {
	lim             Limits
	v               Visitor
	doc             document
	depth, elements int
}

func (w *walk) chunk(c Chunk) error {
	switch c.Type {
	// Readers disagree about which of two pools or maps counts, and so about what the elements say.
	case chunkPool:
		if w.doc.pool != nil {
			return fmt.Errorf("%w: second string pool", fault.ErrMalformed)
		}
		p, err := NewPool(c.Body, 2*len(c.Body)+maxString)
		w.doc.pool = p
		return err
	case chunkResourceMap:
		if w.doc.ids != nil || w.elements > 0 {
			return fmt.Errorf("%w: resource map out of place", fault.ErrMalformed)
		}
		w.doc.ids = c.Body[c.Head:]
	case chunkStartElement:
		return w.start(c)
	case chunkEndElement:
		if w.depth--; w.depth < 0 {
			return fmt.Errorf("%w: end of an element that never began", fault.ErrMalformed)
		}
		return w.v.End()
	}
	return nil
}

func (w *walk) start(c Chunk) error {
	if w.doc.pool == nil {
		return fmt.Errorf("%w: element before the string pool", fault.ErrMalformed)
	}
	if w.depth == 0 && w.elements > 0 {
		return fmt.Errorf("%w: second root element", fault.ErrMalformed)
	}
	if w.elements++; w.elements > w.lim.Elements {
		return fmt.Errorf("%w: more than %d elements", fault.ErrLimit, w.lim.Elements)
	}
	if w.depth++; w.depth > w.lim.Depth {
		return fmt.Errorf("%w: elements nested deeper than %d", fault.ErrLimit, w.lim.Depth)
	}
	if c.Head < nodeHeader || len(c.Body)-c.Head < elementSize {
		return fmt.Errorf("%w: start element of %d bytes", fault.ErrMalformed, len(c.Body))
	}
	ext := c.Body[c.Head:]
	e := &Element{doc: &w.doc, size: int(le.Uint16(ext[10:]))}
	first, count := int(le.Uint16(ext[8:])), int(le.Uint16(ext[12:]))
	if count > 0 && (e.size < attrSize || first+e.size*count > len(ext)) {
		return fmt.Errorf("%w: %d attributes of %d bytes", fault.ErrMalformed, count, e.size)
	}
	if count > 0 {
		e.attrs = ext[first : first+e.size*count]
	}
	name, ok := w.doc.pool.Get(le.Uint32(ext[4:]))
	if !ok {
		return fmt.Errorf("%w: element without a name", fault.ErrMalformed)
	}
	e.Name = name
	return w.v.Start(e)
}
