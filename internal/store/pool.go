package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// maxStatements bounds the cache of a pool. Queries are constants, a few dozen in
// each database; one that is put together at run time must not fill the memory.
const maxStatements = 256

// pool is a set of connections with what its queries have been made into: SQLite
// would parse a query at each use.
type pool struct {
	db      *sql.DB
	dialect Dialect
	// options and first begin each transaction; first is a statement, "" for none.
	options    *sql.TxOptions
	first      string
	turns      chan struct{} // of PostgreSQL; nil for no bound
	statements sync.Map      // query → *sql.Stmt, or for PostgreSQL string
	count      atomic.Int32
}

// run gives conn back in every case.
func (p *pool) run(ctx context.Context, conn *sql.Conn, f func(*Tx) error) error {
	missed, err := p.transact(ctx, conn, f)
	// A statement for all connections of the pool is prepared on any one of them.
	// That cannot be done inside the transaction: it may hold the only one.
	if err == nil {
		p.keep(missed)
	}
	return err
}

func (p *pool) transact(
	ctx context.Context, conn *sql.Conn, f func(*Tx) error,
) (missed []string, err error) {
	defer func() { _ = conn.Close() }() // gives it back to the pool
	tx, err := p.begin(ctx, conn)
	if err != nil {
		return nil, err
	}
	defer func() { _ = tx.Rollback() }() // after a commit this does nothing
	t := &Tx{ctx: ctx, pool: p, tx: tx}
	if err := f(t); err != nil {
		return nil, err
	}
	if err := tx.Commit(); err != nil {
		return nil, fmt.Errorf("commit: %w", err)
	}
	return t.missed, nil
}

func (p *pool) begin(ctx context.Context, conn *sql.Conn) (*sql.Tx, error) {
	tx, err := conn.BeginTx(ctx, p.options)
	if err == nil && p.first != "" {
		if _, err = tx.ExecContext(ctx, p.first); err != nil {
			_ = tx.Rollback() // the first error is the one to tell
		}
	}
	if err != nil {
		return nil, &beginError{err}
	}
	return tx, nil
}

// beginError is that of a transaction in which nothing has been done yet.
type beginError struct{ cause error }

func (e *beginError) Error() string { return "begin: " + e.cause.Error() }
func (e *beginError) Unwrap() error { return e.cause }

// keep prepares queries for the transactions to come. An error is not one of the
// transaction that has been committed: the next use of the query will show it.
func (p *pool) keep(queries []string) {
	for _, q := range queries {
		if _, known := p.statements.Load(q); known || p.count.Load() >= maxStatements {
			continue
		}
		s, err := p.db.PrepareContext(context.Background(), q)
		if err != nil {
			return
		}
		if _, known := p.statements.LoadOrStore(q, s); known {
			_ = s.Close() // another transaction was faster
			continue
		}
		p.count.Add(1)
	}
}

// numbered gives a query PostgreSQL's placeholders.
func (p *pool) numbered(query string) string {
	if known, ok := p.statements.Load(query); ok {
		return known.(string)
	}
	n := numbered(query)
	if p.count.Load() < maxStatements {
		if _, known := p.statements.LoadOrStore(query, n); !known {
			p.count.Add(1)
		}
	}
	return n
}

func (p *pool) close() error {
	var errs []error
	p.statements.Range(func(_, s any) bool {
		if s, ok := s.(*sql.Stmt); ok {
			errs = append(errs, s.Close())
		}
		return true
	})
	return errors.Join(append(errs, p.db.Close())...)
}
