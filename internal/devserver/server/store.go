package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	"go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	sqliteschema "go.temporal.io/server/schema/sqlite"
)

// store is the two SQLite files of a directory. Visibility has a file of its own: its writes,
// three per workflow, then do not wait behind those of the histories.
type store struct {
	main, visibility *config.SQL
}

func newStore(dir *directory) *store {
	return &store{
		main:       sqlConfig(dir.file(mainFile)),
		visibility: sqlConfig(dir.file(visibilityFile)),
	}
}

func sqlConfig(path string) *config.SQL {
	return &config.SQL{
		PluginName: sqlite.PluginName,
		// The name becomes part of a URI in which SQLite decodes percent signs.
		DatabaseName: (&url.URL{Path: path}).EscapedPath(),
		ConnectAttributes: map[string]string{
			"mode":         "rwc",
			"journal_mode": "wal",
			// NORMAL: no flush per commit. A crash of this process loses nothing; a crash of
			// the machine may lose the last moments, never the file.
			"synchronous":  "1",
			"busy_timeout": "10000", // milliseconds; a reader from outside may hold the file that long
		},
		// One connection: 4 or 8 were two to three times slower, asleep on SQLITE_BUSY.
		MaxConns:     1,
		MaxIdleConns: 1,
	}
}

// prepare brings the files to what cfg asks for: tables, namespace, search attributes, and just
// the visibility indexes that are of use. Every step may be repeated after a crash.
func (s *store) prepare(ctx context.Context, cfg Config) error {
	for _, c := range []*config.SQL{s.main, s.visibility} {
		if err := withDB(ctx, c, createTables); err != nil {
			return fmt.Errorf("create the tables: %w", err)
		}
	}
	columns, err := ensureNamespace(ctx, s.main, cfg)
	if err != nil {
		return err
	}
	return withDB(ctx, s.visibility, func(ctx context.Context, db *sql.DB) error {
		return fitIndexes(ctx, db, columns)
	})
}

// withDB runs f on a connection of its own and closes it, so that the server finds no lock.
func withDB(ctx context.Context, c *config.SQL, f func(context.Context, *sql.DB) error) (err error) {
	query := url.Values{"mode": {"rwc"}}
	for _, pragma := range []string{"journal_mode", "synchronous", "busy_timeout"} {
		query.Add("_pragma", pragma+"="+c.ConnectAttributes[pragma])
	}
	db, err := sql.Open("sqlite", "file:"+c.DatabaseName+"?"+query.Encode())
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	return f(ctx, db)
}

// createTables sets up Temporal's schema in one transaction, unless it is there.
func createTables(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // no effect after a commit
	var tables int
	err = tx.QueryRowContext(ctx,
		`SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'executions_visibility'`,
	).Scan(&tables)
	if err != nil || tables > 0 {
		return err
	}
	if err := sqliteschema.SetupSchemaOnDB(&schemaTx{ctx: ctx, tx: tx}); err != nil {
		return err
	}
	return tx.Commit()
}

// schemaTx lets Temporal's schema set-up, which only calls Exec, run inside our transaction: a
// crash in the middle leaves an empty file instead of half a schema.
type schemaTx struct {
	sqlplugin.AdminDB
	ctx context.Context
	tx  *sql.Tx
}

// Exec runs one statement of the schema.
func (s *schemaTx) Exec(stmt string, args ...any) error {
	_, err := s.tx.ExecContext(s.ctx, stmt, args...)
	return err
}
