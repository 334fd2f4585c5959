package nomad_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/nomad/api"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/nomadagent"
	"github.com/crawlfleet/crawlfleet/providers/nomad"
	"github.com/crawlfleet/crawlfleet/providers/providertest"
)

// shared is the agent that most tests have their namespaces on. Those that hurt their
// agent have one of their own.
var shared *nomadagent.Agent

func TestMain(m *testing.M) {
	if role := os.Getenv(providertest.EnvRole); role != "" {
		os.Exit(providertest.StandIn(role, map[string]func(){roleGreedy: eat}))
	}
	code, err := withAgent(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func withAgent(m *testing.M) (code int, err error) {
	program, err := nomadagent.Program("../../bin")
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "crawlfleet-nomad-")
	if err != nil {
		return 0, err
	}
	shared, err = nomadagent.Start(context.Background(), nomadagent.Options{
		Program: program, Dir: filepath.Join(dir, "shared"), Server: true,
		Client: &nomadagent.Client{
			Drivers: []string{"raw_exec", "docker"},
			Meta:    map[string]string{"egress_country": "DE", "egress_ip": everyAddress()},
		},
	})
	if err != nil {
		return 0, err
	}
	code = m.Run()
	return code, errors.Join(shared.Stop(), shared.Remove(), os.RemoveAll(dir))
}

// capacity of a place in the tests: as many addresses as it has.
const capacity = 3

// places is how many places with addresses of their own the shared node has.
const places = 60

var nextPlace atomic.Int64

// placeAddresses are those of one place; loopback, so that the machine has them.
func placeAddresses(n int64) (out []string) {
	for i := range capacity {
		out = append(out, fmt.Sprintf("127.0.%d.%d", 20+n/50, 1+int(n%50)*capacity+i))
	}
	return out
}

func everyAddress() (text string) {
	for n := range int64(places) {
		for _, a := range placeAddresses(n) {
			text += a + ","
		}
	}
	return text + "127.0.0.1"
}

// world is a namespace of an agent, empty at first, with providers over it.
type world struct {
	providertest.Starts
	agent     *nomadagent.Agent
	client    *api.Client
	namespace string
	addresses []string
}

var nextNamespace atomic.Int64

// newWorld makes a namespace on an agent; what runs there at the test's end is stopped.
func newWorld(t *testing.T, agent *nomadagent.Agent) world {
	t.Helper()
	w := world{
		agent: agent, Starts: providertest.Starts(t.TempDir()),
		namespace: fmt.Sprintf("w%d", nextNamespace.Add(1)),
		addresses: placeAddresses((nextPlace.Add(1) - 1) % places),
	}
	var err error
	w.client, err = api.NewClient(&api.Config{Address: agent.Address(), Namespace: w.namespace, TLSConfig: &api.TLSConfig{}})
	require.NoError(t, err)
	_, err = w.client.Namespaces().Register(&api.Namespace{Name: w.namespace}, nil)
	require.NoError(t, err)
	t.Cleanup(func() { w.clear(t) })
	return w
}

// clear takes every job of the namespace away.
func (w world) clear(t *testing.T) {
	t.Helper()
	jobs, _, err := w.client.Jobs().List(nil)
	require.NoError(t, err)
	for _, j := range jobs {
		_, _, err := w.client.Jobs().DeregisterOpts(j.ID, &api.DeregisterOptions{Purge: true, NoShutdownDelay: true}, nil)
		require.NoError(t, err)
	}
}

// specification is the file in the tree.
func specification(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile("../../nomad-jobs/crawler.nomad.hcl")
	require.NoError(t, err)
	return string(b)
}

// options are those of a provider whose program is this test binary.
func (w world) options(t *testing.T) nomad.Options {
	t.Helper()
	program, err := os.Executable()
	require.NoError(t, err)
	return nomad.Options{
		Address: w.agent.Address(), Namespace: w.namespace, Job: specification(t),
		Variables: map[string]string{"driver": "raw_exec", "command": program, "cpu": "20", "memory": "16"},
		Places: []nomad.Place{
			{Offering: place("own", fleet.EgressOwn, w.addresses), Bind: true},
			{Offering: place("any", fleet.EgressShared, nil)},
		},
		Env: map[string]string{providertest.EnvRole: providertest.RoleCrawler, providertest.EnvStarts: string(w.Starts)},
	}
}

func place(name string, egress fleet.EgressKind, addresses []string) fleet.Offering {
	return fleet.Offering{
		ID: fleet.OfferingID("nomad/" + name), Provider: nomad.Kind, Account: nomad.Account, Country: "DE",
		Price: fleet.Money{Micros: 1, Currency: "EUR"}, Grain: fleet.GrainSecond,
		Egress: egress, Addresses: addresses,
	}
}

func (w world) open(t *testing.T) *nomad.Provider {
	t.Helper()
	p, err := nomad.New(w.options(t))
	require.NoError(t, err)
	return p
}

func (w world) spec(k fleet.Key, role string) fleet.Spec {
	return fleet.Spec{
		Key: k, Offering: "nomad/own", Slots: 2, Env: map[string]string{providertest.EnvRole: role}, Token: "t0p-secret",
	}
}

// labels reads a job's labels from Nomad.
func (w world) labels(t *testing.T, i fleet.Instance) fleet.Key {
	t.Helper()
	job, _, err := w.client.Jobs().Info(i.ProviderID, nil)
	require.NoError(t, err)
	return fleet.Key{
		Fleet:  fleet.FleetID(job.Meta["crawlfleet_fleet"]),
		Tenant: fleet.TenantID(job.Meta["crawlfleet_tenant"]),
		GUID:   fleet.GUID(job.Meta["crawlfleet_guid"]),
	}
}
