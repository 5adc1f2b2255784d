package fleet_test

import (
	"database/sql"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/activation"
	"github.com/atlas-mdm/atlas-go/atlas/atlastest"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/atlas/security"
	"github.com/atlas-mdm/atlas-go/store/postgres"
)

// embedder is a program with a table of orders and ATLAS in one database.
type embedder struct {
	*atlastest.World
	db   *sql.DB
	plan activation.Plan
}

func newEmbedder(t *testing.T) *embedder {
	t.Helper()
	st, db := onPostgres(t)
	e := &embedder{World: atlastest.New(t, st), db: db}
	_, err := db.ExecContext(t.Context(), "CREATE TABLE orders (id text PRIMARY KEY)")
	require.NoError(t, err)
	e.Grant("north", 10)
	e.plan = e.Plan(activation.Plan{Price: 4})
	return e
}

// sell takes an order and issues a code for it, in one transaction of the
// embedder's, and tries what is refused besides.
func (e *embedder) sell(t *testing.T, tx *sql.Tx) {
	t.Helper()
	_, err := tx.ExecContext(t.Context(), "INSERT INTO orders VALUES ('o')")
	require.NoError(t, err)
	inside := e.Node(postgres.Joined(tx, postgres.JoinedOptions{Security: e.Store}))
	_, err = inside.IssueCodes(t.Context(), e.Actor("north"), "order o", fleet.NewCodes{PlanID: e.plan.ID, Count: 1, OwnerID: e.ID("north")})
	require.NoError(t, err)
	_, err = inside.IssueCodes(t.Context(), e.Actor("south"), "order o", fleet.NewCodes{PlanID: e.plan.ID, Count: 1, OwnerID: e.ID("north")})
	require.ErrorIs(t, err, atlas.ErrNotFound)
}

// requireSold checks how many orders there are, that as many were paid for,
// and that the refusal was recorded either way.
func (e *embedder) requireSold(t *testing.T, orders int) {
	t.Helper()
	var n int
	require.NoError(t, e.db.QueryRowContext(t.Context(), "SELECT count(*) FROM orders").Scan(&n))
	require.Equal(t, orders, n)
	b, err := e.Credits(t.Context(), e.Actor("north"), e.ID("north"))
	require.NoError(t, err)
	require.EqualValues(t, 10-4*orders, b.Posted)
	refused := atlastest.RequireSecurityEvent(t, e.Store, security.ClassDenial, string(atlas.CodeIssue))
	require.Equal(t, e.ID("south"), refused.ActorID)
	atlastest.RequireNoCreditLost(t, e)
}

func TestAUseCaseCommitsWithTheEmbeddersTransaction(t *testing.T) {
	t.Parallel()
	e := newEmbedder(t)
	tx, err := e.db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelSerializable})
	require.NoError(t, err)
	e.sell(t, tx)
	require.NoError(t, tx.Commit())
	e.requireSold(t, 1)
}

func TestAUseCaseRollsBackWithTheEmbeddersTransactionAndTheRefusalStaysRecorded(t *testing.T) {
	t.Parallel()
	e := newEmbedder(t)
	tx, err := e.db.BeginTx(t.Context(), &sql.TxOptions{Isolation: sql.LevelSerializable})
	require.NoError(t, err)
	e.sell(t, tx)
	require.NoError(t, tx.Rollback())
	e.requireSold(t, 0)
}
