package clamav_test

import (
	"bufio"
	"context"
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/apk/scan"
	"github.com/atlas-mdm/atlas-go/apk/scan/clamav"
)

const goodVersion = "ClamAV 1.4.6/27500/Sat Nov 21 08:00:00 2026\x00"

// script is a server that answers as it is told. Before an answer to INSTREAM it takes the whole file, unless it is
// hasty. Where it hangs it keeps the connection open without another word.
type script struct {
	version, verdict  string
	hasty, hang       bool
	hangsAfterVersion bool
}

func (s script) serve(t *testing.T) clamav.Options {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	t.Cleanup(func() { close(done); l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.answer(c, done)
		}
	}()
	return clamav.Options{Network: "tcp", Address: l.Addr().String(), ChunkSize: 4 << 10}
}

func (s script) answer(c net.Conn, done <-chan struct{}) {
	defer c.Close()
	r := bufio.NewReader(c)
	command, err := r.ReadString(0)
	if err != nil {
		return
	}
	say, hang := s.version, s.hangsAfterVersion
	if command == "zINSTREAM\x00" {
		say, hang = s.verdict, s.hang
		if !s.hasty && takeFile(r) != nil {
			return
		}
	}
	io.WriteString(c, say)
	if hang {
		<-done
	}
}

func takeFile(r io.Reader) error {
	for {
		var n uint32
		if err := binary.Read(r, binary.BigEndian, &n); err != nil || n == 0 {
			return err
		}
		if _, err := io.CopyN(io.Discard, r, int64(n)); err != nil {
			return err
		}
	}
}

func TestHonestServerIsBelieved(t *testing.T) {
	t.Parallel()
	o := script{version: goodVersion, verdict: "stream: OK\x00"}.serve(t)
	r, err := newScanner(t, o).Scan(t.Context(), target("x"))
	require.NoError(t, err)
	require.Equal(t, scan.Clean, r.Verdict)
	require.Equal(t, "ClamAV 1.4.6/27500", r.Engine)
}

func TestAnswersThatAreNotTheOneOfAnHonestServerAreErrors(t *testing.T) {
	t.Parallel()
	for name, verdict := range map[string]string{
		"nothing": "", "cut": "stream: OK", "cut early": "stream:", "newline": "stream: OK\n", "two": "stream: OK\x00stream: OK\x00",
		"more behind": "stream: OK\x00 ", "other case": "stream: ok\x00", "other file": "/tmp/x: OK\x00", "bare": "OK\x00",
		"error": "stream: Can't allocate memory ERROR\x00", "both": "stream: OK FOUND or ERROR\x00", "no name": "stream:  FOUND\x00",
		"unknown": "UNKNOWN COMMAND\x00", "control": "stream: a\x1b[2J FOUND\x00", "endless": strings.Repeat("stream: OK ", 1<<16) + "\x00",
		"long name": "stream: " + strings.Repeat("x", 500) + " FOUND\x00", "empty": "\x00",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, newScanner(t, script{version: goodVersion, verdict: verdict}.serve(t)), target("x"), nil)
		})
	}
}

func TestVersionsThatAreNotOneAreErrors(t *testing.T) {
	t.Parallel()
	for name, version := range map[string]string{
		"nothing": "", "cut": "ClamAV 1.4.6/27500/Sat Nov 21 08:00:00 2026", "no date": "ClamAV 1.4.6/27500\x00", "no database": "ClamAV 1.4.6\x00",
		"other program": "AntiVir 1/27500/Sat Nov 21 08:00:00 2026\x00", "database zero": "ClamAV 1.4.6/0/Sat Nov 21 08:00:00 2026\x00",
		"before the epoch": "ClamAV 1.4.6/27500/Thu Jan  1 00:00:00 1970\x00", "endless": strings.Repeat("ClamAV 1", 1<<16),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			refused(t, newScanner(t, script{version: version, verdict: "stream: OK\x00"}.serve(t)), target("x"), nil)
		})
	}
}

func TestAnswerBeforeTheEndOfTheFileIsNoVerdict(t *testing.T) {
	t.Parallel()
	for _, verdict := range []string{"stream: OK\x00", "stream: X FOUND\x00", "INSTREAM size limit exceeded. ERROR\x00"} {
		o := script{version: goodVersion, verdict: verdict, hasty: true}.serve(t)
		refused(t, newScanner(t, o), scan.Target{R: hook{-1, nil}, Size: 64 << 20}, nil)
	}
}

func TestServerThatAlwaysSaysOKFailsTheProbe(t *testing.T) {
	t.Parallel()
	o := script{version: goodVersion, verdict: "stream: OK\x00"}.serve(t)
	o.Probe = []byte("anything")
	refused(t, newScanner(t, o), target("x"), clamav.ErrSignatures)
}

func TestServerThatStopsTalkingEndsWithTheTimeout(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]script{
		"before the version":      {hangsAfterVersion: true},
		"behind the version":      {version: goodVersion, hangsAfterVersion: true},
		"before the verdict":      {version: goodVersion, hang: true},
		"behind the verdict":      {version: goodVersion, verdict: "stream: OK\x00", hang: true},
		"in the verdict":          {version: goodVersion, verdict: "stream: ", hang: true},
		"in the middle of a file": {version: goodVersion, hasty: true, hang: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := s.serve(t)
			o.Timeout = 100 * time.Millisecond
			refused(t, newScanner(t, o), scan.Target{R: hook{-1, nil}, Size: 64 << 20}, context.DeadlineExceeded)
		})
	}
}

func FuzzAnswers(f *testing.F) {
	for _, s := range []string{
		"stream: OK", "stream: Eicar-Signature FOUND", "stream: x(md5:4) FOUND", "INSTREAM size limit exceeded. ERROR",
		"stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND", "ClamAV 1.4.6", strings.TrimRight(goodVersion, "\x00"), "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		found, err := clamav.ParseVerdict(text)
		switch {
		case text == "stream: OK":
			require.NoError(t, err)
			require.Empty(t, found)
		case err == nil:
			require.Equal(t, "stream: "+found+" FOUND", text)
			require.Regexp(t, `^[!-~][ -~]*$`, found)
		}
		engine, date, err := clamav.ParseVersion(text)
		if err == nil {
			require.True(t, strings.HasPrefix(text, engine))
			require.Equal(t, date.IsZero(), engine == text)
			require.Regexp(t, `^ClamAV [ -~]+$`, engine)
		}
	})
}
