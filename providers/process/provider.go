package process

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Kind is the name of this substrate.
const Kind fleet.ProviderKind = "process"

// Account is the one account of this substrate: the machine.
const Account fleet.Account = "process"

// The operations that errors name.
const (
	opLaunch   = "launch"
	opDescribe = "describe"
	opStop     = "stop"
	opList     = "list"
	opPurge    = "purge"
)

// Options configure a Provider.
type Options struct {
	// Dir is the run directory; it is created. Required.
	Dir string
	// Program is the crawler's program, a path or a name on PATH. Required.
	Program string
	// Env is the environment that every crawler gets besides its own variables:
	// TEMPORAL_*, the data plane's address, the operator's contact. Nothing of this
	// process's own environment is passed on.
	Env map[string]string
	// Offerings are the places, each with its addresses (Addressed gives them); default
	// the default places with loopback addresses.
	Offerings []fleet.Offering
	// Log gets what no caller hears of; default none.
	Log *zap.Logger
}

// Provider is the fleet.Provider and fleet.Watcher over processes. Two of them over
// one run directory, in one process or in several, see and do the same.
type Provider struct {
	program   string
	env       map[string]string
	offerings []fleet.Offering
	store     store
	log       *zap.Logger

	mu       sync.Mutex
	children map[fleet.GUID]*child      // started by this Provider and not yet reaped
	watchers map[chan struct{}]struct{} // told when a child has ended
}

var (
	_ fleet.Provider = (*Provider)(nil)
	_ fleet.Watcher  = (*Provider)(nil)
	_ fleet.Purger   = (*Provider)(nil)
)

// New opens the run directory. It fails with a *fleet.Error that names the option.
func New(o Options) (*Provider, error) {
	if o.Dir == "" {
		return nil, fleet.Invalid("process.dir", "is missing", "the run directory's path")
	}
	if o.Program == "" {
		return nil, fleet.Invalid("process.program", "is missing", "the path of crawlfleet-crawler")
	}
	if o.Offerings == nil {
		o.Offerings = Addressed(DefaultOfferings(DefaultCapacity), DefaultLoopback(), nil)
	}
	if err := checkOfferings(o.Offerings); err != nil {
		return nil, err
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return nil, fmt.Errorf("run directory %s: %w", o.Dir, err)
	}
	s, err := openStore(dir)
	if err != nil {
		return nil, err
	}
	return &Provider{
		program: o.Program, env: o.Env, offerings: o.Offerings, store: s, log: o.Log,
		children: make(map[fleet.GUID]*child), watchers: make(map[chan struct{}]struct{}),
	}, nil
}

// Kind names the substrate.
func (p *Provider) Kind() fleet.ProviderKind { return Kind }

// Offerings answers the configured places.
func (p *Provider) Offerings(context.Context) ([]fleet.Offering, error) {
	return append([]fleet.Offering(nil), p.offerings...), nil
}

// Capabilities says that a launch is a fork on this machine, and that addresses can be
// asked for where a place has several.
func (p *Provider) Capabilities() fleet.Capabilities {
	c := fleet.Capabilities{Beside: true}
	for _, o := range p.offerings {
		c.PinsAddress = c.PinsAddress || o.Egress == fleet.EgressOwn
	}
	return c
}

func (p *Provider) offering(id fleet.OfferingID) (fleet.Offering, bool) {
	for _, o := range p.offerings {
		if o.ID == id {
			return o, true
		}
	}
	return fleet.Offering{}, false
}

func failure(op string, class fleet.Class, err error) *fleet.ProviderError {
	return &fleet.ProviderError{Class: class, Provider: Kind, Op: op, Err: err}
}

func notFound(op string, k fleet.Key) *fleet.ProviderError {
	return failure(op, fleet.ClassNotFound, fmt.Errorf("no crawler %s of fleet %s", k.GUID, k.Fleet))
}
