package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// processPatience is for a machine that compiles something beside.
const processPatience = 30 * time.Second

func TestCrawlerProcesses_FindsThisFleetsAndNoOther(t *testing.T) {
	t.Parallel()
	const guid = "0199aaaa-81d2-72d5-9cdc-71dd56b8a95d"
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, guid+".log"), nil, 0o600))
	// The shell keeps its arguments; it waits for the end of its input.
	c := exec.Command("/bin/sh", "-c", "read line", "crawler", crawlerFlag, guid)
	c.Env = []string{fleet.EnvFleet + "=f-process-test"}
	in, err := c.StdinPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())

	require.Eventually(t, func() bool { // until it has executed, it looks like this test
		all, err := crawlerProcesses("f-process-test", dir)
		return err == nil && len(all) == 1 && all[0] == machineProcess{PID: c.Process.Pid, GUID: guid}
	}, processPatience, 5*time.Millisecond)
	require.True(t, alive(c.Process.Pid))
	others, err := crawlerProcesses("f-another", t.TempDir())
	require.NoError(t, err)
	require.Empty(t, others)

	require.NoError(t, in.Close())
	_ = c.Wait() // read fails at the end of its input
	all, err := crawlerProcesses("f-process-test", dir)
	require.NoError(t, err)
	require.Empty(t, all)
	require.False(t, alive(c.Process.Pid))
	require.False(t, alive(0))
}
