package e2e

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// forget deletes a workflow from Temporal and waits until the server knows nothing of it.
// One that never ran is forgotten.
func (f *Fleet) forget(t *testing.T, workflowID string) {
	t.Helper()
	temporal := f.Client.Temporal()
	missing := func(err error) bool {
		var notFound *serviceerror.NotFound
		return errors.As(err, &notFound)
	}
	Await(t, workflowID+" to be forgotten", func() (bool, string) {
		_, err := temporal.DescribeWorkflowExecution(t.Context(), workflowID, "")
		if missing(err) {
			return true, ""
		}
		_, err = temporal.WorkflowService().DeleteWorkflowExecution(t.Context(), &workflowservice.DeleteWorkflowExecutionRequest{
			Namespace: "default", WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: workflowID},
		})
		return false, show(err)
	})
}

// Its story is told from rows alone: Temporal keeps a closed workflow for days, the rows
// for more than a year.
func TestTicket_ExplainTellsTheSameWhenTemporalHasForgotten(t *testing.T) {
	t.Parallel()
	f, s := shared(t), holding(t)
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1})
	held := a.Submit(hold(s))
	held.Leased()
	k := a.Submit(page(s.ShopURL("/about")))
	wait := k.Waits(fleet.WaitSlot)
	held.Cancel()
	held.End()
	guid := k.Done().Crawlers[0]
	a.AwaitNoCrawlers() // the bill is final
	a.conductor()

	explain := func(more ...string) string {
		args := append([]string{"ticket", "explain", string(k.Name), "-t", string(a.ID)}, more...)
		return f.Crawlfleet(t, "", args...).OK(t).Out
	}
	text, document := explain(), explain("-o", "json")
	require.Contains(t, text, s.ShopURL("/about"))
	require.Contains(t, text, wait.Message)
	require.Contains(t, text, "EUR")
	for _, id := range []string{
		k.WorkflowID, held.WorkflowID, fleet.CrawlerWorkflowID(a.ID, guid), fleet.ConductorWorkflowID(a.ID),
	} {
		f.forget(t, id)
	}
	require.Equal(t, text, explain())
	require.Equal(t, document, explain("-o", "json"))
}
