package sqlstore

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/schema"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// movedTables have a path that follows its account. Audit and security
// events are not among them: they stay where they happened.
var movedTables = []string{
	accountTable.name, folderTable.name, deviceTable.name, codeTable.name, packageTable.name,
	scanTable.name, assignmentTable.name, commandTable.name, campaignTable.name,
}

func (s accounts) Move(ctx context.Context, from, to atlas.Path) error {
	if s.readOnly {
		return atlas.ErrReadOnly
	}
	if from == "" || to == "" {
		return fmt.Errorf("store: move %q to %q: %w", from, to, atlas.ErrInvalid)
	}
	where, args := underOrAt(from)
	moved := bun.SafeQuery("? || substr(path, ?)", to, utf8.RuneCountInString(string(from))+1)
	for _, name := range movedTables {
		q := s.db.NewUpdate().Conn(s.conn).Table(name).Set("path = ?", moved).Set("tenant = ?", s.tenant(from, to)).Where(where, args...)
		if _, err := changed(q.Exec(ctx)); err != nil {
			return err
		}
	}
	return nil
}

// tenant returns the SQL of the tenant that a path has after the move: to's,
// unless to is an Admin's and each account below it is one.
func (s accounts) tenant(from, to atlas.Path) schema.QueryWithArgs {
	if to.Depth() > 1 {
		return bun.SafeQuery("?", to.Tenant())
	}
	rest := bun.SafeQuery("substr(path, ?) || '/'", utf8.RuneCountInString(string(from))+2)
	return bun.SafeQuery("CASE WHEN path = ?0 THEN ?1 ELSE substr(?2, 1, ?3(?2, '/') - 1) END",
		from, to.Tenant(), rest, bun.Safe(s.cfg.Find))
}
