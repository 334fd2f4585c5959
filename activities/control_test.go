package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/activities/activitytest"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// desk is the control side's activities over a store, a substrate and a client in memory.
type desk struct {
	store    *activitytest.Store
	temporal *activitytest.Temporal
	provider *activitytest.Provider
	courier  *activities.Courier
	tickets  *activities.Tickets
	crawlers *activities.Crawlers
	machines *activities.Machines
	tenants  *activities.Tenants
	reaper   *activities.Reaper
	counted  []string
}

func newDesk() *desk {
	d := &desk{
		store: activitytest.NewStore(), temporal: activitytest.NewTemporal(),
		provider: activitytest.NewProvider(),
	}
	log := zap.NewNop()
	d.courier = &activities.Courier{Temporal: d.temporal, Desk: d.store, Log: log}
	d.machines = &activities.Machines{
		Fleet: "test", Providers: activities.Providers{"memory": d.provider}, Desk: d.store,
		Env:   func(fleet.CrawlerInput) map[string]string { return map[string]string{"A": "1"} },
		Token: func(r fleet.CrawlerInput) fleet.Secret { return fleet.Secret("token of " + r.GUID) },
	}
	d.tickets = &activities.Tickets{
		Desk: d.store, Data: d.store, Courier: d.courier, Machines: d.machines, Log: log,
	}
	d.crawlers = &activities.Crawlers{
		Desk: d.store, Temporal: d.temporal, Namespace: "default", Courier: d.courier,
		Machines: d.machines,
	}
	d.tenants = &activities.Tenants{
		Control: d.store, Data: d.store, Temporal: d.temporal, Namespace: "default", Courier: d.courier,
	}
	d.reaper = &activities.Reaper{
		Control: d.store, Data: d.store, Temporal: d.temporal, Machines: d.machines,
		Courier: d.courier, Namespace: "default", Interval: time.Millisecond, Log: log,
		Count: func(what, kind string) {
			if what == activities.CountedCure {
				d.counted = append(d.counted, kind)
			}
		},
	}
	return d
}

// route routes a ticket of acme, as its workflow does.
func (d *desk) route(t *testing.T, id string) activities.Routed {
	t.Helper()
	routed, err := d.tickets.Route(t.Context(), activities.RouteInput{
		Document:   json.RawMessage(`{"tenant":"acme","id":"` + id + `","urls":["https://example.com/"]}`),
		WorkflowID: fleet.TicketWorkflowID("acme", fleet.TicketID(id)), RunID: "r1",
	})
	require.NoError(t, err)
	return routed
}

func TestRoute_TellsTheConductorOnce(t *testing.T) {
	t.Parallel()
	d := newDesk()
	require.Equal(t, fleet.RouteWait, d.route(t, "t1").Kind)
	require.Equal(t, fleet.RouteWait, d.route(t, "t1").Kind)
	told := d.temporal.Messages("start")
	require.Len(t, told, 1)
	require.Equal(t, "conductor/acme", told[0].WorkflowID)
	require.Equal(t, fleet.SignalDemand, told[0].Name)
}

func TestRoute_AServerThatIsAwayIsNotNotedAsTold(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.temporal.Err = errors.New("connection refused")
	require.Equal(t, fleet.RouteWait, d.route(t, "t1").Kind, "the ticket is accepted all the same")
	require.NotContains(t, d.store.Calls(), "Told")
}

func TestRoute_PrivateAddressesAreTheOperatorsToAllow(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.store.Crawler(1)
	in := activities.RouteInput{Document: json.RawMessage(`{"tenant":"acme","id":"t1","urls":["http://127.0.0.1:8080/"]}`)}
	_, err := d.tickets.Route(t.Context(), in)
	require.Equal(t, fleet.CodeForbidden, activities.FromTemporal(err).Code)
	d.tickets.Allow = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	_, err = d.tickets.Route(t.Context(), in)
	require.NoError(t, err)
}

func TestRoute_AFenceThatCannotBeRaisedIsTriedAgain(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.store.Crawler(2)
	lost := d.route(t, "t1").Lease.Epoch
	d.store.Fail("Raise", errors.New("database is locked"))
	in := activities.RouteInput{
		Document: json.RawMessage(`{"tenant":"acme","id":"t1","urls":["https://example.com/"]}`),
		Lost:     lost, Why: fleet.CodeCrawlerLost,
	}
	_, err := d.tickets.Route(t.Context(), in)
	require.ErrorContains(t, err, "raise the fence")
	require.Nil(t, activities.FromTemporal(err), "it is passing")
	d.store.Fail("Raise", nil)
	routed, err := d.tickets.Route(t.Context(), in)
	require.NoError(t, err)
	require.Greater(t, routed.Lease.Epoch, lost)
}

func TestRecord_KilledBetweenAnyTwoStepsEndsTheSame(t *testing.T) {
	t.Parallel()
	for _, step := range []string{"Intend", "Close", "Record"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			d := newDesk()
			d.store.Crawler(1)
			epoch := d.route(t, "t1").Lease.Epoch
			in := activities.RecordInput{
				Document: json.RawMessage(`{"tenant":"acme","id":"t1","urls":["https://example.com/"]}`),
				Epoch:    epoch, Outcome: fleet.OutcomeCancelled,
			}
			d.store.Fail(step, errors.New("killed"))
			_, err := d.tickets.Record(t.Context(), in)
			require.Error(t, err)
			d.store.Fail(step, nil)
			for range 2 { // and once more, as if its answer had been lost
				r, err := d.tickets.Record(t.Context(), in)
				require.NoError(t, err)
				require.Equal(t, fleet.OutcomeCancelled, r.Outcome)
			}
			require.Zero(t, d.store.Leased())
			_, closed := d.store.Fence("t1")
			require.Equal(t, fleet.OutcomeCancelled, closed)
		})
	}
}

func TestCourier_TellsEverybody(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.courier.Tell(t.Context(), fleet.Follow{
		Grants:     []fleet.Grant{{WorkflowID: "ticket/acme/t1"}},
		Conductors: []fleet.TenantID{"acme"},
		Drains:     []fleet.CrawlerDrain{{CrawlerRef: fleet.CrawlerRef{Tenant: "acme", GUID: "g"}}},
	})
	var got []string
	for _, m := range d.temporal.Messages("") {
		got = append(got, m.Kind+" "+m.WorkflowID+" "+m.Name)
	}
	require.Equal(t, []string{
		"signal ticket/acme/t1 granted", "start conductor/acme demand", "signal crawler/acme/g drain",
	}, got)
}

func TestCourier_WhatCannotBeDeliveredIsLeftToTheTimers(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.temporal.Err = serviceerror.NewUnavailable("away")
	d.courier.Tell(t.Context(), fleet.Follow{
		Grants: []fleet.Grant{{WorkflowID: "ticket/acme/t1"}}, Conductors: []fleet.TenantID{"acme"},
	})
	require.NotContains(t, d.store.Calls(), "Ungrant", "away is not closed")
}

func TestBury_InsistsOnFailingTheCrawls(t *testing.T) {
	t.Parallel()
	d := newDesk()
	guid := d.store.Crawler(3)
	for _, id := range []string{"t1", "closed", "t3"} {
		d.route(t, id)
	}
	d.temporal.Close(fleet.TicketWorkflowID("acme", "closed"))
	require.NoError(t, d.crawlers.Bury(t.Context(), activities.BuryInput{GUID: guid, Reason: "killed"}))
	require.Len(t, d.temporal.Messages("complete"), 3)
	require.Zero(t, d.store.Leased())
}

func TestArrived_TicketsAreToldBeforeTheHello(t *testing.T) {
	t.Parallel()
	d := newDesk()
	require.Equal(t, fleet.RouteWait, d.route(t, "t1").Kind)
	in := d.store.Reserve(1)
	hello := fleet.Hello{Contract: fleet.ContractVersion, GUID: in.GUID}
	arrived := activities.Arrivals(d.store, d.courier)
	require.NoError(t, arrived(t.Context(), hello))
	require.Empty(t, d.temporal.Messages("signal"), "its workflow is not known to run")
	_, err := d.crawlers.Launching(t.Context(), in)
	require.NoError(t, err)
	require.NoError(t, arrived(t.Context(), hello))
	require.Len(t, d.temporal.Messages("signal"), 1)
	require.Equal(t, fleet.RouteLeased, d.route(t, "t1").Kind)
}

func TestFail_EndsTheCrawlsOfACrawlerThatHadArrived(t *testing.T) {
	t.Parallel()
	d := newDesk()
	guid := d.store.Crawler(1)
	d.route(t, "t1")
	require.NoError(t, d.crawlers.Fail(t.Context(), fleet.LaunchFailure{
		GUID: guid, Class: fleet.ClassRetryable, Reason: "it exited before its Hello",
	}))
	require.Len(t, d.temporal.Messages("complete"), 1)
	require.Zero(t, d.store.Leased())
}

func TestBury_SaysWhatItCouldNotFail(t *testing.T) {
	t.Parallel()
	d := newDesk()
	guid := d.store.Crawler(1)
	d.route(t, "t1")
	d.temporal.Err = serviceerror.NewUnavailable("away")
	err := d.crawlers.Bury(t.Context(), activities.BuryInput{GUID: guid})
	require.ErrorContains(t, err, "fail the crawl of t1")
}

func TestLaunch_HandsTheTokenToTheProviderOnly(t *testing.T) {
	t.Parallel()
	d := newDesk()
	var launched fleet.Spec
	d.provider.Started = func(s fleet.Spec) { launched = s }
	in := d.store.Reserve(2)
	instance, err := d.machines.Launch(t.Context(), in)
	require.NoError(t, err)
	require.Equal(t, "token of "+string(in.GUID), launched.Token.Reveal())
	require.Equal(t, fleet.Key{Fleet: "test", Tenant: "acme", GUID: in.GUID}, launched.Key)
	require.Equal(t, map[string]string{"A": "1"}, launched.Env)
	b, err := json.Marshal([]any{in, instance, launched})
	require.NoError(t, err)
	require.NotContains(t, string(b), "token of")

	_, err = d.machines.Launch(t.Context(), in) // again: the same one
	require.NoError(t, err)
	require.Equal(t, 1, d.provider.Running())
}

func TestLaunch_AFinishedOneIsNeverRunAgain(t *testing.T) {
	t.Parallel()
	d := newDesk()
	in := d.store.Reserve(1)
	_, err := d.machines.Launch(t.Context(), in)
	require.NoError(t, err)
	d.provider.Kill(in.GUID)
	_, err = d.machines.Launch(t.Context(), in)
	failure := activities.LaunchFailureFrom(in.GUID, err)
	require.Equal(t, fleet.ClassRetryable, failure.Class, "the place is not at fault")
	require.Equal(t, fleet.CodeCrawlerLost, failure.Error.Code, "another crawler may be launched")
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.True(t, app.NonRetryable(), "this one may not")
	require.False(t, failure.Ours, "perhaps it always ends so")

	d.provider.Cut = true
	_, err = d.machines.Launch(t.Context(), in)
	require.True(t, activities.LaunchFailureFrom(in.GUID, err).Ours, "it never ran")
}

func TestLaunch_CutShortByTheWorkersEndIsLeftToTheNextWorker(t *testing.T) {
	t.Parallel()
	d := newDesk()
	in := d.store.Reserve(1)
	launch := func(stop chan struct{}) error {
		var suite testsuite.WorkflowTestSuite
		env := suite.NewTestActivityEnvironment()
		env.SetWorkerStopChannel(stop)
		env.RegisterActivity(d.machines.Launch)
		d.provider.Errors = []error{d.provider.Refusal(fleet.ClassAmbiguous)}
		_, err := env.ExecuteActivity(d.machines.Launch, in)
		return err
	}
	stopped := make(chan struct{})
	var app *temporal.ApplicationError
	require.ErrorAs(t, launch(stopped), &app)
	require.True(t, app.NonRetryable(), "its fate is unknown: never again with this GUID")
	close(stopped)
	require.ErrorAs(t, launch(stopped), &app)
	require.False(t, app.NonRetryable(), "the GUID is the key")
	require.ErrorContains(t, app, "worker's end")
}

func TestLaunch_ByAWorkerWithoutTheProviderIsFatal(t *testing.T) {
	t.Parallel()
	d := newDesk()
	in := d.store.Reserve(1)
	in.Provider = "moon"
	_, err := d.machines.Launch(t.Context(), in)
	require.Equal(t, fleet.ClassFatal, activities.LaunchFailureFrom(in.GUID, err).Class)
}

func TestStop_GoesOnUntilTheProviderHasNone(t *testing.T) {
	t.Parallel()
	d := newDesk()
	in := d.store.Reserve(1)
	_, err := d.machines.Launch(t.Context(), in)
	require.NoError(t, err)
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(d.machines)
	answer, err := env.ExecuteActivity(activities.ActivityStop, activities.MachineInput{
		Tenant: "acme", GUID: in.GUID, Provider: "memory",
	})
	require.NoError(t, err)
	var s activities.Stopped
	require.NoError(t, answer.Get(&s))
	require.False(t, s.At.IsZero())
	require.Zero(t, d.provider.Running())
}

func TestDescribe_OnlyTheProvidersWordIsGone(t *testing.T) {
	t.Parallel()
	d := newDesk()
	in := d.store.Reserve(1)
	ask := activities.MachineInput{Tenant: "acme", GUID: in.GUID, Provider: "memory"}
	_, err := d.machines.Launch(t.Context(), in)
	require.NoError(t, err)
	got, err := d.machines.Describe(t.Context(), ask)
	require.NoError(t, err)
	require.False(t, got.Gone)
	d.provider.Kill(in.GUID)
	got, err = d.machines.Describe(t.Context(), ask)
	require.NoError(t, err)
	require.True(t, got.Gone)
	ask.Provider = "moon"
	_, err = d.machines.Describe(t.Context(), ask)
	require.Error(t, err, "not knowing is not gone")
}

func TestCheckQueue_NamesTheAttributeThatIsMissing(t *testing.T) {
	t.Parallel()
	d := newDesk()
	require.NoError(t, d.tenants.CheckQueue(t.Context()))
	d.temporal.Missing = fleet.AttrSession
	e := activities.FromTemporal(d.tenants.CheckQueue(t.Context()))
	require.Equal(t, fleet.CodeNotFound, e.Code)
	require.Contains(t, e.Message, fleet.AttrSession)
	require.Contains(t, e.Hint, "search-attribute create")
}

func TestWatch_BringsEventsToTheCrawlersWorkflow(t *testing.T) {
	t.Parallel()
	d := newDesk()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		(&activities.Watch{
			Fleet: "test", Providers: activities.Providers{"memory": d.provider},
			Temporal: d.temporal, Log: zap.NewNop(),
		}).Run(ctx)
	}()
	d.provider.Events <- fleet.Event{Instance: fleet.Instance{Key: fleet.Key{Tenant: "acme", GUID: "g"}}}
	require.Eventually(t, func() bool { return len(d.temporal.Messages("signal")) == 1 },
		patience, time.Millisecond)
	require.Equal(t, "crawler/acme/g", d.temporal.Messages("signal")[0].WorkflowID)
	stop()
	<-done
}
