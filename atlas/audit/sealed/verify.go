package sealed

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/atlas-mdm/atlas-go/atlas/audit"
)

// maxLine is the most bytes a line of an export may have. The longest is the
// checkpoint's.
const maxLine = 2 * maxNote

// Report is what a verified export holds.
type Report struct {
	Events int64  `json:"events"` // number of events, all of them proven
	Root   string `json:"root"`   // root hash in base64, as in the checkpoint
	Origin string `json:"origin"` // name of the log
}

// VerifyExport reads an export as a stream, computes the root of its events
// anew, and checks it against the signed checkpoint at its end. verifier is
// the log's key ([Signer.Verifier]) and kept are signed checkpoints that the
// verifier got earlier: the export has to continue each of them, which is what
// finds a log that was cut, or written anew by whoever has the signing key.
//
// Only what [Export] writes is accepted, byte for byte, save for signatures of
// others, such as witnesses, added to the checkpoint. VerifyExport returns an
// [ErrTampered], always a [TamperedError] with the place; an [ErrSignature] if
// the checkpoint, or one of those kept, is not signed by the key; an
// ErrInvalid if verifier is no verifier key; and the errors of r, wrapped.
func VerifyExport(r io.Reader, verifier string, kept ...string) (Report, error) {
	v, err := newVerifier(verifier)
	if err != nil {
		return Report{}, err
	}
	x := &examiner{lines: bufio.NewReaderSize(r, maxLine)}
	if x.kept, err = openAll(kept, v); err != nil {
		return Report{}, err
	}
	if err := x.readHeader(); err != nil {
		return Report{}, err
	}
	checkpoint, err := x.readEvents()
	if err != nil {
		return Report{}, err
	}
	t, err := x.finish(checkpoint, v)
	if err != nil {
		return Report{}, err
	}
	return Report{Events: t.N, Root: t.Hash.String(), Origin: v.Name()}, nil
}

// openAll returns the trees of the checkpoints, smallest first.
func openAll(checkpoints []string, v note.Verifier) ([]tlog.Tree, error) {
	trees := make([]tlog.Tree, len(checkpoints))
	for i, c := range checkpoints {
		t, err := open(c, v)
		if err != nil {
			return nil, fmt.Errorf("kept checkpoint %d: %w", i, err)
		}
		trees[i] = t
	}
	slices.SortFunc(trees, func(a, b tlog.Tree) int { return cmp.Compare(a.N, b.N) })
	return trees, nil
}

// examiner goes through an export.
type examiner struct {
	lines  *bufio.Reader
	seen   frontier    // the events so far
	kept   []tlog.Tree // checkpoints not reached yet, smallest first
	proven int64       // events under the last kept checkpoint that agreed
	start  []byte      // buffers
	leaf   []byte
}

// bad returns a TamperedError about the next event.
func (x *examiner) bad(format string, args ...any) error {
	return &TamperedError{From: x.seen.size, To: x.seen.size + 1, Problem: fmt.Sprintf(format, args...)}
}

// line returns the next line without its end.
func (x *examiner) line() ([]byte, error) {
	line, err := x.lines.ReadSlice('\n')
	switch {
	case err == nil:
		return line[:len(line)-1], nil
	case errors.Is(err, io.EOF):
		return nil, x.bad("the export ends before its checkpoint")
	case errors.Is(err, bufio.ErrBufferFull):
		return nil, x.bad("a line is longer than %d bytes", maxLine)
	}
	return nil, fmt.Errorf("sealed: read the export: %w", err)
}

func (x *examiner) readHeader() error {
	line, err := x.line()
	if err != nil {
		return err
	}
	if string(line) != exportHeader {
		return x.bad("the first line is not %s", exportHeader)
	}
	return nil
}

// readEvents adds up the events and returns the checkpoint after them.
func (x *examiner) readEvents() (string, error) {
	for {
		line, err := x.line()
		if err != nil {
			return "", err
		}
		if bytes.HasPrefix(line, []byte(`{"checkpoint":`)) {
			return x.checkpoint(line)
		}
		if err := x.event(line); err != nil {
			return "", err
		}
		if err := x.compareKept(); err != nil {
			return "", err
		}
	}
}

// event adds the event of a line.
func (x *examiner) event(line []byte) error {
	x.start = eventStart(x.start[:0], x.seen.size)
	text, ok := bytes.CutPrefix(line, x.start)
	if !ok {
		return x.explain(line)
	}
	text, ok = bytes.CutSuffix(text, []byte(eventEnd))
	if !ok || len(text) > base64.StdEncoding.EncodedLen(audit.MaxLeaf) {
		return x.explain(line)
	}
	leaf, err := base64.StdEncoding.Strict().AppendDecode(x.leaf[:0], text)
	// The decoder skips carriage returns, hence the length.
	if err != nil || base64.StdEncoding.EncodedLen(len(leaf)) != len(text) {
		return x.bad("its leaf is not base64")
	}
	x.leaf = leaf
	if _, err := x.seen.add(leaf); err != nil {
		return fmt.Errorf("sealed: hash event %d: %w", x.seen.size, err)
	}
	return nil
}

// explain says what is wrong with a line that is not the next event's.
func (x *examiner) explain(line []byte) error {
	var e struct {
		Index *int64 `json:"index"`
		Leaf  []byte `json:"leaf"`
	}
	if err := json.Unmarshal(line, &e); err != nil || e.Index == nil {
		return x.bad("its line is not the JSON of an event")
	}
	if *e.Index != x.seen.size {
		return x.bad("event %d is in its place", *e.Index)
	}
	return x.bad("its line is not as it was exported")
}

// compareKept compares the events so far with the checkpoints of their size.
func (x *examiner) compareKept() error {
	for len(x.kept) > 0 && x.kept[0].N == x.seen.size {
		if err := x.compare(x.kept[0], "kept checkpoint"); err != nil {
			return err
		}
		x.proven, x.kept = x.seen.size, x.kept[1:]
	}
	return nil
}

// compare compares the events so far with a tree of their size.
func (x *examiner) compare(want tlog.Tree, whose string) error {
	got, err := x.seen.tree()
	if err != nil {
		return fmt.Errorf("sealed: root of size %d: %w", x.seen.size, err)
	}
	if got != want {
		return &TamperedError{From: x.proven, To: want.N, Problem: fmt.Sprintf("they don't lead to the %s of size %d", whose, want.N)}
	}
	return nil
}

// checkpoint returns the checkpoint of the last line.
func (x *examiner) checkpoint(line []byte) (string, error) {
	var end exportEnd
	if err := json.Unmarshal(line, &end); err != nil {
		return "", x.bad("the checkpoint's line is not JSON")
	}
	again, err := endLine(end.Checkpoint)
	if err != nil {
		return "", err
	}
	if !bytes.Equal(again[:len(again)-1], line) {
		return "", x.bad("the checkpoint's line is not as it was exported")
	}
	if _, err := x.lines.ReadByte(); err == nil {
		return "", x.bad("there is something after the checkpoint")
	} else if !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("sealed: read the export: %w", err)
	}
	return end.Checkpoint, nil
}

// finish checks the events against the checkpoint at the end.
func (x *examiner) finish(checkpoint string, v note.Verifier) (tlog.Tree, error) {
	t, err := open(checkpoint, v)
	if err != nil {
		return t, err
	}
	switch {
	case t.N > x.seen.size:
		return t, &TamperedError{From: x.seen.size, To: t.N, Problem: "missing from the end"}
	case t.N < x.seen.size:
		return t, &TamperedError{From: t.N, To: x.seen.size, Problem: fmt.Sprintf("not under the checkpoint of size %d", t.N)}
	case len(x.kept) > 0:
		return t, &TamperedError{From: t.N, To: x.kept[0].N, Problem: fmt.Sprintf("cut off: a kept checkpoint is of size %d", x.kept[0].N)}
	}
	return t, x.compare(t, "checkpoint")
}
