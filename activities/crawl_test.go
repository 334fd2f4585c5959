package activities_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// engineFunc is an engine in a test's own words.
type engineFunc func(context.Context, activities.CrawlJob) (fleet.CrawlResult, error)

func (f engineFunc) Crawl(
	ctx context.Context, job activities.CrawlJob,
) (fleet.CrawlResult, error) {
	return f(ctx, job)
}

// patience is how long a test waits for what comes in milliseconds.
const patience = time.Minute

var crawlInput = fleet.CrawlInput{Tenant: "acme", Ticket: "t-1", Epoch: 7}

// crawlBench runs Crawl in the SDK's test environment.
type crawlBench struct {
	crawls *activities.Crawls
	cut    chan struct{}
	// end cancels the activity's context as the SDK does, with the cause.
	end  context.CancelCauseFunc
	env  *testsuite.TestActivityEnvironment
	told chan fleet.Counters

	away  atomic.Bool // Temporal
	deaf  atomic.Bool // it answers, and takes no results yet
	pings atomic.Int32
}

func newCrawlBench(t *testing.T, engine engineFunc) *crawlBench {
	t.Helper()
	b := &crawlBench{cut: make(chan struct{}), told: make(chan fleet.Counters, 1024)}
	b.crawls = &activities.Crawls{
		Tenant: "acme", Engine: engine, Cut: b.cut,
		Ping: func(context.Context) error {
			b.pings.Add(1)
			return away(&b.away)
		},
		Hear: func(context.Context, []byte, ...any) error {
			b.pings.Add(1)
			return away(&b.deaf)
		},
		// The SDK passes on one beat in 30s: the first must find the counters there.
		Beat: time.Second,
	}
	background, end := context.WithCancelCause(t.Context())
	b.end = end
	var suite testsuite.WorkflowTestSuite
	b.env = suite.NewTestActivityEnvironment()
	b.env.SetWorkerOptions(worker.Options{BackgroundActivityContext: background})
	b.env.SetTestTimeout(patience)
	b.env.SetOnActivityHeartbeatListener(
		func(_ *activity.Info, details converter.EncodedValues) {
			var n fleet.Counters
			if details.Get(&n) == nil {
				b.told <- n
			}
		})
	b.env.RegisterActivity(b.crawls)
	return b
}

func (b *crawlBench) run(in fleet.CrawlInput) (fleet.CrawlResult, error) {
	var r fleet.CrawlResult
	value, err := b.env.ExecuteActivity(b.crawls.Crawl, in)
	if err == nil {
		err = value.Get(&r)
	}
	return r, err
}

func TestCrawl_AnswersWhatTheEngineAnswers(t *testing.T) {
	t.Parallel()
	want := fleet.CrawlResult{
		Outcome: fleet.OutcomeLimited, Reason: "pages",
		Counters: fleet.Counters{Discovered: 3, Fetched: 3},
	}
	b := newCrawlBench(t, func(_ context.Context, job activities.CrawlJob) (fleet.CrawlResult, error) {
		if job.CrawlInput != crawlInput {
			return fleet.CrawlResult{}, errors.New("another job")
		}
		return want, nil
	})
	b.crawls.Beat = time.Hour
	got, err := b.run(crawlInput)
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Empty(t, b.told, "a short crawl tells nothing")
	require.Zero(t, b.pings.Load(), "and asks nothing")
}

func TestCrawl_TellsProgress(t *testing.T) {
	t.Parallel()
	heard := make(chan struct{})
	b := newCrawlBench(t, func(ctx context.Context, job activities.CrawlJob) (fleet.CrawlResult, error) {
		job.Progress(fleet.Counters{Discovered: 5, Queued: 4, InFlight: 1})
		job.Progress(fleet.Counters{Discovered: 9, Queued: 9})
		select {
		case <-heard:
		case <-ctx.Done():
		}
		return fleet.CrawlResult{Outcome: fleet.OutcomeDone}, nil
	})
	go func() {
		for n := range b.told {
			if n.Discovered == 9 {
				close(heard)
				return
			}
		}
	}()
	_, err := b.run(crawlInput)
	require.NoError(t, err)
	select {
	case <-heard:
	default:
		require.Fail(t, "the counters were not in a heartbeat")
	}
}

func TestCrawl_WorksForItsOwnTenantOnly(t *testing.T) {
	t.Parallel()
	called := false
	b := newCrawlBench(t, func(context.Context, activities.CrawlJob) (fleet.CrawlResult, error) {
		called = true
		return fleet.CrawlResult{}, nil
	})
	in := crawlInput
	in.Tenant = "other"
	_, err := b.run(in)
	requireCode(t, err, fleet.CodeForbidden, true)
	require.False(t, called)
}

func TestCrawl_GivesErrorsTheirCode(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error
		code  fleet.Code
		final bool
	}{
		"fenced":      {fleet.Errorf(fleet.CodeFenced, "a newer claim exists"), fleet.CodeFenced, true},
		"draining":    {fleet.Errorf(fleet.CodeDraining, "handed back"), fleet.CodeDraining, true},
		"unavailable": {fleet.Errorf(fleet.CodeUnavailable, "no data plane"), fleet.CodeUnavailable, false},
		"a defect":    {errors.New("nil map"), fleet.CodeInternal, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newCrawlBench(t, func(context.Context, activities.CrawlJob) (fleet.CrawlResult, error) {
				return fleet.CrawlResult{}, c.err
			})
			_, err := b.run(crawlInput)
			requireCode(t, err, c.code, c.final)
			if c.code == fleet.CodeInternal {
				require.NotContains(t, err.Error(), "nil map", "its cause is for the log")
			}
		})
	}
}

func TestCrawl_IsCutOffWhenTheProgramEnds(t *testing.T) {
	t.Parallel()
	var b *crawlBench
	b = newCrawlBench(t, func(ctx context.Context, _ activities.CrawlJob) (fleet.CrawlResult, error) {
		close(b.cut)
		<-ctx.Done()
		return fleet.CrawlResult{}, ctx.Err()
	})
	_, err := b.run(crawlInput)
	requireCode(t, err, fleet.CodeDraining, true)
}

func TestCrawl_KeepsAnOutcomeThatCameWithTheEnd(t *testing.T) {
	t.Parallel()
	var b *crawlBench
	b = newCrawlBench(t, func(ctx context.Context, _ activities.CrawlJob) (fleet.CrawlResult, error) {
		close(b.cut)
		<-ctx.Done()
		return fleet.CrawlResult{Outcome: fleet.OutcomeDone}, nil
	})
	r, err := b.run(crawlInput)
	require.NoError(t, err)
	require.Equal(t, fleet.OutcomeDone, r.Outcome)
}

func TestCrawl_ObeysAServerThatAnswers(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]error{
		"cancelled":     temporal.NewCanceledError(),
		"unknown to it": serviceerror.NewNotFound("activity not found"),
		"paused":        activity.ErrActivityPaused,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b *crawlBench
			b = newCrawlBench(t, func(ctx context.Context, _ activities.CrawlJob) (fleet.CrawlResult, error) {
				b.end(cause)
				<-ctx.Done()
				return fleet.CrawlResult{}, context.Cause(ctx)
			})
			_, err := b.run(crawlInput)
			require.Error(t, err)
			require.Empty(t, activities.FromTemporal(err), "it is cancelled, not failed: %v", err)
		})
	}
}

func TestCrawl_GoesOnWhileTemporalIsAway(t *testing.T) {
	t.Parallel()
	for name, cause := range map[string]error{
		"unavailable": serviceerror.NewUnavailable("connection refused"),
		"too slow":    context.DeadlineExceeded,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b *crawlBench
			b = newCrawlBench(t, func(ctx context.Context, job activities.CrawlJob) (fleet.CrawlResult, error) {
				b.end(cause)
				for len(b.told) > 0 {
					<-b.told
				}
				job.Progress(fleet.Counters{Discovered: 42})
				for { // heartbeats go on, so that a server that comes back hears of it
					select {
					case n := <-b.told:
						if n.Discovered == 42 {
							return fleet.CrawlResult{Outcome: fleet.OutcomeDone}, ctx.Err()
						}
					case <-ctx.Done():
						return fleet.CrawlResult{}, context.Cause(ctx)
					}
				}
			})
			r, err := b.run(crawlInput)
			require.NoError(t, err)
			require.Equal(t, fleet.OutcomeDone, r.Outcome)
		})
	}
}

func TestCrawl_HoldsItsResultUntilTemporalIsThereToTakeIt(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	b := newCrawlBench(t, func(context.Context, activities.CrawlJob) (fleet.CrawlResult, error) {
		defer close(ended)
		<-time.After(300 * time.Millisecond) // longer than Temporal is taken to be there
		return fleet.CrawlResult{Outcome: fleet.OutcomeDone}, nil
	})
	b.away.Store(true)
	b.deaf.Store(true)
	answered := make(chan error, 1)
	go func() {
		_, err := b.run(crawlInput)
		answered <- err
	}()
	<-ended
	for _, gone := range []*atomic.Bool{&b.away, &b.deaf} { // a server that starts answers first
		before := b.pings.Load()
		require.Eventually(t, func() bool { return b.pings.Load() > before+2 }, patience, time.Millisecond)
		require.Empty(t, answered)
		gone.Store(false)
	}
	select {
	case err := <-answered:
		require.NoError(t, err)
	case <-time.After(patience):
		require.Fail(t, "the result was not given")
	}
}

func TestCrawl_EndsWithTheContainerWhileTemporalIsAway(t *testing.T) {
	t.Parallel()
	var b *crawlBench
	b = newCrawlBench(t, func(ctx context.Context, _ activities.CrawlJob) (fleet.CrawlResult, error) {
		b.end(serviceerror.NewUnavailable("connection refused"))
		close(b.cut) // the container has become an orphan
		<-ctx.Done()
		return fleet.CrawlResult{}, ctx.Err()
	})
	_, err := b.run(crawlInput)
	requireCode(t, err, fleet.CodeDraining, true)
}

func requireCode(t *testing.T, err error, code fleet.Code, final bool) {
	t.Helper()
	var app *temporal.ApplicationError
	require.ErrorAs(t, err, &app)
	require.Equal(t, string(code), app.Type())
	require.Equal(t, final, app.NonRetryable())
	require.Equal(t, code, activities.FromTemporal(err).Code)
}
