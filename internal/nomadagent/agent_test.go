package nomadagent_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/nomadagent"
)

func TestProgram_SaysHowToBuildIt(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	bin := t.TempDir()
	_, err := nomadagent.Program(bin)
	require.Equal(t, fleet.CodeUnavailable, fleet.CodeOf(err))
	require.ErrorContains(t, err, "make nomad")
	program := filepath.Join(bin, "nomad")
	require.NoError(t, os.WriteFile(program, nil, 0o700))
	found, err := nomadagent.Program(bin)
	require.NoError(t, err)
	require.Equal(t, program, found)
}

// one starts an agent that is server and client.
func one(t *testing.T) (a *nomadagent.Agent, dir string) {
	t.Helper()
	program, err := nomadagent.Program("../../bin")
	require.NoError(t, err)
	dir = filepath.Join(t.TempDir(), "one")
	a, err = nomadagent.Start(t.Context(), nomadagent.Options{
		Program: program, Dir: dir, Server: true, Client: &nomadagent.Client{},
	})
	require.NoError(t, err)
	return a, dir
}

// The agent runs, is killed, comes back with the same address, and leaves nothing.
func TestAgent_LivesAndLeavesNothing(t *testing.T) {
	t.Parallel()
	a, dir := one(t)
	require.Equal(t, "one", a.Name())
	address, pid := a.Address(), a.PID()
	require.NoError(t, a.Kill())
	require.NoError(t, a.Restart(t.Context()))
	require.Equal(t, address, a.Address())
	require.NotEqual(t, pid, a.PID())
	require.NoError(t, a.Stop())
	require.NoError(t, a.Remove())
	require.NoDirExists(t, dir)
}

// What an agent runs outlives its death, and not its removal.
func TestRemove_EndsWhatAKilledAgentHasLeft(t *testing.T) {
	t.Parallel()
	a, dir := one(t)
	c, err := api.NewClient(&api.Config{Address: a.Address(), TLSConfig: &api.TLSConfig{}})
	require.NoError(t, err)
	told := filepath.Join(t.TempDir(), "pid")
	task := api.NewTask("task", "raw_exec").SetConfig("command", "/bin/sh").
		SetConfig("args", []string{"-c", "echo $$ >" + told + ".part; mv " + told + ".part " + told + "; exec sleep 600"})
	job := api.NewBatchJob("left", "left", "global", 50).AddDatacenter("*").
		AddTaskGroup(api.NewTaskGroup("group", 1).AddTask(task))
	_, _, err = c.Jobs().Register(job, nil)
	require.NoError(t, err)
	var pid string
	require.Eventually(t, func() bool {
		b, err := os.ReadFile(told)
		pid = strings.TrimSpace(string(b))
		return err == nil
	}, time.Minute, 10*time.Millisecond)

	require.NoError(t, a.Kill())
	require.DirExists(t, filepath.Join("/proc", pid, "task"), "it goes on")
	require.NoError(t, a.Remove())
	require.NoDirExists(t, dir)
	name, err := os.ReadFile(filepath.Join("/proc", pid, "cmdline")) // empty of one that nobody has waited for
	require.True(t, err != nil || len(name) == 0, "it still runs: %s", name)
}

func TestStart_NamesTheLogOfAnAgentThatEnds(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "nomad")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\nexit 3\n"), 0o700))
	dir := t.TempDir()
	_, err := nomadagent.Start(t.Context(), nomadagent.Options{Program: program, Dir: dir})
	require.ErrorContains(t, err, filepath.Join(dir, "agent.log"))
}
