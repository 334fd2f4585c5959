package process

import (
	"context"
	"errors"
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Purge removes the record and the log of a crawler that has ended. One that still runs
// is refused; of one that nobody knows, or that is another fleet's or tenant's, nothing
// is removed.
func (p *Provider) Purge(ctx context.Context, k fleet.Key) error {
	unlock, err := p.lock(ctx, opPurge)
	if err != nil {
		return err
	}
	defer unlock()
	switch i, err := p.launched(k); {
	case err != nil && (fleet.ClassOf(err) == fleet.ClassNotFound || fleet.ClassOf(err) == fleet.ClassConflict):
		return nil
	case err != nil:
		return failure(opPurge, fleet.ClassRetryable, err)
	case i.Phase != fleet.PhaseExited:
		return failure(opPurge, fleet.ClassConflict, fmt.Errorf("crawler %s still runs", k.GUID))
	}
	// The log goes first: without a record nobody would come for it.
	log := p.store.logPath(k.GUID)
	if err := errors.Join(remove(log), remove(log+".1"), p.store.forget(k.GUID),
		remove(p.store.path(goneRoom, k.GUID))); err != nil {
		return failure(opPurge, fleet.ClassRetryable, err)
	}
	return nil
}
