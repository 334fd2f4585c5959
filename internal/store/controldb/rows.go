package controldb

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// each runs scan for every row of a query. scan must not query: the rows are open.
func (w *work) each(query string, args []any, scan func(*sql.Rows) error) (err error) {
	rows, err := w.Query(query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// list collects the rows of a query.
func list[T any](w *work, query string, args []any, scan func(scanner, *T) error) ([]T, error) {
	var out []T
	err := w.each(query, args, func(r *sql.Rows) error {
		var v T
		if err := scan(r, &v); err != nil {
			return err
		}
		out = append(out, v)
		return nil
	})
	return out, err
}

// scanner is a row, of one or of many.
type scanner interface{ Scan(dest ...any) error }

func missing(err error) bool { return errors.Is(err, sql.ErrNoRows) }

func notFound(field, what string) *fleet.Error {
	return &fleet.Error{Code: fleet.CodeNotFound, Field: field, Message: what + " does not exist"}
}

// document writes a value as JSON.
func document(v any) (string, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("write %T: %w", v, err)
	}
	return string(b), nil
}

// parse reads JSON that document wrote; "" leaves v as it is.
func parse(s string, v any) error {
	if s == "" {
		return nil
	}
	if err := json.Unmarshal([]byte(s), v); err != nil {
		return fmt.Errorf("read %T: %w", v, err)
	}
	return nil
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
