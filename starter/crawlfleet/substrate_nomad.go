package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
	nomadjobs "github.com/crawlfleet/crawlfleet/nomad-jobs"
	"github.com/crawlfleet/crawlfleet/providers/nomad"
)

// nomadIdle is how long a crawler of a place that says nothing else may be idle: nodes
// that are there anyway bill nothing for it, and a launch takes a third of a second.
const nomadIdle = time.Minute

func nomadPlaces(cfg config.Config) []nomad.Place {
	out := make([]nomad.Place, len(cfg.Nomad.Offerings))
	for n, o := range cfg.Nomad.Offerings {
		out[n] = nomad.Place(o)
		out[n].IdleAfter = cmp.Or(o.IdleAfter, fleet.Duration(nomadIdle))
		out[n].Egress = cmp.Or(o.Egress, fleet.EgressShared)
	}
	return out
}

func nomadOfferings(cfg config.Config) []fleet.Offering {
	var out []fleet.Offering
	for _, o := range nomadPlaces(cfg) {
		out = append(out, o.Offering)
	}
	return out
}

func openNomad(cfg config.Config, dir *config.Dir, p substrateParts) (fleet.Provider, error) {
	return nomadProvider(cfg, dir, p)
}

func nomadProvider(cfg config.Config, dir *config.Dir, p substrateParts) (*nomad.Provider, error) {
	o, err := nomadOptions(cfg)
	if err != nil {
		return nil, err
	}
	o.Log, o.Places, o.LogDir = p.log, nomadPlaces(cfg), dir.Crawlers()
	o.Env, o.Secrets = shown(p.env(cfg, nomad.Kind))
	if len(p.asked.Nomad.Offerings) == 0 {
		o.Look = func(ctx context.Context) ([]nomad.Place, error) {
			now, err := discover(ctx, p.asked)
			return nomadPlaces(now), err
		}
	}
	return nomad.New(o)
}

// nomadOptions are those that need nothing but the configuration.
func nomadOptions(cfg config.Config) (nomad.Options, error) {
	n := cfg.Nomad
	job := nomadjobs.Crawler()
	if n.Job != "" {
		b, err := os.ReadFile(n.Job)
		if err != nil {
			return nomad.Options{}, fleet.Invalid("nomad.job", err.Error(), "a readable file")
		}
		job = string(b)
	}
	return nomad.Options{
		Address: n.Address, Namespace: n.Namespace, Region: n.Region, Token: n.Token,
		CACert: n.CACert, ClientCert: n.ClientCert, ClientKey: n.ClientKey,
		Job: job, Variables: map[string]string{
			"driver": n.Driver, "image": n.Image, "command": n.Command, "network_mode": n.Network,
			"cpu": strconv.Itoa(n.CPU), "memory": strconv.Itoa(n.Memory),
		},
	}, nil
}

// discover completes the configuration by what only a substrate knows: the places that
// the labels of Nomad's nodes tell of, where the configuration names none.
func discover(ctx context.Context, cfg config.Config) (config.Config, error) {
	if !slices.Contains(cfg.Providers, nomad.Kind) || len(cfg.Nomad.Offerings) > 0 {
		return cfg, nil
	}
	o, err := nomadOptions(cfg)
	if err != nil {
		return cfg, err
	}
	places, err := nomad.Discover(ctx, o)
	if err != nil {
		return cfg, fmt.Errorf("nomad provider: %w", err)
	}
	cfg.Nomad.Offerings = make([]config.NomadPlace, len(places))
	for n, place := range places {
		cfg.Nomad.Offerings[n] = config.NomadPlace(place)
	}
	return cfg, nil
}

// shown takes the secrets out of an environment: what is in a job, everybody can read who
// may read jobs.
func shown(all map[string]string) (env map[string]string, secrets map[string]fleet.Secret) {
	env, secrets = make(map[string]string), make(map[string]fleet.Secret)
	for name, value := range all {
		switch {
		case value == "":
		case secretVariable(name):
			secrets[name] = fleet.Secret(value)
		default:
			env[name] = value
		}
	}
	return env, secrets
}

// secretVariable reports a variable that may hold a key or a password. The _DATA of the
// SDK's TLS settings are certificates and keys.
func secretVariable(name string) bool {
	return name == fleet.EnvCodecKeys || name == fleet.EnvToken || name == "TEMPORAL_API_KEY" ||
		strings.HasPrefix(name, "TEMPORAL_GRPC_META_") || strings.HasSuffix(name, "_KEY_DATA")
}
