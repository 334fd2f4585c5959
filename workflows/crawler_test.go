package workflows_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/activities/activitytest"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// crawler runs a Crawler that was reserved with four slots.
func (w *world) crawler() fleet.CrawlerInput {
	in := w.store.Reserve(4)
	w.ExecuteWorkflow(fleet.CrawlerWorkflow, in)
	return in
}

// code is the code of the workflow's error.
func (w *world) code(t *testing.T) fleet.Code {
	t.Helper()
	require.True(t, w.IsWorkflowCompleted())
	e := activities.FromTemporal(w.GetWorkflowError())
	require.NotNil(t, e, "%v", w.GetWorkflowError())
	return e.Code
}

func TestCrawler_StartedByHandWithAnUnknownGUIDIsNotFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.ExecuteWorkflow(fleet.CrawlerWorkflow, fleet.CrawlerInput{Tenant: "acme", GUID: activitytest.GUID(7)})
	require.Equal(t, fleet.CodeNotFound, w.code(t))
	require.Equal(t, []string{"Launching"}, w.store.Calls())
}

func TestCrawler_ProofEndsAfterItsHello(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in, err := w.store.ReserveProof(t.Context(), "acme")
	require.NoError(t, err)
	w.serve = func(context.Context, fleet.ServeInput) error {
		t.Error("a proof serves nothing")
		return nil
	}
	w.ExecuteWorkflow(fleet.CrawlerWorkflow, in)
	var hello fleet.Hello
	require.NoError(t, w.GetWorkflowResult(&hello))
	require.Equal(t, "127.0.0.2", hello.Address)
	require.Zero(t, w.provider.Running())
}

// lease gives a ticket a slot, as Route does.
func (w *world) lease(t *testing.T, id fleet.TicketID) {
	_, err := w.store.Route(t.Context(), fleet.RouteRequest{
		Input:      fleet.TicketInput{Tenant: "acme", ID: id, URLs: []string{"https://example.com/"}},
		WorkflowID: fleet.TicketWorkflowID("acme", id),
	})
	require.NoError(t, err)
}
