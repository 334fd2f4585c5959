package backup

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	"modernc.org/sqlite"
)

// lockTry is how long one try waits for one database while others may be held: longer
// than any transaction of the fleet takes, and a pause that nobody notices.
const lockTry = time.Second

// database is one database file that others write.
type database struct {
	name string // in the archive
	path string

	pool       *sql.DB
	lock, view *sql.Conn
	held, seen bool // the write lock, a snapshot
}

// openDatabase opens what is there and creates nothing.
func openDatabase(ctx context.Context, name, path string) (*database, error) {
	q := url.Values{"mode": {"rw"}, "_pragma": {fmt.Sprintf("busy_timeout(%d)", lockTry.Milliseconds())}}
	d := &database{name: name, path: path}
	err := d.open(ctx, q)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), d.close())
	}
	return d, nil
}

func (d *database) open(ctx context.Context, q url.Values) (err error) {
	if d.pool, err = sql.Open("sqlite", dsn(d.path, q)); err != nil {
		return err
	}
	if d.lock, err = d.pool.Conn(ctx); err != nil {
		return err
	}
	if d.view, err = d.pool.Conn(ctx); err != nil {
		return err
	}
	var mode string
	if err = d.view.QueryRowContext(ctx, `PRAGMA journal_mode`).Scan(&mode); err != nil {
		return err
	}
	if mode != "wal" {
		// A snapshot would keep its writer waiting for as long as the copy takes.
		return fmt.Errorf("its journal mode is %s, want wal", mode)
	}
	return nil
}

func dsn(path string, q url.Values) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// hold takes the write lock: from then on nobody commits to the database.
func (d *database) hold(ctx context.Context) error {
	if _, err := d.lock.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return fmt.Errorf("lock %s: %w", d.path, err)
	}
	d.held = true
	return nil
}

// pin begins a read transaction. It reads, because only that fixes what it sees.
func (d *database) pin(ctx context.Context) error {
	if _, err := d.view.ExecContext(ctx, `BEGIN`); err != nil {
		return fmt.Errorf("pin %s: %w", d.path, err)
	}
	d.seen = true
	var tables int
	if err := d.view.QueryRowContext(ctx, `SELECT count(*) FROM sqlite_master`).Scan(&tables); err != nil {
		return fmt.Errorf("pin %s: %w", d.path, err)
	}
	return nil
}

// free gives the write lock back.
func (d *database) free() error {
	if !d.held {
		return nil
	}
	d.held = false
	_, err := d.lock.ExecContext(context.Background(), `ROLLBACK`) // it must not be kept, whatever ended
	return err
}

// close ends the snapshot too.
func (d *database) close() error {
	err := d.free()
	if d.seen {
		_, rollback := d.view.ExecContext(context.Background(), `ROLLBACK`)
		err = errors.Join(err, rollback)
	}
	for _, c := range []*sql.Conn{d.view, d.lock} {
		if c != nil {
			err = errors.Join(err, c.Close())
		}
	}
	if d.pool != nil {
		err = errors.Join(err, d.pool.Close())
	}
	return err
}

// pagesAtOnce is how many pages are copied between two looks at the context: 16 MiB.
const pagesAtOnce = 4096

// copyTo writes the pinned snapshot to a new file, page by page as it is, and checks it.
func (d *database) copyTo(ctx context.Context, path string) error {
	err := d.view.Raw(func(driver any) error {
		source, ok := driver.(interface {
			NewBackup(uri string) (*sqlite.Backup, error)
		})
		if !ok {
			return errors.New("the driver makes no backups")
		}
		// What a crash leaves of the copy is thrown away: nothing has to be synced.
		b, err := source.NewBackup(dsn(path, url.Values{"_pragma": {"synchronous(OFF)"}}))
		if err != nil {
			return err
		}
		for more := true; more && err == nil; {
			if err = ctx.Err(); err == nil {
				more, err = b.Step(pagesAtOnce)
			}
		}
		return errors.Join(err, b.Finish())
	})
	if err == nil {
		err = check(ctx, path)
	}
	if err != nil {
		return fmt.Errorf("copy %s: %w", d.path, err)
	}
	return nil
}

// check reads every page of a database that nobody writes.
func check(ctx context.Context, path string) (err error) {
	db, err := sql.Open("sqlite", dsn(path, url.Values{"mode": {"ro"}, "immutable": {"1"}}))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	var said string
	if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&said); err != nil {
		return err
	}
	if said != "ok" {
		return fmt.Errorf("the database is damaged: %s", said)
	}
	return nil
}

// CopyDatabase copies one database as it is at one instant to a file that does not
// exist yet. Others may write it meanwhile.
func CopyDatabase(ctx context.Context, from, to string) error {
	d, err := openDatabase(ctx, from, from)
	if err != nil {
		return err
	}
	return errors.Join(d.pinAndCopy(ctx, to), d.close())
}

func (d *database) pinAndCopy(ctx context.Context, to string) error {
	if err := d.pin(ctx); err != nil {
		return err
	}
	return d.copyTo(ctx, to)
}
