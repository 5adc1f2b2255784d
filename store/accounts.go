package store

import (
	"context"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// Accounts keeps the tree.
type Accounts interface {
	// Get returns the account id, or ErrNotFound.
	Get(ctx context.Context, id atlas.AccountID) (atlas.Account, error)
	// ByUsername returns the account whose UsernameKey is key, or ErrNotFound.
	ByUsername(ctx context.Context, key string) (atlas.Account, error)
	// Line returns the account id and all its ancestors, highest first, or
	// ErrNotFound. It follows parent ids, which are the truth.
	Line(ctx context.Context, id atlas.AccountID) ([]atlas.Account, error)
	// Insert adds a with Version 1, or returns ErrExists if its ID or
	// UsernameKey is taken.
	Insert(ctx context.Context, a atlas.Account) error
	// Save writes a and adds one to its Version. It returns ErrStale unless
	// a.Version is the stored one, and ErrExists if its UsernameKey is
	// another's.
	Save(ctx context.Context, a atlas.Account) error
	// Move changes the path from to the path to, and of everything below it:
	// in accounts and in every other record that carries a path, with the
	// tenant that follows from it. Audit and security events stay where they
	// happened.
	Move(ctx context.Context, from, to atlas.Path) error
	// List returns a page of the accounts in scope that match, newest first.
	List(ctx context.Context, scope atlas.Scope, f AccountFilter, p atlas.Page) ([]atlas.Account, error)
	// Count returns how many accounts List would return without a page.
	Count(ctx context.Context, scope atlas.Scope, f AccountFilter) (int64, error)
}

// AccountFilter narrows a list of accounts. Zero fields match everything.
type AccountFilter struct {
	ParentID atlas.AccountID
	Role     atlas.Role
	Status   atlas.Status
	// Query is found anywhere in the folded username or display name;
	// characters of patterns have no meaning. It is folded as usernames are.
	Query string
}

// Folders keeps the folders of devices.
type Folders interface {
	// Get returns the folder id, or ErrNotFound.
	Get(ctx context.Context, id atlas.FolderID) (atlas.Folder, error)
	// Insert adds f with Version 1, or returns ErrExists if its ID is taken
	// or its parent has a folder of that name.
	Insert(ctx context.Context, f atlas.Folder) error
	// List returns a page of the folders in scope, newest first; of one owner
	// unless owner is empty.
	List(ctx context.Context, scope atlas.Scope, owner atlas.AccountID, p atlas.Page) ([]atlas.Folder, error)
}
