package controldb

import (
	"context"
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

// tenantRow is an account with its plan.
type tenantRow struct {
	plan.Tenant
	name, reason string
	decideSeq    int64
	toldSeq      int64
}

const tenantColumns = `SELECT t.tenant, t.name, t.state, t.reason, t.decide_seq, t.told_seq,
	p.max_crawlers, p.slots_per_crawler, p.max_slots, p.max_pages, p.idle_after, p.weight
	FROM tenants t JOIN plans p ON p.tenant = t.tenant `

func scanTenant(r scanner, t *tenantRow) error {
	var idle int64
	p := &t.Plan
	err := r.Scan(&t.ID, &t.name, &t.State, &t.reason, &t.decideSeq, &t.toldSeq,
		&p.MaxCrawlers, &p.SlotsPerCrawler, &p.MaxSlots, &p.MaxPages, &idle, &p.Weight)
	p.IdleAfter = fleet.Duration(time.Duration(idle) * time.Microsecond)
	return err
}

// tenant reads an account; not_found on field "tenant" where there is none.
func (w *work) tenant(id fleet.TenantID) (tenantRow, error) {
	rows, err := list(w, tenantColumns+`WHERE t.tenant = ?`, []any{id}, scanTenant)
	if err != nil {
		return tenantRow{}, err
	}
	if len(rows) == 0 {
		return tenantRow{}, notFound("tenant", fmt.Sprintf("tenant %q", id)).
			WithHint("crawlfleet tenant create")
	}
	return rows[0], nil
}

func (t tenantRow) status() fleet.TenantStatus {
	out := fleet.TenantStatus{Tenant: t.ID, Name: t.name, State: t.State, Plan: t.Plan}
	if t.State == fleet.TenantFailed && t.reason != "" {
		out.Error = fleet.Errorf(fleet.CodeTenantNotReady, t.reason)
	}
	return out
}

// OpenTenant implements fleet.Control.
func (s *Store) OpenTenant(
	ctx context.Context, in fleet.TenantInput,
) (out fleet.TenantStatus, err error) {
	if err := in.Validate(); err != nil {
		return out, err
	}
	err = s.write(ctx, "open tenant", func(w *work) error {
		labels, err := document(in.Labels)
		if err != nil {
			return err
		}
		n, err := w.Exec(`INSERT INTO tenants (tenant, name, labels, state, created_at)
			VALUES (?, ?, ?, ?, ?) ON CONFLICT (tenant) DO NOTHING`,
			in.Tenant, in.Name, labels, fleet.TenantProvisioning, store.Micros(w.now))
		if err != nil {
			return err
		}
		if n > 0 {
			if err := w.savePlan(in); err != nil {
				return err
			}
		}
		t, err := w.tenant(in.Tenant)
		out = t.status()
		return err
	})
	return out, err
}

func (w *work) savePlan(in fleet.TenantInput) error {
	p := in.Plan.WithDefaults()
	_, err := w.Exec(`INSERT INTO plans
		(tenant, max_crawlers, slots_per_crawler, max_slots, max_pages, idle_after, weight)
		VALUES (?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (tenant) DO UPDATE SET max_crawlers = excluded.max_crawlers,
			slots_per_crawler = excluded.slots_per_crawler, max_slots = excluded.max_slots,
			max_pages = excluded.max_pages, idle_after = excluded.idle_after, weight = excluded.weight`,
		in.Tenant, p.MaxCrawlers, p.SlotsPerCrawler, p.MaxSlots, p.MaxPages,
		p.IdleAfter.Std().Microseconds(), p.Weight)
	return err
}

// SetPlan implements fleet.Control.
func (s *Store) SetPlan(ctx context.Context, in fleet.TenantInput) (f fleet.Follow, err error) {
	if err := in.Validate(); err != nil {
		return f, err
	}
	err = s.write(ctx, "set plan", func(w *work) error {
		labels, err := document(in.Labels)
		if err != nil {
			return err
		}
		n, err := w.Exec(`UPDATE tenants SET name = ?, labels = ? WHERE tenant = ?`,
			in.Name, labels, in.Tenant)
		if err != nil {
			return err
		}
		if n == 0 {
			return notFound("tenant", fmt.Sprintf("tenant %q", in.Tenant))
		}
		if err := w.savePlan(in); err != nil {
			return err
		}
		// A larger plan lets tickets in, a smaller one lets crawlers go.
		f.Conductors = []fleet.TenantID{in.Tenant}
		return nil
	})
	return f, err
}

// SetTenant implements fleet.Control.
func (s *Store) SetTenant(
	ctx context.Context, t fleet.TenantID, state fleet.TenantState, reason string,
) (f fleet.Follow, err error) {
	err = s.write(ctx, "set tenant", func(w *work) error {
		n, err := w.Exec(`UPDATE tenants SET state = ?, reason = ? WHERE tenant = ?`, state, reason, t)
		if err != nil {
			return err
		}
		if n == 0 {
			return notFound("tenant", fmt.Sprintf("tenant %q", t))
		}
		f.Conductors, err = w.ifWaiting(t)
		return err
	})
	return f, err
}

// ReserveProof implements fleet.Control. A tenant has one proof in its life: a
// repeat answers the same crawler while the earlier one is not gone.
func (s *Store) ReserveProof(ctx context.Context, t fleet.TenantID) (in fleet.CrawlerInput, err error) {
	err = s.write(ctx, "reserve proof", func(w *work) error {
		if _, err := w.tenant(t); err != nil {
			return err
		}
		known, err := list(w, crawlerColumns+`WHERE tenant = ? AND proof = 1 AND state <> 'gone'`,
			[]any{t}, scanCrawler)
		if err != nil {
			return err
		}
		if len(known) > 0 {
			in = known[0].input()
			return nil
		}
		state, err := w.observe(t, full)
		if err != nil {
			return err
		}
		o, wait := plan.Cheapest(state)
		if wait != nil {
			return fleet.Errorf(fleet.CodeCapacity, wait.Message)
		}
		row, err := w.reserve(t, plan.Start{
			Offering: o.ID, Reason: "proves that tenant " + string(t) + " can be served at " + string(o.ID),
		}, 1, true)
		in = row.input()
		return err
	})
	return in, err
}

// EraseTenant implements fleet.Control. What is kept: the ledger, and how each
// ticket ended and what it cost.
func (s *Store) EraseTenant(ctx context.Context, t fleet.TenantID) (map[string]int64, error) {
	removed := map[string]int64{}
	err := s.write(ctx, "erase tenant", func(w *work) error {
		for _, table := range []struct{ name, query string }{
			{"leases", `DELETE FROM leases WHERE tenant = ?`}, // before the crawlers that they refer to
			{"tickets", `DELETE FROM tickets WHERE tenant = ?`},
			{"sessions", `DELETE FROM sessions WHERE tenant = ?`},
			{"crawlers", `DELETE FROM crawlers WHERE tenant = ?`},
			{"decisions", `DELETE FROM decisions WHERE tenant = ? AND kind <> 'end'`},
			{"keys", `DELETE FROM keys WHERE tenant = ?`},
			{"audit", `DELETE FROM audit WHERE tenant = ?`},
			{"plans", `DELETE FROM plans WHERE tenant = ?`},
			{"tenants", `DELETE FROM tenants WHERE tenant = ?`},
		} {
			n, err := w.Exec(table.query, t)
			if err != nil {
				return err
			}
			removed[table.name] = n
		}
		return nil
	})
	return removed, err
}

// Tenants implements fleet.Reader.
func (s *Store) Tenants(ctx context.Context) (out []fleet.TenantStatus, err error) {
	err = s.read(ctx, "list tenants", func(w *work) error {
		rows, err := list(w, tenantColumns+`ORDER BY t.seq DESC`, nil, scanTenant)
		for _, t := range rows {
			out = append(out, t.status())
		}
		return err
	})
	return out, err
}

// Tenant implements fleet.Reader.
func (s *Store) Tenant(ctx context.Context, id fleet.TenantID) (out fleet.TenantStatus, err error) {
	err = s.read(ctx, "read tenant", func(w *work) error {
		t, err := w.tenant(id)
		out = t.status()
		return err
	})
	return out, err
}
