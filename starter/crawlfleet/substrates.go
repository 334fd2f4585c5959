package main

import (
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/devserver"
	"github.com/crawlfleet/crawlfleet/providers/docker"
	"github.com/crawlfleet/crawlfleet/providers/nomad"
	"github.com/crawlfleet/crawlfleet/providers/process"
)

// substrate is how the programs know one kind of provider: what the configuration says of
// its places, without asking it, and how it is opened. To add a substrate is to add a row.
type substrate struct {
	account fleet.Account
	// local: its crawlers are on this machine, and need no gateway to reach the control side.
	local bool
	// pins: a crawler can be asked for at one address of its place.
	pins   bool
	places func(config.Config) []fleet.Offering
	open   func(config.Config, *config.Dir, substrateParts) (fleet.Provider, error)
	// check opens what can look whether crawlers can be launched, and changes nothing; nil
	// where the doctor's look at this machine is enough.
	check func(config.Config, *config.Dir, substrateParts) (fleet.Checker, error)
}

// substrateParts are what providers are made of besides the configuration.
type substrateParts struct {
	// local is the environment of crawlers on this machine, which reach the control side's
	// own listeners on loopback. It holds secrets.
	local map[string]string
	// remote is that of crawlers which reach the control side through the gateway alone. It
	// holds no secret.
	remote map[string]string
	// asked is the configuration as it was given, without what the substrates know.
	asked   config.Config
	environ []string
	// ending: nothing is launched any more, so that no crawler's program is needed.
	ending bool
	log    *zap.Logger
}

// substrates are the kinds that this program can run crawlers on.
func substrates() map[fleet.ProviderKind]substrate {
	return map[fleet.ProviderKind]substrate{
		process.Kind: {
			account: process.Account, local: true, pins: true, places: processPlaces, open: openProcess,
		},
		nomad.Kind: {
			account: nomad.Account, pins: true, places: nomadOfferings, open: openNomad,
			check: func(cfg config.Config, dir *config.Dir, p substrateParts) (fleet.Checker, error) {
				return nomadProvider(cfg, dir, p)
			},
		},
		docker.Kind: {
			account: docker.Account, pins: true, places: dockerPlaces, open: openDocker,
			check: func(cfg config.Config, dir *config.Dir, p substrateParts) (fleet.Checker, error) {
				return dockerProvider(cfg, dir.Stamp.Fleet, p)
			},
		},
	}
}

// opened are the providers of one fleet.
type opened map[fleet.ProviderKind]fleet.Provider

func (o opened) providers() activities.Providers { return activities.Providers(o) }

// openSubstrates opens the providers that the configuration names.
func openSubstrates(cfg config.Config, dir *config.Dir, p substrateParts) (opened, error) {
	out := opened{}
	for i, kind := range cfg.Providers {
		s, ok := substrates()[kind]
		if !ok {
			return nil, fleet.Invalid(fmt.Sprintf("providers[%d]", i), fmt.Sprintf("%q is not known", kind),
				"one of those that this program has")
		}
		provider, err := s.open(cfg, dir, p)
		if err != nil {
			return nil, fmt.Errorf("%s provider: %w", kind, err)
		}
		out[kind] = provider
	}
	return out, nil
}

// direct reports whether the crawlers of a substrate reach the control side's own listeners:
// those of this machine. Without a gateway all have to be, as those of a Nomad agent for
// development are.
func direct(cfg config.Config, kind fleet.ProviderKind) bool {
	return !cfg.Gateway.On() || substrates()[kind].local && !cfg.Gateway.All
}

// env is the environment of a substrate's crawlers.
func (p substrateParts) env(cfg config.Config, kind fleet.ProviderKind) map[string]string {
	if direct(cfg, kind) {
		return p.local
	}
	return p.remote
}

// accounts are the substrate accounts whose launches the control worker carries out.
func accounts(cfg config.Config) []fleet.Account {
	var out []fleet.Account
	for _, kind := range cfg.Providers {
		if s, ok := substrates()[kind]; ok && !slices.Contains(out, s.account) {
			out = append(out, s.account)
		}
	}
	return out
}

// pins are the providers of these places that honour a crawler's asked-for address.
func pins(places []fleet.Offering) []fleet.ProviderKind {
	var out []fleet.ProviderKind
	for _, o := range places {
		if substrates()[o.Provider].pins && len(o.Addresses) > 0 && !slices.Contains(out, o.Provider) {
			out = append(out, o.Provider)
		}
	}
	return out
}

// offerings are the places of this fleet.
func offerings(cfg config.Config) []fleet.Offering {
	var out []fleet.Offering
	for _, kind := range cfg.Providers {
		if s, ok := substrates()[kind]; ok {
			out = append(out, s.places(cfg)...)
		}
	}
	for i := range out {
		if cfg.Crawler.IdleAfter > 0 {
			out[i].IdleAfter = fleet.Duration(cfg.Crawler.IdleAfter)
		}
	}
	return out
}

func processPlaces(cfg config.Config) []fleet.Offering {
	places := cfg.Process.Offerings
	if len(places) == 0 {
		places = process.DefaultOfferings(cfg.Process.Capacity)
	}
	return process.Addressed(places, cfg.Process.Loopback, cfg.Process.Addresses)
}

func openProcess(cfg config.Config, dir *config.Dir, p substrateParts) (fleet.Provider, error) {
	program := string(devserver.CrawlerProgram)
	if !p.ending {
		var err error
		if program, err = findProgram(devserver.CrawlerProgram, cfg.Process.Crawler, p.environ); err != nil {
			return nil, err
		}
	}
	places := slices.DeleteFunc(offerings(cfg), func(o fleet.Offering) bool {
		return o.Provider != process.Kind
	})
	return process.New(process.Options{
		Dir: dir.Crawlers(), Program: program, Env: p.env(cfg, process.Kind), Offerings: places, Log: p.log,
	})
}
