package arsc_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk/internal/arsc"
	"github.com/atlas-mdm/atlas-go/apk/internal/axmltest"
	"github.com/atlas-mdm/atlas-go/apk/internal/fault"
)

var le = binary.LittleEndian

func chunk(typ, head uint16, body []byte) []byte {
	b := le.AppendUint16(le.AppendUint16(nil, typ), head)
	return append(le.AppendUint32(b, uint32(8+len(body))), body...)
}

// config makes a ResTable_config with a language.
func config(lang string) []byte {
	c := make([]byte, 28)
	le.PutUint32(c, 28)
	copy(c[8:], lang)
	return c
}

// typeChunk makes the configuration of type 2, with the offsets and entries as given.
func typeChunk(flags byte, count uint32, lang string, offsets, entries []byte) []byte {
	body := []byte{2, flags, 0, 0}
	body = le.AppendUint32(body, count)
	body = le.AppendUint32(body, uint32(20+28+len(offsets)))
	return chunk(0x0201, 20+28, slices.Concat(body, config(lang), offsets, entries))
}

func table(strings []string, types ...[]byte) []byte {
	pkg := make([]byte, 288-8)
	pkg[0] = 0x7f
	pkg = append(pkg, slices.Concat(types...)...)
	return chunk(2, 12, slices.Concat([]byte{1, 0, 0, 0}, axmltest.Pool(strings...), chunk(0x0200, 288, pkg)))
}

func entry(typ byte, data uint32) []byte {
	return le.AppendUint32([]byte{8, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, typ}, data)
}

func lookup(t *testing.T, data []byte, id uint32) (string, bool) {
	t.Helper()
	tab, err := arsc.Open(data)
	require.NoError(t, err)
	v, ok := tab.Lookup(id)
	return v.Text, ok
}

func TestDefaultLocaleIsPreferred(t *testing.T) {
	t.Parallel()
	one := []byte{0, 0, 0, 0}
	data := table([]string{"deutsch", "default"},
		typeChunk(0, 1, "de", one, entry(3, 0)), typeChunk(0, 1, "", one, entry(3, 1)))
	got, ok := lookup(t, data, 0x7f020000)
	require.True(t, ok)
	require.Equal(t, "default", got)
}

func TestSparseShortAndCompactFormsAreRead(t *testing.T) {
	t.Parallel()
	compact := []byte{0, 0, 8, 3, 0, 0, 0, 0} // flags: compact, data type string
	for what, c := range map[string][]byte{
		"sparse":          typeChunk(1, 1, "", []byte{5, 0, 0, 0}, entry(3, 0)),
		"16-bit offsets":  typeChunk(2, 6, "", []byte{255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0, 0}, entry(3, 0)),
		"compact entries": typeChunk(1, 1, "", []byte{5, 0, 0, 0}, compact),
	} {
		got, ok := lookup(t, table([]string{"label"}, c), 0x7f020005)
		require.True(t, ok, what)
		require.Equal(t, "label", got, what)
		_, ok = lookup(t, table([]string{"label"}, c), 0x7f020004)
		require.False(t, ok, what)
	}
}

func TestReferencesAreFollowedAndCyclesEnd(t *testing.T) {
	t.Parallel()
	chain := table([]string{"label"}, typeChunk(0, 2, "", []byte{0, 0, 0, 0, 16, 0, 0, 0}, slices.Concat(entry(1, 0x7f020001), entry(3, 0))))
	got, ok := lookup(t, chain, 0x7f020000)
	require.True(t, ok)
	require.Equal(t, "label", got)
	_, ok = lookup(t, table(nil, typeChunk(0, 1, "", []byte{0, 0, 0, 0}, entry(1, 0x7f020000))), 0x7f020000)
	require.False(t, ok)
}

func TestTableThatIsNoneIsMalformed(t *testing.T) {
	t.Parallel()
	for _, data := range [][]byte{nil, axmltest.Pool("x"), table(nil)[:40]} {
		_, err := arsc.Open(data)
		require.ErrorIs(t, err, fault.ErrMalformed)
	}
}

func FuzzLookup(f *testing.F) {
	f.Add(table([]string{"label"}, typeChunk(1, 1, "", []byte{5, 0, 0, 0}, entry(3, 0))), uint32(0x7f020005))
	f.Add(table([]string{"label"}, typeChunk(0, 1, "de", []byte{0, 0, 0, 0}, entry(3, 0))), uint32(0x7f020000))
	f.Fuzz(func(t *testing.T, data []byte, id uint32) {
		tab, err := arsc.Open(data)
		if err != nil {
			return
		}
		if v, ok := tab.Lookup(id); ok && v.Type == 1 {
			t.Fatal("a reference is no value")
		}
	})
}
