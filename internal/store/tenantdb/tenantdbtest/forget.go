package tenantdbtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func forget(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "a")
	require.Equal(t, fleet.OutcomeDone, c.report(t, fetched(a.Work[0])).Outcome)
	other := w.claim(t, "t-2", 1, wide())
	b := other.exchange(t, func(r *fleet.ExchangeRequest) { r.Seeds = links("a") })
	for range 2 {
		require.NoError(t, w.Forget(t.Context(), tenant, ticket))
	}
	list, err := w.Pages(t.Context(), tenant, ticket, 0, 0)
	require.NoError(t, err)
	require.Empty(t, list)
	n, _, err := w.Progress(t.Context(), tenant, ticket)
	require.NoError(t, err)
	require.Zero(t, n)
	require.Equal(t, fleet.OutcomeDone, other.report(t, fetched(b.Work[0])).Outcome, "another's is untouched")
	list, err = w.Pages(t.Context(), tenant, "t-2", 0, 0)
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.NoError(t, w.Forget(t.Context(), "nobody", ticket))
}

func traces(t *testing.T, w *world) {
	found, err := w.Traces(t.Context(), tenant)
	require.NoError(t, err)
	require.NotEmpty(t, found)
	require.NoError(t, w.Destroy(t.Context(), tenant))
	found, err = w.Traces(t.Context(), tenant)
	require.NoError(t, err)
	require.Empty(t, found)
}
