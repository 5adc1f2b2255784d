package device

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas/httpapi/deviceproto"
)

// stall is how long a download may go without a byte before it is tried again.
const stall = 30 * time.Second

// fresh is how often a file that turned out to be another one is fetched from
// the start.
const fresh = 2

// download returns the path of the ordered file, whose size and SHA-256 were
// checked. What is there of it from before is continued, and a connection
// that breaks is taken up again where it broke.
func (a *Agent) download(ctx context.Context, p deviceproto.Install) (string, error) {
	if sum, err := hex.DecodeString(p.SHA256); err != nil || len(sum) != sha256.Size || strings.ToLower(p.SHA256) != p.SHA256 {
		return "", fmt.Errorf("%w: digest is not a SHA-256 in lower-case hex", ErrFile)
	}
	if p.Size <= 0 || p.Size > a.opt.MaxFile {
		return "", fmt.Errorf("%w: size of %d bytes, allowed are 1 to %d", ErrFile, p.Size, a.opt.MaxFile)
	}
	dir := filepath.Join(a.dir, "downloads")
	if err := keepOnly(dir, p.SHA256); err != nil {
		return "", fmt.Errorf("device: downloads: %w", err)
	}
	part, file := filepath.Join(dir, p.SHA256+".part"), filepath.Join(dir, p.SHA256+".apk")
	if whole(file, p) {
		return file, nil
	}
	for range fresh {
		if err := a.fetchAll(ctx, part, p); err != nil {
			return "", err
		}
		if whole(part, p) {
			return file, os.Rename(part, file)
		}
		a.opt.Logger.Warn("downloaded file is another one", "package", p.Package)
		if err := os.Remove(part); err != nil {
			return "", fmt.Errorf("device: downloads: %w", err)
		}
	}
	return "", fmt.Errorf("%w: the bytes that came are not those of the order", ErrFile)
}

// keepOnly makes the folder and deletes what belongs to other files, so that
// given-up downloads don't pile up.
func keepOnly(dir, sum string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	old, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range old {
		if !strings.HasPrefix(e.Name(), sum+".") {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// whole reports whether the file is there and the one of the order.
func whole(file string, p deviceproto.Install) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(f, p.Size+1))
	return err == nil && n == p.Size && hex.EncodeToString(h.Sum(nil)) == p.SHA256
}

// fetchAll fetches until part has the ordered size.
func (a *Agent) fetchAll(ctx context.Context, part string, p deviceproto.Install) error {
	var wait backoff
	for try := 1; ; try++ {
		before, err := sizeOf(part, p.Size)
		if err != nil {
			return fmt.Errorf("device: downloads: %w", err)
		}
		if before == p.Size {
			return nil
		}
		err = a.corrected(func() error { return a.fetch(ctx, part, before, p) })
		if err == nil {
			return nil
		}
		after, serr := sizeOf(part, p.Size)
		if serr != nil || ctx.Err() != nil || !temporary(err) {
			return err
		}
		if after > before {
			try, wait = 1, backoff{}
		}
		if try >= a.opt.Tries {
			return err
		}
		a.opt.Logger.Warn("download broke", "package", p.Package, "have", after, "of", p.Size, "error", err)
		if err := a.opt.Sleep(ctx, wait.next(err)); err != nil {
			return fmt.Errorf("device: download: %w", err)
		}
	}
}

// sizeOf returns how much of a file is there. More than it can be is nothing.
func sizeOf(part string, limit int64) (int64, error) {
	st, err := os.Stat(part)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	if st.Size() > limit {
		return 0, os.Remove(part)
	}
	return st.Size(), nil
}

// fetch makes one request for what follows the first have bytes and appends
// what comes.
func (a *Agent) fetch(ctx context.Context, part string, have int64, p deviceproto.Install) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	quiet := time.AfterFunc(stall, cancel)
	defer quiet.Stop()
	header := http.Header{}
	if have > 0 {
		header.Set("Range", fmt.Sprintf("bytes=%d-", have))
		header.Set("If-Range", `"`+p.SHA256+`"`)
	}
	resp, req, err := a.send(ctx, http.MethodGet, a.url(deviceproto.PathAPK+p.SHA256, ""), nil, header)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	from, err := a.begin(resp, req, have, p.Size)
	if err != nil {
		return startOver(err, part)
	}
	f, err := os.OpenFile(part, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("device: downloads: %w", err)
	}
	err = a.pour(f, from, resp.Body, p, func() { quiet.Reset(stall) })
	if serr := f.Sync(); err == nil {
		err = serr
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return fmt.Errorf("device: download: %w", err)
	}
	return nil
}

// begin returns the offset at which the answer's body starts: where it was
// asked for, or 0 where the server sends all of the file.
func (a *Agent) begin(resp *http.Response, req *http.Request, have, size int64) (int64, error) {
	switch resp.StatusCode {
	case http.StatusOK:
		if resp.ContentLength >= 0 && resp.ContentLength != size {
			return 0, fmt.Errorf("%w: server has %d bytes, ordered are %d", ErrFile, resp.ContentLength, size)
		}
		return 0, nil
	case http.StatusPartialContent:
		if want := fmt.Sprintf("bytes %d-%d/%d", have, size-1, size); have == 0 || resp.Header.Get("Content-Range") != want {
			return 0, fmt.Errorf("%w: server sends another part than %s", ErrFile, want)
		}
		return have, nil
	}
	return 0, a.refusedFile(resp, req)
}

// startOver deletes what is there of a file when the server has no such part
// of it, so that the next try begins at the start.
func startOver(err error, part string) error {
	var p *ProblemError
	if !errors.Is(err, ErrFile) && (!errors.As(err, &p) || p.Problem.Status != http.StatusRequestedRangeNotSatisfiable) {
		return err
	}
	if rerr := os.Remove(part); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
		return errors.Join(err, rerr)
	}
	return err
}

// refusedFile is the error of an answer without a file. Only a signed one may
// change the counter or the clock.
func (a *Agent) refusedFile(resp *http.Response, req *http.Request) error {
	if _, err := a.verified(resp, req); !errors.Is(err, ErrAnswer) {
		return err
	}
	return &ProblemError{Problem: deviceproto.Problem{Status: resp.StatusCode, Title: http.StatusText(resp.StatusCode)}}
}

// pour writes body at that offset of f, and never beyond the ordered size.
func (a *Agent) pour(f *os.File, at int64, body io.Reader, p deviceproto.Install, alive func()) error {
	if err := f.Truncate(at); err != nil {
		return err
	}
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return err
	}
	buf := make([]byte, 64<<10)
	for at < p.Size {
		n, err := body.Read(buf[:min(int64(len(buf)), p.Size-at)])
		if _, werr := f.Write(buf[:n]); werr != nil {
			return werr
		}
		if at += int64(n); n > 0 {
			alive()
			a.opt.Progress(p, at)
		}
		if errors.Is(err, io.EOF) && at < p.Size {
			return io.ErrUnexpectedEOF
		}
		if err != nil && at < p.Size {
			return err
		}
	}
	return nil
}
