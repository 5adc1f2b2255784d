package arrows_test

import (
	"go/ast"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
}

// undocumented returns a line for each exported name without a comment:
// functions, methods of exported types, types, constants, variables, and the
// methods that exported interfaces list, but for accessors. A comment before a group counts for
// the group, which in an interface ends at an empty line.
func undocumented(s source) (missing []string) {
	described := false
	for _, f := range s.files {
		described = described || f.Doc != nil
	}
	if !described {
		missing = append(missing, "no package comment")
	}
	for _, f := range s.files {
		for _, d := range f.Decls {
			for _, id := range s.bare(d) {
				missing = append(missing, s.line(id)+": "+id.Name)
			}
		}
	}
	return missing
}

// bare returns the exported names in d that have no comment.
func (s source) bare(d ast.Decl) (names []*ast.Ident) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Doc == nil && d.Name.IsExported() && exportedReceiver(d) {
			names = append(names, d.Name)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			names = append(names, s.bareSpec(spec, d.Doc != nil)...)
		}
	}
	return names
}

// bareSpec is bare for one line of a declaration, which has a comment or not.
func (s source) bareSpec(spec ast.Spec, documented bool) (names []*ast.Ident) {
	switch spec := spec.(type) {
	case *ast.ValueSpec:
		for _, id := range spec.Names {
			if !documented && spec.Doc == nil && spec.Comment == nil && id.IsExported() {
				names = append(names, id)
			}
		}
	case *ast.TypeSpec:
		if !spec.Name.IsExported() {
			return nil
		}
		if !documented && spec.Doc == nil && spec.Comment == nil {
			names = append(names, spec.Name)
		}
		if it, ok := spec.Type.(*ast.InterfaceType); ok {
			names = append(names, s.bareMethods(it)...)
		}
	}
	return names
}

func (s source) bareMethods(it *ast.InterfaceType) (names []*ast.Ident) {
	if it.Methods.NumFields() == 1 {
		return nil // the comment on the type is about its one method
	}
	end, documented := -1, false // of the group so far
	for _, m := range it.Methods.List {
		start := m.Pos()
		if m.Doc != nil {
			start = m.Doc.Pos()
		}
		if s.fset.Position(start).Line > end+1 {
			documented = false
		}
		documented = documented || m.Doc != nil
		end = s.fset.Position(m.End()).Line
		for _, id := range m.Names {
			if !documented && m.Comment == nil && id.IsExported() && !accessor(id, m.Type) {
				names = append(names, id)
			}
		}
	}
	return names
}

// accessor says whether a method is called like the type it returns, as in
// Devices() Devices: the type's comment tells all there is to tell.
func accessor(name *ast.Ident, typ ast.Expr) bool {
	f, ok := typ.(*ast.FuncType)
	if !ok || f.Params.NumFields() != 0 || f.Results.NumFields() != 1 {
		return false
	}
	result, ok := f.Results.List[0].Type.(*ast.Ident)
	return ok && result.Name == name.Name
}

// exportedReceiver says whether d is a function, or a method that people
// outside can see.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	typ := d.Recv.List[0].Type
	for {
		switch t := typ.(type) {
		case *ast.StarExpr:
			typ = t.X
		case *ast.IndexExpr:
			typ = t.X
		case *ast.IndexListExpr:
			typ = t.X
		case *ast.Ident:
			return t.IsExported()
		default:
			return false
		}
	}
}
