package activities_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// handing is a desk with one ticket, whose crawl Temporal says that it has handed out. What
// the crawler says of it is for the test to set.
type handing struct {
	*desk
	guid  fleet.GUID
	crawl fleet.CrawlRef
	said  *fleet.Running // nil: nothing
}

func hand(t *testing.T, d *desk, state enumspb.PendingActivityState) *handing {
	t.Helper()
	h := &handing{desk: d, guid: d.store.Crawler(1)}
	d.route(t, "t1")
	h.crawl = fleet.CrawlRef{Ticket: "t1", Epoch: d.store.Ticket("t1").Lease.Epoch}
	d.temporal.Pending = map[string][]*workflowpb.PendingActivityInfo{fleet.TicketWorkflowID("acme", "t1"): {
		{ActivityId: fleet.ActivityCrawlID(h.crawl.Epoch), State: state},
	}}
	d.reaper.Running = func(g fleet.GUID) (fleet.Running, bool) {
		require.Equal(t, h.guid, g)
		if h.said == nil {
			return fleet.Running{}, false
		}
		return *h.said, true
	}
	d.later(leaseAge)
	return h
}

// failed makes a round and answers how many crawls were failed by then.
func (h *handing) failed(t *testing.T) int {
	t.Helper()
	require.NoError(t, h.reaper.Round(t.Context()))
	return len(h.temporal.Messages("complete"))
}

// healMislaid: a crawl that its crawler does not have fails, and the crawler stays.
func healMislaid(t *testing.T, d *desk) {
	synctest.Test(t, func(t *testing.T) {
		h := hand(t, d, enumspb.PENDING_ACTIVITY_STATE_STARTED)
		h.said = &fleet.Running{At: time.Now()}
		require.Zero(t, h.failed(t), "it may be on its way")
		time.Sleep(11 * time.Second) // of the bubble's clock
		require.Zero(t, h.failed(t), "what the crawler said is older than that")
		h.said = &fleet.Running{At: time.Now(), Crawls: []fleet.CrawlRef{{Ticket: "t1", Epoch: h.crawl.Epoch - 1}}}
		require.Equal(t, 1, h.failed(t))
		m := d.temporal.Messages("complete")[0]
		require.Equal(t, fleet.ActivityCrawlID(h.crawl.Epoch), m.Name)
		require.Equal(t, fleet.CodeUnavailable, activities.FromTemporal(m.Err).Code, "its crawler is not lost")
		require.Equal(t, []string{activities.CureCrawl}, d.counted)
		require.Equal(t, fleet.CrawlerServing, d.store.Row(h.guid).State)
		require.Equal(t, fleet.TicketRunning, d.store.Ticket("t1").State)
	})
}

func TestReaper_LeavesACrawlAloneThatItsCrawlerHas(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		state enumspb.PendingActivityState
		says  func(h *handing) *fleet.Running
	}{
		"it says so": {
			state: enumspb.PENDING_ACTIVITY_STATE_STARTED,
			says: func(h *handing) *fleet.Running {
				return &fleet.Running{At: time.Now(), Crawls: []fleet.CrawlRef{{Ticket: "other", Epoch: 1}, h.crawl}}
			},
		},
		"it says nothing, as older ones do, or cannot be heard": {
			state: enumspb.PENDING_ACTIVITY_STATE_STARTED,
			says:  func(*handing) *fleet.Running { return nil },
		},
		"nobody has taken it yet": {
			state: enumspb.PENDING_ACTIVITY_STATE_SCHEDULED,
			says:  func(*handing) *fleet.Running { return &fleet.Running{At: time.Now()} },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := hand(t, newDesk(), c.state)
				for range 10 {
					time.Sleep(5 * time.Second) // of the bubble's clock
					h.said = c.says(h)
					require.Zero(t, h.failed(t))
				}
			})
		})
	}
}

// The count begins anew when the crawl was not seen in between: while Temporal was away,
// say, or under a worker that has just been started.
func TestReaper_CountsFromWhenItSeesACrawlAsTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := hand(t, newDesk(), enumspb.PENDING_ACTIVITY_STATE_STARTED)
		taken := h.temporal.Pending
		require.Zero(t, h.failed(t))
		time.Sleep(11 * time.Second) // of the bubble's clock
		h.temporal.Pending = nil
		require.Zero(t, h.failed(t))
		h.temporal.Pending = taken
		h.said = &fleet.Running{At: time.Now()}
		require.Zero(t, h.failed(t))
		time.Sleep(11 * time.Second)
		h.said = &fleet.Running{At: time.Now()}
		require.Equal(t, 1, h.failed(t))
	})
}
