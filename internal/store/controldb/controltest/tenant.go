package controltest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func testTenant(t *testing.T, open Factory) {
	each(t, open, []part{
		{"OpenIsIdempotent", openIsIdempotent},
		{"UnknownTenant", tenantUnknownTenant},
		{"ProofServesNobody", proofServesNobody},
		{"FailedSaysWhy", failedSaysWhy},
		{"EraseKeepsTheMoney", eraseKeepsTheMoney},
	})
}

func openIsIdempotent(t *testing.T, open Factory) {
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
}

func tenantUnknownTenant(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	_, err := r.SetPlan(r.ctx, fleet.TenantInput{Tenant: "acme"})
	refused(t, err, fleet.CodeNotFound, "tenant")
	_, err = r.SetTenant(r.ctx, "acme", fleet.TenantReady, "")
	refused(t, err, fleet.CodeNotFound, "tenant")
	_, err = r.Control.Tenant(r.ctx, "acme")
	refused(t, err, fleet.CodeNotFound, "tenant")
	_, err = r.ReserveProof(r.ctx, "acme")
	refused(t, err, fleet.CodeNotFound, "tenant")
}

func proofServesNobody(t *testing.T, open Factory) {
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
}

func failedSaysWhy(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	_, err := r.SetTenant(r.ctx, "acme", fleet.TenantFailed, "no proof")
	require.NoError(t, err)
	all, err := r.Tenants(r.ctx)
	require.NoError(t, err)
	require.Len(t, all, 1)
	require.Equal(t, "no proof", all[0].Error.Message)
}

func eraseKeepsTheMoney(t *testing.T, open Factory) {
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

	left, err := r.OpenTickets(r.ctx, "acme")
	require.NoError(t, err)
	require.Len(t, left, 1)
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
}
