package controltest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func testWebhook(t *testing.T, open Factory) {
	t.Run("TellsThoseWhoWantIt", func(t *testing.T) { tellsWebhooks(t, newRig(t, open, nil)) })

	t.Run("SpendCapNeedsAttention", func(t *testing.T) { spendCap(t, newRig(t, open, nil)) })

	t.Run("UndeliveredPageByPage", func(t *testing.T) { undeliveredPages(t, newRig(t, open, nil)) })
}

// undeliveredPages has many messages that were made in one moment, and more later.
func undeliveredPages(t *testing.T, r *rig) {
	r.hooked(fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1},
		fleet.Webhook{URL: "https://a.example.com/"}, fleet.Webhook{URL: "https://b.example.com/"},
		fleet.Webhook{URL: "https://c.example.com/"})
	var want []fleet.DeliveryRef
	l := r.cold(ticket("acme", "one"))
	want = append(want, r.record(l).Follow.Deliveries...)
	r.clock.advance(time.Second)
	want = append(want, r.record(r.leased(ticket("acme", "two"))).Follow.Deliveries...)
	require.Len(t, want, 6)
	r.clock.advance(time.Minute)
	for _, size := range []int{1, 2, 3, 5, 6, 7} {
		var got []fleet.DeliveryRef
		var last fleet.Undelivered
		for {
			page, err := r.Undelivered(r.ctx, time.Minute, last, size)
			require.NoError(t, err)
			require.LessOrEqual(t, len(page), size)
			for _, u := range page {
				require.False(t, u.MovedAt.Before(last.MovedAt), "in the order in which they were made")
				got, last = append(got, u.DeliveryRef), u
			}
			if len(page) < size {
				break
			}
		}
		require.ElementsMatch(t, want, got, "pages of %d", size)
	}
}

// hooked opens a tenant with webhooks.
func (r *rig) hooked(p fleet.Plan, hooks ...fleet.Webhook) {
	r.t.Helper()
	_, err := r.OpenTenant(r.ctx, fleet.TenantInput{Tenant: "acme", Plan: p, Webhooks: hooks})
	require.NoError(r.t, err)
	_, err = r.SetTenant(r.ctx, "acme", fleet.TenantReady, "")
	require.NoError(r.t, err)
}

func tellsWebhooks(t *testing.T, r *rig) {
	r.hooked(fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1},
		fleet.Webhook{URL: "https://all.example.com/"},
		fleet.Webhook{URL: "https://failed.example.com/", Notices: []fleet.Notice{fleet.NoticeFailed}})
	l := r.cold(ticket("acme", "one", func(in *fleet.TicketInput) {
		in.Webhook, in.Labels = "https://own.example.com/secret", map[string]string{"colour": "blue"}
	}))
	a := r.record(l)
	require.Len(t, a.Follow.Deliveries, 2)
	require.Equal(t, a.Follow.Deliveries, r.record(l).Follow.Deliveries, "a repeat names them again")
	all, err := r.Deliveries(r.ctx, "acme", "one")
	require.NoError(t, err)
	require.Len(t, all, 2)
	own := all[0]
	require.Equal(t, "https://own.example.com/secret", own.URL)
	require.Equal(t, fleet.NoticeDone, own.Message.Type)
	require.Equal(t, map[string]string{"colour": "blue"}, own.Message.Data.Labels)
	require.Equal(t, a.Result.Outcome, own.Message.Data.Result.Outcome)
	require.Equal(t, fleet.NewDeliveryID("acme", "one", 1, fleet.NoticeDone, own.URL), own.ID)

	require.NoError(t, r.Tried(r.ctx, fleet.DeliveryTry{DeliveryRef: own.DeliveryRef, State: fleet.DeliveryPending, Error: "503"}))
	require.NoError(t, r.Tried(r.ctx, fleet.DeliveryTry{DeliveryRef: all[1].DeliveryRef, State: fleet.DeliveryDone}))
	require.NoError(t, r.Tried(r.ctx, fleet.DeliveryTry{DeliveryRef: all[1].DeliveryRef, State: fleet.DeliverySetAside}))
	r.clock.advance(time.Minute)
	late, err := r.Undelivered(r.ctx, time.Minute, fleet.Undelivered{}, 10)
	require.NoError(t, err)
	require.Len(t, late, 1)
	require.Equal(t, own.DeliveryRef, late[0].DeliveryRef)
	require.NoError(t, r.Tried(r.ctx, fleet.DeliveryTry{DeliveryRef: own.DeliveryRef, State: fleet.DeliverySetAside, Error: "a day"}))
	got, err := r.Delivery(r.ctx, own.DeliveryRef)
	require.NoError(t, err)
	require.Equal(t, fleet.DeliverySetAside, got.State)
	require.Equal(t, 1, got.Tries)
	require.Equal(t, r.clock.now(), got.EndedAt)
	require.Equal(t, own.Message, got.Message)
	records, err := r.Decisions(r.ctx, "acme", "one")
	require.NoError(t, err)
	last := records[len(records)-1]
	require.Equal(t, fleet.DecidedDeliver, last.Kind)
	require.NotContains(t, last.Reason, "secret", "a webhook's URL may be one")

	again, err := r.Redeliver(r.ctx, fleet.RedeliverRequest{Tenant: "acme", Ticket: "one", By: "ada@desk"})
	require.NoError(t, err)
	require.Equal(t, []fleet.DeliveryRef{own.DeliveryRef}, again, "only what was set aside")
	require.NoError(t, r.Tried(r.ctx, fleet.DeliveryTry{
		DeliveryRef: own.DeliveryRef, State: fleet.DeliverySetAside, Since: r.clock.now().Add(-time.Minute),
	}))
	got, err = r.Delivery(r.ctx, own.DeliveryRef)
	require.NoError(t, err)
	require.Equal(t, fleet.DeliveryPending, got.State, "it was set aside before that, and is the next workflow's")
	require.NoError(t, r.Tried(r.ctx, fleet.DeliveryTry{
		DeliveryRef: own.DeliveryRef, State: fleet.DeliverySetAside, Since: r.clock.now(),
	}))
	got, err = r.Delivery(r.ctx, own.DeliveryRef)
	require.NoError(t, err)
	require.Equal(t, fleet.DeliverySetAside, got.State, "given up by the next one, before its first try")
	again, err = r.Redeliver(r.ctx, fleet.RedeliverRequest{Tenant: "acme", Ticket: "one", ID: all[1].ID})
	require.NoError(t, err)
	require.Equal(t, []fleet.DeliveryRef{all[1].DeliveryRef}, again, "by id what was delivered, too")
	_, err = r.Redeliver(r.ctx, fleet.RedeliverRequest{Tenant: "acme", Ticket: "one", ID: "msg_none"})
	refused(t, err, fleet.CodeNotFound, "id")
	_, err = r.Delivery(r.ctx, fleet.DeliveryRef{Tenant: "other", ID: own.ID})
	refused(t, err, fleet.CodeNotFound, "id")
}

func spendCap(t *testing.T, r *rig) {
	r.hooked(fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1, MaxSpend: &fleet.Money{Micros: 10_000, Currency: "EUR"}},
		fleet.Webhook{URL: "https://all.example.com/"})
	l := r.cold(ticket("acme", "one")) // 1,000 a second
	r.waits(ticket("acme", "two"), fleet.WaitSlot)
	r.clock.advance(9 * time.Second)
	f, err := r.HoldSpend(r.ctx)
	require.NoError(t, err)
	require.Zero(t, f)
	r.clock.advance(time.Second)
	f, err = r.HoldSpend(r.ctx)
	require.NoError(t, err)
	require.Len(t, f.Drains, 1, "what runs counts before it is booked")
	require.Equal(t, l.GUID, f.Drains[0].GUID)
	require.Len(t, f.Deliveries, 1)
	d, err := r.Delivery(r.ctx, f.Deliveries[0])
	require.NoError(t, err)
	require.Equal(t, fleet.NoticeAttention, d.Notice)
	require.Equal(t, fleet.WaitSpend, d.Message.Data.Wait.Code)
	a := r.waits(ticket("acme", "two"), fleet.WaitSpend)
	require.Equal(t, time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC), a.Wait.Until)
	require.Empty(t, a.Deliveries, "once for each reason")
	require.Len(t, r.waits(ticket("acme", "three"), fleet.WaitSpend).Deliveries, 1)
	require.Empty(t, r.decide("acme").Starts)
	require.Empty(t, r.record(l).Follow.Grants)
	st, err := r.Tenant(r.ctx, "acme")
	require.NoError(t, err)
	require.Equal(t, fleet.WaitSpend, st.Held.Code)
	require.Equal(t, euro(10_000), st.Spent)
	g, err := r.Gauges(r.ctx)
	require.NoError(t, err)
	require.Equal(t, 1, g.Held)

	st, f, err = r.Replan(r.ctx, "acme", fleet.PlanRequest{Plan: fleet.Plan{MaxSpend: &fleet.Money{Micros: 20_000, Currency: "EUR"}}})
	require.NoError(t, err)
	require.Nil(t, st.Held, "a larger cap lets it go at once")
	require.Equal(t, []fleet.TenantID{"acme"}, f.Conductors)
	st, f, err = r.Replan(r.ctx, "acme", fleet.PlanRequest{Plan: fleet.Plan{MaxSpend: &fleet.Money{Micros: 1_000, Currency: "EUR"}}})
	require.NoError(t, err)
	require.NotNil(t, st.Held)
	require.Empty(t, f.Deliveries, "that it waits for this was told")
	_, err = r.Gone(r.ctx, l.GUID, l.TakenAt.Add(12*time.Second))
	require.NoError(t, err)
	r.clock.advance(31 * 24 * time.Hour)
	f, err = r.HoldSpend(r.ctx)
	require.NoError(t, err)
	require.Equal(t, []fleet.TenantID{"acme"}, f.Conductors, "a new month")
	require.Len(t, r.decide("acme").Starts, 1)
}
