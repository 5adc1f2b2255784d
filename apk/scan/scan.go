package scan

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/atlas-mdm/atlas-go/apk"
)

// Verdict is what a scanner makes of a package.
type Verdict string

// The verdicts. Suspicious means that people must look; Malicious that nothing good is possible.
const (
	Clean      Verdict = "clean"
	Suspicious Verdict = "suspicious"
	Malicious  Verdict = "malicious"
)

// Valid reports whether v is one of the verdicts above. Anything else must be treated as no verdict at all.
func (v Verdict) Valid() bool { return v == Clean || v == Suspicious || v == Malicious }

// Worse reports whether v is worse than w. A verdict that is not Valid is worse than any that is.
func (v Verdict) Worse(w Verdict) bool { return v.rank() > w.rank() }

func (v Verdict) rank() int {
	switch v {
	case Clean:
		return 0
	case Suspicious:
		return 1
	case Malicious:
		return 2
	}
	return 3
}

// Target is what is scanned: the file, and what the inspector found in it.
type Target struct {
	R    io.ReaderAt
	Size int64
	Info *apk.Info
}

// Finding is one reason for a verdict.
type Finding struct {
	// Code is stable and in lower snake case; within one scanner it means one thing.
	Code     string       `json:"code"`
	Severity apk.Severity `json:"severity"`
	// Evidence is what was found, shortened. It may hold text out of the package: show it escaped.
	Evidence string `json:"evidence"`
	// Sentence says for people what it means.
	Sentence string `json:"sentence"`
}

// Result is one scanner's answer about one file, in the form in which it is kept.
type Result struct {
	// Scanner is the scanner's name, Engine the version of the program or rules that judged.
	Scanner string `json:"scanner"`
	Engine  string `json:"engine"`
	// SignatureDate is when the scanner's signatures were made; zero for a scanner without any.
	SignatureDate time.Time `json:"signature_date,omitzero"`
	Verdict       Verdict   `json:"verdict"`
	Findings      []Finding `json:"findings"`
	// At is when the scan began and Took how long it lasted, by the clock given to Run; in JSON nanoseconds.
	At   time.Time     `json:"at,omitzero"`
	Took time.Duration `json:"took"`
}

// Scanner judges packages. Scan may be called by several goroutines at once. It returns an error where it can't judge,
// among which are a context that ended and a file larger than it can take; it must not answer Clean then.
type Scanner interface {
	Scan(ctx context.Context, t Target) (Result, error)
}

// ErrResult says that a scanner's answer can't be relied on.
var ErrResult = errors.New("scan: unusable result")

// Run asks one scanner, and notes when and for how long by the clock now. It refuses an answer without a scanner's name
// or with an unknown verdict, with an error that matches ErrResult.
func Run(ctx context.Context, s Scanner, t Target, now func() time.Time) (Result, error) {
	if err := ctx.Err(); err != nil {
		return Result{}, fmt.Errorf("scan: %w", err)
	}
	began := now()
	r, err := s.Scan(ctx, t)
	if err != nil {
		return Result{}, err
	}
	if r.Scanner == "" || !r.Verdict.Valid() {
		return Result{}, fmt.Errorf("%w: scanner %q, verdict %q", ErrResult, r.Scanner, r.Verdict)
	}
	if r.Findings == nil {
		r.Findings = []Finding{}
	}
	r.At, r.Took = began, now().Sub(began)
	return r, nil
}
