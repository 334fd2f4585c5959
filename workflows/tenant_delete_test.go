package workflows_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/activities/activitytest"
	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestTenant_DeletionRemovesItsWorkflowsAndSchedules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.temporal.Listed = []*commonpb.WorkflowExecution{
		{WorkflowId: "ticket/acme/a", RunId: "1"},
		{WorkflowId: "ticket/acme/a", RunId: "2"},
		{WorkflowId: "tenant/acme", RunId: "an earlier one"},
		{WorkflowId: "tenant/acme", RunId: "default-test-run-id"}, // the one that asks
	}
	w.temporal.Schedules = []string{"ticket/acme/nightly", "ticket/acme-2/nightly"}
	w.update(time.Minute, fleet.TenantDelete)
	w.tenant(`{"tenant":"acme"}`)
	require.NoError(t, w.GetWorkflowError())
	var s fleet.TenantStatus
	require.NoError(t, w.GetWorkflowResult(&s))
	require.Equal(t, "3 removed", s.Steps[6].Detail)
	require.Len(t, w.temporal.Listed, 1)
	require.Equal(t, []string{"ticket/acme-2/nightly"}, w.temporal.Schedules)
}

func TestTenant_WhatIsLeftIsRemovedAgainAndThenNamed(t *testing.T) {
	t.Parallel()
	var a *activities.Tenants
	for name, c := range map[string]struct {
		rounds int // with something left
		fails  bool
	}{"removed again": {1, false}, "never gone": {9, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			looks := 0
			w.OnActivity(a.FindTraces, mock.Anything, fleet.TenantID("acme")).Return(
				func(context.Context, fleet.TenantID) (map[string]int64, error) {
					if looks++; looks <= c.rounds {
						return map[string]int64{"process: gone crawlers": 2}, nil
					}
					return nil, nil
				})
			w.update(time.Minute, fleet.TenantDelete)
			w.tenant(`{"tenant":"acme"}`)
			require.Equal(t, min(c.rounds+1, 3), looks)
			require.Equal(t, looks, w.count("EraseTenant"), "each look follows another removal")
			if !c.fails {
				require.NoError(t, w.GetWorkflowError())
				return
			}
			require.ErrorContains(t, w.GetWorkflowError(), "process: gone crawlers 2")
		})
	}
}

func TestTenant_DeletionEndsTicketsAndCrawlers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	guid := w.store.Crawler(1)
	w.lease(t, "running")
	w.lease(t, "orphan")
	w.temporal.Close(fleet.TicketWorkflowID("acme", "orphan"))
	w.temporal.On = w.obey(t)
	w.update(time.Minute, fleet.TenantDelete)
	w.tenant(`{"tenant":"acme"}`)

	require.NoError(t, w.GetWorkflowError())
	var s fleet.TenantStatus
	require.NoError(t, w.GetWorkflowResult(&s))
	require.Equal(t, "2 cancelled", s.Steps[1].Detail)
	require.Equal(t, "1 stopped", s.Steps[2].Detail)
	require.Equal(t, "tenants 1, tickets 2", s.Steps[5].Detail)
	require.Equal(t, fleet.CrawlerGone, w.store.Row(guid).State)
	calls := w.store.Calls()
	require.Less(t, slices.Index(calls, "Gone"), slices.Index(calls, "EraseTenant"))
}

// obey does what tickets and crawlers do when they are cancelled and drained.
func (w *world) obey(t *testing.T) func(m activitytest.Message) {
	return func(m activitytest.Message) {
		switch {
		case m.Kind == "cancel" && m.WorkflowID == fleet.TicketWorkflowID("acme", "running"):
			_, err := w.store.Record(t.Context(), fleet.RecordRequest{
				Tenant: "acme", Ticket: "running", Outcome: fleet.OutcomeCancelled,
			})
			require.NoError(t, err)
		case m.Name == fleet.SignalDrain:
			for _, row := range w.rows(t) {
				_, err := w.store.Bury(t.Context(), row.GUID, "drained")
				require.NoError(t, err)
				// Its books are closed a little later: the rows are there until then.
				time.AfterFunc(100*time.Millisecond, func() {
					_, err := w.store.Gone(context.Background(), row.GUID, time.Now())
					assert.NoError(t, err)
					w.temporal.Close(fleet.CrawlerWorkflowID("acme", row.GUID))
				})
			}
		}
	}
}

func TestTenant_WhoseDeletionWasCutShortIsDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.store.SetState("acme", fleet.TenantDeleting)
	w.tenant(`{"tenant":"acme"}`)
	require.NoError(t, w.GetWorkflowError())
	require.False(t, w.store.HasDatabase("acme"))
}
