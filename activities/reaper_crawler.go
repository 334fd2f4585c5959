package activities

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func (r *Reaper) crawlers(ctx context.Context) error {
	rows, err := r.Control.Crawlers(ctx, "")
	if err != nil {
		return fmt.Errorf("list the crawlers: %w", err)
	}
	var errs error
	for _, row := range rows {
		if row.State == fleet.CrawlerReserved && r.now().Sub(row.Times.Reserved) < reservedAge {
			continue
		}
		errs = errors.Join(errs, r.crawler(ctx, row))
	}
	return errs
}

// crawler stops what nobody watches over any more. It comes again until the
// provider has none: only then are the books closed.
func (r *Reaper) crawler(ctx context.Context, row fleet.CrawlerRow) error {
	if runs, err := runs(ctx, r.Temporal, fleet.CrawlerWorkflowID(row.Tenant, row.GUID)); runs || err != nil {
		return err
	}
	r.Log.Info("a crawler has no workflow any more", zap.String("guid", string(row.GUID)))
	provider, err := r.Machines.Providers.of(row.Provider, "stop")
	if err != nil {
		return err
	}
	err = stop(ctx, provider, r.Machines.key(row.Tenant, row.GUID))
	switch {
	case err == nil:
		return nil // under way: the next round sees it gone
	case fleet.ClassOf(err) != fleet.ClassNotFound:
		return fmt.Errorf("stop %s: %w", row.GUID, err)
	}
	books := r.books()
	if err := books.Bury(ctx, BuryInput{GUID: row.GUID, Reason: "its workflow was ended"}); err != nil {
		return err
	}
	r.Count.add(CountedCure, CureCrawler)
	return r.settle(ctx, books, row.GUID)
}

// stop asks a provider once, and does not wait for one that hangs.
func stop(ctx context.Context, p fleet.Provider, k fleet.Key) error {
	ctx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	return p.Stop(ctx, k, fleet.StopOptions{})
}

// books are the crawlers' desk as the reaper uses it.
func (r *Reaper) books() *Crawlers {
	return &Crawlers{
		Desk: r.Control, Temporal: r.Temporal, Namespace: r.Namespace, Courier: r.Courier,
	}
}

// settle closes the books. A buried row is not listed again, so this one insists.
func (r *Reaper) settle(ctx context.Context, books *Crawlers, guid fleet.GUID) error {
	at := r.now()
	for pause := failPause; ; pause = min(2*pause, settlePause) {
		err := books.Settle(ctx, SettleInput{GUID: guid, At: at})
		if err == nil || wait(ctx, pause) != nil {
			return err
		}
	}
}
