package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
)

func TestDir_RemembersItsStoreAndStaysWithItsRows(t *testing.T) {
	t.Parallel()
	const at = fleet.Secret("postgres://u:s3cret@h/d")
	d := open(t, t.TempDir())
	none, err := d.Store("")
	require.NoError(t, err)
	require.Empty(t, none)
	for _, setting := range []fleet.Secret{at, "", at} {
		got, err := d.Store(setting)
		require.NoError(t, err)
		require.Equal(t, at, got)
	}
	info, err := os.Stat(filepath.Join(d.Path, "store"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	reader, err := config.ReadDir(d.Path, config.Release{})
	require.NoError(t, err)
	got, err := reader.Store("postgres://elsewhere/d")
	require.NoError(t, err)
	require.Equal(t, fleet.Secret("postgres://elsewhere/d"), got)
	got, err = reader.Store("")
	require.NoError(t, err)
	require.Equal(t, at, got, "a reader records nothing")

	inFiles := open(t, t.TempDir())
	require.NoError(t, os.WriteFile(inFiles.Control(), nil, 0o600))
	_, err = inFiles.Store(at)
	require.Equal(t, fleet.CodeConflict, fleet.CodeOf(err))
	require.NotContains(t, err.Error(), "s3cret")
}
