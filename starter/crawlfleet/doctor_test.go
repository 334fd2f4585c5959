package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/store"
	"github.com/crawlfleet/crawlfleet/providers/process"
)

// examined runs the doctor on a data directory with real stores and programs that are
// stand-ins, and gives its verdicts by check.
func examined(t *testing.T, path string, environ ...string) (map[string][]verdict, int) {
	t.Helper()
	program, err := os.Executable() // it has build information, as ours have
	require.NoError(t, err)
	environ = append([]string{
		"HOME=" + t.TempDir(), "CRAWLFLEET_DATA_DIR=" + path, "TEMPORAL_CONFIG_FILE=/none",
		"CRAWLFLEET_PROCESS_CRAWLER=" + program, "CRAWLFLEET_TEMPORAL_SERVER=" + program,
	}, environ...)
	before := listing(t, path)
	var out, problems bytes.Buffer
	code := run(t.Context(), []string{"doctor", "-o", "json"}, environ, Stdio{
		In: strings.NewReader(""), Out: &out, Err: &problems,
	})
	require.Equal(t, before, listing(t, path), "it changes nothing")
	var all []verdict
	require.NoError(t, json.Unmarshal(out.Bytes(), &all), "%s%s", out.String(), problems.String())
	byCheck := map[string][]verdict{}
	for _, v := range all {
		if v.State != healthOK {
			require.NotEmpty(t, v.Type, "what to type for %+v", v)
		}
		byCheck[v.Check] = append(byCheck[v.Check], v)
	}
	return byCheck, code
}

// listing names the files of a directory with what they hold. A reader of SQLite makes
// and removes the index of the log beside a database.
func listing(t *testing.T, path string) map[string]string {
	t.Helper()
	all := map[string]string{}
	_ = filepath.WalkDir(path, func(name string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() || strings.HasSuffix(name, "-shm") || strings.HasSuffix(name, "-wal") {
			return nil
		}
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		all[name] = string(b)
		return nil
	})
	return all
}

// fleetThatIsDown makes the directory of a fleet that has run.
func fleetThatIsDown(t *testing.T) *config.Dir {
	t.Helper()
	d, err := config.OpenDir(filepath.Join(t.TempDir(), "data"), thisRelease(), at)
	require.NoError(t, err)
	_, err = d.Secret()
	require.NoError(t, err)
	control, err := openControl(t.Context(), config.Default(d.Path), d, false)
	require.NoError(t, err)
	_, err = control.OpenTenant(t.Context(), fleet.TenantInput{Tenant: "acme"})
	require.NoError(t, err)
	require.NoError(t, control.Close())
	require.NoError(t, d.Close())
	return d
}

func TestDoctor_OfAFleetThatIsDownChecksWhatCanBe(t *testing.T) {
	t.Parallel()
	d := fleetThatIsDown(t)
	got, code := examined(t, d.Path)
	require.Zero(t, code, "%+v", got)
	require.Equal(t, healthWarn, got["fleet"][0].State)
	require.Equal(t, "crawlfleet dev", got["fleet"][0].Type)
	for _, check := range []string{
		"configuration", "program crawlfleet-crawler", "program crawlfleet-server", "open files", "source addresses",
		"data directory", "databases", "control store", "places", "waiting tickets", "crawlers",
	} {
		require.NotEmpty(t, got[check], check)
		require.NotEqual(t, healthFail, got[check][0].State, "%+v", got[check])
	}
	require.Contains(t, got["control store"][0].Says, "1 tenants")
	require.Empty(t, got["temporal"], "there is none to ask")
	require.Empty(t, got["permissions"])
}

func TestDoctor_OfASpoiledDirectoryNamesEachSpoiltThing(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		spoil func(t *testing.T, d *config.Dir)
		check string
		state health
		says  string
		typed string
	}{
		"open to all": {func(t *testing.T, d *config.Dir) {
			require.NoError(t, os.Chmod(d.Path, 0o755))
		}, "permissions", healthWarn, "others than its owner", "chmod 700"},
		"no secret": {func(t *testing.T, d *config.Dir) {
			require.NoError(t, os.Remove(filepath.Join(d.Path, "secret")))
		}, "permissions", healthFail, "secret is missing", "crawlfleet restore"},
		"no stamp": {func(t *testing.T, d *config.Dir) {
			require.NoError(t, os.Remove(filepath.Join(d.Path, "fleet.json")))
		}, "data directory", healthFail, "no fleet in", "crawlfleet dev"},
		"a broken stamp": {func(t *testing.T, d *config.Dir) {
			require.NoError(t, os.WriteFile(filepath.Join(d.Path, "fleet.json"), []byte("{"), 0o600))
		}, "data directory", healthFail, "not a stamp", "crawlfleet restore"},
		"a newer release": {func(t *testing.T, d *config.Dir) {
			d.Stamp.Schemas = map[string]int{"control": 9999}
			require.NoError(t, config.WriteStamp(d.Path, d.Stamp))
		}, "release", healthFail, "control schema 9999", "crawlfleet restore"},
		"an older release": {func(t *testing.T, d *config.Dir) {
			d.Stamp.Layout = 1
			require.NoError(t, config.WriteStamp(d.Path, d.Stamp))
		}, "release", healthWarn, "layout 1", "crawlfleet dev"},
		"no database": {func(t *testing.T, d *config.Dir) {
			require.NoError(t, os.WriteFile(d.Control(), bytes.Repeat([]byte("spoilt"), 1000), 0o600))
		}, "control store", healthFail, "not a database", "crawlfleet restore"},
		"a process without a row": {func(t *testing.T, d *config.Dir) {
			lives(t, d, "01234567-89ab-7def-8123-456789abcdef")
		}, "crawlers", healthWarn, "whose row has ended", "crawlfleet crawler show"},
		"a row without a process": {func(t *testing.T, d *config.Dir) {
			db, err := store.OpenSQLite(d.Control(), false)
			require.NoError(t, err)
			require.NoError(t, db.Write(t.Context(), func(tx *store.Tx) error {
				_, err := tx.Exec(`INSERT INTO crawlers (guid, tenant, state, offering, provider, account, country,
					region, slots, idle_after, price, currency, grain, reserved_at, launched_at) VALUES
					('01234567-89ab-7def-8123-456789abcdef', 'acme', 'serving', 'o', 'process', 'process', 'DE', 'r',
					1, 0, 0, 'EUR', 'second', 1, 1)`)
				return err
			}))
			require.NoError(t, db.Close())
		}, "crawlers", healthWarn, "is serving and has no process; the next start", "crawlfleet dev"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := fleetThatIsDown(t)
			tc.spoil(t, d)
			got, code := examined(t, d.Path)
			require.NotEmpty(t, got[tc.check], "%+v", got)
			v := got[tc.check][0]
			require.Equal(t, tc.state, v.State, "%+v", v)
			require.Contains(t, v.Says, tc.says)
			require.Contains(t, v.Type, tc.typed)
			require.Equal(t, tc.state == healthFail, code == exitError, "exit %d", code)
		})
	}
}

// lives writes the record of a crawler whose process lives: its lock is held.
func lives(t *testing.T, d *config.Dir, g fleet.GUID) {
	t.Helper()
	began := time.Now().Add(-time.Hour)
	require.NoError(t, process.Left(d.Crawlers(), []fleet.Instance{{
		Key: fleet.Key{Fleet: d.Stamp.Fleet, Tenant: "acme", GUID: g}, CreatedAt: began,
	}}, began))
	name := filepath.Join(d.Crawlers(), "live", string(g)+".json")
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	var record map[string]any
	require.NoError(t, json.Unmarshal(b, &record))
	delete(record, "endedAt")
	record["pid"] = os.Getpid()
	b, err = json.Marshal(record)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(name, b, 0o600))
	lock, err := os.Create(strings.TrimSuffix(name, ".json") + ".lock")
	require.NoError(t, err)
	t.Cleanup(func() { _ = lock.Close() })
	require.NoError(t, syscall.Flock(int(lock.Fd()), syscall.LOCK_EX))
}

func TestDoctor_OfAMachineThatCannotRunAFleet(t *testing.T) {
	t.Parallel()
	d := fleetThatIsDown(t)
	got, code := examined(t, d.Path, "CRAWLFLEET_PROCESS_CRAWLER=/nowhere/crawler", "CRAWLFLEET_MISSPELT=1",
		"CRAWLFLEET_TEMPORAL_SERVER="+d.Control(), "CRAWLFLEET_PROCESS_ADDRESSES=203.0.113.7")
	require.Equal(t, exitError, code)
	require.Equal(t, healthFail, got["program crawlfleet-crawler"][0].State)
	require.Equal(t, healthFail, got["program crawlfleet-server"][0].State)
	require.Contains(t, got["configuration"][0].Says, "CRAWLFLEET_MISSPELT")
	require.Equal(t, healthFail, got["source addresses"][0].State)
	require.Contains(t, got["source addresses"][0].Says, "203.0.113.7")

	got, code = examined(t, d.Path, "TEMPORAL_ADDRESS=127.0.0.1:1")
	require.Equal(t, exitError, code)
	require.Equal(t, healthFail, got["temporal"][0].State)
	got, code = examined(t, d.Path, "CRAWLFLEET_CRAWLER_IDLE_AFTER=soon")
	require.Equal(t, exitError, code)
	require.Equal(t, healthFail, got["configuration"][0].State)
}
