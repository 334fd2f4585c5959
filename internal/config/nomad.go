package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Nomad is a HashiCorp Nomad cluster as a substrate.
type Nomad struct {
	Address   string       `name:"address" help:"URL of a Nomad agent"`
	Namespace string       `name:"namespace" help:"namespace of the crawlers' jobs; empty for default"`
	Region    string       `name:"region" help:"Nomad's region; empty for the agent's own"`
	Token     fleet.Secret `name:"token" help:"ACL token; nomad-jobs/launcher.policy.hcl is all that it needs"`
	// The agent's TLS.
	CACert     string `name:"caCert" help:"file with the authority of the agent's certificate"`
	ClientCert string `name:"clientCert" help:"file with the certificate that is shown to the agent"`
	ClientKey  string `name:"clientKey" help:"file with the key of clientCert"`
	// Job is what runs; the rest are its variables.
	Job     string `name:"job" help:"job specification of a crawler; empty for the one of this release, nomad-jobs/crawler.nomad.hcl"`
	Driver  string `name:"driver" help:"task driver: docker, exec or raw_exec"`
	Image   string `name:"image" help:"docker: the crawler's image"`
	Command string `name:"command" help:"exec and raw_exec: path of the crawler's program on the nodes"`
	Network string `name:"network" help:"docker: the network of the crawlers; empty for the engine's own"`
	CPU     int    `name:"cpu" help:"MHz for each crawler, where its place says nothing else"`
	Memory  int    `name:"memory" help:"MB for each crawler, where its place says nothing else"`
	// Offerings are where crawlers may run; none for those that the nodes' labels tell of.
	Offerings []NomadPlace `name:"offerings" help:"places of the cluster, as a JSON list; empty for those that the nodes' labels tell of"`
}

// NomadPlace is an offering, and which nodes belong to it.
type NomadPlace struct {
	fleet.Offering
	Datacenters []string          `json:"datacenters,omitempty"`
	Pool        string            `json:"pool,omitempty"`
	Nodes       map[string]string `json:"nodes,omitempty"`
	Unlabelled  bool              `json:"unlabelled,omitempty"`
	Bind        bool              `json:"bind,omitempty"`
	GPUs        int               `json:"gpus,omitempty"`
	CPU         int               `json:"cpu,omitempty"`
	Memory      int               `json:"memory,omitempty"`
}

func defaultNomad() Nomad {
	return Nomad{
		Address: "http://127.0.0.1:4646", // an agent beside the control side
		Driver:  "docker", Image: "crawlfleet-crawler:dev", Command: "/usr/local/bin/crawlfleet-crawler",
		CPU: 100, Memory: 96, // three times what an idle crawler has
	}
}

// drivers are the task drivers that the job specification has a configuration for.
var drivers = []string{"docker", "exec", "raw_exec"}

// checkNomad is for a fleet that uses it.
func (c Config) checkNomad() error {
	if !slices.Contains(c.Providers, "nomad") {
		return nil
	}
	n := c.Nomad
	u, err := url.Parse(n.Address)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Host == "", u.User != nil:
		return fleet.Invalid("nomad.address", "is not the address of an agent", "http://host:4646 or https://host:4646")
	case n.Driver == "docker" && n.Image == "":
		return fleet.Invalid("nomad.image", "is empty", "the crawler's image")
	case n.Driver != "docker" && !strings.HasPrefix(n.Command, "/"):
		return fleet.Invalid("nomad.command", fmt.Sprintf("%q is no path of the nodes", n.Command), "an absolute path")
	case n.CPU < 1:
		return fleet.Invalid("nomad.cpu", fmt.Sprintf("%d is out of range", n.CPU), "1 or more")
	case n.Memory < 10: // Nomad's own least
		return fleet.Invalid("nomad.memory", fmt.Sprintf("%d is out of range", n.Memory), "10 or more")
	case (n.ClientCert == "") != (n.ClientKey == ""):
		return fleet.Invalid("nomad.clientKey", "and clientCert belong together", "both or none")
	}
	if err := oneOf("nomad.driver", n.Driver, drivers...); err != nil {
		return err
	}
	seen := map[fleet.OfferingID]bool{}
	for i, o := range n.Offerings {
		at := fmt.Sprintf("nomad.offerings[%d].", i)
		if err := checkOffering(at, "nomad", o.Offering, seen); err != nil {
			return err
		}
		if o.Egress == fleet.EgressOwn && len(o.Addresses) == 0 {
			return fleet.Invalid(at+"addresses", "is empty", "the nodes' addresses, or egress shared")
		}
		seen[o.ID] = true
	}
	return nil
}
