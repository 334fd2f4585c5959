package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Crawlers holds the desk of the crawlers' rows, Temporal, where the tickets of a lost
// crawler are told of it, and the substrates, for launches beside this worker.
type Crawlers struct {
	Desk      fleet.CrawlerDesk
	Temporal  Temporal
	Namespace string
	Courier   *Courier
	Machines  *Machines
	// Proven refuses a Hello whose address the control side has not seen; nil to believe it.
	Proven func(fleet.GUID, fleet.Hello) error
	Count  Count
}

// Launching is what a Crawler workflow begins with: its row, and its instance where the
// launch has been done already.
type Launching struct {
	fleet.CrawlerRow
	// Instance is that of a launch beside the worker; nil where Launch is still to do.
	Instance *fleet.Instance `json:"instance,omitempty"`
}

// Launching notes that the crawler's workflow runs, and launches it at once where that is
// a fork beside this worker: the queue of launches has nothing to limit there, and each
// step that is left out is somebody's wait. A crawler that nobody reserved
// (its workflow was started by hand) or that has had its life is not_found.
func (c *Crawlers) Launching(ctx context.Context, in fleet.CrawlerInput) (Launching, error) {
	row, err := c.launching(ctx, in)
	if err != nil {
		return Launching{CrawlerRow: row}, err
	}
	return Launching{CrawlerRow: row, Instance: c.Machines.beside(ctx, in)}, nil
}

func (c *Crawlers) launching(ctx context.Context, in fleet.CrawlerInput) (fleet.CrawlerRow, error) {
	if err := errors.Join(in.Tenant.Validate(), in.GUID.Validate()); err != nil {
		return fleet.CrawlerRow{}, ToTemporal(err)
	}
	row, err := c.Desk.Launching(ctx, in)
	if err != nil {
		return row, ToTemporal(fmt.Errorf("note the launch of %s: %w", in.GUID, err))
	}
	if row.State == fleet.CrawlerRetired || row.State == fleet.CrawlerGone {
		return row, ToTemporal(fleet.Errorf(fleet.CodeNotFound,
			fmt.Sprintf("crawler %s is %s already", in.GUID, row.State)).
			WithHint("a GUID has one life; the Conductor makes a new one"))
	}
	return row, nil
}

// ServingInput is the crawler's Hello. GUID is the one that was launched.
type ServingInput struct {
	GUID  fleet.GUID  `json:"guid"`
	Hello fleet.Hello `json:"hello"`
}

// Serving takes the Hello; from now on the crawler is in every route. A Hello of
// another contract or address is refused.
func (c *Crawlers) Serving(ctx context.Context, in ServingInput) error {
	if c.Proven != nil {
		if err := c.Proven(in.GUID, in.Hello); err != nil {
			return c.told(ctx, fleet.Follow{}, "serve", err)
		}
	}
	follow, err := c.Desk.Serving(ctx, in.GUID, in.Hello)
	return c.told(ctx, follow, "serve", err)
}

// Retire takes the crawler out of every route if it has been idle long enough.
func (c *Crawlers) Retire(ctx context.Context, g fleet.GUID) (fleet.RetireAnswer, error) {
	answer, err := c.Desk.Retire(ctx, g)
	return answer, c.told(ctx, answer.Follow, "retire", err)
}

// DrainInput names the crawler and why it is drained.
type DrainInput struct {
	GUID   fleet.GUID `json:"guid"`
	Reason string     `json:"reason"`
}

// Drain takes the crawler out of every route and counts the leases that still run.
func (c *Crawlers) Drain(ctx context.Context, in DrainInput) (fleet.RetireAnswer, error) {
	answer, err := c.Desk.Drain(ctx, in.GUID, in.Reason)
	return answer, c.told(ctx, answer.Follow, "drain", err)
}

// BuryInput names the crawler and what happened to it.
type BuryInput struct {
	GUID   fleet.GUID `json:"guid"`
	Reason string     `json:"reason"`
}

// Bury frees the leases of a crawler that is no more and fails the Crawls that ran
// on it, so that their tickets go elsewhere at once.
func (c *Crawlers) Bury(ctx context.Context, in BuryInput) error {
	answer, err := c.Desk.Bury(ctx, in.GUID, in.Reason)
	if err != nil {
		return ToTemporal(fmt.Errorf("bury %s: %w", in.GUID, err))
	}
	lost := ToTemporal(fleet.Errorf(fleet.CodeCrawlerLost,
		fmt.Sprintf("crawler %s is gone: %s", in.GUID, in.Reason)))
	for _, lease := range answer.Leases {
		err = errors.Join(err, c.fail(ctx, lease, lost))
	}
	c.Courier.Tell(ctx, answer.Follow)
	return err
}

// fail ends one running Crawl. There is none where the ticket has not picked up
// its lease, or is closed: its ScheduleToStart or the reaper sees to that.
func (c *Crawlers) fail(ctx context.Context, lease fleet.LeaseRow, lost error) error {
	// A second attempt of Bury may find no lease any more, so this one insists.
	var err error
	for pause := failPause; pause <= failPauses; pause *= 2 {
		err = c.Temporal.CompleteActivityByID(ctx, c.Namespace, lease.WorkflowID, "",
			fleet.ActivityCrawlID(lease.Epoch), nil, lost)
		if err == nil || notFound(err) {
			return nil
		}
		if waited := wait(ctx, pause); waited != nil {
			break
		}
	}
	return fmt.Errorf("fail the crawl of %s: %w", lease.Ticket, err)
}

const (
	failPause  = 50 * time.Millisecond // a server that is busy is free again after that
	failPauses = 800 * time.Millisecond
)

// Fail notes a launch that did not come to serve. A crawler that arrived and was lost
// before its Hello was taken may have had a ticket, whose Crawl is failed.
func (c *Crawlers) Fail(ctx context.Context, f fleet.LaunchFailure) error {
	follow, err := c.Desk.Failed(ctx, f)
	if err == nil {
		c.Count.add(CountedFailure, string(f.Class))
	}
	if err := c.told(ctx, follow, "fail", err); err != nil {
		return err
	}
	return c.Bury(ctx, BuryInput{GUID: f.GUID, Reason: f.Reason})
}

// SettleInput names a crawler that the provider has no more, and since when.
type SettleInput struct {
	GUID fleet.GUID `json:"guid"`
	At   time.Time  `json:"at"`
}

// Settle closes the crawler's books.
func (c *Crawlers) Settle(ctx context.Context, in SettleInput) error {
	follow, err := c.Desk.Gone(ctx, in.GUID, in.At)
	return c.told(ctx, follow, "settle", err)
}

func (c *Crawlers) told(ctx context.Context, f fleet.Follow, what string, err error) error {
	if err != nil {
		return ToTemporal(fmt.Errorf("%s: %w", what, err))
	}
	c.Courier.Tell(ctx, f)
	return nil
}

// wait pauses, or answers the context's error.
func wait(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
