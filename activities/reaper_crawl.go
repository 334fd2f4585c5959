package activities

import (
	"context"
	"slices"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// handedAge is how long a crawl has to be seen as taken before its crawler's word counts: a
// task may be on its way to it, and the result of a short crawl on its way back.
const handedAge = 10 * time.Second

// crawl names a crawl of the fleet.
type crawl struct {
	tenant fleet.TenantID
	fleet.CrawlRef
}

// mislaid fails a crawl that Temporal has handed out and its crawler does not have: the task
// was lost on the way, or its result was. Its crawler is well: it says so. The ticket is
// routed again at once, and not after its heartbeat timeout; should the crawl run after
// all, the fence stops it.
func (r *Reaper) mislaid(
	ctx context.Context, row fleet.TicketRow, pending []*workflowpb.PendingActivityInfo,
) error {
	c := crawl{row.Input.Tenant, fleet.CrawlRef{Ticket: row.Input.ID, Epoch: row.Lease.Epoch}}
	id := fleet.ActivityCrawlID(c.Epoch)
	taken := slices.ContainsFunc(pending, func(p *workflowpb.PendingActivityInfo) bool {
		return p.GetActivityId() == id && p.GetState() == enumspb.PENDING_ACTIVITY_STATE_STARTED
	})
	if !taken || r.Running == nil {
		return nil
	}
	since, known := r.handedBefore[c]
	if !known {
		since = time.Now()
	}
	r.handed[c] = since
	said, ok := r.Running(row.Lease.GUID)
	if !ok || said.At.Before(since.Add(handedAge)) || said.Has(c.CrawlRef) {
		return nil
	}
	r.Log.Warn("a crawl was handed out, and its crawler does not have it",
		zap.String("ticket", string(c.Ticket)), zap.String("guid", string(row.Lease.GUID)))
	// Not lost: the crawler is there, and may be given it again.
	err := r.failCrawl(ctx, row, id, ToTemporal(fleet.Errorf(fleet.CodeUnavailable,
		"the crawl was handed out, and its crawler does not have it")))
	if err == nil {
		r.Count.add(CountedCure, CureCrawl)
	}
	return err
}
