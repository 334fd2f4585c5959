package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestWatch_BringsEventsToTheCrawlersWorkflow(t *testing.T) {
	t.Parallel()
	d := newDesk()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		(&activities.Watch{
			Fleet: "test", Providers: activities.Providers{"memory": d.provider},
			Temporal: d.temporal, Log: zap.NewNop(),
		}).Run(ctx)
	}()
	d.provider.Events <- fleet.Event{Instance: fleet.Instance{Key: fleet.Key{Tenant: "acme", GUID: "g"}}}
	require.Eventually(t, func() bool { return len(d.temporal.Messages("signal")) == 1 },
		patience, time.Millisecond)
	require.Equal(t, "crawler/acme/g", d.temporal.Messages("signal")[0].WorkflowID)
	stop()
	<-done
}
