package activities

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Providers are the substrates of a fleet by kind.
type Providers map[fleet.ProviderKind]fleet.Provider

// of gives a substrate; one that this worker does not have is fatal for a launch.
func (p Providers) of(kind fleet.ProviderKind, op string) (fleet.Provider, error) {
	if provider, ok := p[kind]; ok {
		return provider, nil
	}
	return nil, &fleet.ProviderError{
		Class: fleet.ClassFatal, Provider: kind, Op: op,
		Err: fmt.Errorf("this worker has no provider %q", kind),
	}
}

// Machines holds the substrates that crawlers run on.
type Machines struct {
	Fleet     fleet.FleetID
	Providers Providers
	Desk      fleet.CrawlerDesk
	// Env gives the crawler's environment without secrets.
	Env func(fleet.CrawlerInput) map[string]string
	// Token derives the crawler's credential at the data plane, or for the gateway. It is
	// derived here and handed to the provider, so that it is in no history.
	Token func(fleet.CrawlerInput) fleet.Secret
}

// Launch asks the substrate for the crawler and notes that it accepted. It may be
// repeated: the GUID is the key. Its error is read with LaunchFailureFrom.
func (m *Machines) Launch(ctx context.Context, in fleet.CrawlerInput) (fleet.Instance, error) {
	provider, err := m.Providers.of(in.Provider, "launch")
	if err != nil {
		return fleet.Instance{}, launchError(in.GUID, err)
	}
	defer alive(ctx)()
	instance, err := m.launch(ctx, provider, in)
	if err != nil && stopping(ctx) { // whatever it is, the next worker finds out: the GUID is the key
		return instance, fmt.Errorf("launch %s: cut short by this worker's end: %s", in.GUID, Reason(err))
	}
	return instance, err
}

// stopping reports whether this worker ends: that cancels the calls which are under way.
func stopping(ctx context.Context) bool {
	if !activity.IsActivity(ctx) {
		return false
	}
	select {
	case <-activity.GetWorkerStopChannel(ctx):
		return true
	default:
		return false
	}
}

// besideMost is when a launch beside the worker is left to the launch queue after all:
// a fork takes milliseconds, a flood of them waits for one another. It ends before the
// workflow task is renewed (four fifths of fleet.ControlTask): a cancel cannot have it
// stopped before it was launched.
const besideMost = 3 * time.Second

// beside launches at a substrate that is this machine, at once. Where there is none, or
// it does not come to a good end, the answer is nil: then Launch does the same again,
// with time for retries, and says what is wrong.
func (m *Machines) beside(ctx context.Context, in fleet.CrawlerInput) *fleet.Instance {
	provider, here := m.here(in.Provider)
	if !here {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, besideMost)
	defer cancel()
	instance, err := m.launch(ctx, provider, in)
	if err != nil {
		return nil
	}
	return &instance
}

// ahead has the crawler forked, where the substrate is this machine, before its workflow
// asks for it. What goes wrong is for the workflow's own launch to find and to say.
func (m *Machines) ahead(ctx context.Context, in fleet.CrawlerInput) {
	if provider, here := m.here(in.Provider); here {
		ctx, cancel := context.WithTimeout(ctx, besideMost)
		defer cancel()
		_, _ = provider.Launch(ctx, m.spec(in))
	}
}

func (m *Machines) here(kind fleet.ProviderKind) (fleet.Provider, bool) {
	provider, ok := m.Providers[kind]
	return provider, ok && provider.Capabilities().Beside
}

func (m *Machines) spec(in fleet.CrawlerInput) fleet.Spec {
	return fleet.Spec{
		Key:      m.key(in.Tenant, in.GUID),
		Offering: in.Offering, Slots: in.Slots, Address: in.Address,
		Env:   m.Env(in),
		Token: m.Token(in),
	}
}

func (m *Machines) launch(
	ctx context.Context, provider fleet.Provider, in fleet.CrawlerInput,
) (fleet.Instance, error) {
	instance, err := provider.Launch(ctx, m.spec(in))
	if err != nil {
		return instance, launchError(in.GUID, err)
	}
	if instance.Phase == fleet.PhaseExited {
		return instance, endedInLaunch(instance)
	}
	// A store that is away does not make the launch ambiguous: the same again.
	if err := m.Desk.Launched(ctx, in.GUID, instance); err != nil {
		return instance, ToTemporal(fmt.Errorf("note the launch of %s: %w", in.GUID, err))
	}
	return instance, nil
}

// MachineInput names one crawler at its substrate.
type MachineInput struct {
	Tenant   fleet.TenantID     `json:"tenant"`
	GUID     fleet.GUID         `json:"guid"`
	Provider fleet.ProviderKind `json:"provider"`
	// Grace is how long it may drain before it is killed; for Stop.
	Grace fleet.Duration `json:"grace,omitempty"`
}

// Described is what the substrate says of a crawler.
type Described struct {
	Gone     bool           `json:"gone"` // it runs no more, and never will again
	Instance fleet.Instance `json:"instance"`
}

// Describe asks the substrate. An unreachable substrate is an error that is
// retried, never a crawler that is gone.
func (m *Machines) Describe(ctx context.Context, in MachineInput) (Described, error) {
	provider, err := m.Providers.of(in.Provider, "describe")
	if err != nil {
		return Described{}, err
	}
	instance, err := provider.Describe(ctx, m.key(in.Tenant, in.GUID))
	switch {
	case err == nil:
		return Described{Gone: instance.Phase == fleet.PhaseExited, Instance: instance}, nil
	case fleet.ClassOf(err) == fleet.ClassNotFound:
		return Described{Gone: true, Instance: fleet.Instance{Reason: "the provider has none"}}, nil
	default:
		return Described{}, err
	}
}

// Stopped is when the substrate first said that there is no such crawler.
type Stopped struct {
	At time.Time `json:"at"`
}

const (
	stopPause    = 50 * time.Millisecond // a process is gone by then, if it drains nothing
	stopPauseMax = 5 * time.Second       // a cloud's stop takes minutes, and its API has a rate
)

// Stop asks for the crawler's end again and again until the substrate has it no
// more. Errors are retried within: what runs costs money.
func (m *Machines) Stop(ctx context.Context, in MachineInput) (Stopped, error) {
	provider, err := m.Providers.of(in.Provider, "stop")
	if err != nil {
		return Stopped{}, err
	}
	defer alive(ctx)()
	for pause := stopPause; ; pause = min(2*pause, stopPauseMax) {
		err := provider.Stop(ctx, m.key(in.Tenant, in.GUID), fleet.StopOptions{Grace: in.Grace.Std()})
		if err != nil && fleet.ClassOf(err) == fleet.ClassNotFound {
			return Stopped{At: time.Now()}, nil
		}
		if err != nil {
			activity.GetLogger(ctx).Warn("stop", "guid", in.GUID, "error", err)
		}
		if err := wait(ctx, pause); err != nil {
			return Stopped{}, fmt.Errorf("stop %s: %w", in.GUID, err)
		}
	}
}

// aliveEvery is well below every heartbeat timeout of a substrate's calls (10 s). A
// shorter call heartbeats not at all, and costs nothing.
const aliveEvery = 2 * time.Second

// alive heartbeats beside a call of a substrate, however long that takes, until what
// it returns is called: a worker that is lost in such a call is noticed by it.
func alive(ctx context.Context) (end func()) {
	beating, cancel := context.WithCancel(ctx)
	var beside sync.WaitGroup
	beside.Go(func() {
		for wait(beating, aliveEvery) == nil {
			activity.RecordHeartbeat(beating)
		}
	})
	return func() {
		cancel()
		beside.Wait()
	}
}

func (m *Machines) key(t fleet.TenantID, g fleet.GUID) fleet.Key {
	return fleet.Key{Fleet: m.Fleet, Tenant: t, GUID: g}
}
