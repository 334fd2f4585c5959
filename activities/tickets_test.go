package activities_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

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
