package httpapi

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// PageQuery are the query parameters of every list.
type PageQuery struct {
	Cursor string `query:"cursor" maxLength:"200" doc:"next_cursor of the page before; good for the same filters only"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" doc:"Most items of the page; 50 unless given"`
}

// list is a page of a list.
type list[T any] struct {
	Items      []T    `json:"items" nullable:"false"`
	NextCursor string `json:"next_cursor" doc:"Empty on the last page"`
}

// cursors makes and reads the cursors of lists: the id of the last item with
// a keyed hash that binds it to the actor, the path and the filters, so that
// a cursor is no way to ask for something else.
type cursors struct{ key []byte }

const cursorSum = 16

func newCursors(key []byte) (cursors, error) {
	if key == nil {
		key = make([]byte, sha256.Size)
		if _, err := rand.Read(key); err != nil {
			return cursors{}, fmt.Errorf("httpapi: cursor key: %w", err)
		}
	}
	if len(key) < 16 {
		return cursors{}, fmt.Errorf("httpapi: cursor key of less than 16 bytes (%w)", atlas.ErrInvalid)
	}
	return cursors{key: append([]byte(nil), key...)}, nil
}

func (k cursors) sum(c caller, after string) []byte {
	h := hmac.New(sha256.New, k.key)
	for _, part := range []string{string(c.actor.Account), c.asked, after} {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	return h.Sum(nil)[:cursorSum]
}

func (k cursors) make(c caller, after string) string {
	return base64.RawURLEncoding.EncodeToString(append(k.sum(c, after), after...))
}

// read returns what make was given, or an ErrInvalid.
func (k cursors) read(c caller, cursor string) (string, error) {
	if cursor == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err != nil || len(b) <= cursorSum || !hmac.Equal(b[:cursorSum], k.sum(c, string(b[cursorSum:]))) {
		return "", atlas.Invalid("query.cursor", "is not one of this list")
	}
	return string(b[cursorSum:]), nil
}

// page answers one page. It fetches one item more than asked for to know
// whether there is another page; where that would be over the store's bound,
// a full page counts as not the last.
func page[R, W any](a *API, c caller, q PageQuery, fetch func(atlas.Page) ([]R, error), id func(R) string, show func(R) W) (list[W], error) {
	after, err := a.cursors.read(c, q.Cursor)
	if err != nil {
		return list[W]{}, err
	}
	size := atlas.Page{Limit: q.Limit}.Size()
	rows, err := fetch(atlas.Page{After: after, Limit: min(size+1, atlas.MaxPage)})
	if err != nil {
		return list[W]{}, err
	}
	more := len(rows) > size || len(rows) == atlas.MaxPage
	rows = rows[:min(len(rows), size)]
	out := list[W]{Items: make([]W, len(rows))}
	for i, r := range rows {
		out.Items[i] = show(r)
	}
	if more {
		out.NextCursor = a.cursors.make(c, id(rows[len(rows)-1]))
	}
	return out, nil
}

// whole answers a list that has no pages.
func whole[R, W any](rows []R, show func(R) W) list[W] {
	out := list[W]{Items: make([]W, len(rows))}
	for i, r := range rows {
		out.Items[i] = show(r)
	}
	return out
}
