package docker_test

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/docker"
	"github.com/crawlfleet/crawlfleet/providers/providertest"
)

func TestLaunch_GivesTheCrawlerAsLittleAsItNeeds(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	i, told := b.launch(t, b.open(t), b.spec(b.key(), "crawler"))

	require.Equal(t, 65532, told.UID)
	require.Equal(t, "0000000000000000", told.word("CapEff"), "no capabilities")
	require.Equal(t, "0000000000000000", told.word("CapBnd"), "nor any to be had")
	require.Equal(t, "1", told.word("NoNewPrivs"))
	require.Equal(t, "2", told.word("Seccomp"), "the engine's filter")
	require.Contains(t, told.RootWrites, "read-only file system")
	require.Subset(t, told.Env, []string{
		"GOMEMLIMIT=" + strconv.Itoa(64<<20/10*9), fleet.EnvSlots + "=2", fleet.EnvOffering + "=" + string(local), fleet.EnvToken + "=t0p-secret",
		fleet.EnvFleet + "=" + string(b.ours), fleet.EnvTenant + "=" + string(providertest.Tenant),
		fleet.EnvGUID + "=" + string(i.GUID),
	})
	require.Equal(t, []string{"--guid", string(i.GUID)}, told.Args[1:])

	c := b.inspect(t, i.ProviderID)
	require.Equal(t, "/crawl-"+string(i.GUID), c.Name)
	require.EqualValues(t, "no", c.HostConfig.RestartPolicy.Name)
	require.EqualValues(t, 64<<20, c.HostConfig.Memory)
	require.Equal(t, c.HostConfig.Memory, c.HostConfig.MemorySwap, "no swap")
	require.EqualValues(t, 1e9, c.HostConfig.NanoCPUs)
	require.EqualValues(t, 64, *c.HostConfig.PidsLimit)
	require.NotEmpty(t, c.HostConfig.LogConfig.Config["max-size"], "its log is cut")
	require.Empty(t, c.Mounts)
	for _, n := range c.NetworkSettings.Networks {
		require.Equal(t, i.Address, n.IPAddress.String())
	}
}

func TestLaunch_InANetworkThatReachesTheGatewayAndNotTheControlSide(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.open(t)
	control, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer control.Close()
	_, port, err := net.SplitHostPort(control.Addr().String())
	require.NoError(t, err)
	first, _ := b.launch(t, p, b.spec(b.key(), "crawler"))

	gateway, _, err := net.SplitHostPort(b.home.Addr().String())
	require.NoError(t, err)
	s := b.spec(b.key(), "crawler")
	reach := []string{control.Addr().String(), net.JoinHostPort(gateway, port), net.JoinHostPort(first.Address, "1")}
	s.Env["STANDIN_REACH"] = strings.Join(reach, " ")
	// That it told of itself is the proof that it reaches what listens on the network.
	_, told := b.launch(t, p, s)
	require.Contains(t, told.Reaches[reach[0]], "refused", "its loopback is its own")
	require.Contains(t, told.Reaches[reach[1]], "refused", "the machine's loopback is not on the network")
	require.Contains(t, told.Reaches[reach[2]], "timeout", "crawlers do not reach each other")

	n, err := p.Network(t.Context())
	require.NoError(t, err)
	seen, err := b.engine.NetworkInspect(t.Context(), n.ID, client.NetworkInspectOptions{})
	require.NoError(t, err)
	require.False(t, seen.Network.Internal, "the outside is reached")
	require.Equal(t, gateway, n.Gateway.String())
}

func TestLaunch_SaysHowACrawlerEnded(t *testing.T) {
	t.Parallel()
	for role, want := range map[string]struct {
		code   int
		reason string
	}{
		"failing": {3, "exit code 3"},
		"hog":     {137, "out of memory: more than its limit of 64 MB, exit code 137"},
	} {
		t.Run(role, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			p := b.open(t)
			s := b.spec(b.key(), role)
			_, err := p.Launch(t.Context(), s)
			require.NoError(t, err)
			i := exited(t, p, s.Key)
			require.Equal(t, want.reason, i.Reason)
			require.NotNil(t, i.ExitCode)
			require.Equal(t, want.code, *i.ExitCode)
		})
	}
}

func TestLaunch_SaysThatAProcessWasKilledAndThatOneIsPaused(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.open(t)
	killed, _ := b.launch(t, p, b.spec(b.key(), "crawler"))
	b.kill(t, killed.ProviderID)
	require.Equal(t, "killed by signal 9", exited(t, p, killed.Key).Reason)

	paused, _ := b.launch(t, p, b.spec(b.key(), "crawler"))
	_, err := b.engine.ContainerPause(t.Context(), paused.ProviderID, client.ContainerPauseOptions{})
	require.NoError(t, err)
	i, err := p.Describe(t.Context(), paused.Key)
	require.NoError(t, err)
	require.Equal(t, fleet.PhaseRunning, i.Phase, "it costs what it costs")
	require.Equal(t, "paused", i.Reason)
	gone(t, p, paused.Key, 0)
	require.False(t, b.inspect(t, paused.ProviderID).State.Running)
}

func TestLaunch_NamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	o := b.options(b.places)
	o.Image = "crawlfleet-nowhere:1"
	_, err := b.openWith(t, o).Launch(t.Context(), b.spec(b.key(), "crawler"))
	require.Equal(t, fleet.ClassFatal, fleet.ClassOf(err), "%v", err)
	require.ErrorContains(t, err, "image not found: crawlfleet-nowhere:1")

	o = b.options(b.places)
	o.Host = "unix://" + filepath.Join(t.TempDir(), "none.sock")
	p := b.openWith(t, o)
	k := b.key()
	_, err = p.Launch(t.Context(), b.spec(k, "crawler"))
	require.Equal(t, fleet.ClassRetryable, fleet.ClassOf(err), "%v", err)
	require.ErrorContains(t, err, "is the Docker engine running")
	_, err = p.Describe(t.Context(), k)
	require.Equal(t, fleet.ClassRetryable, fleet.ClassOf(err), "%v", err)
	require.Equal(t, fleet.ClassRetryable, fleet.ClassOf(p.Stop(t.Context(), k, fleet.StopOptions{})))
	for _, err := range p.List(t.Context(), fleet.Filter{Fleet: b.ours}) {
		require.Equal(t, fleet.ClassRetryable, fleet.ClassOf(err))
	}
	require.Empty(t, b.containers(t.Context(), t))
}

func TestLaunch_RefusesANetworkOfAnotherSubnet(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	o := b.options(nil)
	o.Subnet = netip.MustParsePrefix("10.99.0.0/24")
	_, err := b.openWith(t, o).Network(t.Context())
	require.Equal(t, fleet.ClassFatal, fleet.ClassOf(err), "%v", err)
	require.ErrorContains(t, err, "docker.subnet")
}

func TestLaunch_OfFiftyAtOnceStartsFifty(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.places[0].Capacity = 60
	b.places[0].Addresses = append(pool(b.subnet, 100), append(pool(b.subnet, 101), pool(b.subnet, 102)...)...)
	providers := []*docker.Provider{b.open(t), b.open(t)}
	specs, errs := make([]fleet.Spec, 50), make([]error, 50)
	var all sync.WaitGroup
	for n := range specs {
		specs[n] = b.spec(b.key(), "crawler")
		all.Go(func() { _, errs[n] = providers[n%2].Launch(t.Context(), specs[n]) })
	}
	all.Wait()
	addresses := map[string]bool{}
	for n, s := range specs {
		require.NoError(t, errs[n])
		b.only(t, s.GUID)
		i, err := providers[0].Describe(t.Context(), s.Key)
		require.NoError(t, err)
		require.Equal(t, fleet.PhaseRunning, i.Phase)
		addresses[i.Address] = true
	}
	require.Len(t, addresses, 50, "each has an address of its own")
	listed := 0
	for _, err := range providers[1].List(t.Context(), fleet.Filter{Fleet: b.ours}) {
		require.NoError(t, err)
		listed++
	}
	require.Equal(t, 50, listed)
}

func TestLaunch_GivesNoAddressThatAForeignContainerHas(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.places[0].Addresses = b.places[0].Addresses[:2]
	// Of another program: nothing but the engine knows of its address.
	theirs := b.squat(t, b.places[0].Addresses[0])
	p := b.open(t)
	i, _ := b.launch(t, p, b.spec(b.key(), "crawler"))
	require.Equal(t, b.places[0].Addresses[1], i.Address)
	s := b.spec(b.key(), "crawler")
	s.Address = b.places[0].Addresses[0]
	_, err := p.Launch(t.Context(), s)
	require.Equal(t, fleet.ClassConflict, fleet.ClassOf(err), "%v", err)
	require.Len(t, b.containers(t.Context(), t), 1, "what could not be started is removed")

	ctx := context.WithoutCancel(t.Context())
	_, err = b.engine.ContainerRemove(ctx, theirs, client.ContainerRemoveOptions{Force: true})
	require.NoError(t, err)
	i, _ = b.launch(t, p, s) // refused is not launched: the GUID is unspent
	require.Equal(t, s.Address, i.Address)
}

func TestLaunch_KeepsTheTokenOutOfCommandLineAndLabels(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	i, _ := b.launch(t, b.open(t), b.spec(b.key(), "crawler"))
	c := b.inspect(t, i.ProviderID)
	line, err := os.ReadFile("/proc/" + strconv.Itoa(c.State.Pid) + "/cmdline")
	if err != nil {
		require.NotEmpty(t, os.Getenv("DOCKER_HOST"), "the engine's processes are this machine's: %v", err)
	}
	require.NotContains(t, string(line), "t0p-secret")
	require.NotContains(t, strings.Join(append(c.Args, c.Path), " "), "t0p-secret")
	for _, v := range c.Config.Labels {
		require.NotContains(t, v, "t0p-secret")
	}
}
