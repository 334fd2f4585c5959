package process_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/process"
)

// The test binary stands in for the crawler's program: a real process, which tells of
// itself in a file and does as its environment says.
const (
	envRole   = "STANDIN_ROLE"
	envStarts = "STANDIN_STARTS" // directory of the files that it tells in

	roleCrawler  = "crawler"  // runs until SIGTERM
	roleStubborn = "stubborn" // ignores SIGTERM
	roleFailing  = "failing"  // ends with exit code 3
	roleControl  = "control"  // a control worker: launches one crawler and waits
)

// standinLife is when a stand-in ends that nobody stopped.
const standinLife = 5 * time.Minute

func TestMain(m *testing.M) {
	if role := os.Getenv(envRole); role != "" {
		os.Exit(standin(role))
	}
	os.Exit(m.Run())
}

// start is what a stand-in tells of itself.
type start struct {
	fleet.Key
	PID, Session int
	Args, Env    []string
	Files        []string
}

func standin(role string) int {
	terminated := make(chan os.Signal, 1)
	signal.Notify(terminated, syscall.SIGTERM)
	if role == roleControl {
		return control()
	}
	if err := tell(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	fmt.Println("standing in")
	if role == roleFailing {
		return 3
	}
	if role == roleStubborn {
		terminated = nil
	}
	select {
	case <-terminated:
		return 0
	case <-time.After(standinLife):
		return 4
	}
}

func tell() error {
	pid := os.Getpid()
	session, _, errno := syscall.Syscall(syscall.SYS_GETSID, 0, 0, 0)
	if errno != 0 {
		return errno
	}
	s := start{
		PID: pid, Session: int(session), Args: os.Args, Env: os.Environ(), Files: openFiles(),
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
	name := filepath.Join(dir, strconv.Itoa(pid))
	if err := os.WriteFile(name+".part", b, 0o600); err != nil {
		return err
	}
	return os.Rename(name+".part", name+".json")
}

// openFiles names what the descriptors lead to, where the system can say.
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

// control launches the crawler that its environment describes, says so, and waits to be
// killed.
func control() int {
	var s fleet.Spec
	err := json.Unmarshal([]byte(os.Getenv("CONTROL_SPEC")), &s)
	if err == nil {
		var p *process.Provider
		if p, err = open(os.Getenv("CONTROL_DIR"), os.Getenv(envStarts)); err == nil {
			_, err = p.Launch(context.Background(), s)
		}
	}
	if err != nil {
		fmt.Println(err)
		return 2
	}
	fmt.Println("launched")
	time.Sleep(standinLife) // until it is killed
	return 4
}
