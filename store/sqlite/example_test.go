package sqlite_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"

	_ "modernc.org/sqlite"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/sqlite"
)

func Example() {
	dir, err := os.MkdirTemp("", "atlas")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	db, err := sql.Open("sqlite", sqlite.DSN(filepath.Join(dir, "atlas.db")))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer db.Close()

	ctx := context.Background()
	if err := sqlite.Migrate(ctx, db); err != nil {
		fmt.Println(err)
		return
	}
	st := sqlite.New(db, sqlite.Options{})
	err = st.Update(ctx, func(ctx context.Context, tx store.Tx) error {
		return tx.Accounts().Insert(ctx, atlas.Account{ID: "1", Username: "Ana", UsernameKey: atlas.FoldUsername("Ana"), Path: "1"})
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	var found atlas.Account
	err = st.View(ctx, func(ctx context.Context, tx store.Tx) (err error) {
		found, err = tx.Accounts().ByUsername(ctx, atlas.FoldUsername("ANA"))
		return err
	})
	fmt.Println(found.Username, found.Version, err)
	// Output: Ana 1 <nil>
}
