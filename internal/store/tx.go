package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// Tx is a transaction. Its queries use the context of Write or Read. It is for
// one goroutine.
type Tx struct {
	ctx    context.Context
	pool   *pool
	tx     *sql.Tx
	own    map[string]*sql.Stmt // prepared in this transaction
	missed []string             // their queries, for the cache of the pool
}

// statement is a query that is ready to run: *sql.Stmt, or direct.
type statement interface {
	ExecContext(ctx context.Context, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, args ...any) *sql.Row
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

// Query runs a query; the caller closes the rows before the next one.
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

// statement is the one place that a query passes: for SQLite it is prepared once and
// kept, for PostgreSQL its placeholders are numbered once.
func (t *Tx) statement(query string) (statement, error) {
	if t.pool.dialect == PostgreSQL {
		return direct{tx: t.tx, query: t.pool.numbered(query)}, nil
	}
	if s, ok := t.pool.statements.Load(query); ok {
		return t.tx.StmtContext(t.ctx, s.(*sql.Stmt)), nil
	}
	if s, ok := t.own[query]; ok {
		return s, nil
	}
	s, err := t.tx.PrepareContext(t.ctx, query)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", head(query), err)
	}
	if t.own == nil {
		t.own = make(map[string]*sql.Stmt)
	}
	t.own[query] = s
	t.missed = append(t.missed, query)
	return s, nil
}

// direct is a query that the driver itself prepares, once for each connection.
type direct struct {
	tx    *sql.Tx
	query string
}

func (d direct) ExecContext(ctx context.Context, args ...any) (sql.Result, error) {
	return d.tx.ExecContext(ctx, d.query, values(args)...)
}

func (d direct) QueryContext(ctx context.Context, args ...any) (*sql.Rows, error) {
	return d.tx.QueryContext(ctx, d.query, values(args)...)
}

func (d direct) QueryRowContext(ctx context.Context, args ...any) *sql.Row {
	return d.tx.QueryRowContext(ctx, d.query, values(args)...)
}

// head shortens a query for an error.
func head(query string) string {
	q := strings.Join(strings.Fields(query), " ")
	if len(q) > 60 {
		q = q[:60] + "…"
	}
	return q
}
