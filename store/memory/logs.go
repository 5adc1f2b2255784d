package memory

import (
	"context"
	"errors"
	"time"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/audit"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/store"
)

// The indexes of audit events and requests.
const (
	eventUnsealed = iota
	eventByIndex  // of those that have a place
)

const requestByTime = 0

func incidentTable() table[security.Event] {
	return newTable(kind[security.Event]{
		id:    func(e *security.Event) string { return e.ID },
		place: func(e *security.Event) (*atlas.Path, *atlas.AccountID) { return &e.Path, &e.Tenant },
	})
}

func eventTable() table[audit.Event] {
	type record = audit.Event
	return newTable(kind[record]{
		id:    func(e *record) string { return e.ID },
		place: func(e *record) (*atlas.Path, *atlas.AccountID) { return &e.Path, &e.Tenant },
		indexes: []index[record]{
			eventUnsealed: func(e *record) []string { return onlyIf(e.Index == audit.Unsealed, e.ID) },
			eventByIndex:  func(e *record) []string { return onlyIf(e.Index != audit.Unsealed, ordered(e.Index)) },
		},
	})
}

// hash is one stored hash of the log. Its fields are exported for copier.
type hash struct {
	Index int64
	Sum   []byte
}

func hashTable() table[hash] {
	return newTable(kind[hash]{id: func(h *hash) string { return ordered(h.Index) }})
}

func checkpointTable() table[audit.Checkpoint] {
	return newTable(kind[audit.Checkpoint]{id: func(c *audit.Checkpoint) string { return ordered(c.Size) }})
}

func requestTable() table[store.Request] {
	return newTable(kind[store.Request]{
		id:      func(r *store.Request) string { return r.ID },
		indexes: []index[store.Request]{requestByTime: func(r *store.Request) []string { return only(moment(r.At) + r.ID) }},
	})
}

type incidents struct{ *tx }

func (i incidents) Insert(ctx context.Context, e security.Event) error {
	return insert(ctx, i.tx, "security.Insert", &i.incidents, e)
}

func (i incidents) List(ctx context.Context, scope atlas.Scope, p atlas.Page) ([]security.Event, error) {
	return list(ctx, i.tx, "security.List", &i.incidents, query[security.Event]{scope: scope}, p)
}

type auditLog struct{ *tx }

func (l auditLog) Insert(ctx context.Context, e audit.Event) error {
	return insert(ctx, l.tx, "audit.Insert", &l.events, e)
}

func (l auditLog) List(ctx context.Context, scope atlas.Scope, p atlas.Page) ([]audit.Event, error) {
	return list(ctx, l.tx, "audit.List", &l.events, query[audit.Event]{scope: scope}, p)
}

func (l auditLog) Get(ctx context.Context, id string) (audit.Event, error) {
	return get(ctx, l.tx, "audit.Get", &l.events, id)
}

func (l auditLog) Unsealed(ctx context.Context, limit int) ([]audit.Event, error) {
	if err := l.read(ctx, "audit.Unsealed"); err != nil {
		return nil, err
	}
	return l.events.first(limit, l.events.between(eventUnsealed, "", "")), nil
}

func (l auditLog) Place(ctx context.Context, first int64, ids []string) error {
	if err := l.write(ctx, "audit.Place"); err != nil {
		return err
	}
	next := l.events
	for i, id := range ids {
		err := next.change(id, func(e *audit.Event) error {
			if e.Index != audit.Unsealed {
				return atlas.ErrStale
			}
			e.Index = first + int64(i)
			return nil
		})
		if errors.Is(err, atlas.ErrExists) || errors.Is(err, atlas.ErrNotFound) {
			return atlas.ErrStale
		}
		if err != nil {
			return err
		}
	}
	l.events = next
	return nil
}

func (l auditLog) Hashes(ctx context.Context, indexes []int64) ([][]byte, error) {
	if err := l.read(ctx, "audit.Hashes"); err != nil {
		return nil, err
	}
	var out [][]byte
	for _, i := range indexes {
		h, err := l.hashes.get(ordered(i))
		if err != nil {
			return nil, err
		}
		out = append(out, h.Sum)
	}
	return out, nil
}

func (l auditLog) AppendHashes(ctx context.Context, first int64, hashes [][]byte) error {
	var rows []hash
	for i, sum := range hashes {
		rows = append(rows, hash{Index: first + int64(i), Sum: sum})
	}
	return insert(ctx, l.tx, "audit.AppendHashes", &l.hashes, rows...)
}

func (l auditLog) Checkpoint(ctx context.Context) (audit.Checkpoint, error) {
	if err := l.read(ctx, "audit.Checkpoint"); err != nil {
		return audit.Checkpoint{}, err
	}
	for _, c := range l.checkpoints.rows.Descend("", "") {
		return *c, nil
	}
	return audit.Checkpoint{}, nil
}

func (l auditLog) SaveCheckpoint(ctx context.Context, c audit.Checkpoint) error {
	return insert(ctx, l.tx, "audit.SaveCheckpoint", &l.checkpoints, c)
}

func (l auditLog) Sealed(ctx context.Context, first int64, limit int) ([]audit.Event, error) {
	if err := l.read(ctx, "audit.Sealed"); err != nil {
		return nil, err
	}
	return l.events.first(limit, l.events.between(eventByIndex, ordered(first), "")), nil
}

type requests struct{ *tx }

func (r requests) Get(ctx context.Context, id string) (store.Request, error) {
	return get(ctx, r.tx, "requests.Get", &r.requests, id)
}

func (r requests) Insert(ctx context.Context, v store.Request) error {
	return insert(ctx, r.tx, "requests.Insert", &r.requests, v)
}

func (r requests) DeleteBefore(ctx context.Context, t time.Time, limit int) (int64, error) {
	if err := r.write(ctx, "requests.DeleteBefore"); err != nil {
		return 0, err
	}
	return r.requests.remove(r.requests.ids(limit, r.requests.between(requestByTime, "", moment(t)))...), nil
}
