package e2e

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// The budget of a warm ticket; see the design's path of a ticket.
const (
	warmEvents      = 13
	warmTransitions = 7
)

// size is how much a workflow has written.
type size struct{ events, transitions int64 }

func (f *Fleet) size(t *testing.T, workflowID string) size {
	t.Helper()
	d, err := f.Client.Temporal().DescribeWorkflowExecution(t.Context(), workflowID, "")
	require.NoError(t, err)
	i := d.GetWorkflowExecutionInfo()
	return size{events: i.GetHistoryLength(), transitions: i.GetStateTransitionCount()}
}

// Not parallel: beside the others it would only be slower.
func TestTicket_WarmCostsThirteenEventsAndSevenTransitions(t *testing.T) {
	f, s := shared(t), site(t, sample.Options{})
	// One that does not look at its idle time while the test runs.
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 1, IdleAfter: fleet.Duration(time.Hour)})
	first := page(s.ShopURL("/about"))
	first.Session = &fleet.Session{Key: "warm"}
	a.Submit(first).Done()
	crawler := a.Crawlers(false)[0]
	container := fleet.CrawlerWorkflowID(a.ID, crawler.GUID)
	before := [2]size{a.conductor(), f.size(t, container)}

	const tickets = 100
	began := time.Now()
	for i := range tickets {
		in := page(s.ShopURL("/about"))
		in.ID = fleet.TicketID(fmt.Sprintf("warm-%d", i))
		if i%2 == 1 {
			in.Session = &fleet.Session{Key: "warm"}
		}
		k := a.Submit(in)
		r, err := f.Client.WaitTicket(t.Context(), k.WorkflowID, k.RunID)
		require.NoError(t, err)
		require.Equal(t, fleet.OutcomeDone, r.Outcome)
		require.Equal(t, []fleet.GUID{crawler.GUID}, r.Crawlers)
	}
	t.Logf("%d warm tickets, one after the other: %s each", tickets,
		(time.Since(began) / tickets).Round(100*time.Microsecond))
	for i := range tickets {
		id := fleet.TicketWorkflowID(a.ID, fleet.TicketID(fmt.Sprintf("warm-%d", i)))
		require.Equal(t, size{warmEvents, warmTransitions}, f.size(t, id), id)
	}
	require.Equal(t, before, [2]size{a.conductor(), f.size(t, container)},
		"a warm ticket writes nothing to the Conductor and the Crawler")
	require.Len(t, requestsFor(s, s.ShopURL("/about")), tickets+1, "each was fetched")
}

// conductor waits until the tenant's Conductor has ended, and is its size: none at all for
// a tenant whose first ticket had its crawler started itself.
func (a *Tenant) conductor() (s size) {
	a.t.Helper()
	id := fleet.ConductorWorkflowID(a.ID)
	Await(a.t, id+" to be closed", func() (bool, string) {
		d, err := a.Client.Temporal().DescribeWorkflowExecution(a.t.Context(), id, "")
		if missing := (*serviceerror.NotFound)(nil); errors.As(err, &missing) {
			return true, ""
		}
		if err != nil {
			return false, err.Error()
		}
		i := d.GetWorkflowExecutionInfo()
		s = size{events: i.GetHistoryLength(), transitions: i.GetStateTransitionCount()}
		return i.GetStatus() != enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, i.GetStatus().String()
	})
	return s
}
