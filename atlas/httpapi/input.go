package httpapi

import (
	"bytes"
	"io"

	"github.com/danielgtaylor/huma/v2"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// ident is an identifier that comes in: what atlas.CheckID accepts, or
// nothing where it may be left out.
type ident string

// Schema says so in the document, and so to huma's validation.
func (ident) Schema(huma.Registry) *huma.Schema {
	most := atlas.MaxID
	return &huma.Schema{Type: huma.TypeString, MaxLength: &most, Pattern: "^[A-Za-z0-9._-]*$"}
}

// Inputs of operations. The field names are huma's.
type (
	nothing struct{}
	byID    struct {
		ID ident `path:"id"`
	}
	sent[B any]   struct{ Body B }
	sentTo[B any] struct {
		ID   ident `path:"id"`
		Body B
	}
	listed   struct{ PageQuery }
	listedOf struct {
		ID ident `path:"id"`
		PageQuery
	}
	ofAccount struct {
		AccountID ident `query:"account_id" doc:"Your own unless given"`
	}
)

func (in *sent[B]) content() any   { return &in.Body }
func (in *sentTo[B]) content() any { return &in.Body }

// account is the account asked about: the caller's own unless given.
func (in *ofAccount) account(c caller) atlas.AccountID {
	if in.AccountID == "" {
		return c.actor.Account
	}
	return atlas.AccountID(in.AccountID)
}

// replay is a body that was read already.
func replay(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }

// orEmpty returns s, or an empty list for none, so that JSON has no null.
func orEmpty[T any](s []T) []T {
	if s == nil {
		return []T{}
	}
	return s
}
