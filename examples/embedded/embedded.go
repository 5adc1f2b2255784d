// Package embedded shows ATLAS inside another product: a shop that sells
// phones. An order in the shop's own table and the activation code that
// belongs to it are written in one PostgreSQL transaction, through
// postgres.Joined: both are there, or neither is.
package embedded

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/atlas/fleet"
	"github.com/atlas-mdm/atlas-go/store/blob"
	"github.com/atlas-mdm/atlas-go/store/postgres"
)

// Schema is the shop's own table. ATLAS's tables begin with atlas_ and are
// made by postgres.Migrate.
const Schema = `CREATE TABLE IF NOT EXISTS shop_orders (id text PRIMARY KEY, customer text NOT NULL, activation_code_id text NOT NULL)`

// Shop is the product that embeds ATLAS.
type Shop struct {
	DB     *sql.DB
	Files  blob.Staged
	Secret []byte
	Seller atlas.AccountID // the shop's reseller account
	PlanID string
}

// Sale is a phone sold with its activation.
type Sale struct {
	OrderID string
	Code    string // to be printed on the receipt
}

// ErrNoCustomer refuses a sale to nobody, after everything was written.
var ErrNoCustomer = errors.New("embedded: a sale needs a customer")

// Sell writes the order and issues its activation code. An error of either
// leaves neither, and the credits of the code are the shop's again.
func (s Shop) Sell(ctx context.Context, orderID, customer string) (Sale, error) {
	tx, err := s.DB.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
	if err != nil {
		return Sale{}, fmt.Errorf("embedded: begin: %w", err)
	}
	defer tx.Rollback() // after a commit this does nothing
	sale, err := s.sell(ctx, tx, orderID, customer)
	if err != nil {
		return Sale{}, err
	}
	if err := tx.Commit(); err != nil {
		return Sale{}, fmt.Errorf("embedded: commit: %w", err)
	}
	return sale, nil
}

func (s Shop) sell(ctx context.Context, tx *sql.Tx, orderID, customer string) (Sale, error) {
	st := postgres.Joined(tx, postgres.JoinedOptions{Security: postgres.New(s.DB, postgres.Options{})})
	mdm, err := fleet.New(st, s.Files, s.Secret, fleet.Options{})
	if err != nil {
		return Sale{}, err
	}
	codes, err := mdm.IssueCodes(ctx, atlas.Actor{Account: s.Seller}, "", fleet.NewCodes{
		PlanID: s.PlanID, Count: 1, OwnerID: s.Seller, Note: "order " + orderID,
	})
	if err != nil {
		return Sale{}, err
	}
	const insert = `INSERT INTO shop_orders (id, customer, activation_code_id) VALUES ($1, $2, $3)`
	if _, err := tx.ExecContext(ctx, insert, orderID, customer, codes[0].ID); err != nil {
		return Sale{}, fmt.Errorf("embedded: order %s: %w", orderID, err)
	}
	if customer == "" {
		return Sale{}, ErrNoCustomer
	}
	return Sale{OrderID: orderID, Code: codes[0].Text}, nil
}
