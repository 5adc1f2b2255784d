package sqlstore

import (
	"context"
	"fmt"

	"github.com/uptrace/bun"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
)

// accountRow is an account with what it is searched by: no database folds
// text as atlas.FoldUsername does.
type accountRow struct {
	atlas.Account
	Search string
}

func rowOf(a atlas.Account) accountRow {
	return accountRow{Account: a, Search: atlas.FoldUsername(a.DisplayName)}
}

var (
	accountTable = tableOf[accountRow]("atlas_accounts")
	folderTable  = tableOf[atlas.Folder]("atlas_folders")
)

type accounts struct{ *tx }

func (s accounts) Get(ctx context.Context, id atlas.AccountID) (atlas.Account, error) {
	row, err := accountTable.get(ctx, s.tx, "id = ?", id)
	return row.Account, err
}

func (s accounts) ByUsername(ctx context.Context, key string) (atlas.Account, error) {
	row, err := accountTable.get(ctx, s.tx, "username_key = ?", key)
	return row.Account, err
}

// maxLine ends the walk up a tree that has a ring in it.
const maxLine = 100

func (s accounts) Line(ctx context.Context, id atlas.AccountID) ([]atlas.Account, error) {
	line := s.db.NewRaw(`
		SELECT id, parent_id, 0 AS up FROM atlas_accounts WHERE id = ?
		UNION ALL
		SELECT a.id, a.parent_id, line.up + 1 FROM atlas_accounts AS a JOIN line ON a.id = line.parent_id WHERE line.up < ?`, id, maxLine)
	rows, err := accountTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return q.WithRecursive("line", line).Join("JOIN line ON line.id = ?TableAlias.id").OrderExpr("line.up DESC")
	})
	if err == nil && len(rows) == 0 {
		err = fmt.Errorf("store: account: %w", atlas.ErrNotFound)
	}
	return accountsOf(rows), err
}

func accountsOf(rows []accountRow) []atlas.Account {
	var out []atlas.Account
	for _, row := range rows {
		out = append(out, row.Account)
	}
	return out
}

func (s accounts) Insert(ctx context.Context, a atlas.Account) error {
	return accountTable.insert(ctx, s.tx, rowOf(a))
}

func (s accounts) Save(ctx context.Context, a atlas.Account) error {
	return accountTable.save(ctx, s.tx, rowOf(a), "username_key")
}

func (s accounts) List(ctx context.Context, scope atlas.Scope, f store.AccountFilter, p atlas.Page) ([]atlas.Account, error) {
	rows, err := accountTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return paged(s.filter(q, scope, f), p)
	})
	return accountsOf(rows), err
}

func (s accounts) Count(ctx context.Context, scope atlas.Scope, f store.AccountFilter) (int64, error) {
	return accountTable.count(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery { return s.filter(q, scope, f) })
}

func (s accounts) filter(q *bun.SelectQuery, scope atlas.Scope, f store.AccountFilter) *bun.SelectQuery {
	q = scoped(q, scope)
	q = equal(q, "parent_id", f.ParentID)
	q = equal(q, "role", f.Role)
	q = equal(q, "status", f.Status)
	if f.Query != "" {
		q = s.matching(q, atlas.FoldUsername(f.Query), "username_key", "search")
	}
	return q
}

// matching leaves the rows in which one of the expressions has text in it.
func (x *tx) matching(q *bun.SelectQuery, text string, exprs ...string) *bun.SelectQuery {
	return q.WhereGroup(" AND ", func(q *bun.SelectQuery) *bun.SelectQuery {
		for _, e := range exprs {
			q = q.WhereOr("?(?, ?) > 0", bun.Safe(x.cfg.Find), bun.Safe(e), text)
		}
		return q
	})
}

type folders struct{ *tx }

func (s folders) Get(ctx context.Context, id atlas.FolderID) (atlas.Folder, error) {
	return folderTable.get(ctx, s.tx, "id = ?", id)
}

func (s folders) Insert(ctx context.Context, f atlas.Folder) error {
	return folderTable.insert(ctx, s.tx, f)
}

func (s folders) List(ctx context.Context, scope atlas.Scope, owner atlas.AccountID, p atlas.Page) ([]atlas.Folder, error) {
	return folderTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return paged(equal(scoped(q, scope), "owner_id", owner), p)
	})
}
