package activities_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/activities/activitytest"
	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestRoute_ColdTenantsFirstTicketStartsTheCrawlerAndGetsItsSlot(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.store.Cold = true
	served := make(chan error, 1)
	d.temporal.On = func(m activitytest.Message) {
		if m.Kind != "execute" {
			return
		}
		in := m.Arg.(fleet.CrawlerInput)
		go func() { // what its workflow does
			_, err := d.crawlers.Launching(context.Background(), in)
			served <- errors.Join(err, d.crawlers.Serving(context.Background(), activities.ServingInput{
				GUID: in.GUID, Hello: fleet.Hello{Contract: fleet.ContractVersion, GUID: in.GUID},
			}))
		}()
	}
	routed := d.route(t, "t1")
	require.NoError(t, <-served)
	require.Equal(t, fleet.RouteLeased, routed.Kind)
	require.Equal(t, activitytest.GUID(1), routed.Lease.GUID)
	started := d.temporal.Messages("execute")
	require.Len(t, started, 1)
	require.Equal(t, fleet.CrawlerWorkflow, started[0].Name)
	require.Equal(t, fleet.ControlTask, started[0].Task)
	require.Equal(t, fleet.CrawlerWorkflowID("acme", activitytest.GUID(1)), started[0].WorkflowID)
	require.Empty(t, d.temporal.Messages("start"), "the Conductor has nothing to do")
	require.Empty(t, d.temporal.Messages("signal"), "the ticket was told within its Route")
}

func TestRoute_ColdTenantsCrawlerIsForkedWhileItsWorkflowIsStarted(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.store.Cold, d.provider.Beside = true, true
	forked := make(chan struct{})
	d.provider.Started = func(fleet.Spec) { close(forked) } // a second fork would panic
	served := make(chan error, 1)
	d.temporal.On = func(m activitytest.Message) {
		if m.Kind != "execute" {
			return
		}
		select {
		case <-forked:
		case <-t.Context().Done():
		}
		go func() {
			begun, err := d.crawlers.Launching(context.Background(), m.Arg.(fleet.CrawlerInput))
			if err == nil && begun.Instance == nil {
				err = errors.New("its workflow does not find the crawler")
			}
			served <- errors.Join(err, d.crawlers.Serving(context.Background(), activities.ServingInput{
				GUID: activitytest.GUID(1), Hello: fleet.Hello{Contract: fleet.ContractVersion},
			}))
		}()
	}
	require.Equal(t, fleet.RouteLeased, d.route(t, "t1").Kind)
	require.NoError(t, <-served)
	require.Equal(t, 1, d.provider.Running())
}

func TestRoute_ColdTicketsLaunchThatFailsIsLeftToItsWorkflow(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.store.Cold, d.provider.Beside = true, true
	d.provider.Errors = []error{errors.New("no such program")}
	require.Equal(t, fleet.RouteWait, d.route(t, "t1").Kind)
	require.Len(t, d.temporal.Messages("execute"), 1)
	require.Zero(t, d.provider.Running())
}

func TestRoute_ColdTicketWaitsAsOthersDoWhereTheCrawlerTakesLong(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.store.Cold = true
	require.Equal(t, fleet.RouteWait, d.route(t, "t1").Kind)
	require.Len(t, d.temporal.Messages("execute"), 1)
	require.NoError(t, d.crawlers.Serving(t.Context(), activities.ServingInput{
		GUID: activitytest.GUID(1), Hello: fleet.Hello{Contract: fleet.ContractVersion},
	}))
	signals := d.temporal.Messages("signal")
	require.Len(t, signals, 1, "it has left, so that it is told by signal")
	require.Equal(t, fleet.SignalGranted, signals[0].Name)
	require.Equal(t, fleet.RouteLeased, d.route(t, "t1").Kind)
}

func TestRoute_ColdTicketsConductorIsToldWhereTheStartFails(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.store.Cold = true
	d.store.Fail("Decide", errors.New("database is locked"))
	require.Equal(t, fleet.RouteWait, d.route(t, "t1").Kind)
	require.Empty(t, d.temporal.Messages("execute"))
	require.Len(t, d.temporal.Messages("start"), 1)
}

func TestLaunching_LaunchesAtOnceWhereTheSubstrateIsBeside(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		beside bool
		errs   []error
		done   bool
	}{
		"Beside":    {beside: true, done: true},
		"Elsewhere": {},
		"Failed":    {beside: true, errs: []error{errors.New("no such program")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk()
			d.provider.Beside, d.provider.Errors = c.beside, c.errs
			begun, err := d.crawlers.Launching(t.Context(), d.store.Reserve(1))
			require.NoError(t, err)
			require.Equal(t, fleet.CrawlerStarting, begun.State)
			require.Equal(t, c.done, begun.Instance != nil)
			require.Equal(t, c.done, d.provider.Running() == 1)
		})
	}
}

func TestRoute_ColdTenantsFloodDecidesOnce(t *testing.T) {
	t.Parallel()
	d := newDesk()
	d.store.Cold = true
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() { d.route(t, fmt.Sprintf("t%d", i)) })
	}
	all.Wait()
	require.Len(t, d.temporal.Messages("execute"), 1)
}
