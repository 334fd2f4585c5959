package docker

import (
	"context"
	"fmt"

	"github.com/containerd/errdefs"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Purge removes the container of a crawler that has ended, with its log. One that still
// runs is refused; of one that nobody knows, or that is another fleet's or tenant's,
// nothing is removed.
func (p *Provider) Purge(ctx context.Context, k fleet.Key) error {
	if k.GUID.Validate() != nil {
		return nil // nobody has it
	}
	for _, n := range []string{name(k.GUID), goneName(k.GUID)} {
		r, err := p.inspect(ctx, n)
		switch {
		case errdefs.IsNotFound(err), err == nil && r.Key != k:
			continue
		case err != nil:
			return asked(opPurge, err)
		case !r.ended() && !r.gone || r.state == running:
			return failure(opPurge, fleet.ClassConflict, fmt.Errorf("crawler %s still runs", k.GUID))
		}
		if err := p.remove(ctx, r.ProviderID); err != nil {
			return asked(opPurge, err)
		}
	}
	return nil
}
