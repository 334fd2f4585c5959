package main

import (
	"context"
	"runtime/debug"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/crawler"
	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// gcPercent keeps an idle crawler small: there are many on one machine, and most
	// of the time they wait for sites, so that the collector's work costs no pages.
	gcPercent = 50
	// memoryLimit is where the collector starts to work harder: 64 slots with a page
	// of 10 MiB in a few of them.
	memoryLimit = 256 << 20
	// tidyAfter is how long a crawler has nothing to do before its memory is given back:
	// longer than the pauses within a busy time.
	tidyAfter = 2 * time.Second
)

// leased is the engine as Crawl uses it, under this crawler's GUID. It knows whether
// anything is crawled.
type leased struct {
	engine  *crawler.Engine
	guid    fleet.GUID
	running atomic.Int64
	ended   chan struct{} // has room for one
}

func newLeased(e *crawler.Engine, g fleet.GUID) *leased {
	return &leased{engine: e, guid: g, ended: make(chan struct{}, 1)}
}

// Crawl crawls one ticket.
func (l *leased) Crawl(ctx context.Context, job activities.CrawlJob) (fleet.CrawlResult, error) {
	l.running.Add(1)
	defer func() {
		l.running.Add(-1)
		select {
		case l.ended <- struct{}{}:
		default: // it has been told
		}
	}()
	return l.engine.Crawl(ctx, job.Tenant, job.Ticket, l.guid, job.Epoch, job.Progress)
}

// tidy gives memory back to the system, once after the start and once after each busy
// time, until ctx ends: the runtime would keep the most that it ever needed for minutes.
func (l *leased) tidy(ctx context.Context, log *zap.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(tidyAfter):
		}
		if l.running.Load() == 0 {
			debug.FreeOSMemory()
			if err := unmapText(); err != nil {
				log.Debug("memory is not given back", zap.Error(err))
			}
			select { // until there is something again
			case <-ctx.Done():
				return
			case <-l.ended:
			}
		}
	}
}
