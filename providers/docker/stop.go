package docker

import (
	"context"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const running = container.StateRunning

// Stop asks the engine to end the container (SIGTERM, at the end of the grace SIGKILL) and
// does not wait for it: the engine holds the grace, whatever becomes of this process. One
// that has ended is renamed, which keeps its GUID from being run again.
func (p *Provider) Stop(ctx context.Context, k fleet.Key, o fleet.StopOptions) error {
	r, err := p.live(ctx, opStop, k)
	if err != nil {
		return err
	}
	switch {
	case r.ended():
		return p.bury(ctx, r)
	case r.state == container.StateCreated && time.Since(r.CreatedAt) < 2*startWithin:
		return nil // who made it starts it, or removes it
	case r.state == container.StateCreated:
		return p.bury(ctx, r)
	}
	p.end(ctx, r, o.Grace)
	return nil
}

// bury gives a container its tombstone's name.
func (p *Provider) bury(ctx context.Context, r record) error {
	_, err := p.api.ContainerRename(ctx, r.ProviderID, client.ContainerRenameOptions{
		NewName: goneName(r.GUID),
	})
	if errdefs.IsConflict(err) && !r.gone {
		// There is a tombstone: this one was made in the moment in which that was put up.
		err = p.remove(ctx, r.ProviderID)
	}
	if err != nil && !errdefs.IsNotFound(err) && !r.gone {
		return asked(opStop, err)
	}
	return notFound(opStop, r.Key)
}

// stopMargin is how much longer than the grace the engine may take to answer.
const stopMargin = 30 * time.Second

// end sends the request, unless one is under way whose grace ends no later.
func (p *Provider) end(ctx context.Context, r record, grace time.Duration) {
	seconds := int((max(grace, 0) + time.Second - 1) / time.Second) // what the engine counts in
	killAt := time.Now().Add(time.Duration(seconds) * time.Second)
	p.mu.Lock()
	defer p.mu.Unlock()
	if under, ok := p.stopping[r.ProviderID]; ok && !killAt.Before(under) {
		return
	}
	p.stopping[r.ProviderID] = killAt
	p.running.Go(func() {
		ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), killAt.Add(stopMargin))
		defer cancel()
		defer context.AfterFunc(p.closed, cancel)() // the engine goes on without us
		_, err := p.api.ContainerStop(ctx, r.ProviderID, client.ContainerStopOptions{Timeout: &seconds})
		if err != nil && !errdefs.IsNotFound(err) && p.closed.Err() == nil {
			// The next Stop sends it again.
			p.log.Warn("stop a crawler", zap.String("guid", string(r.GUID)), zap.Error(err))
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.stopping[r.ProviderID].Equal(killAt) {
			delete(p.stopping, r.ProviderID)
		}
	})
}

// runningPhase is that of a container that runs: stopping, if this process has asked for it.
func (p *Provider) runningPhase(id string) fleet.Phase {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, ok := p.stopping[id]; ok {
		return fleet.PhaseStopping
	}
	return fleet.PhaseRunning
}
