package demo

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/schollz/progressbar/v3"
)

// teller writes the story: lines, and bars where somebody watches a terminal.
type teller struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool
}

func newTeller(w io.Writer) *teller {
	f, ok := w.(*os.File)
	if ok {
		info, err := f.Stat()
		ok = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return &teller{w: w, terminal: ok}
}

func (t *teller) line(s string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintln(t.w, s)
}

func (t *teller) chapter(title string) { t.line("\n" + title) }

func (t *teller) say(format string, args ...any) { t.line("  " + fmt.Sprintf(format, args...)) }

// bar is one thing that takes its time. Without a terminal it is a line at
// its end.
type bar struct {
	t    *teller
	what string
	all  int64
	done int64
	b    *progressbar.ProgressBar
}

func (t *teller) bar(all int64, what string) *bar {
	b := &bar{t: t, what: what, all: all}
	if t.terminal {
		b.b = progressbar.NewOptions64(all, progressbar.OptionSetWriter(t.w), progressbar.OptionSetWidth(30),
			progressbar.OptionSetDescription("  "+what), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(false))
	}
	return b
}

func (b *bar) set(n int64) {
	b.done = n
	if b.b != nil {
		_ = b.b.Set64(n) // a bar is decoration
	}
}

// reader counts what is read through it.
func (b *bar) reader(r io.Reader) io.Reader { return &counted{b, r} }

type counted struct {
	bar *bar
	r   io.Reader
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.bar.set(c.bar.done + int64(n))
	return n, err
}

func (b *bar) finish() {
	if b.b != nil {
		b.t.line("")
		return
	}
	b.t.say("%s: %d of %d", b.what, b.done, b.all)
}
