package e2e

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// The gateway dies in the very moment in which a task goes through it, or a result. Temporal
// has handed the task out, and its crawler does not have it: the ticket goes on, on the same
// crawler, and nothing is fetched twice. Without that it goes on after the 12 minutes of Crawl's
// heartbeat, for which End has no patience.
func TestGateway_ATaskThatIsLostOnItsWayIsGivenAgain(t *testing.T) {
	t.Parallel()
	for name, lost := range map[string]func() meddler{"the task": loseFirstTask, "its result": loseFirstResult} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDrill(t, Options{Gateway: true}, 0)
			d.Upstream = newRelay(t, d.Temporal, lost()).Address
			d.Gate.Kill()
			require.NoError(t, d.StartGateway())

			a := d.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1})
			k := d.crawl(a, "mislaid")
			first := k.Leased()
			require.Equal(t, fleet.OutcomeDone, k.End().Outcome)
			took := time.Since(k.Row().Times.Accepted)
			t.Logf("lost, given again and done after %s", took.Round(time.Millisecond))

			crawlers := a.Crawlers(true)
			require.Len(t, crawlers, 1, "a healthy crawler is not buried")
			require.Equal(t, first.GUID, crawlers[0].GUID)
			d.judge()
			require.Empty(t, d.buried(a))
		})
	}
}

// loseFirstTask loses the first Crawl that Temporal hands out.
func loseFirstTask() meddler {
	var once sync.Once
	return func(method string, _ []byte, carry func() ([]byte, error)) ([]byte, error) {
		answer, err := carry()
		if method == workflowservice.WorkflowService_PollActivityTaskQueue_FullMethodName && task(answer) != nil {
			once.Do(func() { answer, err = nil, errCut })
		}
		return answer, err
	}
}

// loseFirstResult lets no result of the first Crawl through.
func loseFirstResult() meddler {
	var mu sync.Mutex
	var first []byte
	return func(method string, request []byte, carry func() ([]byte, error)) ([]byte, error) {
		if method == workflowservice.WorkflowService_RespondActivityTaskCompleted_FullMethodName {
			mu.Lock()
			lost := first != nil && bytes.Equal(first, resultOf(request))
			mu.Unlock()
			if lost {
				return nil, errCut
			}
		}
		answer, err := carry()
		if method == workflowservice.WorkflowService_PollActivityTaskQueue_FullMethodName {
			mu.Lock()
			defer mu.Unlock()
			if first == nil {
				first = task(answer)
			}
		}
		return answer, err
	}
}
