package memory

import (
	"context"
	"errors"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/ledger"
)

// The indexes of entries and holds.
const (
	entryByAccount = iota
	entryByRefunded
)

const holdByExpiry = 0 // of those with something left

func balanceTable() table[ledger.Balance] {
	return newTable(kind[ledger.Balance]{
		id:      func(b *ledger.Balance) string { return string(b.ID) },
		version: func(b *ledger.Balance) *int64 { return &b.Version },
	})
}

func entryTable() table[ledger.Entry] {
	return newTable(kind[ledger.Entry]{
		id: func(e *ledger.Entry) string { return e.ID },
		indexes: []index[ledger.Entry]{
			entryByAccount: func(e *ledger.Entry) []string {
				if e.FromID == e.ToID {
					return only(statementKey(e, e.ToID))
				}
				return []string{statementKey(e, e.FromID), statementKey(e, e.ToID)}
			},
			entryByRefunded: func(e *ledger.Entry) []string {
				if e.Kind != ledger.KindRefund {
					return nil
				}
				return only(joined(e.RefID, e.ID))
			},
		},
	})
}

// statementKey is where an entry is in the statement of one of its accounts.
func statementKey(e *ledger.Entry, account atlas.AccountID) string {
	return joined(account, ordered(e.LineFor(account).Seq)+e.ID)
}

func holdTable() table[ledger.Hold] {
	return newTable(kind[ledger.Hold]{
		id:      func(h *ledger.Hold) string { return h.ID },
		version: func(h *ledger.Hold) *int64 { return &h.Version },
		indexes: []index[ledger.Hold]{
			holdByExpiry: func(h *ledger.Hold) []string {
				if h.Left() <= 0 || h.ExpiresAt.IsZero() {
					return nil
				}
				return only(moment(h.ExpiresAt) + h.ID)
			},
		},
	})
}

type book struct{ *tx }

func (b book) Balance(ctx context.Context, account atlas.AccountID) (ledger.Balance, error) {
	if err := b.read(ctx, "ledger.Balance"); err != nil {
		return ledger.Balance{}, err
	}
	v, err := b.balances.get(string(account))
	if errors.Is(err, atlas.ErrNotFound) {
		return ledger.Balance{ID: account}, nil
	}
	return v, err
}

func (b book) SaveBalance(ctx context.Context, v ledger.Balance) error {
	return upsert(ctx, b.tx, "ledger.SaveBalance", &b.balances, v)
}

func (b book) Entry(ctx context.Context, id string) (ledger.Entry, error) {
	return get(ctx, b.tx, "ledger.Entry", &b.entries, id)
}

func (b book) Append(ctx context.Context, e ledger.Entry) error {
	return insert(ctx, b.tx, "ledger.Append", &b.entries, e)
}

func (b book) Refunded(ctx context.Context, id string) (sum ledger.Credits, err error) {
	if err := b.read(ctx, "ledger.Refunded"); err != nil {
		return 0, err
	}
	for e := range b.entries.sharing(entryByRefunded, id) {
		sum += e.Amount
	}
	return sum, nil
}

func (b book) Hold(ctx context.Context, id string) (ledger.Hold, error) {
	return get(ctx, b.tx, "ledger.Hold", &b.holds, id)
}

func (b book) InsertHold(ctx context.Context, h ledger.Hold) error {
	return insert(ctx, b.tx, "ledger.InsertHold", &b.holds, h)
}

func (b book) SaveHold(ctx context.Context, h ledger.Hold) error {
	return save(ctx, b.tx, "ledger.SaveHold", &b.holds, h)
}

func (b book) Entries(ctx context.Context, account atlas.AccountID, p atlas.Page) ([]ledger.Entry, error) {
	if err := b.read(ctx, "ledger.Entries"); err != nil {
		return nil, err
	}
	statement := b.entries.indexed[entryByAccount]
	from, to := under(account)
	if p.After != "" {
		last, err := b.entries.get(p.After)
		if err != nil || last.FromID != account && last.ToID != account {
			return nil, nil // nothing comes after what is not in the statement
		}
		to = statementKey(&last, account)
	}
	return b.entries.first(p.Size(), values(statement.Descend(from, to))), nil
}

func (b book) Balances(ctx context.Context) ([]ledger.Balance, error) {
	if err := b.read(ctx, "ledger.Balances"); err != nil {
		return nil, err
	}
	return b.balances.all(values(b.balances.rows.Ascend("", ""))), nil
}

func (b book) AllEntries(ctx context.Context, after string, limit int) ([]ledger.Entry, error) {
	if err := b.read(ctx, "ledger.AllEntries"); err != nil {
		return nil, err
	}
	return b.entries.first(limit, values(b.entries.rows.Ascend(after+"\x00", ""))), nil
}

func (b book) ExpiredHolds(ctx context.Context, now time.Time, limit int) ([]ledger.Hold, error) {
	if err := b.read(ctx, "ledger.ExpiredHolds"); err != nil {
		return nil, err
	}
	return b.holds.first(limit, b.holds.between(holdByExpiry, "", moment(now.Add(time.Microsecond)))), nil
}
