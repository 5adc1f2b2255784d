package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/store"
)

// hashRow is one hash of the audit log's tree.
type hashRow struct {
	Index int64
	Hash  []byte
}

var (
	securityTable   = tableOf[security.Event]("atlas_security_events")
	auditTable      = tableOf[audit.Event]("atlas_audit_events")
	hashTable       = tableOf[hashRow]("atlas_audit_hashes")
	checkpointTable = tableOf[audit.Checkpoint]("atlas_audit_checkpoints")
	requestTable    = tableOf[store.Request]("atlas_requests")
)

type securityLog struct{ *tx }

func (s securityLog) Insert(ctx context.Context, e security.Event) error {
	return securityTable.insert(ctx, s.tx, e)
}

func (s securityLog) List(ctx context.Context, scope atlas.Scope, p atlas.Page) ([]security.Event, error) {
	return securityTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery { return paged(scoped(q, scope), p) })
}

type auditLog struct{ *tx }

func (s auditLog) Insert(ctx context.Context, e audit.Event) error {
	return auditTable.insert(ctx, s.tx, e)
}

func (s auditLog) Get(ctx context.Context, id string) (audit.Event, error) {
	return auditTable.get(ctx, s.tx, "id = ?", id)
}

func (s auditLog) List(ctx context.Context, scope atlas.Scope, p atlas.Page) ([]audit.Event, error) {
	return auditTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery { return paged(scoped(q, scope), p) })
}

func (s auditLog) Unsealed(ctx context.Context, limit int) ([]audit.Event, error) {
	return auditTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return few(q.Where(`"index" < 0`), limit, "id")
	})
}

func (s auditLog) Place(ctx context.Context, first int64, ids []string) error {
	if s.readOnly {
		return atlas.ErrReadOnly
	}
	if len(ids) == 0 {
		return nil
	}
	var taken int64
	err := s.db.NewRaw(`SELECT count(*) FROM atlas_audit_events WHERE "index" >= 0 AND "index" >= ? AND "index" < ?`, first, first+int64(len(ids))).
		Conn(s.conn).Scan(ctx, &taken)
	if err != nil {
		return fmt.Errorf("store: read atlas_audit_events: %w", err)
	}
	if taken > 0 {
		return fmt.Errorf("store: places from %d on: %w", first, atlas.ErrStale)
	}
	return s.allOrNothing(ctx, true, func() error {
		for part := range slices.Chunk(ids, rowsAtOnce) {
			if err := s.placePart(ctx, first, part); err != nil {
				return err
			}
			first += int64(len(part))
		}
		return nil
	})
}

func (s auditLog) placePart(ctx context.Context, first int64, ids []string) error {
	var pairs pairs
	for i, id := range ids {
		pairs.add("(?, ?)", id, first+int64(i))
	}
	n, err := s.write(ctx, `
		UPDATE atlas_audit_events AS e SET "index" = v.column2
		FROM (VALUES `+pairs.sql()+`) AS v
		WHERE e.id = v.column1 AND e."index" < 0`, pairs.args...)
	if err == nil && n != int64(len(ids)) {
		err = fmt.Errorf("store: places from %d on: %w", first, atlas.ErrStale)
	}
	return err
}

func (s auditLog) Hashes(ctx context.Context, indexes []int64) ([][]byte, error) {
	found := make(map[int64][]byte, len(indexes))
	for part := range slices.Chunk(indexes, rowsAtOnce) {
		rows, err := hashTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
			return q.Where(`"index" IN (?)`, bun.List(part))
		})
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			found[row.Index] = row.Hash
		}
	}
	out := make([][]byte, len(indexes))
	for i, index := range indexes {
		hash, ok := found[index]
		if !ok {
			return nil, fmt.Errorf("store: audit hash %d: %w", index, atlas.ErrNotFound)
		}
		out[i] = slices.Clone(hash)
	}
	return out, nil
}

func (s auditLog) AppendHashes(ctx context.Context, first int64, hashes [][]byte) error {
	rows := make([]hashRow, len(hashes))
	for i, h := range hashes {
		rows[i] = hashRow{Index: first + int64(i), Hash: h}
	}
	return hashTable.insert(ctx, s.tx, rows...)
}

func (s auditLog) Checkpoint(ctx context.Context) (audit.Checkpoint, error) {
	newest, err := checkpointTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery { return few(q, 1, "size DESC") })
	if err != nil || len(newest) == 0 {
		return audit.Checkpoint{}, err
	}
	return newest[0], nil
}

func (s auditLog) SaveCheckpoint(ctx context.Context, c audit.Checkpoint) error {
	return checkpointTable.insert(ctx, s.tx, c)
}

func (s auditLog) Sealed(ctx context.Context, first int64, limit int) ([]audit.Event, error) {
	return auditTable.list(ctx, s.tx, func(q *bun.SelectQuery) *bun.SelectQuery {
		return few(q.Where(`"index" >= 0 AND "index" >= ?`, first), limit, "index")
	})
}

type requests struct{ *tx }

func (s requests) Get(ctx context.Context, id string) (store.Request, error) {
	return requestTable.get(ctx, s.tx, "id = ?", id)
}

func (s requests) Insert(ctx context.Context, r store.Request) error {
	return requestTable.insert(ctx, s.tx, r)
}

func (s requests) DeleteBefore(ctx context.Context, t time.Time, limit int) (int64, error) {
	return s.forget(ctx, requestTable.name, "at", t, limit)
}
