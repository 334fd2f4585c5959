package activitytest

import (
	"context"
	"slices"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Route accepts a ticket and leases the least loaded serving crawler.
func (s *Store) Route(_ context.Context, r fleet.RouteRequest) (fleet.RouteAnswer, error) {
	if err := s.enter("Route"); err != nil {
		return fleet.RouteAnswer{}, err
	}
	defer s.mu.Unlock()
	tenant := s.tenants[r.Input.Tenant]
	if tenant == nil {
		return fleet.RouteAnswer{}, fleet.Errorf(fleet.CodeNotFound, "there is no tenant "+string(r.Input.Tenant))
	}
	row, err := s.accept(r)
	if err != nil {
		return fleet.RouteAnswer{}, err
	}
	answer := fleet.RouteAnswer{
		Version: 1, Tenant: r.Input.Tenant, Ticket: r.Input.ID, Deadline: row.Deadline,
	}
	switch {
	case row.State == fleet.TicketEnded && row.Input.Attempt < r.Input.Attempt && r.Fenced == 0:
		answer.Kind, answer.Epoch, answer.Reopen = fleet.RouteFence, s.next(row), true
		return answer, nil
	case row.State == fleet.TicketEnded && row.Input.Attempt < r.Input.Attempt:
		row.Input, row.State, row.Intent, row.Result = r.Input, fleet.TicketWaiting, nil, nil
	case row.State == fleet.TicketEnded:
		answer.Kind, answer.Result = fleet.RouteFinished, row.Result
		return answer, nil
	}
	if r.Pause != nil && row.Lease != nil && r.Fenced == 0 {
		answer.Kind, answer.Epoch = fleet.RouteFence, s.next(row)
		return answer, nil
	}
	if why := s.dormant(r, row); why != nil {
		s.release(row)
		s.waiting = slices.DeleteFunc(s.waiting, func(id fleet.TicketID) bool { return id == r.Input.ID })
		row.State, row.Wait = fleet.TicketWaiting, why
		answer.Kind, answer.Wait = fleet.RouteWait, why
		return answer, nil
	}
	if r.Lost != 0 && row.Lease != nil && row.Lease.Epoch == r.Lost {
		s.release(row)
		row.Moves++
	}
	if row.Last != 0 && !row.Granted && r.Fenced == 0 {
		answer.Kind, answer.Epoch = fleet.RouteFence, s.next(row)
		return answer, nil
	}
	if row.Lease == nil {
		s.lease(row, false)
	}
	if row.Lease != nil {
		row.Granted, row.Wait = false, nil
		answer.Kind, answer.Lease = fleet.RouteLeased, row.Lease
		return answer, nil
	}
	row.State = fleet.TicketWaiting
	row.Wait = &fleet.Wait{Code: fleet.WaitStarting, Message: "a crawler is being started", Since: s.Now()}
	if !slices.Contains(s.waiting, r.Input.ID) {
		s.waiting = append(s.waiting, r.Input.ID)
		answer.Tell, answer.Seq = true, s.told+1
		answer.Cold = s.Cold && len(s.order) == 0
	}
	answer.Kind, answer.Wait = fleet.RouteWait, row.Wait
	return answer, nil
}

// dormant says why a ticket wants no slot now: it is paused, or its time has not come.
func (s *Store) dormant(r fleet.RouteRequest, row *Ticket) *fleet.Wait {
	start, _ := r.Input.StartAt.Resolve(row.Times.Accepted)
	switch {
	case r.Pause != nil:
		return &fleet.Wait{Code: fleet.WaitPaused, Message: "paused: " + r.Pause.Reason, Since: s.Now()}
	case start.After(s.Now()):
		return &fleet.Wait{Code: fleet.WaitScheduled, Message: "it is to start later", Until: start}
	default:
		return nil
	}
}

func (s *Store) accept(r fleet.RouteRequest) (*Ticket, error) {
	row := s.tickets[r.Input.ID]
	if row == nil {
		row = &Ticket{}
		row.Input, row.Hash, row.Times.Accepted = r.Input, r.Input.Hash(), s.Now()
		row.Deadline, _ = r.Input.Deadline.Resolve(s.Now())
		s.tickets[r.Input.ID] = row
	}
	if row.Hash != r.Input.Hash() {
		return nil, &fleet.Error{Code: fleet.CodeConflict, Field: "urls", Message: "the id exists with other content"}
	}
	row.WorkflowID, row.RunID = r.WorkflowID, r.RunID
	return row, nil
}

func (s *Store) next(row *Ticket) int64 {
	s.epoch = max(s.epoch, row.Last) + 1
	return s.epoch
}

func (s *Store) lease(row *Ticket, granted bool) bool {
	var best *fleet.CrawlerRow
	for _, g := range s.order {
		c := s.crawlers[g]
		if c.Tenant == row.Input.Tenant && c.State == fleet.CrawlerServing && !c.Proof &&
			c.Leased < c.Slots && (best == nil || c.Leased < best.Leased) {
			best = c
		}
	}
	if best == nil {
		return false
	}
	best.Leased++
	row.Last = s.next(row)
	row.Lease = &fleet.Lease{
		Tenant: row.Input.Tenant, Ticket: row.Input.ID, GUID: best.GUID, Epoch: row.Last,
		Offering: best.Offering, Address: best.Address, Warm: true, TakenAt: s.Now(),
	}
	if row.Input.MaxCost != nil {
		row.Lease.Until = s.Now().Add(s.Affords)
	}
	row.State, row.Granted = fleet.TicketRunning, granted
	s.waiting = slices.DeleteFunc(s.waiting, func(id fleet.TicketID) bool { return id == row.Input.ID })
	return true
}

func (s *Store) release(row *Ticket) {
	if row.Lease == nil {
		return
	}
	if c := s.crawlers[row.Lease.GUID]; c != nil {
		c.Leased--
		c.Times.IdleFrom = s.Now()
	}
	row.Lease, row.Granted = nil, false
}

// grants hands free slots to those who wait, oldest first.
func (s *Store) grants() fleet.Follow {
	var f fleet.Follow
	for _, id := range slices.Clone(s.waiting) {
		row := s.tickets[id]
		if s.lease(row, true) {
			f.Grants = append(f.Grants, fleet.Grant{
				Tenant: row.Input.Tenant, Ticket: id, WorkflowID: row.WorkflowID, Epoch: row.Last,
			})
		}
	}
	return f
}

// Told remembers that the Conductor was told.
func (s *Store) Told(_ context.Context, _ fleet.TenantID, seq int64) error {
	if err := s.enter("Told"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.told = seq
	return nil
}

// Intend keeps the first intent.
func (s *Store) Intend(_ context.Context, i fleet.Intent) (fleet.Intent, error) {
	if err := s.enter("Intend"); err != nil {
		return i, err
	}
	defer s.mu.Unlock()
	row := s.tickets[i.Ticket]
	if row == nil {
		return i, fleet.Errorf(fleet.CodeNotFound, "there is no ticket "+string(i.Ticket))
	}
	if row.Intent == nil {
		row.Intent, row.State = &i, fleet.TicketClosing
	}
	return *row.Intent, nil
}

// Record ends a ticket; a repeat answers the stored result.
func (s *Store) Record(_ context.Context, r fleet.RecordRequest) (fleet.RecordAnswer, error) {
	if err := s.enter("Record"); err != nil {
		return fleet.RecordAnswer{}, err
	}
	defer s.mu.Unlock()
	row := s.tickets[r.Ticket]
	if row == nil {
		return fleet.RecordAnswer{}, fleet.Errorf(fleet.CodeNotFound, "there is no ticket "+string(r.Ticket))
	}
	if row.State == fleet.TicketEnded {
		return fleet.RecordAnswer{Result: *row.Result}, nil
	}
	s.release(row)
	s.waiting = slices.DeleteFunc(s.waiting, func(id fleet.TicketID) bool { return id == r.Ticket })
	row.State = fleet.TicketEnded
	row.Result = &fleet.TicketResult{
		Tenant: r.Tenant, Ticket: r.Ticket, Outcome: r.Outcome, Reason: r.Reason,
		Counters: r.Counters, Error: r.Error, Moves: row.Moves, Attempt: row.Input.Attempt,
	}
	return fleet.RecordAnswer{Result: *row.Result, Follow: s.grants()}, nil
}

// Ungrant gives a granted slot back and on.
func (s *Store) Ungrant(_ context.Context, g fleet.Grant) (fleet.Follow, error) {
	if err := s.enter("Ungrant"); err != nil {
		return fleet.Follow{}, err
	}
	defer s.mu.Unlock()
	if row := s.tickets[g.Ticket]; row != nil && row.Granted && row.Lease.Epoch == g.Epoch {
		s.release(row)
		row.State = fleet.TicketClosing
	}
	return s.grants(), nil
}

// Decide reserves one crawler when tickets wait and none is under way, and names
// what is reserved.
func (s *Store) Decide(_ context.Context, t fleet.TenantID) (fleet.Decision, error) {
	if err := s.enter("Decide"); err != nil {
		return fleet.Decision{}, err
	}
	defer s.mu.Unlock()
	if s.tenants[t] == nil {
		return fleet.Decision{}, fleet.Errorf(fleet.CodeNotFound, "there is no tenant "+string(t))
	}
	d := fleet.Decision{Version: 1, Unmet: len(s.waiting), Reason: "decided"}
	if s.Wake > 0 && len(s.waiting) > 0 {
		d.Wake, d.Reason = s.Now().Add(s.Wake), "no place has room"
		return d, nil
	}
	under := false
	for _, g := range s.order {
		c := s.crawlers[g]
		under = under || c.State == fleet.CrawlerReserved || c.State == fleet.CrawlerStarting
		if c.State == fleet.CrawlerReserved {
			d.Starts = append(d.Starts, s.input(c))
		}
	}
	if len(s.waiting) > 0 && !under {
		d.Starts = append(d.Starts, s.reserve(t, s.tenants[t].Plan.SlotsPerCrawler))
	}
	return d, nil
}

func (s *Store) input(c *fleet.CrawlerRow) fleet.CrawlerInput {
	return fleet.CrawlerInput{
		Tenant: c.Tenant, GUID: c.GUID, Offering: c.Offering, Provider: c.Provider,
		Account: c.Account, Slots: c.Slots, IdleAfter: fleet.Duration(s.IdleAfter), Grain: fleet.GrainSecond, Proof: c.Proof,
	}
}

// Leases lists the leases older than age.
func (s *Store) Leases(_ context.Context, age time.Duration) ([]fleet.LeaseRow, error) {
	if err := s.enter("Leases"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	return s.leases(func(t *Ticket) bool { return s.Now().Sub(t.Lease.TakenAt) >= age }), nil
}

func (s *Store) leases(want func(*Ticket) bool) []fleet.LeaseRow {
	var rows []fleet.LeaseRow
	for _, t := range s.tickets {
		if t.Lease != nil && want(t) {
			rows = append(rows, fleet.LeaseRow{
				Lease: *t.Lease, WorkflowID: t.WorkflowID, RunID: t.RunID, Granted: t.Granted,
			})
		}
	}
	slices.SortFunc(rows, func(a, b fleet.LeaseRow) int { return int(a.Epoch - b.Epoch) })
	return rows
}

// Unfinished lists tickets that have not ended and hold no lease.
func (s *Store) Unfinished(_ context.Context, age time.Duration) ([]fleet.TicketRow, error) {
	if err := s.enter("Unfinished"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var rows []fleet.TicketRow
	for _, t := range s.tickets {
		if t.State != fleet.TicketEnded && t.Lease == nil && s.Now().Sub(t.Times.Accepted) >= age {
			rows = append(rows, t.TicketRow)
		}
	}
	return rows, nil
}

// Overlooked lists the tenants of waiting tickets and of reserved crawlers of that age.
func (s *Store) Overlooked(_ context.Context, age time.Duration) ([]fleet.TenantID, error) {
	if err := s.enter("Overlooked"); err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	var out []fleet.TenantID
	add := func(t fleet.TenantID, since time.Time) {
		if s.Now().Sub(since) >= age && !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	for _, t := range s.tickets {
		if t.State == fleet.TicketWaiting && t.Wait != nil && t.Wait.Code == fleet.WaitConductor {
			add(t.Input.Tenant, t.Times.Accepted)
		}
	}
	for _, c := range s.crawlers {
		if c.State == fleet.CrawlerReserved && !c.Proof {
			add(c.Tenant, c.Times.Reserved)
		}
	}
	return out, nil
}
