package docker_test

import (
	"context"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/docker"
	"github.com/crawlfleet/crawlfleet/providers/providertest"
)

const (
	// capacity of a place in the tests: small, for containers cost time.
	capacity = 3
	// poolSize is how many addresses a case has to itself.
	poolSize = 20
	// pollEvery is how often a test looks for what comes in milliseconds.
	pollEvery = 10 * time.Millisecond
	// local is the place of every case.
	local fleet.OfferingID = "docker/local"
)

// bench is one case: two fleets, and a share of the network's addresses.
type bench struct {
	*machine
	ours, theirs fleet.FleetID
	places       []fleet.Offering
}

// newBench makes one, and removes its containers at the test's end.
func newBench(t *testing.T) *bench {
	t.Helper()
	m := theMachine(t)
	m.mu.Lock()
	n := m.cases
	m.cases++
	m.mu.Unlock()
	id := random()
	b := &bench{machine: m, ours: fleet.FleetID("ours-" + id), theirs: fleet.FleetID("theirs-" + id)}
	b.places = []fleet.Offering{{
		ID: local, Provider: docker.Kind, Account: docker.Account, Country: "DE", Capacity: capacity,
		Egress: fleet.EgressOwn, Addresses: pool(m.subnet, n),
	}}
	t.Cleanup(func() { b.clean(t) })
	return b
}

// pool is the share of the n-th case.
func pool(subnet netip.Prefix, n int) []string {
	a := subnet.Masked().Addr()
	for range (n+1)*poolSize - 1 {
		a = a.Next()
	}
	out := make([]string, poolSize)
	for i := range out {
		a = a.Next()
		out[i] = a.String()
	}
	return out
}

func (b *bench) clean(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), providertest.Patience)
	defer cancel()
	for _, c := range b.containers(ctx, t) {
		_, err := b.engine.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true})
		require.NoError(t, err)
	}
}

// containers are the engine's own list of the case's.
func (b *bench) containers(ctx context.Context, t *testing.T) (all []container.Summary) {
	t.Helper()
	for _, f := range []fleet.FleetID{b.ours, b.theirs} {
		list, err := b.engine.ContainerList(ctx, client.ContainerListOptions{
			All: true, Filters: make(client.Filters).Add("label", "crawlfleet.fleet="+string(f)),
		})
		require.NoError(t, err)
		all = append(all, list.Items...)
	}
	return all
}

func (b *bench) open(t *testing.T) *docker.Provider {
	t.Helper()
	return b.openWith(t, b.options(b.places))
}

func (b *bench) openWith(t *testing.T, o docker.Options) *docker.Provider {
	t.Helper()
	p, err := docker.New(o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, p.Close()) })
	return p
}

func (b *bench) key() fleet.Key {
	k := providertest.Key()
	k.Fleet = b.ours
	return k
}

func (b *bench) spec(k fleet.Key, role string) fleet.Spec {
	return fleet.Spec{
		Key: k, Offering: local, Slots: 2, Token: "t0p-secret",
		Env: map[string]string{"STANDIN_ROLE": role, "STANDIN_HOME": b.home.Addr().String()},
	}
}

// told are the starts of a crawler's program, as that told of them.
func (b *bench) told(g fleet.GUID) []report {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]report(nil), b.reports[g]...)
}

// only waits for the one start of a crawler.
func (b *bench) only(t *testing.T, g fleet.GUID) report {
	t.Helper()
	require.Eventually(t, func() bool { return len(b.told(g)) > 0 }, providertest.Patience, pollEvery,
		"the program of %s has not told of itself", g)
	all := b.told(g)
	require.Len(t, all, 1)
	return all[0]
}

func (b *bench) inspect(t *testing.T, id string) container.InspectResponse {
	t.Helper()
	c, err := b.engine.ContainerInspect(t.Context(), id, client.ContainerInspectOptions{})
	require.NoError(t, err)
	return c.Container
}

func (b *bench) kill(t *testing.T, id string) {
	t.Helper()
	_, err := b.engine.ContainerKill(t.Context(), id, client.ContainerKillOptions{Signal: "SIGKILL"})
	require.NoError(t, err)
}

// launch starts a crawler and waits until its program has told of itself.
func (b *bench) launch(t *testing.T, p *docker.Provider, s fleet.Spec) (fleet.Instance, report) {
	t.Helper()
	i, err := p.Launch(t.Context(), s)
	require.NoError(t, err)
	return i, b.only(t, s.GUID)
}

// exited waits for a crawler's end.
func exited(t *testing.T, p *docker.Provider, k fleet.Key) (i fleet.Instance) {
	t.Helper()
	require.Eventually(t, func() bool {
		var err error
		i, err = p.Describe(t.Context(), k)
		return err == nil && i.Phase == fleet.PhaseExited
	}, providertest.Patience, pollEvery)
	return i
}

// gone repeats Stop as callers do.
func gone(t *testing.T, p *docker.Provider, k fleet.Key, grace time.Duration) {
	t.Helper()
	require.Eventually(t, func() bool {
		err := p.Stop(t.Context(), k, fleet.StopOptions{Grace: grace})
		return fleet.ClassOf(err) == fleet.ClassNotFound
	}, providertest.Patience, pollEvery, fmt.Sprintf("crawler %s was not gone", k.GUID))
}
