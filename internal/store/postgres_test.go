package store_test

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
	"github.com/crawlfleet/crawlfleet/internal/store/pgtest"
)

// Two processes are one writer: what one reads and writes back, the other has not
// changed in between.
func TestPostgres_OneWriterOfAllProcesses(t *testing.T) {
	t.Parallel()
	open := postgres(t)
	processes := []*store.DB{opened(t, open), opened(t, open), opened(t, open)}
	require.NoError(t, processes[0].Write(t.Context(), insert(0)))
	const each = 30
	var all sync.WaitGroup
	for _, db := range processes {
		all.Go(func() {
			for range each {
				if err := db.Write(context.Background(), increment); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	var n int
	require.NoError(t, processes[0].Read(t.Context(), func(tx *store.Tx) error {
		return tx.One(`SELECT n FROM numbers`, nil, &n)
	}))
	require.Equal(t, each*len(processes), n)
}

func increment(tx *store.Tx) error {
	var n int
	if err := tx.One(`SELECT n FROM numbers`, nil, &n); err != nil {
		return err
	}
	_, err := tx.Exec(`UPDATE numbers SET n = ? WHERE n = ?`, n+1, n)
	return err
}

func TestPostgres_ProcessesThatStartTogetherMigrateOnce(t *testing.T) {
	t.Parallel()
	open := postgres(t)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			db, err := open(false)
			if err == nil {
				err = db.Migrate(context.Background(), numbers)
			}
			if err == nil {
				err = db.Close()
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestPostgres_TextOfAnySiteInTheOrderOfItsBytes(t *testing.T) {
	t.Parallel()
	db := opened(t, postgres(t))
	words := []string{"b", "a", "B", "\x00\xff", "é"}
	require.NoError(t, db.Write(t.Context(), func(tx *store.Tx) error {
		for i, w := range words {
			if _, err := tx.Exec(`INSERT INTO numbers VALUES (?, ?)`, i, w); err != nil {
				return err
			}
		}
		return nil
	}))
	var got []string
	require.NoError(t, db.Read(t.Context(), func(tx *store.Tx) error {
		rows, err := tx.Query(`SELECT word FROM numbers ORDER BY word`)
		if err != nil {
			return err
		}
		defer func() { require.NoError(t, rows.Close()) }()
		for rows.Next() {
			var w string
			if err := rows.Scan(&w); err != nil {
				return err
			}
			got = append(got, w)
		}
		return rows.Err()
	}))
	require.Equal(t, []string{"B", "a", "b", "é", "\uFFFD\uFFFD"}, got)
}

// A server that crashes is waited for by who has not begun; who has is told that it may
// ask again.
func TestPostgres_SurvivesItsServersCrash(t *testing.T) {
	t.Parallel()
	server, err := pgtest.Start(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, server.Stop()) }()
	url, err := server.Database(t.Context())
	require.NoError(t, err)
	db := opened(t, func(bool) (*store.DB, error) {
		p, err := store.ParsePostgres(url, "numbers")
		require.NoError(t, err)
		return p.Open(store.PostgresPool{}), nil
	})
	require.NoError(t, db.Write(t.Context(), insert(1)))
	require.Equal(t, 1, count(t, db))

	waiting := make(chan error, 1)
	err = db.Write(t.Context(), func(tx *store.Tx) error {
		require.NoError(t, insert(2)(tx))
		require.NoError(t, server.Restart(context.Background(), func() {
			go func() {
				waiting <- db.Read(context.Background(), func(tx *store.Tx) error {
					return tx.One(`SELECT 1`, nil, new(int))
				})
			}()
		}))
		return insert(3)(tx)
	})
	require.Equal(t, fleet.CodeUnavailable, fleet.CodeOf(err), "%v", err)
	require.NoError(t, <-waiting)
	require.Equal(t, 1, count(t, db), "what was not committed is gone")
	require.NoError(t, db.Write(t.Context(), insert(4)))
	require.Equal(t, 2, count(t, db))
}

func TestPostgres_ErrorsNeverShowThePassword(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t-and-wrong"
	server := pgtest.Shared(t)
	for name, url := range map[string]fleet.Secret{
		"not a URL":      secret,
		"another scheme": "mysql://u:" + secret + "@host/db",
		"a bad port":     "postgres://u:" + secret + "@host:port/db",
		"a bad option":   "postgres://u:" + secret + "@host/db?sslmode=maybe",
		"wrong password": server.URL("fleet", secret, "postgres"),
		"no such user":   server.URL("nobody", secret, "postgres"),
	} {
		p, err := store.ParsePostgres(url, "s")
		if err == nil {
			db := p.Open(store.PostgresPool{})
			err = db.Migrate(t.Context(), numbers)
			require.Equal(t, fleet.CodeUnavailable, fleet.CodeOf(err), name)
			require.NoError(t, db.Close())
		} else {
			require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err), name)
		}
		for e := err; e != nil; {
			require.NotContains(t, e.Error(), secret, name)
			u, ok := e.(interface{ Unwrap() error })
			if !ok {
				break
			}
			e = u.Unwrap()
		}
	}
}
