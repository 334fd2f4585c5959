package process

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestTraces_CountsRecordsAndPurgeRemovesAndLogOfWhatWasStoppedAndOfNothingElse(t *testing.T) {
	t.Parallel()
	s, err := openStore(t.TempDir())
	require.NoError(t, err)
	p := &Provider{store: s, log: zap.NewNop()}
	key := func(tenant fleet.TenantID, n string) fleet.Key {
		return fleet.Key{Fleet: "f", Tenant: tenant, GUID: fleet.GUID("00000000-0000-4000-8000-00000000000" + n)}
	}
	gone, other := key("acme", "1"), key("beta", "2")
	for _, k := range []fleet.Key{gone, other} {
		var r record
		r.Fleet, r.Tenant, r.GUID = k.Fleet, k.Tenant, k.GUID
		require.NoError(t, s.write(goneRoom, r))
		require.NoError(t, os.WriteFile(s.logPath(k.GUID), []byte("line\n"), 0o600))
	}
	traces, err := p.Traces(t.Context(), "acme")
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"gone crawlers": 1}, traces)

	wrong := other
	wrong.Tenant = "acme"
	require.NoError(t, p.Purge(t.Context(), wrong), "another tenant's is unknown")
	require.FileExists(t, s.logPath(other.GUID))
	for range 2 { // a repeat changes nothing
		require.NoError(t, p.Purge(t.Context(), gone))
		require.NoFileExists(t, s.logPath(gone.GUID))
		require.NoFileExists(t, s.path(goneRoom, gone.GUID))
	}
	traces, err = p.Traces(t.Context(), "acme")
	require.NoError(t, err)
	require.Empty(t, traces)
}
