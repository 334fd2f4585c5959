package activitytest

import (
	"context"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// OpenTenant creates a row, or answers the one that exists.
func (s *Store) OpenTenant(_ context.Context, in fleet.TenantInput) (fleet.TenantStatus, error) {
	if err := s.enter("OpenTenant"); err != nil {
		return fleet.TenantStatus{}, err
	}
	defer s.mu.Unlock()
	if s.tenants[in.Tenant] == nil {
		s.tenants[in.Tenant] = &fleet.TenantStatus{
			Tenant: in.Tenant, Name: in.Name, State: fleet.TenantProvisioning,
			Plan: in.Plan.WithDefaults(),
		}
	}
	return *s.tenants[in.Tenant], nil
}

// SetPlan changes plan and name.
func (s *Store) SetPlan(_ context.Context, in fleet.TenantInput) (fleet.Follow, error) {
	if err := s.enter("SetPlan"); err != nil {
		return fleet.Follow{}, err
	}
	defer s.mu.Unlock()
	row := s.tenants[in.Tenant]
	if row == nil {
		return fleet.Follow{}, fleet.Errorf(fleet.CodeNotFound, "there is no tenant")
	}
	row.Name, row.Plan = in.Name, in.Plan.WithDefaults()
	return fleet.Follow{Conductors: []fleet.TenantID{in.Tenant}}, nil
}

// Replan changes parts of a plan.
func (s *Store) Replan(
	_ context.Context, t fleet.TenantID, r fleet.PlanRequest,
) (fleet.TenantStatus, fleet.Follow, error) {
	row, err := s.tenant("Replan", t)
	if err != nil {
		return fleet.TenantStatus{}, fleet.Follow{}, err
	}
	defer s.mu.Unlock()
	row.Plan = row.Plan.Changed(r.Plan)
	if r.NoMaxSpend {
		row.Plan.MaxSpend = nil
	}
	return *row, fleet.Follow{Conductors: []fleet.TenantID{t}}, nil
}

// Suspend drains the tenant's crawlers.
func (s *Store) Suspend(
	_ context.Context, t fleet.TenantID, r fleet.SuspendRequest,
) (fleet.TenantStatus, fleet.Follow, error) {
	row, err := s.tenant("Suspend", t)
	if err != nil {
		return fleet.TenantStatus{}, fleet.Follow{}, err
	}
	defer s.mu.Unlock()
	var f fleet.Follow
	switch row.State {
	case fleet.TenantSuspended:
	case fleet.TenantReady:
		row.State, row.Reason = fleet.TenantSuspended, r.Reason
	default:
		return *row, f, fleet.Errorf(fleet.CodeTenantNotReady, "the tenant is "+string(row.State))
	}
	for _, g := range s.order {
		c := s.crawlers[g]
		if c.Tenant != t || c.State == fleet.CrawlerRetired || !c.State.Live() {
			continue
		}
		c.State = fleet.CrawlerDraining
		f.Drains = append(f.Drains, fleet.CrawlerDrain{
			CrawlerRef:   fleet.CrawlerRef{Tenant: t, GUID: g},
			DrainRequest: fleet.DrainRequest{Reason: "the tenant is suspended", Grace: r.Grace},
		})
	}
	return *row, f, nil
}

// Resume makes a suspended tenant ready.
func (s *Store) Resume(
	_ context.Context, t fleet.TenantID, _ fleet.ResumeRequest,
) (fleet.TenantStatus, fleet.Follow, error) {
	row, err := s.tenant("Resume", t)
	if err != nil {
		return fleet.TenantStatus{}, fleet.Follow{}, err
	}
	defer s.mu.Unlock()
	if row.State != fleet.TenantSuspended && row.State != fleet.TenantReady {
		return *row, fleet.Follow{}, fleet.Errorf(fleet.CodeTenantNotReady, "the tenant is "+string(row.State))
	}
	row.State, row.Reason = fleet.TenantReady, ""
	return *row, fleet.Follow{Conductors: []fleet.TenantID{t}}, nil
}

// Condemn moves a tenant to deleting.
func (s *Store) Condemn(
	_ context.Context, t fleet.TenantID, _ fleet.DeleteRequest,
) (fleet.TenantStatus, error) {
	row, err := s.tenant("Condemn", t)
	if err != nil {
		return fleet.TenantStatus{}, err
	}
	defer s.mu.Unlock()
	row.State = fleet.TenantDeleting
	return *row, nil
}

// tenant enters and finds a row; the store is locked when there is no error.
func (s *Store) tenant(method string, t fleet.TenantID) (*fleet.TenantStatus, error) {
	if err := s.enter(method); err != nil {
		return nil, err
	}
	if row := s.tenants[t]; row != nil {
		return row, nil
	}
	s.mu.Unlock()
	return nil, fleet.Errorf(fleet.CodeNotFound, "there is no tenant "+string(t))
}

// SetTenant moves a tenant to a state.
func (s *Store) SetTenant(
	_ context.Context, t fleet.TenantID, state fleet.TenantState, _ string,
) (fleet.Follow, error) {
	if err := s.enter("SetTenant:" + string(state)); err != nil {
		return fleet.Follow{}, err
	}
	defer s.mu.Unlock()
	if s.tenants[t] == nil {
		return fleet.Follow{}, fleet.Errorf(fleet.CodeNotFound, "there is no tenant")
	}
	s.tenants[t].State = state
	return fleet.Follow{}, nil
}

// Tenant answers a tenant's row.
func (s *Store) Tenant(t fleet.TenantID) fleet.TenantStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	if row := s.tenants[t]; row != nil {
		return *row
	}
	return fleet.TenantStatus{}
}

// SetState puts a tenant into a state, created where it is not there.
func (s *Store) SetState(t fleet.TenantID, state fleet.TenantState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tenants[t] = &fleet.TenantStatus{Tenant: t, State: state, Plan: fleet.Plan{}.WithDefaults()}
}

// ReserveProof reserves a proof crawler.
func (s *Store) ReserveProof(_ context.Context, t fleet.TenantID) (fleet.CrawlerInput, error) {
	if err := s.enter("ReserveProof"); err != nil {
		return fleet.CrawlerInput{}, err
	}
	defer s.mu.Unlock()
	in := s.reserve(t, 1)
	in.Proof, s.crawlers[in.GUID].Proof = true, true
	return in, nil
}

// OpenTickets lists a tenant's tickets that have not ended.
func (s *Store) OpenTickets(_ context.Context, t fleet.TenantID) ([]fleet.TicketRow, error) {
	if err := s.enter("OpenTickets"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var rows []fleet.TicketRow
	for _, row := range s.tickets {
		if row.Input.Tenant == t && row.State != fleet.TicketEnded {
			rows = append(rows, row.TicketRow)
		}
	}
	return rows, nil
}

// EraseTenant removes a tenant's rows.
func (s *Store) EraseTenant(_ context.Context, t fleet.TenantID) (map[string]int64, error) {
	if err := s.enter("EraseTenant"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	removed := map[string]int64{"tenants": 1}
	delete(s.tenants, t)
	for id, row := range s.tickets {
		if row.Input.Tenant == t {
			delete(s.tickets, id)
			removed["tickets"]++
		}
	}
	return removed, nil
}

var (
	_ fleet.Control    = (*Store)(nil)
	_ fleet.TenantData = (*Store)(nil)
)
