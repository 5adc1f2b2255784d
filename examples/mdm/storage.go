package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/atlas-mdm/atlas-go/store"
	"github.com/atlas-mdm/atlas-go/store/blob"
	"github.com/atlas-mdm/atlas-go/store/blob/fs"
	"github.com/atlas-mdm/atlas-go/store/blob/mem"
	"github.com/atlas-mdm/atlas-go/store/memory"
	"github.com/atlas-mdm/atlas-go/store/postgres"
	"github.com/atlas-mdm/atlas-go/store/sqlite"
)

// storage is where everything is kept.
type storage struct {
	store store.Store
	blobs blob.Staged
	open  []io.Closer
}

// openStorage opens what -store names, brings its tables up to date, and
// opens the folder of files. What is kept in memory keeps its files there too:
// nothing would refer to them afterwards.
func openStorage(ctx context.Context, a arguments) (*storage, error) {
	s := new(storage)
	kind, rest, _ := strings.Cut(a.store, ":")
	var err error
	switch {
	case a.store == "memory:":
		s.store, s.blobs = memory.New(memory.Options{}), new(mem.Store)
		return s, nil
	case kind == "sqlite" && rest != "":
		err = s.openSQLite(ctx, rest, a.data)
	case kind == "postgres" || kind == "postgresql":
		err = s.openPostgres(ctx, a.store)
	default:
		return nil, errors.New("-store must be memory:, sqlite:FILE or postgres://HOST/DATABASE")
	}
	if err == nil {
		err = s.openFiles(filepath.Join(a.data, "files"))
	}
	if err != nil {
		return nil, errors.Join(err, s.closeAll())
	}
	return s, nil
}

func (s *storage) openSQLite(ctx context.Context, file, data string) error {
	if !filepath.IsAbs(file) {
		file = filepath.Join(data, file)
	}
	file, err := filepath.Abs(file)
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	db, err := sql.Open("sqlite", sqlite.DSN(file))
	if err != nil {
		return fmt.Errorf("open store: %w", err)
	}
	s.open = append(s.open, db)
	s.store = sqlite.New(db, sqlite.Options{})
	return sqlite.Migrate(ctx, db)
}

func (s *storage) openPostgres(ctx context.Context, url string) error {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return errors.New("-store is no PostgreSQL URL") // the driver's error could show the password
	}
	cfg.DefaultQueryExecMode = pgx.QueryExecModeExec // arguments come in the statements' text
	db := stdlib.OpenDB(*cfg)
	db.SetMaxOpenConns(32)
	s.open = append(s.open, db)
	s.store = postgres.New(db, postgres.Options{})
	return postgres.Migrate(ctx, db)
}

func (s *storage) openFiles(dir string) error {
	files, err := fs.Open(dir)
	if err != nil {
		return err
	}
	s.blobs, s.open = files, append(s.open, files)
	return nil
}

func (s *storage) closeAll() error {
	var errs []error
	for i := len(s.open) - 1; i >= 0; i-- {
		errs = append(errs, s.open[i].Close())
	}
	return errors.Join(errs...)
}

func (s *storage) close(log *slog.Logger) {
	if err := s.closeAll(); err != nil {
		log.Error("storage was not closed", "error", err)
	}
}
