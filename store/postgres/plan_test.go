package postgres_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/postgres"
	"github.com/atlas-mdm/atlas-go/store/postgres/postgrestest"
)

// listener keeps the statements that a connection sends.
type listener struct{ sent []string }

func (l *listener) TraceQueryStart(ctx context.Context, _ *pgx.Conn, d pgx.TraceQueryStartData) context.Context {
	l.sent = append(l.sent, d.SQL)
	return ctx
}

func (l *listener) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// fill makes a fleet of devices in a tree of Admin, resellers and clients, and
// some open and many finished commands.
var fill = []string{
	`INSERT INTO atlas_devices SELECT r.* FROM (
		SELECT 'd' || lpad(i::text, 8, '0') AS id, 'c' || i % 400 AS owner_id,
			'root/r' || i % 20 || '/c' || i % 400 AS path, 'r' || i % 20 AS tenant, 'f' || i % 800 AS folder_id,
			'phone' AS name, 's' || i AS support_id, 'k' || i AS key_id, '' AS manufacturer, '' AS model, '' AS os_version, 33 AS sdk,
			'[]'::jsonb AS ab_is, '' AS agent_version, '[]'::jsonb AS capabilities, true AS agent_enabled, '' AS agent_changed_by,
			'' AS agent_reason, now() AS agent_changed_at, 'code' || i AS code_id, '' AS plan_id, now() AS activated_at, now() AS activated_until,
			now() AS verified_at, now() AS last_seen, 0 AS counter_ceiling, now() AS enrolled_at, 1 AS version
		FROM generate_series(1, 20000) AS i) AS d, jsonb_populate_record(null::atlas_devices, to_jsonb(d)) AS r`,
	`INSERT INTO atlas_commands SELECT r.* FROM (
		SELECT 'q' || lpad(i::text, 8, '0') AS id, '' AS campaign_id, 'd' || lpad((i % 4000)::text, 8, '0') AS device_id,
			'root/r' || i % 20 || '/c' || i % 400 AS path, 'r' || i % 20 AS tenant, 'device.reboot' AS kind, '' AS ref_id, 0 AS priority,
			now() AS not_before, now() + i * interval '1 second' AS expires_at, '' AS dedup_key,
			CASE WHEN i > 16000 THEN 'queued' ELSE 'succeeded' END AS state, 0 AS attempt, 1 AS attempts, now() AS lease_until, '' AS by_id,
			now() AS created_at, now() AS sent_at, now() AS finished_at, '' AS detail, 1 AS version
		FROM generate_series(1, 20000) AS i) AS c, jsonb_populate_record(null::atlas_commands, to_jsonb(c)) AS r`,
	`ANALYZE`,
}

func TestQueriesOfALargeFleetUseAnIndex(t *testing.T) {
	t.Parallel()
	config, err := pgx.ParseConfig(postgrestest.DSN(t))
	require.NoError(t, err)
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	heard := &listener{}
	config.Tracer = heard
	db := stdlib.OpenDB(*config)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	db.SetMaxOpenConns(1) // the listener is for one
	require.NoError(t, postgres.Migrate(t.Context(), db))
	for _, q := range fill {
		_, err := db.ExecContext(t.Context(), q)
		require.NoError(t, err)
	}
	st := postgres.New(db, postgres.Options{})
	now := time.Now()
	client, reseller := atlas.SubtreeOf("root/r7/c7"), atlas.SubtreeOf("root/r7")
	for name, read := range map[string]func(ctx context.Context, tx store.Tx) (int, error){
		"devices of a client": func(ctx context.Context, tx store.Tx) (int, error) {
			return size(tx.Devices().List(ctx, client, store.DeviceFilter{}, atlas.Page{}))
		},
		"devices of a reseller": func(ctx context.Context, tx store.Tx) (int, error) {
			return size(tx.Devices().List(ctx, reseller, store.DeviceFilter{}, atlas.Page{}))
		},
		"count of a client's devices": func(ctx context.Context, tx store.Tx) (int, error) {
			n, err := tx.Devices().Count(ctx, client, store.DeviceFilter{})
			return int(n), err
		},
		"device by support id": func(ctx context.Context, tx store.Tx) (int, error) {
			return size(tx.Devices().List(ctx, reseller, store.DeviceFilter{SupportID: "s7"}, atlas.Page{}))
		},
		"device by key": func(ctx context.Context, tx store.Tx) (int, error) {
			_, err := tx.Devices().ByKey(ctx, "k7")
			return 1, err
		},
		"open commands of a device": func(ctx context.Context, tx store.Tx) (int, error) {
			return size(tx.Commands().Open(ctx, "d00000005", 256))
		},
		"commands of a client": func(ctx context.Context, tx store.Tx) (int, error) {
			return size(tx.Commands().List(ctx, client, store.CommandFilter{}, atlas.Page{}))
		},
		"late commands": func(ctx context.Context, tx store.Tx) (int, error) {
			return size(tx.Commands().Late(ctx, now.Add(5*time.Hour), 100))
		},
		"campaigns that wait for a device": func(ctx context.Context, tx store.Tx) (int, error) {
			_, err := tx.Commands().Waiting(ctx, atlas.Device{ID: "d00000005", Path: "root/r7/c7"}, now, 16)
			return 1, err
		},
		"progress of a campaign": func(ctx context.Context, tx store.Tx) (int, error) {
			_, err := tx.Commands().Progress(ctx, "none")
			return 1, err
		},
	} {
		heard.sent = nil
		require.NoError(t, st.View(t.Context(), func(ctx context.Context, tx store.Tx) error {
			n, err := read(ctx, tx)
			require.Positive(t, n, name)
			return err
		}), name)
		asked := 0
		for _, q := range heard.sent {
			if upper := strings.ToUpper(q); strings.HasPrefix(upper, "SELECT") {
				asked++
				plan := explain(t, db, q)
				require.NotContains(t, plan, "Seq Scan on atlas_devices", name)
				require.NotContains(t, plan, "Seq Scan on atlas_commands", name)
			}
		}
		require.Positive(t, asked, name)
	}
}

func size[T any](all []T, err error) (int, error) { return len(all), err }

func explain(t *testing.T, db *sql.DB, query string) string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), "EXPLAIN "+query)
	require.NoError(t, err)
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var line string
		require.NoError(t, rows.Scan(&line))
		lines = append(lines, line)
	}
	require.NoError(t, rows.Err())
	return strings.Join(lines, "\n")
}
