package nomad_test

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/nomad"
	"github.com/crawlfleet/crawlfleet/providers/providertest"
)

// any is a launch at the place that takes as many as the node does.
func (w world) any(role string) fleet.Spec {
	s := w.spec(providertest.Key(), role)
	s.Offering = "nomad/any"
	return s
}

// is waits until the provider says that the crawler is in the phase.
func is(t *testing.T, p fleet.Provider, k fleet.Key, phase fleet.Phase) (i fleet.Instance) {
	t.Helper()
	require.Eventually(t, func() bool {
		var err error
		i, err = p.Describe(t.Context(), k)
		return err == nil && i.Phase == phase
	}, providertest.Patience, pollEvery, "crawler %s did not become %s", k.GUID, phase)
	return i
}

// gone stops a crawler until it is gone.
func gone(t *testing.T, p fleet.Provider, k fleet.Key) {
	t.Helper()
	require.Eventually(t, func() bool {
		err := p.Stop(t.Context(), k, fleet.StopOptions{Grace: providertest.Patience})
		return err != nil && fleet.ClassOf(err) == fleet.ClassNotFound
	}, providertest.Patience, pollEvery)
}

func TestLaunch_FiftyAtOnce(t *testing.T) {
	t.Parallel()
	const crowd = 50
	w := newWorld(t, shared)
	p := w.open(t)
	specs := make([]fleet.Spec, crowd)
	var all sync.WaitGroup
	errs := make([]error, crowd)
	for n := range specs {
		specs[n] = w.any(providertest.RoleCrawler)
		all.Go(func() { _, errs[n] = p.Launch(t.Context(), specs[n]) })
	}
	all.Wait()
	for n, s := range specs {
		require.NoError(t, errs[n])
		w.Only(t, s.GUID)
	}
	seen := 0
	for i, err := range p.List(t.Context(), fleet.Filter{Fleet: providertest.Fleet}) {
		require.NoError(t, err)
		require.Equal(t, providertest.Fleet, i.Fleet)
		seen++
	}
	require.Equal(t, crowd, seen)
}

// The request arrives, and its answer does not.
func TestLaunch_ALostAnswerIsReadAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	for _, path := range []string{"/v1/jobs", "/v1/var/"} {
		var lost atomic.Int32
		o := w.options(t)
		o.Address = losing(t, o.Address, path, &lost)
		p, err := nomad.New(o)
		require.NoError(t, err)
		s := w.any(providertest.RoleCrawler)
		i, err := p.Launch(t.Context(), s)
		if err != nil {
			// Nothing was registered yet: the same again is right.
			require.Equal(t, fleet.ClassRetryable, fleet.ClassOf(err), "%v", err)
			i, err = p.Launch(t.Context(), s)
		}
		require.NoError(t, err)
		require.NotEmpty(t, i.ProviderID)
		require.EqualValues(t, 1, lost.Load(), "the answer was lost")
		w.Only(t, s.GUID)
		is(t, p, s.Key, fleet.PhaseRunning)
		require.Len(t, w.Of(t, s.GUID), 1)
	}
}

// losing is a proxy that carries out the first PUT below a path and drops its answer.
func losing(t *testing.T, address, path string, lost *atomic.Int32) string {
	t.Helper()
	to, err := url.Parse(address)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(to)
	return serve(t, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPut || len(r.URL.Path) < len(path) || r.URL.Path[:len(path)] != path ||
			!lost.CompareAndSwap(0, 1) {
			proxy.ServeHTTP(rw, r)
			return
		}
		proxy.ServeHTTP(discard{http.Header{}}, r)
		panic(http.ErrAbortHandler) // closes the connection
	}))
}

type discard struct{ header http.Header }

func (d discard) Header() http.Header         { return d.header }
func (d discard) Write(b []byte) (int, error) { return len(b), nil }
func (d discard) WriteHeader(int)             {}

// Every way of finding no place is said in words, at once, and leaves nothing.
func TestLaunch_SaysWhyThereIsNoPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	country := place("nl", fleet.EgressShared, nil)
	country.Country = "NL"
	for name, c := range map[string]struct {
		place nomad.Place
		says  string
	}{
		"a country without nodes": {nomad.Place{Offering: country}, "egress_country} = NL does not hold on 1 node"},
		"a label that no node has": {
			nomad.Place{Offering: place("rack", fleet.EgressShared, nil), Nodes: map[string]string{"rack": "7"}},
			"meta.rack} = 7 does not hold on 1 node",
		},
		"more memory than there is": {
			nomad.Place{Offering: place("large", fleet.EgressShared, nil), Memory: 2_000_000},
			"memory is used up on 1 node",
		},
		"a datacenter without nodes": {
			nomad.Place{Offering: place("dc", fleet.EgressShared, nil), Datacenters: []string{"mars"}},
			"no node of pool default is ready in the place's datacenters",
		},
		"a GPU": {nomad.Place{Offering: place("gpu", fleet.EgressShared, nil), GPUs: 1}, "missing devices"},
		"an address of no node": {
			nomad.Place{Offering: place("far", fleet.EgressOwn, []string{"203.0.113.9"})}, "set_contains 203.0.113.9",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := w.options(t)
			o.Places = []nomad.Place{c.place}
			p, err := nomad.New(o)
			require.NoError(t, err)
			s := w.any(providertest.RoleCrawler)
			s.Offering = c.place.ID
			_, err = p.Launch(t.Context(), s)
			require.Equal(t, fleet.ClassCapacity, fleet.ClassOf(err), "%v", err)
			require.ErrorContains(t, err, c.says)
			_, _, err = w.client.Jobs().Info("crawl-conformance-"+string(s.GUID), nil)
			require.ErrorContains(t, err, "404")
			v, _, err := w.client.Variables().Peek("nomad/jobs/crawl-conformance-"+string(s.GUID), nil)
			require.NoError(t, err)
			require.Nil(t, v, "the GUID is unspent")
		})
	}
}

// A job that is placed when nobody expects it any more has no mark, and does not start.
func TestLaunch_WhatIsPlacedLateDoesNotStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	p := w.open(t)
	for name, after := range map[string]func(fleet.Spec){
		"taken back":   func(fleet.Spec) {},
		"stopped once": func(s fleet.Spec) { gone(t, p, s.Key) },
	} {
		s := w.any(providertest.RoleCrawler)
		_, err := p.Launch(t.Context(), s)
		require.NoError(t, err, name)
		w.Only(t, s.GUID)
		id := "crawl-conformance-" + string(s.GUID)
		job, _, err := w.client.Jobs().Info(id, nil)
		require.NoError(t, err)
		gone(t, p, s.Key)
		if name == "taken back" {
			require.NoError(t, p.Purge(t.Context(), s.Key))
		}
		after(s)

		// Somebody's registration that was under way all the time.
		job.Version, job.Stop = nil, nil
		_, _, err = w.client.Jobs().Register(job, nil)
		require.NoError(t, err)
		require.Eventually(t, func() bool {
			all, _, err := w.client.Jobs().Allocations(id, true, nil)
			require.NoError(t, err)
			placed := 0
			for _, a := range all {
				if a.CreateIndex > *job.ModifyIndex && a.TaskStates["crawler"] != nil {
					placed++
				}
			}
			return placed > 0
		}, providertest.Patience, pollEvery, name)
		require.Never(t, func() bool { return len(w.Of(t, s.GUID)) > 1 }, 2*time.Second, 50*time.Millisecond, name)
		gone(t, p, s.Key)
	}
}

// What is in the job everybody can read who may read jobs.
func TestLaunch_KeepsSecretsOutOfTheJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	o := w.options(t)
	o.Secrets = map[string]fleet.Secret{"SOME_KEY": `a"b\c $x`}
	p, err := nomad.New(o)
	require.NoError(t, err)
	s := w.any(providertest.RoleCrawler)
	i, err := p.Launch(t.Context(), s)
	require.NoError(t, err)
	told := w.Only(t, s.GUID)
	require.Contains(t, told.Env, fleet.EnvToken+"=t0p-secret")
	require.Contains(t, told.Env, `SOME_KEY=a"b\c $x`)
	require.Contains(t, told.Env, fleet.EnvSlots+"=2")
	require.Equal(t, []string{"--guid", string(s.GUID)}, told.Args[1:])

	for _, path := range []string{"/v1/job/" + i.ProviderID, "/v1/job/" + i.ProviderID + "/allocations", "/v1/job/" + i.ProviderID + "/evaluations"} {
		text := fetch(t, w.agent.Address()+path+"?namespace="+w.namespace)
		require.Contains(t, text, i.ProviderID)
		require.NotContains(t, text, "t0p-secret")
		require.NotContains(t, text, "SOME_KEY")
	}
	gone(t, p, s.Key)
	v, _, err := w.client.Variables().Peek("nomad/jobs/"+i.ProviderID, nil)
	require.NoError(t, err)
	require.NotContains(t, v.Items, fleet.EnvToken, "a stopped crawler's token is deleted")
	require.NotContains(t, v.Items, "SOME_KEY")
	require.Equal(t, "exit code 0", v.Items["crawl_reason"])
}

// Two fleets on one Nomad, one whose id begins like the other's.
func TestFleets_NeverTouchEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	p := w.open(t)
	fleets := []fleet.FleetID{"f-1", "f-1-2"}
	var specs []fleet.Spec
	for _, f := range fleets {
		s := w.any(providertest.RoleCrawler)
		s.Fleet = f
		_, err := p.Launch(t.Context(), s)
		require.NoError(t, err)
		specs = append(specs, s)
	}
	for n, f := range fleets {
		var seen []fleet.GUID
		for i, err := range p.List(t.Context(), fleet.Filter{Fleet: f}) {
			require.NoError(t, err)
			seen = append(seen, i.GUID)
		}
		require.Equal(t, []fleet.GUID{specs[n].GUID}, seen)
	}
	require.Equal(t, fleet.ClassNotFound, fleet.ClassOf(p.Stop(t.Context(),
		fleet.Key{Fleet: "f-1", Tenant: specs[1].Tenant, GUID: specs[1].GUID}, fleet.StopOptions{})))
	gone(t, p, specs[0].Key)
	require.NoError(t, p.Purge(t.Context(), specs[0].Key))
	require.True(t, runs(w.Only(t, specs[1].GUID)))
}

// A wrong address of the agent is nobody's fate: nothing was sent.
func TestProvider_SaysHowAnErrorIsMeant(t *testing.T) {
	t.Parallel()
	w := newWorld(t, shared)
	o := w.options(t)
	o.Address = "http://127.0.0.1:1"
	p, err := nomad.New(o)
	require.NoError(t, err)
	s := w.any(providertest.RoleCrawler)
	_, err = p.Launch(t.Context(), s)
	require.Equal(t, fleet.ClassRetryable, fleet.ClassOf(err), "%v", err)
	_, err = p.Describe(t.Context(), s.Key)
	require.Equal(t, fleet.ClassRetryable, fleet.ClassOf(err), "%v", err)

	o = w.options(t)
	o.Job = "job \"x\" {"
	p, err = nomad.New(o)
	require.NoError(t, err)
	_, err = p.Launch(t.Context(), s)
	require.Equal(t, fleet.ClassFatal, fleet.ClassOf(err), "%v", err)

	o = w.options(t)
	o.Variables["driver"] = "telepathy"
	p, err = nomad.New(o)
	require.NoError(t, err)
	_, err = p.Launch(t.Context(), s)
	require.Equal(t, fleet.ClassCapacity, fleet.ClassOf(err), "no node has the driver: %v", err)
	require.ErrorContains(t, err, "missing drivers")
}

func TestDiscover_MakesPlacesOfLabels(t *testing.T) {
	t.Parallel()
	places, err := nomad.Discover(t.Context(), nomad.Options{Address: shared.Address()})
	require.NoError(t, err)
	require.Len(t, places, 1)
	require.Equal(t, fleet.OfferingID("nomad/de-dc1-default"), places[0].ID)
	require.Equal(t, "DE", places[0].Country)
	require.Contains(t, places[0].Addresses, "127.0.20.1")
	require.Equal(t, fleet.EgressShared, places[0].Egress)

	w := newWorld(t, shared)
	o := w.options(t)
	o.Places = places
	p, err := nomad.New(o)
	require.NoError(t, err)
	s := w.any(providertest.RoleFailing)
	s.Offering = places[0].ID
	_, err = p.Launch(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, "exit code 3", is(t, p, s.Key, fleet.PhaseExited).Reason)
}
