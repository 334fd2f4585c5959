package providertest

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// purge: what is kept of a finished crawler goes, and nothing else. A provider that
// keeps nothing is no fleet.Purger and passes.
func (b *bench) purge(t *testing.T) {
	p, ok := b.provider.(fleet.Purger)
	if !ok {
		return
	}
	require.NoError(t, p.Purge(t.Context(), b.key()), "of one that nobody knows there is nothing")
	s := b.Spec(t, b.key())
	i := b.launch(t, s)
	require.Equal(t, fleet.ClassConflict, fleet.ClassOf(p.Purge(t.Context(), s.Key)), "it runs")
	require.True(t, b.Runs(t, i))

	b.stopUntilGone(t, b.provider, s.Key, 0)
	other := s.Key
	other.Tenant = "t" + fleet.TenantID(uuid.NewString()[:8])
	require.NoError(t, p.Purge(t.Context(), other))
	again, err := b.provider.Launch(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, fleet.PhaseExited, again.Phase, "another tenant's purge has removed it")

	require.NoError(t, p.Purge(t.Context(), s.Key))
	require.NoError(t, p.Purge(t.Context(), s.Key), "twice is once")
	_, err = b.provider.Describe(t.Context(), s.Key)
	require.Equal(t, fleet.ClassNotFound, fleet.ClassOf(err))
	for listed, err := range b.provider.List(t.Context(), fleet.Filter{Fleet: b.Fleet}) {
		require.NoError(t, err)
		require.NotEqual(t, s.GUID, listed.GUID)
	}
}
