package config_test

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
)

var day = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func TestOpenDir_StampsOnceAndKeepsTheFleet(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "fleet")
	d := open(t, path)
	secret, err := d.Secret()
	require.NoError(t, err)
	require.NotEmpty(t, secret.Reveal())
	require.NoError(t, d.Close())

	again, err := config.OpenDir(path, config.Release{Versions: map[string]string{"crawlfleet": "v2"}}, day.Add(time.Hour))
	require.NoError(t, err)
	t.Cleanup(func() { _ = again.Close() })
	require.Equal(t, d.Stamp.Fleet, again.Stamp.Fleet)
	require.Equal(t, day, again.Stamp.Created)
	require.Equal(t, "v2", again.Stamp.Versions["crawlfleet"])
	same, err := again.Secret()
	require.NoError(t, err)
	require.Equal(t, secret, same)

	info, err := os.Stat(filepath.Join(path, "secret"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	info, err = os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
}

func TestOpenDir_RefusesASecondProcessAndNamesTheFirst(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	open(t, path)
	_, err := config.OpenDir(path, config.Release{}, day)
	var e *fleet.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, fleet.CodeBusy, e.Code)
	require.Contains(t, e.Message, "process "+strconv.Itoa(os.Getpid()))
}

func TestReadDir_FindsTheRunningFleetAndOnlyARunningOne(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	_, err := config.ReadDir(path, config.Release{})
	require.Equal(t, fleet.CodeNotFound, fleet.CodeOf(err))

	d := open(t, path)
	reader, err := config.ReadDir(path, config.Release{})
	require.NoError(t, err)
	require.Equal(t, d.Stamp.Fleet, reader.Stamp.Fleet)
	_, err = reader.Running()
	require.Equal(t, fleet.CodeUnavailable, fleet.CodeOf(err))

	want := config.Running{Temporal: "127.0.0.1:7233", Namespace: "default", PID: 1, Started: day}
	require.NoError(t, d.SetRunning(want))
	got, err := reader.Running()
	require.NoError(t, err)
	require.Equal(t, want, got)

	// A killed process leaves its file behind, but not its lock.
	require.NoError(t, d.Close())
	_, err = reader.Running()
	require.Equal(t, fleet.CodeUnavailable, fleet.CodeOf(err))

	d = open(t, path)
	require.NoError(t, d.ClearRunning())
	require.NoError(t, d.ClearRunning())
	_, err = d.Running()
	require.Equal(t, fleet.CodeUnavailable, fleet.CodeOf(err))
}

func TestReadDir_MakesNoSecret(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	open(t, path)
	reader, err := config.ReadDir(path, config.Release{})
	require.NoError(t, err)
	_, err = reader.Secret()
	require.ErrorIs(t, err, os.ErrNotExist)
}

func open(t *testing.T, path string) *config.Dir {
	t.Helper()
	d, err := config.OpenDir(path, config.Release{Versions: map[string]string{"crawlfleet": "v1"}}, day)
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func TestDir_SaysThatItTakesNoWrites(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	d, err := config.OpenDir(path, config.Release{Versions: map[string]string{"crawlfleet": "v1"}}, day)
	require.NoError(t, err)
	t.Cleanup(func() { _ = d.Close() })
	require.NoError(t, d.Writable())
	require.NoFileExists(t, filepath.Join(path, "probe"))
	require.NoError(t, os.RemoveAll(path))
	err = d.Writable()
	require.Equal(t, fleet.CodeUnavailable, fleet.CodeOf(err))
	require.ErrorContains(t, err, "takes no writes")
}
