package plan

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// launch starts a crawler at the cheapest place that can take one.
func (v *view) launch(d Demand, w want) verdict {
	if v.room <= 0 {
		return verdict{wait: v.noRoom()}
	}
	if w.address != "" {
		if p := v.pinnable(w); p != nil && Fits(p.Offering, d.Place) && v.closed(p) == "" {
			return v.start(p, d, w.address, fmt.Sprintf("session %s needs the address %s", d.Session.Key, w.address))
		}
	}
	var passed []string
	for _, p := range v.places {
		if !Fits(p.Offering, d.Place) || w.must && p.ID != w.offering {
			continue
		}
		if why := v.closed(p); why != "" {
			passed = append(passed, fmt.Sprintf("%s is %s", p.ID, why))
			continue
		}
		c := v.pick(p, d)
		if c.why != "" {
			passed = append(passed, fmt.Sprintf("%s is passed over: %s", p.ID, c.why))
			continue
		}
		reason := "the cheapest place that fits"
		if len(passed) > 0 {
			reason = "the next in price, for " + strings.Join(passed, ", ")
		}
		return v.start(p, d, c.address, reason+c.because(d))
	}
	return verdict{wait: v.shut(d, w, passed)}
}

// closed says why no crawler can be started at p now, "" when one can.
func (v *view) closed(p *place) string {
	if f := p.full(); f != "" {
		return f
	}
	if p.cooling != nil {
		return coolingReason(p.cooling)
	}
	if v.crowded(p) {
		return fmt.Sprintf("waiting for %d launches of account %s", v.s.Unplaced[p.Account], p.Account)
	}
	return ""
}

func (v *view) crowded(p *place) bool {
	return v.s.UnplacedMax > 0 && v.s.Unplaced[p.Account] >= v.s.UnplacedMax
}

func (v *view) start(p *place, d Demand, address, reason string) verdict {
	s := Start{
		Offering: p.ID, Address: address, For: d.Ticket,
		Reason: fmt.Sprintf("no slot is free for ticket %s, so a crawler is started at %s: %s", d.Ticket, p.ID, reason),
	}
	if d.Session != nil {
		s.Session = d.Session.Key
	}
	v.starts = append(v.starts, s)
	slots := v.s.Tenant.Plan.SlotsPerCrawler
	h := &host{
		Crawler: Crawler{
			State: fleet.CrawlerReserved, Offering: p.ID, Provider: p.Provider, Country: p.Country,
			Region: p.Region, Address: address, Slots: slots,
		},
		coming: slots, start: len(v.starts) - 1,
	}
	v.hosts = append(v.hosts, h)
	v.room--
	p.Running++
	if v.s.Unplaced == nil {
		v.s.Unplaced = make(map[fleet.Account]int)
	}
	v.s.Unplaced[p.Account]++
	if address != "" {
		for _, o := range v.places { // two places may list one address
			o.InUse = append(o.InUse[:len(o.InUse):len(o.InUse)], address)
		}
	}
	return verdict{host: h, reason: s.Reason}
}

// shut says what a ticket waits for when no fitting place can take a crawler: what
// is likely to change first.
func (v *view) shut(d Demand, w want, passed []string) *fleet.Wait {
	out := wait("", "no crawler can be started: %s", strings.Join(passed, ", "))
	worth := func(code fleet.WaitCode, until time.Time) {
		if rank(code) > rank(out.Code) {
			out.Code = code
		}
		if !until.IsZero() && (out.Until.IsZero() || until.Before(out.Until)) {
			out.Until = until
		}
	}
	for _, p := range v.places {
		switch c := v.pick(p, d); {
		case !Fits(p.Offering, d.Place), w.must && p.ID != w.offering:
		case p.full() != "":
			worth(fleet.WaitCapacity, time.Time{})
		case p.cooling != nil:
			worth(fleet.WaitCooldown, p.cooling.Until)
		case v.crowded(p):
			worth(fleet.WaitUnplaced, time.Time{})
		case !c.until.IsZero():
			worth(fleet.WaitBanned, c.until)
		default:
			worth(fleet.WaitAddress, time.Time{})
		}
	}
	if out.Code == "" { // nothing fits
		out.Code = fleet.WaitCapacity
	}
	return out
}

// rank orders what a ticket may wait for at several places by what is likely to change
// first.
func rank(c fleet.WaitCode) int {
	return slices.Index([]fleet.WaitCode{
		"", fleet.WaitAddress, fleet.WaitBanned, fleet.WaitCapacity, fleet.WaitCooldown, fleet.WaitUnplaced,
	}, c)
}

// offered reports whether there is, or can be, a crawler within a ticket's place.
func (v *view) offered(p fleet.Place) bool {
	for _, h := range v.hosts {
		if h.State == fleet.CrawlerServing && v.fits(h, p) {
			return true
		}
	}
	for _, o := range v.places {
		if Fits(o.Offering, p) {
			return true
		}
	}
	return false
}

func (v *view) noPlace(p fleet.Place) *fleet.Error {
	var have []string
	for _, o := range v.places {
		have = append(have, fmt.Sprintf("%s (%s, %s)", o.ID, o.Country, o.Region))
	}
	if len(have) == 0 {
		return fleet.Errorf(fleet.CodeCapacity, "the fleet has no offerings").
			WithHint("crawlfleet fleet offerings")
	}
	return fleet.Invalid("place", fmt.Sprintf("no offering is in countries %v, regions %v, providers %v",
		p.Countries, p.Regions, p.Providers), "one of "+strings.Join(have, ", "))
}

func coolingReason(c *fleet.Cooldown) string {
	return fmt.Sprintf("cooling down until %s (%s)", c.Until.UTC().Format("15:04:05"), c.Reason)
}
