package activitytest

import (
	"context"
	"slices"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Offered notes what the providers offer.
func (s *Store) Offered(_ context.Context, all []fleet.Market) (bool, error) {
	if err := s.enter("Offered"); err != nil {
		return false, err
	}
	defer s.mu.Unlock()
	s.market = slices.Clone(all)
	return true, nil
}

// Market is what was offered last.
func (s *Store) Market() []fleet.Market {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.market)
}

// Sighted takes what was seen of addresses.
func (s *Store) Sighted(context.Context, []fleet.EgressSight) error {
	if err := s.enter("Sighted"); err != nil {
		return err
	}
	s.mu.Unlock()
	return nil
}

// Observed takes where a crawler is seen to come from.
func (s *Store) Observed(context.Context, fleet.GUID, string) error {
	if err := s.enter("Observed"); err != nil {
		return err
	}
	s.mu.Unlock()
	return nil
}

// Compared notes a comparison.
func (s *Store) Compared(_ context.Context, c fleet.Comparison) error {
	if err := s.enter("Compared"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.compared == nil {
		s.compared = map[fleet.ProviderKind]fleet.Comparison{}
	}
	s.compared[c.Provider] = c
	return nil
}

// Comparison is the last one with a provider.
func (s *Store) Comparison(p fleet.ProviderKind) fleet.Comparison {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.compared[p]
}
