package process_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/process"
	"github.com/crawlfleet/crawlfleet/providers/providertest"
)

// open makes a provider whose program is this test binary.
func open(dir, starts string) (*process.Provider, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return process.New(process.Options{
		Dir: dir, Program: program,
		Env: map[string]string{providertest.EnvRole: providertest.RoleCrawler, providertest.EnvStarts: starts},
		Offerings: process.Addressed(
			process.DefaultOfferings(capacity), process.DefaultLoopback(), nil),
	})
}

// capacity of a place in the tests: small, for processes cost memory.
const capacity = 3

// machine is a run directory with providers over it.
type machine struct {
	providertest.Starts
	dir string
}

// newMachine makes one, and ends at the test's end whatever runs there.
func newMachine(t *testing.T) machine {
	t.Helper()
	dir, err := os.MkdirTemp("", "crawlfleet-run-")
	require.NoError(t, err)
	m := machine{dir: dir, Starts: providertest.Starts(t.TempDir())}
	t.Cleanup(func() {
		// The last children are reaped meanwhile, which writes there.
		require.Eventually(t, func() bool { return os.RemoveAll(dir) == nil },
			providertest.Patience, 5*time.Millisecond)
	})
	t.Cleanup(func() {
		for _, s := range m.All(t) {
			// The lock tells whether it is still this process.
			if m.runs(t, s) {
				require.NoError(t, syscall.Kill(s.PID, syscall.SIGKILL))
			}
			require.Eventually(t, func() bool { return !m.runs(t, s) },
				providertest.Patience, 5*time.Millisecond)
		}
	})
	return m
}

func (m machine) open(t *testing.T) *process.Provider {
	t.Helper()
	p, err := open(m.dir, string(m.Starts))
	require.NoError(t, err)
	return p
}

func (m machine) spec(k fleet.Key, role string) fleet.Spec {
	return fleet.Spec{
		Key: k, Offering: "process/local-a", Slots: 2,
		Env: map[string]string{providertest.EnvRole: role}, Token: "t0p-secret",
	}
}

// runs reports whether the process itself is there, and no zombie: it still has the
// lock of its GUID, which the provider's books have no part in.
func (m machine) runs(t *testing.T, s providertest.Start) bool {
	t.Helper()
	for _, room := range []string{"live", "gone"} {
		f, err := os.Open(filepath.Join(m.dir, room, string(s.GUID)+".lock"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		require.NoError(t, err)
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
		require.NoError(t, f.Close())
		return errors.Is(err, syscall.EWOULDBLOCK)
	}
	return alive(s)
}

// alive asks the process table, for crawlers whose lock file is gone.
func alive(s providertest.Start) bool {
	args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", s.PID))
	if err != nil {
		return false // gone, or a system without /proc, where the lock has to do
	}
	return strings.Contains(string(args), string(s.GUID)) // a zombie has no arguments
}
