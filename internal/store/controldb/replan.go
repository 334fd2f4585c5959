package controldb

import (
	"context"
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// SetPlan implements fleet.Control.
func (s *Store) SetPlan(ctx context.Context, in fleet.TenantInput) (f fleet.Follow, err error) {
	if err := in.Validate(); err != nil {
		return f, err
	}
	err = s.write(ctx, "set plan", func(w *work) error {
		t, err := w.account(in.Tenant)
		if err != nil {
			return err
		}
		labels, webhooks, err := papers(in)
		if err != nil {
			return err
		}
		if t.name != in.Name || t.labels != labels || t.webhooks != webhooks {
			if _, err := w.Exec(`UPDATE tenants SET name = ?, labels = ?, webhooks = ? WHERE tenant = ?`,
				in.Name, labels, webhooks, in.Tenant); err != nil {
				return err
			}
			if err := w.audited(in.Tenant, "", "tenant apply", "name, labels or webhooks"); err != nil {
				return err
			}
		}
		f, err = w.replan(&t, in.Plan.WithDefaults(), "", "tenant apply")
		return err
	})
	return f, err
}

// Replan implements fleet.Control.
func (s *Store) Replan(
	ctx context.Context, id fleet.TenantID, r fleet.PlanRequest,
) (out fleet.TenantStatus, f fleet.Follow, err error) {
	if err := r.Validate(); err != nil {
		return out, f, err
	}
	err = s.write(ctx, "change the plan", func(w *work) error {
		t, err := w.account(id)
		if err != nil {
			return err
		}
		next := t.Plan.Changed(r.Plan)
		if r.NoMaxSpend {
			next.MaxSpend = nil
		}
		if f, err = w.replan(&t, next, r.By, "tenant plan"); err != nil {
			return err
		}
		out, err = w.statusOf(t)
		return err
	})
	return out, f, err
}

// replan gives a tenant another plan. The conductor acts on it: a larger plan lets
// tickets in, a smaller one lets crawlers go.
func (w *work) replan(t *tenantRow, next fleet.Plan, by, action string) (f fleet.Follow, err error) {
	f.Conductors = []fleet.TenantID{t.ID}
	before, err := document(t.Plan)
	if err != nil {
		return f, err
	}
	after, err := document(next)
	if err != nil || before == after {
		return f, err
	}
	t.Plan = next
	if err := w.savePlan(t.ID, next); err != nil {
		return f, err
	}
	if err := w.audited(t.ID, by, action, fmt.Sprintf("plan %s, before %s", after, before)); err != nil {
		return f, err
	}
	if next.MaxSpend == nil && t.Held == nil {
		return f, nil
	}
	held, err := w.holdSpend(t) // a cap that was changed holds, or lets go, at once
	f.Drains, f.Deliveries = held.Drains, held.Deliveries
	return f, err
}

// papers writes the parts of a tenant's document that rows keep as JSON.
func papers(in fleet.TenantInput) (labels, webhooks string, err error) {
	if labels, err = document(in.Labels); err != nil || len(in.Webhooks) == 0 {
		return labels, "", err
	}
	webhooks, err = document(in.Webhooks)
	return labels, webhooks, err
}

func (w *work) savePlan(t fleet.TenantID, p fleet.Plan) error {
	var spend fleet.Money
	if p.MaxSpend != nil {
		spend = *p.MaxSpend
	}
	_, err := w.Exec(`INSERT INTO plans (tenant, max_crawlers, slots_per_crawler, max_slots, max_pages,
			idle_after, weight, max_waiting, max_spend, spend_currency, keep_results, keep_logs, keep_rows)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (tenant) DO UPDATE SET max_crawlers = excluded.max_crawlers,
			slots_per_crawler = excluded.slots_per_crawler, max_slots = excluded.max_slots,
			max_pages = excluded.max_pages, idle_after = excluded.idle_after, weight = excluded.weight,
			max_waiting = excluded.max_waiting, max_spend = excluded.max_spend,
			spend_currency = excluded.spend_currency, keep_results = excluded.keep_results,
			keep_logs = excluded.keep_logs, keep_rows = excluded.keep_rows`,
		t, p.MaxCrawlers, p.SlotsPerCrawler, p.MaxSlots, p.MaxPages, p.IdleAfter.Std().Microseconds(),
		p.Weight, p.MaxWaiting, spend.Micros, spend.Currency, p.Keep.Results.Std().Microseconds(),
		p.Keep.Logs.Std().Microseconds(), p.Keep.Rows.Std().Microseconds())
	return err
}
