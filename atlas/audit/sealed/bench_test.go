package sealed_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas/audit/sealed"
)

func BenchmarkBatch1000(b *testing.B) {
	s, l := newSigner(b), newLog()
	for b.Loop() {
		b.StopTimer()
		l.write(b, 1000)
		b.StartTimer()
		n, err := sealed.Batch(b.Context(), l, s, noon, 1000)
		require.NoError(b, err)
		require.Equal(b, 1000, n)
	}
	b.ReportMetric(float64(b.N)*1000/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkProve(b *testing.B) {
	s, l := newSigner(b), newLog()
	l.write(b, 100_000)
	seal(b, l, s, 100_000)
	i := int64(0)
	for b.Loop() {
		_, err := sealed.Prove(b.Context(), l, i*7919%100_000)
		require.NoError(b, err)
		i++
	}
}

func BenchmarkVerifyExport100k(b *testing.B) {
	s, l := newSigner(b), newLog()
	l.write(b, 100_000)
	seal(b, l, s, 100_000)
	text := export(b, l)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		_, err := sealed.VerifyExport(strings.NewReader(text), s.Verifier())
		require.NoError(b, err)
	}
	b.ReportMetric(float64(b.N)*100_000/b.Elapsed().Seconds(), "events/s")
}
