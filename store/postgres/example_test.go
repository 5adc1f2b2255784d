package postgres_test

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/postgres"
)

func Example() {
	ctx := context.Background()
	config, err := pgx.ParseConfig("postgres://atlas@localhost/atlas")
	if err != nil {
		fmt.Println(err)
		return
	}
	config.DefaultQueryExecMode = pgx.QueryExecModeExec
	db := stdlib.OpenDB(*config)
	defer db.Close()

	if err := postgres.Migrate(ctx, db); err != nil {
		fmt.Println(err)
		return
	}
	st := postgres.New(db, postgres.Options{})
	err = st.View(ctx, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.Accounts().ByUsername(ctx, atlas.FoldUsername("Ana"))
		return err
	})
	fmt.Println(err)
}

// An order of the embedder's and a device are written together or not at
// all.
func ExampleJoined() {
	record := func(ctx context.Context, db *sql.DB, order string, d atlas.Device) error {
		tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
		if err != nil {
			return err
		}
		defer tx.Rollback()
		if _, err := tx.ExecContext(ctx, "INSERT INTO orders VALUES ($1)", order); err != nil {
			return err
		}
		st := postgres.Joined(tx, postgres.JoinedOptions{Security: postgres.New(db, postgres.Options{})})
		if err := st.Update(ctx, func(ctx context.Context, tx store.Tx) error {
			return tx.Devices().Insert(ctx, d)
		}); err != nil {
			return err
		}
		return tx.Commit()
	}
	_ = record
}
