package process_test

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/providertest"
)

func TestProvider_PassesTheConformanceSuite(t *testing.T) {
	t.Parallel()
	providertest.Exercise(t, func(t *testing.T) providertest.Substrate {
		m := newMachine(t)
		return providertest.Substrate{
			Open:     func(t *testing.T) fleet.Provider { return m.open(t) },
			Spec:     func(_ *testing.T, k fleet.Key) fleet.Spec { return m.spec(k, providertest.RoleCrawler) },
			Stubborn: func(_ *testing.T, k fleet.Key) fleet.Spec { return m.spec(k, providertest.RoleStubborn) },
			Capacity: capacity,
			Kill: func(t *testing.T, i fleet.Instance) {
				require.NoError(t, syscall.Kill(m.Only(t, i.GUID).PID, syscall.SIGKILL))
			},
			Starts: func(t *testing.T, k fleet.Key) int { return len(m.Of(t, k.GUID)) },
			Runs:   func(t *testing.T, i fleet.Instance) bool { return m.runs(t, m.Only(t, i.GUID)) },
			Labels: func(t *testing.T, i fleet.Instance) fleet.Key { return m.Only(t, i.GUID).Key },
		}
	})
}
