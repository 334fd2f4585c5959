//go:build linux

package docker_test

import (
	"bytes"
	"context"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/docker"
	"github.com/crawlfleet/crawlfleet/providers/providertest"
)

// daemon is an engine of a test's own: it has its own directories, and its own network
// namespace, so that others on this machine notice nothing of its life and death.
type daemon struct {
	dir string
	cmd *exec.Cmd
	out *bytes.Buffer
}

// newDaemon starts an engine; it ends with the test.
func newDaemon(t *testing.T) *daemon {
	t.Helper()
	require.Zero(t, os.Getuid(), "this test starts an engine of its own, which takes root")
	for _, program := range []string{"dockerd", "nsenter", "unshare", "iptables"} {
		_, err := exec.LookPath(program)
		require.NoError(t, err, "install it: apt-get install docker.io util-linux iptables")
	}
	// A short path: a socket's is at most 107 bytes.
	dir, err := os.MkdirTemp("", "dockerd-")
	require.NoError(t, err)
	d := &daemon{dir: dir}
	config := []byte(`{"storage-driver": "` + driver(t) + `"}`)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "daemon.json"), config, 0o600))
	t.Cleanup(func() {
		if d.cmd.ProcessState == nil {
			d.stop(t)
		}
		require.NoError(t, os.RemoveAll(dir))
	})
	d.start(t)
	return d
}

// driver is what the machine's engine stores its images with: what works here.
func driver(t *testing.T) string {
	t.Helper()
	info, err := theMachine(t).engine.Info(t.Context(), client.InfoOptions{})
	require.NoError(t, err)
	return info.Info.Driver
}

func (d *daemon) host() string { return "unix://" + filepath.Join(d.dir, "sock") }

func (d *daemon) start(t *testing.T) {
	t.Helper()
	d.out = new(bytes.Buffer)
	d.cmd = exec.Command("unshare", "--net", "dockerd", "--config-file", filepath.Join(d.dir, "daemon.json"),
		"--data-root", filepath.Join(d.dir, "data"), "--exec-root", filepath.Join(d.dir, "exec"),
		"--pidfile", filepath.Join(d.dir, "pid"), "--host", d.host(), "--bridge", "none")
	d.cmd.Stdout, d.cmd.Stderr = d.out, d.out
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	require.NoError(t, d.cmd.Start())
	engine, err := client.New(client.WithHost(d.host()))
	require.NoError(t, err)
	defer engine.Close()
	require.Eventually(t, func() bool {
		_, err := engine.Ping(t.Context(), client.PingOptions{})
		return err == nil
	}, providertest.Patience, 50*time.Millisecond, "the engine does not answer")
}

// stop ends the engine as a restart does, with its containers.
func (d *daemon) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, d.cmd.Process.Signal(syscall.SIGTERM))
	ended := make(chan error, 1)
	go func() { ended <- d.cmd.Wait() }()
	select {
	case err := <-ended:
		require.NoError(t, err, d.out.String())
	case <-time.After(providertest.Patience):
		require.NoError(t, d.cmd.Process.Kill())
		<-ended
		require.Fail(t, "the engine did not end", d.out.String())
	}
}

// alone is the launch of a stand-in that tells nobody: no way leads from its network here.
func alone(k fleet.Key) fleet.Spec {
	return fleet.Spec{Key: k, Offering: local, Env: map[string]string{"STANDIN_ROLE": "alone"}}
}

func TestRestart_OfTheEngineEndsCrawlersOnceAndTheWatchGoesOn(t *testing.T) {
	t.Parallel()
	m := theMachine(t)
	d := newDaemon(t)
	engine, err := client.New(client.WithHost(d.host()))
	require.NoError(t, err)
	defer engine.Close()
	require.NoError(t, m.load(t.Context(), engine))
	o := m.options([]fleet.Offering{{
		ID: local, Provider: docker.Kind, Account: docker.Account, Capacity: capacity,
		Egress: fleet.EgressOwn, Addresses: []string{"10.77.0.20", "10.77.0.21"},
	}})
	o.Host, o.Network, o.Subnet = d.host(), "restarted", netip.MustParsePrefix("10.77.0.0/24")
	p, err := docker.New(o)
	require.NoError(t, err)
	defer func() { require.NoError(t, p.Close()) }()
	k := providertest.Key()
	s := alone(k)
	_, err = p.Launch(t.Context(), s)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	events, err := p.Watch(ctx, fleet.Filter{Fleet: k.Fleet})
	require.NoError(t, err)

	d.stop(t)
	_, err = p.Describe(t.Context(), k)
	require.Equal(t, fleet.ClassRetryable, fleet.ClassOf(err), "away is not gone: %v", err)
	_, err = p.Launch(t.Context(), s)
	require.NotEqual(t, fleet.ClassNotFound, fleet.ClassOf(err))
	require.Error(t, err)

	d.start(t)
	select {
	case e := <-events:
		require.Equal(t, k, e.Instance.Key)
		require.Equal(t, fleet.PhaseExited, e.Instance.Phase)
	case <-time.After(providertest.Patience):
		require.Fail(t, "the watch did not go on")
	}
	again, err := p.Launch(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, fleet.PhaseExited, again.Phase, "the engine's restart is no second life")

	next := providertest.Key()
	i, err := p.Launch(t.Context(), alone(next))
	require.NoError(t, err, "the network is still there")
	require.NotEmpty(t, i.Address)
}
