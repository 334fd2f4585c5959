package activities_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// A crawl is on the container's list while it runs, and then for as long as its result may
// be on its way.
func TestCrawl_IsOnTheListUntilItsResultHasArrived(t *testing.T) {
	t.Parallel()
	running := activities.NewRunning()
	own := fleet.CrawlRef{Ticket: crawlInput.Ticket, Epoch: crawlInput.Epoch}
	b := newCrawlBench(t, func(context.Context, activities.CrawlJob) (fleet.CrawlResult, error) {
		require.Equal(t, []fleet.CrawlRef{own}, running.List())
		return fleet.CrawlResult{Outcome: fleet.OutcomeDone}, nil
	})
	b.crawls.Running = running
	require.Equal(t, []fleet.CrawlRef{}, running.List(), "none is said, too")
	_, err := b.env.ExecuteActivity(b.crawls.Crawl, crawlInput)
	require.NoError(t, err)
	require.Eventually(t, func() bool { return len(running.List()) == 0 }, patience, time.Millisecond)
}

func TestRunning_KeepsWhatHasEndedForAsLongAsItTook(t *testing.T) {
	t.Parallel()
	for took, kept := range map[time.Duration]time.Duration{
		2 * time.Second: 2 * time.Second, time.Hour: 15 * time.Second,
	} {
		synctest.Test(t, func(t *testing.T) {
			running := activities.NewRunning()
			end := running.Begin(fleet.CrawlRef{Ticket: "t-1", Epoch: 7})
			time.Sleep(took)
			end()
			time.Sleep(kept - time.Millisecond)
			require.Len(t, running.List(), 1)
			time.Sleep(2 * time.Millisecond)
			require.Empty(t, running.List())
		})
	}
}
