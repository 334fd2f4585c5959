package controldb

import (
	"fmt"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// pause gives the ticket's slot back like one that was lost, the fence first, and lets
// it wait until a request comes without Pause.
func (m *routing) pause() error {
	l, err := m.lease(m.t.tenant, m.t.id)
	if err != nil {
		return err
	}
	if l != nil {
		fenced, err := m.fence()
		if err != nil || !fenced {
			return err
		}
		m.freed = true
		if err := m.release(*l); err != nil {
			return err
		}
	}
	if m.t.wait.Code != fleet.WaitPaused || m.t.state != fleet.TicketWaiting {
		if err := m.audited(m.t.tenant, m.r.Pause.By, "ticket pause", string(m.t.id)); err != nil {
			return err
		}
	}
	return m.waits(fleet.Wait{Code: fleet.WaitPaused, Message: "paused" + by(*m.r.Pause)})
}

// resume takes a paused ticket back among those that want a slot.
func (m *routing) resume() error {
	t := m.t
	if t.state != fleet.TicketWaiting || t.wait.Code != fleet.WaitPaused {
		return nil
	}
	var r fleet.SteerRequest
	if m.r.Resume != nil {
		r = *m.r.Resume
	}
	t.wait, t.dormant = fleet.Wait{}, false
	if _, err := m.Exec(`UPDATE tickets SET dormant = 0, wait_code = '', wait_message = '',
			wait_since = 0, wait_until = 0 WHERE tenant = ? AND ticket = ?`, t.tenant, t.id); err != nil {
		return err
	}
	if err := m.audited(t.tenant, r.By, "ticket resume", string(t.id)); err != nil {
		return err
	}
	return m.decided(t.tenant, t.id, "", fleet.DecidedResume, "it is resumed"+by(r))
}

// by says who asked and why, as far as they told.
func by(r fleet.SteerRequest) string {
	out := ""
	if r.By != "" {
		out = " by " + r.By
	}
	if r.Reason != "" {
		out += ": " + r.Reason
	}
	return out
}

// sleep lets a ticket wait for its startAt.
func (m *routing) sleep() error {
	return m.waits(fleet.Wait{
		Code: fleet.WaitScheduled, Until: m.t.start,
		Message: "it is to start at " + m.t.start.UTC().Format("2006-01-02 15:04:05 MST"),
	})
}

// mayWait refuses a ticket that would be one more than may wait. What has been written
// about it in this transaction is rolled back with the error.
func (m *routing) mayWait() error {
	if !m.fresh && !m.again {
		return nil
	}
	most, n := m.tenant.Plan.MaxWaiting, 0
	if err := m.One(`SELECT count(*) FROM tickets WHERE tenant = ? AND state = 'waiting' AND ticket <> ?`,
		[]any{m.t.tenant, m.t.id}, &n); err != nil || n < most {
		return err
	}
	after, err := m.room()
	if err != nil {
		return err
	}
	return &fleet.Error{
		Code: fleet.CodeQuota, Field: "tenant", RetryAfter: fleet.Duration(after),
		Message: fmt.Sprintf("%d tickets of tenant %s wait, as many as its plan allows", n, m.t.tenant),
		Want:    "fewer waiting tickets, or a larger plan.maxWaiting",
	}
}

// The bounds of RetryAfter, and how far back the rate of ends is looked at.
const (
	roomLeast   = time.Second
	roomMost    = 5 * time.Minute
	roomDefault = time.Minute // nothing has ended lately
	roomWindow  = 5 * time.Minute
)

// room is when a place among the waiting is likely to be free: tickets end at the rate
// of the last minutes.
func (m *routing) room() (time.Duration, error) {
	var ended int64
	err := m.One(`SELECT count(*) FROM tickets WHERE tenant = ? AND state = 'ended' AND forgotten = 0
		AND ended_at > ?`, []any{m.t.tenant, m.before(roomWindow)}, &ended)
	if err != nil || ended == 0 {
		return roomDefault, err
	}
	return min(max(roomWindow/time.Duration(ended), roomLeast), roomMost), nil
}

// affordable refuses a maxCost in a currency that no place is billed in.
func (w *work) affordable(m *fleet.Money) error {
	if m == nil {
		return nil
	}
	places, err := w.places()
	if err != nil || len(places) == 0 {
		return err
	}
	for _, o := range places {
		if o.Price.Currency == m.Currency {
			return nil
		}
	}
	return fleet.Invalid("maxCost.currency", m.Currency+" is not what crawlers are billed in",
		places[0].Price.Currency)
}

// affords is when a lease will have cost the ticket's maxCost, with what the slots of
// this attempt have cost before. It is zero without a limit, for a place that costs
// nothing and for one that is billed in another currency.
func (t *ticketRow) affords(now time.Time, price fleet.Money, slots int64) time.Time {
	if t.maxCost == nil || price.Micros <= 0 || price.Currency != t.maxCost.Currency {
		return time.Time{}
	}
	left := max(t.maxCost.Micros-t.slotCost, 0)
	hours := float64(left) * float64(max(slots, 1)) / float64(price.Micros)
	const most = 10 * 365 * 24 // hours; longer than any ticket, and it fits a duration
	return store.Moment(store.Micros(now.Add(time.Duration(min(hours, most) * float64(time.Hour)))))
}
