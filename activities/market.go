package activities

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// askMarketMost bounds one provider's answer: one that hangs keeps nobody else's places
// from being known.
const askMarketMost = 20 * time.Second

// Market asks every provider what it offers and tells the store, which plans with the
// latest: places come and go with nodes, quotas and prices.
type Market struct {
	Desk      fleet.OfferingDesk
	Providers Providers
	// IdleAfter is the operator's idle time for all places; 0 for their own.
	IdleAfter time.Duration
	Every     time.Duration // between two rounds
	Count     Count
	Log       *zap.Logger
}

// Run asks until the context ends.
func (m *Market) Run(ctx context.Context) {
	for wait(ctx, m.Every) == nil {
		err := m.Round(ctx)
		if err != nil && ctx.Err() == nil {
			m.Log.Warn("market", zap.Error(err))
		}
		m.Count.round(CountedAsked, err)
	}
}

// Round asks once. What a provider that does not answer offered last stands; the error
// says which do not.
func (m *Market) Round(ctx context.Context) error {
	all := make([]fleet.Market, 0, len(m.Providers))
	var silent error
	for kind, p := range m.Providers {
		offered, err := m.ask(ctx, p)
		if err != nil && silent == nil {
			silent = fmt.Errorf("ask %s what it offers: %w", kind, err)
		}
		all = append(all, fleet.Market{
			Provider: kind, Pins: p.Capabilities().PinsAddress, Offerings: offered, Silent: err != nil,
		})
	}
	changed, err := m.Desk.Offered(ctx, all)
	if err != nil {
		return fmt.Errorf("note what is offered: %w", err)
	}
	if changed {
		m.Log.Info("the places of the fleet have changed", zap.Int("places", count(all)))
	}
	return silent
}

func (m *Market) ask(ctx context.Context, p fleet.Provider) ([]fleet.Offering, error) {
	ctx, cancel := context.WithTimeout(ctx, askMarketMost)
	defer cancel()
	offered, err := p.Offerings(ctx)
	for i := range offered {
		if m.IdleAfter > 0 {
			offered[i].IdleAfter = fleet.Duration(m.IdleAfter)
		}
	}
	return offered, err
}

func count(all []fleet.Market) (n int) {
	for _, m := range all {
		n += len(m.Offerings)
	}
	return n
}
