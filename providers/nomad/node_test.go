package nomad_test

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/nomadagent"
	"github.com/crawlfleet/crawlfleet/providers/nomad"
	"github.com/crawlfleet/crawlfleet/providers/providertest"
)

const (
	// lostAfter is how soon a server takes a silent client for lost where a test waits for it.
	lostAfter = 5 * time.Second
	// keptFor is how long it does not where none is lost, however busy the machine is.
	keptFor = time.Minute
)

// cluster starts a server and clients with the labels, each with a directory of its own,
// and ends them after the test's jobs.
func cluster(t *testing.T, server nomadagent.Options, clients ...nomadagent.Options) []*nomadagent.Agent {
	t.Helper()
	program, err := nomadagent.Program("../../bin")
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "crawlfleet-nomad-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.Remove(dir), "an agent has left something") })
	server.Server, server.Heartbeat = true, cmp.Or(server.Heartbeat, keptFor)
	var all []*nomadagent.Agent
	for n, o := range append([]nomadagent.Options{server}, clients...) {
		o.Program = program
		o.Name = []string{"server", "one", "two"}[n]
		o.Dir = filepath.Join(dir, o.Name)
		if n > 0 {
			o.Client.Servers = []string{all[0].RPC()}
		}
		a, err := nomadagent.Start(t.Context(), o)
		require.NoError(t, err)
		all = append(all, a)
		t.Cleanup(func() {
			require.NoError(t, a.Stop())
			require.NoError(t, a.Remove())
		})
	}
	return all
}

func node(country, address string) nomadagent.Options {
	return nomadagent.Options{Client: &nomadagent.Client{
		Meta: map[string]string{"egress_country": country, "egress_ip": address},
	}}
}

// countries are two places, each with one node.
func countries(o nomad.Options) nomad.Options {
	o.Places = nil
	for country, address := range map[string]string{"DE": "203.0.113.1", "NL": "203.0.113.2"} {
		p := place(country, fleet.EgressShared, []string{address})
		p.Country = country
		o.Places = append(o.Places, nomad.Place{Offering: p})
	}
	return o
}

func (w world) at(country string) fleet.Spec {
	s := w.spec(providertest.Key(), providertest.RoleCrawler)
	s.Offering = fleet.OfferingID("nomad/" + country)
	return s
}

// One server and two nodes: a crawler runs where its place is, and a lost node's crawler
// is neither replaced nor forgotten.
func TestNodes_PlacementAndLoss(t *testing.T) {
	t.Parallel()
	agents := cluster(t, nomadagent.Options{Heartbeat: lostAfter}, node("DE", "203.0.113.1"), node("NL", "203.0.113.2"))
	w := newWorld(t, agents[0])
	p, err := nomad.New(countries(w.options(t)))
	require.NoError(t, err)
	var specs []fleet.Spec
	for _, country := range []string{"DE", "NL"} {
		s := w.at(country)
		specs = append(specs, s)
		_, err := p.Launch(t.Context(), s)
		require.NoError(t, err)
		w.Only(t, s.GUID)
		i := is(t, p, s.Key, fleet.PhaseRunning)
		require.Equal(t, map[string]string{"DE": "203.0.113.1", "NL": "203.0.113.2"}[country], i.Address)
	}
	german, dutch := specs[0], specs[1]

	require.NoError(t, agents[1].Kill())
	require.Eventually(t, func() bool {
		i, err := p.Describe(t.Context(), german.Key)
		return err == nil && i.Phase == fleet.PhaseRunning && i.Reason == "node one is not heard from"
	}, providertest.Patience, pollEvery)
	require.True(t, runs(w.Only(t, german.GUID)), "its agent was killed, and it was not")
	require.Equal(t, fleet.PhaseRunning, is(t, p, dutch.Key, fleet.PhaseRunning).Phase)

	s := w.at("DE")
	_, err = p.Launch(t.Context(), s)
	require.Equal(t, fleet.ClassCapacity, fleet.ClassOf(err), "%v", err)

	// The node is back, and so is its crawler: the same.
	require.NoError(t, agents[1].Restart(t.Context()))
	require.Eventually(t, func() bool {
		i, err := p.Describe(t.Context(), german.Key)
		return err == nil && i.Phase == fleet.PhaseRunning && i.Reason == ""
	}, providertest.Patience, pollEvery)
	require.Len(t, w.Of(t, german.GUID), 1)
	require.Len(t, w.Of(t, dutch.GUID), 1)
	_, err = p.Launch(t.Context(), s)
	require.NoError(t, err, "the GUID was unspent")

	// Stopped while its node is away: gone as far as the servers know, and gone in truth
	// when the node hears of it.
	require.NoError(t, agents[2].Kill())
	require.Eventually(t, func() bool {
		i, err := p.Describe(t.Context(), dutch.Key)
		return err == nil && i.Reason != ""
	}, providertest.Patience, pollEvery)
	gone(t, p, dutch.Key)
	require.NoError(t, agents[2].Restart(t.Context()))
	require.Eventually(t, func() bool { return !runs(w.Only(t, dutch.GUID)) }, providertest.Patience, pollEvery)
	again, err := p.Launch(t.Context(), dutch)
	require.NoError(t, err)
	require.Equal(t, fleet.PhaseExited, again.Phase)
	require.Equal(t, "stopped while its node two is not heard from", again.Reason)
	require.Len(t, w.Of(t, dutch.GUID), 1)
	gone(t, p, german.Key)
	gone(t, p, s.Key)
}

// What an operator does: drain a node, restart its agent, restart the server.
func TestNodes_DrainAndRestarts(t *testing.T) {
	t.Parallel()
	agents := cluster(t, nomadagent.Options{}, node("DE", "203.0.113.1"))
	w := newWorld(t, agents[0])
	p, err := nomad.New(countries(w.options(t)))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	events, err := p.Watch(ctx, fleet.Filter{Fleet: providertest.Fleet})
	require.NoError(t, err)

	s := w.at("DE")
	_, err = p.Launch(t.Context(), s)
	require.NoError(t, err)
	told := w.Only(t, s.GUID)
	for name, restart := range map[string]*nomadagent.Agent{"the node's agent": agents[1], "the server": agents[0]} {
		require.NoError(t, restart.Stop(), name)
		require.True(t, runs(told), name)
		require.NoError(t, restart.Restart(t.Context()), name)
		require.Eventually(t, func() bool {
			i, err := p.Describe(t.Context(), s.Key)
			return err == nil && i.Phase == fleet.PhaseRunning && i.Reason == ""
		}, providertest.Patience, pollEvery, name)
	}
	require.Len(t, w.Of(t, s.GUID), 1)

	nodes, _, err := w.client.Nodes().List(nil)
	require.NoError(t, err)
	require.Len(t, nodes, 1)
	_, err = w.client.Nodes().UpdateDrain(nodes[0].ID, &api.DrainSpec{Deadline: time.Second}, false, nil)
	require.NoError(t, err)
	i := is(t, p, s.Key, fleet.PhaseExited)
	require.Equal(t, "exit code 0", i.Reason, "a drain is a SIGTERM")
	for e := range events { // earlier ones are hints of nothing
		if e.Instance.GUID == s.GUID {
			require.Equal(t, fleet.PhaseExited, e.Instance.Phase)
			break
		}
	}
	cancel()
	_, err = p.Launch(t.Context(), w.at("DE"))
	require.Equal(t, fleet.ClassCapacity, fleet.ClassOf(err), "a drained node takes none: %v", err)
	gone(t, p, s.Key)
	require.Len(t, w.Of(t, s.GUID), 1)
}

// With ACLs on, the policy of nomad-jobs is enough for everything, and no more.
func TestACL_ThePolicyIsEnough(t *testing.T) {
	t.Parallel()
	n := node("DE", "203.0.113.1")
	agents := cluster(t, nomadagent.Options{ACL: true, Client: n.Client})
	boss, err := api.NewClient(&api.Config{Address: agents[0].Address(), TLSConfig: &api.TLSConfig{}})
	require.NoError(t, err)
	var root *api.ACLToken
	require.Eventually(t, func() bool { // not before there is a leader
		root, _, err = boss.ACLTokens().Bootstrap(nil)
		return err == nil
	}, providertest.Patience, pollEvery)
	boss.SetSecretID(root.SecretID)
	rules, err := os.ReadFile("../../nomad-jobs/launcher.policy.hcl")
	require.NoError(t, err)
	_, err = boss.ACLPolicies().Upsert(&api.ACLPolicy{Name: "launcher", Rules: string(rules)}, nil)
	require.NoError(t, err)
	token, _, err := boss.ACLTokens().Create(&api.ACLToken{Type: "client", Policies: []string{"launcher"}}, nil)
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		nodes, _, err := boss.Nodes().List(nil)
		return err == nil && len(nodes) == 1 && nodes[0].Status == "ready"
	}, providertest.Patience, pollEvery)

	w := world{agent: agents[0], client: boss, Starts: providertest.Starts(t.TempDir())}
	o := countries(w.options(t))
	o.Token, o.LogDir = fleet.Secret(token.SecretID), t.TempDir()
	o.Places = append(o.Places, nomad.Place{Offering: place("own", fleet.EgressOwn, []string{"203.0.113.1"})})
	p, err := nomad.New(o)
	require.NoError(t, err)
	s := w.spec(providertest.Key(), providertest.RoleStubborn)
	i, err := p.Launch(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, "203.0.113.1", i.Address)
	w.Only(t, s.GUID)
	is(t, p, s.Key, fleet.PhaseRunning)
	_, err = p.Launch(t.Context(), w.at("NL"))
	require.Equal(t, fleet.ClassCapacity, fleet.ClassOf(err), "%v", err)
	for i, err := range p.List(t.Context(), fleet.Filter{Fleet: providertest.Fleet}) {
		require.NoError(t, err)
		require.Equal(t, s.GUID, i.GUID)
	}
	out := new(text)
	require.NoError(t, p.Logs(t.Context(), s.Key, out, false))
	require.Equal(t, "standing in\n", out.String())
	places, err := nomad.Discover(t.Context(), o)
	require.NoError(t, err)
	require.Len(t, places, 1)

	began := time.Now()
	require.Eventually(t, func() bool {
		err := p.Stop(t.Context(), s.Key, fleet.StopOptions{Grace: 100 * time.Millisecond})
		return err != nil && fleet.ClassOf(err) == fleet.ClassNotFound
	}, providertest.Patience, pollEvery)
	require.Less(t, time.Since(began), 20*time.Second, "killed by our signal, not by kill_timeout (25 s)")
	require.NoError(t, p.Purge(t.Context(), s.Key))

	launcher, err := api.NewClient(&api.Config{Address: agents[0].Address(), SecretID: token.SecretID, TLSConfig: &api.TLSConfig{}})
	require.NoError(t, err)
	_, _, err = launcher.Variables().Create(&api.Variable{Path: "nomad/jobs", Items: api.VariableItems{"a": "b"}}, nil)
	require.ErrorContains(t, err, "403", "what every job reads")
	_, err = launcher.ACLPolicies().Upsert(&api.ACLPolicy{Name: "x", Rules: string(rules)}, nil)
	require.ErrorContains(t, err, "403")
	_, err = launcher.Nodes().ToggleEligibility("00000000-0000-0000-0000-000000000000", false, nil)
	require.ErrorContains(t, err, "403")

	checkACL(t, boss, o, string(rules))

	o.Token = "00000000-0000-0000-0000-000000000000"
	q, err := nomad.New(o)
	require.NoError(t, err)
	_, err = q.Describe(t.Context(), s.Key)
	require.Equal(t, fleet.ClassFatal, fleet.ClassOf(err), "%v", err)
	_, err = q.Launch(t.Context(), w.spec(providertest.Key(), providertest.RoleCrawler))
	require.Equal(t, fleet.ClassFatal, fleet.ClassOf(err), "%v", err)
}

// Places that are made of labels change with the labels, while the provider runs.
func TestPlaces_FollowTheLabelsOfTheNodes(t *testing.T) {
	t.Parallel()
	agents := cluster(t, nomadagent.Options{}, node("DE", "203.0.113.1"))
	w := newWorld(t, agents[0])
	o := w.options(t)
	o.Places = nil
	o.Look = func(ctx context.Context) ([]nomad.Place, error) { return nomad.Discover(ctx, o) }
	p, err := nomad.New(o)
	require.NoError(t, err)
	country := func() string {
		places, err := p.Offerings(t.Context())
		require.NoError(t, err)
		require.Len(t, places, 1)
		return places[0].Country
	}
	require.Equal(t, "DE", country())

	c, err := api.NewClient(&api.Config{Address: agents[0].Address(), TLSConfig: &api.TLSConfig{}})
	require.NoError(t, err)
	nodes, _, err := c.Nodes().List(nil)
	require.NoError(t, err)
	_, err = c.Nodes().Meta().Apply(&api.NodeMetaApplyRequest{
		NodeID: nodes[0].ID, Meta: map[string]*string{"egress_country": new("NL")},
	}, nil)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return country() == "NL" }, providertest.Patience, pollEvery)
	places, err := p.Offerings(t.Context())
	require.NoError(t, err)
	s := w.spec(providertest.Key(), providertest.RoleCrawler)
	s.Offering = places[0].ID
	_, err = p.Launch(t.Context(), s)
	require.NoError(t, err)
	is(t, p, s.Key, fleet.PhaseRunning)
	s = w.spec(providertest.Key(), providertest.RoleCrawler)
	s.Offering = "nomad/de-dc1-default"
	_, err = p.Launch(t.Context(), s)
	require.Equal(t, fleet.ClassFatal, fleet.ClassOf(err), "it is there no more: %v", err)
}
