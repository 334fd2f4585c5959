package backup_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/backup"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/store/controldb"
	"github.com/crawlfleet/crawlfleet/internal/store/tenantdb"
)

var day = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func release() config.Release {
	return config.Release{
		Versions: map[string]string{"crawlfleet": "v1"},
		Schemas: map[string]int{
			backup.KindControl: controldb.SchemaVersion(), backup.KindTenants: tenantdb.SchemaVersion(),
		},
	}
}

// newFleet makes a data directory with two tenants, and opens none of its databases.
func newFleet(t *testing.T) *config.Dir {
	t.Helper()
	d, err := config.OpenDir(filepath.Join(t.TempDir(), "fleet"), release(), day)
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	_, err = d.Secret()
	require.NoError(t, err)
	control, err := controldb.Open(t.Context(), controldb.Options{
		Path: d.Control(), Fleet: d.Stamp.Fleet, Clock: time.Now, NewGUID: func() fleet.GUID { return "" },
	})
	require.NoError(t, err)
	require.NoError(t, control.Close())
	data, err := tenantdb.Open(tenantdb.Options{Dir: d.Tenants()})
	require.NoError(t, err)
	for _, tenant := range []fleet.TenantID{"acme", "shop"} {
		require.NoError(t, data.Create(t.Context(), tenant))
	}
	require.NoError(t, data.Shutdown())
	require.NoError(t, os.MkdirAll(d.Temporal(), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(d.Temporal(), "server.json"), []byte(`{"server":"1.2.3"}`), 0o600))
	for _, path := range databases(d.Path) {
		db := open(t, path)
		_, err := db.Exec(`CREATE TABLE step (n INTEGER PRIMARY KEY, ballast BLOB NOT NULL)`)
		require.NoError(t, err)
	}
	return d
}

func databases(dir string) []string {
	return []string{
		filepath.Join(dir, "control.db"), filepath.Join(dir, "tenants", "acme", "data.db"),
		filepath.Join(dir, "tenants", "shop", "data.db"), filepath.Join(dir, "temporal", "temporal.db"),
		filepath.Join(dir, "temporal", "visibility.db"),
	}
}

func open(t *testing.T, path string) *sql.DB {
	t.Helper()
	q := url.Values{"_pragma": {"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(NORMAL)"}}
	db, err := sql.Open("sqlite", "file:"+path+"?"+q.Encode())
	require.NoError(t, err)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func steps(t *testing.T, path string) (n int) {
	t.Helper()
	require.NoError(t, open(t, path).QueryRow(`SELECT count(*) FROM step`).Scan(&n))
	return n
}

func restored(t *testing.T, archive string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "restored")
	_, err := backup.Restore(t.Context(), backup.RestoreOptions{
		Archive: archive, Dir: dir, Release: release(), Now: day,
	})
	require.NoError(t, err)
	return dir
}

// TestCreate_IsOneInstantOfDatabasesThatAreWritten: a writer takes one step after the
// other, each in all databases in their order. At every instant a database is at most one
// step ahead of those behind it, and never behind one of them.
func TestCreate_IsOneInstantOfDatabasesThatAreWritten(t *testing.T) {
	t.Parallel()
	d := newFleet(t)
	var all []*sql.DB
	for _, path := range databases(d.Path) {
		all = append(all, open(t, path))
	}
	ctx, stop := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	stepped := make(chan int, 1)
	writer.Go(func() {
		defer close(stepped)
		for n := 1; ctx.Err() == nil; n++ {
			for _, db := range all {
				if _, err := db.Exec(`INSERT INTO step VALUES (?, randomblob(?))`, n, ballast(n)); err != nil {
					t.Error(err)
					return
				}
			}
			select {
			case <-stepped:
			default:
			}
			stepped <- n
		}
	})
	t.Cleanup(func() { stop(); writer.Wait() })
	for n := range stepped {
		if n > heavy {
			break
		}
	}
	for round := range 10 {
		archive := filepath.Join(t.TempDir(), "archive.tar.gz")
		before := steps(t, databases(d.Path)[0])
		r, err := backup.Create(t.Context(), d, archive)
		require.NoError(t, err)
		require.Equal(t, len(all), r.Databases)
		dir := restored(t, archive)
		var got []int
		for _, path := range databases(dir) {
			got = append(got, steps(t, path))
		}
		first, last := got[0], got[len(got)-1]
		for i := 1; i < len(got); i++ {
			require.LessOrEqual(t, got[i], got[i-1], "round %d: %v", round, got)
		}
		require.LessOrEqual(t, first-last, 1, "round %d: %v", round, got)
		require.GreaterOrEqual(t, first, before)
		after := steps(t, databases(d.Path)[0])
		require.Greater(t, after, first, "the writer went on")
		t.Logf("steps %v of %d to %d; writers waited %s, it took %s", got, before, after, r.Locked.Std(), r.Took.Std())
	}
}

// heavy is how many steps are large, so that there is something to copy. Those that follow
// are small and quick: many fall into the moment in which the databases are pinned.
const heavy = 50

func ballast(n int) int {
	if n <= heavy {
		return 20_000
	}
	return 0
}

func TestCreate_LeavesTheDirectoryAloneAndRefusesToReplaceAnArchive(t *testing.T) {
	t.Parallel()
	d, out := newFleet(t), t.TempDir()
	archive := filepath.Join(out, "archive.tar.gz")
	r, err := backup.Create(t.Context(), d, archive)
	require.NoError(t, err)
	require.Equal(t, d.Stamp.Fleet, r.Fleet)
	info, err := os.Stat(archive)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), "it holds the fleet's secret")
	require.Equal(t, info.Size(), r.Packed)
	require.Equal(t, []string{"archive.tar.gz"}, names(t, out))

	_, err = backup.Create(t.Context(), d, archive)
	require.ErrorContains(t, err, "exists")
	require.NoError(t, os.Remove(d.Control()))
	_, err = backup.Create(t.Context(), d, archive+"2")
	require.Equal(t, fleet.CodeNotFound, fleet.CodeOf(err))
	require.Equal(t, []string{"archive.tar.gz"}, names(t, out))
}

func TestCreate_RefusesAFleetWhoseTemporalServerIsElsewhere(t *testing.T) {
	t.Parallel()
	d := newFleet(t)
	require.NoError(t, os.RemoveAll(d.Temporal()))
	_, err := backup.Create(t.Context(), d, filepath.Join(t.TempDir(), "a"))
	require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err))
	require.ErrorContains(t, err, "Temporal server")
}

func TestCreate_RefusesADamagedDatabase(t *testing.T) {
	t.Parallel()
	d := newFleet(t)
	path := filepath.Join(d.Tenants(), "acme", "data.db")
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	copy(b[4096:8192], make([]byte, 4096)) // the second page is the first of a table
	require.NoError(t, os.WriteFile(path, b, 0o600))
	out := t.TempDir()
	_, err = backup.Create(t.Context(), d, filepath.Join(out, "a"))
	require.ErrorContains(t, err, filepath.Join("acme", "data.db"))
	require.Empty(t, names(t, out))
}

func TestCreate_GivesTheLocksBackWhenItCannotHaveAll(t *testing.T) {
	t.Parallel()
	d := newFleet(t)
	holder := open(t, filepath.Join(d.Temporal(), "temporal.db"))
	tx, err := holder.Begin()
	require.NoError(t, err)
	_, err = tx.Exec(`INSERT INTO step VALUES (1, '')`)
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second) // some tries, each of which has to let go
	defer cancel()
	control := open(t, d.Control())
	var writer sync.WaitGroup
	writer.Go(func() {
		for n := 1; ctx.Err() == nil; n++ {
			if _, err := control.Exec(`INSERT INTO step VALUES (?, '')`, n); err != nil {
				t.Error(err)
			}
		}
	})
	_, err = backup.Create(ctx, d, filepath.Join(t.TempDir(), "a"))
	writer.Wait()
	require.Error(t, err)
	require.NoError(t, tx.Rollback())
	require.Positive(t, steps(t, d.Control()), "others wrote between two tries")
	_, err = backup.Create(t.Context(), d, filepath.Join(t.TempDir(), "b"))
	require.NoError(t, err)
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	all := []string{}
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return all
}

func TestCopyDatabase_OfAMissingOneMakesNone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	err := backup.CopyDatabase(t.Context(), filepath.Join(dir, "none.db"), filepath.Join(dir, "copy.db"))
	require.Error(t, err)
	require.Empty(t, names(t, dir), fmt.Sprint(err))
}
