package axml_test

import (
	"bytes"
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk/internal/axml"
	"github.com/atlas-mdm/atlas-go/apk/internal/axmltest"
	"github.com/atlas-mdm/atlas-go/apk/internal/fault"
)

const nameID = 0x01010003

var limits = axml.Limits{Elements: 1000, Depth: 20}

// names collects the elements and their android:name.
type names struct {
	got   []string
	depth int
}

func (n *names) Start(e *axml.Element) error {
	n.depth++
	v, _ := e.Attr(nameID, "name")
	n.got = append(n.got, e.Name+"="+v.Text)
	return nil
}

func (n *names) End() error { n.depth--; return nil }

func walk(data []byte) ([]string, error) {
	n := &names{}
	err := axml.Walk(data, limits, n)
	return n.got, err
}

func sample() *axmltest.Doc {
	name := axmltest.Attr{ID: nameID, Name: "name", Text: "x"}
	return axmltest.New(name).Start("a", name).Start("b").End().End()
}

func TestElementsAndAttributesAreRead(t *testing.T) {
	t.Parallel()
	got, err := walk(sample().Bytes())
	require.NoError(t, err)
	require.Equal(t, []string{"a=x", "b="}, got)
}

func TestAttributeIsKnownByItsIDUnderAnyName(t *testing.T) {
	t.Parallel()
	disguised := axmltest.Attr{ID: nameID, Name: "", Text: "x"}
	got, err := walk(axmltest.New(disguised).Start("a", disguised).End().Bytes())
	require.NoError(t, err)
	require.Equal(t, []string{"a=x"}, got)
}

func TestAttributeOfAnotherIDDoesNotPassByName(t *testing.T) {
	t.Parallel()
	other := axmltest.Attr{ID: 0x01010001, Name: "name", Text: "x"}
	got, err := walk(axmltest.New(other).Start("a", other).End().Bytes())
	require.NoError(t, err)
	require.Equal(t, []string{"a="}, got)
}

// The platform looks for an attribute without namespace by its name: an id on that name must not hide it from us alone.
func TestAttributeWithoutNamespaceIsKnownByNameDespiteAnID(t *testing.T) {
	t.Parallel()
	disguised := axmltest.Attr{ID: 0x01010099, Name: "package", Text: "first", Bare: true}
	plain := axmltest.Attr{Name: "package", Text: "second"}
	var got string
	read := func(e *axml.Element) { v, _ := e.Attr(0, "package"); got = v.Text }
	require.NoError(t, axml.Walk(axmltest.New(disguised).Start("a", disguised, plain).End().Bytes(), limits, visit(read)))
	require.Equal(t, "first", got)
}

// visit is a visitor of start tags.
type visit func(*axml.Element)

func (v visit) Start(e *axml.Element) error { v(e); return nil }
func (v visit) End() error                  { return nil }

func TestAttributeOfTheFrameworkIsKnownByNameWhereNoIDIsMapped(t *testing.T) {
	t.Parallel()
	unmapped := axmltest.Attr{ID: nameID, Name: "name", Text: "x"}
	got, err := walk(axmltest.New().Start("a", unmapped).End().Bytes())
	require.NoError(t, err)
	require.Equal(t, []string{"a=x"}, got)
}

func TestUnknownChunksAreSkipped(t *testing.T) {
	t.Parallel()
	_, err := walk(sample().Raw(0xff, 0x0f, 8, 0, 12, 0, 0, 0, 1, 2, 3, 4).Bytes())
	require.NoError(t, err)
}

func TestDocumentsThatContradictThemselvesAreMalformed(t *testing.T) {
	t.Parallel()
	patch := func(at int, v uint32) []byte {
		b := sample().Bytes()
		binary.LittleEndian.PutUint32(b[at:], v)
		return b
	}
	for what, data := range map[string][]byte{
		"empty":                 nil,
		"no chunk":              {3, 0, 8, 0, 8, 0, 0, 0},
		"chunk of size 0":       sample().Raw(0x02, 0x01, 16, 0, 0, 0, 0, 0).Bytes(),
		"outer size too big":    patch(4, 1<<30),
		"string count too big":  patch(16, 0x0fffffff),
		"strings behind pool":   patch(28, 1<<30),
		"element not ended":     axmltest.New().Start("a").Bytes(),
		"two roots":             axmltest.New().Start("a").End().Start("b").End().Bytes(),
		"two pools":             sample().Raw(axmltest.Pool("x")...).Bytes(),
		"late resource map":     sample().Raw(0x80, 1, 8, 0, 8, 0, 0, 0).Bytes(),
		"end without beginning": axmltest.New().End().Bytes(),
		"attributes cut short":  sample().Raw(0x02, 0x01, 16, 0, 36, 0, 0, 0).Raw(make([]byte, 20)...).Raw(20, 0, 20, 0, 9, 0, 0, 0).Bytes(),
	} {
		_, err := walk(data)
		require.ErrorIs(t, err, fault.ErrMalformed, what)
	}
}

func TestDepthAndNumberOfElementsAreBounded(t *testing.T) {
	t.Parallel()
	deep, wide := axmltest.New(), axmltest.New().Start("a")
	for range limits.Depth + 1 {
		deep.Start("a")
	}
	for range limits.Elements {
		wide.Start("a").End()
	}
	for _, d := range []*axmltest.Doc{deep, wide} {
		_, err := walk(d.Bytes())
		require.ErrorIs(t, err, fault.ErrLimit)
	}
}

func TestStringsOfBothEncodingsAreRead(t *testing.T) {
	t.Parallel()
	wide := []byte{1, 0, 28, 0, 38, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0xe4, 0, 0, 0}
	for _, raw := range [][]byte{axmltest.Pool("ä"), wide} {
		p, err := axml.NewPool(raw, 100)
		require.NoError(t, err)
		s, ok := p.Get(0)
		require.True(t, ok)
		require.Equal(t, "ä", s)
		_, ok = p.Get(1)
		require.False(t, ok)
	}
}

func TestPoolGivesOutNoMoreThanItsBudget(t *testing.T) {
	t.Parallel()
	p, err := axml.NewPool(axmltest.Pool("first", "second"), 8)
	require.NoError(t, err)
	_, ok := p.Get(0)
	require.True(t, ok)
	_, ok = p.Get(1)
	require.False(t, ok)
	_, ok = p.Get(0)
	require.True(t, ok, "what was paid for once is free")
}

func FuzzWalk(f *testing.F) {
	f.Add(sample().Bytes())
	f.Add(bytes.Repeat([]byte{1, 0, 8, 0, 8, 0, 0, 0}, 10))
	f.Fuzz(func(t *testing.T, data []byte) {
		n := &names{}
		if err := axml.Walk(data, limits, n); err == nil && n.depth != 0 {
			t.Fatal("accepted a document whose elements do not end")
		}
	})
}
