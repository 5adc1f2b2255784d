package sealed_test

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/audit/sealed"
)

// audit0 makes events differ from those without it.
var audit0 = audit.Fact{Name: "n", Value: "0"}

func TestAnExportIsVerifiedOffline(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	for _, sizes := range [][]int{{1}, {2}, {3, 4}, {500}, {501}, {999, 3}} {
		l := sealedLog(t, s, sizes...)
		l.write(t, 2) // not sealed, so not in it
		var kept []string
		for _, c := range l.checkpoints {
			kept = append(kept, c.Note)
		}
		report, err := sealed.VerifyExport(iotest.OneByteReader(strings.NewReader(export(t, l))), s.Verifier(), kept...)
		require.NoError(t, err)
		want := sealed.Report{Events: l.newest, Root: strings.Split(l.note(), "\n")[2], Origin: "mdm.example.com"}
		require.Equal(t, want, report)
	}
}

func TestAnExportHoldsNoVerifierKey(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	require.NotContains(t, export(t, sealedLog(t, s, 3)), s.Verifier())
}

func TestAnEmptyLogHasNoExport(t *testing.T) {
	t.Parallel()
	require.ErrorIs(t, sealed.Export(t.Context(), newLog(), io.Discard), atlas.ErrNotFound)
}

func TestTheLargestLeafFitsIntoAnExport(t *testing.T) {
	t.Parallel()
	s, l := newSigner(t), newLog()
	l.write(t, 1)
	e := l.events[l.pending[0]]
	e.Leaf = []byte(strings.Repeat("x", audit.MaxLeaf))
	l.events[e.ID] = e
	seal(t, l, s, 1)
	_, err := sealed.VerifyExport(strings.NewReader(export(t, l)), s.Verifier())
	require.NoError(t, err)
}

func TestFaultsWhileExportingAreReported(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	l := sealedLog(t, newSigner(t), 600)
	require.ErrorIs(t, sealed.Export(t.Context(), l, failingWriter{broken}), broken)
	for faults := 0; ; faults++ {
		left := faults
		l.fault = func() error {
			if left--; left == -1 {
				return broken
			}
			return nil
		}
		err := sealed.Export(t.Context(), l, io.Discard)
		if left >= 0 {
			require.NoError(t, err)
			require.Equal(t, 2*4, faults, "Checkpoint and three pages")
			return
		}
		require.ErrorIs(t, err, broken)
	}
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

func TestFaultsWhileReadingAnExportAreNotTampering(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	text := export(t, sealedLog(t, s, 3))
	broken := errors.New("broken")
	for n := range len(text) + 1 {
		r := io.MultiReader(strings.NewReader(text[:n]), iotest.ErrReader(broken))
		_, err := sealed.VerifyExport(r, s.Verifier())
		require.ErrorIs(t, err, broken)
		require.NotErrorIs(t, err, sealed.ErrTampered)
	}
}

func TestTheExportOfAnotherKeyIsRefused(t *testing.T) {
	t.Parallel()
	s := newSigner(t)
	text := export(t, sealedLog(t, s, 3))
	for _, other := range []*sealed.Signer{signerOf(t, "https://mdm.example.com", 2), signerOf(t, "https://example.com", 1)} {
		_, err := sealed.VerifyExport(strings.NewReader(text), other.Verifier())
		require.ErrorIs(t, err, sealed.ErrSignature)
		require.ErrorIs(t, err, atlas.ErrRefused)
		_, err = sealed.VerifyExport(strings.NewReader(text), s.Verifier(), sealedLog(t, other, 3).note())
		require.ErrorIs(t, err, sealed.ErrSignature)
	}
	_, err := sealed.VerifyExport(strings.NewReader(text), "nothing")
	require.ErrorIs(t, err, atlas.ErrInvalid)
}

func FuzzVerifyExport(f *testing.F) {
	s := newSigner(f)
	text := export(f, sealedLog(f, s, 3, 2))
	events := text[:strings.Index(text, `{"checkpoint"`)]
	want, err := sealed.VerifyExport(strings.NewReader(text), s.Verifier())
	require.NoError(f, err)
	f.Add(text)
	f.Add(events)
	f.Add(strings.Replace(text, `"index":3`, `"index":4`, 1))
	f.Add(strings.ReplaceAll(text, "\n", "\r\n"))
	f.Add(text + text)
	f.Add(strings.Replace(text, `\n"}`, `\n— witness.example.com AAAAAAAAAAAA\n"}`, 1))
	f.Fuzz(func(t *testing.T, in string) {
		got, err := sealed.VerifyExport(strings.NewReader(in), s.Verifier())
		if err != nil {
			require.ErrorIs(t, err, atlas.ErrRefused)
			return
		}
		// The key signed one log, so nothing else verifies.
		require.Equal(t, want, got)
		require.True(t, strings.HasPrefix(in, events))
	})
}
