package store_test

import (
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/internal/store"
)

func TestSchema_IsTheLastMigration(t *testing.T) {
	t.Parallel()
	two := fstest.MapFS{
		"sqlite/00001_numbers.sql": numbers["sqlite/00001_numbers.sql"],
		"sqlite/00002_more.sql":    {Data: []byte("-- +goose Up\nCREATE TABLE more (n INTEGER);\n")},
		"sqlite/README.md":         {Data: []byte("none")},
		"postgres/00003_other.sql": {Data: []byte("-- +goose Up\nCREATE TABLE more (n INTEGER);\n")},
	}
	require.Equal(t, 1, store.Newest(numbers))
	require.Equal(t, 2, store.Newest(two))

	path := filepath.Join(t.TempDir(), "numbers.db")
	db, err := store.OpenSQLite(path, false)
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	require.NoError(t, db.Migrate(t.Context(), numbers))
	version, err := store.SchemaOf(t.Context(), path)
	require.NoError(t, err)
	require.Equal(t, 1, version)
	require.NoError(t, db.Migrate(t.Context(), two))
	version, err = store.SchemaOf(t.Context(), path)
	require.NoError(t, err)
	require.Equal(t, 2, version)

	empty := filepath.Join(t.TempDir(), "empty.db")
	none, err := store.OpenSQLite(empty, false)
	require.NoError(t, err)
	t.Cleanup(func() { _ = none.Close() })
	require.NoError(t, none.Write(t.Context(), func(*store.Tx) error { return nil }))
	version, err = store.SchemaOf(t.Context(), empty)
	require.NoError(t, err)
	require.Zero(t, version)
	_, err = store.SchemaOf(t.Context(), filepath.Join(t.TempDir(), "none.db"))
	require.Error(t, err)
}
