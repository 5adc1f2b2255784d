package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/atlas-mdm/atlas-go/atlas"
	"github.com/atlas-mdm/atlas-go/store"
)

// secretSize is the size of the server's secret in bytes.
const secretSize = 32

// loadSecret returns the secret that all keys are derived from. The first
// start makes it. A file that is not whole is an error: with another secret
// nothing that is stored could be read.
func loadSecret(file string) ([]byte, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return makeSecret(file)
	}
	if err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	if len(b) != secretSize {
		return nil, fmt.Errorf("secret: %s has %d bytes, not %d", file, len(b), secretSize)
	}
	return b, nil
}

func makeSecret(file string) ([]byte, error) {
	b := make([]byte, secretSize)
	if _, err := rand.Read(b); err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("secret: %w", err)
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("secret: %w", errors.Join(err, os.Remove(file)))
	}
	return b, nil
}

// randomPassword has 130 random bits.
func randomPassword() string { return rand.Text() }

// reader is the part of a store that looks.
type reader interface {
	View(ctx context.Context, fn func(ctx context.Context, tx store.Tx) error) error
}

// adminID returns the id of the account admin, or "" if it has been renamed.
func adminID(ctx context.Context, st reader) (id atlas.AccountID, err error) {
	err = st.View(ctx, func(ctx context.Context, tx store.Tx) error {
		a, err := tx.Accounts().ByUsername(ctx, atlas.FoldUsername(adminName))
		if errors.Is(err, atlas.ErrNotFound) {
			return nil
		}
		id = a.ID
		return err
	})
	return id, err
}
