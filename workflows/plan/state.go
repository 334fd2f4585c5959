package plan

import (
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// State is what a decision about one tenant is made from: rows, read in the
// transaction that will also write the decision.
type State struct {
	Now     time.Time
	Tenant  Tenant
	Waiting []Demand // of this tenant, in any order
	// Queue is how many tickets of the tenant wait, for Route, which is not given
	// them: the coming slots are theirs first.
	Queue    int
	Crawlers []Crawler // of this tenant, live ones only
	Sessions map[fleet.SessionKey]Session
	// Offerings with their use by all tenants.
	Offerings []Place
	Cooldowns []fleet.Cooldown
	// Unplaced are launches under way per account, of all tenants, and UnplacedMax
	// the most that an account may have (the back-pressure that Nomad and clouds
	// need); 0 for no limit.
	Unplaced    map[fleet.Account]int
	UnplacedMax int
	// Explain asks for the candidates with their verdicts.
	Explain bool
}

// Tenant is the account that is planned for.
type Tenant struct {
	ID    fleet.TenantID
	State fleet.TenantState
	// Reason is why it is in this state, for people; "" where nobody said.
	Reason string
	// Held is why nothing of it may run although it is ready; nil when it may.
	Held *fleet.Wait
	Plan fleet.Plan // with defaults
}

// Demand is a ticket that wants a slot.
type Demand struct {
	Ticket   fleet.TicketID
	Priority int // 1 first
	Since    time.Time
	Session  *fleet.Session
	Place    fleet.Place
	// Hosts are those that it crawls, and Egress what is known of addresses there; Mine is
	// the address of the crawler that it was on.
	Hosts  []string
	Egress Egress
	Mine   string
	// Prefer is the crawler that the ticket was on and may stay on.
	Prefer fleet.GUID
	// Avoid is a crawler that it comes from: taken only where there is no other,
	// and not at all with Never.
	Avoid fleet.GUID
	Never bool
}

// Crawler is a live crawler of the tenant.
type Crawler struct {
	GUID     fleet.GUID
	State    fleet.CrawlerState
	Offering fleet.OfferingID
	Provider fleet.ProviderKind
	Country  string
	Region   string
	Address  string // observed, or asked for before Hello
	Slots    int
	Leased   int // leases on it, granted ones included
	Proof    bool
}

// Free is how many leases it can still take: none unless it serves.
func (c Crawler) Free() int {
	if c.State != fleet.CrawlerServing || c.Proof {
		return 0
	}
	return max(c.Slots-c.Leased, 0)
}

// Session is where a key was served last.
type Session struct {
	Key      fleet.SessionKey
	GUID     fleet.GUID // may be gone
	Offering fleet.OfferingID
	Address  string
	// Leases are those that tickets of the key hold now. While there are any, no
	// other crawler may serve the key.
	Leases int
}

// Place is an offering with its use.
type Place struct {
	fleet.Offering
	Running int      // live crawlers there, of all tenants
	InUse   []string // addresses that live crawlers have there
	Pins    bool     // its provider can be asked for an address
	// Claimed are crawlers that the place has to have room for because tenants that are
	// served less than this one wait for it.
	Claimed int
}
