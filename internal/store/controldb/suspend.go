package controldb

import (
	"context"
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

// Suspend implements fleet.Control.
func (s *Store) Suspend(
	ctx context.Context, id fleet.TenantID, r fleet.SuspendRequest,
) (out fleet.TenantStatus, f fleet.Follow, err error) {
	if err := r.Validate(); err != nil {
		return out, f, err
	}
	err = s.write(ctx, "suspend tenant", func(w *work) error {
		t, err := w.account(id)
		if err != nil {
			return err
		}
		switch t.State {
		case fleet.TenantSuspended:
		case fleet.TenantReady:
			if err := w.setTenant(&t, fleet.TenantSuspended, r.Reason); err != nil {
				return err
			}
			if err := w.audited(id, r.By, "tenant suspend", r.Reason); err != nil {
				return err
			}
		default:
			return notReady(t)
		}
		why := plan.Stopped(t.Tenant)
		if err := w.halt(id, *why); err != nil {
			return err
		}
		if f.Drains, err = w.drainAll(id, why.Message, r.Grace.Std()); err == nil {
			out, err = w.statusOf(t)
		}
		return err
	})
	return out, f, err
}

// drainAll takes all crawlers of a tenant out of every route but a proof, which serves
// nobody.
func (w *work) drainAll(
	t fleet.TenantID, reason string, grace time.Duration,
) ([]fleet.CrawlerDrain, error) {
	live, err := list(w, crawlerColumns+`WHERE tenant = ? AND state <> 'gone'
		AND state <> 'retired' AND proof = 0 ORDER BY seq`, []any{t}, scanCrawler)
	if err != nil {
		return nil, err
	}
	for i := range live {
		if err := w.drain(&live[i], reason, grace); err != nil {
			return nil, err
		}
	}
	return w.drains(t)
}

// halt writes for all waiting tickets of a tenant, but those that want no slot, that
// they wait for the same.
func (w *work) halt(t fleet.TenantID, why fleet.Wait) error {
	const theirs = `tenant = ? AND state = 'waiting' AND dormant = 0 AND wait_code <> ?`
	if _, err := w.Exec(`INSERT INTO decisions (at, tenant, ticket, guid, kind, reason)
		SELECT CAST(? AS BIGINT), tenant, ticket, '', 'wait', CAST(? AS TEXT) FROM tickets WHERE `+theirs,
		store.Micros(w.now), sentence("it waits: "+why.Message), t, why.Code); err != nil {
		return err
	}
	_, err := w.Exec(`UPDATE tickets SET wait_code = ?, wait_message = ?, wait_since = ?,
			wait_until = ? WHERE `+theirs,
		why.Code, why.Message, store.Micros(w.now), store.Micros(why.Until), t, why.Code)
	return err
}

// Resume implements fleet.Control.
func (s *Store) Resume(
	ctx context.Context, id fleet.TenantID, r fleet.ResumeRequest,
) (out fleet.TenantStatus, f fleet.Follow, err error) {
	err = s.write(ctx, "resume tenant", func(w *work) error {
		t, err := w.account(id)
		if err != nil {
			return err
		}
		switch t.State {
		case fleet.TenantReady:
		case fleet.TenantSuspended:
			if err := w.setTenant(&t, fleet.TenantReady, ""); err != nil {
				return err
			}
			if err := w.audited(id, r.By, "tenant resume", ""); err != nil {
				return err
			}
		default:
			return notReady(t)
		}
		if f.Conductors, err = w.ifWaiting(id); err == nil {
			out, err = w.statusOf(t)
		}
		return err
	})
	return out, f, err
}

// Condemn implements fleet.Control.
func (s *Store) Condemn(
	ctx context.Context, id fleet.TenantID, r fleet.DeleteRequest,
) (out fleet.TenantStatus, err error) {
	err = s.write(ctx, "condemn tenant", func(w *work) error {
		t, err := w.account(id)
		if err != nil {
			return err
		}
		if t.State != fleet.TenantDeleting {
			if err := w.setTenant(&t, fleet.TenantDeleting, ""); err != nil {
				return err
			}
			if err := w.audited(id, r.By, "tenant delete", ""); err != nil {
				return err
			}
		}
		out, err = w.statusOf(t)
		return err
	})
	return out, err
}

func (w *work) setTenant(t *tenantRow, state fleet.TenantState, reason string) error {
	t.State, t.Reason = state, reason
	_, err := w.Exec(`UPDATE tenants SET state = ?, reason = ? WHERE tenant = ?`, state, reason, t.ID)
	return err
}

func notReady(t tenantRow) error {
	return fleet.Errorf(fleet.CodeTenantNotReady, fmt.Sprintf("tenant %s is %s", t.ID, t.State))
}
