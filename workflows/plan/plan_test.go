package plan_test

import (
	"cmp"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

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

func TestRoute(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		have have
		wish wish
		to   fleet.GUID
		wait fleet.WaitCode
		fail fleet.Code
	}{
		"the only crawler":                  {have{crawler("1", serving, 0)}, nil, "1", "", ""},
		"the least loaded":                  {have{crawler("1", serving, 1), crawler("2", serving, 0)}, nil, "2", "", ""},
		"ties by GUID":                      {have{crawler("2", serving, 1), crawler("1", serving, 1)}, nil, "1", "", ""},
		"none that starts":                  {have{crawler("1", starting, 0)}, nil, "", fleet.WaitStarting, ""},
		"none that drains":                  {have{crawler("1", draining, 0)}, nil, "", fleet.WaitConductor, ""},
		"none that is retired":              {have{crawler("1", retired, 0)}, nil, "", fleet.WaitConductor, ""},
		"no proof":                          {have{crawler("1", serving, 0, proof)}, nil, "", fleet.WaitConductor, ""},
		"no starting proof":                 {have{crawler("1", starting, 0, proof)}, nil, "", fleet.WaitConductor, ""},
		"nothing there":                     {nil, nil, "", fleet.WaitConductor, ""},
		"a full one":                        {have{crawler("1", serving, 2)}, nil, "", fleet.WaitConductor, ""},
		"coming slots are others'":          {have{crawler("1", starting, 0), queue(2)}, nil, "", fleet.WaitConductor, ""},
		"a coming slot is left":             {have{crawler("1", starting, 0), queue(1)}, nil, "", fleet.WaitStarting, ""},
		"plan's crawlers":                   {have{crawler("1", serving, 2), crawler("2", retired, 0), crawler("3", draining, 0)}, nil, "", fleet.WaitSlot, ""},
		"plan's slots":                      {have{crawler("1", serving, 1), limits(fleet.Plan{MaxCrawlers: 3, SlotsPerCrawler: 2, MaxSlots: 1})}, nil, "", fleet.WaitSlots, ""},
		"both of the plan's limits":         {have{crawler("1", serving, 2), limits(fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 2, MaxSlots: 2})}, nil, "", fleet.WaitSlot, ""},
		"place that fits":                   {have{crawler("1", serving, 0), crawler("2", serving, 1, at("b"))}, wish{in("US")}, "2", "", ""},
		"place of none that serves":         {have{crawler("1", serving, 0)}, wish{in("US")}, "", fleet.WaitConductor, ""},
		"place that does not exist":         {have{crawler("1", serving, 0)}, wish{in("FR")}, "", fleet.WaitNoPlace, fleet.CodeInvalid},
		"no offerings at all":               {have{nowhere}, nil, "", fleet.WaitNoPlace, fleet.CodeCapacity},
		"no offerings but a crawler":        {have{nowhere, crawler("1", serving, 0)}, nil, "1", "", ""},
		"all full":                          {have{atPlace("a", full), atPlace("b", full)}, nil, "", fleet.WaitCapacity, ""},
		"all cooling":                       {have{cooling(fleet.Scoped{Offering: "a"}, time.Minute), cooling(fleet.Scoped{Account: "of-b"}, time.Minute)}, nil, "", fleet.WaitCooldown, ""},
		"cooled down":                       {have{cooling(fleet.Scoped{Offering: "a"}, 0), cooling(fleet.Scoped{Region: "region-b", Provider: "process"}, 0)}, nil, "", fleet.WaitConductor, ""},
		"one full, one cooling":             {have{atPlace("a", full), cooling(fleet.Scoped{Region: "region-b", Provider: "process"}, time.Minute)}, nil, "", fleet.WaitCooldown, ""},
		"too many launches":                 {have{unplaced(2, 2)}, nil, "", fleet.WaitUnplaced, ""},
		"provisioning":                      {have{tenantIs(fleet.TenantProvisioning)}, nil, "", fleet.WaitTenant, ""},
		"deleting":                          {have{tenantIs(fleet.TenantDeleting), crawler("1", serving, 0)}, nil, "", "", fleet.CodeTenantNotReady},
		"where it was":                      {have{crawler("1", serving, 0), crawler("2", serving, 1)}, wish{prefer("2")}, "2", "", ""},
		"not where it comes from":           {have{crawler("1", serving, 0), crawler("2", serving, 1)}, wish{avoid("1", false)}, "2", "", ""},
		"there if there is no other":        {have{crawler("1", serving, 0)}, wish{avoid("1", false)}, "1", "", ""},
		"never there":                       {have{crawler("1", serving, 0)}, wish{avoid("1", true)}, "", fleet.WaitConductor, ""},
		"new session is free":               {have{crawler("1", serving, 0)}, wish{keeps("fail")}, "1", "", ""},
		"session's crawler":                 {have{crawler("1", serving, 0), crawler("2", serving, 1), session("2", 0)}, wish{keeps("")}, "2", "", ""},
		"session's crawler is busy":         {have{crawler("1", serving, 0), crawler("2", serving, 2), session("2", 0)}, wish{keeps("")}, "", fleet.WaitSession, ""},
		"session is still on one":           {have{crawler("1", serving, 0), crawler("2", draining, 1), session("2", 1)}, wish{keeps("")}, "", fleet.WaitSession, ""},
		"session was lost, still on it":     {have{crawler("1", serving, 0), crawler("2", serving, 1), session("2", 1)}, wish{keeps(""), avoid("2", true)}, "", fleet.WaitSession, ""},
		"session elsewhere than place":      {have{crawler("1", serving, 0), crawler("2", serving, 0, at("b")), session("1", 0)}, wish{keeps(""), in("US")}, "2", "", ""},
		"session elsewhere, still there":    {have{crawler("1", serving, 1), crawler("2", serving, 0, at("b")), session("1", 1)}, wish{keeps(""), in("US")}, "", fleet.WaitSession, ""},
		"preferred takes any":               {have{crawler("1", serving, 0), session("9", 0)}, wish{keeps("preferred")}, "1", "", ""},
		"preferred has the address":         {have{crawler("1", serving, 0), crawler("2", serving, 1, address("addr-9")), session("9", 0)}, wish{keeps("preferred")}, "2", "", ""},
		"required does not take any":        {have{crawler("1", serving, 0), session("9", 0)}, wish{keeps("required")}, "", fleet.WaitConductor, ""},
		"required has the address":          {have{crawler("1", serving, 0), crawler("2", serving, 1, address("addr-9")), session("9", 0)}, wish{keeps("required")}, "2", "", ""},
		"required, address starts":          {have{crawler("2", starting, 0, address("addr-9")), session("9", 0)}, wish{keeps("required")}, "", fleet.WaitStarting, ""},
		"required, address is busy":         {have{crawler("2", serving, 2, address("addr-9")), session("9", 0)}, wish{keeps("required")}, "", fleet.WaitSession, ""},
		"required, address is leaving":      {have{crawler("2", retired, 0, address("addr-9")), session("9", 0)}, wish{keeps("required")}, "", fleet.WaitSession, ""},
		"required, address is another's":    {have{atPlace("a", taken("addr-9")), session("9", 0)}, wish{keeps("required")}, "", fleet.WaitSession, ""},
		"required, not to be asked for":     {have{atPlace("a", noPins), session("9", 0)}, wish{keeps("required")}, "", fleet.WaitSession, ""},
		"required, place is full":           {have{atPlace("a", full), session("9", 0)}, wish{keeps("required")}, "", fleet.WaitCapacity, ""},
		"required, place cools":             {have{cooling(fleet.Scoped{Offering: "a"}, time.Minute), session("9", 0)}, wish{keeps("required")}, "", fleet.WaitCooldown, ""},
		"required, address elsewhere":       {have{session("9", 0)}, wish{keeps("required"), in("US")}, "", "", fleet.CodeInvalid},
		"required, shared address":          {have{atPlace("a", shared), crawler("1", serving, 0, address("addr-9")), crawler("2", serving, 0, address("addr-9")), session("9", 0)}, wish{keeps("required")}, "1", "", ""},
		"required, shared, new one":         {have{atPlace("a", shared), atPlace("a", noPins), session("9", 0)}, wish{keeps("required")}, "", fleet.WaitConductor, ""},
		"fail, address to be had":           {have{session("9", 0)}, wish{keeps("fail")}, "", fleet.WaitConductor, ""},
		"fail, address is another's":        {have{atPlace("a", taken("addr-9")), session("9", 0)}, wish{keeps("fail")}, "", "", fleet.CodeSessionLost},
		"fail, address is leaving":          {have{crawler("2", retired, 0, address("addr-9")), session("9", 0)}, wish{keeps("fail")}, "", fleet.WaitSession, ""},
		"fail, place is full":               {have{atPlace("a", full), session("9", 0)}, wish{keeps("fail")}, "", "", fleet.CodeSessionLost},
		"fail, place is no longer there":    {have{session("9", 0), func(s *plan.State) { s.Offerings = s.Offerings[:1] }}, wish{keeps("fail")}, "", "", fleet.CodeSessionLost},
		"fail, only the plan is in the way": {have{crawler("1", serving, 0), crawler("2", serving, 0), crawler("3", serving, 0), session("9", 0)}, wish{keeps("fail")}, "", fleet.WaitSlot, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := plan.Route(state(c.have...), demand(c.wish...))
			require.Equal(t, c.to, got.GUID, got.Reason)
			require.Equal(t, c.wait, got.Wait.Code, got.Reason)
			require.Equal(t, c.fail, failCode(got.Fail), got.Reason)
			require.NotEmpty(t, got.Reason)
		})
	}
}

func failCode(e *fleet.Error) fleet.Code {
	if e == nil {
		return ""
	}
	return e.Code
}

func TestRoute_ExplainsEveryCandidate(t *testing.T) {
	t.Parallel()
	s := state(crawler("1", serving, 1), crawler("2", starting, 0), crawler("3", serving, 2))
	s.Explain = true
	got := plan.Route(s, demand())
	require.Len(t, got.Candidates, 5)
	for _, c := range got.Candidates {
		require.NotEmpty(t, c.Reason)
		require.Equal(t, c.GUID == "1", c.Chosen)
	}
}

// many are n tickets, t1 the oldest.
func many(n int, change ...func(*plan.Demand)) func(*plan.State) {
	return func(s *plan.State) {
		for range n {
			d := demand(change...)
			i := len(s.Waiting) + 1
			d.Ticket, d.Since = fleet.TicketID(fmt.Sprint("t", i)), now.Add(time.Duration(i)*time.Second)
			s.Waiting = append(s.Waiting, d)
		}
	}
}

func TestDecide(t *testing.T) {
	t.Parallel()
	small := limits(fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 2, MaxSlots: 2})
	for name, c := range map[string]struct {
		have   have
		starts string // offerings, with the address where one is pinned
		grants int
		unmet  int
		fails  int
		drains int
		wake   time.Duration
		last   fleet.WaitCode // of the last ticket
	}{
		"nothing to do":                   {have{crawler("1", serving, 0)}, "[]", 0, 0, 0, 0, 0, ""},
		"one ticket":                      {have{many(1)}, "[a]", 0, 0, 0, 0, 0, fleet.WaitStarting},
		"no more than demand":             {have{many(2)}, "[a]", 0, 0, 0, 0, 0, fleet.WaitStarting},
		"as much as demand":               {have{many(3)}, "[a a]", 0, 0, 0, 0, 0, fleet.WaitStarting},
		"free slots first":                {have{many(3), crawler("1", serving, 0)}, "[a]", 2, 0, 0, 0, 0, fleet.WaitStarting},
		"then those that are coming":      {have{many(4), crawler("1", serving, 0), crawler("2", reserved, 0)}, "[]", 2, 0, 0, 0, 0, fleet.WaitStarting},
		"a proof is not coming":           {have{many(1), crawler("1", reserved, 0, proof)}, "[a]", 0, 0, 0, 0, 0, fleet.WaitStarting},
		"never over the plan's crawlers":  {have{many(9)}, "[a a a]", 0, 3, 0, 0, 0, fleet.WaitSlot},
		"those on their way out count":    {have{many(3), crawler("1", retired, 0), crawler("2", draining, 0)}, "[a]", 0, 1, 0, 0, 0, fleet.WaitSlot},
		"never over the plan's slots":     {have{many(5), limits(fleet.Plan{MaxCrawlers: 3, SlotsPerCrawler: 2, MaxSlots: 3})}, "[a a]", 0, 2, 0, 0, 0, fleet.WaitSlots},
		"slots of leases count":           {have{many(2), crawler("1", serving, 1), limits(fleet.Plan{MaxCrawlers: 3, SlotsPerCrawler: 2, MaxSlots: 2})}, "[]", 1, 1, 0, 0, 0, fleet.WaitSlots},
		"fails over when full":            {have{many(1), atPlace("a", full)}, "[b]", 0, 0, 0, 0, 0, fleet.WaitStarting},
		"fills the cheapest, then next":   {have{many(3), atPlace("a", func(p *plan.Place) { p.Capacity = 1 })}, "[a b]", 0, 0, 0, 0, 0, fleet.WaitStarting},
		"every address in use":            {have{many(1), atPlace("a", func(p *plan.Place) { p.Addresses, p.InUse = []string{"x"}, []string{"x"} })}, "[b]", 0, 0, 0, 0, 0, fleet.WaitStarting},
		"fails over when it cools":        {have{many(1), cooling(fleet.Scoped{Offering: "a"}, time.Minute)}, "[b]", 0, 0, 0, 0, 0, fleet.WaitStarting},
		"wakes at the first end":          {have{many(1), cooling(fleet.Scoped{Offering: "a"}, time.Minute), cooling(fleet.Scoped{Offering: "b"}, time.Second)}, "[]", 0, 1, 0, 0, time.Second, fleet.WaitCooldown},
		"the later of two for one place":  {have{many(1, in("DE")), cooling(fleet.Scoped{Offering: "a"}, time.Minute), cooling(fleet.Scoped{Account: "of-a"}, time.Hour)}, "[]", 0, 1, 0, 0, time.Hour, fleet.WaitCooldown},
		"no wake where it would not help": {have{many(1), atPlace("a", full), cooling(fleet.Scoped{Offering: "a"}, time.Second), cooling(fleet.Scoped{Offering: "b"}, time.Minute)}, "[]", 0, 1, 0, 0, time.Minute, fleet.WaitCooldown},
		"no wake while the plan is full":  {have{many(1), small, crawler("1", serving, 2), cooling(fleet.Scoped{Offering: "a"}, time.Minute)}, "[]", 0, 1, 0, 0, 0, fleet.WaitSlot},
		"unplaced launches":               {have{many(5), unplaced(0, 1)}, "[a b]", 0, 1, 0, 0, 0, fleet.WaitUnplaced},
		"place of the ticket":             {have{many(1, in("US"))}, "[b]", 0, 0, 0, 0, 0, fleet.WaitStarting},
		"coming elsewhere":                {have{many(1, in("US")), crawler("1", starting, 0)}, "[b]", 0, 0, 0, 0, 0, fleet.WaitStarting},
		"no such place":                   {have{many(1, in("FR"))}, "[]", 0, 0, 1, 0, 0, ""},
		"one crawler for a new session":   {have{many(5, keeps("fail"))}, "[a]", 0, 3, 0, 0, 0, fleet.WaitSession},
		"session's address is pinned":     {have{many(1, keeps("required")), session("9", 0)}, "[a@addr-9]", 0, 0, 0, 0, 0, fleet.WaitStarting},
		"preferred asks for it too":       {have{many(1, keeps("preferred")), session("9", 0)}, "[a@addr-9]", 0, 0, 0, 0, 0, fleet.WaitStarting},
		"preferred does without":          {have{many(1, keeps("preferred")), session("9", 0), atPlace("a", full)}, "[b]", 0, 0, 0, 0, 0, fleet.WaitStarting},
		"preferred, address is another's": {have{many(1, keeps("preferred")), session("9", 0), atPlace("a", taken("addr-9"))}, "[a]", 0, 0, 0, 0, 0, fleet.WaitStarting},
		"required waits":                  {have{many(1, keeps("required")), session("9", 0), atPlace("a", taken("addr-9"))}, "[]", 0, 1, 0, 0, 0, fleet.WaitSession},
		"required wakes with its place":   {have{many(1, keeps("required")), session("9", 0), cooling(fleet.Scoped{Offering: "a"}, time.Minute)}, "[]", 0, 1, 0, 0, time.Minute, fleet.WaitCooldown},
		"fail fails":                      {have{many(1, keeps("fail")), session("9", 0), atPlace("a", noPins)}, "[]", 0, 0, 1, 0, 0, ""},
		"session's crawler is served":     {have{many(1, keeps("required")), crawler("1", serving, 1), session("1", 0)}, "[]", 1, 0, 0, 0, 0, ""},
		"shared address is not pinned":    {have{many(1, keeps("required")), session("9", 0), atPlace("a", shared)}, "[a]", 0, 0, 0, 0, 0, fleet.WaitStarting},
		"drains over the plan":            {have{small, crawler("1", serving, 1), crawler("2", serving, 0), crawler("3", starting, 0)}, "[]", 0, 0, 0, 2, 0, ""},
		"a drained one takes nothing":     {have{small, many(2), crawler("1", serving, 1), crawler("2", serving, 0)}, "[]", 1, 1, 0, 1, 0, fleet.WaitSlot},
		"provisioning":                    {have{many(1), tenantIs(fleet.TenantProvisioning)}, "[]", 0, 1, 0, 0, 0, fleet.WaitTenant},
		"deleting":                        {have{many(1), tenantIs(fleet.TenantDeleting)}, "[]", 0, 0, 1, 0, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := state(c.have...)
			got := plan.Decide(s)
			starts := []string{}
			for _, st := range got.Starts {
				o := string(st.Offering)
				if st.Address != "" {
					o += "@" + st.Address
				}
				starts = append(starts, o)
				require.NotEmpty(t, st.Reason)
				require.NotEmpty(t, st.For)
			}
			require.Equal(t, c.starts, fmt.Sprint(starts), got.Reason)
			require.Len(t, got.Grants, c.grants, got.Reason)
			require.Equal(t, c.unmet, got.Unmet, got.Reason)
			require.Len(t, got.Fails, c.fails)
			require.Len(t, got.Drains, c.drains)
			wake := time.Duration(0)
			if !got.Wake.Until.IsZero() {
				wake = got.Wake.Until.Sub(now)
			}
			require.Equal(t, c.wake, wake)
			require.Equal(t, c.last, got.Waits[fleet.TicketID(fmt.Sprint("t", len(s.Waiting)))].Code)
			require.NotEmpty(t, got.Reason)
		})
	}
}

func TestDecide_SaysWhyItFailsOver(t *testing.T) {
	t.Parallel()
	got := plan.Decide(state(many(1), atPlace("a", full)))
	require.Contains(t, got.Starts[0].Reason, "a is full (1 of 1)")
}

func TestOrder(t *testing.T) {
	t.Parallel()
	in := []plan.Demand{
		{Ticket: "d", Priority: 5, Since: now},
		{Ticket: "c", Priority: 3, Since: now.Add(time.Second)},
		{Ticket: "b", Priority: 3, Since: now},
		{Ticket: "a", Priority: 3, Since: now},
		{Ticket: "z", Priority: 1, Since: now.Add(time.Hour)},
	}
	var got []fleet.TicketID
	for _, d := range plan.Order(in) {
		got = append(got, d.Ticket)
	}
	require.Equal(t, []fleet.TicketID{"z", "a", "b", "c", "d"}, got)
	require.Equal(t, fleet.TicketID("d"), in[0].Ticket, "the argument stays as it is")
}

func TestCheapest(t *testing.T) {
	t.Parallel()
	o, wait := plan.Cheapest(state(atPlace("a", full)))
	require.Nil(t, wait)
	require.Equal(t, fleet.OfferingID("b"), o.ID)
	_, wait = plan.Cheapest(state(atPlace("a", full), atPlace("b", full)))
	require.Equal(t, fleet.WaitCapacity, wait.Code)
}

func TestYield(t *testing.T) {
	t.Parallel()
	share := func(t fleet.TenantID, weight, slots, waiting int, waited time.Duration) plan.Share {
		return plan.Share{Tenant: t, Weight: weight, Slots: slots, Waiting: waiting, Since: now.Add(-waited)}
	}
	holder := share("h", 1, 4, 9, time.Hour)
	for name, c := range map[string]struct {
		holder plan.Share
		others []plan.Share
		to     fleet.TenantID
		turn   time.Duration // since the ticket that has just ended took its slot; default 2 h
	}{
		"nobody waits":                    {holder, nil, "", 0},
		"one without any":                 {holder, []plan.Share{share("a", 1, 0, 1, time.Minute)}, "a", 0},
		"one that has not waited":         {holder, []plan.Share{share("a", 1, 0, 1, time.Second)}, "", 0},
		"one that waits for nothing":      {holder, []plan.Share{share("a", 1, 0, 0, time.Minute)}, "", 0},
		"itself":                          {holder, []plan.Share{share("h", 1, 0, 1, time.Minute)}, "", 0},
		"one with as much":                {holder, []plan.Share{share("a", 1, 4, 1, time.Minute)}, "", 0},
		"one that would have as much":     {holder, []plan.Share{share("a", 1, 3, 1, time.Minute)}, "a", 0},
		"one with more weight":            {holder, []plan.Share{share("a", 2, 6, 1, time.Minute)}, "a", 0},
		"a holder with more weight":       {share("h", 4, 4, 0, 0), []plan.Share{share("a", 1, 1, 1, time.Minute)}, "", 0},
		"the least served":                {holder, []plan.Share{share("a", 1, 1, 1, time.Hour), share("b", 1, 0, 1, time.Minute)}, "b", 0},
		"then the one that waits longest": {holder, []plan.Share{share("a", 1, 0, 1, time.Minute), share("b", 1, 0, 1, time.Hour)}, "b", 0},
		"one without any, a turn later":   {holder, []plan.Share{share("a", 1, 0, 1, time.Second)}, "a", time.Second},
		"one without any, within a turn":  {holder, []plan.Share{share("a", 1, 0, 1, time.Second)}, "", 2 * time.Second},
		"one with some, a turn later":     {holder, []plan.Share{share("a", 1, 1, 1, time.Second)}, "", time.Second},
		"then the first by name":          {holder, []plan.Share{share("b", 1, 0, 1, time.Hour), share("a", 0, 0, 1, time.Hour)}, "a", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to, why := plan.Yield(plan.Freed{At: now, Taken: now.Add(-cmp.Or(c.turn, 2*time.Hour))}, plan.Patience, c.holder, c.others)
			require.Equal(t, c.to, to)
			require.Equal(t, to != "", why != "")
		})
	}
}
