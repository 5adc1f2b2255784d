package sealed

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strconv"

	"github.com/atlas-mdm/atlas-go/atlas/audit"
)

// The lines of an export.
const (
	exportHeader = `{"format":"atlas-audit/1"}`
	// exportPage is how many events are read at once.
	exportPage = 500
)

// exportEnd is the last line.
type exportEnd struct {
	Checkpoint string `json:"checkpoint"`
}

// Export writes the sealed log to w as JSON lines, in pages, so that memory
// stays bounded: first {"format":"atlas-audit/1"}, then each event as
// {"index":0,"leaf":"base64"} in order, last {"checkpoint":"signed note"}.
// The verifier key is not in it, because it must come from elsewhere.
//
// Export does not judge what it finds: the export of a damaged log is
// evidence, and [VerifyExport] finds the damage. It returns an ErrNotFound if
// nothing is sealed yet, and an [ErrTampered] if the log can't be read in
// order. The log may grow meanwhile: what is exported ends at the checkpoint
// that was the newest at the start.
func Export(ctx context.Context, log audit.Sealed, w io.Writer) error {
	c, _, err := newest(ctx, log)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(w, 64<<10)
	fmt.Fprintln(out, exportHeader)
	if err := exportEvents(ctx, log, c.Size, out); err != nil {
		return err
	}
	end, err := endLine(c.Note)
	if err != nil {
		return err
	}
	if _, err := out.Write(end); err != nil {
		return fmt.Errorf("sealed: export: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("sealed: export: %w", err)
	}
	return nil
}

// exportEvents writes the events page by page, up to the checkpoint of that
// size. Events beyond it belong to a newer checkpoint, or there is none and
// they are damage, which is exported too.
func exportEvents(ctx context.Context, log audit.Sealed, size int64, out *bufio.Writer) error {
	var line []byte
	for next := int64(0); ; {
		events, err := log.Sealed(ctx, next, exportPage)
		if err != nil {
			return fmt.Errorf("sealed: export from event %d on: %w", next, err)
		}
		if len(events) == 0 {
			return nil
		}
		for _, e := range events {
			if e.Index >= size {
				if c, err := log.Checkpoint(ctx); err != nil || c.Size > size {
					return err
				}
			}
			if e.Index < next {
				return &TamperedError{From: next, To: next + 1, Problem: fmt.Sprintf("event %d is stored in its place", e.Index)}
			}
			line = eventLine(line[:0], e.Index, e.Leaf)
			if _, err := out.Write(line); err != nil {
				return fmt.Errorf("sealed: export event %d: %w", e.Index, err)
			}
			next = e.Index + 1
		}
	}
}

// eventLine appends the line of an event to b.
func eventLine(b []byte, index int64, leaf []byte) []byte {
	b = eventStart(b, index)
	b = base64.StdEncoding.AppendEncode(b, leaf)
	return append(b, eventEnd+"\n"...)
}

// eventStart appends what comes before the leaf of the event at index.
func eventStart(b []byte, index int64) []byte {
	b = append(b, `{"index":`...)
	b = strconv.AppendInt(b, index, 10)
	return append(b, `,"leaf":"`...)
}

// eventEnd is what comes after the leaf.
const eventEnd = `"}`

// endLine returns the line of the checkpoint.
func endLine(checkpoint string) ([]byte, error) {
	b, err := json.Marshal(exportEnd{Checkpoint: checkpoint})
	if err != nil {
		return nil, fmt.Errorf("sealed: export the checkpoint: %w", err)
	}
	return append(b, '\n'), nil
}
