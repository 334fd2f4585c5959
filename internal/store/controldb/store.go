package controldb

import (
	"cmp"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

var (
	_ fleet.Control = (*Store)(nil)
	_ fleet.Reader  = (*Store)(nil)
)

// answerVersion is recorded with the answers of Route and Decide: workflows choose
// their behaviour by it.
const answerVersion = 1

// Options say where the store is and what the fleet consists of.
type Options struct {
	// Path is the database file. Postgres is the URL of a PostgreSQL database that is used
	// instead of a file; the tables are in its schema Schema, unless it names another.
	Path     string
	Postgres fleet.Secret
	// ReadOnly opens it for the readers only and neither creates nor migrates it.
	ReadOnly bool
	// Fleet is the installation that the store belongs to: another one's is refused.
	Fleet fleet.FleetID

	// Offerings are the places where crawlers can run until Offered says which there are;
	// Pins are the providers that can be asked for an address.
	Offerings []fleet.Offering
	Pins      []fleet.ProviderKind
	// UnplacedMax is the most launches under way per account; 0 for no limit.
	UnplacedMax int
	// AllowPrivate are the private networks that the operator lets tickets name.
	AllowPrivate []netip.Prefix
	// AllowPorts are ports of public addresses that tickets may ask besides fleet.WebPorts.
	AllowPorts []int
	// IgnoreRobots are the tenants whose tickets may ignore robots.txt.
	IgnoreRobots []fleet.TenantID

	// Clock and NewGUID are the store's only sources of time and chance.
	Clock   func() time.Time
	NewGUID func() fleet.GUID

	// Cooldowns are how long a failed launch keeps a place out of decisions, by
	// class; default DefaultCooldowns.
	Cooldowns map[fleet.Class]time.Duration
	// Egress says what is remembered of addresses.
	Egress EgressOptions
	// Patience is how long another tenant waits before a crawler is drained for
	// it; default plan.Patience, negative for none.
	Patience time.Duration
	// IdleAfter is the idle time where neither plan nor offering has one; default 5 min.
	IdleAfter time.Duration
}

// Schema is where the tables are in a PostgreSQL database.
const Schema = "crawlfleet"

// readers is how many readers of a PostgreSQL database run at a time: lists for doors and
// the reaper; a ticket's own path only writes.
const readers = 4

// defaultIdleAfter is for places that bill by the second: a cold start is seconds,
// so that a few minutes of waiting for the next ticket are already generous.
const defaultIdleAfter = 5 * time.Minute

// DefaultCooldowns gives the cool-downs by class.
func DefaultCooldowns() map[fleet.Class]time.Duration {
	return map[fleet.Class]time.Duration{
		fleet.ClassCapacity:  time.Minute,      // others give room back at any time
		fleet.ClassQuota:     10 * time.Minute, // a person has to raise it, or use has to fall
		fleet.ClassAmbiguous: 2 * time.Minute,  // time to find out what became of it
		fleet.ClassRetryable: 30 * time.Second, // the launch has been retried already
		fleet.ClassFatal:     5 * time.Minute,  // a person has to act; do not hammer
	}
}

// Store is the control store. It is safe for concurrent use.
type Store struct {
	db     *store.DB
	where  string // of the database, for a person
	o      Options
	offers atomic.Pointer[[]offered] // what is offered now, for who writes
}

//go:embed migrations
var migrations embed.FS

// Open opens the store and, unless it is read-only, brings its schema up to date.
func Open(ctx context.Context, o Options) (*Store, error) {
	if o.Clock == nil || o.NewGUID == nil {
		return nil, fleet.Errorf(fleet.CodeInternal, "controldb: a clock and a source of GUIDs are required")
	}
	if o.Cooldowns == nil {
		o.Cooldowns = DefaultCooldowns()
	}
	o.Patience = cmp.Or(o.Patience, plan.Patience)
	o.IdleAfter = cmp.Or(o.IdleAfter, defaultIdleAfter)
	o.Egress = o.Egress.withDefaults()
	s := &Store{o: o}
	places := o.configured()
	s.offers.Store(&places)
	if err := s.open(ctx); err != nil {
		return nil, fmt.Errorf("open control store: %w", err)
	}
	if err := s.belongs(ctx); err != nil {
		_ = s.db.Close() // the first error is the one to tell
		return nil, err
	}
	return s, nil
}

func (s *Store) open(ctx context.Context) (err error) {
	s.where = s.o.Path
	if s.o.Postgres == "" {
		s.db, err = store.OpenSQLite(s.o.Path, s.o.ReadOnly)
	} else {
		var p *store.Postgres
		if p, err = store.ParsePostgres(s.o.Postgres, Schema); err == nil {
			s.where = p.String()
			s.db = p.Open(store.PostgresPool{ReadOnly: s.o.ReadOnly, Readers: readers})
		}
	}
	if err != nil || s.o.ReadOnly {
		return err
	}
	dir, err := fs.Sub(migrations, "migrations")
	if err == nil {
		err = s.db.Migrate(ctx, dir)
	}
	if err != nil {
		_ = s.db.Close() // the first error is the one to tell
	}
	return err
}

// belongs stamps a new store with the fleet's id and refuses that of another fleet:
// its crawlers would be taken for ours.
func (s *Store) belongs(ctx context.Context) error {
	if s.o.ReadOnly {
		return s.mayRead(ctx)
	}
	return s.write(ctx, "open control store", func(w *work) error {
		if _, err := w.Exec(`INSERT INTO fleet (one, id) VALUES (1, ?) ON CONFLICT (one) DO NOTHING`,
			s.o.Fleet); err != nil {
			return err
		}
		return w.belongs()
	})
}

// mayRead refuses another fleet's database on a server. A file is found by its fleet's
// directory: readers show what is there.
func (s *Store) mayRead(ctx context.Context) error {
	if s.o.Postgres == "" {
		return nil
	}
	err := s.read(ctx, "open control store", func(w *work) error { return w.belongs() })
	if store.NoTable(err) {
		return fleet.Errorf(fleet.CodeNotFound, "no fleet has been started yet in "+s.where).
			WithHint("crawlfleet dev").Because(err)
	}
	return err
}

func (w *work) belongs() error {
	var id fleet.FleetID
	err := w.One(`SELECT id FROM fleet`, nil, &id)
	if err == nil && id != w.s.o.Fleet {
		err = &fleet.Error{
			Code: fleet.CodeConflict, Field: "fleet",
			Message: fmt.Sprintf("%s belongs to fleet %q", w.s.where, id), Want: string(w.s.o.Fleet),
		}
	}
	return err
}

// Close closes the database.
func (s *Store) Close() error { return s.db.Close() }

// now is the moment of a transaction, in the precision of the rows.
func (s *Store) now() time.Time { return s.o.Clock().UTC().Truncate(time.Microsecond) }

// write runs f as one transaction with its moment.
func (s *Store) write(ctx context.Context, op string, f func(*work) error) error {
	err := s.db.Write(ctx, func(tx *store.Tx) error {
		return f(&work{Tx: tx, s: s, now: s.now()})
	})
	return named(op, err)
}

// read runs f as one read transaction.
func (s *Store) read(ctx context.Context, op string, f func(*work) error) error {
	err := s.db.Read(ctx, func(tx *store.Tx) error {
		return f(&work{Tx: tx, s: s, now: s.now()})
	})
	return named(op, err)
}

func named(op string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", op, err)
}

// work is one transaction of the store.
type work struct {
	*store.Tx
	s     *Store
	now   time.Time
	known map[string]plan.Egress // of tickets' hosts, by what was asked
}
