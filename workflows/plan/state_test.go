package plan_test

import (
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

var now = time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)

const (
	serving  = fleet.CrawlerServing
	reserved = fleet.CrawlerReserved
	starting = fleet.CrawlerStarting
	draining = fleet.CrawlerDraining
	retired  = fleet.CrawlerRetired
)

// state is a ready tenant with two places, b dearer than a, and so many crawlers of
// two slots that its plan allows three of.
func state(change ...func(*plan.State)) plan.State {
	s := plan.State{
		Now: now,
		Tenant: plan.Tenant{
			ID: "acme", State: fleet.TenantReady,
			Plan: fleet.Plan{MaxCrawlers: 3, SlotsPerCrawler: 2, MaxSlots: 6},
		},
		Offerings: []plan.Place{place("b", "US", 20), place("a", "DE", 10)},
		Sessions:  map[fleet.SessionKey]plan.Session{},
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

func place(id, country string, price int64) plan.Place {
	return plan.Place{
		Offering: fleet.Offering{
			ID: fleet.OfferingID(id), Provider: "process", Account: fleet.Account("of-" + id), Region: "region-" + id,
			Country: country, Price: fleet.Money{Micros: price, Currency: "EUR"}, Egress: fleet.EgressOwn,
		},
		Pins: true,
	}
}

func crawler(guid fleet.GUID, st fleet.CrawlerState, leased int, change ...func(*plan.Crawler)) func(*plan.State) {
	return func(s *plan.State) {
		c := plan.Crawler{GUID: guid, State: st, Offering: "a", Slots: 2, Leased: leased, Address: "addr-" + string(guid)}
		for _, f := range change {
			f(&c)
		}
		for i := range s.Offerings {
			if o := s.Offerings[i]; o.ID == c.Offering {
				c.Provider, c.Country, c.Region = o.Provider, o.Country, o.Region
				s.Offerings[i].Running++
				s.Offerings[i].InUse = append(s.Offerings[i].InUse, c.Address)
			}
		}
		s.Crawlers = append(s.Crawlers, c)
	}
}

func at(o fleet.OfferingID) func(*plan.Crawler) { return func(c *plan.Crawler) { c.Offering = o } }
func address(a string) func(*plan.Crawler)      { return func(c *plan.Crawler) { c.Address = a } }
func proof(c *plan.Crawler)                     { c.Proof = true }

func session(guid fleet.GUID, leases int) func(*plan.State) {
	return func(s *plan.State) {
		s.Sessions["s"] = plan.Session{Key: "s", GUID: guid, Offering: "a", Address: "addr-" + string(guid), Leases: leases}
	}
}

func atPlace(id fleet.OfferingID, f func(*plan.Place)) func(*plan.State) {
	return func(s *plan.State) {
		for i := range s.Offerings {
			if s.Offerings[i].ID == id {
				f(&s.Offerings[i])
			}
		}
	}
}

func full(p *plan.Place)   { p.Capacity, p.Running = 1, 1 }
func noPins(p *plan.Place) { p.Pins = false }
func shared(p *plan.Place) { p.Egress = fleet.EgressShared }
func taken(a string) func(*plan.Place) {
	return func(p *plan.Place) { p.InUse = append(p.InUse, a) }
}

func cooling(scope fleet.Scoped, d time.Duration) func(*plan.State) {
	return func(s *plan.State) {
		s.Cooldowns = append(s.Cooldowns, fleet.Cooldown{Scope: scope, Until: now.Add(d), Reason: "no room"})
	}
}

func limits(p fleet.Plan) func(*plan.State) { return func(s *plan.State) { s.Tenant.Plan = p } }
func tenantIs(st fleet.TenantState) func(*plan.State) {
	return func(s *plan.State) { s.Tenant.State = st }
}
func queue(n int) func(*plan.State) { return func(s *plan.State) { s.Queue = n } }
func unplaced(n, most int) func(*plan.State) {
	return func(s *plan.State) { s.Unplaced, s.UnplacedMax = map[fleet.Account]int{"of-a": n, "of-b": n}, most }
}
func nowhere(s *plan.State) { s.Offerings = nil }

// demand is ticket t, of a session where a policy is given.
func demand(change ...func(*plan.Demand)) plan.Demand {
	d := plan.Demand{Ticket: "t", Priority: 3, Since: now}
	for _, c := range change {
		c(&d)
	}
	return d
}

func keeps(p fleet.LossPolicy) func(*plan.Demand) {
	return func(d *plan.Demand) { d.Session = &fleet.Session{Key: "s", OnLoss: p} }
}

func in(country string) func(*plan.Demand) {
	return func(d *plan.Demand) { d.Place.Countries = []string{country} }
}
func prefer(g fleet.GUID) func(*plan.Demand) { return func(d *plan.Demand) { d.Prefer = g } }
func avoid(g fleet.GUID, never bool) func(*plan.Demand) {
	return func(d *plan.Demand) { d.Avoid, d.Never = g, never }
}

type (
	have = []func(*plan.State)
	wish = []func(*plan.Demand)
)
