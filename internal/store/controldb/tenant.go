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

// What every Route and Record reads of a tenant, and what only people ask for: a column
// costs as much as a small query.
const (
	tenantNeeds = `SELECT t.tenant, t.state, t.reason, t.webhooks, t.held_message, t.held_since,
	t.held_until, t.decide_seq, t.told_seq, p.max_crawlers, p.slots_per_crawler, p.max_slots,
	p.max_pages, p.idle_after, p.weight, p.max_waiting, p.max_spend, p.spend_currency`
	tenantRest    = `, t.name, t.labels, p.keep_results, p.keep_logs, p.keep_rows`
	tenantTables  = ` FROM tenants t JOIN plans p ON p.tenant = t.tenant `
	tenantColumns = tenantNeeds + tenantRest + tenantTables
)

func scanTenant(r scanner, t *tenantRow) error {
	var results, logs, rows int64
	err := t.scan(r, &t.name, &t.labels, &results, &logs, &rows)
	t.Plan.Keep = fleet.Retention{Results: length(results), Logs: length(logs), Rows: length(rows)}
	return err
}

func scanNeeds(r scanner, t *tenantRow) error { return t.scan(r) }

func (t *tenantRow) scan(r scanner, rest ...any) error {
	var idle, since, until int64
	var held string
	var spend fleet.Money
	p := &t.Plan
	err := r.Scan(append([]any{
		&t.ID, &t.State, &t.Reason, &t.webhooks, &held, &since, &until, &t.decideSeq, &t.toldSeq,
		&p.MaxCrawlers, &p.SlotsPerCrawler, &p.MaxSlots, &p.MaxPages, &idle, &p.Weight,
		&p.MaxWaiting, &spend.Micros, &spend.Currency,
	}, rest...)...)
	p.IdleAfter = length(idle)
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

// tenants reads whole accounts.
func (w *work) tenants(where string, args ...any) ([]tenantRow, error) {
	return w.heldNow(list(w, tenantColumns+where, args, scanTenant))
}

// heldNow forgets why tenants were held whose month is over.
func (w *work) heldNow(rows []tenantRow, err error) ([]tenantRow, error) {
	for i := range rows {
		if h := rows[i].Held; h != nil && !w.now.Before(h.Until) {
			rows[i].Held = nil
		}
	}
	return rows, err
}

// tenant reads what is needed of an account to serve it, without name, labels and
// retention; not_found on field "tenant" where there is none.
func (w *work) tenant(id fleet.TenantID) (tenantRow, error) {
	return only(id)(w.heldNow(list(w, tenantNeeds+tenantTables+`WHERE t.tenant = ?`, []any{id}, scanNeeds)))
}

// account reads a whole account, as tenant does.
func (w *work) account(id fleet.TenantID) (tenantRow, error) {
	return only(id)(w.tenants(`WHERE t.tenant = ?`, id))
}

func only(id fleet.TenantID) func([]tenantRow, error) (tenantRow, error) {
	return func(rows []tenantRow, err error) (tenantRow, error) {
		if err != nil {
			return tenantRow{}, err
		}
		if len(rows) == 0 {
			return tenantRow{}, notFound("tenant", fmt.Sprintf("tenant %q", id)).
				WithHint("crawlfleet tenant create")
		}
		return rows[0], nil
	}
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
		t, err := w.account(in.Tenant)
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
		t, err := w.account(id)
		if err == nil {
			out, err = w.statusOf(t)
		}
		return err
	})
	return out, err
}
