package docker

import (
	"context"
	"errors"
	"time"

	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// watchAgain is the pause before the engine's events are asked for again: it is being
// restarted.
const watchAgain = time.Second

// Watch tells of ends as the engine does, beginning with those that have come before.
// While it runs it also removes containers that nobody has purged.
// When the engine goes away, it goes on when that is back.
func (p *Provider) Watch(ctx context.Context, f fleet.Filter) (<-chan fleet.Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, failure(opWatch, fleet.ClassRetryable, err)
	}
	w := &watch{
		p: p, filter: f, out: make(chan fleet.Event, 16), told: make(map[string]bool),
	}
	go w.run(ctx)
	return w.out, nil
}

// watch is one running Watch.
type watch struct {
	p      *Provider
	filter fleet.Filter
	out    chan fleet.Event
	told   map[string]bool // containers whose end was told
}

func (w *watch) run(ctx context.Context) {
	defer close(w.out)
	for {
		if err := w.follow(ctx); err != nil && ctx.Err() == nil {
			w.p.log.Warn("watch the crawlers", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(watchAgain):
		}
	}
}

// follow reads events until they break off. They are asked for before the list is, so
// that no end falls in between.
func (w *watch) follow(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stream := w.p.api.Events(ctx, client.EventsListOptions{
		Filters: make(client.Filters).
			Add("type", string(events.ContainerEventType)).
			Add("event", string(events.ActionDie)).
			Add("label", labelFleet+"="+string(w.filter.Fleet)),
	})
	if err := w.list(ctx); err != nil {
		return err
	}
	tidy := time.NewTicker(tidyEvery)
	defer tidy.Stop()
	for {
		select {
		case now := <-tidy.C:
			if err := w.p.tidy(ctx, w.filter, now); err != nil {
				w.p.log.Warn("remove old containers", zap.Error(err))
			}
		case m := <-stream.Messages:
			i := labelled(m.Actor.Attributes)
			if i.Fleet == w.filter.Fleet && !w.told[m.Actor.ID] {
				w.look(ctx, i.Key)
			}
		case err := <-stream.Err:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (w *watch) list(ctx context.Context) error {
	present := make(map[string]bool)
	for i, err := range w.p.List(ctx, w.filter) {
		if err != nil {
			return err
		}
		present[i.ProviderID] = true
		if i.Phase == fleet.PhaseExited {
			w.tell(ctx, i)
		}
	}
	for id := range w.told {
		if !present[id] {
			delete(w.told, id)
		}
	}
	return nil
}

// look tells of a crawler's end, also of one that is stopped and buried meanwhile.
func (w *watch) look(ctx context.Context, k fleet.Key) {
	r, err := w.p.find(ctx, opWatch, k.GUID)
	var e *fleet.ProviderError
	switch {
	case errors.As(err, &e) && e.Class == fleet.ClassNotFound: // purged
	case err != nil:
		w.p.log.Warn("look at a crawler that has ended", zap.String("guid", string(k.GUID)), zap.Error(err))
	case r.Key == k && r.ended():
		w.tell(ctx, r.Instance)
	}
}

func (w *watch) tell(ctx context.Context, i fleet.Instance) {
	if w.told[i.ProviderID] {
		return
	}
	w.told[i.ProviderID] = true
	select {
	case w.out <- fleet.Event{Instance: i}:
	case <-ctx.Done():
	}
}
