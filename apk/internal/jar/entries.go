package jar

import (
	"bytes"
	"cmp"
	"crypto"
	"errors"
	"fmt"
	"hash"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/atlas-mdm/atlas-go/apk/internal/fault"
	"github.com/atlas-mdm/atlas-go/apk/internal/zip"
)

const maxWorkers = 8

// verifyEntries verifies the contents against the manifest, and finds the signers that stand for all of them.
func (v *verification) verifyEntries() error {
	var todo []int
	first, total := -1, int64(0)
	for i, e := range v.Dir.Entries {
		switch {
		case strings.HasPrefix(e.Name, folder) || strings.HasSuffix(e.Name, "/"):
			continue
		case v.sections[i] == nil:
			v.out.Fail("jar_sig_no_zip_entry_digest_in_manifest", "%.200q", e.Name)
			continue
		case !slices.ContainsFunc(v.signers, func(s *signer) bool { return s.entries[i] }):
			v.out.Fail("jar_sig_zip_entry_not_signed", "%.200q", e.Name)
			continue
		case first >= 0 && !v.sameSigners(first, i):
			v.out.Fail("jar_sig_zip_entry_signers_mismatch", "%.200q and %.200q have different signers", v.Dir.Entries[first].Name, e.Name)
			continue
		case first < 0:
			first = i
		}
		todo, total = append(todo, i), total+e.Size
	}
	if total > v.ContentLimit {
		return fmt.Errorf("%w: %d bytes in all entries, limit %d", fault.ErrLimit, total, v.ContentLimit)
	}
	if first < 0 {
		v.out.Fail("jar_sig_no_signed_zip_entries", "no entry that a signature is for")
		return nil
	}
	if err := v.digestEntries(todo); err != nil {
		return err
	}
	v.finish(first)
	return nil
}

func (v *verification) sameSigners(a, b int) bool {
	for _, s := range v.signers {
		if s.entries[a] != s.entries[b] {
			return false
		}
	}
	return true
}

// finish names the signers, and the entries that no signature protects.
func (v *verification) finish(first int) {
	own := map[string]bool{manifestName: true}
	for _, s := range v.signers {
		if s.entries[first] {
			v.out.Signers = append(v.out.Signers, s.cert)
			own[s.file.Name], own[s.block.Name] = true, true
		}
	}
	for _, e := range v.Dir.Entries {
		if strings.HasPrefix(e.Name, folder) && !strings.HasSuffix(e.Name, "/") && !own[e.Name] {
			v.out.Warn("jar_sig_unprotected_zip_entry", "%.200q can be changed without breaking the signature", e.Name)
		}
	}
}

// failure is what is wrong with one entry.
type failure struct {
	entry int
	code  string
	err   error
}

// digestEntries inflates and digests every entry once, several at a time, the largest first so that no worker is left
// with a large one at the end.
func (v *verification) digestEntries(todo []int) error {
	entries := v.Dir.Entries
	slices.SortStableFunc(todo, func(a, b int) int { return cmp.Compare(entries[b].Size, entries[a].Size) })
	var (
		next     atomic.Int64
		mu       sync.Mutex
		failures []failure
		wg       sync.WaitGroup
	)
	for range min(runtime.GOMAXPROCS(0), maxWorkers, len(todo)) {
		wg.Go(func() {
			w := entryDigester{verification: v, reader: v.Dir.NewReader(), hashes: map[crypto.Hash]hash.Hash{}}
			for i := next.Add(1) - 1; i < int64(len(todo)); i = next.Add(1) - 1 {
				f, ok := w.digest(todo[i])
				if ok {
					continue
				}
				mu.Lock()
				failures = append(failures, f)
				enough := f.err != nil || len(failures) > maxFailures
				mu.Unlock()
				if enough {
					next.Add(int64(len(todo)))
				}
			}
		})
	}
	wg.Wait()
	return v.report(failures)
}

const maxFailures = 100

func (v *verification) report(failures []failure) error {
	slices.SortFunc(failures, func(a, b failure) int { return cmp.Compare(a.entry, b.entry) })
	var malformed error
	for _, f := range failures {
		switch name := v.Dir.Entries[f.entry].Name; {
		case f.err == nil:
			v.out.Fail(f.code, "%.200q", name)
		case !errors.Is(f.err, fault.ErrMalformed):
			return f.err
		case malformed == nil:
			malformed = f.err
		}
	}
	return malformed
}

// entryDigester digests entries one after another. It keeps its hashes for the next.
type entryDigester struct {
	*verification
	reader *zip.Reader
	hashes map[crypto.Hash]hash.Hash
}

// digest compares one entry with the digests in its section of the manifest.
func (w *entryDigester) digest(i int) (failure, bool) {
	want, err := w.digests(section{raw: w.sections[i]}.attributes(), "-Digest")
	if err != nil {
		return failure{entry: i, code: "jar_sig_parse_exception"}, false
	}
	if len(want) == 0 {
		return failure{entry: i, code: "jar_sig_no_zip_entry_digest_in_manifest"}, false
	}
	hashes := make([]hash.Hash, len(want))
	to := make([]io.Writer, len(want))
	for n, d := range want {
		hashes[n] = w.hash(d)
		to[n] = hashes[n]
	}
	out := to[0]
	if len(to) > 1 && hashes[0] != hashes[1] {
		out = io.MultiWriter(to...)
	}
	if err := w.reader.Copy(out, w.Dir.Entries[i]); err != nil {
		return failure{entry: i, err: err}, false
	}
	for n, d := range want {
		if !bytes.Equal(hashes[n].Sum(nil), d.sum) {
			return failure{entry: i, code: "jar_sig_zip_entry_digest_did_not_verify"}, false
		}
	}
	return failure{}, true
}

func (w *entryDigester) hash(d named) hash.Hash {
	h, ok := w.hashes[d.hash]
	if !ok {
		h = d.hash.New()
		w.hashes[d.hash] = h
	}
	h.Reset()
	return h
}
