package controltest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func testFence(t *testing.T, open Factory) {
	begin := func(t *testing.T) (*rig, fleet.RouteRequest, fleet.Lease) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{MaxCrawlers: 2, SlotsPerCrawler: 1})
		req := ticket("acme", "one")
		return r, req, r.cold(req)
	}

	t.Run("AnotherRunRaisesTheFenceFirst", func(t *testing.T) {
		r, req, l := begin(t)
		req.RunID = "run-2"
		a := r.route(req)
		require.Equal(t, fleet.RouteFence, a.Kind)
		require.Greater(t, a.Epoch, l.Epoch)
		require.False(t, a.Reopen)
		require.Equal(t, 1, r.crawler(l.GUID).Leased, "the old crawl still has its slot")
		require.Equal(t, a, r.route(req))
		req.Fenced = a.Epoch
		next := r.leased(req)
		require.Equal(t, a.Epoch, next.Epoch)
		require.Equal(t, l.GUID, next.GUID, "nothing was wrong with the crawler")
		require.Equal(t, next, r.leased(req))
		require.Equal(t, 1, r.crawler(l.GUID).Leased)
	})

	t.Run("EpochsRiseThoughTheClockIsSetBack", func(t *testing.T) {
		r, req, l := begin(t)
		r.clock.advance(-time.Hour)
		req.Lost, req.Why = l.Epoch, fleet.CodeTimeout
		a := r.route(req)
		require.Equal(t, l.Epoch+1, a.Epoch)
	})

	t.Run("LostCrawlerIsNotTakenAgain", func(t *testing.T) {
		for _, why := range []fleet.Code{fleet.CodeCrawlerLost, fleet.CodeDraining} {
			r, req, l := begin(t)
			req.Lost, req.Why = l.Epoch, why
			req.Fenced = r.route(req).Epoch
			r.waits(req, fleet.WaitConductor)
			require.Equal(t, 0, r.crawler(l.GUID).Leased)
			r.waits(req, fleet.WaitConductor) // by the timer: it is still remembered
			d := r.decide("acme")
			require.Empty(t, d.Follow.Grants)
			require.Len(t, d.Starts, 1)
		}
	})

	t.Run("AfterATimeoutTheSameCrawlerOnlyWithoutAnother", func(t *testing.T) {
		r, req, l := begin(t)
		req.Lost, req.Why = l.Epoch, fleet.CodeTimeout
		req.Fenced = r.route(req).Epoch
		again := r.leased(req)
		require.Equal(t, l.GUID, again.GUID)

		other := r.cold(ticket("acme", "two"))
		r.record(other)
		req.Lost = again.Epoch
		req.Fenced = r.route(req).Epoch
		moved := r.leased(req)
		require.Equal(t, other.GUID, moved.GUID)
		require.Greater(t, moved.Epoch, again.Epoch)
		require.Contains(t, r.kinds("acme", "one"), fleet.DecidedMove)
	})

	t.Run("GrantNeedsNoNewFence", func(t *testing.T) {
		r, req, l := begin(t)
		two := r.cold(ticket("acme", "two"))
		req.Lost, req.Why = l.Epoch, fleet.CodeCrawlerLost
		fence := r.route(req)
		req.Fenced = fence.Epoch
		r.waits(req, fleet.WaitSlot)
		f := r.record(two).Follow
		require.Len(t, f.Grants, 1)
		require.GreaterOrEqual(t, f.Grants[0].Epoch, fence.Epoch)
		req.Fenced = 0 // the workflow remembers nothing of it
		moved := r.leased(req)
		require.Equal(t, two.GUID, moved.GUID)
		require.Equal(t, f.Grants[0].Epoch, moved.Epoch)
	})
}
