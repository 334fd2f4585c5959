package process_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/providertest"
)

// damage makes a crawler's record unreadable.
func (m machine) damage(t *testing.T, g fleet.GUID) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(m.dir, "live", string(g)+".json"), []byte(`{"fleet":`), 0o600))
}

// listed reads the whole list.
func listed(t *testing.T, p fleet.Provider) ([]fleet.GUID, error) {
	t.Helper()
	var out []fleet.GUID
	for i, err := range p.List(t.Context(), fleet.Filter{Fleet: providertest.Fleet}) {
		if err != nil {
			return out, err
		}
		out = append(out, i.GUID)
	}
	return out, nil
}

func TestDamage_OfARecordIsHealedByWhoKnowsItsKey(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	p := m.open(t)
	s := m.spec(providertest.Key(), providertest.RoleCrawler)
	_, err := p.Launch(t.Context(), s)
	require.NoError(t, err)
	told := m.Only(t, s.GUID)
	m.damage(t, s.GUID)

	_, err = listed(t, p)
	require.Equal(t, fleet.ClassRetryable, fleet.ClassOf(err), "a list that lacks what runs is no list")
	i, err := p.Describe(t.Context(), s.Key)
	require.NoError(t, err)
	require.NotEqual(t, fleet.PhaseExited, i.Phase, "its lock says that it lives")

	require.Eventually(t, func() bool {
		err := p.Stop(t.Context(), s.Key, fleet.StopOptions{})
		return err != nil && fleet.ClassOf(err) == fleet.ClassNotFound
	}, providertest.Patience, pollEvery)
	require.False(t, m.runs(t, told))
	again, err := p.Launch(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, fleet.PhaseExited, again.Phase, "a GUID has one life")
	all, err := listed(t, p)
	require.NoError(t, err)
	require.Empty(t, all)
}

func TestDamage_OfAnEndedOnesRecordIsInNobodysWay(t *testing.T) {
	t.Parallel()
	m := newMachine(t)
	p := m.open(t)
	s, other := m.spec(providertest.Key(), providertest.RoleCrawler), m.spec(providertest.Key(), providertest.RoleCrawler)
	for _, one := range []fleet.Spec{s, other} {
		_, err := p.Launch(t.Context(), one)
		require.NoError(t, err)
	}
	require.NoError(t, syscall.Kill(m.Only(t, s.GUID).PID, syscall.SIGKILL))
	require.Eventually(t, func() bool {
		i, err := p.Describe(t.Context(), s.Key)
		return err == nil && i.Phase == fleet.PhaseExited
	}, providertest.Patience, 5*time.Millisecond)
	m.damage(t, s.GUID)
	all, err := listed(t, p)
	require.NoError(t, err)
	require.Equal(t, []fleet.GUID{other.GUID}, all)
	i, err := p.Describe(t.Context(), s.Key)
	require.NoError(t, err)
	require.Equal(t, fleet.PhaseExited, i.Phase)
	require.Contains(t, i.Reason, "damaged")
}
