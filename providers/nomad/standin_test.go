package nomad_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/providertest"
)

// The test binary stands in for the crawler's program: a real process that Nomad starts,
// which tells of itself in a file and does as its environment says.
const (
	envRole   = "STANDIN_ROLE"
	envStarts = "STANDIN_STARTS" // directory of the files that it tells in

	roleCrawler  = "crawler"  // runs until SIGTERM
	roleStubborn = "stubborn" // ignores SIGTERM
	roleFailing  = "failing"  // ends with exit code 3
	roleGreedy   = "greedy"   // takes memory until it is killed
	roleQuiet    = "quiet"    // tells nobody, and runs until SIGTERM
)

// standinLife is when a stand-in ends that nobody stopped.
const standinLife = 5 * time.Minute

// start is what a stand-in tells of itself.
type start struct {
	fleet.Key
	PID       int
	Args, Env []string
}

func standin(role string) int {
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	if os.Getenv(envStarts) == "" {
		fmt.Println("quiet as", os.Getuid())
	} else if err := tell(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	fmt.Println("standing in")
	if role == roleFailing {
		return 3
	}
	if role == roleGreedy {
		eat()
	}
	if role == roleStubborn {
		terminated = nil
	}
	select {
	case <-terminated:
		fmt.Println("told to end")
		return 0
	case <-time.After(standinLife):
		return 4
	}
}

// eat takes memory and touches it.
func eat() {
	var all [][]byte
	for {
		b := make([]byte, 1<<20)
		for n := 0; n < len(b); n += 4096 {
			b[n] = 1
		}
		all = append(all, b)
		runtime.KeepAlive(all)
	}
}

func tell() error {
	s := start{
		PID: os.Getpid(), Args: os.Args, Env: os.Environ(),
		Key: fleet.Key{
			Fleet:  fleet.FleetID(os.Getenv(fleet.EnvFleet)),
			Tenant: fleet.TenantID(os.Getenv(fleet.EnvTenant)),
			GUID:   fleet.GUID(os.Getenv(fleet.EnvGUID)),
		},
	}
	b, err := json.Marshal(s)
	if err != nil {
		return err
	}
	dir := filepath.Join(os.Getenv(envStarts), string(s.GUID))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	name := filepath.Join(dir, strconv.Itoa(s.PID))
	if err := os.WriteFile(name+".part", b, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".part", name+".json")
}

// starts is the directory that stand-ins tell in.
type starts string

func (d starts) of(t *testing.T, g fleet.GUID) []start {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(string(d), string(g), "*.json"))
	require.NoError(t, err)
	out := make([]start, len(files))
	for n, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(b, &out[n]))
	}
	return out
}

// only waits for the one start of a crawler.
func (d starts) only(t *testing.T, g fleet.GUID) start {
	t.Helper()
	require.Eventually(t, func() bool { return len(d.of(t, g)) > 0 }, providertest.Patience, pollEvery)
	all := d.of(t, g)
	require.Len(t, all, 1)
	return all[0]
}

// runs asks the process table whether the stand-in is there, and no zombie.
func runs(s start) bool {
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", s.PID))
	return err == nil && strings.Contains(string(env), string(s.GUID))
}

const pollEvery = 10 * time.Millisecond
