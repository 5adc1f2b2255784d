package ledger_test

import (
	"context"
	"maps"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/ledger"
)

var at = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// book is a ledger.Book of three maps: one transaction of a store.
type book struct {
	balances map[atlas.AccountID]ledger.Balance
	entries  map[string]ledger.Entry
	holds    map[string]ledger.Hold
}

func newBook() *book {
	return &book{map[atlas.AccountID]ledger.Balance{}, map[string]ledger.Entry{}, map[string]ledger.Hold{}}
}

// snapshot returns a copy to compare with or go back to.
func (b *book) snapshot() *book {
	return &book{maps.Clone(b.balances), maps.Clone(b.entries), maps.Clone(b.holds)}
}

func (b *book) Balance(_ context.Context, id atlas.AccountID) (ledger.Balance, error) {
	if v, ok := b.balances[id]; ok {
		return v, nil
	}
	return ledger.Balance{ID: id}, nil
}

func (b *book) SaveBalance(_ context.Context, v ledger.Balance) error {
	if b.balances[v.ID].Version != v.Version {
		return atlas.ErrStale
	}
	v.Version++
	b.balances[v.ID] = v
	return nil
}

func (b *book) Entry(_ context.Context, id string) (ledger.Entry, error) {
	v, ok := b.entries[id]
	if !ok {
		return ledger.Entry{}, atlas.ErrNotFound
	}
	return v, nil
}

func (b *book) Append(_ context.Context, e ledger.Entry) error {
	if _, ok := b.entries[e.ID]; ok {
		return atlas.ErrExists
	}
	b.entries[e.ID] = e
	return nil
}

func (b *book) Refunded(_ context.Context, id string) (sum ledger.Credits, _ error) {
	for _, e := range b.entries {
		if e.Kind == ledger.KindRefund && e.RefID == id {
			sum += e.Amount
		}
	}
	return sum, nil
}

func (b *book) Hold(_ context.Context, id string) (ledger.Hold, error) {
	v, ok := b.holds[id]
	if !ok {
		return ledger.Hold{}, atlas.ErrNotFound
	}
	return v, nil
}

func (b *book) InsertHold(_ context.Context, h ledger.Hold) error {
	if _, ok := b.holds[h.ID]; ok {
		return atlas.ErrExists
	}
	h.Version = 1
	b.holds[h.ID] = h
	return nil
}

func (b *book) SaveHold(_ context.Context, h ledger.Hold) error {
	if b.holds[h.ID].Version != h.Version {
		return atlas.ErrStale
	}
	h.Version++
	b.holds[h.ID] = h
	return nil
}
