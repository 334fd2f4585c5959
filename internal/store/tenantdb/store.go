package tenantdb

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

//go:embed migrations
var migrations embed.FS

// DefaultMaxOpen is how many tenants' files stay open: each has at most 5
// connections of 3 descriptors, which together stay under 2,000.
const DefaultMaxOpen = 128

// fileName is the database in a tenant's folder.
const fileName = "data.db"

// Options say where the databases are.
type Options struct {
	// Dir holds one folder for each tenant; required. It is made when missing.
	Dir string
	// Clock tells the time; default time.Now.
	Clock func() time.Time
	// MaxOpen is the most files kept open; default DefaultMaxOpen. Those in use are
	// never closed, so that more can be open for a while.
	MaxOpen int
	// ReadOnly is for the doors: nothing is made, migrated or written.
	ReadOnly bool
}

// Store is the tenants' databases. It is safe for concurrent use.
type Store struct {
	dir      string
	clock    func() time.Time
	readOnly bool
	handles  *handles
}

var (
	_ fleet.TenantData   = (*Store)(nil)
	_ fleet.TenantReader = (*Store)(nil)
)

// Open makes the folder and opens no database yet: each is opened when it is asked for.
func Open(o Options) (*Store, error) {
	if o.Dir == "" {
		return nil, fleet.Invalid("dir", "is missing", "the folder of the tenants' databases")
	}
	if !o.ReadOnly {
		if err := os.MkdirAll(o.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("make %s: %w", o.Dir, err)
		}
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.MaxOpen <= 0 {
		o.MaxOpen = DefaultMaxOpen
	}
	s := &Store{dir: o.Dir, clock: o.Clock, readOnly: o.ReadOnly}
	s.handles = newHandles(o.MaxOpen, s.openFile)
	return s, nil
}

// Shutdown waits for the calls that are running and closes every file; later calls
// answer unavailable. (Close is the name of closing one crawl.)
func (s *Store) Shutdown() error { return s.handles.closeAll() }

// Create makes the tenant's database, or leaves the one that exists as it is.
func (s *Store) Create(ctx context.Context, t fleet.TenantID) error {
	if err := t.Validate(); err != nil {
		return err
	}
	folder := filepath.Join(s.dir, string(t))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("create database of %s: %w", t, err)
	}
	// An empty file is an empty database: with it, opening is the same for both.
	f, err := os.OpenFile(s.path(t), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("create database of %s: %w", t, err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("create database of %s: %w", t, err)
	}
	return s.with(ctx, t, func(*store.DB) error { return nil })
}

// Destroy waits for the calls that are running and removes the database. Calls for
// the tenant that come later answer not_found.
func (s *Store) Destroy(ctx context.Context, t fleet.TenantID) error {
	if err := t.Validate(); err != nil {
		return err
	}
	err := s.handles.remove(ctx, t, func() error {
		return os.RemoveAll(filepath.Join(s.dir, string(t)))
	})
	if err != nil {
		return fmt.Errorf("destroy database of %s: %w", t, err)
	}
	return nil
}

func (s *Store) path(t fleet.TenantID) string { return filepath.Join(s.dir, string(t), fileName) }

func (s *Store) openFile(ctx context.Context, t fleet.TenantID) (*store.DB, error) {
	if err := t.Validate(); err != nil { // it becomes a path
		return nil, err
	}
	if _, err := os.Stat(s.path(t)); errors.Is(err, fs.ErrNotExist) {
		return nil, fleet.Errorf(fleet.CodeNotFound, fmt.Sprintf("tenant %s has no database", t))
	} else if err != nil {
		return nil, fmt.Errorf("open database of %s: %w", t, err)
	}
	db, err := store.OpenSQLite(s.path(t), s.readOnly)
	if err != nil || s.readOnly {
		return db, err
	}
	files, err := fs.Sub(migrations, "migrations")
	if err == nil {
		err = db.Migrate(ctx, files)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database of %s: %w", t, err), db.Close())
	}
	return db, nil
}

// with runs f on the tenant's open database, which stays open until f returns.
func (s *Store) with(ctx context.Context, t fleet.TenantID, f func(*store.DB) error) error {
	h, err := s.handles.acquire(ctx, t)
	if err != nil {
		return err
	}
	defer s.handles.release(h)
	return f(h.db)
}

// write runs f in one write transaction of the tenant's database.
func (s *Store) write(ctx context.Context, t fleet.TenantID, f func(*store.Tx) error) error {
	return s.with(ctx, t, func(db *store.DB) error { return db.Write(ctx, f) })
}

// read runs f in one read transaction of the tenant's database.
func (s *Store) read(ctx context.Context, t fleet.TenantID, f func(*store.Tx) error) error {
	return s.with(ctx, t, func(db *store.DB) error { return db.Read(ctx, f) })
}
