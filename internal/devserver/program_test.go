package devserver

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestFind_LooksInTheEnvironmentThenBesideThenOnThePath(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	beside := filepath.Join(dir, string(ServerProgram))
	named := filepath.Join(dir, "named")
	for _, path := range []string{beside, named} {
		require.NoError(t, os.WriteFile(path, nil, 0o700))
	}
	env := func(key string) (string, bool) { return named, key == "CRAWLFLEET_TEMPORAL_SERVER" }
	noEnv := func(string) (string, bool) { return "", false }
	onPath := func(name string) (string, error) { return "/path/" + name, nil }

	got, err := Find(ServerProgram, dir, onPath, env)
	require.NoError(t, err)
	require.Equal(t, named, got)

	got, err = Find(ServerProgram, dir, onPath, noEnv)
	require.NoError(t, err)
	require.Equal(t, beside, got)

	got, err = Find(CrawlerProgram, dir, onPath, env)
	require.NoError(t, err)
	require.Equal(t, "/path/crawlfleet-crawler", got)
}

func TestFind_SaysWhatToBuildOrToSet(t *testing.T) {
	t.Parallel()
	nowhere := func(string) (string, error) { return "", errors.New("not there") }
	noEnv := func(string) (string, bool) { return "", false }
	for program, want := range map[Program][]string{
		ServerProgram:  {"internal/devserver/server", "CRAWLFLEET_TEMPORAL_SERVER"},
		CrawlerProgram: {"./workers/crawlfleet-crawler", "CRAWLFLEET_PROCESS_CRAWLER"},
	} {
		_, err := Find(program, t.TempDir(), nowhere, noEnv)
		require.Equal(t, fleet.CodeNotFound, fleet.CodeOf(err))
		for _, part := range want {
			require.ErrorContains(t, err, part)
		}
	}
}

func TestFind_RefusesAWrongPathInTheEnvironment(t *testing.T) {
	t.Parallel()
	plain := filepath.Join(t.TempDir(), "plain")
	require.NoError(t, os.WriteFile(plain, nil, 0o600))
	for _, path := range []string{plain, t.TempDir(), "/does/not/exist"} {
		env := func(string) (string, bool) { return path, true }
		onPath := func(name string) (string, error) { return "/path/" + name, nil }
		_, err := Find(ServerProgram, "", onPath, env)
		require.ErrorContains(t, err, "CRAWLFLEET_TEMPORAL_SERVER")
		require.ErrorContains(t, err, path)
	}
}
