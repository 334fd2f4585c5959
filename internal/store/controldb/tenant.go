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
	name, labels string // labels are JSON
	webhooks     string // JSON, "" for none
	decideSeq    int64
	toldSeq      int64
}

const tenantColumns = `SELECT t.tenant, t.name, t.labels, t.state, t.reason, t.webhooks,
	t.held_message, t.held_since, t.held_until, t.decide_seq, t.told_seq,
	p.max_crawlers, p.slots_per_crawler, p.max_slots, p.max_pages, p.idle_after, p.weight,
	p.max_waiting, p.max_spend, p.spend_currency, p.keep_results, p.keep_logs, p.keep_rows
	FROM tenants t JOIN plans p ON p.tenant = t.tenant `

func scanTenant(r scanner, t *tenantRow) error {
	var idle, since, until, results, logs, rows int64
	var held string
	var spend fleet.Money
	p := &t.Plan
	err := r.Scan(&t.ID, &t.name, &t.labels, &t.State, &t.Reason, &t.webhooks,
		&held, &since, &until, &t.decideSeq, &t.toldSeq,
		&p.MaxCrawlers, &p.SlotsPerCrawler, &p.MaxSlots, &p.MaxPages, &idle, &p.Weight,
		&p.MaxWaiting, &spend.Micros, &spend.Currency, &results, &logs, &rows)
	p.IdleAfter = length(idle)
	p.Keep = fleet.Retention{Results: length(results), Logs: length(logs), Rows: length(rows)}
	if spend.Currency != "" {
		p.MaxSpend = &spend
	}
	if held != "" {
		t.Held = &fleet.Wait{
			Code: fleet.WaitSpend, Message: held, Since: store.Moment(since), Until: store.Moment(until),
		}
	}
	return err
}

// length reads a duration, which columns hold in microseconds.
func length(us int64) fleet.Duration { return fleet.Duration(time.Duration(us) * time.Microsecond) }

func (w *work) tenants(where string, args ...any) ([]tenantRow, error) {
	rows, err := list(w, tenantColumns+where, args, scanTenant)
	for i := range rows {
		if h := rows[i].Held; h != nil && !w.now.Before(h.Until) {
			rows[i].Held = nil // its month is over
		}
	}
	return rows, err
}

// tenant reads an account; not_found on field "tenant" where there is none.
func (w *work) tenant(id fleet.TenantID) (tenantRow, error) {
	rows, err := w.tenants(`WHERE t.tenant = ?`, id)
	if err != nil {
		return tenantRow{}, err
	}
	if len(rows) == 0 {
		return tenantRow{}, notFound("tenant", fmt.Sprintf("tenant %q", id)).
			WithHint("crawlfleet tenant create")
	}
	return rows[0], nil
}

func (t tenantRow) status() (fleet.TenantStatus, error) {
	out := fleet.TenantStatus{
		Tenant: t.ID, Name: t.name, State: t.State, Reason: t.Reason, Plan: t.Plan, Held: t.Held,
	}
	if t.State == fleet.TenantFailed && t.Reason != "" {
		out.Error = fleet.Errorf(fleet.CodeTenantNotReady, t.Reason)
	}
	if err := parse(t.labels, &out.Labels); err != nil {
		return out, err
	}
	return out, parse(t.webhooks, &out.Webhooks)
}

// OpenTenant implements fleet.Control.
func (s *Store) OpenTenant(
	ctx context.Context, in fleet.TenantInput,
) (out fleet.TenantStatus, err error) {
	if err := in.Validate(); err != nil {
		return out, err
	}
	err = s.write(ctx, "open tenant", func(w *work) error {
		labels, webhooks, err := papers(in)
		if err != nil {
			return err
		}
		n, err := w.Exec(`INSERT INTO tenants (tenant, name, labels, webhooks, state, created_at)
			VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (tenant) DO NOTHING`,
			in.Tenant, in.Name, labels, webhooks, fleet.TenantProvisioning, store.Micros(w.now))
		if err != nil {
			return err
		}
		if n > 0 {
			if err := w.savePlan(in.Tenant, in.Plan.WithDefaults()); err != nil {
				return err
			}
		}
		t, err := w.tenant(in.Tenant)
		if err == nil {
			out, err = t.status()
		}
		return err
	})
	return out, err
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
			Offering: o.ID, Reason: "a crawler is started at " + string(o.ID) + " to prove that tenant " + string(t) + " can be served",
		}, 1, true)
		in = row.input()
		return err
	})
	return in, err
}

// EraseTenant implements fleet.Control. Only the ledger's lines are kept.
func (s *Store) EraseTenant(ctx context.Context, t fleet.TenantID) (map[string]int64, error) {
	removed := map[string]int64{}
	err := s.write(ctx, "erase tenant", func(w *work) error {
		for _, table := range []struct{ name, query string }{
			{"leases", `DELETE FROM leases WHERE tenant = ?`}, // before the crawlers that they refer to
			{"tickets", `DELETE FROM tickets WHERE tenant = ?`},
			{"sessions", `DELETE FROM sessions WHERE tenant = ?`},
			{"crawlers", `DELETE FROM crawlers WHERE tenant = ?`},
			{"decisions", `DELETE FROM decisions WHERE tenant = ?`},
			{"deliveries", `DELETE FROM deliveries WHERE tenant = ?`},
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
		rows, err := w.tenants(`ORDER BY t.seq DESC`)
		if err != nil {
			return err
		}
		for _, t := range rows {
			s, err := w.statusOf(t)
			if err != nil {
				return err
			}
			out = append(out, s)
		}
		return err
	})
	return out, err
}

// Tenant implements fleet.Reader.
func (s *Store) Tenant(ctx context.Context, id fleet.TenantID) (out fleet.TenantStatus, err error) {
	err = s.read(ctx, "read tenant", func(w *work) error {
		t, err := w.tenant(id)
		if err == nil {
			out, err = w.statusOf(t)
		}
		return err
	})
	return out, err
}
