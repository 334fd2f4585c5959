package controltest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func testAdmit(t *testing.T, open Factory) {
	each(t, open, []part{
		{"OneNonceForAWholeLife", oneNonceForAWholeLife},
		{"RetiredCrawlerIsNotAdmitted", retiredCrawlerIsNotAdmitted},
		{"AnotherTenantsIsNotAdmitted", anotherTenantsIsNotAdmitted},
		{"OneOfManyAtOnceIsAdmitted", oneOfManyAtOnceIsAdmitted},
	})
}

// notAdmitted wants a refusal.
func (r *rig) notAdmitted(tenant fleet.TenantID, g fleet.GUID, nonce string) {
	r.t.Helper()
	_, err := r.Admit(r.ctx, tenant, g, nonce)
	require.Equal(r.t, fleet.CodeForbidden, fleet.CodeOf(err), "%v", err)
}

func oneNonceForAWholeLife(t *testing.T, open Factory) {
	r, in := reserved(t, open, nil)
	for range 2 { // the second after a lost answer
		state, err := r.Admit(r.ctx, "acme", in.GUID, "n-1")
		require.NoError(t, err)
		require.Equal(t, fleet.CrawlerReserved, state)
	}
	r.notAdmitted("acme", in.GUID, "n-2")
	r.serve(in)
	state, err := r.Admit(r.ctx, "acme", in.GUID, "")
	require.NoError(t, err, "without a nonce it is only asked")
	require.Equal(t, fleet.CrawlerServing, state)
	r.notAdmitted("acme", in.GUID, "n-2")
	_, err = r.Drain(r.ctx, in.GUID, "the operator asks")
	require.NoError(t, err)
	_, err = r.Admit(r.ctx, "acme", in.GUID, "n-1")
	require.NoError(t, err, "what drains has tickets to hand back")
	_, err = r.Gone(r.ctx, in.GUID, r.clock.now())
	require.NoError(t, err)
	r.notAdmitted("acme", in.GUID, "n-1")
	state, err = r.Admit(r.ctx, "acme", in.GUID, "")
	require.NoError(t, err)
	require.Equal(t, fleet.CrawlerGone, state)
}

func retiredCrawlerIsNotAdmitted(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	l := r.cold(ticket("acme", "one"))
	r.record(l)
	r.clock.advance(time.Hour)
	a, err := r.Retire(r.ctx, l.GUID)
	require.NoError(t, err)
	require.True(t, a.Done)
	r.notAdmitted("acme", l.GUID, "n-1")
	state, err := r.Admit(r.ctx, "acme", l.GUID, "")
	require.NoError(t, err)
	require.Equal(t, fleet.CrawlerRetired, state)
}

func anotherTenantsIsNotAdmitted(t *testing.T, open Factory) {
	r, in := reserved(t, open, nil)
	r.tenant("other", fleet.Plan{})
	r.notAdmitted("other", in.GUID, "n-1")
	r.notAdmitted("other", in.GUID, "")
	r.notAdmitted("acme", "0b1d5e3c-0000-4000-8000-00000000ffff", "n-1")
	_, err := r.Admit(r.ctx, "acme", in.GUID, "n-1")
	require.NoError(t, err, "who was refused has taken nothing")
}

func oneOfManyAtOnceIsAdmitted(t *testing.T, open Factory) {
	r, in := reserved(t, open, nil)
	var admitted atomic.Int64
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			if _, err := r.Admit(r.ctx, "acme", in.GUID, fmt.Sprint("n-", i)); err == nil {
				admitted.Add(1)
			}
		})
	}
	all.Wait()
	require.EqualValues(t, 1, admitted.Load())
}
