package tenantdb

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

//go:embed migrations
var migrations embed.FS

// DefaultMaxOpen is how many tenants' files stay open: each has at most 5
// connections of 3 descriptors, which together stay under 2,000.
const DefaultMaxOpen = 128

// Options say where the databases are: in files, or in schemas of a PostgreSQL database.
type Options struct {
	// Dir holds one folder for each tenant; required for files. It is made when missing.
	Dir string
	// Postgres is the URL of a database in which each tenant has a schema and a role;
	// Fleet is part of their names, and Secret what the roles' passwords are made from.
	Postgres fleet.Secret
	Fleet    fleet.FleetID
	Secret   fleet.Secret
	// Clock tells the time; default time.Now.
	Clock func() time.Time
	// MaxOpen is the most databases kept open; default DefaultMaxOpen, in PostgreSQL
	// DefaultMaxRoles. Those in use are never closed, so that more can be open for a while.
	MaxOpen int
	// ReadOnly is for the doors: nothing is made, migrated or written.
	ReadOnly bool
}

// Store is the tenants' databases. It is safe for concurrent use.
type Store struct {
	home    home
	clock   func() time.Time
	handles *handles
}

// home is where the databases are.
type home interface {
	// create makes a tenant's database where there is none.
	create(ctx context.Context, t fleet.TenantID) error
	// open opens it, migrated unless it is only read; not_found where there is none.
	open(ctx context.Context, t fleet.TenantID) (*store.DB, error)
	// destroy removes it; nothing where there is none.
	destroy(ctx context.Context, t fleet.TenantID) error
	// traces counts what is left of it, by kind; zero counts are left out.
	traces(ctx context.Context, t fleet.TenantID) (map[string]int64, error)
	close() error
}

var (
	_ fleet.TenantData   = (*Store)(nil)
	_ fleet.TenantReader = (*Store)(nil)
)

// Open opens no tenant's database yet: each is opened when it is asked for.
func Open(o Options) (*Store, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	s := &Store{clock: o.Clock}
	var err error
	limit := DefaultMaxOpen
	if o.Postgres == "" {
		s.home, err = newFiles(o)
	} else {
		s.home, err = newSchemas(o)
		limit = DefaultMaxRoles
	}
	if err != nil {
		return nil, err
	}
	if o.MaxOpen > 0 {
		limit = o.MaxOpen
	}
	s.handles = newHandles(limit, func(ctx context.Context, t fleet.TenantID) (*store.DB, error) {
		if err := t.Validate(); err != nil { // it becomes a path or a name
			return nil, err
		}
		return s.home.open(ctx, t)
	})
	return s, nil
}

// Shutdown waits for the calls that are running and closes every database; later calls
// answer unavailable. (Close is the name of closing one crawl.)
func (s *Store) Shutdown() error { return errors.Join(s.handles.closeAll(), s.home.close()) }

// Create makes the tenant's database, or leaves the one that exists as it is.
func (s *Store) Create(ctx context.Context, t fleet.TenantID) error {
	if err := t.Validate(); err != nil {
		return err
	}
	if err := s.home.create(ctx, t); err != nil {
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
	err := s.handles.remove(ctx, t, func() error { return s.home.destroy(ctx, t) })
	if err != nil {
		return fmt.Errorf("destroy database of %s: %w", t, err)
	}
	return nil
}

// migrate brings a tenant's database up to date, or closes it.
func migrate(ctx context.Context, db *store.DB, t fleet.TenantID) (*store.DB, error) {
	files, err := fs.Sub(migrations, "migrations")
	if err == nil {
		err = db.Migrate(ctx, files)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open database of %s: %w", t, err), db.Close())
	}
	return db, nil
}

func noDatabase(t fleet.TenantID) error {
	return fleet.Errorf(fleet.CodeNotFound, fmt.Sprintf("tenant %s has no database", t))
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
