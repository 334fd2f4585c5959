package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"sync"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// DB is one database: a single writer and a pool of readers. It is safe for
// concurrent use. Queries are written with ? as placeholder in every dialect.
type DB struct {
	write, read *sql.DB
	statements  sync.Map // query → *sql.Stmt on write: SQLite would parse it each time
}

// readers is how many SQLite readers may run at a time: with two cores more only
// wait for each other.
const readers = 4

// OpenSQLite opens, and unless readOnly creates, a database file in WAL mode with
// synchronous NORMAL: a commit survives the death of the process, and of the
// machine but for the last moments.
func OpenSQLite(path string, readOnly bool) (*DB, error) {
	read, err := open(path, "ro", readers)
	if readOnly {
		if err != nil {
			return nil, err
		}
		return &DB{write: read, read: read}, nil
	}
	write, werr := open(path, "rwc", 1) // one writer: more only sleep in SQLITE_BUSY
	if err := errors.Join(err, werr); err != nil {
		return nil, err
	}
	return &DB{write: write, read: read}, nil
}

func open(path, mode string, conns int) (*sql.DB, error) {
	q := url.Values{"mode": {mode}, "_txlock": {"immediate"}}
	for _, pragma := range []string{
		"busy_timeout(10000)", "foreign_keys(1)", "synchronous(NORMAL)",
	} {
		q.Add("_pragma", pragma)
	}
	if mode == "ro" {
		q.Set("_txlock", "deferred")
	} else {
		q.Add("_pragma", "journal_mode(WAL)")
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return db, nil
}

// Migrate applies the SQL migrations of a directory that are not yet applied.
func (d *DB) Migrate(ctx context.Context, migrations fs.FS) error {
	p, err := goose.NewProvider(goose.DialectSQLite3, d.write, migrations)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}

// Close closes writer and readers.
func (d *DB) Close() error {
	d.statements.Range(func(_, s any) bool { _ = s.(*sql.Stmt).Close(); return true })
	err := d.write.Close()
	if d.read != d.write {
		err = errors.Join(err, d.read.Close())
	}
	return err
}

// Write runs f in one transaction of the writer and commits it; an error or a
// panic of f rolls it back.
func (d *DB) Write(ctx context.Context, f func(*Tx) error) error {
	return d.run(ctx, d.write, f)
}

// Read runs f in one read transaction: all its queries see one moment.
func (d *DB) Read(ctx context.Context, f func(*Tx) error) error {
	return d.run(ctx, d.read, f)
}

func (d *DB) run(ctx context.Context, db *sql.DB, f func(*Tx) error) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit this does nothing
	if err := f(&Tx{ctx: ctx, db: d, tx: tx, cached: db == d.write}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// Tx is a transaction. Its queries use the context of Write or Read.
type Tx struct {
	ctx    context.Context
	db     *DB
	tx     *sql.Tx
	cached bool
}

// Exec runs a statement and answers how many rows it changed.
func (t *Tx) Exec(query string, args ...any) (int64, error) {
	s, err := t.statement(query)
	if err != nil {
		return 0, err
	}
	r, err := s.ExecContext(t.ctx, args...)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", head(query), err)
	}
	return r.RowsAffected()
}

// Query runs a query; the caller closes the rows.
func (t *Tx) Query(query string, args ...any) (*sql.Rows, error) {
	s, err := t.statement(query)
	if err != nil {
		return nil, err
	}
	rows, err := s.QueryContext(t.ctx, args...)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", head(query), err)
	}
	return rows, nil
}

// One scans the single row of a query into dest; sql.ErrNoRows where there is none.
func (t *Tx) One(query string, args []any, dest ...any) error {
	s, err := t.statement(query)
	if err != nil {
		return err
	}
	if err := s.QueryRowContext(t.ctx, args...).Scan(dest...); err != nil {
		return fmt.Errorf("%s: %w", head(query), err)
	}
	return nil
}

func (t *Tx) statement(query string) (*sql.Stmt, error) {
	if !t.cached {
		s, err := t.tx.PrepareContext(t.ctx, query)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", head(query), err)
		}
		return s, nil
	}
	if s, ok := t.db.statements.Load(query); ok {
		return t.tx.StmtContext(t.ctx, s.(*sql.Stmt)), nil
	}
	// Prepared inside the transaction: the one writer connection is taken by it.
	s, err := t.tx.PrepareContext(t.ctx, query)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", head(query), err)
	}
	return s, nil
}

func head(query string) string {
	q := strings.Join(strings.Fields(query), " ")
	if len(q) > 60 {
		q = q[:60] + "…"
	}
	return q
}
