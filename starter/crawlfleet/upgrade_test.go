package main

import (
	"bytes"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/store"
	"github.com/crawlfleet/crawlfleet/internal/store/controldb"
)

// ofTheLastRelease makes a data directory as the first release left it: its stamp has no
// schemas, and its control database was made by the first migration alone.
func ofTheLastRelease(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data")
	require.NoError(t, os.MkdirAll(path, 0o700))
	stamp := `{"fleet":"f-0123456789ab","layout":1,"created":"2026-10-01T12:00:00Z","versions":{"crawlfleet":"v0.1.0"}}`
	require.NoError(t, os.WriteFile(filepath.Join(path, "fleet.json"), []byte(stamp), 0o600))
	found, err := filepath.Glob(filepath.Join(root, "internal/store/controldb/migrations/sqlite/00001_*.sql"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	first, err := os.ReadFile(found[0])
	require.NoError(t, err)
	db, err := store.OpenSQLite(filepath.Join(path, "control.db"), false)
	require.NoError(t, err)
	require.NoError(t, db.Migrate(t.Context(), fstest.MapFS{"sqlite/00001_control.sql": {Data: first}}))
	require.NoError(t, db.Write(t.Context(), func(tx *store.Tx) error {
		for _, insert := range []string{
			`INSERT INTO fleet (one, id) VALUES (1, 'f-0123456789ab')`,
			`INSERT INTO tenants (tenant, name, labels, state, created_at) VALUES ('acme', 'Acme', '{}', 'ready', 1)`,
			`INSERT INTO plans VALUES ('acme', 5, 4, 20, 1000, 0, 1)`,
		} {
			if _, err := tx.Exec(insert); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, db.Close())
	return path
}

func TestUpgrade_OfTheLastReleaseKeepsTheControlDatabaseAndSaysSo(t *testing.T) {
	t.Parallel()
	path := ofTheLastRelease(t)
	environ := []string{"HOME=" + t.TempDir(), "CRAWLFLEET_DATA_DIR=" + path, "TEMPORAL_CONFIG_FILE=/none"}
	read := func(args ...string) outcome {
		var out, problems bytes.Buffer
		code := run(t.Context(), args, environ, Stdio{In: strings.NewReader(""), Out: &out, Err: &problems})
		return outcome{code: code, out: out.String(), err: problems.String()}
	}
	refused := read("tenant", "list")
	require.Equal(t, exitError, refused.code, "nobody reads rows that a newer program would misread")
	require.Contains(t, refused.err, "crawlfleet v0.1.0 (layout 1)")
	require.Contains(t, refused.err, "crawlfleet dev --data-dir "+path)

	log, said := observer.New(zap.InfoLevel)
	d, err := openDir(t.Context(), path, zap.New(log))
	require.NoError(t, err)
	require.Equal(t, fleet.FleetID("f-0123456789ab"), d.Stamp.Fleet)
	require.Equal(t, 1, said.Len())
	require.Contains(t, said.All()[0].ContextMap()["from"], "crawlfleet v0.1.0")
	kept, err := filepath.Glob(filepath.Join(path, "upgrades", "control-*.db"))
	require.NoError(t, err)
	require.Equal(t, []string{said.All()[0].ContextMap()["the control database as it was"].(string)}, kept)

	control, err := openControl(t.Context(), config.Default(path), d, false)
	require.NoError(t, err)
	require.NoError(t, control.Close())
	version, err := store.SchemaOf(t.Context(), d.Control())
	require.NoError(t, err)
	require.Equal(t, controldb.SchemaVersion(), version)
	require.NoError(t, d.Close())

	db, err := sql.Open("sqlite", "file:"+kept[0]+"?mode=ro&immutable=1")
	require.NoError(t, err)
	t.Cleanup(func() { _ = db.Close() })
	var tenant string
	require.NoError(t, db.QueryRow(`SELECT max(version_id) || ' ' || (SELECT tenant FROM tenants) FROM goose_db_version`).
		Scan(&tenant))
	require.Equal(t, "1 acme", tenant, "the copy is of before")
	got := read("tenant", "list", "-o", "jsonl")
	require.Zero(t, got.code, got.err)
	require.Contains(t, got.out, `"tenant":"acme"`)

	again, err := openDir(t.Context(), path, zap.New(log))
	require.NoError(t, err)
	require.NoError(t, again.Close())
	require.Equal(t, 1, said.Len(), "once")
}

func TestBackup_RefusesWhatIsNotAllInTheDirectory(t *testing.T) {
	t.Parallel()
	got := runWith(t, program{environ: []string{"TEMPORAL_ADDRESS=127.0.0.1:1"}}, "backup", "-o", "json")
	require.Equal(t, exitError, got.code)
	require.Contains(t, got.err, `"field":"TEMPORAL_ADDRESS"`)
	got = runWith(t, program{}, "backup", filepath.Join(t.TempDir(), "a"))
	require.Contains(t, got.err, "has not been started yet")
	require.Contains(t, runWith(t, program{}, "restore", "/none").err, "dataDir: ")
}
