package sealed_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/audit/sealed"
)

// requireTampered asserts that the export is refused with damage shown in
// [from, to).
func requireTampered(t *testing.T, from, to int64, text string, s *sealed.Signer, kept ...string) {
	t.Helper()
	report, err := sealed.VerifyExport(strings.NewReader(text), s.Verifier(), kept...)
	require.ErrorIs(t, err, sealed.ErrTampered)
	require.ErrorIs(t, err, atlas.ErrRefused)
	require.Zero(t, report)
	var place *sealed.TamperedError
	require.ErrorAs(t, err, &place)
	require.Equal(t, [2]int64{from, to}, [2]int64{place.From, place.To}, err)
}

func TestDamageInTheDatabaseIsFound(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	for name, c := range map[string]struct {
		damage   func(l *memLog)
		from, to int64
	}{
		"an event edited":      {func(l *memLog) { l.edit(7) }, 5, 11},
		"the first one edited": {func(l *memLog) { l.edit(0) }, 0, 5},
		"the last one edited":  {func(l *memLog) { l.edit(14) }, 11, 15},
		"one deleted":          {func(l *memLog) { l.remove(7) }, 7, 8},
		"the first deleted":    {func(l *memLog) { l.remove(0) }, 0, 1},
		"the last deleted":     {func(l *memLog) { l.remove(14) }, 14, 15},
		"two swapped":          {func(l *memLog) { l.swap(6, 9) }, 5, 11},
		"two neighbours":       {func(l *memLog) { l.swap(10, 11) }, 5, 11},
		"one inserted at the end": {func(l *memLog) {
			l.places[15] = "forged"
			l.events["forged"] = audit.Event{ID: "forged", Leaf: []byte("{}"), Index: 15}
		}, 15, 16},
		"one put in another's place": {func(l *memLog) {
			l.remove(7)
			l.places[7] = "forged"
			l.events["forged"] = audit.Event{ID: "forged", Leaf: []byte("{}"), Index: 7}
		}, 5, 11},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := sealedLog(t, s, 5, 6, 4)
			kept := []string{l.checkpoints[11].Note, l.checkpoints[5].Note}
			c.damage(l)
			requireTampered(t, c.from, c.to, export(t, l), s, kept...)
			_, err := sealed.VerifyExport(strings.NewReader(export(t, l)), s.Verifier())
			require.ErrorIs(t, err, sealed.ErrTampered, "without kept checkpoints")
		})
	}
}

func TestAnEventInsertedInTheMiddleOfTheDatabaseIsFound(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	l := sealedLog(t, s, 5, 6)
	kept := l.checkpoints[5].Note
	for place := int64(10); place >= 8; place-- { // room at 8
		e := l.events[l.places[place]]
		e.Index++
		l.events[e.ID], l.places[e.Index] = e, e.ID
	}
	l.places[8] = "forged"
	l.events["forged"] = audit.Event{ID: "forged", Leaf: []byte("{}"), Index: 8}
	requireTampered(t, 11, 12, export(t, l), s, kept)
}

func TestAnExportOutOfOrderIsNotWritten(t *testing.T) {
	t.Parallel()
	l := sealedLog(t, newSigner(t), 5)
	e := l.events[l.places[3]]
	e.Index = 1
	l.events[e.ID] = e
	err := sealed.Export(t.Context(), l, new(strings.Builder))
	require.ErrorIs(t, err, sealed.ErrTampered)
}

func TestDamageInTheFileIsFound(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	text := export(t, sealedLog(t, s, 9))
	const header, at3 = 0, 4 // lines
	line := func(lines []string, i int) *string { return &lines[i] }
	for name, c := range map[string]struct {
		damage   func(lines []string) []string
		from, to int64
	}{
		"a line deleted":       {func(l []string) []string { return slices.Delete(l, at3, at3+1) }, 3, 4},
		"a line doubled":       {func(l []string) []string { return slices.Insert(l, at3, l[at3]) }, 4, 5},
		"two lines swapped":    {func(l []string) []string { l[at3], l[at3+2] = l[at3+2], l[at3]; return l }, 3, 4},
		"all after one line":   {func(l []string) []string { return l[:at3] }, 3, 4},
		"no checkpoint":        {func(l []string) []string { return l[:10] }, 9, 10},
		"not JSON":             {replace(at3, `"leaf":`, `"leaf"`), 3, 4},
		"an unknown field":     {replace(at3, `}`, `,"more":1}`), 3, 4},
		"a field twice":        {replace(at3, `{`, `{"index":9,`), 3, 4},
		"a space":              {replace(at3, `:`, `: `), 3, 4},
		"a carriage return":    {replace(at3, `"}`, "\r\"}"), 3, 4},
		"a CR after the line":  {replace(at3, `"}`, "\"}\r"), 3, 4},
		"not base64":           {replace(at3, `"leaf":"`, `"leaf":"*`), 3, 4},
		"an empty line":        {func(l []string) []string { return slices.Insert(l, at3, "") }, 3, 4},
		"another format":       {replace(header, `/1`, `/2`), 0, 1},
		"a header with more":   {replace(header, `}`, `,"x":1}`), 0, 1},
		"a line without end":   {func(l []string) []string { *line(l, at3) += strings.Repeat(" ", 1<<20); return l }, 3, 4},
		"a leaf too large":     {replace(at3, `"leaf":"`, `"leaf":"`+strings.Repeat("AAAA", 3000)), 3, 4},
		"a checkpoint early":   {func(l []string) []string { return slices.Insert(l, at3, l[10]) }, 3, 4},
		"more after it":        {func(l []string) []string { return append(l, "") }, 9, 10},
		"a checkpoint's field": {replace(10, `}`, `,"x":1}`), 9, 10},
		"a broken checkpoint":  {replace(10, `}`, ``), 9, 10},
		"events missing, renumbered": {func(l []string) []string {
			return append(l[:9], l[10])
		}, 8, 9},
		"a leaf of another event": {func(l []string) []string {
			l[at3] = strings.Replace(l[at3+1], `"index":4`, `"index":3`, 1)
			return l
		}, 0, 9},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			lines := c.damage(strings.Split(strings.TrimSuffix(text, "\n"), "\n"))
			requireTampered(t, c.from, c.to, strings.Join(lines, "\n")+"\n", s)
		})
	}
}

// replace returns a damage that changes one line.
func replace(line int, old, with string) func([]string) []string {
	return func(lines []string) []string {
		lines[line] = strings.Replace(lines[line], old, with, 1)
		return lines
	}
}

func TestAnExportCutAnywhereIsFound(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	text := export(t, sealedLog(t, s, 5))
	for n := range len(text) {
		_, err := sealed.VerifyExport(strings.NewReader(text[:n]), s.Verifier())
		require.ErrorIs(t, err, sealed.ErrTampered, "%d bytes", n)
	}
}

func TestNoBitOfAnExportCanBeFlipped(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	text := export(t, sealedLog(t, s, 1))
	for i := range text {
		for bit := range 8 {
			b := []byte(text)
			b[i] ^= 1 << bit
			_, err := sealed.VerifyExport(strings.NewReader(string(b)), s.Verifier())
			require.ErrorIs(t, err, atlas.ErrRefused, "byte %d, bit %d", i, bit)
		}
	}
}

func TestTheLooseBitsOfALeafCanNotBeUsed(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	padded := 0
	for _, fill := range []string{"", "x", "xx"} {
		l := newLog()
		l.write(t, 1, audit.Fact{Name: "fill", Value: fill})
		seal(t, l, s, 1)
		text := export(t, l)
		if i := strings.Index(text, `="}`); i >= 0 {
			padded++
			i = strings.LastIndexFunc(text[:i], func(r rune) bool { return r != '=' })
			requireTampered(t, 0, 1, text[:i]+string(text[i]+1)+text[i+1:], s)
		}
	}
	require.Equal(t, 2, padded)
}

func TestALogCutBackToAnOldCheckpointIsFoundByAKeptOne(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	kept := sealedLog(t, s, 5, 6).note()
	cut := export(t, sealedLog(t, s, 5))
	_, err := sealed.VerifyExport(strings.NewReader(cut), s.Verifier())
	require.NoError(t, err, "nothing inside the log shows it")
	requireTampered(t, 5, 11, cut, s, kept)
}

func TestASplitViewIsFoundByAKeptCheckpoint(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	shown := sealedLog(t, s, 4, 3)
	other := newLog()
	other.write(t, 4)
	other.write(t, 8, audit0)
	seal(t, other, s, 4, 8)
	require.Equal(t, shown.checkpoints[4], other.checkpoints[4], "both begin alike")
	text := export(t, other)
	_, err := sealed.VerifyExport(strings.NewReader(text), s.Verifier(), other.checkpoints[4].Note)
	require.NoError(t, err)
	requireTampered(t, 4, 7, text, s, shown.checkpoints[4].Note, shown.note())
}

func TestTwoCheckpointsOfOneSizeCanNotBothBeContinued(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	a, b := sealedLog(t, s, 4), newLog()
	b.write(t, 4, audit0)
	seal(t, b, s, 4)
	requireTampered(t, 0, 4, export(t, a), s, b.note())
	_, err := sealed.VerifyExport(strings.NewReader(export(t, a)), s.Verifier(), a.note(), b.note())
	require.ErrorIs(t, err, sealed.ErrTampered)
}

func TestTheErrorNamesThePlace(t *testing.T) {
	t.Parallel()
	one := &sealed.TamperedError{From: 3, To: 4, Problem: "gone"}
	many := &sealed.TamperedError{From: 3, To: 9, Problem: "gone"}
	require.Equal(t, fmt.Sprintf("%v: event 3: gone", sealed.ErrTampered), one.Error())
	require.Equal(t, fmt.Sprintf("%v: events 3 to 8: gone", sealed.ErrTampered), many.Error())
}
