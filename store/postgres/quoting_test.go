package postgres_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/postgres"
	"github.com/atlas-mdm/atlas-go/store/postgres/postgrestest"
)

func TestADatabaseThatReadsBackslashesInTextsIsRefused(t *testing.T) {
	t.Parallel()
	dsn := postgrestest.DSN(t)
	db := postgrestest.Open(t, dsn)
	require.NoError(t, postgres.Migrate(t.Context(), db))
	var name string
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT current_database()").Scan(&name))
	_, err := db.ExecContext(t.Context(), `ALTER DATABASE "`+name+`" SET standard_conforming_strings = off`)
	require.NoError(t, err)

	old := postgrestest.Open(t, dsn) // new connections have the setting
	require.ErrorIs(t, postgres.Migrate(t.Context(), old), postgres.ErrQuoting)
	st := postgres.New(old, postgres.Options{})
	for range 2 {
		err := st.View(t.Context(), func(context.Context, store.Tx) error { return nil })
		require.ErrorIs(t, err, postgres.ErrQuoting)
		require.ErrorIs(t, err, atlas.ErrInvalid)
	}
}
