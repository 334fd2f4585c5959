package nomad_test

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
		w := newWorld(t, shared)
		return providertest.Substrate{
			Open:     func(t *testing.T) fleet.Provider { return w.open(t) },
			Spec:     func(_ *testing.T, k fleet.Key) fleet.Spec { return w.spec(k, providertest.RoleCrawler) },
			Stubborn: func(_ *testing.T, k fleet.Key) fleet.Spec { return w.spec(k, providertest.RoleStubborn) },
			Capacity: capacity,
			Kill: func(t *testing.T, i fleet.Instance) {
				require.NoError(t, syscall.Kill(w.Only(t, i.GUID).PID, syscall.SIGKILL))
			},
			Starts: func(t *testing.T, k fleet.Key) int { return len(w.Of(t, k.GUID)) },
			Runs:   func(t *testing.T, i fleet.Instance) bool { return runs(w.Only(t, i.GUID)) },
			Labels: func(t *testing.T, i fleet.Instance) fleet.Key { return w.labels(t, i) },
		}
	})
}
