package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/uptrace/bun"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/ledger"
)

var (
	balanceTable = tableOf[ledger.Balance]("atlas_balances")
	entryTable   = tableOf[ledger.Entry]("atlas_entries")
	holdTable    = tableOf[ledger.Hold]("atlas_holds")
)

type book struct{ *tx }

func (s book) Balance(ctx context.Context, account atlas.AccountID) (ledger.Balance, error) {
	b, err := balanceTable.get(ctx, s.tx, "id = ?", account)
	if errors.Is(err, atlas.ErrNotFound) {
		return ledger.Balance{ID: account}, nil
	}
	return b, err
}

func (s book) SaveBalance(ctx context.Context, b ledger.Balance) error {
	return balanceTable.put(ctx, s.tx, b)
}

func (s book) Entry(ctx context.Context, id string) (ledger.Entry, error) {
	return entryTable.get(ctx, s.tx, "id = ?", id)
}

// Append adds e. That one of its places in the accounts is taken, and not
// its ID, means that somebody else was faster.
func (s book) Append(ctx context.Context, e ledger.Entry) error {
	taken := entryTable.insert(ctx, s.tx, e)
	if !errors.Is(taken, atlas.ErrExists) {
		return taken
	}
	switch _, err := s.Entry(ctx, e.ID); {
	case errors.Is(err, atlas.ErrNotFound):
		return fmt.Errorf("store: place of entry %s: %w", e.ID, atlas.ErrStale)
	case err != nil:
		return err
	}
	return taken
}

func (s book) Refunded(ctx context.Context, id string) (ledger.Credits, error) {
	var sum ledger.Credits
	err := s.db.NewRaw("SELECT CAST(COALESCE(SUM(amount), 0) AS bigint) FROM atlas_entries WHERE ref_id = ? AND kind = 'refund'", id).
		Conn(s.conn).Scan(ctx, &sum)
	if err != nil {
		return 0, fmt.Errorf("store: sum of refunds: %w", err)
	}
	return sum, nil
}

func (s book) Hold(ctx context.Context, id string) (ledger.Hold, error) {
	return holdTable.get(ctx, s.tx, "id = ?", id)
}

func (s book) InsertHold(ctx context.Context, h ledger.Hold) error {
	return holdTable.insert(ctx, s.tx, h)
}

func (s book) SaveHold(ctx context.Context, h ledger.Hold) error {
	return holdTable.save(ctx, s.tx, h)
}

// entryLine is an entry with its number on the account asked for.
type entryLine struct {
	ledger.Entry
	Seq int64
}

// Entries joins two ranges of two indexes: what the account paid and what it
// got.
func (s book) Entries(ctx context.Context, account atlas.AccountID, p atlas.Page) ([]ledger.Entry, error) {
	before, err := s.seqOf(ctx, account, p.After)
	if err != nil {
		return nil, err
	}
	var lines []entryLine
	err = s.db.NewRaw(`
		SELECT * FROM (SELECT *, from_seq AS seq FROM atlas_entries WHERE from_id = ?0 AND from_seq < ?1 ORDER BY from_seq DESC LIMIT ?2) AS paid
		UNION ALL
		SELECT * FROM (SELECT *, to_seq AS seq FROM atlas_entries WHERE to_id = ?0 AND to_seq < ?1 ORDER BY to_seq DESC LIMIT ?2) AS got
		ORDER BY seq DESC LIMIT ?2`, account, before, p.Size()).Conn(s.conn).Scan(ctx, &lines)
	if err != nil {
		return nil, fmt.Errorf("store: read atlas_entries: %w", err)
	}
	var out []ledger.Entry
	for _, l := range lines {
		entryTable.normalize(&l.Entry)
		out = append(out, l.Entry)
	}
	return out, nil
}

// seqOf returns the number before which a page after the entry id begins. An
// entry that is not the account's has nothing after it.
func (s book) seqOf(ctx context.Context, account atlas.AccountID, id string) (int64, error) {
	if id == "" {
		return math.MaxInt64, nil
	}
	e, err := s.Entry(ctx, id)
	switch {
	case errors.Is(err, atlas.ErrNotFound):
		return 0, nil
	case err != nil:
		return 0, err
	case e.FromID != account && e.ToID != account:
		return 0, nil
	}
	return e.LineFor(account).Seq, nil
}

func (s book) Balances(ctx context.Context) ([]ledger.Balance, error) {
	return balanceTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery { return q.Order("id") })
}

func (s book) AllEntries(ctx context.Context, after string, limit int) ([]ledger.Entry, error) {
	return entryTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return few(q.Where("id > ?", after), limit, "id")
	})
}

// holdOpen is the condition of the index atlas_holds_expiring, word for word.
const holdOpen = "amount - captured - released > 0"

func (s book) ExpiredHolds(ctx context.Context, now time.Time, limit int) ([]ledger.Hold, error) {
	return holdTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
		q = q.Where(holdOpen).Where("expires_at > ? AND expires_at <= ?", time.Time{}, now)
		return few(q, limit, "expires_at", "id")
	})
}
