package main

import (
	"context"
	"database/sql"
	"fmt"
)

// visibilityIndex is an index of executions_visibility.
type visibilityIndex struct {
	name   string
	column string // what it selects by within a namespace; "" for the index of the default order
	create string // its CREATE INDEX statement
}

// listedColumns are the predefined columns that lists are filtered by: workflow id, type and
// status. The other predefined ones are still searchable, by reading the namespace's rows.
func listedColumns() []string { return []string{"workflow_id", "workflow_type_name", "status"} }

// fitIndexes drops every index of the visibility table but those of listedColumns, the given
// columns and the default order, and creates again those of them that an earlier start dropped.
// Temporal's schema has one for each of 57 columns, and each of the three visibility writes of a
// workflow pays for all of them: without, a workflow costs a fifth less processor time.
func fitIndexes(ctx context.Context, db *sql.DB, columns []string) error {
	wanted := map[string]bool{"": true}
	for _, c := range append(listedColumns(), columns...) {
		wanted[c] = true
	}
	have, err := visibilityIndexes(ctx, db)
	if err != nil {
		return err
	}
	indexed := make(map[string]bool, len(have))
	for _, index := range have {
		indexed[index.column] = true
		if wanted[index.column] {
			continue
		}
		if _, err := db.ExecContext(ctx, fmt.Sprintf(`DROP INDEX %q`, index.name)); err != nil {
			return fmt.Errorf("drop index %s: %w", index.name, err)
		}
	}
	for column := range wanted {
		if !indexed[column] {
			return createIndexes(ctx, db, wanted, indexed)
		}
	}
	return nil
}

// createIndexes creates what is wanted and not indexed, as Temporal's own schema has it.
func createIndexes(ctx context.Context, db *sql.DB, wanted, indexed map[string]bool) error {
	schema, err := schemaIndexes(ctx)
	if err != nil {
		return err
	}
	for _, index := range schema {
		if !wanted[index.column] || indexed[index.column] {
			continue
		}
		if _, err := db.ExecContext(ctx, index.create); err != nil {
			return fmt.Errorf("create index %s: %w", index.name, err)
		}
	}
	return nil
}

// schemaIndexes reads the indexes of an untouched schema.
func schemaIndexes(ctx context.Context) ([]visibilityIndex, error) {
	scratch, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		return nil, err
	}
	defer func() { _ = scratch.Close() }() // in memory: nothing to lose
	scratch.SetMaxOpenConns(1)             // each connection would be a database of its own
	if err := createTables(ctx, scratch); err != nil {
		return nil, fmt.Errorf("create the tables in memory: %w", err)
	}
	return visibilityIndexes(ctx, scratch)
}

// visibilityIndexes lists the indexes that were made by a statement; those of keys have none.
// Every one begins with the namespace; the second column is what it is for, and an expression,
// which has no name, in the default order.
func visibilityIndexes(ctx context.Context, db *sql.DB) (list []visibilityIndex, err error) {
	rows, err := db.QueryContext(ctx, `
		SELECT m.name, coalesce(i.name, ''), m.sql
		FROM sqlite_master m, pragma_index_info(m.name) i
		WHERE m.type = 'index' AND m.tbl_name = 'executions_visibility' AND m.sql IS NOT NULL
		  AND i.seqno = 1
		ORDER BY m.name`)
	if err != nil {
		return nil, fmt.Errorf("list the visibility indexes: %w", err)
	}
	defer func() { _ = rows.Close() }() // rows.Err has the error that counts
	for rows.Next() {
		var index visibilityIndex
		if err := rows.Scan(&index.name, &index.column, &index.create); err != nil {
			return nil, fmt.Errorf("list the visibility indexes: %w", err)
		}
		list = append(list, index)
	}
	return list, rows.Err()
}
