package memory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
)

// The indexes of accounts and folders.
const (
	accountByUsername = iota
	accountByParent
)

const folderByName = 0

func accountTable() table[atlas.Account] {
	type record = atlas.Account
	return newTable(kind[record]{
		id:      func(a *record) string { return string(a.ID) },
		version: func(a *record) *int64 { return &a.Version },
		place:   func(a *record) (*atlas.Path, *atlas.AccountID) { return &a.Path, &a.Tenant },
		indexes: []index[record]{
			accountByUsername: func(a *record) []string { return only(a.UsernameKey) },
			accountByParent:   func(a *record) []string { return only(joined(a.ParentID, a.ID)) },
		},
	})
}

func folderTable() table[atlas.Folder] {
	type record = atlas.Folder
	return newTable(kind[record]{
		id:      func(f *record) string { return string(f.ID) },
		version: func(f *record) *int64 { return &f.Version },
		place:   func(f *record) (*atlas.Path, *atlas.AccountID) { return &f.Path, &f.Tenant },
		indexes: []index[record]{
			folderByName: func(f *record) []string { return only(joined(joined(f.OwnerID, f.ParentID), f.Name)) },
		},
	})
}

type accounts struct{ *tx }

func (a accounts) Get(ctx context.Context, id atlas.AccountID) (atlas.Account, error) {
	return get(ctx, a.tx, "accounts.Get", &a.accounts, string(id))
}

func (a accounts) ByUsername(ctx context.Context, key string) (atlas.Account, error) {
	return lookup(ctx, a.tx, "accounts.ByUsername", &a.accounts, accountByUsername, key)
}

func (a accounts) Line(ctx context.Context, id atlas.AccountID) ([]atlas.Account, error) {
	if err := a.read(ctx, "accounts.Line"); err != nil {
		return nil, err
	}
	var line []atlas.Account
	for next := id; next != "" || len(line) == 0; {
		account, err := a.accounts.get(string(next))
		if err != nil {
			return nil, err
		}
		if len(line) == a.accounts.rows.Len() {
			return nil, fmt.Errorf("memory: ancestors of account %s form a circle (%w)", id, atlas.ErrRefused)
		}
		line = append(line, account)
		next = account.ParentID
	}
	slices.Reverse(line)
	return line, nil
}

func (a accounts) Insert(ctx context.Context, v atlas.Account) error {
	return insert(ctx, a.tx, "accounts.Insert", &a.accounts, v)
}

func (a accounts) Save(ctx context.Context, v atlas.Account) error {
	return save(ctx, a.tx, "accounts.Save", &a.accounts, v)
}

func (a accounts) Move(ctx context.Context, from, to atlas.Path) error {
	if err := a.write(ctx, "accounts.Move"); err != nil {
		return err
	}
	for _, move := range []func(from, to atlas.Path) error{
		a.accounts.move, a.folders.move, a.devices.move, a.codes.move, a.packages.move, a.scans.move,
		a.assignments.move, a.commands.move, a.campaigns.move,
	} {
		if err := move(from, to); err != nil {
			return err
		}
	}
	return nil
}

func (a accounts) List(ctx context.Context, scope atlas.Scope, f store.AccountFilter, p atlas.Page) ([]atlas.Account, error) {
	return list(ctx, a.tx, "accounts.List", &a.accounts, accountQuery(scope, f), p)
}

func (a accounts) Count(ctx context.Context, scope atlas.Scope, f store.AccountFilter) (int64, error) {
	return count(ctx, a.tx, "accounts.Count", &a.accounts, accountQuery(scope, f))
}

func accountQuery(scope atlas.Scope, f store.AccountFilter) query[atlas.Account] {
	text := atlas.FoldUsername(f.Query)
	return query[atlas.Account]{
		scope: scope, ix: accountByParent, key: string(f.ParentID),
		match: func(a *atlas.Account) bool {
			return is(f.ParentID, a.ParentID) && is(f.Role, a.Role) && is(f.Status, a.Status) && (text == "" ||
				strings.Contains(a.UsernameKey, text) || strings.Contains(atlas.FoldUsername(a.DisplayName), text))
		},
	}
}

// is reports whether a field is what a filter wants; the zero value wants
// nothing.
func is[T ~string](want, got T) bool { return want == "" || want == got }

type folders struct{ *tx }

func (f folders) Get(ctx context.Context, id atlas.FolderID) (atlas.Folder, error) {
	return get(ctx, f.tx, "folders.Get", &f.folders, string(id))
}

func (f folders) Insert(ctx context.Context, v atlas.Folder) error {
	return insert(ctx, f.tx, "folders.Insert", &f.folders, v)
}

func (f folders) List(ctx context.Context, scope atlas.Scope, owner atlas.AccountID, p atlas.Page) ([]atlas.Folder, error) {
	return list(ctx, f.tx, "folders.List", &f.folders, query[atlas.Folder]{
		scope: scope,
		match: func(v *atlas.Folder) bool { return is(owner, v.OwnerID) },
	}, p)
}
