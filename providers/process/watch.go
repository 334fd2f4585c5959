package process

import (
	"context"
	"errors"
	"io/fs"
	"syscall"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// watchEvery is how soon the end of an adopted crawler is seen; of one's own
	// children it is seen at once. A look at a lock takes some microseconds.
	watchEvery = 250 * time.Millisecond
	// tidyEvery is how often logs and old records are looked through.
	tidyEvery = time.Minute
)

// Watch tells of ends: at once of those that this Provider started, within 250 ms of
// others. It begins with those that have ended before. While it runs it also kills
// stopped crawlers whose grace is over, and tidies the run directory.
func (p *Provider) Watch(ctx context.Context, f fleet.Filter) (<-chan fleet.Event, error) {
	if err := ctx.Err(); err != nil {
		return nil, failure("watch", fleet.ClassRetryable, err)
	}
	w := &watch{
		p: p, fleet: f.Fleet, out: make(chan fleet.Event, 16), bell: make(chan struct{}, 1),
		known: make(map[fleet.GUID]bool),
	}
	p.mu.Lock()
	p.watchers[w.bell] = struct{}{}
	p.mu.Unlock()
	go w.run(ctx)
	return w.out, nil
}

// watch is one running Watch.
type watch struct {
	p     *Provider
	fleet fleet.FleetID
	out   chan fleet.Event
	bell  chan struct{}
	known map[fleet.GUID]bool // seen; true when its end was told
}

func (w *watch) run(ctx context.Context) {
	defer close(w.out)
	defer func() {
		w.p.mu.Lock()
		defer w.p.mu.Unlock()
		delete(w.p.watchers, w.bell)
	}()
	look, tidy := time.NewTicker(watchEvery), time.NewTicker(tidyEvery)
	defer look.Stop()
	defer tidy.Stop()
	w.p.tidy(time.Now())
	for {
		if err := w.round(ctx); err != nil && ctx.Err() == nil {
			w.p.log.Warn("watch the crawlers", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		case <-w.bell:
		case now := <-tidy.C:
			w.p.tidy(now)
		}
	}
}

// round looks at every live record, and at those that were there before.
func (w *watch) round(ctx context.Context) error {
	guids, err := w.p.store.live()
	if err != nil {
		return err
	}
	var errs []error
	present := make(map[fleet.GUID]bool, len(guids))
	for _, g := range guids {
		present[g] = true
		if !w.known[g] {
			errs = append(errs, w.look(ctx, g))
		}
	}
	for g, told := range w.known {
		if present[g] {
			continue
		}
		if r, err := w.p.store.read(goneRoom, g); err == nil && !told {
			w.tell(ctx, r.instance())
		}
		delete(w.known, g)
	}
	return errors.Join(errs...)
}

func (w *watch) look(ctx context.Context, g fleet.GUID) error {
	r, err := w.p.store.read(liveRoom, g)
	if errors.Is(err, fs.ErrNotExist) || err == nil && r.Fleet != w.fleet {
		return nil
	}
	if err != nil {
		return err
	}
	i, err := w.p.observe(ctx, "watch", r)
	switch {
	case err != nil && fleet.ClassOf(err) == fleet.ClassNotFound:
		return nil // stopped meanwhile: the next round tells of it
	case err != nil:
		return err
	case i.Phase == fleet.PhaseExited:
		w.known[g] = true
		w.tell(ctx, i)
		return nil
	}
	w.known[g] = false
	if !r.KillAt.IsZero() && time.Now().After(r.KillAt) {
		return w.p.signal(r, syscall.SIGKILL)
	}
	return nil
}

func (w *watch) tell(ctx context.Context, i fleet.Instance) {
	select {
	case w.out <- fleet.Event{Instance: i}:
	case <-ctx.Done():
	}
}
