package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// keepBatch is how many of a kind are listed, or removed in one transaction: short
	// enough that a ticket does not wait for it.
	keepBatch = 100
	// keepBatches bounds one round; the next one goes on.
	keepBatches = 50
)

// Keeper does in the background what rows alone ask for: it holds spend caps, and
// forgets results, logs and rows that are past their tenant's retention. Each step may
// be repeated and may meet another keeper's; what a death cuts short, the next round does.
type Keeper struct {
	Rows     fleet.Keeper
	Results  fleet.ResultKeeper
	Machines *Machines
	Courier  *Courier
	// SpendEvery is the pause between two looks at the spend caps, Every that between two
	// rounds of forgetting.
	SpendEvery, Every time.Duration
	Count             Count
	Log               *zap.Logger
}

// Run keeps until the context ends.
func (k *Keeper) Run(ctx context.Context) {
	var forgot time.Time
	for ctx.Err() == nil {
		k.said(ctx, k.Hold(ctx))
		if time.Since(forgot) >= k.Every {
			forgot = time.Now()
			err := k.Round(ctx)
			k.said(ctx, err)
			k.Count.round(CountedKept, err)
		}
		_ = wait(ctx, k.SpendEvery) // the loop's condition reads the context
	}
}

func (k *Keeper) said(ctx context.Context, err error) {
	if err != nil && ctx.Err() == nil {
		k.Log.Warn("keeper", zap.Error(err))
	}
}

// Hold drains the crawlers of tenants at their spend cap, and lets go on those whose
// month is new or whose cap was raised.
func (k *Keeper) Hold(ctx context.Context) error {
	follow, err := k.Rows.HoldSpend(ctx)
	if err != nil {
		return fmt.Errorf("hold the spend caps: %w", err)
	}
	k.Courier.Tell(ctx, follow)
	return nil
}

// Round forgets once what need not be kept. What fails is left to the next round and
// joined to the error; it keeps nothing else from being forgotten.
func (k *Keeper) Round(ctx context.Context) error {
	return errors.Join(
		each(ctx, k.Rows.Expired, k.forget),
		each(ctx, k.Rows.Forgettable, k.purge),
		each(ctx, k.Rows.ExpiredSessions, k.forgetSession),
		k.prune(ctx),
	)
}

// forget removes a ticket's results, and then notes it.
func (k *Keeper) forget(ctx context.Context, ref fleet.TicketRef) error {
	err := k.Results.Forget(ctx, ref.Tenant, ref.Ticket)
	if err != nil && fleet.CodeOf(err) != fleet.CodeNotFound { // a tenant without a database has none
		return fmt.Errorf("forget the results of %s: %w", ref.Ticket, err)
	}
	if err := k.Rows.Forgotten(ctx, ref); err != nil {
		return fmt.Errorf("note that the results of %s are gone: %w", ref.Ticket, err)
	}
	return nil
}

// forgetSession removes what a session carries, and then what bound it.
func (k *Keeper) forgetSession(ctx context.Context, ref fleet.SessionRef) error {
	if err := k.Results.ForgetSession(ctx, ref.Tenant, ref.Key); err != nil {
		return fmt.Errorf("forget session %s of %s: %w", ref.Key, ref.Tenant, err)
	}
	if err := k.Rows.SessionForgotten(ctx, ref); err != nil {
		return fmt.Errorf("note that session %s is gone: %w", ref.Key, err)
	}
	return nil
}

// purge removes what a provider keeps of a crawler, and then notes it. A provider that
// keeps nothing has nothing to remove.
func (k *Keeper) purge(ctx context.Context, row fleet.CrawlerRow) error {
	provider, err := k.Machines.Providers.of(row.Provider, "purge")
	if err != nil {
		return err
	}
	if p, ok := provider.(fleet.Purger); ok {
		if err := p.Purge(ctx, k.Machines.key(row.Tenant, row.GUID)); err != nil {
			return fmt.Errorf("purge %s: %w", row.GUID, err)
		}
	}
	if err := k.Rows.Purged(ctx, row.GUID); err != nil {
		return fmt.Errorf("note that %s is purged: %w", row.GUID, err)
	}
	return nil
}

// prune removes old rows, a batch of each table at a time.
func (k *Keeper) prune(ctx context.Context) error {
	for range keepBatches {
		removed, err := k.Rows.Prune(ctx, keepBatch)
		if err != nil {
			return fmt.Errorf("prune: %w", err)
		}
		full := false
		for _, n := range removed {
			full = full || n >= keepBatch
		}
		if !full {
			return nil
		}
	}
	return nil
}

// each does something for all that is listed, a batch at a time, until nothing is left
// or nothing of a batch can be done.
func each[T any](
	ctx context.Context, list func(context.Context, int) ([]T, error),
	do func(context.Context, T) error,
) error {
	var errs error
	for range keepBatches {
		all, err := list(ctx, keepBatch)
		if err != nil {
			return errors.Join(errs, fmt.Errorf("list what need not be kept: %w", err))
		}
		done := 0
		for _, one := range all {
			if err := do(ctx, one); err != nil {
				errs = errors.Join(errs, err)
				continue
			}
			done++
		}
		if len(all) < keepBatch || done == 0 {
			return errs
		}
	}
	return errs
}
