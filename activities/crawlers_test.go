package activities_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

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
