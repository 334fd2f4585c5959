package plan

import (
	"cmp"
	"slices"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// view is a State with what the decision so far has taken from it.
type view struct {
	s      State
	hosts  []*host  // by GUID; those to start follow
	places []*place // cheapest first
	slots  int      // of the plan, not yet taken or promised
	room   int      // crawlers that the plan still allows
	// bound are the crawlers that this decision has given to sessions.
	bound  map[fleet.SessionKey]*host
	starts []Start
	using  map[use]bool // addresses that this decision takes to hosts
}

// host is a crawler that lives, or one that this decision starts.
type host struct {
	Crawler
	free   int // slots that can be leased now
	coming int // slots that can be leased when it serves
	start  int // position in view.starts, -1 for one that lives
}

// place is an offering with what this decision has taken from it.
type place struct {
	Place
	cooling *fleet.Cooldown
}

func newView(s State) *view {
	v := &view{s: s, slots: s.Tenant.Plan.MaxSlots, room: s.Tenant.Plan.MaxCrawlers}
	v.hosts = make([]*host, 0, len(s.Crawlers))
	for _, c := range s.Crawlers {
		h := &host{Crawler: c, free: c.Free(), start: -1}
		if starting(c.State) && !c.Proof {
			h.coming = c.Slots
		}
		v.hosts = append(v.hosts, h)
		v.slots -= c.Leased
		v.room--
	}
	slices.SortFunc(v.hosts, func(a, b *host) int { return cmp.Compare(a.GUID, b.GUID) })
	for _, o := range s.Offerings {
		v.places = append(v.places, &place{Place: o, cooling: cooling(s, o.Offering)})
	}
	slices.SortFunc(v.places, func(a, b *place) int {
		return cmp.Or( // prices of different currencies are not compared
			cmp.Compare(a.Price.Currency, b.Price.Currency),
			cmp.Compare(a.Price.Micros, b.Price.Micros),
			cmp.Compare(a.ID, b.ID),
		)
	})
	return v
}

func starting(s fleet.CrawlerState) bool {
	return s == fleet.CrawlerReserved || s == fleet.CrawlerStarting
}

// cooling gives the cool-down of an offering, its region or account that ends last.
func cooling(s State, o fleet.Offering) *fleet.Cooldown {
	var last *fleet.Cooldown
	for i, c := range s.Cooldowns {
		if c.Scope.Covers(o) && c.Until.After(s.Now) && (last == nil || c.Until.After(last.Until)) {
			last = &s.Cooldowns[i]
		}
	}
	return last
}

// full says why the place takes no more crawlers, "" when it does.
func (p *place) full() string {
	if p.Capacity > 0 && p.Running >= p.Capacity {
		return "full (" + ratio(p.Running, p.Capacity) + ")"
	}
	if p.Capacity > 0 && p.Running+p.Claimed >= p.Capacity {
		return "full but for what is kept for tenants that have less"
	}
	if p.Egress == fleet.EgressOwn && len(p.Addresses) > 0 && p.Pins {
		for _, a := range p.Addresses {
			if !slices.Contains(p.InUse, a) {
				return ""
			}
		}
		return "full (every address is in use)"
	}
	return ""
}

func (v *view) crawler(g fleet.GUID) *host {
	for _, h := range v.hosts {
		if h.GUID == g && g != "" {
			return h
		}
	}
	return nil
}

func (v *view) place(id fleet.OfferingID) *place {
	for _, p := range v.places {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// fits reports whether a crawler is within a ticket's place: it is where it was started,
// whatever is offered now.
func (v *view) fits(h *host, p fleet.Place) bool {
	return Fits(fleet.Offering{Provider: h.Provider, Country: h.Country, Region: h.Region}, p)
}

// take gives a ticket a slot of h, free or coming.
func (v *view) take(h *host, d Demand) {
	if h.free > 0 {
		h.free--
		h.Leased++
	} else {
		h.coming--
	}
	if h.start >= 0 {
		v.starts[h.start].Tickets++
	}
	v.slots--
	v.uses(d, h.Address)
	if d.Session != nil {
		if v.bound == nil {
			v.bound = make(map[fleet.SessionKey]*host)
		}
		v.bound[d.Session.Key] = h
	}
}
