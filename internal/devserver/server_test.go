package devserver

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// serverProgram builds the real server, once for all runs: seconds when it was built before,
// minutes when not.
func serverProgram(t *testing.T) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	out := filepath.Join(cache, "crawlfleet", "test", string(ServerProgram))
	begun := time.Now()
	var last Progress
	err = Build(t.Context(), filepath.Join("..", ".."), out, func(p Progress) { last = p })
	require.NoError(t, err)
	t.Logf("built in %s: %s", time.Since(begun).Round(time.Millisecond), last)
	return out
}

// options are those of a real server in a directory of its own.
func options(t *testing.T, program string) ServerOptions {
	t.Helper()
	return ServerOptions{
		Program: program, DataDir: t.TempDir(), UIPort: NoUI, MinBackoff: 10 * time.Millisecond,
		SearchAttributes: map[string]string{"CrawlTenant": "Keyword"},
	}
}

func startServer(t *testing.T, o ServerOptions) *Server {
	t.Helper()
	s := NewServer(o)
	require.NoError(t, s.Start(within(t, 3*patience)))
	t.Cleanup(func() { require.NoError(t, s.Stop(context.Background())) })
	return s
}

func answers(address string) bool {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return false
	}
	return conn.Close() == nil
}

// The real server, in one test with steps, because each start costs processor time.
func TestServer_RealOne(t *testing.T) {
	program := serverProgram(t)

	t.Run("serves Temporal and its UI", func(t *testing.T) {
		t.Parallel()
		o := options(t, program)
		o.UIPort = 0
		s := startServer(t, o)
		require.True(t, answers(s.Address()))
		require.Equal(t, "1.32.1", s.line().Version)
		resp, err := http.Get(s.UIURL())
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		http.DefaultClient.CloseIdleConnections()
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.FileExists(t, filepath.Join(o.DataDir, "server.log"))
		require.ErrorContains(t, s.Start(t.Context()), "already")

		address := s.Address()
		require.NoError(t, s.Stop(within(t, patience)))
		require.False(t, answers(address))
		require.NoError(t, s.Start(within(t, 3*patience)))
		require.Equal(t, address, s.Address())
	})

	t.Run("comes back on the same ports after a kill", func(t *testing.T) {
		t.Parallel()
		s := startServer(t, options(t, program))
		address, pid := s.Address(), s.PID()
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		require.Eventually(t, func() bool { return s.child.Load().Restarts() == 1 }, 2*patience, 10*time.Millisecond)
		require.Equal(t, address, s.Address())
		require.NotEqual(t, pid, s.PID())
		require.True(t, answers(address))
	})

	t.Run("waits for the one of a supervisor that died", func(t *testing.T) {
		t.Parallel()
		o := options(t, program)
		first := startServer(t, o)
		// What the kernel does when the supervisor dies: the life line ends, nobody restarts.
		orphan := first.child.Load()
		orphan.stopping()
		<-orphan.ended
		require.NoError(t, orphan.current.line.Close())

		second := startServer(t, o)
		require.NotEqual(t, first.Address(), second.Address())
		require.Zero(t, first.PID())
	})

	t.Run("names flag and holder of a taken port", func(t *testing.T) {
		t.Parallel()
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, l.Close()) })
		o := options(t, program)
		o.Port, o.PortFlag = l.Addr().(*net.TCPAddr).Port, "--temporal-port"

		err = NewServer(o).Start(within(t, patience))
		require.Equal(t, fleet.CodeBusy, fleet.CodeOf(err))
		require.ErrorContains(t, err, fmt.Sprintf("port %d is held by", o.Port))
		require.ErrorContains(t, err, "choose another with --temporal-port")
	})

	t.Run("refuses a directory of another version", func(t *testing.T) {
		t.Parallel()
		o := options(t, program)
		stamp := filepath.Join(o.DataDir, "server.json")
		require.NoError(t, os.WriteFile(stamp, []byte(`{"server":"1.0.0"}`), 0o600))
		err := NewServer(o).Start(within(t, patience))
		require.Equal(t, fleet.CodeVersion, fleet.CodeOf(err))
		require.ErrorContains(t, err, "1.0.0")
	})

	t.Run("an up-to-date program is not built again", func(t *testing.T) {
		t.Parallel()
		before, err := os.Stat(program)
		require.NoError(t, err)
		require.NoError(t, Build(t.Context(), filepath.Join("..", ".."), program, func(Progress) {
			require.Fail(t, "it builds")
		}))
		after, err := os.Stat(program)
		require.NoError(t, err)
		require.Equal(t, before.ModTime(), after.ModTime())
	})
}

func TestBuild_OutsideACheckoutSaysSo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	err := Build(t.Context(), dir, filepath.Join(dir, "out"), nil)
	require.Equal(t, fleet.CodeNotFound, fleet.CodeOf(err))
	require.ErrorContains(t, err, dir)
}

func TestBuild_CanBeCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	out := filepath.Join(t.TempDir(), "out")
	err := Build(ctx, filepath.Join("..", ".."), out, func(Progress) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
	require.NoFileExists(t, out)
}

func TestBuild_TellsWhatTheCompilerSaid(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	module := filepath.Join(root, serverModule)
	require.NoError(t, os.MkdirAll(module, 0o700))
	for name, text := range map[string]string{
		"go.mod": "module broken\n\ngo 1.26\n", "go.sum": "",
		"main.go": "package main\n\nfunc main() { undefined() }\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(module, name), []byte(text), 0o600))
	}
	out := filepath.Join(root, "bin", "out")
	err := Build(t.Context(), root, out, nil)
	require.ErrorContains(t, err, "undefined: undefined")
	require.NoFileExists(t, out)
	require.NoFileExists(t, out+".stamp")
}

func TestServer_AnotherProgramIsNotMistakenForIt(t *testing.T) {
	t.Parallel()
	o := options(t, "")
	o.Program = filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(o.Program, []byte("#!/bin/sh\necho hello\n"), 0o700))
	err := NewServer(o).Start(within(t, patience))
	require.Equal(t, fleet.CodeUnavailable, fleet.CodeOf(err))
	require.NotEmpty(t, o.DataDir)
}
