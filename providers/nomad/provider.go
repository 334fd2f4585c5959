package nomad

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"sync"

	"github.com/hashicorp/nomad/api"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Kind is the name of this substrate.
const Kind fleet.ProviderKind = "nomad"

// Account is the one account of this substrate: the cluster.
const Account fleet.Account = "nomad"

// The operations that errors name.
const (
	opLaunch    = "launch"
	opDescribe  = "describe"
	opStop      = "stop"
	opList      = "list"
	opPurge     = "purge"
	opWatch     = "watch"
	opLogs      = "logs"
	opOfferings = "offerings"
)

// Options configure a Provider.
type Options struct {
	// Address is the URL of a Nomad agent. Required.
	Address string
	// Namespace and Region are where the jobs go; default Nomad's own.
	Namespace, Region string
	// Token is the ACL token; nomad-jobs/launcher.policy.hcl is all that it needs.
	Token fleet.Secret
	// CACert, ClientCert and ClientKey are files for an agent with TLS.
	CACert, ClientCert, ClientKey string
	// Job is the text of the job specification, HCL. Required.
	Job string
	// Variables are the specification's variables: what runs, and with which driver.
	Variables map[string]string
	// Places are where crawlers can run; without any, none is launched.
	Places []Place
	// Look, where it is set, gives the places anew each time that Offerings is asked:
	// those that are made of the nodes' labels change with the nodes.
	Look func(context.Context) ([]Place, error)
	// Env is the environment that every crawler gets besides its own variables. It is in
	// the job for everybody to read who may read jobs.
	Env map[string]string
	// Secrets is the part of the environment that is not in the job.
	Secrets map[string]fleet.Secret
	// LogDir keeps the last of what a crawler has written, from its stop until its purge:
	// Nomad forgets it with the job. Empty to keep nothing.
	LogDir string
	// Log gets what no caller hears of; default none.
	Log *zap.Logger
}

// Provider is the fleet.Provider over one Nomad cluster. It remembers nothing but what it
// can read again: any number of them over one cluster see and do the same.
type Provider struct {
	cluster cluster
	job     string
	vars    map[string]string
	look    func(context.Context) ([]Place, error) // nil where places do not change
	env     map[string]string
	secrets map[string]fleet.Secret
	logDir  string
	log     *zap.Logger

	mu     sync.Mutex
	places []Place
	parsed *api.Job
	nodes  map[string]node // by id, for the addresses that they declare
}

var (
	_ fleet.Provider  = (*Provider)(nil)
	_ fleet.Watcher   = (*Provider)(nil)
	_ fleet.Purger    = (*Provider)(nil)
	_ fleet.LogReader = (*Provider)(nil)
)

// New makes a provider; it asks Nomad nothing yet. It fails with a *fleet.Error that
// names the option.
func New(o Options) (*Provider, error) {
	if u, err := url.Parse(o.Address); err != nil || u.Host == "" {
		return nil, fleet.Invalid("nomad.address", fmt.Sprintf("%q is not valid", o.Address),
			"the URL of a Nomad agent, http://127.0.0.1:4646")
	}
	if o.Job == "" {
		return nil, fleet.Invalid("nomad.job", "is empty", "the text of nomad-jobs/crawler.nomad.hcl")
	}
	if err := checkPlaces(o.Places); err != nil {
		return nil, err
	}
	c, err := connect(o)
	if err != nil {
		return nil, err
	}
	return &Provider{
		cluster: c, job: o.Job, vars: maps.Clone(o.Variables), places: slices.Clone(o.Places), look: o.Look,
		env: maps.Clone(o.Env), secrets: maps.Clone(o.Secrets), log: cmp.Or(o.Log, zap.NewNop()),
		logDir: o.LogDir, nodes: make(map[string]node),
	}, nil
}

// Kind names the substrate.
func (p *Provider) Kind() fleet.ProviderKind { return Kind }

// Capabilities says that addresses can be asked for where a place has several, and what
// the specification's kill_timeout allows.
func (p *Provider) Capabilities() fleet.Capabilities {
	c := fleet.Capabilities{MaxGrace: maxGrace}
	for _, o := range p.known() {
		c.PinsAddress = c.PinsAddress || o.Egress == fleet.EgressOwn
	}
	return c
}

func (p *Provider) place(id fleet.OfferingID) (Place, bool) {
	places := p.known()
	n := slices.IndexFunc(places, func(o Place) bool { return o.ID == id })
	if n < 0 {
		return Place{}, false
	}
	return places[n], true
}
