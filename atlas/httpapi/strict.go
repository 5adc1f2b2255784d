package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"unicode/utf8"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// maxNesting bounds how deep arrays and objects nest in a body.
const maxNesting = 16

// readJSON reads a body of at most limit bytes and checks that it is JSON in
// the one form that has only one meaning. An empty body is nil.
func readJSON(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	body, err := readBody(w, r, limit)
	if err != nil || len(body) == 0 {
		return nil, err
	}
	if err := checkJSONType(r.Header); err != nil {
		return nil, err
	}
	return body, checkJSON(body)
}

// readBody reads a body of at most limit bytes within its time.
func readBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, fmt.Errorf("httpapi: body: %w", atlas.ErrTooLarge)
	}
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(soon(bodyTime))
	defer func() { _ = rc.SetReadDeadline(never) }()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	return body, bodyError(err)
}

// bodyError says what an error of reading a request's body means.
func bodyError(err error) error {
	var large *http.MaxBytesError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &large):
		return fmt.Errorf("httpapi: body: %w", atlas.ErrTooLarge)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSlow
	}
	return fmt.Errorf("%w: the body ended early", errMalformed)
}

func checkJSONType(h http.Header) error {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	charset, named := params["charset"]
	if err != nil || kind != "application/json" || named && !strings.EqualFold(charset, "utf-8") {
		return fmt.Errorf("%w: it must be application/json", errMedia)
	}
	if h.Get("Content-Encoding") != "" {
		return fmt.Errorf("%w: it must not be compressed", errMedia)
	}
	return nil
}

// checkJSON returns an errMalformed unless b is one JSON value in UTF-8
// without anything after it, and in which no object has two members of the
// same name: readers disagree on which of them counts (RFC 8259, section 4).
// encoding/json takes names that differ in case only for the same, so a name
// with a capital is an unknown one, but in what is free: the params of a
// command. U+0000 is refused because databases do.
func checkJSON(b []byte) error {
	if !utf8.Valid(b) {
		return fmt.Errorf("%w: the body is not UTF-8", errMalformed)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.UseNumber()
	if err := checkValue(dec, 0, false); err != nil {
		return err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%w: something follows the JSON value", errMalformed)
	}
	return nil
}

func checkValue(dec *json.Decoder, depth int, free bool) error {
	if depth > maxNesting {
		return fmt.Errorf("%w: JSON nests too deep", errMalformed)
	}
	t, err := token(dec)
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('{'):
		return checkObject(dec, depth, free)
	case json.Delim('['):
		for dec.More() {
			if err := checkValue(dec, depth+1, free); err != nil {
				return err
			}
		}
		_, err := token(dec)
		return err
	}
	return nil
}

func checkObject(dec *json.Decoder, depth int, free bool) error {
	seen := map[string]bool{}
	for dec.More() {
		t, err := token(dec)
		if err != nil {
			return err
		}
		name, _ := t.(string)
		folded := atlas.FoldUsername(name)
		if seen[folded] {
			return fmt.Errorf("%w: member %q is there twice", errMalformed, atlas.CleanText(name, 60))
		}
		seen[folded] = true
		if !free && strings.ToLower(name) != name {
			return fieldErrors{{Location: "body", Message: fmt.Sprintf("has an unknown member %q", atlas.CleanText(name, 60))}}
		}
		if err := checkValue(dec, depth+1, free || name == "params"); err != nil {
			return err
		}
	}
	_, err := token(dec)
	return err
}

func token(dec *json.Decoder) (json.Token, error) {
	t, err := dec.Token()
	if err != nil {
		return nil, fmt.Errorf("%w: the body is not JSON", errMalformed)
	}
	if s, ok := t.(string); ok && strings.ContainsRune(s, 0) {
		return nil, fmt.Errorf("%w: JSON has U+0000", errMalformed)
	}
	return t, nil
}
