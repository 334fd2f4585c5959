package docker_test

import (
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/docker"
)

// found are the findings by thing.
func found(t *testing.T, o docker.Options) map[string]fleet.Finding {
	t.Helper()
	p, err := docker.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	all := map[string]fleet.Finding{}
	for _, f := range p.Check(t.Context()) {
		require.True(t, f.Type != "" || !f.Fails, "what to type for %+v", f)
		all[f.Thing] = f
	}
	return all
}

func TestCheck_SaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	o := b.options(b.places)
	_, err := b.open(t).Network(t.Context())
	require.NoError(t, err)
	for thing, f := range found(t, o) {
		require.Empty(t, f.Type, "%s: %+v", thing, f)
	}

	without := o
	without.Image = "crawlfleet-nothing:of-that-name"
	f := found(t, without)["image"]
	require.True(t, f.Fails)
	require.Contains(t, f.Says, "does not have crawlfleet-nothing:of-that-name")
	require.Contains(t, f.Type, "make images")

	fresh := o
	fresh.Network, fresh.Subnet, fresh.Offerings = "crawlfleet-none-"+random(), netip.Prefix{}, nil
	f = found(t, fresh)["network"]
	require.False(t, f.Fails, "it is made")
	require.Contains(t, f.Says, "does not exist yet")
	networks, err := b.engine.NetworkList(t.Context(), client.NetworkListOptions{
		Filters: make(client.Filters).Add("name", fresh.Network),
	})
	require.NoError(t, err)
	require.Empty(t, networks.Items, "the check makes none")

	other := o
	other.Subnet, other.Offerings = netip.MustParsePrefix("198.18.255.0/24"), nil
	f = found(t, other)["network"]
	require.True(t, f.Fails)
	require.Contains(t, f.Says, "docker.subnet is 198.18.255.0/24")
	require.Contains(t, f.Type, "docker network rm "+o.Network)

	away := o
	away.Host = "unix://" + filepath.Join(t.TempDir(), "none.sock")
	all := found(t, away)
	require.Len(t, all, 1, "nothing else can be asked")
	require.True(t, all["engine"].Fails)
	require.Contains(t, all["engine"].Type, "docker --host "+away.Host+" version")
}
