package devserver

import (
	"bufio"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestChild_StartsServesAndStops(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "logs", "child.log")
	c := child(roleServe, log)
	require.NoError(t, c.Start(within(t, patience)))
	pid := c.PID()
	require.True(t, alive(pid))
	require.ErrorContains(t, c.Start(t.Context()), "already")

	require.NoError(t, c.Stop(within(t, patience)))
	require.False(t, alive(pid))
	require.Zero(t, c.PID())
	require.NoError(t, c.Stop(t.Context()), "stopping twice is not an error")

	require.NoError(t, c.Start(within(t, patience)), "a stopped child may be started again")
	require.NoError(t, c.Stop(within(t, patience)))
}

func TestChild_IsAloneInItsProcessGroup(t *testing.T) {
	t.Parallel()
	c := child(roleServe, filepath.Join(t.TempDir(), "log"))
	require.NoError(t, c.Start(within(t, patience)))
	t.Cleanup(func() { require.NoError(t, c.Stop(context.Background())) })
	group, err := syscall.Getpgid(c.PID())
	require.NoError(t, err)
	require.Equal(t, c.PID(), group)
}

func TestChild_OutputAfterReadyGoesToItsLog(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	c := child(roleServe, log)
	require.NoError(t, c.Start(within(t, patience)))
	t.Cleanup(func() { require.NoError(t, c.Stop(context.Background())) })
	require.Eventually(t, func() bool {
		b, err := os.ReadFile(log)
		return err == nil && string(b) == "serving\n"
	}, patience, 10*time.Millisecond)
}

func TestChild_RestartsAfterAKill(t *testing.T) {
	t.Parallel()
	c := child(roleServe, filepath.Join(t.TempDir(), "log"))
	require.NoError(t, c.Start(within(t, patience)))
	t.Cleanup(func() { require.NoError(t, c.Stop(context.Background())) })
	for n := 1; n <= 2; n++ {
		old := c.PID()
		require.NoError(t, syscall.Kill(old, syscall.SIGKILL))
		require.Eventually(t, func() bool { return c.Restarts() == n }, patience, 5*time.Millisecond)
		require.NotEqual(t, old, c.PID())
		require.True(t, alive(c.PID()))
	}
}

func TestChild_StopDuringBackoffEndsTheRestarts(t *testing.T) {
	t.Parallel()
	c := child(roleServe, filepath.Join(t.TempDir(), "log"))
	c.MinBackoff = time.Hour
	require.NoError(t, c.Start(within(t, patience)))
	require.NoError(t, syscall.Kill(c.PID(), syscall.SIGKILL))
	require.Eventually(t, func() bool { return c.PID() == 0 }, patience, 5*time.Millisecond)
	require.NoError(t, c.Stop(within(t, patience)))
	require.Zero(t, c.Restarts())
}

func TestChild_AStubbornOneIsKilledAfterItsGrace(t *testing.T) {
	t.Parallel()
	c := child(roleStubborn, filepath.Join(t.TempDir(), "log"))
	c.Grace = 10 * time.Millisecond
	require.NoError(t, c.Start(within(t, patience)))
	pid := c.PID()
	require.ErrorContains(t, c.Stop(within(t, patience)), "killed")
	require.False(t, alive(pid))
}

func TestChild_TheContextOfStopEndsTheGraceToo(t *testing.T) {
	t.Parallel()
	c := child(roleStubborn, filepath.Join(t.TempDir(), "log"))
	c.Grace = time.Hour
	require.NoError(t, c.Start(within(t, patience)))
	pid := c.PID()
	require.ErrorContains(t, c.Stop(within(t, 10*time.Millisecond)), "killed")
	require.False(t, alive(pid))
}

func TestChild_OneThatEndsBeforeItIsReadyIsExplained(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	c := child(roleDie, log)
	err := c.Start(within(t, patience))
	require.Equal(t, fleet.CodeUnavailable, fleet.CodeOf(err))
	require.ErrorContains(t, err, "exit status 3")
	require.ErrorContains(t, err, log)
	said, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Equal(t, "cannot go on\n", string(said))
	require.Zero(t, c.PID())
}

// The child dies, and a process that it left behind keeps its output open.
func TestChild_AGrandchildDoesNotHoldUpAFailedStart(t *testing.T) {
	t.Parallel()
	left := filepath.Join(t.TempDir(), "pid")
	c := child(roleServe, filepath.Join(t.TempDir(), "log"))
	c.Command = []string{"/bin/sh", "-c", "sleep 600 & echo $! > " + left + "; exit 3"}
	require.ErrorContains(t, c.Start(within(t, patience)), "exit status 3")
	b, err := os.ReadFile(left)
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	require.NoError(t, err)
	eventuallyGone(t, pid)
}

func TestChild_OneThatIsNeverReadyIsKilled(t *testing.T) {
	t.Parallel()
	c := child(roleMute, filepath.Join(t.TempDir(), "log"))
	c.ReadyWithin = 10 * time.Millisecond
	err := c.Start(within(t, patience))
	require.Equal(t, fleet.CodeTimeout, fleet.CodeOf(err))
	require.ErrorContains(t, err, "not ready within 10ms")
	require.Zero(t, c.PID())
}

func TestChild_ACancelledStartLeavesNothing(t *testing.T) {
	t.Parallel()
	c := child(roleMute, filepath.Join(t.TempDir(), "log"))
	ctx, cancel := context.WithCancel(t.Context())
	ready := c.Ready
	c.Ready = func(ctx context.Context, out *bufio.Reader) error {
		cancel()
		return ready(ctx, out)
	}
	require.ErrorIs(t, c.Start(ctx), context.Canceled)
	require.Zero(t, c.PID())
}

func TestChild_AProgramThatIsNotThereIsAnError(t *testing.T) {
	t.Parallel()
	c := child(roleServe, filepath.Join(t.TempDir(), "log"))
	c.Command = []string{filepath.Join(t.TempDir(), "absent")}
	require.ErrorIs(t, c.Start(t.Context()), os.ErrNotExist)
}

// The supervisor is killed with SIGKILL; the child notices by its life line and ends.
func TestChild_DoesNotOutliveAKilledSupervisor(t *testing.T) {
	t.Parallel()
	supervisor := exec.Command(os.Args[0])
	supervisor.Env = append(os.Environ(), roleVar+"="+roleSupervisor, "DEVSERVER_TEST_DIR="+t.TempDir())
	out, err := supervisor.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, supervisor.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	require.NoError(t, err)
	require.True(t, alive(pid))

	require.NoError(t, supervisor.Process.Kill())
	require.Error(t, supervisor.Wait())
	eventuallyGone(t, pid)
}

func TestChild_AFullLogIsPutAside(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(log, nil, 0o600))
	require.NoError(t, os.Truncate(log, maxLog+1))
	f, err := openLog(log)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.FileExists(t, log+".1")
	info, err := os.Stat(log)
	require.NoError(t, err)
	require.Zero(t, info.Size())
}
