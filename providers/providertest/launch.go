package providertest

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func (b *bench) launchTwice(t *testing.T) {
	s := b.Spec(t, b.key())
	first := b.launch(t, s)
	second := b.launch(t, s)
	require.Equal(t, first.ProviderID, second.ProviderID)
	require.Equal(t, first.Address, second.Address)
	require.Equal(t, 1, b.Starts(t, s.Key))
}

// crowd is how many launch at once: a retry storm of one crawler.
const crowd = 20

func (b *bench) launchAtOnce(t *testing.T) {
	s := b.Spec(t, b.key())
	providers := []fleet.Provider{b.provider, b.Open(t)}
	instances, errs := make([]fleet.Instance, crowd), make([]error, crowd)
	var all sync.WaitGroup
	for n := range crowd {
		all.Go(func() {
			instances[n], errs[n] = providers[n%len(providers)].Launch(t.Context(), s)
		})
	}
	all.Wait()
	for n := range crowd {
		require.NoError(t, errs[n])
		require.Equal(t, instances[0].ProviderID, instances[n].ProviderID)
	}
	b.started(t, s.Key)
	require.Len(t, b.all(t, b.Fleet), 1)
	require.Equal(t, 1, b.Starts(t, s.Key))
}

func (b *bench) launchFinished(t *testing.T) {
	s := b.Spec(t, b.key())
	i := b.launch(t, s)
	b.Kill(t, i)
	b.becomes(t, b.provider, s.Key, fleet.PhaseExited)
	for _, p := range []fleet.Provider{b.provider, b.Open(t)} {
		again, err := p.Launch(t.Context(), s)
		require.NoError(t, err)
		require.Equal(t, fleet.PhaseExited, again.Phase)
	}
	require.Equal(t, 1, b.Starts(t, s.Key))
}

func (b *bench) launchStopped(t *testing.T) {
	s := b.Spec(t, b.key())
	b.launch(t, s)
	b.stopUntilGone(t, b.provider, s.Key, Patience)
	for _, p := range []fleet.Provider{b.provider, b.Open(t)} {
		again, err := p.Launch(t.Context(), s)
		if err == nil {
			require.Equal(t, fleet.PhaseExited, again.Phase)
		} else {
			requireClass(t, fleet.ClassConflict, err)
		}
	}
	require.Equal(t, 1, b.Starts(t, s.Key))
}

func (b *bench) lostResponse(t *testing.T) {
	s := b.Spec(t, b.key())
	// The worker that asked is gone before it could tell anybody.
	_, err := b.Open(t).Launch(t.Context(), s)
	require.NoError(t, err)
	b.launch(t, s)
	require.Equal(t, 1, b.Starts(t, s.Key))
}

func (b *bench) cutShort(t *testing.T) {
	s := b.Spec(t, b.key())
	for n := range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n)*time.Millisecond)
		if _, err := b.provider.Launch(ctx, s); err != nil {
			require.Contains(t, []fleet.Class{fleet.ClassRetryable, fleet.ClassAmbiguous}, fleet.ClassOf(err))
		}
		cancel()
	}
	b.launch(t, s)
	require.Len(t, b.all(t, b.Fleet), 1)
	require.Equal(t, 1, b.Starts(t, s.Key))
}

func (b *bench) conflict(t *testing.T) {
	s := b.Spec(t, b.key())
	b.launch(t, s)
	other := s
	other.Tenant = "other"
	_, err := b.provider.Launch(t.Context(), other)
	requireClass(t, fleet.ClassConflict, err)
	require.Equal(t, 1, b.Starts(t, s.Key))
}

func (b *bench) wrongSpec(t *testing.T) {
	s := b.Spec(t, b.key())
	s.Offering = fleet.OfferingID(string(b.provider.Kind()) + "/nowhere")
	_, err := b.provider.Launch(t.Context(), s)
	requireClass(t, fleet.ClassFatal, err)
	require.Empty(t, b.all(t, b.Fleet))
}

func (b *bench) capacity(t *testing.T) {
	for range b.Capacity {
		b.launch(t, b.Spec(t, b.key()))
	}
	s := b.Spec(t, b.key())
	_, err := b.provider.Launch(t.Context(), s)
	requireClass(t, fleet.ClassCapacity, err)
	var e *fleet.ProviderError
	require.ErrorAs(t, err, &e)
	require.NotEqual(t, fleet.Scoped{}, e.Scope, "a capacity error says what to cool down")

	var one fleet.Instance
	for _, one = range b.all(t, b.Fleet) {
		break
	}
	b.stopUntilGone(t, b.provider, one.Key, Patience)
	b.launch(t, s) // refused is not launched: there is room now, and the GUID is unspent
	require.Equal(t, 1, b.Starts(t, s.Key))
}

func (b *bench) pinned(t *testing.T) {
	if !b.provider.Capabilities().PinsAddress {
		return // it says so, and nobody asks
	}
	i := b.launch(t, b.Spec(t, b.key()))
	b.Kill(t, i)
	b.becomes(t, b.provider, i.Key, fleet.PhaseExited)
	s := b.Spec(t, b.key())
	s.Address = i.Address
	require.Equal(t, i.Address, b.launch(t, s).Address)

	s = b.Spec(t, b.key())
	s.Address = i.Address
	_, err := b.provider.Launch(t.Context(), s)
	require.Contains(t, []fleet.Class{fleet.ClassConflict, fleet.ClassCapacity}, fleet.ClassOf(err),
		"an address in use is not given twice: %v", err)
}
