package providertest

import (
	"cmp"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Patience is how long the suite waits for what a healthy substrate does in moments:
// long, because a busy machine is no defect.
const Patience = 2 * time.Minute

// The fleets of the suite. Only Fleet's objects are the provider's business.
const (
	Fleet   fleet.FleetID  = "conformance"
	Foreign fleet.FleetID  = "foreign"
	Tenant  fleet.TenantID = "acme"
)

// Setup makes an empty substrate, cleaned up when the test ends.
type Setup func(t *testing.T) Substrate

// Substrate is one empty substrate and the means to look at it from outside.
type Substrate struct {
	// Fleet and Foreign are the case's own fleets, where cases share one substrate;
	// default the constants.
	Fleet, Foreign fleet.FleetID
	// Open gives a provider over the substrate. Every call is another control worker:
	// what one knows, the next finds out.
	Open func(t *testing.T) fleet.Provider
	// Spec completes a launch: an offering that exists, slots, environment. The crawler
	// runs until it is stopped, and ends on SIGTERM.
	Spec func(t *testing.T, k fleet.Key) fleet.Spec
	// Stubborn completes a launch of a crawler that ignores SIGTERM; nil where the
	// substrate cannot tell.
	Stubborn func(t *testing.T, k fleet.Key) fleet.Spec
	// Capacity is how many crawlers Spec's offering takes at one time.
	Capacity int
	// Kill ends the crawler as a crash does, behind the provider's back.
	Kill func(t *testing.T, i fleet.Instance)
	// Starts counts how often a program has been started under the key, ever.
	Starts func(t *testing.T, k fleet.Key) int
	// Runs reports whether the crawler's program runs, without asking the provider.
	Runs func(t *testing.T, i fleet.Instance) bool
	// Labels reads the key from the running object itself, not from the provider's books.
	Labels func(t *testing.T, i fleet.Instance) fleet.Key
}

// Exercise runs the suite. Each case has a substrate of its own.
func Exercise(t *testing.T, setup Setup) {
	t.Helper()
	for name, run := range map[string]func(*bench, *testing.T){
		"launch twice gives the same crawler":             (*bench).launchTwice,
		"twenty launches at once start one":               (*bench).launchAtOnce,
		"a finished one never runs again":                 (*bench).launchFinished,
		"a stopped one never runs again":                  (*bench).launchStopped,
		"a lost response does no harm":                    (*bench).lostResponse,
		"a launch cut short starts at most one":           (*bench).cutShort,
		"a key is of one fleet and tenant":                (*bench).conflict,
		"a wrong specification is fatal":                  (*bench).wrongSpec,
		"stop is repeated until not found":                (*bench).stopTwice,
		"stop kills after the grace":                      (*bench).stopStubborn,
		"a later stop of another worker kills":            (*bench).stopElsewhere,
		"unknown is not found":                            (*bench).unknown,
		"list is complete":                                (*bench).list,
		"another fleet's crawlers are left alone":         (*bench).foreign,
		"objects carry fleet tenant and guid":             (*bench).labels,
		"a cancelled context is obeyed and not ambiguous": (*bench).cancelled,
		"a full offering is a capacity error":             (*bench).capacity,
		"an address that is asked for is given":           (*bench).pinned,
		"a crash is seen by describe and list":            (*bench).crash,
		"a crash is seen by watch":                        (*bench).watch,
		"a purge removes what is left of a finished one":  (*bench).purge,
		"another worker adopts what runs":                 (*bench).adopt,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := setup(t)
			s.Fleet, s.Foreign = cmp.Or(s.Fleet, Fleet), cmp.Or(s.Foreign, Foreign)
			run(&bench{Substrate: s, provider: s.Open(t)}, t)
		})
	}
}

// bench is one case's substrate with a provider over it.
type bench struct {
	Substrate
	provider fleet.Provider
}

// Key makes a key that nobody has used.
func Key() fleet.Key {
	return fleet.Key{Fleet: Fleet, Tenant: Tenant, GUID: fleet.GUID(uuid.NewString())}
}

// key makes a key of the case's fleet.
func (b *bench) key() fleet.Key {
	k := Key()
	k.Fleet = b.Fleet
	return k
}

// launch starts a crawler, waits until its program runs, and stops it at the end.
func (b *bench) launch(t *testing.T, s fleet.Spec) fleet.Instance {
	t.Helper()
	i, err := b.provider.Launch(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, s.Key, i.Key)
	b.started(t, s.Key)
	return i
}

func (b *bench) started(t *testing.T, k fleet.Key) {
	t.Helper()
	require.Eventually(t, func() bool { return b.Starts(t, k) > 0 }, Patience, 5*time.Millisecond,
		"the program of %s was not started", k.GUID)
}

func (b *bench) describe(t *testing.T, p fleet.Provider, k fleet.Key) fleet.Instance {
	t.Helper()
	i, err := p.Describe(t.Context(), k)
	require.NoError(t, err)
	return i
}

// becomes waits until the provider says that the crawler is in the phase.
func (b *bench) becomes(
	t *testing.T, p fleet.Provider, k fleet.Key, phase fleet.Phase,
) (i fleet.Instance) {
	t.Helper()
	require.Eventually(t, func() bool {
		i = b.describe(t, p, k)
		return i.Phase == phase
	}, Patience, 5*time.Millisecond, "crawler %s did not become %s", k.GUID, phase)
	return i
}

// stopUntilGone repeats Stop as callers do.
func (b *bench) stopUntilGone(
	t *testing.T, p fleet.Provider, k fleet.Key, grace time.Duration,
) {
	t.Helper()
	require.Eventually(t, func() bool {
		err := p.Stop(t.Context(), k, fleet.StopOptions{Grace: grace})
		if err == nil {
			return false
		}
		requireClass(t, fleet.ClassNotFound, err)
		return true
	}, Patience, 10*time.Millisecond, "crawler %s was not gone", k.GUID)
}

// all lists a fleet; an error in the list fails the test.
func (b *bench) all(t *testing.T, f fleet.FleetID) map[fleet.GUID]fleet.Instance {
	t.Helper()
	out := make(map[fleet.GUID]fleet.Instance)
	for i, err := range b.provider.List(t.Context(), fleet.Filter{Fleet: f}) {
		require.NoError(t, err)
		require.NotContains(t, out, i.GUID, "listed twice")
		out[i.GUID] = i
	}
	return out
}

// requireClass holds an error to be a *fleet.ProviderError that can be acted on.
func requireClass(t *testing.T, want fleet.Class, err error) {
	t.Helper()
	require.Error(t, err)
	var e *fleet.ProviderError
	require.ErrorAs(t, err, &e)
	require.Equal(t, want, e.Class, "error: %v", err)
	require.NotEmpty(t, e.Provider, "an error names its provider")
	require.NotEmpty(t, e.Op, "an error names its operation")
	require.Error(t, e.Err, "an error has a cause: %s", fmt.Sprint(e.Class))
}
