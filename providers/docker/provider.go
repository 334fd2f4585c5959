package docker

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"time"

	"github.com/moby/moby/client"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Kind is the name of this substrate.
const Kind fleet.ProviderKind = "docker"

// Account is the one account of this substrate: the engine.
const Account fleet.Account = "docker"

// The operations that errors name.
const (
	opLaunch   = "launch"
	opDescribe = "describe"
	opStop     = "stop"
	opList     = "list"
	opPurge    = "purge"
	opWatch    = "watch"
	opLogs     = "logs"
	opNetwork  = "network"
	opTraces   = "traces"
)

// Options configure a Provider.
type Options struct {
	// Host is where the engine listens (unix:///…, tcp://…); empty for the system's own
	// socket.
	Host string
	// CertDir holds ca.pem, cert.pem and key.pem for an engine that is reached over TCP.
	CertDir string
	// Image is what crawlers are made of. Required.
	Image string
	// Network is the name of the crawlers' network, made when it is missing. Required.
	Network string
	// Subnet is the network's; invalid for one of the engine's choice, with which no
	// crawler has an address of its own.
	Subnet netip.Prefix
	// Env is the environment that every crawler gets besides its own variables.
	Env map[string]string
	// Offerings are the places, each with its addresses (Addressed gives them); default
	// the default places.
	Offerings []fleet.Offering
	// Limits bound one container.
	Limits Limits
	// Log gets what no caller hears of; default none.
	Log *zap.Logger
}

// Limits bound what one container uses.
type Limits struct {
	Memory int64 // bytes, without swap
	CPUs   float64
	PIDs   int64 // processes and threads
}

// DefaultLimits suit a crawler of pages without a browser: 30 MB while idle, a window of
// large pages while busy, and as many threads as Go makes on a large machine.
func DefaultLimits() Limits { return Limits{Memory: 256 << 20, CPUs: 1, PIDs: 256} }

// Provider is the fleet.Provider, fleet.Watcher and fleet.Purger over one engine. Two of
// them with the same options see and do the same, in one process or in several.
type Provider struct {
	api api
	o   Options
	log *zap.Logger

	// placing is held while a place is looked for: of two launches of this process, one
	// has its container or its reservation before the other looks.
	placing  sync.Mutex
	reserved map[fleet.GUID]reservation
	lastUse  map[string]time.Time // orders the choice of an address, nothing more

	mu       sync.Mutex
	stopping map[string]time.Time // container: when the engine will kill it
	network  *Network             // once it is known

	running sync.WaitGroup // requests that outlive their caller
	closing context.CancelFunc
	closed  context.Context //nolint:containedctx // ends with the Provider, not with a call
}

var (
	_ fleet.Provider    = (*Provider)(nil)
	_ fleet.Watcher     = (*Provider)(nil)
	_ fleet.Purger      = (*Provider)(nil)
	_ fleet.TraceReader = (*Provider)(nil)
	_ fleet.LogReader   = (*Provider)(nil)
)

// New makes a provider; the engine is asked for nothing yet. It fails with a
// *fleet.Error that names the option.
func New(o Options) (*Provider, error) {
	if o.Offerings == nil {
		o.Offerings = Addressed(DefaultOfferings(DefaultCapacity), o.Subnet, nil)
	}
	if o.Limits == (Limits{}) {
		o.Limits = DefaultLimits()
	}
	if o.Log == nil {
		o.Log = zap.NewNop()
	}
	if err := o.check(); err != nil {
		return nil, err
	}
	engine, err := dial(o.Host, o.CertDir)
	if err != nil {
		return nil, err
	}
	p := &Provider{
		api: engine, o: o, log: o.Log,
		reserved: make(map[fleet.GUID]reservation), lastUse: make(map[string]time.Time),
		stopping: make(map[string]time.Time),
	}
	p.closed, p.closing = context.WithCancel(context.Background())
	return p, nil
}

func (o Options) check() error {
	switch {
	case o.Image == "":
		return fleet.Invalid("docker.image", "is missing", "the crawler's image")
	case o.Network == "":
		return fleet.Invalid("docker.network", "is missing", "a network's name")
	case o.Limits.Memory < minMemory:
		return fleet.Invalid("docker.memory", "is too small", "32 MB at least")
	case o.Limits.CPUs <= 0 || o.Limits.PIDs <= 0:
		return fleet.Invalid("docker.cpus", "or docker.pids is not positive", "more than 0")
	}
	return checkOfferings(o.Offerings, o.Subnet)
}

// minMemory is below what a crawler needs to start.
const minMemory = 32 << 20

// dial makes a client; it connects with its first request, and then settles on the newest
// version of the API that both sides have.
func dial(host, certs string) (*client.Client, error) {
	options := []client.Opt{}
	if host != "" {
		options = append(options, client.WithHost(host))
	}
	if certs != "" {
		options = append(options, client.WithTLSClientConfig(
			certs+"/ca.pem", certs+"/cert.pem", certs+"/key.pem"))
	}
	c, err := client.New(options...)
	if err != nil {
		return nil, fleet.Invalid("docker.host", err.Error(), "unix:///path or tcp://host:port")
	}
	return c, nil
}

// Close ends what outlives calls: launches that were begun come to their end, requests
// to stop are left to the engine.
func (p *Provider) Close() error {
	p.closing()
	p.running.Wait()
	return p.api.Close()
}

// Kind names the substrate.
func (p *Provider) Kind() fleet.ProviderKind { return Kind }

// Offerings answers the configured places.
func (p *Provider) Offerings(context.Context) ([]fleet.Offering, error) {
	return append([]fleet.Offering(nil), p.o.Offerings...), nil
}

// Capabilities says that addresses can be asked for where a place has its own.
func (p *Provider) Capabilities() fleet.Capabilities {
	var c fleet.Capabilities
	for _, o := range p.o.Offerings {
		c.PinsAddress = c.PinsAddress || o.Egress == fleet.EgressOwn
	}
	return c
}

func (p *Provider) offering(id fleet.OfferingID) (fleet.Offering, bool) {
	for _, o := range p.o.Offerings {
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
	return failure(op, fleet.ClassNotFound, errors.New("no crawler "+string(k.GUID)+" of fleet "+string(k.Fleet)))
}
