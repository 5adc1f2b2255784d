package clamav_test

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/scan"
	"github.com/atlas-mdm/atlas-go/apk/scan/clamav"
)

var databaseDate = time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)

func newScanner(t *testing.T, o clamav.Options) *clamav.Scanner {
	t.Helper()
	s, err := clamav.New(o)
	require.NoError(t, err)
	return s
}

func target(text string) scan.Target {
	return scan.Target{R: strings.NewReader(text), Size: int64(len(text))}
}

// refused says that there is no verdict at all.
func refused(t *testing.T, s *clamav.Scanner, tg scan.Target, want error) {
	t.Helper()
	r, err := s.Scan(t.Context(), tg)
	require.Error(t, err)
	if want != nil {
		require.ErrorIs(t, err, want)
	}
	require.Zero(t, r)
}

func TestClamdFindsWhatItsSignaturesDescribe(t *testing.T) {
	t.Parallel()
	c := startClamd(t, true)
	var zipped bytes.Buffer
	w := zip.NewWriter(&zipped)
	f, err := w.Create("assets/x")
	require.NoError(t, err)
	f.Write([]byte(strings.Repeat("x", 1000) + marker))
	require.NoError(t, w.Close())
	for _, o := range []clamav.Options{{Network: "unix", Address: c.socket}, {Network: "tcp", Address: c.tcp, ChunkSize: 7}} {
		s := newScanner(t, o)
		for text, want := range map[string]string{
			"harmless":          "",
			marker:              "Atlas.Test.Body.UNOFFICIAL",
			evilFile:            "Atlas.Test.Hash.UNOFFICIAL",
			"before " + dated:   "Atlas.Daily.Body.UNOFFICIAL",
			zipped.String():     "Atlas.Test.Body.UNOFFICIAL",
			marker[:7] + "\x00": "",
		} {
			r, err := s.Scan(t.Context(), target(text))
			require.NoError(t, err, o.Network)
			require.Equal(t, "clamav", r.Scanner)
			require.Regexp(t, `^ClamAV \d+\.\d+\.\d+/27500$`, r.Engine)
			require.Equal(t, databaseDate, r.SignatureDate)
			if want == "" {
				require.Equal(t, scan.Clean, r.Verdict)
				require.Empty(t, r.Findings)
				continue
			}
			require.Equal(t, scan.Malicious, r.Verdict)
			require.Len(t, r.Findings, 1)
			require.Equal(t, want, r.Findings[0].Evidence)
			require.Equal(t, apk.SeverityCritical, r.Findings[0].Severity)
		}
	}
}

func TestPackageOfTheInspectorIsClean(t *testing.T) {
	t.Parallel()
	c := startClamd(t, true)
	f, err := os.Open(filepath.Join("..", "..", "testdata", "tiny.apk"))
	require.NoError(t, err)
	defer f.Close()
	st, err := f.Stat()
	require.NoError(t, err)
	r, err := scan.Run(t.Context(), newScanner(t, clamav.Options{Network: "unix", Address: c.socket}), scan.Target{R: f, Size: st.Size()}, time.Now)
	require.NoError(t, err)
	require.Equal(t, scan.Clean, r.Verdict)
}

func TestWithoutADatedDatabaseOnlyAProbeProvesTheSignatures(t *testing.T) {
	t.Parallel()
	c := startClamd(t, false)
	o := clamav.Options{Network: "unix", Address: c.socket}
	refused(t, newScanner(t, o), target("harmless"), clamav.ErrSignatures)

	o.Probe = []byte("harmless")
	refused(t, newScanner(t, o), target("x"), clamav.ErrSignatures)

	o.Probe = []byte(marker)
	r, err := newScanner(t, o).Scan(t.Context(), target("harmless"))
	require.NoError(t, err)
	require.Equal(t, scan.Clean, r.Verdict)
	require.Zero(t, r.SignatureDate)

	o.MaxAge, o.Now = time.Hour, time.Now
	refused(t, newScanner(t, o), target("harmless"), clamav.ErrSignatures)
}

func TestSignaturesAreHeldToTheirAge(t *testing.T) {
	t.Parallel()
	c := startClamd(t, true)
	for since, want := range map[time.Duration]error{
		48 * time.Hour: nil, 48*time.Hour + time.Second: clamav.ErrOutdated,
		-24 * time.Hour: nil, -24*time.Hour - time.Second: clamav.ErrOutdated,
	} {
		s := newScanner(t, clamav.Options{
			Network: "unix", Address: c.socket, MaxAge: 48 * time.Hour, Now: func() time.Time { return databaseDate.Add(since) },
		})
		_, err := s.Scan(t.Context(), target("harmless"))
		require.ErrorIs(t, err, want)
		require.ErrorIs(t, s.Check(t.Context(), nil, 0), want)
	}
}

func TestFileOverALimitIsNeverClean(t *testing.T) {
	t.Parallel()
	c := startClamd(t, true, "StreamMaxLength 4M", "MaxFileSize 1M", "AlertExceedsMax yes")
	o := clamav.Options{Network: "unix", Address: c.socket}
	over := func(n int) scan.Target { return target(strings.Repeat("x", n)) }
	refused(t, newScanner(t, o), over(5<<20), clamav.ErrTooLarge) // StreamMaxLength
	refused(t, newScanner(t, o), over(2<<20), clamav.ErrTooLarge) // MaxFileSize
	refused(t, newScanner(t, o), over(16<<20), nil)               // clamd hangs up in the middle
	o.MaxSize = 10
	refused(t, newScanner(t, o), over(11), clamav.ErrTooLarge)
	_, err := newScanner(t, o).Scan(t.Context(), over(10))
	require.NoError(t, err)
}

func TestCheckNoticesThatClamdPassesOverLargeFiles(t *testing.T) {
	t.Parallel()
	c := startClamd(t, true, "StreamMaxLength 4M", "MaxFileSize 1M")
	s := newScanner(t, clamav.Options{Network: "unix", Address: c.socket})
	require.NoError(t, s.Check(t.Context(), []byte(marker), 1<<19))
	require.ErrorIs(t, s.Check(t.Context(), []byte(marker), 2<<20), clamav.ErrSignatures)
	require.Error(t, s.Check(t.Context(), []byte(marker), 8<<20))
}

// hook reads as zeros, and calls a function at an offset.
type hook struct {
	at   int64
	call func()
}

func (h hook) ReadAt(b []byte, off int64) (int, error) {
	if off == h.at {
		h.call()
	}
	clear(b)
	return len(b), nil
}

func TestClamdKilledInTheMiddleOfAFileGivesNoVerdict(t *testing.T) {
	t.Parallel()
	c := startClamd(t, true)
	s := newScanner(t, clamav.Options{Network: "unix", Address: c.socket})
	refused(t, s, scan.Target{R: hook{1 << 20, c.kill}, Size: 8 << 20}, nil)
	refused(t, s, target("harmless"), nil) // it is down
}

func TestContextEndsAScanInTheMiddle(t *testing.T) {
	t.Parallel()
	c := startClamd(t, true)
	s := newScanner(t, clamav.Options{Network: "tcp", Address: c.tcp})
	ctx, cancel := context.WithCancel(t.Context())
	r, err := s.Scan(ctx, scan.Target{R: hook{1 << 20, cancel}, Size: 64 << 20})
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, r)
}

func TestFileShorterThanItsSizeGivesNoVerdict(t *testing.T) {
	t.Parallel()
	c := startClamd(t, true)
	s := newScanner(t, clamav.Options{Network: "unix", Address: c.socket})
	refused(t, s, scan.Target{R: strings.NewReader("short"), Size: 6}, io.ErrUnexpectedEOF)
	refused(t, s, scan.Target{Size: 6}, nil)
	refused(t, s, scan.Target{R: strings.NewReader("")}, nil)
	refused(t, s, scan.Target{R: strings.NewReader("x"), Size: -1}, nil)
}

func TestScansRunSideBySide(t *testing.T) {
	t.Parallel()
	c := startClamd(t, true)
	s := newScanner(t, clamav.Options{Network: "unix", Address: c.socket})
	verdicts := make(chan scan.Verdict)
	for i := range 20 {
		go func() {
			r, err := s.Scan(context.Background(), target([]string{marker, "harmless"}[i%2]))
			if err != nil {
				r.Verdict = scan.Verdict(err.Error())
			}
			verdicts <- r.Verdict
		}()
	}
	count := map[scan.Verdict]int{}
	for range 20 {
		count[<-verdicts]++
	}
	require.Equal(t, map[scan.Verdict]int{scan.Malicious: 10, scan.Clean: 10}, count)
}

func TestOptionsThatContradictEachOtherAreRefused(t *testing.T) {
	t.Parallel()
	for _, o := range []clamav.Options{
		{Network: "udp", Address: "x"},
		{Address: "x"},
		{Network: "tcp"},
		{Timeout: -1},
		{ChunkSize: -1},
		{MaxSize: -1},
		{MaxAge: -1},
		{MaxAge: time.Hour},
		{ChunkSize: 9 << 20},
	} {
		_, err := clamav.New(o)
		require.ErrorIs(t, err, clamav.ErrOptions)
	}
	_, err := clamav.New(clamav.Options{})
	require.NoError(t, err)
}
