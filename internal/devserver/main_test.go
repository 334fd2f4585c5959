package devserver

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// roleVar makes the test binary play a child instead of running tests.
const roleVar = "DEVSERVER_TEST_ROLE"

// Roles of the test binary.
const (
	roleServe      = "serve"      // ready at once; ends at SIGTERM or with its life line
	roleStubborn   = "stubborn"   // ready at once; ignores SIGTERM and its life line
	roleDie        = "die"        // ends at once with status 3
	roleMute       = "mute"       // never ready
	roleSupervisor = "supervisor" // runs a serving child and prints its pid
)

// patience is generous: these tests run beside compilers.
const patience = time.Minute

func TestMain(m *testing.M) {
	if role := os.Getenv(roleVar); role != "" {
		os.Exit(play(role))
	}
	goleak.VerifyTestMain(m)
}

func play(role string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	switch role {
	case roleServe:
		fmt.Println("ready")
		fmt.Println("serving")
		<-WatchLifeLine(ctx, os.Stdin).Done()
	case roleStubborn:
		fmt.Println("ready")
		time.Sleep(10 * patience)
	case roleDie:
		fmt.Fprintln(os.Stderr, "cannot go on")
		return 3
	case roleMute:
		<-ctx.Done()
	case roleSupervisor:
		return supervisor(ctx)
	}
	return 0
}

func supervisor(ctx context.Context) int {
	child := child(roleServe, filepath.Join(os.Getenv("DEVSERVER_TEST_DIR"), "log"))
	if err := child.Start(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(child.PID())
	time.Sleep(10 * patience)
	return 0
}

// child is this binary in a role.
func child(role, log string) *Child {
	return &Child{
		Name:    role,
		Command: []string{os.Args[0]},
		Env:     append(os.Environ(), roleVar+"="+role),
		Log:     log,
		Ready: func(_ context.Context, out *bufio.Reader) error {
			line, err := out.ReadString('\n')
			if err == nil && line != "ready\n" {
				err = fmt.Errorf("it says %q", line)
			}
			return err
		},
		MinBackoff: 10 * time.Millisecond,
	}
}

// alive reports whether the process exists and is no zombie of ours.
func alive(pid int) bool { return syscall.Kill(pid, 0) == nil }

func eventuallyGone(t *testing.T, pid int) {
	t.Helper()
	require.Eventually(t, func() bool { return !alive(pid) }, patience, 10*time.Millisecond)
}

func within(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}
