package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"net/url"

	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// DB is one database: a single writer and a pool of readers. It is safe for
// concurrent use. Queries are written with ? as placeholder in every dialect.
type DB struct {
	dialect     Dialect
	schema      string // of PostgreSQL
	write, read *pool  // the same one where the database is read-only
}

// readers is how many SQLite readers may run at a time: with two cores more only
// wait for each other.
const readers = 4

// readerCache is what a SQLite reader keeps of a file's pages, in KiB; the writer keeps
// SQLite's 2 MB. The system caches the file as well, so that a reader loses little, and a
// process has five connections for each tenant whose database it keeps open.
const readerCache = 256

// OpenSQLite opens, and unless readOnly creates, a database file in WAL mode with
// synchronous NORMAL: a commit survives the death of the process, and of the
// machine but for the last moments. Connections are made when they are needed: a
// file that cannot be opened is the error of the first use.
func OpenSQLite(path string, readOnly bool) (*DB, error) {
	read, err := open(path, "ro", readers)
	if err != nil {
		return nil, err
	}
	if readOnly {
		return &DB{dialect: SQLite, write: read, read: read}, nil
	}
	write, err := open(path, "rwc", 1) // one writer: more only sleep in SQLITE_BUSY
	if err != nil {
		return nil, errors.Join(err, read.close())
	}
	return &DB{dialect: SQLite, write: write, read: read}, nil
}

func open(path, mode string, conns int) (*pool, error) {
	q := url.Values{"mode": {mode}, "_txlock": {"immediate"}}
	for _, pragma := range []string{
		"busy_timeout(10000)", // another process may hold the lock: a backup, an inspection
		"foreign_keys(1)", "synchronous(NORMAL)",
	} {
		q.Add("_pragma", pragma)
	}
	if mode == "ro" {
		q.Set("_txlock", "deferred")
		q.Add("_pragma", fmt.Sprintf("cache_size(-%d)", readerCache))
	} else {
		q.Add("_pragma", "journal_mode(WAL)")
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	return &pool{db: db, dialect: SQLite}, nil
}

// Dialect is the SQL that the database speaks.
func (d *DB) Dialect() Dialect { return d.dialect }

// Migrate applies the migrations that are not yet applied: those in the folder that
// has the dialect's name.
func (d *DB) Migrate(ctx context.Context, migrations fs.FS) error {
	dir, err := fs.Sub(migrations, d.dialect.String())
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	dialect, options := goose.DialectSQLite3, []goose.ProviderOption(nil)
	if d.dialect == PostgreSQL {
		if dialect, options, err = d.prepare(ctx); err != nil {
			return fmt.Errorf("migrate: %w", d.told(err))
		}
	}
	p, err := goose.NewProvider(dialect, d.write.db, dir, options...)
	if err != nil {
		return fmt.Errorf("read migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", d.told(err))
	}
	return nil
}

// Close closes readers and writer. The writer is last: who closes a file last writes its
// log back, and a reader cannot.
func (d *DB) Close() error {
	var err error
	if d.read != d.write {
		err = d.read.close()
	}
	return errors.Join(err, d.write.close())
}

// Write runs f in one transaction of the writer and commits it; an error or a
// panic of f rolls it back. ctx bounds the wait for the writer. What has begun is
// not cut short: it takes a moment, and a half-done wait helps nobody. f must not
// call Write: there is one writer.
func (d *DB) Write(ctx context.Context, f func(*Tx) error) error {
	if d.dialect == PostgreSQL {
		return d.served(ctx, d.write, f)
	}
	conn, err := d.write.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	// Without a context that can end, neither database/sql nor the driver starts a
	// goroutine per transaction and per statement to watch it.
	return d.write.run(context.WithoutCancel(ctx), conn, f)
}

// Read runs f in one read transaction: all its queries see one moment. It ends
// with ctx.
func (d *DB) Read(ctx context.Context, f func(*Tx) error) error {
	if d.dialect == PostgreSQL {
		return d.served(ctx, d.read, f)
	}
	conn, err := d.read.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	return d.read.run(ctx, conn, f)
}
