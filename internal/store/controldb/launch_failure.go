package controldb

import (
	"cmp"
	"context"
	"fmt"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
)

// Failed implements fleet.Control.
func (s *Store) Failed(ctx context.Context, l fleet.LaunchFailure) (f fleet.Follow, err error) {
	err = s.write(ctx, "launch failed", func(w *work) error {
		c, err := w.crawler(l.GUID)
		if err != nil {
			return err
		}
		if c.State != fleet.CrawlerGone {
			if err := w.launchFailed(&c, l); err != nil {
				return err
			}
		}
		f.Conductors, err = w.hopeful(c)
		return err
	})
	return f, err
}

func (w *work) launchFailed(c *crawlerRow, l fleet.LaunchFailure) error {
	if _, err := w.evict(c, "its crawler failed ("+l.Reason+")"); err != nil {
		return err
	}
	reason := fmt.Sprintf("the launch of crawler %s at %s failed (%s): %s", c.GUID.Short(), c.Offering, l.Class, l.Reason)
	if err := w.setCrawler(c, fleet.CrawlerGone, fleet.DecidedLaunch, reason); err != nil {
		return err
	}
	if !l.Ours {
		if err := w.cool(*c, l); err != nil {
			return err
		}
	}
	message := reason
	if l.Error != nil {
		message = fmt.Sprintf("the launch at %s failed: %s", c.Offering, l.Error.Error())
	}
	_, err := w.Exec(`UPDATE tickets SET wait_code = 'conductor', wait_message = ?
		WHERE tenant = ? AND state = 'waiting' AND wait_code IN ('starting', 'conductor')`, message, c.Tenant)
	return err
}

// cool keeps the place of a failed launch out of decisions for a while.
func (w *work) cool(c crawlerRow, l fleet.LaunchFailure) error {
	d, known := w.s.o.Cooldowns[l.Class]
	if !known {
		d = w.s.o.Cooldowns[fleet.ClassRetryable]
	}
	if d <= 0 {
		return nil
	}
	scope, id := scopeOffering, string(c.Offering)
	switch {
	case l.Scope.Account != "":
		scope, id = scopeAccount, string(l.Scope.Account)
	case l.Scope.Region != "":
		scope, id = scopeRegion, string(cmp.Or(l.Scope.Provider, c.Provider))+"/"+l.Scope.Region
	case l.Scope.Offering != "":
		id = string(l.Scope.Offering)
	}
	until := w.now.Add(d)
	if _, err := w.Exec(`INSERT INTO cooldowns (scope, id, until, class, reason) VALUES (?, ?, ?, ?, ?)
		ON CONFLICT (scope, id) DO UPDATE SET until = excluded.until, class = excluded.class,
			reason = excluded.reason WHERE excluded.until > cooldowns.until`,
		scope, id, store.Micros(until), l.Class, l.Reason); err != nil {
		return err
	}
	return w.decided(c.Tenant, "", c.GUID, fleet.DecidedCooldown,
		fmt.Sprintf("%s %s is left out of decisions for %s (%s)", scope, id, d, l.Class))
}
