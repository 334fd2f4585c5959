package nomad_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/nomadagent"
	"github.com/crawlfleet/crawlfleet/providers/nomad"
	"github.com/crawlfleet/crawlfleet/providers/providertest"
)

// cable is a network namespace of this machine, with one wire to it that can be cut.
type cable struct{ name, link, here, there string }

func newCable(t *testing.T) cable {
	t.Helper()
	_, err := exec.LookPath("ip")
	require.NoError(t, err, "a partition is made of network namespaces: apt-get install iproute2")
	n := os.Getpid() % 16_000 // a /30 of its own for each run of these tests
	subnet := func(last int) string { return fmt.Sprintf("10.213.%d.%d", n/64, n%64*4+last) }
	c := cable{
		name: fmt.Sprintf("cf-%d", os.Getpid()), link: fmt.Sprintf("cf%d", os.Getpid()),
		here: subnet(1), there: subnet(2),
	}
	ip(t, "netns", "add", c.name)
	t.Cleanup(func() { ip(t, "netns", "delete", c.name) }) // and the wire with it
	ip(t, "link", "add", c.link, "type", "veth", "peer", "name", "eth0", "netns", c.name)
	ip(t, "addr", "add", c.here+"/30", "dev", c.link)
	ip(t, "link", "set", c.link, "up")
	for _, line := range []string{"addr add " + c.there + "/30 dev eth0", "link set eth0 up", "link set lo up", "route add default via " + c.here} {
		ip(t, append([]string{"-n", c.name}, strings.Fields(line)...)...)
	}
	return c
}

func ip(t *testing.T, args ...string) {
	t.Helper()
	// Not the test's context: it is called after its end too.
	out, err := exec.CommandContext(context.Background(), "ip", args...).CombinedOutput()
	require.NoError(t, err, "ip %s: %s", strings.Join(args, " "), out)
}

// A node that is cut off while it and its crawler live: nothing is replaced, nothing is
// forgotten, and what was stopped meanwhile ends when the wire is back.
func TestNodes_CutFromTheServers(t *testing.T) {
	t.Parallel()
	wire := newCable(t)
	far := node("DE", "203.0.113.1")
	far.Bind, far.Prefix = wire.there, []string{"ip", "netns", "exec", wire.name}
	agents := cluster(t, nomadagent.Options{Bind: wire.here, Heartbeat: lostAfter}, far, node("NL", "203.0.113.2"))
	w := newWorld(t, agents[0])
	p, err := nomad.New(countries(w.options(t)))
	require.NoError(t, err)
	kept, stopped := w.at("DE"), w.at("DE")
	for _, s := range []fleet.Spec{kept, stopped} {
		_, err := p.Launch(t.Context(), s)
		require.NoError(t, err)
		w.Only(t, s.GUID)
		is(t, p, s.Key, fleet.PhaseRunning)
	}
	heard := func(s fleet.Spec, reason string) {
		require.Eventually(t, func() bool {
			i, err := p.Describe(t.Context(), s.Key)
			return err == nil && i.Phase == fleet.PhaseRunning && i.Reason == reason
		}, providertest.Patience, pollEvery)
	}

	ip(t, "link", "set", wire.link, "down")
	heard(kept, "node one is not heard from")
	heard(stopped, "node one is not heard from")
	gone(t, p, stopped.Key)
	_, err = p.Launch(t.Context(), w.at("DE"))
	require.Equal(t, fleet.ClassCapacity, fleet.ClassOf(err), "%v", err)
	for _, s := range []fleet.Spec{kept, stopped} {
		require.True(t, runs(w.Only(t, s.GUID)), "the cut reaches no process")
	}

	ip(t, "link", "set", wire.link, "up")
	heard(kept, "")
	require.Eventually(t, func() bool { return !runs(w.Only(t, stopped.GUID)) }, providertest.Patience, pollEvery)
	require.True(t, runs(w.Only(t, kept.GUID)), "the same as before")
	gone(t, p, kept.Key)
}
