package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
)

// demoPatience bounds a run that takes 20 s: a slow machine under -race beside others.
const demoPatience = 6 * time.Minute

// The six acts, for real, with the programs of bin/. What makes an act hold is the
// demo's own judgement, which has tests of its own; that nothing is left is asked again.
func TestDemo_EveryActHolds(t *testing.T) {
	t.Parallel()
	playsEveryAct(t, "process")
}

// On two nodes of a real Nomad.
func TestDemo_EveryActHoldsOnNomad(t *testing.T) {
	t.Parallel()
	builtProgram(t, "nomad")
	playsEveryAct(t, "nomad")
}

// In containers of the engine on this machine, through a gateway.
func TestDemo_EveryActHoldsOnDocker(t *testing.T) {
	t.Parallel()
	engine, err := client.New(client.FromEnv)
	require.NoError(t, err)
	defer engine.Close()
	_, err = engine.Ping(t.Context(), client.PingOptions{})
	require.NoError(t, err, "this test needs a Docker engine that this user may reach: start dockerd (.ci/run does)")
	id := playsEveryAct(t, "docker")
	left, err := engine.ContainerList(t.Context(), client.ContainerListOptions{
		All: true, Filters: make(client.Filters).Add("label", "crawlfleet.fleet="+string(id)),
	})
	require.NoError(t, err)
	require.Empty(t, left.Items)
	networks, err := engine.NetworkList(t.Context(), client.NetworkListOptions{
		Filters: make(client.Filters).Add("name", "crawlfleet-"+string(id)),
	})
	require.NoError(t, err)
	require.Empty(t, networks.Items)
}

func playsEveryAct(t *testing.T, provider string) fleet.FleetID {
	t.Helper()
	program := builtProgram(t, "crawlfleet")
	builtProgram(t, "crawlfleet-crawler")
	builtProgram(t, "crawlfleet-server")
	dir := filepath.Join(t.TempDir(), "fleet")
	ctx, cancel := context.WithTimeout(t.Context(), demoPatience)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, "demo", "--exit", "--provider", provider, "--data-dir", dir, "-o", "jsonl")
	cmd.Env = append(withoutTemporal(os.Environ()), "HOME="+t.TempDir(), "XDG_CONFIG_HOME=", "NOMAD_ADDR=",
		goEnv(t, "GOCACHE"), goEnv(t, "GOMODCACHE"), goEnv(t, "GOPATH"))
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // it cleans up
	cmd.WaitDelay = time.Minute
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	require.NoError(t, cmd.Run(), "%s%s", out.String(), errs.String())

	var acts []actReport
	for line := range bytes.Lines(out.Bytes()) {
		var r actReport
		require.NoError(t, json.Unmarshal(line, &r))
		require.True(t, r.Held, "%s", line)
		acts = append(acts, r)
	}
	require.Len(t, acts, 6)
	d, err := config.ReadDir(dir, thisRelease())
	require.NoError(t, err)
	left, err := crawlerProcesses(d.Stamp.Fleet, d.Crawlers())
	require.NoError(t, err)
	require.Empty(t, left)
	_, err = d.Running()
	require.Error(t, err, "the directory is given back")
	return d.Stamp.Fleet
}

// goEnv is a setting of the go command as a variable: with another HOME, a program that is older
// than its sources would be built without anything that has been compiled before.
func goEnv(t *testing.T, name string) string {
	t.Helper()
	value, err := exec.CommandContext(t.Context(), "go", "env", name).Output()
	require.NoError(t, err)
	return name + "=" + string(bytes.TrimSpace(value))
}

// builtProgram is a program of this checkout's bin folder.
func builtProgram(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(filepath.Join("..", "..", "bin", name))
	require.NoError(t, err)
	require.FileExists(t, path, "this test runs the programs as they are built: make build")
	return path
}

// withoutTemporal leaves out what would send the demo to another server.
func withoutTemporal(environ []string) []string {
	var out []string
	for _, e := range environ {
		if !bytes.HasPrefix([]byte(e), []byte("TEMPORAL_")) && !bytes.HasPrefix([]byte(e), []byte("CRAWLFLEET_")) {
			out = append(out, e)
		}
	}
	return out
}
