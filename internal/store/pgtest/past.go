package pgtest

import (
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/internal/store"
)

// Past is a schema that there has been, with the rows of a fleet in the middle of its
// life as the programs of that time left them.
type Past struct {
	Version    int
	migrations fs.FS // up to that version
	rows       string
}

// Pasts lists the schemas that the migrations of the directory "migrations" have left
// behind: each that another one follows, and the first. The rows are in
// testdata/past/00001.sql and so on, one INSERT for each table; without them the test fails.
func Pasts(t *testing.T) []Past {
	t.Helper()
	all := os.DirFS("migrations")
	newest := store.Newest(all)
	require.Positive(t, newest)
	var out []Past
	for version := 1; version < max(newest, 2); version++ {
		rows, err := os.ReadFile(fmt.Sprintf("testdata/past/%05d.sql", version))
		require.NoError(t, err, "what was kept in schema %d has to be brought into the next", version)
		out = append(out, Past{Version: version, migrations: upTo(t, all, version), rows: string(rows)})
	}
	return out
}

// upTo leaves out the migrations that come after a version.
func upTo(t *testing.T, all fs.FS, version int) fs.FS {
	t.Helper()
	some := fstest.MapFS{}
	require.NoError(t, fs.WalkDir(all, ".", func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		number, _, _ := strings.Cut(path.Base(file), "_")
		n, err := strconv.Atoi(number)
		if err != nil || n > version {
			return err
		}
		b, err := fs.ReadFile(all, file)
		some[file] = &fstest.MapFile{Data: b}
		return err
	}))
	return some
}

// blob is how the rows spell bytes, which is not how PostgreSQL does.
var blob = regexp.MustCompile(`X'([0-9a-f]*)'`)

// Fill brings an empty database to the schema and fills it. It gives what is in it then.
func (p Past) Fill(t *testing.T, db *store.DB) Rows {
	t.Helper()
	require.NoError(t, db.Migrate(t.Context(), p.migrations))
	require.NoError(t, db.Write(t.Context(), func(tx *store.Tx) error {
		for statement := range strings.SplitSeq(p.rows, ";\n") {
			if strings.TrimSpace(statement) == "" {
				continue
			}
			if db.Dialect() == store.PostgreSQL {
				statement = blob.ReplaceAllString(statement, `'\x$1'`)
			}
			if _, err := tx.Exec(statement); err != nil {
				return fmt.Errorf("%.60s: %w", statement, err)
			}
		}
		return nil
	}))
	number(t, db)
	return rowsOf(t, db, columnsOf(t, db))
}

// number has PostgreSQL go on with its numbers after those that were given, as SQLite does.
func number(t *testing.T, db *store.DB) {
	t.Helper()
	if db.Dialect() != store.PostgreSQL {
		return
	}
	for _, statement := range texts(t, db, `SELECT format(
			'SELECT setval(pg_get_serial_sequence(%L, %L), max(%I))::text FROM %I HAVING count(*) > 0',
			table_name, column_name, column_name, table_name)
		FROM information_schema.columns WHERE table_schema = current_schema() AND is_identity = 'YES'`) {
		require.NoError(t, db.Write(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Exec(statement)
			return err
		}))
	}
}

// Rows are the rows of a database by table.
type Rows map[string]Table

// Table is the rows of one table, as text and in no order of their own.
type Table struct {
	Columns []string
	Rows    []string
}

// Kept wants every row still there, with what was in the columns that there were.
func (r Rows) Kept(t *testing.T, db *store.DB) {
	t.Helper()
	columns := map[string][]string{}
	for name, table := range r {
		columns[name] = table.Columns
	}
	require.Equal(t, r, rowsOf(t, db, columns))
}

func columnsOf(t *testing.T, db *store.DB) map[string][]string {
	t.Helper()
	query := `SELECT m.name || '.' || c.name FROM sqlite_master m JOIN pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND m.name <> 'goose_db_version'`
	if db.Dialect() == store.PostgreSQL {
		query = `SELECT table_name || '.' || column_name FROM information_schema.columns
			WHERE table_schema = current_schema() AND table_name <> 'goose_db_version'`
	}
	columns := map[string][]string{}
	for _, name := range texts(t, db, query) {
		table, column, _ := strings.Cut(name, ".")
		columns[table] = append(columns[table], column)
	}
	return columns
}

func rowsOf(t *testing.T, db *store.DB, columns map[string][]string) Rows {
	t.Helper()
	out := Rows{}
	require.NoError(t, db.Read(t.Context(), func(tx *store.Tx) error {
		for name, list := range columns {
			rows, err := tableOf(tx, name, list)
			if err != nil {
				return fmt.Errorf("read %s: %w", name, err)
			}
			out[name] = Table{Columns: list, Rows: rows}
		}
		return nil
	}))
	return out
}

func tableOf(tx *store.Tx, name string, columns []string) (out []string, err error) {
	rows, err := tx.Query(`SELECT ` + strings.Join(columns, ", ") + ` FROM ` + name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		values := make([]sql.NullString, len(columns))
		targets := make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
		out = append(out, fmt.Sprintf("%+v", values))
	}
	slices.Sort(out)
	return out, rows.Err()
}

// Empty drops the tables of a schema that somebody has made and migrated.
func Empty(t *testing.T, db *store.DB) {
	t.Helper()
	require.NoError(t, db.Write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`DO $$ DECLARE r record; BEGIN
			FOR r IN SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename <> 'writer'
			LOOP EXECUTE format('DROP TABLE %I CASCADE', r.tablename); END LOOP; END $$`)
		return err
	}))
}
