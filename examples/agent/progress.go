package main

import (
	"io"
	"os"

	"github.com/schollz/progressbar/v3"

	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
)

// progress shows downloads on a terminal, and nothing anywhere else.
func progress(w io.Writer) func(deviceproto.Install, int64) {
	f, ok := w.(*os.File)
	if !ok {
		return nil
	}
	if st, err := f.Stat(); err != nil || st.Mode()&os.ModeCharDevice == 0 {
		return nil
	}
	var bar *progressbar.ProgressBar
	var shown string
	return func(p deviceproto.Install, done int64) {
		if bar == nil || shown != p.SHA256 {
			bar, shown = progressbar.NewOptions64(p.Size,
				progressbar.OptionSetDescription(p.Package), progressbar.OptionSetWriter(f), progressbar.OptionShowBytes(true),
				progressbar.OptionClearOnFinish()), p.SHA256
		}
		_ = bar.Set64(done) // a bar that can't be drawn stops nothing
		if done == p.Size {
			bar = nil
		}
	}
}
