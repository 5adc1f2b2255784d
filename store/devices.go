package store

import (
	"context"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
)

// Devices keeps devices and what they reported.
type Devices interface {
	// Get returns the device id, or ErrNotFound.
	Get(ctx context.Context, id atlas.DeviceID) (atlas.Device, error)
	// ByKey returns the device with that KeyID, or ErrNotFound.
	ByKey(ctx context.Context, keyID string) (atlas.Device, error)
	// Insert adds d with Version 1, or returns ErrExists if its ID, KeyID or
	// SupportID is taken.
	Insert(ctx context.Context, d atlas.Device) error
	// Save writes d and adds one to its Version. It returns ErrStale unless
	// d.Version is the stored one, and ErrExists if its KeyID or SupportID is
	// another's.
	Save(ctx context.Context, d atlas.Device) error
	// Touch moves LastSeen of each device forward to the given time, never
	// back, and leaves its Version alone. Unknown ids are passed over.
	Touch(ctx context.Context, seen map[atlas.DeviceID]time.Time) error
	// Reserve sets CounterCeiling to ceiling if it is still from, without
	// changing Version; otherwise it returns ErrStale.
	Reserve(ctx context.Context, id atlas.DeviceID, from, ceiling int64) error
	// List returns a page of the devices in scope that match, newest first.
	List(ctx context.Context, scope atlas.Scope, f DeviceFilter, p atlas.Page) ([]atlas.Device, error)
	// Count returns how many devices List would return without a page.
	Count(ctx context.Context, scope atlas.Scope, f DeviceFilter) (int64, error)
	// Inventory returns the last report of installed applications, or
	// ErrNotFound.
	Inventory(ctx context.Context, id atlas.DeviceID) (atlas.Inventory, error)
	// SetInventory replaces the report of its device whole.
	SetInventory(ctx context.Context, v atlas.Inventory) error
}

// DeviceFilter narrows a list of devices. Zero fields match everything.
type DeviceFilter struct {
	OwnerID   atlas.AccountID
	FolderID  atlas.FolderID
	SupportID string
	CodeID    string
	// SeenSince and SeenBefore bound LastSeen: at or after the one, before the
	// other. They are how online and offline are asked for.
	SeenSince, SeenBefore time.Time
	// Query is found anywhere in name or support id, ignoring ASCII case;
	// characters of patterns have no meaning.
	Query string
}
