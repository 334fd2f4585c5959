package activitytest

import (
	"context"
	"slices"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func (s *Store) crawler(method string, g fleet.GUID) (*fleet.CrawlerRow, error) {
	if err := s.enter(method); err != nil {
		return nil, err
	}
	if row := s.crawlers[g]; row != nil {
		return row, nil
	}
	s.mu.Unlock()
	return nil, fleet.Errorf(fleet.CodeNotFound, "there is no crawler "+string(g))
}

// Launching notes that a reserved crawler's workflow runs.
func (s *Store) Launching(_ context.Context, in fleet.CrawlerInput) (fleet.CrawlerRow, error) {
	row, err := s.crawler("Launching", in.GUID)
	if err != nil {
		return fleet.CrawlerRow{}, err
	}
	defer s.mu.Unlock()
	if row.State == fleet.CrawlerReserved {
		row.State = fleet.CrawlerStarting
	}
	return *row, nil
}

// Launched notes that the provider accepted.
func (s *Store) Launched(_ context.Context, g fleet.GUID, _ fleet.Instance) error {
	row, err := s.crawler("Launched", g)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	row.Times.Launched = s.Now()
	return nil
}

// Serving takes a Hello and grants the crawler's slots.
func (s *Store) Serving(_ context.Context, g fleet.GUID, h fleet.Hello) (fleet.Follow, error) {
	row, err := s.crawler("Serving", g)
	if err != nil {
		return fleet.Follow{}, err
	}
	defer s.mu.Unlock()
	if !fleet.ContractAccepted(h.Contract) {
		return fleet.Follow{}, fleet.Errorf(fleet.CodeContract, "the crawler speaks another contract")
	}
	row.State, row.Address = fleet.CrawlerServing, h.Address
	row.Times.Serving, row.Times.IdleFrom = s.Now(), s.Now()
	return s.grants(), nil
}

// Arrived is Serving for a crawler whose workflow waits for its Hello.
func (s *Store) Arrived(ctx context.Context, g fleet.GUID, h fleet.Hello) (fleet.Follow, error) {
	row, err := s.crawler("Arrived", g)
	if err != nil {
		return fleet.Follow{}, err
	}
	waits := row.State == fleet.CrawlerStarting && !row.Proof
	s.mu.Unlock()
	if !waits {
		return fleet.Follow{}, nil
	}
	return s.Serving(ctx, g, h)
}

// Retire retires an idle crawler.
func (s *Store) Retire(_ context.Context, g fleet.GUID) (fleet.RetireAnswer, error) {
	row, err := s.crawler("Retire", g)
	if err != nil {
		return fleet.RetireAnswer{}, err
	}
	defer s.mu.Unlock()
	left := s.IdleAfter - s.Now().Sub(row.Times.IdleFrom)
	if row.Proof {
		left = 0
	}
	if row.Leased > 0 || left > 0 || s.Now().Before(s.held[g]) {
		return fleet.RetireAnswer{Left: fleet.Duration(left)}, nil
	}
	row.State = fleet.CrawlerRetired
	return fleet.RetireAnswer{Done: true}, nil
}

// Drain takes a crawler out of every route.
func (s *Store) Drain(_ context.Context, g fleet.GUID, reason string) (fleet.RetireAnswer, error) {
	row, err := s.crawler("Drain", g)
	if err != nil {
		return fleet.RetireAnswer{}, err
	}
	defer s.mu.Unlock()
	if row.State.Live() {
		row.State, row.Reason = fleet.CrawlerDraining, reason
	}
	return fleet.RetireAnswer{Leases: row.Leased}, nil
}

// Bury makes a crawler gone and frees its leases.
func (s *Store) Bury(_ context.Context, g fleet.GUID, reason string) (fleet.BuryAnswer, error) {
	row, err := s.crawler("Bury", g)
	if err != nil {
		return fleet.BuryAnswer{}, err
	}
	defer s.mu.Unlock()
	if row.State != fleet.CrawlerGone { // its first reason stays
		row.State, row.Reason = fleet.CrawlerGone, reason
	}
	answer := fleet.BuryAnswer{Leases: s.leases(func(t *Ticket) bool { return t.Lease.GUID == g })}
	for _, lease := range answer.Leases {
		s.release(s.tickets[lease.Ticket])
		s.tickets[lease.Ticket].Moves++
	}
	if len(s.waiting) > 0 {
		answer.Follow.Conductors = []fleet.TenantID{row.Tenant}
	}
	return answer, nil
}

// Failed makes a crawler that never served gone.
func (s *Store) Failed(_ context.Context, f fleet.LaunchFailure) (fleet.Follow, error) {
	row, err := s.crawler("Failed", f.GUID)
	if err != nil {
		return fleet.Follow{}, err
	}
	defer s.mu.Unlock()
	row.State, row.Reason = fleet.CrawlerGone, string(f.Class)+": "+f.Reason
	if f.Ours {
		row.Reason = "ours, " + row.Reason
	}
	return fleet.Follow{Conductors: []fleet.TenantID{row.Tenant}}, nil
}

// Gone closes a crawler's books.
func (s *Store) Gone(_ context.Context, g fleet.GUID, at time.Time) (fleet.Follow, error) {
	row, err := s.crawler("Gone", g)
	if err != nil {
		return fleet.Follow{}, err
	}
	defer s.mu.Unlock()
	row.State, row.Times.Gone = fleet.CrawlerGone, at
	return fleet.Follow{}, nil
}

// Crawlers lists the live ones.
func (s *Store) Crawlers(_ context.Context, t fleet.TenantID) ([]fleet.CrawlerRow, error) {
	return s.list(func(c *fleet.CrawlerRow) bool { return c.State.Live() && (t == "" || c.Tenant == t) })
}

// AllCrawlers lists those that are gone, too, the newest first.
func (s *Store) AllCrawlers(_ context.Context, f fleet.CrawlerFilter) ([]fleet.CrawlerRow, error) {
	rows, err := s.list(func(c *fleet.CrawlerRow) bool { return f.Tenant == "" || c.Tenant == f.Tenant })
	slices.Reverse(rows)
	if f.Before != "" {
		at := slices.IndexFunc(rows, func(c fleet.CrawlerRow) bool { return c.GUID == f.Before })
		rows = rows[at+1:]
	}
	if f.Limit > 0 {
		rows = rows[:min(len(rows), f.Limit)]
	}
	return rows, err
}

func (s *Store) list(wanted func(*fleet.CrawlerRow) bool) ([]fleet.CrawlerRow, error) {
	if err := s.enter("Crawlers"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var rows []fleet.CrawlerRow
	for _, g := range s.order {
		if c := s.crawlers[g]; wanted(c) {
			rows = append(rows, *c)
		}
	}
	return rows, nil
}

// Hold keeps a crawler, which may not be there yet, busy for so long from now.
func (s *Store) Hold(g fleet.GUID, d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.held[g] = s.Now().Add(d)
}
