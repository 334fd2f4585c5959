package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/internal/store"
)

var numbers = fstest.MapFS{"00001_numbers.sql": {Data: []byte(
	"-- +goose Up\nCREATE TABLE numbers (n INTEGER PRIMARY KEY, word TEXT NOT NULL);\n")}}

func opened(t testing.TB) (*store.DB, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a ?#%.db") // characters that a URL gives a meaning
	db, err := store.OpenSQLite(path, false)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.Migrate(context.Background(), numbers))
	return db, path
}

func insert(n int) func(*store.Tx) error {
	return func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO numbers VALUES (?, ?)`, n, fmt.Sprint(n))
		return err
	}
}

func count(t testing.TB, db *store.DB) (n int) {
	t.Helper()
	require.NoError(t, db.Read(context.Background(), func(tx *store.Tx) error {
		return tx.One(`SELECT count(*) FROM numbers`, nil, &n)
	}))
	return n
}

func TestDB_CommitsAndRollsBack(t *testing.T) {
	t.Parallel()
	db, path := opened(t)
	require.FileExists(t, path)
	require.NoError(t, db.Write(t.Context(), insert(1)))
	boom := errors.New("boom")
	err := db.Write(t.Context(), func(tx *store.Tx) error {
		require.NoError(t, insert(2)(tx))
		return boom
	})
	require.ErrorIs(t, err, boom)
	require.Panics(t, func() {
		_ = db.Write(t.Context(), func(tx *store.Tx) error {
			require.NoError(t, insert(3)(tx))
			panic("a defect")
		})
	})
	require.Equal(t, 1, count(t, db))
	require.NoError(t, db.Write(t.Context(), insert(4)), "the writer was given back")
}

func TestDB_MigratesOnce(t *testing.T) {
	t.Parallel()
	db, _ := opened(t)
	require.NoError(t, db.Write(t.Context(), insert(1)))
	require.NoError(t, db.Migrate(t.Context(), numbers))
	require.Equal(t, 1, count(t, db))
}

func TestDB_ManyAtATime(t *testing.T) {
	t.Parallel()
	db, _ := opened(t)
	var all sync.WaitGroup
	for g := range 16 {
		all.Go(func() {
			for i := range 20 {
				if err := db.Write(context.Background(), insert(g*100+i)); err != nil {
					t.Error(err)
				}
				count(t, db)
			}
		})
	}
	all.Wait()
	require.Equal(t, 320, count(t, db))
}

func TestDB_ReadOnlyRefusesToWriteAndToCreate(t *testing.T) {
	t.Parallel()
	db, path := opened(t)
	require.NoError(t, db.Write(t.Context(), insert(1)))
	ro, err := store.OpenSQLite(path, true)
	require.NoError(t, err)
	defer func() { require.NoError(t, ro.Close()) }()
	require.Equal(t, 1, count(t, ro))
	require.ErrorContains(t, ro.Write(t.Context(), insert(2)), "readonly")

	missing, err := store.OpenSQLite(filepath.Join(t.TempDir(), "none.db"), true)
	require.NoError(t, err)
	defer func() { require.NoError(t, missing.Close()) }()
	require.Error(t, missing.Read(t.Context(), func(tx *store.Tx) error {
		return tx.One(`SELECT 1`, nil, new(int))
	}))
}

func TestDB_ReadSeesOneMoment(t *testing.T) {
	t.Parallel()
	db, _ := opened(t)
	require.NoError(t, db.Read(t.Context(), func(tx *store.Tx) error {
		var before, after int
		require.NoError(t, tx.One(`SELECT count(*) FROM numbers`, nil, &before))
		require.NoError(t, db.Write(t.Context(), insert(1)))
		require.NoError(t, tx.One(`SELECT count(*) FROM numbers`, nil, &after))
		require.Equal(t, before, after)
		return nil
	}))
}

func TestDB_WaitForTheWriterEndsWithTheContext(t *testing.T) {
	t.Parallel()
	db, _ := opened(t)
	require.NoError(t, db.Write(t.Context(), func(*store.Tx) error {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, db.Write(ctx, insert(1)), context.Canceled)
		return nil
	}))
}

func TestTx_ErrorsNameTheQuery(t *testing.T) {
	t.Parallel()
	db, _ := opened(t)
	require.NoError(t, db.Read(t.Context(), func(tx *store.Tx) error {
		err := tx.One(`SELECT word
			FROM numbers WHERE n = ?`, []any{7}, new(string))
		require.ErrorIs(t, err, sql.ErrNoRows)
		require.ErrorContains(t, err, "SELECT word FROM numbers WHERE n = ?")
		_, err = tx.Query(`SELECT word FROM nowhere`)
		require.ErrorContains(t, err, "no such table")
		return nil
	}))
}

// Queries that are put together at run time are run all the same once the cache of
// statements is full.
func TestTx_MoreQueriesThanTheCacheHolds(t *testing.T) {
	t.Parallel()
	db, _ := opened(t)
	for i := range 300 {
		require.NoError(t, db.Write(t.Context(), func(tx *store.Tx) error {
			var n int
			query := fmt.Sprintf(`SELECT %d`, i)
			for range 2 {
				require.NoError(t, tx.One(query, nil, &n))
				require.Equal(t, i, n)
			}
			return nil
		}))
	}
}

func BenchmarkWrite(b *testing.B) {
	db, _ := opened(b)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		if err := db.Write(b.Context(), insert(n)); err != nil {
			b.Fatal(err)
		}
	}
}
