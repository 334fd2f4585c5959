package process_test

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/process"
	"github.com/crawlfleet/crawlfleet/providers/providertest"
)

func TestLeft_IsToldAtOnceAndNeverRun(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	s := m.spec(providertest.Key(), providertest.RoleCrawler)
	at := time.Now().Add(-time.Hour)
	require.NoError(t, process.Left(m.dir, []fleet.Instance{{
		Key: s.Key, Offering: s.Offering, Address: "127.0.16.1", CreatedAt: at,
	}}, at))

	p := m.open(t)
	events, err := p.Watch(t.Context(), fleet.Filter{Fleet: s.Fleet})
	require.NoError(t, err)
	select {
	case e := <-events:
		require.Equal(t, s.Key, e.Instance.Key)
		require.Equal(t, fleet.PhaseExited, e.Instance.Phase)
		require.Contains(t, e.Instance.Reason, "restored from a backup")
	case <-time.After(providertest.Patience):
		require.Fail(t, "nobody told of it")
	}
	i, err := p.Launch(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, fleet.PhaseExited, i.Phase)
	require.Empty(t, m.Of(t, s.GUID))
	require.Equal(t, fleet.ClassNotFound, fleet.ClassOf(p.Stop(t.Context(), s.Key, fleet.StopOptions{})))
	require.Error(t, process.Left(m.dir, []fleet.Instance{{Key: fleet.Key{GUID: "../out"}}}, at))
}

// TestStop_OfOneGUIDInTwoFleetsEndsTheOwn: a restored fleet repeats a launch that the
// original has made too, and dies before it has written down the process.
func TestStop_OfOneGUIDInTwoFleetsEndsTheOwn(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" { // elsewhere the process table does not tell them apart
		return
	}
	original, restored := newMachine(t), newMachine(t)
	k := providertest.Key()
	_, err := original.open(t).Launch(t.Context(), original.spec(k, providertest.RoleCrawler))
	require.NoError(t, err)
	theirs := original.Only(t, k.GUID)
	k.Fleet = "f-restored"
	kill := controlWorker(t, restored, restored.spec(k, providertest.RoleCrawler))
	ours := restored.Only(t, k.GUID)
	kill()
	r := restored.record(t, k.GUID)
	for _, field := range []string{"pid", "start", "boot"} {
		delete(r, field)
	}
	restored.rewrite(t, k.GUID, r)

	p := restored.open(t)
	require.Eventually(t, func() bool {
		return fleet.ClassOf(p.Stop(t.Context(), k, fleet.StopOptions{Grace: time.Minute})) == fleet.ClassNotFound
	}, providertest.Patience, pollEvery)
	require.False(t, alive(ours))
	require.True(t, alive(theirs), "the original's crawler was touched")
}

func TestStrangers_AreOtherFleetsCrawlersOfAServer(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		return
	}
	m := newMachine(t)
	s := m.spec(providertest.Key(), providertest.RoleCrawler)
	const server = "127.0.0.1:7"
	s.Env["TEMPORAL_ADDRESS"] = server
	_, err := m.open(t).Launch(t.Context(), s)
	require.NoError(t, err)
	told := m.Only(t, s.GUID)
	for _, tc := range []struct {
		id     fleet.FleetID
		server string
		want   bool
	}{{"f-other", server, true}, {s.Fleet, server, false}, {"f-other", server + "0", false}} {
		pids, err := process.Strangers(tc.id, tc.server)
		require.NoError(t, err)
		if tc.want {
			require.Contains(t, pids, told.PID)
		} else {
			require.NotContains(t, pids, told.PID)
		}
	}
}
