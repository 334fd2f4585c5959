package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// with adds a session to a ticket.
func with(in fleet.TicketInput, policy fleet.LossPolicy) fleet.TicketInput {
	in.Session = &fleet.Session{Key: "ann", OnLoss: policy}
	return in
}

func TestSession_KeepsItsAddressAmongSeveralCrawlers(t *testing.T) {
	t.Parallel()
	f, s := shared(t), holding(t)
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 2, SlotsPerCrawler: 2})
	bound := a.Submit(with(page(s.ShopURL("/about")), "")).Done().Crawlers[0]
	var held []*Ticket
	for range 4 { // both crawlers are full
		held = append(held, a.Submit(hold(s)))
		held[len(held)-1].Leased()
	}
	left := 0
	for _, k := range held { // one stays on the session's, none on the other
		if k.Leased().GUID == bound && left == 0 {
			left++
			defer k.Cancel()
			continue
		}
		k.Cancel()
		k.End()
	}
	r := a.Submit(with(page(s.ShopURL("/contact")), "")).Done()
	require.Equal(t, []fleet.GUID{bound}, r.Crawlers, "the more loaded one, because it is the session's")
	require.Equal(t, sourceOf(t, s, s.ShopURL("/about")), sourceOf(t, s, s.ShopURL("/contact")),
		"the same source address, by the site's log")
	other := a.Submit(page(s.ShopURL("/shipping"))).Done()
	require.NotEqual(t, []fleet.GUID{bound}, other.Crawlers, "without the session, the idle one")
}

func TestSession_RequiredWaitsForItsBusyCrawler(t *testing.T) {
	t.Parallel()
	f, s := shared(t), holding(t)
	a := f.NewTenant(t, fleet.Plan{MaxCrawlers: 3, SlotsPerCrawler: 1})
	busy := a.Submit(with(hold(s), fleet.LossRequired))
	first := busy.Leased()
	second := a.Submit(with(page(s.ShopURL("/about")), fleet.LossRequired))
	wait := second.Waits(fleet.WaitSession)
	require.Contains(t, wait.Message, "session ann")
	said := f.Crawlfleet(t, "", "ticket", "show", string(second.Name), "--tenant", string(a.ID)).OK(t)
	require.Contains(t, said.Out, wait.Message, "ticket show says why")
	require.Len(t, a.Crawlers(true), 1, "no other crawler would do, so none was started")
	busy.Cancel()
	busy.End()
	r := second.Done()
	require.Equal(t, []fleet.GUID{first.GUID}, r.Crawlers)
	require.Equal(t, first.Address, sourceOf(t, s, s.ShopURL("/about")))
}

func TestSession_RequiredGetsTheSameAddressAgainAfterItsCrawlerIsGone(t *testing.T) {
	t.Parallel()
	f, s := shared(t), site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{IdleAfter: fleet.Duration(time.Second)})
	first := a.Submit(with(page(s.ShopURL("/about")), fleet.LossRequired)).Done()
	a.AwaitNoCrawlers()
	second := a.Submit(with(page(s.ShopURL("/contact")), fleet.LossRequired)).Done()
	require.NotEqual(t, first.Crawlers, second.Crawlers, "another crawler")
	require.Equal(t, sourceOf(t, s, s.ShopURL("/about")), sourceOf(t, s, s.ShopURL("/contact")),
		"at the same address, by the site's log")
}

func TestSession_FailEndsWhenTheAddressCannotBeHad(t *testing.T) {
	t.Parallel()
	f, s := shared(t), holding(t)
	mine := f.NewTenant(t, fleet.Plan{IdleAfter: fleet.Duration(time.Second)})
	other := f.NewTenant(t, fleet.Plan{})
	here := func(k fleet.TicketInput) fleet.TicketInput { k.Place = in("LU"); return k }
	mine.Submit(with(here(page(s.ShopURL("/about"))), fleet.LossFail)).Done()
	mine.AwaitNoCrawlers()
	taken := other.Submit(here(hold(s)))
	taken.Leased() // the place has one crawler

	r := mine.Submit(with(here(page(s.ShopURL("/contact"))), fleet.LossFail)).End()
	require.Equal(t, fleet.OutcomeFailed, r.Outcome)
	require.Equal(t, fleet.CodeSessionLost, r.Error.Code, show(r))
	require.Equal(t, "session", r.Error.Field)
	require.Zero(t, s.Count("/contact"), "it was never asked for")
	taken.Cancel()
	taken.End()
}
