package tenantdb

import (
	"context"
	"errors"
	"sync"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// handle is one tenant's open database.
type handle struct {
	tenant fleet.TenantID
	ready  chan struct{} // closed when db or err is set
	db     *store.DB
	err    error
	users  int   // callers between acquire and release, guarded by handles.mu
	used   int64 // tick of the last acquire, guarded likewise
}

// handles keeps databases open, the least recently used ones up to a bound.
type handles struct {
	open func(context.Context, fleet.TenantID) (*store.DB, error)
	max  int

	mu     sync.Mutex
	idle   *sync.Cond // told when a handle has lost its last user
	byID   map[fleet.TenantID]*handle
	barred map[fleet.TenantID]int // tenants being removed, by how many callers
	tick   int64
	closed bool
}

func newHandles(limit int, open func(context.Context, fleet.TenantID) (*store.DB, error)) *handles {
	h := &handles{
		open: open, max: limit,
		byID: map[fleet.TenantID]*handle{}, barred: map[fleet.TenantID]int{},
	}
	h.idle = sync.NewCond(&h.mu)
	return h
}

// acquire gives the tenant's database, opened when it is not yet; release gives it back.
func (p *handles) acquire(ctx context.Context, t fleet.TenantID) (*handle, error) {
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return nil, fleet.Errorf(fleet.CodeUnavailable, "the tenants' databases are being closed")
	}
	if p.barred[t] > 0 {
		p.mu.Unlock()
		return nil, fleet.Errorf(fleet.CodeNotFound, "the database of tenant "+string(t)+" is being removed")
	}
	h, found := p.byID[t]
	if !found {
		h = &handle{tenant: t, ready: make(chan struct{})}
		p.byID[t] = h
	}
	p.tick++
	h.used, h.users = p.tick, h.users+1
	p.mu.Unlock()
	if !found {
		// Others wait for this opening, so it does not end with this caller's context.
		h.db, h.err = p.open(context.WithoutCancel(ctx), t)
		if h.err != nil {
			p.forget(h)
		}
		close(h.ready)
	}
	select {
	case <-h.ready:
	case <-ctx.Done():
		p.release(h)
		return nil, ctx.Err()
	}
	if h.err == nil {
		return h, nil
	}
	p.release(h)
	if found { // another's failure, perhaps from before the database was made
		return p.acquire(ctx, t)
	}
	return nil, h.err
}

func (p *handles) forget(h *handle) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.byID[h.tenant] == h {
		delete(p.byID, h.tenant)
	}
}

// release gives a handle back and closes what is over the bound and not in use.
func (p *handles) release(h *handle) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h.users--
	if h.users > 0 {
		return
	}
	p.idle.Broadcast()
	for len(p.byID) > p.max {
		oldest := p.oldestIdle()
		if oldest == nil {
			return
		}
		delete(p.byID, oldest.tenant)
		// Under the lock, so that the file is not opened again before it is closed.
		// An error is of no use to the caller: all its transactions have ended.
		_ = oldest.db.Close()
	}
}

func (p *handles) oldestIdle() *handle {
	var oldest *handle
	for _, h := range p.byID {
		if h.users == 0 && h.db != nil && (oldest == nil || h.used < oldest.used) {
			oldest = h
		}
	}
	return oldest
}

// remove bars the tenant, waits for its users, closes its database and runs f.
func (p *handles) remove(ctx context.Context, t fleet.TenantID, f func() error) error {
	stop := context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.idle.Broadcast()
	})
	defer stop()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.barred[t]++
	defer func() {
		if p.barred[t]--; p.barred[t] == 0 {
			delete(p.barred, t)
		}
	}()
	for p.byID[t] != nil && p.byID[t].users > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		p.idle.Wait()
	}
	var err error
	if h := p.byID[t]; h != nil {
		delete(p.byID, t)
		err = h.db.Close()
	}
	return errors.Join(err, f())
}

// closeAll waits for every user and closes every database.
func (p *handles) closeAll() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	var errs []error
	for t, h := range p.byID {
		for h.users > 0 {
			p.idle.Wait()
		}
		if h.db != nil && p.byID[t] == h {
			errs = append(errs, h.db.Close())
		}
	}
	clear(p.byID)
	return errors.Join(errs...)
}
