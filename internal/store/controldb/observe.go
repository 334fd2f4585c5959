package controldb

import (
	"strings"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/store"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

// depth says how much of the state is read.
type depth int

const (
	// warm is the tenant's own crawlers: enough to find a free slot.
	warm depth = iota + 1
	// full is also the use of all places and their cool-downs: enough to start.
	full
)

// observe reads the state for a decision about one tenant, without its waiting
// tickets and sessions: those are read as they are needed.
func (w *work) observe(t fleet.TenantID, d depth) (plan.State, error) {
	tenant, err := w.tenant(t)
	if err != nil {
		return plan.State{}, err
	}
	return w.observeTenant(tenant, d)
}

func (w *work) observeTenant(t tenantRow, d depth) (plan.State, error) {
	s := plan.State{
		Now: w.now, Tenant: t.Tenant, UnplacedMax: w.s.o.UnplacedMax,
		Sessions: map[fleet.SessionKey]plan.Session{},
	}
	var err error
	s.Crawlers, err = list(w, `SELECT guid, state, offering, provider, country, region, address, slots, leased, proof
		FROM crawlers WHERE tenant = ? AND state <> 'gone'`, []any{t.ID}, scanPlanned)
	if err != nil {
		return s, err
	}
	for i := range s.Crawlers { // a plan that became smaller closes slots as they come free
		s.Crawlers[i].Slots = min(s.Crawlers[i].Slots, t.Plan.SlotsPerCrawler)
	}
	if s.Offerings, err = w.market(); err != nil || d == warm {
		return s, err
	}
	if s.Cooldowns, err = w.cooldowns(); err != nil {
		return s, err
	}
	return s, w.use(&s)
}

func scanPlanned(r scanner, c *plan.Crawler) error {
	return r.Scan(&c.GUID, &c.State, &c.Offering, &c.Provider, &c.Country, &c.Region, &c.Address, &c.Slots, &c.Leased, &c.Proof)
}

// live is a crawler of any tenant as far as its place is concerned.
type live struct {
	offering fleet.OfferingID
	account  fleet.Account
	address  string
	state    fleet.CrawlerState
}

// use counts what all tenants have at each place.
func (w *work) use(s *plan.State) error {
	all, err := list(w, `SELECT offering, account, address, state FROM crawlers
		WHERE state <> 'gone'`, nil, func(r scanner, l *live) error { return r.Scan(&l.offering, &l.account, &l.address, &l.state) })
	if err != nil {
		return err
	}
	s.Unplaced = map[fleet.Account]int{}
	for _, l := range all {
		if l.state == fleet.CrawlerReserved || l.state == fleet.CrawlerStarting {
			s.Unplaced[l.account]++
		}
		for i := range s.Offerings {
			p := &s.Offerings[i]
			if p.ID != l.offering {
				continue
			}
			p.Running++
			if l.address != "" {
				p.InUse = append(p.InUse, l.address)
			}
		}
	}
	return nil
}

// session reads a key into the state: where it was served last and its leases.
func (w *work) session(s *plan.State, t fleet.TenantID, key fleet.SessionKey) error {
	if _, known := s.Sessions[key]; known {
		return nil
	}
	b := plan.Session{Key: key}
	err := w.One(`SELECT guid, offering, address,
			(SELECT count(*) FROM leases l WHERE l.tenant = s.tenant AND l.session_key = s.key)
		FROM sessions s WHERE tenant = ? AND key = ?`, []any{t, key},
		&b.GUID, &b.Offering, &b.Address, &b.Leases)
	if missing(err) {
		return nil
	}
	if err == nil {
		s.Sessions[key] = b
	}
	return err
}

func (w *work) cooldowns() ([]fleet.Cooldown, error) {
	return list(w, `SELECT scope, id, until, class, reason FROM cooldowns
		WHERE until > ? ORDER BY scope, id`,
		[]any{store.Micros(w.now)}, func(r scanner, c *fleet.Cooldown) error {
			var scope, id string
			var until int64
			err := r.Scan(&scope, &id, &until, &c.Class, &c.Reason)
			c.Until = store.Moment(until)
			switch scope {
			case scopeRegion:
				provider, region, _ := strings.Cut(id, "/")
				c.Scope.Provider, c.Scope.Region = fleet.ProviderKind(provider), region
			case scopeAccount:
				c.Scope.Account = fleet.Account(id)
			default:
				c.Scope.Offering = fleet.OfferingID(id)
			}
			return err
		})
}

// The scopes of cool-downs, as they are stored.
const (
	scopeOffering = "offering"
	scopeRegion   = "region" // its id is <provider>/<region>
	scopeAccount  = "account"
)
