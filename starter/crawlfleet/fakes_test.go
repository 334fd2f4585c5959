package main

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// at is when everything in these tests begins.
var at = time.Date(2026, 11, 21, 8, 30, 0, 0, time.UTC)

const (
	guidA = fleet.GUID("5b8c6d2e-0000-4000-8000-0000aaaaaaaa")
	guidB = fleet.GUID("5b8c77aa-0000-4000-8000-0000bbbbbbbb")
)

// stores stands in for the databases; their own tests use the real ones.
type stores struct {
	mu        sync.Mutex
	tenants   []fleet.TenantStatus
	tickets   []fleet.TicketRow
	crawlers  []fleet.CrawlerRow
	decisions []fleet.DecisionRecord
	bill      fleet.Bill
	preview   fleet.Preview
	pages     []fleet.PageRow
	pace      fleet.Pace
	counters  fleet.Counters
	filter    fleet.TicketFilter // of the last list
	maxBatch  int                // most pages asked for at once
	asked     int                // how often for pages

	keys       []fleet.KeyRow
	audit      []fleet.AuditRecord
	deliveries []fleet.Delivery

	comparisons []fleet.Comparison
	egress      []fleet.EgressRow
}

func (s *stores) Comparisons(context.Context) ([]fleet.Comparison, error) { return s.comparisons, nil }

func (s *stores) Egress(context.Context, fleet.TenantID, int) ([]fleet.EgressRow, error) {
	return s.egress, nil
}

func (s *stores) Tenants(context.Context) ([]fleet.TenantStatus, error) { return s.tenants, nil }

func (s *stores) Tenant(_ context.Context, t fleet.TenantID) (fleet.TenantStatus, error) {
	for _, one := range s.tenants {
		if one.Tenant == t {
			return one, nil
		}
	}
	return fleet.TenantStatus{}, fleet.Errorf(fleet.CodeNotFound, "no tenant "+string(t))
}

func (s *stores) Ticket(_ context.Context, t fleet.TenantID, id fleet.TicketID) (fleet.TicketRow, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, row := range s.tickets {
		if row.Input.Tenant == t && row.Input.ID == id {
			return row, nil
		}
	}
	return fleet.TicketRow{}, fleet.Errorf(fleet.CodeNotFound, "no ticket "+string(id))
}

func (s *stores) Tickets(_ context.Context, f fleet.TicketFilter) ([]fleet.TicketRow, error) {
	s.filter = f
	var rows []fleet.TicketRow
	for _, row := range s.tickets {
		if (f.Tenant == "" || row.Input.Tenant == f.Tenant) && (f.State == "" || row.State == f.State) {
			rows = append(rows, row)
		}
	}
	return rows, nil
}

func (s *stores) Crawlers(context.Context, fleet.TenantID) ([]fleet.CrawlerRow, error) {
	return slices.DeleteFunc(slices.Clone(s.crawlers), func(c fleet.CrawlerRow) bool { return !c.State.Live() }), nil
}

func (s *stores) AllCrawlers(_ context.Context, f fleet.CrawlerFilter) ([]fleet.CrawlerRow, error) {
	rows := slices.Clone(s.crawlers)
	if f.Limit > 0 {
		rows = rows[:min(len(rows), f.Limit)]
	}
	return rows, nil
}

func (s *stores) Crawler(_ context.Context, g fleet.GUID) (fleet.CrawlerRow, error) {
	for _, c := range s.crawlers {
		if c.GUID == g {
			return c, nil
		}
	}
	return fleet.CrawlerRow{}, fleet.Errorf(fleet.CodeNotFound, "no crawler "+string(g))
}

func (s *stores) Decisions(context.Context, fleet.TenantID, fleet.TicketID) ([]fleet.DecisionRecord, error) {
	return s.decisions, nil
}

func (s *stores) Bill(context.Context, fleet.TenantID, fleet.TicketID) (fleet.Bill, error) {
	return s.bill, nil
}

func (s *stores) Costs(context.Context, time.Time) ([]fleet.Bill, error) {
	return []fleet.Bill{{Tenant: "demo", Total: euro(1234), Final: true}}, nil
}

func (s *stores) Offerings(context.Context) ([]fleet.OfferingStatus, error) {
	return []fleet.OfferingStatus{{
		Offering: fleet.Offering{
			ID: "process/local-a", Country: "DE", Price: euro(36_000), Grain: fleet.GrainSecond, Egress: fleet.EgressOwn,
			Capacity: 8, IdleAfter: fleet.Duration(30 * time.Second),
		},
		Running: 2, Cooldown: &fleet.Cooldown{Until: at, Reason: "full"},
	}}, nil
}

func (s *stores) Preview(context.Context, fleet.TicketInput) (fleet.Preview, error) {
	return s.preview, nil
}

func (s *stores) Keys(context.Context, fleet.TenantID) ([]fleet.KeyRow, error) { return s.keys, nil }

func (s *stores) KeyOf(_ context.Context, digest string) (fleet.KeyRow, error) {
	for _, k := range s.keys {
		if k.Digest == digest {
			return k, nil
		}
	}
	return fleet.KeyRow{}, fleet.Errorf(fleet.CodeNotFound, "no key")
}

func (s *stores) AuditTrail(context.Context, fleet.AuditFilter) ([]fleet.AuditRecord, error) {
	return s.audit, nil
}

func (s *stores) Deliveries(context.Context, fleet.TenantID, fleet.TicketID) ([]fleet.Delivery, error) {
	return s.deliveries, nil
}

func (s *stores) Gauges(context.Context) (fleet.Gauges, error) {
	g := fleet.Gauges{Tickets: map[fleet.TicketState]int{}}
	for _, row := range s.tickets {
		g.Tickets[row.State]++
	}
	return g, nil
}

func (s *stores) Pages(
	_ context.Context, _ fleet.TenantID, _ fleet.TicketID, after int64, limit int,
) ([]fleet.PageRow, error) {
	s.maxBatch, s.asked = max(s.maxBatch, limit), s.asked+1
	var rows []fleet.PageRow
	for _, p := range s.pages {
		if p.Seq > after && len(rows) < limit {
			rows = append(rows, p)
		}
	}
	return rows, nil
}

func (s *stores) Progress(context.Context, fleet.TenantID, fleet.TicketID) (fleet.Counters, time.Time, error) {
	return s.counters, at, nil
}

func (s *stores) Pace(context.Context, fleet.TenantID, fleet.TicketID) (fleet.Pace, error) {
	return s.pace, nil
}
