package process_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/process"
	"github.com/crawlfleet/crawlfleet/providers/providertest"
)

func TestLaunch_GivesTheCrawlerItsOwnWorldAndNoMore(t *testing.T) {
	t.Setenv("CONTROL_WORKER_SECRET", "not yours")
	m := newMachine(t)
	p := m.open(t)
	s := m.spec(providertest.Key(), providertest.RoleCrawler)
	i, err := p.Launch(t.Context(), s)
	require.NoError(t, err)
	told := m.Only(t, s.GUID)

	require.Equal(t, told.PID, told.Session, "a session of its own: a Ctrl-C does not reach it")
	require.Equal(t, []string{"--guid", string(s.GUID)}, told.Args[1:])
	require.NotContains(t, strings.Join(told.Env, "\n"), "CONTROL_WORKER_SECRET")
	require.Subset(t, told.Env, []string{
		fleet.EnvSlots + "=2", fleet.EnvOffering + "=process/local-a",
		fleet.EnvSource + "=" + i.Address, fleet.EnvSourceFor + "=loopback",
		fleet.EnvToken + "=t0p-secret",
	})
	if runtime.GOOS == "linux" {
		files := strings.Join(told.Files, "\n")
		require.Contains(t, files, "0 /dev/null")
		require.Contains(t, files, "1 "+p.LogPath(s.GUID))
		require.Contains(t, files, "3 "+filepath.Join(m.dir, "live", string(s.GUID)+".lock"))
		require.NotContains(t, files, filepath.Join(m.dir, "lock")+"\n")
	}
}

func TestLaunch_KeepsTheTokenOutOfArgumentsRecordsAndLogs(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	s := m.spec(providertest.Key(), providertest.RoleCrawler)
	_, err := m.open(t).Launch(t.Context(), s)
	require.NoError(t, err)
	require.NotContains(t, strings.Join(m.Only(t, s.GUID).Args, " "), "t0p-secret")
	files := 0
	require.NoError(t, filepath.WalkDir(m.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		require.NotContains(t, string(b), "t0p-secret", path)
		files++
		return err
	}))
	require.Greater(t, files, 2)
}

func TestLaunch_SaysHowACrawlerEnded(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	p := m.open(t)
	s := m.spec(providertest.Key(), providertest.RoleFailing)
	_, err := p.Launch(t.Context(), s)
	require.NoError(t, err)
	i := exited(t, p, s.Key)
	require.Equal(t, "exit code 3", i.Reason)
	require.NotNil(t, i.ExitCode)
	require.Equal(t, 3, *i.ExitCode)
	b, err := os.ReadFile(p.LogPath(s.GUID))
	require.NoError(t, err)
	require.Equal(t, "standing in\n", string(b))
}

func TestLaunch_NamesTheProgramThatCannotBeRun(t *testing.T) {
	t.Parallel()
	plain := filepath.Join(t.TempDir(), "plain")
	require.NoError(t, os.WriteFile(plain, []byte("not a program"), 0o600))
	broken := filepath.Join(t.TempDir(), "broken")
	require.NoError(t, os.WriteFile(broken, []byte("\x7fELF no more"), 0o700))
	for _, program := range []string{"/nonexistent/crawlfleet-crawler", plain, broken} {
		p, err := process.New(process.Options{Dir: t.TempDir(), Program: program})
		require.NoError(t, err)
		k := providertest.Key()
		_, err = p.Launch(t.Context(), fleet.Spec{Key: k, Offering: "process/local-a"})
		require.Equal(t, fleet.ClassFatal, fleet.ClassOf(err), "%v", err)
		require.ErrorContains(t, err, program)
		require.ErrorContains(t, err, "go build")
		_, err = p.Describe(t.Context(), k)
		require.Equal(t, fleet.ClassNotFound, fleet.ClassOf(err), "nothing was launched: %v", err)
	}
}

func TestLaunch_RestsAnAddressBeforeItIsUsedAgain(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	p := m.open(t)
	seen := map[string]bool{}
	for range 2 * capacity {
		s := m.spec(providertest.Key(), providertest.RoleFailing)
		i, err := p.Launch(t.Context(), s)
		require.NoError(t, err)
		if p.Capabilities().PinsAddress {
			require.NotContains(t, seen, i.Address)
		}
		seen[i.Address] = true
		exited(t, p, s.Key)
	}
}

func TestLaunch_OfASharedAddressTakesNoAddressAway(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	program, err := os.Executable()
	require.NoError(t, err)
	places := process.DefaultOfferings(2)[:1]
	places[0].Addresses, places[0].Egress = []string{"127.0.0.1"}, fleet.EgressShared
	p, err := process.New(process.Options{
		Dir: m.dir, Program: program, Offerings: places,
		Env: map[string]string{providertest.EnvRole: providertest.RoleCrawler, providertest.EnvStarts: string(m.Starts)},
	})
	require.NoError(t, err)
	require.False(t, p.Capabilities().PinsAddress)
	for _, address := range []string{"", "127.0.0.1"} {
		s := m.spec(providertest.Key(), providertest.RoleCrawler)
		s.Address = address
		i, err := p.Launch(t.Context(), s)
		require.NoError(t, err)
		require.Equal(t, "127.0.0.1", i.Address)
		m.Only(t, s.GUID)
	}
}

// exited waits for a crawler's end.
func exited(t *testing.T, p *process.Provider, k fleet.Key) (i fleet.Instance) {
	t.Helper()
	require.Eventually(t, func() bool {
		var err error
		i, err = p.Describe(t.Context(), k)
		require.NoError(t, err)
		return i.Phase == fleet.PhaseExited
	}, providertest.Patience, pollEvery)
	return i
}

func TestLaunch_RunsAProgramThatIsNamedFromHere(t *testing.T) {
	program, err := os.Executable()
	require.NoError(t, err)
	t.Chdir(filepath.Dir(program))
	m := newMachine(t)
	p, err := process.New(process.Options{
		Dir: m.dir, Program: "./" + filepath.Base(program),
		Env: map[string]string{providertest.EnvStarts: string(m.Starts)},
	})
	require.NoError(t, err)
	s := m.spec(providertest.Key(), providertest.RoleFailing)
	_, err = p.Launch(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, "exit code 3", exited(t, p, s.Key).Reason)
}
