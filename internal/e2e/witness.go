package e2e

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Witness looks at the process table all the time, and remembers when it last saw which
// crawler: a crawler that lives on after it was buried was healthy.
type Witness struct {
	mu   sync.Mutex
	last map[fleet.GUID]time.Time
	stop context.CancelFunc
	done sync.WaitGroup
}

// witnessEvery is the pause between two looks, less than the checker's tolerance.
const witnessEvery = 200 * time.Millisecond

// Watch begins to look, until Alive is asked for.
func (f *Fleet) Watch(ctx context.Context) *Witness {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	w := &Witness{last: map[fleet.GUID]time.Time{}, stop: stop}
	w.done.Go(func() {
		for ctx.Err() == nil {
			w.look(f)
			select {
			case <-ctx.Done():
			case <-time.After(witnessEvery):
			}
		}
	})
	return w
}

func (w *Witness) look(f *Fleet) {
	at := time.Now() // before the look: what has died since is not said to live
	all, err := f.Crawlers()
	if err != nil {
		return // the next look sees it
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range all {
		w.last[p.GUID] = at
	}
}

// forget drops what was seen.
func (w *Witness) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.last)
}

// Alive ends the looking and gives when each crawler was last seen.
func (w *Witness) Alive() map[fleet.GUID]time.Time {
	w.stop()
	w.done.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.last)
}
