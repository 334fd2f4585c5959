package nomad_test

import (
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/nomad"
	"github.com/crawlfleet/crawlfleet/providers/providertest"
)

// marks lists the variables of the world's crawlers.
func (w world) marks(t *testing.T, prefix string) (paths []string) {
	t.Helper()
	all, _, err := w.client.Variables().PrefixList("nomad/jobs/"+prefix, nil)
	require.NoError(t, err)
	for _, v := range all {
		paths = append(paths, v.Path)
	}
	return paths
}

func TestTidy_RemovesOldMarksAndNoOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	p := w.open(t)
	alive, ended, foreign := w.any(providertest.RoleCrawler), w.any(providertest.RoleCrawler), w.any(providertest.RoleCrawler)
	foreign.Fleet = providertest.Fleet + "-2"
	for _, s := range []fleet.Spec{alive, ended, foreign} {
		_, err := p.Launch(t.Context(), s)
		require.NoError(t, err)
		w.Only(t, s.GUID)
	}
	gone(t, p, ended.Key)
	gone(t, p, foreign.Key)
	now := time.Now()
	require.NoError(t, nomad.Tidy(p, t.Context(), providertest.Fleet, now.Add(47*time.Hour)))
	require.Len(t, w.marks(t, "crawl-conformance"), 3, "none is two days old")
	require.NoError(t, nomad.Tidy(p, t.Context(), providertest.Fleet, now.Add(49*time.Hour)))
	require.ElementsMatch(t, []string{
		"nomad/jobs/crawl-conformance-" + string(alive.GUID),
		"nomad/jobs/crawl-conformance-2-" + string(foreign.GUID),
	}, w.marks(t, "crawl-conformance"), "one lives, one is another fleet's")
}

// A mark without a job is a launch that was cut short, or one whose job was removed long ago.
func TestLaunch_AMarkWithoutAJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	p := w.open(t)
	s := w.any(providertest.RoleCrawler)
	mark := &api.Variable{Path: "nomad/jobs/crawl-conformance-" + string(s.GUID), Items: api.VariableItems{
		"crawl_tenant": string(s.Tenant), "crawl_offering": string(s.Offering), fleet.EnvToken: "spent",
	}}
	_, _, err := w.client.Variables().Create(mark, nil)
	require.NoError(t, err)
	_, err = p.Launch(t.Context(), s)
	require.NoError(t, err)
	require.Contains(t, w.Only(t, s.GUID).Env, fleet.EnvToken+"=t0p-secret", "it goes on with its own token")

	// Stopped before its job is there: it can come any time, and cannot start.
	late := w.any(providertest.RoleCrawler)
	mark.Path = "nomad/jobs/crawl-conformance-" + string(late.GUID)
	_, _, err = w.client.Variables().Create(mark, nil)
	require.NoError(t, err)
	gone(t, p, late.Key)
	i, err := p.Launch(t.Context(), late)
	require.NoError(t, err)
	require.Equal(t, fleet.PhaseExited, i.Phase)
	require.Equal(t, "it never ran", i.Reason)
}

// An address goes to the next when its holder is dead, whoever forgot to give it back.
func TestAddress_IsTakenOverFromTheDeadAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	o := w.options(t)
	o.Places = []nomad.Place{{Offering: place("own", fleet.EgressOwn, w.addresses[:1]), Bind: true}}
	p, err := nomad.New(o)
	require.NoError(t, err)
	first, second := w.spec(providertest.Key(), providertest.RoleCrawler), w.spec(providertest.Key(), providertest.RoleCrawler)
	second.Fleet = providertest.Foreign
	i, err := p.Launch(t.Context(), first)
	require.NoError(t, err)
	require.Equal(t, w.addresses[0], i.Address)
	require.Contains(t, w.Only(t, first.GUID).Env, fleet.EnvSource+"="+w.addresses[0])
	_, err = p.Launch(t.Context(), second)
	require.Equal(t, fleet.ClassCapacity, fleet.ClassOf(err), "of another fleet, too: %v", err)

	_, _, err = w.client.Jobs().Deregister(i.ProviderID, false, nil) // behind the provider's back
	require.NoError(t, err)
	is(t, p, first.Key, fleet.PhaseExited)
	require.Eventually(t, func() bool { // the job is dead a moment after its allocation
		i, err = p.Launch(t.Context(), second)
		return err == nil
	}, providertest.Patience, pollEvery)
	require.Equal(t, w.addresses[0], i.Address)
	gone(t, p, first.Key)
	require.Len(t, w.marks(t, "crawl-addresses"), 1, "it is the second one's by now")
	gone(t, p, second.Key)
	require.Empty(t, w.marks(t, "crawl-addresses"))
}
