package memory

import (
	"context"
	"slices"
	"strings"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
)

// The indexes of packages, and the one of scans and assignments.
const (
	packageByName = iota // within a tenant
	packageByState
	packageBySHA256
)

const ofPackage = 0

func packageTable() table[intake.Package] {
	type record = intake.Package
	return newTable(kind[record]{
		id:      func(p *record) string { return p.ID },
		version: func(p *record) *int64 { return &p.Version },
		place:   func(p *record) (*atlas.Path, *atlas.AccountID) { return &p.Path, &p.Tenant },
		indexes: []index[record]{
			packageByName:   func(p *record) []string { return only(joined(joined(p.Tenant, p.Package), p.ID)) },
			packageByState:  func(p *record) []string { return only(joined(p.State, p.ID)) },
			packageBySHA256: func(p *record) []string { return only(joined(p.SHA256, p.ID)) },
		},
	})
}

func scanTable() table[intake.Scan] {
	type record = intake.Scan
	return newTable(kind[record]{
		id:      func(s *record) string { return s.ID },
		place:   func(s *record) (*atlas.Path, *atlas.AccountID) { return &s.Path, &s.Tenant },
		indexes: []index[record]{ofPackage: func(s *record) []string { return only(joined(s.PackageID, s.ID)) }},
	})
}

func assignmentTable() table[intake.Assignment] {
	type record = intake.Assignment
	return newTable(kind[record]{
		id:      func(a *record) string { return a.ID },
		place:   func(a *record) (*atlas.Path, *atlas.AccountID) { return &a.Path, &a.Tenant },
		indexes: []index[record]{ofPackage: func(a *record) []string { return only(joined(a.PackageID, a.ID)) }},
	})
}

type packages struct{ *tx }

func (p packages) Package(ctx context.Context, id string) (intake.Package, error) {
	return get(ctx, p.tx, "packages.Package", &p.packages, id)
}

func (p packages) Insert(ctx context.Context, v intake.Package) error {
	return insert(ctx, p.tx, "packages.Insert", &p.packages, v)
}

func (p packages) Save(ctx context.Context, v intake.Package) error {
	return save(ctx, p.tx, "packages.Save", &p.packages, v)
}

func (p packages) SameName(ctx context.Context, tenant atlas.AccountID, name string) ([]intake.Package, error) {
	if err := p.read(ctx, "packages.SameName"); err != nil {
		return nil, err
	}
	return p.packages.all(p.packages.sharing(packageByName, joined(tenant, name))), nil
}

func (p packages) List(ctx context.Context, scope atlas.Scope, reach atlas.Path, page atlas.Page) ([]intake.Package, error) {
	if err := p.read(ctx, "packages.List"); err != nil {
		return nil, err
	}
	all := query[intake.Package]{scope: scope}
	if p.packages.inOrder(all) {
		return p.packages.page(all, page), nil
	}
	best := newest[intake.Package]{id: p.packages.id, page: page}
	for v := range p.packages.within(scope) {
		best.add(v)
	}
	for _, place := range reach.Line() {
		for a := range p.assignments.at(place) {
			if v, ok := p.packages.rows.Get(a.PackageID); ok && a.Of(*v) && a.Shows(reach) {
				best.add(v)
			}
		}
	}
	return p.packages.all(slices.Values(best.rows)), nil
}

func (p packages) InState(ctx context.Context, states []intake.State, limit int) ([]intake.Package, error) {
	if err := p.read(ctx, "packages.InState"); err != nil {
		return nil, err
	}
	var out []intake.Package
	for _, state := range slices.Compact(slices.Sorted(slices.Values(states))) {
		out = append(out, p.packages.first(limit, p.packages.sharing(packageByState, string(state)))...)
	}
	slices.SortFunc(out, func(a, b intake.Package) int { return strings.Compare(a.ID, b.ID) })
	return out[:min(len(out), max(limit, 0))], nil
}

func (p packages) InsertScan(ctx context.Context, s intake.Scan) error {
	return insert(ctx, p.tx, "packages.InsertScan", &p.scans, s)
}

func (p packages) Scans(ctx context.Context, packageID string) ([]intake.Scan, error) {
	if err := p.read(ctx, "packages.Scans"); err != nil {
		return nil, err
	}
	return p.scans.all(p.scans.sharing(ofPackage, packageID)), nil
}

func (p packages) Assign(ctx context.Context, a intake.Assignment) error {
	return insert(ctx, p.tx, "packages.Assign", &p.assignments, a)
}

func (p packages) Assignments(ctx context.Context, packageID string) ([]intake.Assignment, error) {
	if err := p.read(ctx, "packages.Assignments"); err != nil {
		return nil, err
	}
	return p.assignments.all(p.assignments.sharing(ofPackage, packageID)), nil
}

func (p packages) BySHA256(ctx context.Context, sha256 string) ([]intake.Package, error) {
	if err := p.read(ctx, "packages.BySHA256"); err != nil {
		return nil, err
	}
	return p.packages.all(p.packages.sharing(packageBySHA256, sha256)), nil
}
