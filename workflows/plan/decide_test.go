package plan_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/workflows/plan"
)

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
