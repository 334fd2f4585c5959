package controltest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func testTenant(t *testing.T, open Factory) {
	t.Run("OpenIsIdempotent", func(t *testing.T) {
		r := newRig(t, open, nil)
		in := fleet.TenantInput{Tenant: "acme", Name: "Acme", Plan: fleet.Plan{MaxCrawlers: 7}}
		st, err := r.OpenTenant(r.ctx, in)
		require.NoError(t, err)
		plan := in.Plan.WithDefaults()
		require.Equal(t, fleet.TenantStatus{
			Tenant: "acme", Name: "Acme", State: fleet.TenantProvisioning, Plan: plan,
		}, st)
		other := in
		other.Name = "Other"
		again, err := r.OpenTenant(r.ctx, other)
		require.NoError(t, err)
		require.Equal(t, st, again)
		_, err = r.OpenTenant(r.ctx, fleet.TenantInput{Tenant: "Bad Name"})
		refused(t, err, fleet.CodeInvalid, "tenant")
		_, err = r.SetPlan(r.ctx, other)
		require.NoError(t, err)
		got, err := r.Control.Tenant(r.ctx, "acme")
		require.NoError(t, err)
		require.Equal(t, "Other", got.Name)
	})

	t.Run("UnknownTenant", func(t *testing.T) {
		r := newRig(t, open, nil)
		_, err := r.SetPlan(r.ctx, fleet.TenantInput{Tenant: "acme"})
		refused(t, err, fleet.CodeNotFound, "tenant")
		_, err = r.SetTenant(r.ctx, "acme", fleet.TenantReady, "")
		refused(t, err, fleet.CodeNotFound, "tenant")
		_, err = r.Control.Tenant(r.ctx, "acme")
		refused(t, err, fleet.CodeNotFound, "tenant")
		_, err = r.ReserveProof(r.ctx, "acme")
		refused(t, err, fleet.CodeNotFound, "tenant")
	})

	t.Run("ProofServesNobody", func(t *testing.T) {
		r := newRig(t, open, nil)
		_, err := r.OpenTenant(r.ctx, fleet.TenantInput{Tenant: "acme"})
		require.NoError(t, err)
		in, err := r.ReserveProof(r.ctx, "acme")
		require.NoError(t, err)
		require.True(t, in.Proof)
		again, err := r.ReserveProof(r.ctx, "acme")
		require.NoError(t, err)
		require.Equal(t, in, again)
		r.waits(ticket("acme", "one"), fleet.WaitTenant)
		require.Empty(t, r.decide("acme").Starts, "the proof's workflow is the tenant's to start")
		require.Empty(t, r.serve(in).Grants)
		a, err := r.Retire(r.ctx, in.GUID)
		require.NoError(t, err)
		require.True(t, a.Done, "no idle time for a proof")
		_, err = r.SetTenant(r.ctx, "acme", fleet.TenantReady, "")
		require.NoError(t, err)
		require.Len(t, r.decide("acme").Starts, 1)
	})

	t.Run("FailedSaysWhy", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{})
		_, err := r.SetTenant(r.ctx, "acme", fleet.TenantFailed, "no proof")
		require.NoError(t, err)
		all, err := r.Tenants(r.ctx)
		require.NoError(t, err)
		require.Len(t, all, 1)
		require.Equal(t, "no proof", all[0].Error.Message)
	})

	t.Run("EraseKeepsTheMoney", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{})
		r.tenant("other", fleet.Plan{})
		l := r.cold(ticket("acme", "one", inSession("s", "")))
		kept := r.cold(ticket("other", "one"))
		r.clock.advance(8 * time.Second)
		r.record(l)
		_, err := r.Gone(r.ctx, l.GUID, r.clock.now())
		require.NoError(t, err)
		r.route(ticket("acme", "two"))
		before, err := r.Bill(r.ctx, "acme", "one")
		require.NoError(t, err)

		open, err := r.OpenTickets(r.ctx, "acme")
		require.NoError(t, err)
		require.Len(t, open, 1)
		n, err := r.EraseTenant(r.ctx, "acme")
		require.NoError(t, err)
		require.EqualValues(t, 2, n["tickets"])
		require.EqualValues(t, 1, n["crawlers"])
		require.EqualValues(t, 1, n["sessions"])
		n, err = r.EraseTenant(r.ctx, "acme")
		require.NoError(t, err)
		for table, rows := range n {
			require.Zero(t, rows, table)
		}
		after, err := r.Bill(r.ctx, "acme", "one")
		require.NoError(t, err)
		require.Equal(t, before, after)
		_, err = r.Control.Tenant(r.ctx, "acme")
		refused(t, err, fleet.CodeNotFound, "tenant")
		require.Equal(t, fleet.OutcomeDone, r.record(kept).Result.Outcome)
	})
}

func testReader(t *testing.T, open Factory) {
	t.Run("Lists", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{})
		r.tenant("other", fleet.Plan{})
		l := r.cold(ticket("acme", "one"))
		r.record(l)
		blue := func(in *fleet.TicketInput) { in.Labels = map[string]string{"colour": "blue"} }
		r.leased(ticket("acme", "two", blue))
		r.leased(ticket("acme", "three"))
		r.route(ticket("other", "one"))
		list := func(f fleet.TicketFilter) (out []string) {
			rows, err := r.Tickets(r.ctx, f)
			require.NoError(t, err)
			for _, row := range rows {
				out = append(out, string(row.Input.Tenant)+"/"+string(row.Input.ID))
			}
			return out
		}
		require.Equal(t, []string{"other/one", "acme/three", "acme/two", "acme/one"}, list(fleet.TicketFilter{}))
		require.Equal(t, []string{"acme/three"}, list(fleet.TicketFilter{Tenant: "acme", Limit: 1}))
		require.Equal(t, []string{"acme/one"}, list(fleet.TicketFilter{State: fleet.TicketEnded}))
		require.Equal(t, []string{"acme/two"},
			list(fleet.TicketFilter{Label: map[string]string{"colour": "blue"}, Limit: 1}))
		require.Equal(t, []string{"acme/two", "acme/one"},
			list(fleet.TicketFilter{Tenant: "acme", Before: "three"}))
		require.Empty(t, list(fleet.TicketFilter{Tenant: "acme", Before: "one"}))
		require.Empty(t, list(fleet.TicketFilter{Tenant: "acme", Before: "unknown"}))

		_, err := r.Bury(r.ctx, l.GUID, "gone")
		require.NoError(t, err)
		live, err := r.Crawlers(r.ctx, "")
		require.NoError(t, err)
		require.Empty(t, live)
		all, err := r.AllCrawlers(r.ctx, "acme", true)
		require.NoError(t, err)
		require.Len(t, all, 1)
	})

	t.Run("UnfinishedAndLeasesByAge", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{})
		l := r.cold(ticket("acme", "one"))
		count := func(age time.Duration) (int, int) {
			leases, err := r.Leases(r.ctx, age)
			require.NoError(t, err)
			open, err := r.Unfinished(r.ctx, age)
			require.NoError(t, err)
			return len(leases), len(open)
		}
		a, b := count(time.Minute)
		require.Zero(t, a+b)
		r.clock.advance(time.Minute)
		a, b = count(time.Minute)
		require.Equal(t, []int{1, 1}, []int{a, b})
		r.record(l)
		a, b = count(0)
		require.Zero(t, a+b)
	})

	t.Run("OverlookedIsWhomTheConductorLeftWaiting", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{})
		overlooked := func() []fleet.TenantID {
			t.Helper()
			all, err := r.Overlooked(r.ctx, time.Minute)
			require.NoError(t, err)
			return all
		}
		r.route(ticket("acme", "one")) // and its Conductor was terminated before it decided
		require.Empty(t, overlooked())
		r.clock.advance(time.Minute)
		require.Equal(t, []fleet.TenantID{"acme"}, overlooked())
		r.decide("acme")
		require.Empty(t, overlooked())
		r.clock.advance(time.Minute) // what it reserved was not started
		require.Equal(t, []fleet.TenantID{"acme"}, overlooked())
	})

	t.Run("PreviewReservesNothing", func(t *testing.T) {
		r := newRig(t, open, nil)
		r.tenant("acme", fleet.Plan{})
		p, err := r.Preview(r.ctx, ticket("acme", "one").Input)
		require.NoError(t, err)
		require.Equal(t, fleet.RouteWait, p.Kind)
		require.Equal(t, fleet.OfferingID("process/a"), p.Start)
		require.Len(t, p.Candidates, 1)
		require.True(t, p.Candidates[0].Chosen)
		live, err := r.Crawlers(r.ctx, "acme")
		require.NoError(t, err)
		require.Empty(t, live)

		l := r.cold(ticket("acme", "one"))
		p, err = r.Preview(r.ctx, ticket("acme", "").Input)
		require.NoError(t, err)
		require.Equal(t, fleet.RouteLeased, p.Kind)
		require.Empty(t, p.Start)
		require.Equal(t, l.GUID, p.Candidates[0].GUID)
		require.True(t, p.Candidates[0].Chosen)
		_, err = r.Preview(r.ctx, ticket("acme", "x", func(in *fleet.TicketInput) {
			in.Place.Regions = []string{"nowhere"}
		}).Input)
		refused(t, err, fleet.CodeInvalid, "place")
		_, err = r.Preview(r.ctx, ticket("nobody", "x").Input)
		refused(t, err, fleet.CodeNotFound, "tenant")
	})
}
