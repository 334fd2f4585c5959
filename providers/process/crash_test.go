package process_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/providertest"
)

// pollEvery is how often a test looks for what comes in milliseconds.
const pollEvery = 5 * time.Millisecond

func TestCrash_OfTheControlWorkerLeavesTheCrawlerToTheNext(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	s := m.spec(providertest.Key(), providertest.RoleCrawler)
	kill := controlWorker(t, m, s)
	told := m.Only(t, s.GUID)
	kill()

	p := m.open(t)
	i, err := p.Describe(t.Context(), s.Key)
	require.NoError(t, err)
	require.Equal(t, fleet.PhaseRunning, i.Phase)
	events, err := p.Watch(t.Context(), fleet.Filter{Fleet: s.Fleet})
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(told.PID, syscall.SIGKILL))
	select {
	case e := <-events:
		require.Equal(t, s.Key, e.Instance.Key)
		require.Contains(t, e.Instance.Reason, "exit code is unknown")
	case <-time.After(providertest.Patience):
		require.Fail(t, "the end of an adopted crawler was not seen")
	}
	again, err := p.Launch(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, fleet.PhaseExited, again.Phase)
}

func TestCrash_BeforeTheForkSpendsTheGUID(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	p := m.open(t)
	s := m.spec(providertest.Key(), providertest.RoleCrawler)
	m.rewrite(t, s.GUID, map[string]any{
		"fleet": s.Fleet, "tenant": s.Tenant, "guid": s.GUID, "offering": s.Offering,
		"address": "127.0.16.1", "createdAt": time.Now(),
	})
	i, err := p.Launch(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, fleet.PhaseExited, i.Phase, "whether it ran is unknown, so it never does")
	require.Contains(t, i.Reason, "middle of its launch")
	require.True(t, i.Cut, "its place is not at fault")
	require.Empty(t, m.Of(t, s.GUID))
	require.Equal(t, fleet.ClassNotFound, fleet.ClassOf(p.Stop(t.Context(), s.Key, fleet.StopOptions{})))
}

func TestCrash_BetweenForkAndRecordLeavesNoOrphan(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	s := m.spec(providertest.Key(), providertest.RoleCrawler)
	kill := controlWorker(t, m, s)
	told := m.Only(t, s.GUID)
	kill()
	r := m.record(t, s.GUID)
	for _, field := range []string{"pid", "start", "boot"} {
		delete(r, field) // as it was written before the fork
	}
	m.rewrite(t, s.GUID, r)

	p := m.open(t)
	i, err := p.Launch(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, fleet.PhasePending, i.Phase, "it lives, for its lock is held")
	require.Eventually(t, func() bool {
		return fleet.ClassOf(p.Stop(t.Context(), s.Key, fleet.StopOptions{Grace: time.Minute})) ==
			fleet.ClassNotFound
	}, providertest.Patience, pollEvery)
	require.False(t, alive(told))
	require.Len(t, m.Of(t, s.GUID), 1)
}

func TestStop_NeverSignalsAnotherProcessOfTheSameNumber(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	p := m.open(t)
	s := m.spec(providertest.Key(), providertest.RoleCrawler)
	_, err := p.Launch(t.Context(), s)
	require.NoError(t, err)
	told := m.Only(t, s.GUID)
	r := m.record(t, s.GUID)
	r["start"] = "1"
	m.rewrite(t, s.GUID, r)
	err = p.Stop(t.Context(), s.Key, fleet.StopOptions{})
	require.Equal(t, fleet.ClassRetryable, fleet.ClassOf(err))
	require.ErrorContains(t, err, "is not crawler")
	require.True(t, m.runs(t, told))
}

func TestWatch_KillsWhoIgnoresTheGraceAndForgetsWhatNobodyPurges(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	p := m.open(t)
	s := m.spec(providertest.Key(), providertest.RoleStubborn)
	_, err := p.Launch(t.Context(), s)
	require.NoError(t, err)
	m.Only(t, s.GUID)
	require.NoError(t, p.Stop(t.Context(), s.Key, fleet.StopOptions{Grace: 10 * time.Millisecond}))
	events, err := p.Watch(t.Context(), fleet.Filter{Fleet: s.Fleet})
	require.NoError(t, err)
	select {
	case e := <-events:
		require.Equal(t, "killed by signal 9", e.Instance.Reason)
		require.Nil(t, e.Instance.ExitCode)
	case <-time.After(providertest.Patience):
		require.Fail(t, "it was not killed")
	}

	require.Equal(t, fleet.ClassNotFound, fleet.ClassOf(p.Stop(t.Context(), s.Key, fleet.StopOptions{})))
	tombstone := filepath.Join(m.dir, "gone", string(s.GUID)+".json")
	old := time.Now().Add(-401 * 24 * time.Hour)
	require.NoError(t, os.Chtimes(tombstone, old, old))
	_, err = p.Watch(t.Context(), fleet.Filter{Fleet: s.Fleet}) // tidies as it begins
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		_, record := os.Stat(tombstone)
		_, log := os.Stat(p.LogPath(s.GUID))
		return os.IsNotExist(record) && os.IsNotExist(log)
	}, providertest.Patience, pollEvery)
}

func TestWatch_CutsALogThatFloods(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	p := m.open(t)
	log := p.LogPath(providertest.Key().GUID)
	require.NoError(t, os.WriteFile(log, make([]byte, 8<<20), 0o600))
	_, err := p.Watch(t.Context(), fleet.Filter{Fleet: providertest.Fleet})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		now, err := os.Stat(log)
		require.NoError(t, err)
		return now.Size() == 0
	}, providertest.Patience, pollEvery)
	before, err := os.Stat(log + ".1")
	require.NoError(t, err)
	require.EqualValues(t, 8<<20, before.Size())
}

// controlWorker starts a process that launches the crawler, and gives what kills it.
func controlWorker(t *testing.T, m machine, s fleet.Spec) func() {
	t.Helper()
	spec, err := json.Marshal(s)
	require.NoError(t, err)
	program, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), program)
	cmd.Env = []string{
		providertest.EnvRole + "=" + roleControl, providertest.EnvStarts + "=" + string(m.Starts),
		"CONTROL_DIR=" + m.dir, "CONTROL_SPEC=" + string(spec),
	}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "launched\n", line)
	return func() {
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait(), "it was killed")
	}
}

func (m machine) record(t *testing.T, g fleet.GUID) map[string]any {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(m.dir, "live", string(g)+".json"))
	require.NoError(t, err)
	var r map[string]any
	require.NoError(t, json.Unmarshal(b, &r))
	return r
}

func (m machine) rewrite(t *testing.T, g fleet.GUID, r map[string]any) {
	t.Helper()
	b, err := json.Marshal(r)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, "live", string(g)+".json"), b, 0o600))
}
