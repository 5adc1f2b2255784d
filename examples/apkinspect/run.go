package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/atlas-mdm/atlas-go/apk"
)

const (
	exitVerified   = 0
	exitUnverified = 1
	exitUsage      = 2
)

// line is what is printed about one file.
type line struct {
	File string `json:"file"`
	*apk.Info
	Error string `json:"error"`
}

// arguments are the parsed command line.
type arguments struct {
	json   bool
	minSDK int
	maxSDK int
	v4     string
	files  []string
}

// run is the program. It returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	a, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return exitVerified
	}
	if err != nil {
		fmt.Fprintln(stderr, "apkinspect:", err)
		return exitUsage
	}
	code := exitVerified
	for _, name := range a.files {
		if err := ctx.Err(); err != nil {
			fmt.Fprintln(stderr, "apkinspect:", err)
			return exitUnverified
		}
		l := inspect(name, a)
		if !l.Signature.Verified {
			code = exitUnverified
		}
		if err := l.print(stdout, a.json); err != nil {
			fmt.Fprintln(stderr, "apkinspect:", err)
			return exitUnverified
		}
	}
	return code
}

func parse(args []string, stderr io.Writer) (arguments, error) {
	var a arguments
	fs := flag.NewFlagSet("apkinspect", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.BoolVar(&a.json, "json", true, "print one JSON object a line")
	fs.IntVar(&a.minSDK, "min-sdk", 0, "lowest SDK `level` to verify for; 0 takes the manifest's")
	fs.IntVar(&a.maxSDK, "max-sdk", 0, "highest SDK `level` to verify for; 0 takes no bound")
	fs.StringVar(&a.v4, "v4", "", "`file` with the v4 signature")
	fs.Usage = func() {
		fmt.Fprintln(stderr, "usage: apkinspect [-json] [-min-sdk N] [-max-sdk N] [-v4 FILE.idsig] FILE…")
		fs.PrintDefaults()
	}
	if err := fs.Parse(args); err != nil {
		return a, err
	}
	a.files = fs.Args()
	switch {
	case len(a.files) == 0:
		return a, errors.New("no file given")
	case a.minSDK < 0 || a.maxSDK < 0:
		return a, errors.New("SDK levels are positive")
	case a.maxSDK != 0 && a.minSDK > a.maxSDK:
		return a, fmt.Errorf("-min-sdk %d is above -max-sdk %d", a.minSDK, a.maxSDK)
	case a.v4 != "" && len(a.files) > 1:
		return a, errors.New("-v4 is for one file")
	}
	return a, nil
}

// inspect never fails: what can't be inspected becomes a line that says so.
func inspect(name string, a arguments) line {
	o := apk.Options{MinSDK: a.minSDK, MaxSDK: a.maxSDK}
	if a.v4 != "" {
		f, size, err := openRegular(a.v4)
		if err != nil {
			return line{File: name, Info: unreadable(name), Error: err.Error()}
		}
		defer f.Close()
		o.V4 = io.NewSectionReader(f, 0, size)
	}
	info, err := apk.InspectFile(name, o)
	if err != nil {
		return line{File: name, Info: unreadable(name), Error: err.Error()}
	}
	return line{File: name, Info: info}
}

func openRegular(name string) (*os.File, int64, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, fmt.Errorf("v4 signature: %w", err)
	}
	st, err := f.Stat()
	if err == nil && !st.Mode().IsRegular() {
		err = errors.New("not a regular file")
	}
	if err != nil {
		return nil, 0, errors.Join(fmt.Errorf("v4 signature: %s: %w", name, err), f.Close())
	}
	return f, st.Size(), nil
}

// unreadable is all that can be said of a file that is no package: its size and digest, where it can be read.
func unreadable(name string) *apk.Info {
	info := &apk.Info{
		Permissions: []string{}, Features: []apk.Feature{}, Components: []apk.Component{}, NativeABIs: []string{},
		Embedded: []apk.Embedded{}, Findings: []apk.Finding{},
		Signature: apk.Signature{
			Schemes: []string{}, Signers: []apk.Signer{}, Lineage: []apk.LineageNode{}, SourceStamp: "none",
			SourceStampErrors: []apk.Issue{}, Errors: []apk.Issue{}, Warnings: []apk.Issue{},
		},
	}
	st, err := os.Stat(name)
	if err != nil || !st.Mode().IsRegular() {
		return info
	}
	f, err := os.Open(name)
	if err != nil {
		return info
	}
	defer f.Close()
	h := sha256.New()
	if n, err := io.Copy(h, f); err == nil {
		info.Size, info.SHA256 = n, hex.EncodeToString(h.Sum(nil))
	}
	return info
}

func (l line) print(w io.Writer, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(l)
	}
	if l.Error != "" {
		_, err := fmt.Fprintf(w, "%q: %s\n", l.File, l.Error)
		return err
	}
	verdict := "NOT VERIFIED"
	if l.Signature.Verified {
		verdict = fmt.Sprintf("verified %v", l.Signature.Schemes)
	}
	if _, err := fmt.Fprintf(w, "%q: %q %d (%q): %s\n", l.File, l.Package, l.VersionCode, l.VersionName, verdict); err != nil {
		return err
	}
	for _, s := range l.Signature.Signers {
		if _, err := fmt.Fprintf(w, "  signer %s %s %s %q\n", s.Scheme, s.SHA256, s.Key, s.Subject); err != nil {
			return err
		}
	}
	for _, e := range l.Signature.Errors {
		if _, err := fmt.Fprintf(w, "  error %s: %q\n", e.Code, e.Detail); err != nil {
			return err
		}
	}
	return nil
}
