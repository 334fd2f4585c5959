package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
)

// ours is a release with a history.
func ours() config.Release {
	return config.Release{
		Versions: map[string]string{"crawlfleet": "v4"}, Schemas: map[string]int{"control": 3, "tenants": 2},
	}
}

func stamped(t *testing.T, stamp string) string {
	t.Helper()
	path := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(path, "fleet.json"), []byte(stamp), 0o600))
	return path
}

func TestOpenDir_RefusesANewerReleaseAndNamesBothAndWhatToType(t *testing.T) {
	t.Parallel()
	for name, stamp := range map[string]string{
		"layout": fmt.Sprintf(`{"fleet":"f-1","layout":%d,"versions":{"crawlfleet":"v9"},"schemas":{"control":3}}`,
			config.LayoutVersion+1),
		"control schema": fmt.Sprintf(`{"fleet":"f-1","layout":%d,"versions":{"crawlfleet":"v9"},"schemas":{"control":4}}`,
			config.LayoutVersion),
		"tenants schema": fmt.Sprintf(`{"fleet":"f-1","layout":%d,"versions":{"crawlfleet":"v9"},"schemas":{"tenants":3}}`,
			config.LayoutVersion),
	} {
		path := stamped(t, stamp)
		_, err := config.OpenDir(path, ours(), day)
		for range 2 {
			var e *fleet.Error
			require.ErrorAs(t, err, &e, name)
			require.Equal(t, fleet.CodeVersion, e.Code, name)
			require.Contains(t, e.Message, "was written by crawlfleet v9 (layout", name)
			require.Contains(t, e.Message, fmt.Sprintf(
				"newer than this crawlfleet v4 (layout %d, control schema 3, tenants schema 2)", config.LayoutVersion))
			require.Contains(t, e.Want, "crawlfleet v9", name)
			require.Contains(t, e.Hint, "crawlfleet restore", name)
			_, err = config.ReadDir(path, ours())
		}
		b, err := os.ReadFile(filepath.Join(path, "fleet.json"))
		require.NoError(t, err)
		require.JSONEq(t, stamp, string(b), "a refused directory is left as it was")
	}
}

func TestOpenDir_UpgradesAnOlderReleaseOnceAndKeepsBefore(t *testing.T) {
	t.Parallel()
	path := stamped(t, `{"fleet":"f-1","layout":1,"versions":{"crawlfleet":"v3"}}`)
	_, err := config.ReadDir(path, ours())
	require.Equal(t, fleet.CodeVersion, fleet.CodeOf(err))
	require.ErrorContains(t, err, "not upgraded")
	looked, err := config.LookDir(path)
	require.NoError(t, err)
	require.Equal(t, fleet.FleetID("f-1"), looked.Stamp.Fleet)

	r, kept := ours(), 0
	r.Keep = func(*config.Dir) error { return errors.New("no room") }
	_, err = config.OpenDir(path, r, day)
	require.ErrorContains(t, err, "no room")
	require.ErrorContains(t, err, "upgrade "+path+" from crawlfleet v3 (layout 1)")
	_, err = config.ReadDir(path, ours())
	require.Equal(t, fleet.CodeVersion, fleet.CodeOf(err), "what could not be kept is not upgraded")

	r.Keep = func(d *config.Dir) error {
		kept++
		require.Equal(t, "crawlfleet v3 (layout 1)", d.Stamp.String())
		return nil
	}
	for range 2 {
		d, err := config.OpenDir(path, r, day)
		require.NoError(t, err)
		require.Equal(t, fleet.FleetID("f-1"), d.Stamp.Fleet)
		require.NoError(t, d.Close())
	}
	require.Equal(t, 1, kept)
	d, err := config.ReadDir(path, ours())
	require.NoError(t, err)
	require.Equal(t, ours().Schemas, d.Stamp.Schemas)
	require.Equal(t, config.LayoutVersion, d.Stamp.Layout)
}

func TestLookDir_RefusesWhatIsNoStamp(t *testing.T) {
	t.Parallel()
	for _, stamp := range []string{"", "{", `{"layout":2}`, `{"fleet":"f-1"}`, `[]`} {
		_, err := config.LookDir(stamped(t, stamp))
		require.Equal(t, fleet.CodeVersion, fleet.CodeOf(err), stamp)
		require.ErrorContains(t, err, "fleet.json is not a stamp")
	}
}
