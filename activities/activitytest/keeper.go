package activitytest

import (
	"context"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// HoldSpends makes HoldSpend answer a Follow.
func (s *Store) HoldSpends(f fleet.Follow) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spends = f
}

// HoldSpend answers what HoldSpends said.
func (s *Store) HoldSpend(context.Context) (fleet.Follow, error) {
	if err := s.enter("HoldSpend"); err != nil {
		return fleet.Follow{}, err
	}
	defer s.mu.Unlock()
	return s.spends, nil
}

// Mends makes Mend answer once what it is given.
func (s *Store) Mends(m fleet.Mended) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mended = m
}

// Mend answers what Mends said.
func (s *Store) Mend(context.Context, int) (fleet.Mended, error) {
	if err := s.enter("Mend"); err != nil {
		return fleet.Mended{}, err
	}
	defer s.mu.Unlock()
	m := s.mended
	s.mended = fleet.Mended{}
	return m, nil
}

// Expired lists ended tickets that are past Keep.Results and not forgotten.
func (s *Store) Expired(_ context.Context, limit int) ([]fleet.TicketRef, error) {
	if err := s.enter("Expired"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var out []fleet.TicketRef
	for id, t := range s.tickets {
		tenant := s.tenants[t.Input.Tenant]
		if t.State != fleet.TicketEnded || s.forgotten[id] || tenant == nil || len(out) == limit {
			continue
		}
		if s.Now().Sub(t.Times.Ended) >= tenant.Plan.Keep.Results.Std() {
			out = append(out, fleet.TicketRef{Tenant: t.Input.Tenant, Ticket: id})
		}
	}
	return out, nil
}

// Forgotten notes that a ticket's results are gone.
func (s *Store) Forgotten(_ context.Context, r fleet.TicketRef) error {
	if err := s.enter("Forgotten"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.forgotten[r.Ticket] = true
	return nil
}

// Forgettable lists gone crawlers that are past Keep.Logs and not purged.
func (s *Store) Forgettable(_ context.Context, limit int) ([]fleet.CrawlerRow, error) {
	if err := s.enter("Forgettable"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var out []fleet.CrawlerRow
	for _, g := range s.order {
		c := s.crawlers[g]
		tenant := s.tenants[c.Tenant]
		if c.State != fleet.CrawlerGone || s.purged[g] || tenant == nil || len(out) == limit {
			continue
		}
		if s.Now().Sub(c.Times.Gone) >= tenant.Plan.Keep.Logs.Std() {
			out = append(out, *c)
		}
	}
	return out, nil
}

// Purged notes that a crawler's log is gone.
func (s *Store) Purged(_ context.Context, g fleet.GUID) error {
	if err := s.enter("Purged"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.purged[g] = true
	return nil
}

// Bind makes a session that ExpiredSessions lists, with something that it carries.
func (s *Store) Bind(key fleet.SessionKey) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bound[key], s.carried[key] = true, true
}

// Carried reports whether a session carries anything.
func (s *Store) Carried(key fleet.SessionKey) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.carried[key]
}

// ExpiredSessions lists what Bind made.
func (s *Store) ExpiredSessions(_ context.Context, limit int) ([]fleet.SessionRef, error) {
	if err := s.enter("ExpiredSessions"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var out []fleet.SessionRef
	for key := range s.bound {
		if len(out) < limit {
			out = append(out, fleet.SessionRef{Tenant: "acme", Key: key})
		}
	}
	return out, nil
}

// SessionForgotten removes a binding.
func (s *Store) SessionForgotten(_ context.Context, r fleet.SessionRef) error {
	if err := s.enter("SessionForgotten"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	delete(s.bound, r.Key)
	return nil
}

// ForgetSession removes what a session carries.
func (s *Store) ForgetSession(_ context.Context, _ fleet.TenantID, key fleet.SessionKey) error {
	if err := s.enter("ForgetSession"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	delete(s.carried, key)
	return nil
}

// Prune removes ended tickets that are forgotten and past Keep.Rows.
func (s *Store) Prune(_ context.Context, limit int) (map[string]int64, error) {
	if err := s.enter("Prune"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	removed := map[string]int64{}
	for id, t := range s.tickets {
		tenant := s.tenants[t.Input.Tenant]
		if !s.forgotten[id] || tenant == nil || removed["tickets"] == int64(limit) {
			continue
		}
		if s.Now().Sub(t.Times.Ended) >= tenant.Plan.Keep.Rows.Std() {
			delete(s.tickets, id)
			removed["tickets"]++
		}
	}
	return removed, nil
}

// Forget removes a crawl.
func (s *Store) Forget(_ context.Context, _ fleet.TenantID, id fleet.TicketID) error {
	if err := s.enter("Forget"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	delete(s.fences, id)
	delete(s.closed, id)
	return nil
}

// Gauges counts what there is.
func (s *Store) Gauges(context.Context) (fleet.Gauges, error) {
	if err := s.enter("Gauges"); err != nil {
		return fleet.Gauges{}, err
	}
	defer s.mu.Unlock()
	g := fleet.Gauges{
		Tenants: map[fleet.TenantState]int{}, Crawlers: map[fleet.CrawlerState]int{},
		Tickets: map[fleet.TicketState]int{}, Waiting: map[fleet.WaitCode]int{},
		Deliveries: map[fleet.DeliveryState]int{},
	}
	for _, t := range s.tenants {
		g.Tenants[t.State]++
	}
	for _, c := range s.crawlers {
		if c.State.Live() {
			g.Crawlers[c.State]++
		}
		if c.State == fleet.CrawlerServing {
			g.Slots += c.Slots
		}
	}
	for _, t := range s.tickets {
		if t.State != fleet.TicketEnded {
			g.Tickets[t.State]++
		}
		if t.Lease != nil {
			g.Leases++
		}
		if t.State == fleet.TicketWaiting && t.Wait != nil {
			g.Waiting[t.Wait.Code]++
		}
	}
	for _, d := range s.messages {
		if d.State != fleet.DeliveryDone {
			g.Deliveries[d.State]++
		}
	}
	return g, nil
}

// Traces counts the tenant's rows and whether it has a database.
func (s *Store) Traces(_ context.Context, t fleet.TenantID) (map[string]int64, error) {
	if err := s.enter("Traces"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	found := map[string]int64{}
	if s.tenants[t] != nil {
		found["tenants"]++
	}
	for _, row := range s.tickets {
		if row.Input.Tenant == t {
			found["tickets"]++
		}
	}
	if s.bases[t] {
		found["data files"]++
	}
	return found, nil
}
