package store

import (
	"context"
	"database/sql"
	"fmt"
	"hash/fnv"
	"maps"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Postgres is a database on a PostgreSQL server: where it is, as whom, in which schema.
type Postgres struct {
	config *pgx.ConnConfig
	schema string
}

// ParsePostgres reads a URL, with the environment variables and the password file of
// PostgreSQL's own clients for what it leaves out. Tables are in the schema that the URL
// gives as search_path, else in the one given here. Errors never show the URL: it may
// hold a password.
func ParsePostgres(url fleet.Secret, schema string) (*Postgres, error) {
	text := url.Reveal()
	const want = "postgres://user@host:port/database"
	if !strings.HasPrefix(text, "postgres://") && !strings.HasPrefix(text, "postgresql://") {
		return nil, fleet.Invalid("store", "is not the URL of a PostgreSQL database", want)
	}
	config, err := pgx.ParseConfig(text)
	if err != nil {
		return nil, fleet.Invalid("store", "is not the URL of a PostgreSQL database", want)
	}
	if given := config.RuntimeParams["search_path"]; given != "" {
		schema = given
	}
	return (&Postgres{config: config}).In(schema), nil
}

// In is the same database with another schema.
func (p *Postgres) In(schema string) *Postgres {
	config := p.config.Copy()
	config.RuntimeParams = maps.Clone(config.RuntimeParams)
	config.RuntimeParams["search_path"] = Quoted(schema)
	return &Postgres{config: config, schema: schema}
}

// As is the same database as another user.
func (p *Postgres) As(user string, password fleet.Secret) *Postgres {
	config := p.config.Copy()
	config.User, config.Password = user, password.Reveal()
	return &Postgres{config: config, schema: p.schema}
}

// String says where the database is, without who asks.
func (p *Postgres) String() string {
	return fmt.Sprintf("%s:%d/%s", p.config.Host, p.config.Port, p.config.Database)
}

// Quoted is a name as it is written in a statement.
func Quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

// Name is the name of the user that asks.
func (p *Postgres) Name() string { return p.config.User }

// PostgresPool bounds the connections of one DB.
type PostgresPool struct {
	ReadOnly bool
	// Unlocked lets writers of all processes in at a time: for statements that are about
	// schemas and roles, where there is no table to lock.
	Unlocked bool
	Readers  int           // connections for reading, beside the writer's; at least 1
	Idle     time.Duration // an idle connection is closed after this; 0 for never
	// Turns bounds the transactions that run at one time in all DBs that share it; nil for
	// no bound.
	Turns chan struct{}
}

const (
	// hungAfter ends a transaction whose server or network does not answer: far more than
	// any of ours takes, and what waits behind it waits no longer.
	hungAfter = 2 * time.Minute
	// abandonedAfter is when the server ends the transaction of a client that died without
	// its connection being closed: it holds the writer's lock.
	abandonedAfter = "60s"
	// writerLock makes the writer of one process the only one of all: a table that nobody
	// else can lock, and that readers have no use for.
	writerLock = `LOCK TABLE writer IN EXCLUSIVE MODE`
)

// Open opens the database. Connections are made when they are needed.
func (p *Postgres) Open(o PostgresPool) *DB {
	read := p.pool(max(o.Readers, 1), o.Idle, &sql.TxOptions{
		Isolation: sql.LevelRepeatableRead, ReadOnly: true, // one moment
	}, "")
	d := &DB{dialect: PostgreSQL, schema: p.schema, read: read, write: read}
	read.turns = o.Turns
	if o.ReadOnly {
		return d
	}
	first := writerLock
	if o.Unlocked {
		first = ""
	}
	// Each statement sees what was committed before it: with the lock, all of it.
	d.write = p.pool(1, o.Idle, &sql.TxOptions{Isolation: sql.LevelReadCommitted}, first)
	d.write.turns = o.Turns
	return d
}

func (p *Postgres) pool(conns int, idle time.Duration, o *sql.TxOptions, first string) *pool {
	config := p.config.Copy()
	for name, value := range map[string]string{
		"application_name": "crawlfleet", "idle_in_transaction_session_timeout": abandonedAfter,
	} {
		if config.RuntimeParams[name] == "" {
			config.RuntimeParams[name] = value
		}
	}
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(conns)
	db.SetMaxIdleConns(conns)
	db.SetConnMaxIdleTime(idle)
	return &pool{db: db, dialect: PostgreSQL, options: o, first: first}
}

// prepare makes the schema and the writer's table, and says how goose migrates.
func (d *DB) prepare(ctx context.Context) (goose.Dialect, []goose.ProviderOption, error) {
	id := lockID(d.schema)
	if err := d.makeSchema(ctx, id); err != nil {
		return "", nil, err
	}
	// Two processes that start at a time: the second waits for the first, asking every second.
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockID(id), lock.WithLockTimeout(1, 60))
	if err != nil {
		return "", nil, err
	}
	return goose.DialectPostgres, []goose.ProviderOption{goose.WithSessionLocker(locker)}, nil
}

func (d *DB) makeSchema(ctx context.Context, id int64) error {
	tx, err := d.write.db.BeginTx(ctx, d.write.options)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // after a commit this does nothing
	if _, err := tx.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1)`, id); err != nil {
		return err
	}
	var found bool
	err = tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM pg_namespace WHERE nspname = $1)`,
		d.schema).Scan(&found)
	if err == nil && !found { // a tenant's role could not make one, and has one
		_, err = tx.ExecContext(ctx, `CREATE SCHEMA `+Quoted(d.schema))
	}
	if err == nil {
		_, err = tx.ExecContext(ctx, `CREATE TABLE IF NOT EXISTS writer ()`)
	}
	if err != nil {
		return err
	}
	return tx.Commit()
}

// Lock holds a name's advisory lock until the transaction ends: two processes that make
// the same schema or role wait for each other.
func (t *Tx) Lock(name string) error {
	_, err := t.Exec(`SELECT pg_advisory_xact_lock(?)`, lockID(name))
	return err
}

// lockID is the advisory lock of a schema's migrations.
func lockID(schema string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("crawlfleet " + schema)) // never fails
	return int64(h.Sum64() >> 1)
}
