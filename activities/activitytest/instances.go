package activitytest

import (
	"context"
	"slices"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Put has the substrate list an instance that nobody launched here.
func (p *Provider) Put(i fleet.Instance) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.others = append(p.others, i)
}

// Others lists what was put there and not stopped.
func (p *Provider) Others() []fleet.Instance {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.others)
}

// drop stops an instance that was put there; the substrate is locked.
func (p *Provider) drop(k fleet.Key) bool {
	n := len(p.others)
	p.others = slices.DeleteFunc(p.others, func(i fleet.Instance) bool {
		return i.Key == k && i.Phase != fleet.PhaseExited
	})
	return len(p.others) < n
}

// Log has the substrate keep a log of a crawler that is gone.
func (p *Provider) Log(g fleet.GUID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.logs[g] = true
}

// Logs counts the logs that are kept.
func (p *Provider) Logs() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.logs)
}

// Purge removes a crawler's log.
func (p *Provider) Purge(_ context.Context, k fleet.Key) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.PurgeError != nil {
		return p.PurgeError
	}
	if _, ok := p.live[k.GUID]; ok {
		return p.err("purge", fleet.ClassConflict)
	}
	delete(p.logs, k.GUID)
	return nil
}

var _ fleet.Purger = (*Provider)(nil)
