package activitytest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Store is a fleet.Control and a fleet.TenantData in memory. Its tenant "acme"
// exists and is ready.
type Store struct {
	// Now is the store's clock; default time.Now.
	Now func() time.Time
	// IdleAfter is what its crawlers are reserved with; default a minute.
	IdleAfter time.Duration
	// Affords is how long a ticket with a maxCost may hold a slot.
	Affords time.Duration
	// Wake, where set, has Decide start nothing and look again after it, as where no
	// place has room.
	Wake time.Duration
	// Cold has Route say where no crawler is there or coming.
	Cold bool

	mu       sync.Mutex
	fail     map[string]error
	calls    []string
	tenants  map[fleet.TenantID]*fleet.TenantStatus
	tickets  map[fleet.TicketID]*Ticket
	crawlers map[fleet.GUID]*fleet.CrawlerRow
	order    []fleet.GUID
	waiting  []fleet.TicketID
	fences   map[fleet.TicketID]int64
	closed   map[fleet.TicketID]fleet.Outcome
	bases    map[fleet.TenantID]bool
	held     map[fleet.GUID]time.Time
	keys     []fleet.KeyRow
	audit    []fleet.AuditRecord
	messages map[fleet.DeliveryRef]*fleet.Delivery
	spends   fleet.Follow
	mended   fleet.Mended
	purged   map[fleet.GUID]bool
	market   []fleet.Market
	compared map[fleet.ProviderKind]fleet.Comparison

	forgotten map[fleet.TicketID]bool
	bound     map[fleet.SessionKey]bool // sessions, by their key
	carried   map[fleet.SessionKey]bool // of them those that carry something
	epoch     int64
	told      int64
	made      int
}

// Ticket is a ticket's row.
type Ticket struct {
	fleet.TicketRow
	Granted bool
	Last    int64 // epoch of the last lease
	Moves   int
}

// NewStore makes a store with the tenant acme, ready, with the default plan.
func NewStore() *Store {
	s := &Store{
		Now: time.Now, IdleAfter: time.Minute,
		fail:     map[string]error{},
		tenants:  map[fleet.TenantID]*fleet.TenantStatus{},
		tickets:  map[fleet.TicketID]*Ticket{},
		crawlers: map[fleet.GUID]*fleet.CrawlerRow{},
		fences:   map[fleet.TicketID]int64{},
		closed:   map[fleet.TicketID]fleet.Outcome{},
		held:     map[fleet.GUID]time.Time{},
		messages: map[fleet.DeliveryRef]*fleet.Delivery{},
		purged:   map[fleet.GUID]bool{},

		forgotten: map[fleet.TicketID]bool{},
		bound:     map[fleet.SessionKey]bool{}, carried: map[fleet.SessionKey]bool{},
		bases: map[fleet.TenantID]bool{"acme": true},
	}
	s.tenants["acme"] = &fleet.TenantStatus{
		Tenant: "acme", State: fleet.TenantReady, Plan: fleet.Plan{}.WithDefaults(),
	}
	return s
}

// Fail makes a method answer an error until it is called with nil.
func (s *Store) Fail(method string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail[method] = err
}

// Calls lists the methods that were called, in order.
func (s *Store) Calls() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.calls...)
}

// enter notes a call and answers the error it was told to answer. The store is
// locked when it returns nil.
func (s *Store) enter(method string) error {
	s.mu.Lock()
	s.calls = append(s.calls, method)
	if err := s.fail[method]; err != nil {
		s.mu.Unlock()
		return err
	}
	return nil
}

// GUID is the nth crawler's identity.
func GUID(n int) fleet.GUID { return fleet.GUID(fmt.Sprintf("00000000-0000-4000-8000-%012d", n)) }

// Crawler puts a serving crawler with so many slots there and answers its identity.
func (s *Store) Crawler(slots int) fleet.GUID {
	s.mu.Lock()
	defer s.mu.Unlock()
	in := s.reserve("acme", slots)
	row := s.crawlers[in.GUID]
	row.State, row.Address = fleet.CrawlerServing, "127.0.0.2"
	row.Times.Serving, row.Times.IdleFrom = s.Now(), s.Now()
	return in.GUID
}

// Reserve reserves a crawler as a decision does.
func (s *Store) Reserve(slots int) fleet.CrawlerInput {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.reserve("acme", slots)
}

func (s *Store) reserve(t fleet.TenantID, slots int) fleet.CrawlerInput {
	s.made++
	g := GUID(s.made)
	s.crawlers[g] = &fleet.CrawlerRow{
		Tenant: t, GUID: g, State: fleet.CrawlerReserved, Offering: "memory/here",
		Provider: "memory", Account: "local", Slots: slots,
		Times: fleet.CrawlerTimes{Reserved: s.Now()},
	}
	s.order = append(s.order, g)
	return fleet.CrawlerInput{
		Tenant: t, GUID: g, Offering: "memory/here", Provider: "memory", Account: "local",
		Slots: slots, IdleAfter: fleet.Duration(s.IdleAfter), Grain: fleet.GrainSecond,
	}
}

// Row answers a crawler's row.
func (s *Store) Row(g fleet.GUID) fleet.CrawlerRow {
	s.mu.Lock()
	defer s.mu.Unlock()
	if row := s.crawlers[g]; row != nil {
		return *row
	}
	return fleet.CrawlerRow{}
}

// Ticket answers a ticket's row.
func (s *Store) Ticket(id fleet.TicketID) Ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.tickets[id]; t != nil {
		return *t
	}
	return Ticket{}
}

// Fence answers a crawl's fence and the outcome it was closed with.
func (s *Store) Fence(id fleet.TicketID) (int64, fleet.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fences[id], s.closed[id]
}

// HasDatabase reports whether a tenant's database is there.
func (s *Store) HasDatabase(t fleet.TenantID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bases[t]
}

// Leased answers how many leases there are.
func (s *Store) Leased() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, t := range s.tickets {
		if t.Lease != nil {
			n++
		}
	}
	return n
}

// Create makes a tenant's database.
func (s *Store) Create(_ context.Context, t fleet.TenantID) error {
	if err := s.enter("Create"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.bases[t] = true
	return nil
}

// Destroy removes it.
func (s *Store) Destroy(_ context.Context, t fleet.TenantID) error {
	if err := s.enter("Destroy"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	delete(s.bases, t)
	return nil
}

// Raise lifts a fence.
func (s *Store) Raise(_ context.Context, _ fleet.TenantID, id fleet.TicketID, epoch int64) error {
	if err := s.enter("Raise"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.fences[id] = max(s.fences[id], epoch)
	return nil
}

// Close raises the fence and closes the crawl; the first outcome stays.
func (s *Store) Close(
	_ context.Context, _ fleet.TenantID, id fleet.TicketID, o fleet.Outcome, _ string,
) (fleet.Counters, error) {
	if err := s.enter("Close"); err != nil {
		return fleet.Counters{}, err
	}
	defer s.mu.Unlock()
	s.fences[id]++
	if s.closed[id] == "" {
		s.closed[id] = o
	}
	return fleet.Counters{Discovered: 3, Fetched: 2, Queued: 1}, nil
}

// Reopen makes a closed crawl claimable again.
func (s *Store) Reopen(_ context.Context, _ fleet.TenantID, id fleet.TicketID, epoch int64) error {
	if err := s.enter("Reopen"); err != nil {
		return err
	}
	defer s.mu.Unlock()
	s.fences[id] = max(s.fences[id], epoch)
	delete(s.closed, id)
	return nil
}
