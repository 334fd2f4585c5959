package nomad

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/hashicorp/nomad/api"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// watchEvery is how often everything is looked at: the stream of events has a small
	// buffer and forgets, and a lost node is no event of an allocation's client.
	watchEvery = 15 * time.Second
	// streamPause is how long a broken stream rests.
	streamPause = time.Second
	// tidyEvery is how often old marks are looked for.
	tidyEvery = 10 * time.Minute
)

// Watch tells of ends, at once where Nomad's event stream tells of them. It begins with
// those that have ended before. While it runs it also removes old marks.
func (p *Provider) Watch(ctx context.Context, f fleet.Filter) (<-chan fleet.Event, error) {
	if err := over(ctx, opWatch); err != nil {
		return nil, err
	}
	w := &watch{
		p: p, filter: f, out: make(chan fleet.Event, 16), hints: make(chan string, 64),
		told: make(map[string]bool),
	}
	go w.run(ctx)
	return w.out, nil
}

// watch is one running Watch.
type watch struct {
	p      *Provider
	filter fleet.Filter
	out    chan fleet.Event
	hints  chan string     // jobs that may have ended
	told   map[string]bool // jobs whose end was told
}

func (w *watch) run(ctx context.Context) {
	defer close(w.out)
	streaming, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.stream(streaming)
	}()
	defer func() { stop(); <-ended }()

	look, tidy := time.NewTicker(watchEvery), time.NewTicker(tidyEvery)
	defer look.Stop()
	defer tidy.Stop()
	w.round(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case id := <-w.hints:
			w.look(ctx, id)
		case <-look.C:
			w.round(ctx)
		case now := <-tidy.C:
			w.said(ctx, "tidy the marks", w.p.tidy(ctx, w.filter.Fleet, now))
		}
	}
}

// round looks at every job.
func (w *watch) round(ctx context.Context) {
	present := make(map[string]bool)
	for i, err := range w.p.List(ctx, w.filter) {
		if err != nil {
			w.said(ctx, "watch the crawlers", err)
			return
		}
		present[i.ProviderID] = true
		w.tell(ctx, i)
	}
	for id := range w.told {
		if !present[id] {
			delete(w.told, id)
		}
	}
}

// look looks at one job.
func (w *watch) look(ctx context.Context, id string) {
	job, err := w.p.cluster.jobInfo(ctx, id)
	if err != nil { // purged: whoever stopped it knows
		return
	}
	k, ours := keyOf(id, job.Meta)
	if !ours || k.Fleet != w.filter.Fleet {
		return
	}
	i, err := w.p.Describe(ctx, k)
	if err == nil {
		w.tell(ctx, i)
	}
}

func (w *watch) tell(ctx context.Context, i fleet.Instance) {
	if i.Phase != fleet.PhaseExited || w.told[i.ProviderID] {
		return
	}
	select {
	case w.out <- fleet.Event{Instance: i}:
		w.told[i.ProviderID] = true
	case <-ctx.Done():
	}
}

// stream reads events until ctx ends, and begins again when the stream breaks. What
// happened in between the next round sees.
func (w *watch) stream(ctx context.Context) {
	for ctx.Err() == nil {
		w.said(ctx, "read the events", w.read(ctx))
		select {
		case <-ctx.Done():
		case <-time.After(streamPause):
		}
	}
}

func (w *watch) read(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel() // ends the reader of the connection
	c := w.p.cluster
	events, err := c.client.EventStream().Stream(ctx,
		map[api.Topic][]string{api.TopicAllocation: {"*"}}, 0, c.query(ctx))
	if err != nil {
		return err
	}
	for page := range events {
		if page.Err != nil {
			return page.Err
		}
		for n := range page.Events {
			w.hint(ctx, &page.Events[n])
		}
	}
	return nil
}

// hint passes an event on that may be an end of ours.
func (w *watch) hint(ctx context.Context, e *api.Event) {
	a, err := e.Allocation()
	if err != nil || a == nil || !strings.HasPrefix(a.JobID, jobPrefix(w.filter.Fleet)) || !terminal(a.Stub()) {
		return
	}
	select {
	case w.hints <- a.JobID:
	case <-ctx.Done():
	}
}

// said logs what nobody else hears of.
func (w *watch) said(ctx context.Context, doing string, err error) {
	if err != nil && ctx.Err() == nil && !errors.Is(err, context.Canceled) {
		w.p.log.Warn(doing, zap.Error(err))
	}
}
