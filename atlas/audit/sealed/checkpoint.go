package sealed

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/atlas-mdm/atlas-go/atlas"
)

const (
	// maxNote is the most bytes a signed checkpoint may have: room for the
	// hundred signatures that package note accepts.
	maxNote = 32 << 10
	// maxSize is the most events a log may have. It keeps foreign numbers far
	// from where package tlog's arithmetic on 63 bits overflows.
	maxSize = 1 << 48
)

// body returns the text of a checkpoint: origin, size and root, a line each
// (c2sp.org/tlog-checkpoint).
func body(origin string, t tlog.Tree) string {
	return fmt.Sprintf("%s\n%d\n%s\n", origin, t.N, t.Hash)
}

// parseBody reads what body writes and nothing else: an extension line is
// refused like a second way to write a number.
func parseBody(text string) (origin string, t tlog.Tree, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 {
		return "", tlog.Tree{}, fmt.Errorf("%w: it must have three lines", ErrSignature)
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 1 || size > maxSize {
		return "", tlog.Tree{}, fmt.Errorf("%w: bad size", ErrSignature)
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return "", tlog.Tree{}, fmt.Errorf("%w: bad root", ErrSignature)
	}
	t = tlog.Tree{N: size, Hash: root}
	if body(lines[0], t) != text {
		return "", tlog.Tree{}, fmt.Errorf("%w: not written in the one way it can be", ErrSignature)
	}
	return lines[0], t, nil
}

// sign returns the signed checkpoint of t.
func (s *Signer) sign(t tlog.Tree) (string, error) {
	msg, err := note.Sign(&note.Note{Text: body(s.signer.Name(), t)}, s.signer)
	if err != nil {
		return "", fmt.Errorf("sealed: sign the checkpoint of size %d: %w", t.N, err)
	}
	return string(msg), nil
}

// newVerifier reads a verifier key.
func newVerifier(key string) (note.Verifier, error) {
	v, err := note.NewVerifier(key)
	if err != nil {
		return nil, atlas.Invalid("verifier", "is not a verifier key: %v", err)
	}
	return v, nil
}

// open returns the tree of a checkpoint that v's key signed for v's own log.
// Signatures of other keys, such as witnesses', are allowed beside it.
func open(checkpoint string, v note.Verifier) (tlog.Tree, error) {
	if len(checkpoint) > maxNote {
		return tlog.Tree{}, fmt.Errorf("%w: longer than %d bytes", ErrSignature, maxNote)
	}
	n, err := note.Open([]byte(checkpoint), note.VerifierList(v))
	if err != nil {
		return tlog.Tree{}, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	// Package note skips the last bits of base64 that mean nothing.
	for _, s := range slices.Concat(n.Sigs, n.UnverifiedSigs) {
		if _, err := base64.StdEncoding.Strict().DecodeString(s.Base64); err != nil {
			return tlog.Tree{}, fmt.Errorf("%w: loose base64 in the signature of %q", ErrSignature, s.Name)
		}
	}
	origin, t, err := parseBody(n.Text)
	if err != nil {
		return tlog.Tree{}, err
	}
	if origin != v.Name() {
		return tlog.Tree{}, fmt.Errorf("%w: it is of the log %q", ErrSignature, origin)
	}
	return t, nil
}

// read returns what a checkpoint says without checking who signed it.
func read(checkpoint string) (tlog.Tree, error) {
	if len(checkpoint) > maxNote {
		return tlog.Tree{}, fmt.Errorf("%w: longer than %d bytes", ErrSignature, maxNote)
	}
	_, err := note.Open([]byte(checkpoint), nil)
	var unverified *note.UnverifiedNoteError
	if !errors.As(err, &unverified) {
		return tlog.Tree{}, fmt.Errorf("%w: %w", ErrSignature, err)
	}
	_, t, err := parseBody(unverified.Note.Text)
	return t, err
}
