package activitytest

import (
	"context"
	"errors"
	"iter"
	"sync"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Provider is a substrate in memory, of the kind "memory".
type Provider struct {
	// Errors are answered by Launch, one after the other.
	Errors []error
	// Beside says that a launch is made at once.
	Beside bool
	// Cut has a crawler that has ended look as if its launch was cut short.
	Cut bool
	// Started and Ended, where set, are told of a crawler that begins and ends.
	Started, Ended func(fleet.Spec)

	// ListError, where set, ends every list.
	ListError error
	// OfferingsError, where set, is answered by Offerings.
	OfferingsError error
	// PurgeError, where set, is answered by Purge.
	PurgeError error

	mu     sync.Mutex
	others []fleet.Instance
	logs   map[fleet.GUID]bool
	live   map[fleet.GUID]fleet.Spec
	dead   map[fleet.GUID]time.Time
	Events chan fleet.Event
}

// NewProvider makes an empty substrate.
func NewProvider() *Provider {
	return &Provider{
		live: map[fleet.GUID]fleet.Spec{}, dead: map[fleet.GUID]time.Time{},
		logs:   map[fleet.GUID]bool{},
		Events: make(chan fleet.Event, 16),
	}
}

func (p *Provider) err(op string, c fleet.Class) error {
	return &fleet.ProviderError{Class: c, Provider: p.Kind(), Op: op, Err: errors.New("as it was told to")}
}

// Refusal is an error of Launch of a class.
func (p *Provider) Refusal(c fleet.Class) error { return p.err("launch", c) }

// Kind is "memory".
func (p *Provider) Kind() fleet.ProviderKind { return "memory" }

// Launch starts a crawler, or answers the next of Errors.
func (p *Provider) Launch(_ context.Context, s fleet.Spec) (fleet.Instance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.Errors) > 0 {
		err := p.Errors[0]
		p.Errors = p.Errors[1:]
		return fleet.Instance{}, err
	}
	if _, ok := p.dead[s.GUID]; ok {
		return fleet.Instance{Key: s.Key, Phase: fleet.PhaseExited, Reason: "it has run", Cut: p.Cut}, nil
	}
	if _, ok := p.live[s.GUID]; !ok {
		p.live[s.GUID] = s
		if p.Started != nil {
			p.Started(s)
		}
	}
	return fleet.Instance{Key: s.Key, Offering: s.Offering, Phase: fleet.PhaseRunning}, nil
}

// Kill ends a crawler as a power cut does.
func (p *Provider) Kill(g fleet.GUID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.end(g)
}

func (p *Provider) end(g fleet.GUID) {
	s, ok := p.live[g]
	if !ok {
		return
	}
	delete(p.live, g)
	p.dead[g] = time.Now()
	if p.Ended != nil {
		p.Ended(s)
	}
}

// Running lists what runs.
func (p *Provider) Running() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.live)
}

// Describe answers not found for what does not run.
func (p *Provider) Describe(_ context.Context, k fleet.Key) (fleet.Instance, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s, ok := p.live[k.GUID]; ok {
		return fleet.Instance{Key: s.Key, Phase: fleet.PhaseRunning}, nil
	}
	if at, ok := p.dead[k.GUID]; ok {
		return fleet.Instance{Key: k, Phase: fleet.PhaseExited, Reason: "killed by signal 9", EndedAt: at, Cut: p.Cut}, nil
	}
	return fleet.Instance{}, p.err("describe", fleet.ClassNotFound)
}

// Stop ends a crawler; the second call finds none.
func (p *Provider) Stop(_ context.Context, k fleet.Key, _ fleet.StopOptions) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.drop(k) {
		return nil
	}
	if _, ok := p.live[k.GUID]; !ok {
		return p.err("stop", fleet.ClassNotFound)
	}
	p.end(k.GUID)
	return nil
}

// List yields what runs, and what was put there.
func (p *Provider) List(context.Context, fleet.Filter) iter.Seq2[fleet.Instance, error] {
	return func(yield func(fleet.Instance, error) bool) {
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, s := range p.live {
			if !yield(fleet.Instance{Key: s.Key, Phase: fleet.PhaseRunning}, nil) {
				return
			}
		}
		for _, i := range p.others {
			if !yield(i, nil) {
				return
			}
		}
		if p.ListError != nil {
			yield(fleet.Instance{}, p.ListError)
		}
	}
}

// Offerings answers one place.
func (p *Provider) Offerings(context.Context) ([]fleet.Offering, error) {
	if p.OfferingsError != nil {
		return nil, p.OfferingsError
	}
	return []fleet.Offering{{ID: "memory/here", Provider: "memory", Account: "local"}}, nil
}

// Capabilities are none but Beside.
func (p *Provider) Capabilities() fleet.Capabilities { return fleet.Capabilities{Beside: p.Beside} }

// Watch passes Events on.
func (p *Provider) Watch(ctx context.Context, _ fleet.Filter) (<-chan fleet.Event, error) {
	out := make(chan fleet.Event)
	go func() {
		defer close(out)
		for {
			select {
			case e := <-p.Events:
				select {
				case out <- e:
				case <-ctx.Done():
					return
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	return out, nil
}

var (
	_ fleet.Provider = (*Provider)(nil)
	_ fleet.Watcher  = (*Provider)(nil)
)
