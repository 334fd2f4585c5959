package controldb

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// Launching implements fleet.Control.
func (s *Store) Launching(
	ctx context.Context, in fleet.CrawlerInput,
) (out fleet.CrawlerRow, err error) {
	err = s.write(ctx, "launching", func(w *work) error {
		if _, err := w.Exec(`UPDATE crawlers SET state = 'starting'
			WHERE guid = ? AND tenant = ? AND state = 'reserved'`, in.GUID, in.Tenant); err != nil {
			return err
		}
		c, err := w.crawler(in.GUID)
		if err == nil && c.Tenant != in.Tenant {
			err = notFound("guid", fmt.Sprintf("crawler %q of tenant %q", in.GUID, in.Tenant))
		}
		out = c.CrawlerRow
		return err
	})
	return out, err
}

// Launched implements fleet.Control.
func (s *Store) Launched(ctx context.Context, g fleet.GUID, i fleet.Instance) error {
	return s.write(ctx, "launched", func(w *work) error {
		n, err := w.Exec(`UPDATE crawlers SET launched_at = ?, provider_id = ?,
				address = CASE address WHEN '' THEN ? ELSE address END
			WHERE guid = ? AND launched_at = 0`, store.Micros(w.now), i.ProviderID, i.Address, g)
		if err != nil {
			return err
		}
		c, err := w.crawler(g)
		if err != nil {
			return err
		}
		if n == 0 { // noted before, or the crawler was faster: then the provider's word is still to compare
			return w.compared(&c, i.Address, c.Address)
		}
		return w.decided(c.Tenant, "", g, fleet.DecidedLaunch, fmt.Sprintf("provider %s accepts crawler %s after %s, as %s",
			c.Provider, g.Short(), brief(c.Times.Launched.Sub(c.Times.Reserved)), i.ProviderID))
	})
}

// Serving implements fleet.Control. A crawler that was drained before it said hello
// stays drained; one that is retired or gone is refused with conflict.
func (s *Store) Serving(ctx context.Context, g fleet.GUID, h fleet.Hello) (f fleet.Follow, err error) {
	err = s.write(ctx, "serving", func(w *work) error {
		c, err := w.crawler(g)
		if err != nil {
			return err
		}
		if c.Times.Serving.IsZero() {
			err = w.serve(c, h)
		} else { // it arrived before its Hello
			err = w.compared(&c, c.Address, h.Address)
		}
		if err != nil {
			return err
		}
		if f.Conductors, err = w.unplaced(); err != nil {
			return err
		}
		f.Grants, err = w.grants(c.Tenant)
		return err
	})
	return f, err
}

// Arrived implements fleet.Control. A crawler whose workflow is not known to run must not
// get a ticket: nobody would see it die. A proof serves nobody.
func (s *Store) Arrived(ctx context.Context, g fleet.GUID, h fleet.Hello) (f fleet.Follow, err error) {
	err = s.write(ctx, "arrived", func(w *work) error {
		c, err := w.crawler(g)
		if err != nil || c.State != fleet.CrawlerStarting || c.Proof || !c.Times.Serving.IsZero() {
			return err
		}
		if err := w.serve(c, h); err != nil {
			return err
		}
		if f.Conductors, err = w.unplaced(); err != nil {
			return err
		}
		f.Grants, err = w.grants(c.Tenant)
		return err
	})
	return f, err
}

func (w *work) serve(c crawlerRow, h fleet.Hello) error {
	if err := w.welcome(c, h); err != nil {
		return err
	}
	slots := c.Slots
	if h.Slots > 0 {
		slots = min(slots, h.Slots) // more leases than it can run would only wait in its queue
	}
	if _, err := w.Exec(`UPDATE crawlers SET
			state = CASE state WHEN 'draining' THEN state ELSE 'serving' END,
			address = ?, build = ?, pid = ?, slots = ?, main_at = ?, dialed_at = ?,
			serving_at = ?, idle_from = ?,
			launched_at = CASE launched_at WHEN 0 THEN reserved_at ELSE launched_at END
		WHERE guid = ?`,
		h.Address, h.Build, h.PID, slots, store.Micros(h.MainAt), store.Micros(h.DialedAt), store.Micros(w.now), store.Micros(w.now),
		c.GUID); err != nil {
		return err
	}
	if err := w.decided(c.Tenant, "", c.GUID, fleet.DecidedServe, phases(c, h, w.now)); err != nil {
		return err
	}
	t, err := w.tenant(c.Tenant)
	if err != nil {
		return err
	}
	return w.grant(t)
}

// welcome refuses a crawler that must not serve.
func (w *work) welcome(c crawlerRow, h fleet.Hello) error {
	switch {
	case c.State == fleet.CrawlerRetired, c.State == fleet.CrawlerGone:
		return &fleet.Error{
			Code: fleet.CodeConflict, Field: "state",
			Message: fmt.Sprintf("crawler %s is %s", c.GUID, c.State),
		}
	case !fleet.ContractAccepted(h.Contract):
		return &fleet.Error{
			Code: fleet.CodeContract, Field: "contract",
			Message: fmt.Sprintf("crawler %s speaks contract version %d", c.GUID, h.Contract),
			Want:    fmt.Sprintf("version %d", fleet.ContractVersion),
			Hint:    "install crawlfleet and crawlfleet-crawler of the same release",
		}
	}
	o, err := w.offering(c.Offering)
	if err != nil {
		return err
	}
	if wrong := o.Mismatch(c.Address, h.Address); wrong != "" {
		return &fleet.Error{Code: fleet.CodeConflict, Field: "address", Message: wrong}
	}
	return nil
}

// phases tells the cold start in its parts. The crawler's own moments are by its
// clock: a negative part says that the clocks differ.
func phases(c crawlerRow, h fleet.Hello, now time.Time) string {
	var parts []string
	add := func(what string, from, to time.Time) {
		if !from.IsZero() && !to.IsZero() {
			parts = append(parts, what+" "+brief(to.Sub(from)))
		}
	}
	l := c.Times.Launched
	if h.MainAt.After(c.Times.Reserved) && h.MainAt.Before(l) {
		add("its process took", c.Times.Reserved, h.MainAt) // it ran before its acceptance was written
	} else {
		add("the launch took", c.Times.Reserved, l)
		add("its process", l, h.MainAt)
	}
	add("its connection", h.MainAt, h.DialedAt)
	if !h.MainAt.IsZero() {
		add("its hello", h.DialedAt, now)
	}
	out := fmt.Sprintf("crawler %s serves from %s, %s after it was decided on",
		c.GUID.Short(), h.Address, brief(now.Sub(c.Times.Reserved)))
	if len(parts) == 0 {
		return out
	}
	return out + ": " + strings.Join(parts, ", ")
}

// brief is a duration as a person wants to read it.
func brief(d time.Duration) string { return d.Round(time.Millisecond).String() }

// unplaced lists the tenants that wait for launches under way to be fewer.
func (w *work) unplaced() ([]fleet.TenantID, error) {
	return list(w, `SELECT DISTINCT tenant FROM tickets WHERE state = 'waiting' AND wait_code = 'unplaced'
		ORDER BY tenant`, nil, func(r scanner, t *fleet.TenantID) error { return r.Scan(t) })
}
