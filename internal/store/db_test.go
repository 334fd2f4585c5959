package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/internal/store"
	"github.com/crawlfleet/crawlfleet/internal/store/pgtest"
)

func TestMain(m *testing.M) { os.Exit(pgtest.Main(m)) }

var numbers = fstest.MapFS{
	"sqlite/00001_numbers.sql": {Data: []byte(
		"-- +goose Up\nCREATE TABLE numbers (n INTEGER PRIMARY KEY, word TEXT NOT NULL);\n")},
	"postgres/00001_numbers.sql": {Data: []byte(
		"-- +goose Up\nCREATE TABLE numbers (n BIGINT PRIMARY KEY, word TEXT COLLATE \"C\" NOT NULL);\n")},
}

// opener opens a database again and again: a file or one on a server.
type opener func(readOnly bool) (*store.DB, error)

func sqlite(t testing.TB) opener {
	path := filepath.Join(t.TempDir(), "a ?#%.db") // characters that a URL gives a meaning
	return func(readOnly bool) (*store.DB, error) { return store.OpenSQLite(path, readOnly) }
}

func postgres(t testing.TB) opener {
	url := pgtest.Database(t)
	return func(readOnly bool) (*store.DB, error) {
		p, err := store.ParsePostgres(url, "a schema-name")
		if err != nil {
			return nil, err
		}
		return p.Open(store.PostgresPool{ReadOnly: readOnly, Readers: 4}), nil
	}
}

// both runs a test on both dialects.
func both(t *testing.T, test func(*testing.T, opener)) {
	t.Parallel()
	for name, open := range map[string]func(testing.TB) opener{"sqlite": sqlite, "postgres": postgres} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// opened is a database with an empty table of numbers.
func opened(t testing.TB, open opener) *store.DB {
	t.Helper()
	db, err := open(false)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	require.NoError(t, db.Migrate(context.Background(), numbers))
	return db
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
	both(t, func(t *testing.T, open opener) {
		db := opened(t, open)
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
	})
}

func TestDB_MigratesOnce(t *testing.T) {
	both(t, func(t *testing.T, open opener) {
		db := opened(t, open)
		require.NoError(t, db.Write(t.Context(), insert(1)))
		require.NoError(t, db.Migrate(t.Context(), numbers))
		require.Equal(t, 1, count(t, db))
	})
}

func TestDB_ManyAtATime(t *testing.T) {
	both(t, func(t *testing.T, open opener) {
		db := opened(t, open)
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
	})
}

func TestDB_ReadOnlyRefusesToWriteAndToCreate(t *testing.T) {
	both(t, func(t *testing.T, open opener) {
		early, err := open(true)
		require.NoError(t, err)
		defer func() { require.NoError(t, early.Close()) }()
		require.Error(t, early.Read(t.Context(), func(tx *store.Tx) error {
			return tx.One(`SELECT count(*) FROM numbers`, nil, new(int))
		}))
		db := opened(t, open)
		require.NoError(t, db.Write(t.Context(), insert(1)))
		ro, err := open(true)
		require.NoError(t, err)
		defer func() { require.NoError(t, ro.Close()) }()
		require.Equal(t, 1, count(t, ro))
		require.Regexp(t, "read-?only", ro.Write(t.Context(), insert(2)))
	})
}

func TestDB_ReadSeesOneMoment(t *testing.T) {
	both(t, func(t *testing.T, open opener) {
		db := opened(t, open)
		require.NoError(t, db.Read(t.Context(), func(tx *store.Tx) error {
			var before, after int
			require.NoError(t, tx.One(`SELECT count(*) FROM numbers`, nil, &before))
			require.NoError(t, db.Write(t.Context(), insert(1)))
			require.NoError(t, tx.One(`SELECT count(*) FROM numbers`, nil, &after))
			require.Equal(t, before, after)
			return nil
		}))
	})
}

func TestDB_WaitForTheWriterEndsWithTheContext(t *testing.T) {
	both(t, func(t *testing.T, open opener) {
		db := opened(t, open)
		require.NoError(t, db.Write(t.Context(), func(*store.Tx) error {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			require.ErrorIs(t, db.Write(ctx, insert(1)), context.Canceled)
			return nil
		}))
	})
}

func TestTx_ErrorsNameTheQuery(t *testing.T) {
	both(t, func(t *testing.T, open opener) {
		db := opened(t, open)
		require.NoError(t, db.Read(t.Context(), func(tx *store.Tx) error {
			err := tx.One(`SELECT word
				FROM numbers WHERE n = ?`, []any{7}, new(string))
			require.ErrorIs(t, err, sql.ErrNoRows)
			require.ErrorContains(t, err, "SELECT word FROM numbers WHERE n = ?")
			return nil
		}))
		err := db.Read(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Query(`SELECT word FROM nowhere`)
			return err
		})
		require.Regexp(t, "SELECT word FROM nowhere: .*(no such table|does not exist)", err)
	})
}

// Queries that are put together at run time are run all the same once the cache of
// statements is full.
func TestTx_MoreQueriesThanTheCacheHolds(t *testing.T) {
	both(t, func(t *testing.T, open opener) {
		db := opened(t, open)
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
	})
}

func BenchmarkWrite(b *testing.B) {
	for name, open := range map[string]func(testing.TB) opener{"sqlite": sqlite, "postgres": postgres} {
		b.Run(name, func(b *testing.B) { benchmarkWrite(b, open(b)) })
	}
}

func benchmarkWrite(b *testing.B, open opener) {
	db := opened(b, open)
	n := 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		if err := db.Write(b.Context(), insert(n)); err != nil {
			b.Fatal(err)
		}
	}
}
