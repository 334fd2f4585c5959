package controltest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func testSuspend(t *testing.T, open Factory) {
	t.Run("NothingRunsUntilResume", func(t *testing.T) { suspendAndResume(t, newRig(t, open, nil)) })

	t.Run("RefusesOneThatIsNotProvisioned", func(t *testing.T) {
		r := newRig(t, open, nil)
		_, err := r.OpenTenant(r.ctx, fleet.TenantInput{Tenant: "acme"})
		require.NoError(t, err)
		_, _, err = r.Suspend(r.ctx, "acme", fleet.SuspendRequest{})
		refused(t, err, fleet.CodeTenantNotReady, "")
		_, _, err = r.Resume(r.ctx, "acme", fleet.ResumeRequest{})
		refused(t, err, fleet.CodeTenantNotReady, "")
		_, _, err = r.Suspend(r.ctx, "nobody", fleet.SuspendRequest{})
		refused(t, err, fleet.CodeNotFound, "tenant")
	})

	t.Run("DeletingTakesNoTicket", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{})
		for range 2 {
			st, err := r.Condemn(r.ctx, "acme", fleet.DeleteRequest{By: "ada@desk"})
			require.NoError(t, err)
			require.Equal(t, fleet.TenantDeleting, st.State)
		}
		_, err := r.Route(r.ctx, ticket("acme", "one"))
		refused(t, err, fleet.CodeTenantNotReady, "")
		require.Equal(t, []string{"ada@desk: tenant delete"}, r.trail("acme"), "once")
	})
}

func suspendAndResume(t *testing.T, r *rig) {
	r.tenant("acme", fleet.Plan{MaxCrawlers: 2, SlotsPerCrawler: 1})
	l := r.cold(ticket("acme", "one"))
	r.waits(ticket("acme", "two"), fleet.WaitConductor)
	two := r.decide("acme").Starts[0]
	r.waits(ticket("acme", "three"), fleet.WaitSlot)
	for range 2 { // a repeat says the same
		st, f, err := r.Suspend(r.ctx, "acme", fleet.SuspendRequest{
			Reason: "the invoice", Grace: fleet.Duration(time.Minute), By: "ada@desk",
		})
		require.NoError(t, err)
		require.Equal(t, fleet.TenantSuspended, st.State)
		require.Equal(t, "the invoice", st.Reason)
		require.Len(t, f.Drains, 1, "one serves; the other was only reserved")
		require.Equal(t, l.GUID, f.Drains[0].GUID)
		require.Equal(t, time.Minute, f.Drains[0].Grace.Std())
		require.Contains(t, f.Drains[0].Reason, "the invoice")
	}
	row, err := r.Launching(r.ctx, two)
	require.NoError(t, err)
	require.Equal(t, fleet.CrawlerGone, row.State, "it must not be launched")
	require.Equal(t, fleet.WaitSuspended, r.row("acme", "three").Wait.Code)
	require.Contains(t, r.row("acme", "three").Wait.Message, "the invoice")

	_, err = r.Drain(r.ctx, l.GUID, "drained")
	require.NoError(t, err)
	back := ticket("acme", "one")
	back.Lost, back.Why = l.Epoch, fleet.CodeDraining
	a := r.route(back)
	require.Equal(t, fleet.RouteFence, a.Kind)
	back.Fenced = a.Epoch
	r.waits(back, fleet.WaitSuspended)
	r.waits(ticket("acme", "new"), fleet.WaitSuspended)
	d := r.decide("acme")
	require.Empty(t, d.Starts)
	require.Empty(t, d.Follow.Grants)
	require.Equal(t, 0, r.crawler(l.GUID).Leased)

	for range 2 {
		st, f, err := r.Resume(r.ctx, "acme", fleet.ResumeRequest{By: "ada@desk"})
		require.NoError(t, err)
		require.Equal(t, fleet.TenantReady, st.State)
		require.Empty(t, st.Reason)
		require.Equal(t, []fleet.TenantID{"acme"}, f.Conductors)
	}
	require.Len(t, r.decide("acme").Starts, 1, "the other crawler is still on its way out")
	require.Equal(t, []string{"ada@desk: tenant resume", "ada@desk: tenant suspend"}, r.trail("acme"))
}

// trail lists the audit trail of a tenant, newest first.
func (r *rig) trail(t fleet.TenantID) (out []string) {
	r.t.Helper()
	records, err := r.AuditTrail(r.ctx, fleet.AuditFilter{Tenant: t})
	require.NoError(r.t, err)
	for _, a := range records {
		require.Equal(r.t, r.clock.now(), a.At)
		out = append(out, a.Actor+": "+a.Action)
	}
	return out
}

func testPlan(t *testing.T, open Factory) {
	t.Run("LargerStartsAtOnce", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1})
		r.cold(ticket("acme", "one"))
		r.waits(ticket("acme", "two"), fleet.WaitSlot)
		st, f, err := r.Replan(r.ctx, "acme", fleet.PlanRequest{Plan: fleet.Plan{MaxCrawlers: 3}, By: "ada@desk"})
		require.NoError(t, err)
		require.Equal(t, []fleet.TenantID{"acme"}, f.Conductors)
		require.Equal(t, 3, st.Plan.MaxCrawlers)
		require.Equal(t, 3, st.Plan.MaxSlots, "it follows where it was not given")
		require.Len(t, r.decide("acme").Starts, 1)
		require.Equal(t, []string{"ada@desk: tenant plan"}, r.trail("acme"))
		_, _, err = r.Replan(r.ctx, "acme", fleet.PlanRequest{Plan: fleet.Plan{MaxCrawlers: 3}})
		require.NoError(t, err)
		require.Len(t, r.trail("acme"), 1, "nothing has changed")
	})

	t.Run("FewerSlotsCloseAsTheyComeFree", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 2})
		one := r.cold(ticket("acme", "one"))
		two := r.leased(ticket("acme", "two"))
		_, _, err := r.Replan(r.ctx, "acme", fleet.PlanRequest{Plan: fleet.Plan{SlotsPerCrawler: 1}})
		require.NoError(t, err)
		require.Empty(t, r.decide("acme").Follow.Drains, "its tickets go on")
		r.waits(ticket("acme", "three"), fleet.WaitSlot)
		require.Empty(t, r.record(one).Follow.Grants, "one of one is in use")
		require.Len(t, r.record(two).Follow.Grants, 1)
	})

	t.Run("IsKept", func(t *testing.T) {
		r := newRig(t, open, nil)
		want := fleet.Plan{
			MaxCrawlers: 2, SlotsPerCrawler: 3, MaxSlots: 5, MaxPages: 7, IdleAfter: fleet.Duration(time.Minute),
			Weight: 9, MaxWaiting: 11, MaxSpend: &fleet.Money{Micros: 13, Currency: "EUR"},
			Keep: fleet.Retention{
				Results: fleet.Duration(time.Hour), Logs: fleet.Duration(2 * time.Hour), Rows: fleet.Duration(3 * time.Hour),
			},
		}
		in := fleet.TenantInput{
			Tenant: "acme", Plan: want, Labels: map[string]string{"team": "red"},
			Webhooks: []fleet.Webhook{{URL: "https://example.com/hook", Notices: []fleet.Notice{fleet.NoticeDone}}},
		}
		st, err := r.OpenTenant(r.ctx, in)
		require.NoError(t, err)
		read, err := r.Tenant(r.ctx, "acme")
		require.NoError(t, err)
		require.Equal(t, want, st.Plan)
		require.Equal(t, st, read)
		require.Equal(t, in.Webhooks, st.Webhooks)
		require.Equal(t, in.Labels, st.Labels)
		st, _, err = r.Replan(r.ctx, "acme", fleet.PlanRequest{NoMaxSpend: true})
		require.NoError(t, err)
		require.Nil(t, st.Plan.MaxSpend)
		require.Equal(t, 5, st.Plan.MaxSlots)
	})
}
