package docker_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/providertest"
)

func TestProvider_PassesTheConformanceSuite(t *testing.T) {
	t.Parallel()
	providertest.Exercise(t, func(t *testing.T) providertest.Substrate {
		b := newBench(t)
		return providertest.Substrate{
			Fleet: b.ours, Foreign: b.theirs,
			Open:     func(t *testing.T) fleet.Provider { return b.open(t) },
			Spec:     func(_ *testing.T, k fleet.Key) fleet.Spec { return b.spec(k, "crawler") },
			Stubborn: func(_ *testing.T, k fleet.Key) fleet.Spec { return b.spec(k, "stubborn") },
			Capacity: capacity,
			Kill:     func(t *testing.T, i fleet.Instance) { b.kill(t, i.ProviderID) },
			Starts:   func(_ *testing.T, k fleet.Key) int { return len(b.told(k.GUID)) },
			Runs: func(t *testing.T, i fleet.Instance) bool {
				return b.inspect(t, i.ProviderID).State.Running
			},
			Labels: func(t *testing.T, i fleet.Instance) fleet.Key {
				labels := b.inspect(t, i.ProviderID).Config.Labels
				told := b.only(t, i.GUID)
				require.Equal(t, labels["crawlfleet.fleet"], told.Fleet)
				require.Equal(t, labels["crawlfleet.tenant"], told.Tenant)
				return fleet.Key{
					Fleet:  fleet.FleetID(labels["crawlfleet.fleet"]),
					Tenant: fleet.TenantID(labels["crawlfleet.tenant"]),
					GUID:   fleet.GUID(labels["crawlfleet.guid"]),
				}
			},
		}
	})
}
