package plan_test

import (
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

// anyState makes a state out of numbers below a limit.
func anyState(below func(n int, label string) int) plan.State {
	s := plan.State{
		Now: now, Sessions: map[fleet.SessionKey]plan.Session{}, Unplaced: map[fleet.Account]int{},
		UnplacedMax: below(4, "unplaced max"),
		Tenant: plan.Tenant{ID: "acme", State: fleet.TenantReady, Plan: fleet.Plan{
			MaxCrawlers: 1 + below(4, "crawlers"), SlotsPerCrawler: 1 + below(3, "slots"), MaxSlots: 1 + below(9, "max slots"),
		}},
	}
	switch below(8, "tenant") {
	case 0:
		s.Tenant.State, s.Tenant.Reason = fleet.TenantSuspended, []string{"", "unpaid"}[below(2, "reason")]
	case 1:
		s.Tenant.Held = &fleet.Wait{Code: fleet.WaitSpend, Message: "its cap is reached", Until: now.Add(time.Hour)}
	}
	for i := range below(4, "places") {
		p := place(string(rune('a'+i)), []string{"DE", "US"}[below(2, "country")], int64(below(3, "price")))
		p.Capacity, p.Pins = below(4, "capacity"), below(2, "pins") == 0
		p.Claimed = below(3, "claimed")
		p.Egress = []fleet.EgressKind{fleet.EgressOwn, fleet.EgressShared}[below(2, "egress")]
		for a := range below(4, "addresses") {
			p.Addresses = append(p.Addresses, fmt.Sprint("addr-", (a+i)%6))
		}
		s.Offerings = append(s.Offerings, p)
		if below(4, "cools") == 0 {
			cooling(fleet.Scoped{Offering: p.ID}, time.Duration(below(100, "until"))*time.Second)(&s)
		}
	}
	states := []fleet.CrawlerState{reserved, starting, serving, serving, draining, retired}
	for i := range below(6, "live") {
		o := fleet.OfferingID(rune('a' + below(4, "at")))
		c := plan.Crawler{State: states[below(len(states), "state")], Slots: 1 + below(3, "has"), Proof: below(8, "proof") == 0}
		if c.State != reserved && c.State != starting {
			c.Leased = below(c.Slots+1, "leased")
		}
		crawler(fleet.GUID(fmt.Sprint(i)), c.State, c.Leased, at(o), func(x *plan.Crawler) {
			x.Slots, x.Proof, x.Address = c.Slots, c.Proof, fmt.Sprint("addr-", below(6, "address"))
		})(&s)
	}
	for i := range below(3, "sessions") {
		k := fleet.SessionKey(fmt.Sprint("s", i))
		b := plan.Session{
			Key: k, GUID: fleet.GUID(fmt.Sprint(below(8, "bound"))), Offering: fleet.OfferingID(rune('a' + below(4, "bound at"))),
			Address: fmt.Sprint("addr-", below(8, "bound address")),
		}
		for _, c := range s.Crawlers {
			if c.GUID == b.GUID { // bound crawlers are where they are
				b.Offering, b.Address, b.Leases = c.Offering, c.Address, below(c.Leased+1, "bound leases")
			}
		}
		s.Sessions[k] = b
	}
	for i := range below(12, "waiting") {
		d := plan.Demand{
			Ticket: fleet.TicketID(fmt.Sprint("t", i)), Priority: 1 + below(5, "priority"),
			Since: now.Add(-time.Duration(below(5, "age")) * time.Second),
		}
		if below(2, "session") == 0 {
			d.Session = &fleet.Session{
				Key:    fleet.SessionKey(fmt.Sprint("s", below(4, "key"))),
				OnLoss: []fleet.LossPolicy{fleet.LossPreferred, fleet.LossRequired, fleet.LossFail}[below(3, "policy")],
			}
		}
		if below(4, "somewhere") == 0 {
			d.Place.Countries = []string{[]string{"DE", "US", "FR"}[below(3, "where")]}
		}
		switch {
		case d.Session != nil:
		case below(4, "an address") == 0:
			d.Place.Address = fmt.Sprint("addr-", below(7, "which"))
		case below(3, "fresh") == 0:
			d.Place.FreshAddress = true
		}
		d.Egress = anyEgress(below)
		d.Hosts = []string{[]string{"h", "i"}[below(2, "host")]}
		if below(4, "had") == 0 {
			d.Mine = fmt.Sprint("addr-", below(6, "mine"))
		}
		if below(5, "comes from") == 0 {
			d.Avoid, d.Never = fleet.GUID(fmt.Sprint(below(6, "avoid"))), below(2, "never") == 0
		}
		s.Waiting = append(s.Waiting, d)
	}
	return s
}

// anyEgress knows something of some addresses.
func anyEgress(below func(n int, label string) int) plan.Egress {
	e := plan.Egress{Banned: map[string]plan.Ban{}, Used: map[string]string{}, Slow: map[string]bool{}}
	for range below(4, "known addresses") {
		a := fmt.Sprint("addr-", below(6, "of"))
		switch below(3, "what") {
		case 0:
			e.Banned[a] = plan.Ban{Host: "h", Why: "status 429", Until: now.Add(time.Duration(1+below(90, "banned")) * time.Minute)}
		case 1:
			e.Used[a] = "h"
		case 2:
			e.Slow[a] = true
		}
	}
	return e
}

// clone makes a state that shares nothing with s, its lists in another order.
func clone(s plan.State, r *rand.Rand) plan.State {
	out := s
	out.Waiting = append([]plan.Demand(nil), s.Waiting...)
	out.Crawlers = append([]plan.Crawler(nil), s.Crawlers...)
	out.Offerings = append([]plan.Place(nil), s.Offerings...)
	out.Cooldowns = append([]fleet.Cooldown(nil), s.Cooldowns...)
	r.Shuffle(len(out.Waiting), func(i, j int) { out.Waiting[i], out.Waiting[j] = out.Waiting[j], out.Waiting[i] })
	r.Shuffle(len(out.Crawlers), func(i, j int) { out.Crawlers[i], out.Crawlers[j] = out.Crawlers[j], out.Crawlers[i] })
	r.Shuffle(len(out.Offerings), func(i, j int) { out.Offerings[i], out.Offerings[j] = out.Offerings[j], out.Offerings[i] })
	r.Shuffle(len(out.Cooldowns), func(i, j int) { out.Cooldowns[i], out.Cooldowns[j] = out.Cooldowns[j], out.Cooldowns[i] })
	return out
}
