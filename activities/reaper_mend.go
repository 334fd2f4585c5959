package activities

import (
	"context"
	"errors"
	"fmt"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// mendMost bounds the cures of one kind in one transaction; the next round goes on.
const mendMost = 100

// mend heals rows that contradict each other, and fails the Crawls of leases that
// nobody holds any more, so that their tickets ask again.
func (r *Reaper) mend(ctx context.Context) error {
	mended, err := r.Control.Mend(ctx, mendMost)
	if err != nil {
		return fmt.Errorf("mend the rows: %w", err)
	}
	for c, n := range mended.Cures {
		r.Log.Warn("rows contradicted each other", zap.String("case", string(c)), zap.Int("healed", n))
		for range n {
			r.Count.add(CountedCure, string(c))
		}
	}
	books := r.books()
	lost := ToTemporal(fleet.Errorf(fleet.CodeCrawlerLost, "the ticket's lease was lost"))
	var errs error
	for _, lease := range mended.Leases {
		errs = errors.Join(errs, books.fail(ctx, lease, lost))
	}
	r.Courier.Tell(ctx, mended.Follow)
	return errs
}
