package activities

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// watchPause is how long Watch waits before it subscribes again to a provider
// whose events ended: events are hints, and Serve's heartbeat is there meanwhile.
const watchPause = 2 * time.Second

// Watch brings the providers' events to the Crawler workflows: the signal exited
// is a hint, on which the workflow asks the provider itself. Providers that cannot
// tell of ends are left out.
type Watch struct {
	Fleet     fleet.FleetID
	Providers Providers
	Temporal  Temporal
	Log       *zap.Logger
}

// Run watches until the context ends.
func (w *Watch) Run(ctx context.Context) {
	var all sync.WaitGroup
	for kind, provider := range w.Providers {
		if watcher, ok := provider.(fleet.Watcher); ok {
			all.Go(func() { w.follow(ctx, kind, watcher) })
		}
	}
	all.Wait()
}

func (w *Watch) follow(ctx context.Context, kind fleet.ProviderKind, watcher fleet.Watcher) {
	for ctx.Err() == nil {
		if err := w.once(ctx, watcher); err != nil && ctx.Err() == nil {
			w.Log.Warn("watch", zap.String("provider", string(kind)), zap.Error(err))
		}
		_ = wait(ctx, watchPause) // the loop's condition reads the context
	}
}

func (w *Watch) once(ctx context.Context, watcher fleet.Watcher) error {
	events, err := watcher.Watch(ctx, fleet.Filter{Fleet: w.Fleet})
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	for event := range events {
		w.exited(ctx, event.Instance)
	}
	return nil
}

func (w *Watch) exited(ctx context.Context, i fleet.Instance) {
	ctx, cancel := context.WithTimeout(ctx, messageTimeout)
	defer cancel()
	id := fleet.CrawlerWorkflowID(i.Tenant, i.GUID)
	err := w.Temporal.SignalWorkflow(ctx, id, "", fleet.SignalExited, nil)
	// The end of a crawler that was stopped comes after its workflow's: not_found.
	if err != nil && !notFound(err) {
		w.Log.Warn("not delivered; the heartbeat will tell",
			zap.String("workflow", id), zap.Error(err))
	}
}
