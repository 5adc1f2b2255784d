package apk

import (
	"fmt"
	"strings"

	"github.com/atlas-mdm/atlas-go/apk/internal/arsc"
	"github.com/atlas-mdm/atlas-go/apk/internal/axml"
	"github.com/atlas-mdm/atlas-go/apk/internal/zip"
)

// resolver reads the resource table when the first reference asks for it.
type resolver struct {
	dir    *zip.Directory
	limit  int64
	table  *arsc.Table
	opened bool
	failed error
}

// value follows a reference; what can't be resolved stays the reference it was.
func (r *resolver) value(v axml.Value) axml.Value {
	id, isRef := v.Reference()
	if !isRef || id == 0 {
		return v
	}
	if !r.opened {
		r.opened = true
		r.table, r.failed = r.open()
	}
	if r.table != nil {
		if got, ok := r.table.Lookup(id); ok {
			return got
		}
	}
	return v
}

// truth is the value of an attribute that may be absent.
func (r *resolver) truth(v axml.Value, otherwise bool) bool {
	if b, isBool := r.value(v).Bool(); isBool {
		return b
	}
	return otherwise
}

func (r *resolver) open() (*arsc.Table, error) {
	e, ok := r.dir.Lookup("resources.arsc")
	if !ok {
		return nil, nil
	}
	data, err := r.dir.Read(e, r.limit)
	if err != nil {
		return nil, err
	}
	return arsc.Open(data)
}

func (r *resolver) text(v axml.Value) string {
	v = r.value(v)
	if n, ok := v.Int(); ok && !v.IsString() {
		return fmt.Sprint(n)
	}
	return strings.TrimSpace(v.Text)
}
