package process

import (
	"context"
	"errors"
	"io/fs"
	"iter"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// reapWait is how long a look waits for the exit code of a process of ours whose lock
// is free: the kernel closes files an instant before it lets the parent know.
const reapWait = 100 * time.Millisecond

// Reasons of ends whose exit code nobody saw.
const (
	reasonUnseen = "ended; it was started by another control worker, so its exit code is unknown"
	reasonCut    = "the control worker ended in the middle of its launch"
)

// Describe answers what the lock and the record say.
func (p *Provider) Describe(ctx context.Context, k fleet.Key) (fleet.Instance, error) {
	if err := ctx.Err(); err != nil {
		return fleet.Instance{}, failure(opDescribe, fleet.ClassRetryable, err)
	}
	r, err := p.find(opDescribe, k)
	if err != nil {
		return fleet.Instance{}, err
	}
	return p.observe(ctx, opDescribe, r)
}

// List answers the live records of the fleet, ended ones that were not stopped included.
func (p *Provider) List(ctx context.Context, f fleet.Filter) iter.Seq2[fleet.Instance, error] {
	return func(yield func(fleet.Instance, error) bool) {
		guids, err := p.store.live()
		if err != nil {
			yield(fleet.Instance{}, failure(opList, fleet.ClassRetryable, err))
			return
		}
		for _, g := range guids {
			i, err := p.listed(ctx, f, g)
			if err != nil && fleet.ClassOf(err) == fleet.ClassNotFound {
				continue // stopped meanwhile, or another fleet's
			}
			if !yield(i, err) || err != nil {
				return
			}
		}
	}
}

func (p *Provider) listed(
	ctx context.Context, f fleet.Filter, g fleet.GUID,
) (fleet.Instance, error) {
	if err := ctx.Err(); err != nil {
		return fleet.Instance{}, failure(opList, fleet.ClassRetryable, err)
	}
	r, err := p.store.read(liveRoom, g)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && r.Fleet != f.Fleet:
		return fleet.Instance{}, notFound(opList, fleet.Key{Fleet: f.Fleet, GUID: g})
	case errors.Is(err, errDamaged):
		// Whose it is, only who knows its key can say. One that lives makes the list an
		// incomplete one; one that does not is none that runs.
		if held, locking := locked(p.store.lifePath(g)); locking != nil || held {
			return fleet.Instance{}, failure(opList, fleet.ClassRetryable, errors.Join(err, locking))
		}
		return fleet.Instance{}, notFound(opList, fleet.Key{Fleet: f.Fleet, GUID: g})
	case err != nil:
		return fleet.Instance{}, failure(opList, fleet.ClassRetryable, err)
	}
	return p.observe(ctx, opList, r)
}

// Look answers the live records of a fleet in a run directory as they are now, and
// changes nothing there: for those who look beside the fleet that runs, or does not. A
// directory that does not exist has none.
func Look(dir string, id fleet.FleetID) ([]fleet.Instance, error) {
	p := &Provider{store: store{dir: dir}}
	guids, err := p.store.live()
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var out []fleet.Instance
	for _, g := range guids {
		r, readErr := p.store.read(liveRoom, g)
		switch {
		case errors.Is(readErr, fs.ErrNotExist), readErr == nil && r.Fleet != id:
			continue // stopped meanwhile, or another fleet's
		case readErr == nil:
			r, readErr = p.look(r)
		}
		if readErr != nil {
			err = errors.Join(err, readErr)
			continue
		}
		out = append(out, r.instance())
	}
	return out, err
}

// find reads the live record of a key; that of another fleet or tenant is not found.
func (p *Provider) find(op string, k fleet.Key) (record, error) {
	r, err := p.store.read(liveRoom, k.GUID)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && r.Key != k:
		return record{}, notFound(op, k)
	case errors.Is(err, errDamaged):
		return salvaged(k), nil
	case err != nil:
		return record{}, failure(op, fleet.ClassRetryable, err)
	}
	return r, nil
}

// observe looks at a crawler, and writes its end down when it sees it first.
func (p *Provider) observe(ctx context.Context, op string, r record) (fleet.Instance, error) {
	seen, err := p.look(r)
	if err != nil {
		return fleet.Instance{}, failure(op, fleet.ClassRetryable, err)
	}
	if seen.ended() && !r.ended() {
		if seen, err = p.settle(ctx, op, r.Key); err != nil {
			return fleet.Instance{}, err
		}
	}
	return seen.instance(), nil
}

// settle writes the end of a crawler to its record, once.
func (p *Provider) settle(ctx context.Context, op string, k fleet.Key) (record, error) {
	unlock, err := p.lock(ctx, op)
	if err != nil {
		return record{}, err
	}
	defer unlock()
	r, err := p.find(op, k)
	if err != nil {
		return record{}, err
	}
	seen, err := p.look(r)
	if err == nil && seen.ended() && !r.ended() {
		err = p.store.write(liveRoom, seen)
	}
	if err != nil {
		return record{}, failure(op, fleet.ClassRetryable, err)
	}
	return seen, nil
}

// look gives the record as it is now: with its end, if it has come. It writes nothing.
func (p *Provider) look(r record) (record, error) {
	if r.ended() {
		return r, nil
	}
	held, err := locked(p.store.lifePath(r.GUID))
	if err != nil || held {
		return r, err
	}
	c := p.child(r.GUID)
	if c == nil {
		// Its end may have been written since r was read.
		if now, err := p.store.read(liveRoom, r.GUID); err == nil && now.ended() {
			return now, nil
		}
		r.EndedAt = time.Now().UTC()
		switch {
		case r.Reason != "": // it is said already why nothing is known
		case r.PID == 0:
			r.Reason = reasonCut
		default:
			r.Reason = reasonUnseen
		}
		return r, nil
	}
	select {
	case <-c.done:
		r.EndedAt = time.Now().UTC()
		r.ExitCode, r.Reason = describeExit(c.cmd.ProcessState)
	case <-time.After(reapWait):
		// It has closed the lock and goes on. Its parent knows better.
	}
	return r, nil
}
