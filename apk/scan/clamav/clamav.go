package clamav

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/atlas-mdm/atlas-go/apk"
	"github.com/atlas-mdm/atlas-go/apk/scan"
)

// The reasons for which there is no verdict, matched with errors.Is; beside them are those of the network, of the
// context and of the file's reader.
var (
	// ErrOptions says that the options contradict each other.
	ErrOptions = errors.New("clamav: options can't be used")
	// ErrTooLarge says that the file is over MaxSize or over one of clamd's limits.
	ErrTooLarge = errors.New("clamav: file is over the limit")
	// ErrSignatures says that clamd has no signatures, or none that are known to work.
	ErrSignatures = errors.New("clamav: no usable signatures")
	// ErrOutdated says that clamd's signatures are older than MaxAge, or are dated in the future.
	ErrOutdated = errors.New("clamav: signatures are out of date")
	// ErrAnswer says that clamd answered with an error, too early, or with something unknown.
	ErrAnswer = errors.New("clamav: answer can't be used")
)

const (
	scannerName    = "clamav"
	defaultNetwork = "unix"
	defaultAddress = "/run/clamav/clamd.ctl"
	defaultTimeout = 90 * time.Second
	defaultChunk   = 64 << 10
	maxChunk       = 8 << 20
	defaultMaxSize = 100 << 20
	future         = 24 * time.Hour // what a wrong Zone explains
)

// Options says where clamd is and what is asked of it. The zero value is Debian's clamd with its default limits.
type Options struct {
	// Network is "unix" or "tcp", Address the socket's path or host:port (default Debian's /run/clamav/clamd.ctl).
	Network, Address string
	// Timeout bounds a whole scan, from the first connection to the last answer (default 90 s).
	Timeout time.Duration
	// ChunkSize is how many bytes are read and sent at once (default 64 KiB, at most 8 MiB).
	ChunkSize int
	// MaxSize is the largest file, in bytes, that is sent (default 100 MiB, clamd's default for StreamMaxLength and
	// MaxFileSize). Raise all of them together.
	MaxSize int64
	// MaxAge is how old the signature database may be, by Now, which is needed then. Zero sets no bound.
	MaxAge time.Duration
	Now    func() time.Time
	// Zone is clamd's time zone, in which it writes the date of its database (default UTC).
	Zone *time.Location
	// Probe is a sample that clamd must find before each scan. It is needed where all signatures are one's own: only
	// the official database has a version and a date, so that a clamd without it looks like one without signatures.
	Probe []byte
}

// Scanner asks one clamd. It holds no connection between scans; several goroutines may use it.
type Scanner struct{ o Options }

var _ scan.Scanner = (*Scanner)(nil)

// New returns a scanner. It doesn't connect; [Scanner.Check] does. The error matches ErrOptions.
func New(o Options) (*Scanner, error) {
	switch {
	case o.Network == "" && o.Address == "":
		o.Network, o.Address = defaultNetwork, defaultAddress
	case o.Network != "unix" && o.Network != "tcp":
		return nil, fmt.Errorf("%w: network %q", ErrOptions, o.Network)
	case o.Address == "":
		return nil, fmt.Errorf("%w: no address", ErrOptions)
	}
	switch {
	case o.Timeout < 0 || o.ChunkSize < 0 || o.MaxSize < 0 || o.MaxAge < 0:
		return nil, fmt.Errorf("%w: negative bound", ErrOptions)
	case o.ChunkSize > maxChunk:
		return nil, fmt.Errorf("%w: chunks of %d bytes, at most %d", ErrOptions, o.ChunkSize, maxChunk)
	case o.MaxAge > 0 && o.Now == nil:
		return nil, fmt.Errorf("%w: MaxAge needs Now", ErrOptions)
	}
	return &Scanner{o.withDefaults()}, nil
}

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.ChunkSize == 0 {
		o.ChunkSize = defaultChunk
	}
	if o.MaxSize == 0 {
		o.MaxSize = defaultMaxSize
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	return o
}

// Scan sends the file and answers Clean or Malicious, the latter with the name of clamd's signature as evidence. Only
// t.R and t.Size are used.
func (s *Scanner) Scan(ctx context.Context, t scan.Target) (scan.Result, error) {
	if t.R == nil || t.Size <= 0 {
		return scan.Result{}, fmt.Errorf("clamav: no file to scan (%d bytes)", t.Size)
	}
	if t.Size > s.o.MaxSize {
		return scan.Result{}, fmt.Errorf("%w: %d bytes, limit %d", ErrTooLarge, t.Size, s.o.MaxSize)
	}
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	v, err := s.usable(ctx)
	if err != nil {
		return scan.Result{}, err
	}
	found, err := s.stream(ctx, t.R, t.Size)
	if err != nil {
		return scan.Result{}, err
	}
	r := scan.Result{Scanner: scannerName, Engine: v.engine, SignatureDate: v.date, Verdict: scan.Clean, Findings: []scan.Finding{}}
	if found != "" {
		r.Verdict = scan.Malicious
		r.Findings = append(r.Findings, scan.Finding{
			Code: "clamav_found", Severity: apk.SeverityCritical, Evidence: found,
			Sentence: "The antivirus engine knows this file, or something inside it, as malicious.",
		})
	}
	return r, nil
}

// Check proves that clamd can do its work: it has signatures that are recent enough, and finds sample in a file of size
// bytes that is zeros otherwise. A service calls it at start, with a sample of its own signatures and with
// Options.MaxSize, since clamd passes over what is larger than its limits. (The EICAR test file is found at its own
// length only.) Without a sample only the signatures' date is checked.
func (s *Scanner) Check(ctx context.Context, sample []byte, size int64) error {
	ctx, cancel := context.WithTimeout(ctx, s.o.Timeout)
	defer cancel()
	if _, err := s.usable(ctx); err != nil || len(sample) == 0 {
		return err
	}
	return s.probe(ctx, sample, max(size, int64(len(sample))))
}

// usable asks for the version, and judges whether an answer of this clamd can mean anything.
func (s *Scanner) usable(ctx context.Context) (version, error) {
	text, err := s.ask(ctx, "VERSION")
	if err != nil {
		return version{}, err
	}
	v, err := parseVersion(text, s.o.Zone)
	if err != nil {
		return version{}, err
	}
	if v.date.IsZero() && (s.o.MaxAge > 0 || len(s.o.Probe) == 0) {
		return version{}, fmt.Errorf("%w: %s names no database", ErrSignatures, v.engine)
	}
	if s.o.MaxAge > 0 {
		if age := s.o.Now().Sub(v.date); age > s.o.MaxAge || age < -future {
			return version{}, fmt.Errorf("%w: of %s, at most %s old", ErrOutdated, v.date.Format(time.RFC3339), s.o.MaxAge)
		}
	}
	if len(s.o.Probe) > 0 {
		return v, s.probe(ctx, s.o.Probe, int64(len(s.o.Probe)))
	}
	return v, nil
}

func (s *Scanner) probe(ctx context.Context, sample []byte, size int64) error {
	found, err := s.stream(ctx, padded(sample), size)
	if err == nil && found == "" {
		err = fmt.Errorf("%w: the sample was not found in a file of %d bytes", ErrSignatures, size)
	}
	return err
}

// padded reads as its bytes with zeros after them.
type padded []byte

// ReadAt never fails and never ends.
func (p padded) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	if off < int64(len(p)) {
		n = copy(b, p[off:])
	}
	clear(b[n:])
	return len(b), nil
}

var _ io.ReaderAt = padded(nil)
