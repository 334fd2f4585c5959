package pgtest

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/internal/store"
)

// SameTables holds the migrations of the two dialects to each other: the same files, the
// same tables, columns and indexes in the end, and in PostgreSQL only the types that
// statements in the common dialect are safe with.
func SameTables(t *testing.T, migrations fs.FS) {
	t.Helper()
	names := map[string][]string{}
	for _, d := range []store.Dialect{store.SQLite, store.PostgreSQL} {
		files, err := fs.ReadDir(migrations, d.String())
		require.NoError(t, err)
		for _, f := range files {
			names[d.String()] = append(names[d.String()], f.Name())
		}
	}
	require.Equal(t, names["sqlite"], names["postgres"])

	file, err := store.OpenSQLite(filepath.Join(t.TempDir(), "tables.db"), false)
	require.NoError(t, err)
	defer func() { require.NoError(t, file.Close()) }()
	at, err := store.ParsePostgres(Schema(t), "")
	require.NoError(t, err)
	server := at.Open(store.PostgresPool{})
	defer func() { require.NoError(t, server.Close()) }()
	for _, db := range []*store.DB{file, server} {
		require.NoError(t, db.Migrate(t.Context(), migrations))
	}
	const sqlite = `SELECT m.name || '.' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> 'goose_db_version' ORDER BY 1`
	const postgres = `SELECT table_name || '.' || column_name FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name <> 'goose_db_version'
		ORDER BY (table_name || '.' || column_name) COLLATE "C"`
	require.Equal(t, texts(t, file, sqlite), texts(t, server, postgres))
	require.Equal(t,
		texts(t, file, `SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY 1`),
		texts(t, server, `SELECT i.relname FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
			JOIN pg_class r ON r.oid = x.indrelid
			WHERE r.relnamespace = current_schema()::regnamespace AND r.relname <> 'goose_db_version'
				AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.oid)
			ORDER BY i.relname COLLATE "C"`))
	require.Empty(t, texts(t, server, `SELECT table_name || '.' || column_name || ' is ' || data_type
		FROM information_schema.columns
		WHERE table_schema = current_schema() AND table_name <> 'goose_db_version'
			AND data_type NOT IN ('bigint', 'bytea')
			AND NOT (data_type = 'text' AND coalesce(collation_name, '') = 'C')`),
		`want BIGINT, BYTEA, or TEXT COLLATE "C"`)
}

func texts(t *testing.T, db *store.DB, query string) (out []string) {
	t.Helper()
	require.NoError(t, db.Read(t.Context(), func(tx *store.Tx) (err error) {
		rows, err := tx.Query(query)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, rows.Close()) }()
		for rows.Next() {
			var s string
			if err := rows.Scan(&s); err != nil {
				return err
			}
			out = append(out, s)
		}
		return rows.Err()
	}))
	return out
}
