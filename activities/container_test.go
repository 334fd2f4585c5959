package activities_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

const containerGUID fleet.GUID = "0b1d5e3c-0000-4000-8000-000000000001"

// control is the control side as a container sees it: there, or away.
type control struct{ temporal, data atomic.Bool }

var errAway = errors.New("connection refused")

func away(is *atomic.Bool) error {
	if is.Load() {
		return errAway
	}
	return nil
}

func options(c *control, drain <-chan struct{}) activities.ContainerOptions {
	return activities.ContainerOptions{
		GUID: containerGUID, Slots: 4, PID: 4711, Contract: 9, Build: "test",
		MainAt: time.Now(), DialedAt: time.Now(),
		LaunchBudget: time.Minute, OrphanAfter: 10 * time.Minute,
		Echo: func(context.Context) (fleet.EchoAnswer, error) {
			return fleet.EchoAnswer{Address: "127.0.16.1", Proof: "signed"}, away(&c.data)
		},
		Ping:  func(context.Context) error { return away(&c.temporal) },
		Drain: drain,
	}
}

func activityEnvironment(ctx context.Context) *testsuite.TestActivityEnvironment {
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerOptions(worker.Options{BackgroundActivityContext: ctx})
	env.SetTestTimeout(24 * time.Hour)
	return env
}

func TestHello_SaysWhoItIsAndWhereItIsSeen(t *testing.T) {
	t.Parallel()
	o := options(&control{}, nil)
	c := activities.NewContainer(o)
	env := activityEnvironment(t.Context())
	env.RegisterActivity(c)
	value, err := env.ExecuteActivity(c.Hello)
	require.NoError(t, err)
	var got fleet.Hello
	require.NoError(t, value.Get(&got))
	require.True(t, got.MainAt.Equal(o.MainAt))
	require.True(t, got.DialedAt.Equal(o.DialedAt))
	got.MainAt, got.DialedAt = time.Time{}, time.Time{}
	require.Equal(t, fleet.Hello{
		Contract: 9, Build: "test", GUID: containerGUID, Address: "127.0.16.1",
		Proof: "signed", Slots: 4, PID: 4711,
	}, got)
}

func TestHello_IsUnavailableWithoutTheDataPlane(t *testing.T) {
	t.Parallel()
	side := &control{}
	side.data.Store(true)
	c := activities.NewContainer(options(side, nil))
	env := activityEnvironment(t.Context())
	env.RegisterActivity(c)
	_, err := env.ExecuteActivity(c.Hello)
	requireCode(t, err, fleet.CodeUnavailable, false)
	require.ErrorContains(t, err, "connection refused")
}

func TestServe_RefusesToBeAnother(t *testing.T) {
	t.Parallel()
	c := activities.NewContainer(options(&control{}, nil))
	env := activityEnvironment(t.Context())
	env.RegisterActivity(c)
	_, err := env.ExecuteActivity(c.Serve, fleet.ServeInput{GUID: "another"})
	requireCode(t, err, fleet.CodeConflict, true)
}

func TestServe_HeartbeatsUntilTheProgramDrains(t *testing.T) {
	t.Parallel()
	drain := make(chan struct{})
	o := options(&control{}, drain)
	o.Beat = time.Millisecond
	c := activities.NewContainer(o)
	env := activityEnvironment(t.Context())
	env.RegisterActivity(c)
	var once sync.Once // the SDK passes on one in 30s; a second one would be another test
	env.SetOnActivityHeartbeatListener(func(*activity.Info, converter.EncodedValues) {
		once.Do(func() { close(drain) })
	})
	_, err := env.ExecuteActivity(c.Serve, fleet.ServeInput{GUID: containerGUID})
	requireCode(t, err, fleet.CodeDraining, true)
}

func TestServe_ReturnsWhenItsContextEnds(t *testing.T) {
	t.Parallel()
	ctx, end := context.WithCancel(t.Context())
	o := options(&control{}, nil)
	o.Beat = time.Millisecond
	c := activities.NewContainer(o)
	env := activityEnvironment(ctx)
	env.RegisterActivity(c)
	env.SetOnActivityHeartbeatListener(func(*activity.Info, converter.EncodedValues) { end() })
	_, err := env.ExecuteActivity(c.Serve, fleet.ServeInput{GUID: containerGUID})
	require.ErrorContains(t, err, "canceled")
}

func TestWatch_LeavesWhenNobodySaysHello(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		at := time.Now()
		err := activities.NewContainer(options(&control{}, nil)).Watch(t.Context())
		require.Equal(t, fleet.CodeTimeout, fleet.CodeOf(err))
		require.ErrorContains(t, err, "nobody said hello within 1m0s")
		require.Equal(t, time.Minute, time.Since(at))
	})
}

func TestWatch_StaysWithAControlSideThatComesBack(t *testing.T) {
	t.Parallel()
	watched(t, func(c *control, _ context.CancelFunc, left <-chan error) {
		time.Sleep(time.Hour)
		c.temporal.Store(true)
		c.data.Store(true)
		time.Sleep(9 * time.Minute)
		c.temporal.Store(false)
		c.data.Store(false)
		time.Sleep(time.Hour)
		require.Empty(t, left)
	})
}

func TestWatch_LeavesAsAnOrphan(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		orphan func(*control, context.CancelFunc)
		says   string
	}{
		"Temporal away": {
			func(c *control, _ context.CancelFunc) { c.temporal.Store(true) },
			"nothing heard from Temporal for 10m0s",
		},
		"data plane away": {
			func(c *control, _ context.CancelFunc) { c.data.Store(true) },
			"nothing heard from the data plane for 10m0s",
		},
		"nobody takes a Serve": {
			func(_ *control, end context.CancelFunc) { end() },
			"nothing heard from Temporal for 10m0s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			watched(t, func(side *control, end context.CancelFunc, left <-chan error) {
				time.Sleep(time.Hour)
				c.orphan(side, end)
				time.Sleep(9 * time.Minute)
				require.Empty(t, left, "not yet")
				time.Sleep(2 * time.Minute)
				require.Len(t, left, 1)
				require.EqualError(t, <-left, c.says)
			})
		})
	}
}

// watched runs a container that was greeted and is served, on a clock of its own.
func watched(t *testing.T, play func(*control, context.CancelFunc, <-chan error)) {
	synctest.Test(t, func(t *testing.T) {
		side := &control{}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		serving, end := context.WithCancel(ctx)
		c := activities.NewContainer(options(side, nil))
		env := activityEnvironment(ctx)
		env.RegisterActivity(c)
		_, err := env.ExecuteActivity(c.Hello)
		require.NoError(t, err)
		var all sync.WaitGroup
		all.Go(func() {
			for serving.Err() == nil {
				if side.temporal.Load() {
					time.Sleep(time.Second)
					continue
				}
				// The control side takes another when one has ended.
				env := activityEnvironment(serving)
				env.RegisterActivity(c)
				_, _ = env.ExecuteActivity(c.Serve, fleet.ServeInput{GUID: containerGUID})
			}
		})
		left := make(chan error, 1)
		all.Go(func() {
			if err := c.Watch(ctx); err != nil {
				left <- err
			}
		})
		play(side, end, left)
		end()
		cancel()
		all.Wait()
	})
}
