package sqlstore

import (
	"context"

	"github.com/uptrace/bun"

	"github.com/atlas-mdm/atlas-go/apk/intake"
	"github.com/atlas-mdm/atlas-go/atlas"
)

var (
	packageTable    = tableOf[intake.Package]("atlas_packages")
	scanTable       = tableOf[intake.Scan]("atlas_scans")
	assignmentTable = tableOf[intake.Assignment]("atlas_assignments")
)

type packages struct{ *tx }

func (s packages) Package(ctx context.Context, id string) (intake.Package, error) {
	return packageTable.get(ctx, s.tx, "id = ?", id)
}

func (s packages) Insert(ctx context.Context, p intake.Package) error {
	return packageTable.insert(ctx, s.tx, p)
}

func (s packages) Save(ctx context.Context, p intake.Package) error {
	return packageTable.save(ctx, s.tx, p)
}

func (s packages) SameName(ctx context.Context, tenant atlas.AccountID, name string) ([]intake.Package, error) {
	return packageTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("tenant = ? AND ?TableAlias.package = ?", tenant, name).Order("id")
	})
}

// shown is intake.Assignment.Of and Shows as a condition.
const shown = `id IN (SELECT a.package_id FROM atlas_assignments AS a JOIN atlas_packages AS own ON own.id = a.package_id
	WHERE a.path IN (?) AND (a.path = ? OR a.folder_id = '' AND a.device_id = '')
	AND own.path <> '' AND (a.path = own.path OR substr(a.path, 1, length(own.path) + 1) = own.path || '/'))`

func (s packages) List(ctx context.Context, scope atlas.Scope, reach atlas.Path, p atlas.Page) ([]intake.Package, error) {
	where, args := within(scope)
	return packageTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where(where, args...).
				WhereOr(shown, bun.List(reach.Line()), reach)
		})
		return paged(q, p)
	})
}

func (s packages) InState(ctx context.Context, states []intake.State, limit int) ([]intake.Package, error) {
	return packageTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return few(q.Where("state IN (?)", bun.List(states)), limit, "id")
	})
}

func (s packages) InsertScan(ctx context.Context, v intake.Scan) error {
	return scanTable.insert(ctx, s.tx, v)
}

func (s packages) Scans(ctx context.Context, packageID string) ([]intake.Scan, error) {
	return scanTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("package_id = ?", packageID).Order("id")
	})
}

func (s packages) Assign(ctx context.Context, a intake.Assignment) error {
	return assignmentTable.insert(ctx, s.tx, a)
}

func (s packages) Assignments(ctx context.Context, packageID string) ([]intake.Assignment, error) {
	return assignmentTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("package_id = ?", packageID).Order("id")
	})
}

func (s packages) BySHA256(ctx context.Context, sha256 string) ([]intake.Package, error) {
	return packageTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.Where("sha256 = ?", sha256).Order("id")
	})
}
