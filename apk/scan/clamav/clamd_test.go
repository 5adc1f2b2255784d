package clamav_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
)

const (
	marker   = "ATLAS-MALWARE-MARKER-1"         // found by a signature of our own
	dated    = "ATLAS-DAILY-MARKER-1"           // found by the database that has a version and a date
	evilFile = "a file that is evil as a whole" // found by its digest
)

// clamd is a real daemon with a database of our own.
type clamd struct {
	socket, tcp string
	kill        func()
}

// startClamd starts a clamd with more lines of configuration, and with a dated database where withDate is set. It ends
// with the test.
func startClamd(t *testing.T, withDate bool, lines ...string) clamd {
	t.Helper()
	atlastest.Need(t, "clamav")
	dir, err := os.MkdirTemp("", "clamd") // t.TempDir can be too long for a socket's path
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	db := filepath.Join(dir, "db")
	require.NoError(t, os.Mkdir(db, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(db, "atlas.ndb"), []byte(signature("Atlas.Test.Body", marker)), 0o644))
	evil := sha256.Sum256([]byte(evilFile))
	require.NoError(t, os.WriteFile(filepath.Join(db, "atlas.hsb"), []byte(hex.EncodeToString(evil[:])+fmt.Sprintf(":%d:Atlas.Test.Hash:73\n", len(evilFile))), 0o644))
	if withDate {
		require.NoError(t, os.WriteFile(filepath.Join(db, "daily.cud"), datedDatabase(t), 0o644))
	}
	c := clamd{socket: filepath.Join(dir, "s"), tcp: freeAddress(t)}
	host, port, err := net.SplitHostPort(c.tcp)
	require.NoError(t, err)
	lines = append(lines, "DatabaseDirectory "+db, "LocalSocket "+c.socket, "TCPAddr "+host, "TCPSocket "+port, "TemporaryDirectory "+dir, "Foreground yes", "MaxThreads 2")
	if os.Getuid() == 0 {
		lines = append(lines, "User root")
	}
	conf := filepath.Join(dir, "clamd.conf")
	require.NoError(t, os.WriteFile(conf, []byte(strings.Join(lines, "\n")+"\n"), 0o644))
	c.kill = run(t, conf)
	return c
}

// run starts the program, and returns when it listens; what it returns kills it.
func run(t *testing.T, conf string) (kill func()) {
	t.Helper()
	program, err := atlastest.Program("clamd")
	require.NoError(t, err)
	cmd := exec.Command(program, "-c", conf)
	cmd.Env = append(os.Environ(), "TZ=UTC")
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	cmd.Stderr = cmd.Stdout
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	t.Cleanup(func() { cmd.Process.Kill(); <-ended })
	ready := make(chan struct{})
	go func() {
		defer close(ended)
		log := []string{}
		for lines := bufio.NewScanner(out); lines.Scan(); {
			log = append(log, lines.Text())
			if strings.HasPrefix(lines.Text(), "Self checking") { // the last line before it serves
				close(ready)
			}
		}
		if cmd.Wait(); len(log) < 10 {
			t.Log("clamd:", log)
		}
	}()
	select {
	case <-ready:
	case <-ended:
		require.Fail(t, "clamd did not start")
	}
	return func() { cmd.Process.Kill(); <-ended }
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// signature is a line of an .ndb file: the text anywhere in a file of any type.
func signature(name, text string) string {
	return fmt.Sprintf("%s:0:*:%s\n", name, hex.EncodeToString([]byte(text)))
}

// datedDatabase is a .cud file, the unsigned form of the official database: a head of 512 bytes and a tar archive.
// Under the name "daily" its head is what clamd tells as its version and date.
func datedDatabase(t *testing.T) []byte {
	t.Helper()
	head := "ClamAV-VDB:21 Nov 2026 08-00 +0000:27500:1:90:X:X:atlas:" + strconv.FormatInt(databaseDate.Unix(), 10)
	body := signature("Atlas.Daily.Body", dated)
	sum := sha256.Sum256([]byte(body))
	out := bytes.NewBufferString(fmt.Sprintf("%-512s", head))
	w := tar.NewWriter(out)
	for _, f := range [][2]string{{"daily.info", fmt.Sprintf("%s\ndaily.ndb:%d:%x\n", head, len(body), sum)}, {"daily.ndb", body}} {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: f[0], Size: int64(len(f[1])), Mode: 0o644, Format: tar.FormatUSTAR}))
		_, err := w.Write([]byte(f[1]))
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}
