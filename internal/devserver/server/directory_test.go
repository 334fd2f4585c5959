package main

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/server/common/headers"
)

func TestDirectory_SecondHolderIsRefused(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	first, err := openDirectory(t.Context(), path, 0)
	require.NoError(t, err)

	_, err = openDirectory(t.Context(), path, 0)
	var f *Failure
	require.ErrorAs(t, err, &f)
	require.Equal(t, codeBusy, f.Code)
	require.Equal(t, "--data-dir", f.Flag)
	require.Contains(t, f.Message, "process id")

	require.NoError(t, first.Close())
	second, err := openDirectory(t.Context(), path, 0)
	require.NoError(t, err)
	require.NoError(t, second.Close())
}

func TestDirectory_WaitsForAHolderThatIsLeaving(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	first, err := openDirectory(t.Context(), path, 0)
	require.NoError(t, err)

	got := make(chan error, 1)
	go func() {
		second, err := openDirectory(t.Context(), path, time.Minute)
		if err == nil {
			err = second.Close()
		}
		got <- err
	}()
	require.NoError(t, first.Close())
	require.NoError(t, <-got)
}

func TestDirectory_AnotherVersionIsRefused(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	d, err := openDirectory(t.Context(), path, 0)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(d.file(stampFile), []byte(`{"server":"1.0.0"}`), 0o600))
	require.NoError(t, d.Close())

	_, err = openDirectory(t.Context(), path, 0)
	var f *Failure
	require.ErrorAs(t, err, &f)
	require.Equal(t, codeVersion, f.Code)
	require.Contains(t, f.Message, "1.0.0")
	require.Contains(t, f.Message, headers.ServerVersion)
	require.Contains(t, f.Message, "tar -czf")
}

func TestDirectory_DatabaseWithoutStampIsRefused(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	require.NoError(t, os.WriteFile(path+"/"+mainFile, nil, 0o600))
	_, err := openDirectory(t.Context(), path, 0)
	var f *Failure
	require.ErrorAs(t, err, &f)
	require.Equal(t, codeVersion, f.Code)
}

func TestDirectory_UnreadableStampIsAnError(t *testing.T) {
	t.Parallel()
	path := t.TempDir()
	require.NoError(t, os.WriteFile(path+"/"+stampFile, []byte("{"), 0o600))
	_, err := openDirectory(t.Context(), path, 0)
	require.ErrorContains(t, err, stampFile)
}
