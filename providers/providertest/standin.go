package providertest

import (
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// A provider's test binary stands in for the crawler's program: a real process that the
// substrate starts, which tells of itself in a file and does as its environment says.
const (
	EnvRole   = "STANDIN_ROLE"
	EnvStarts = "STANDIN_STARTS" // directory of the files that it tells in; without it, it tells nobody

	RoleCrawler  = "crawler"  // runs until SIGTERM
	RoleStubborn = "stubborn" // ignores SIGTERM
	RoleFailing  = "failing"  // ends with exit code 3
)

// StandInLife is when a stand-in ends that nobody stopped.
const StandInLife = 5 * time.Minute

// Start is what a stand-in tells of itself.
type Start struct {
	fleet.Key
	PID, Session int
	Args, Env    []string
	Files        []string // what its descriptors lead to, where the system can say
}

// StandIn plays a role and answers the exit code. Roles of a provider's own are in acts,
// which are played before the waiting.
func StandIn(role string, acts map[string]func()) int {
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	if dir := os.Getenv(EnvStarts); dir == "" {
		fmt.Println("quiet as", os.Getuid())
	} else if err := tell(dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	fmt.Println("standing in")
	if act := acts[role]; act != nil {
		act()
	}
	switch role {
	case RoleFailing:
		return 3
	case RoleStubborn:
		terminated = nil
	}
	select {
	case <-terminated:
		fmt.Println("told to end")
		return 0
	case <-time.After(StandInLife):
		return 4
	}
}

func tell(dir string) error {
	session, _, errno := syscall.Syscall(syscall.SYS_GETSID, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	s := Start{
		PID: os.Getpid(), Session: int(session), Args: os.Args, Env: os.Environ(), Files: openFiles(),
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
	dir = filepath.Join(dir, string(s.GUID))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	name := filepath.Join(dir, strconv.Itoa(s.PID))
	if err := os.WriteFile(name+".part", b, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".part", name+".json")
}

func openFiles() []string {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return nil
	}
	var out []string
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil {
			out = append(out, e.Name()+" "+to)
		}
	}
	return out
}

// Starts is the directory that stand-ins tell in.
type Starts string

// All gives every start.
func (d Starts) All(t *testing.T) []Start {
	t.Helper()
	return d.read(t, "*")
}

// Of gives the starts of one crawler.
func (d Starts) Of(t *testing.T, g fleet.GUID) []Start {
	t.Helper()
	return d.read(t, string(g))
}

// Only waits for the one start of a crawler.
func (d Starts) Only(t *testing.T, g fleet.GUID) Start {
	t.Helper()
	require.Eventually(t, func() bool { return len(d.Of(t, g)) > 0 }, Patience, 5*time.Millisecond)
	all := d.Of(t, g)
	require.Len(t, all, 1)
	return all[0]
}

func (d Starts) read(t *testing.T, guid string) []Start {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(string(d), guid, "*.json"))
	require.NoError(t, err)
	out := make([]Start, len(files))
	for n, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(b, &out[n]))
	}
	return out
}
