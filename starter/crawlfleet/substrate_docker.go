package main

import (
	"cmp"
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/providers/docker"
)

func dockerPlaces(cfg config.Config) []fleet.Offering {
	d := cfg.Docker
	places := d.Offerings
	if len(places) == 0 {
		places = docker.DefaultOfferings(d.Capacity)
	}
	return docker.Addressed(places, d.Subnet, d.Addresses)
}

// networkWithin is for the engine's answer when a fleet starts.
const networkWithin = 10 * time.Second

// openDocker makes the crawlers' network, too: the gateway listens on this machine's address
// there, and is started next. An engine that is away is asked again with the first launch.
func openDocker(cfg config.Config, dir *config.Dir, p substrateParts) (fleet.Provider, error) {
	if !p.ending && !cfg.Gateway.On() {
		return nil, fleet.Invalid("gateway.listen", "is empty, and crawlers in containers reach nothing else of ours",
			"this machine's address in the crawlers' network, host:port").
			WithHint("the first address of docker.subnet; or gateway.url of a gateway elsewhere")
	}
	d, err := dockerProvider(cfg, dir.Stamp.Fleet, p)
	if err != nil || p.ending {
		return d, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), networkWithin)
	defer cancel()
	if _, err := d.Network(ctx); err != nil {
		if fleet.ClassOf(err) == fleet.ClassFatal {
			return nil, errors.Join(err, d.Close())
		}
		p.log.Warn("make the crawlers' network", zap.Error(err))
	}
	return d, nil
}

func dockerProvider(cfg config.Config, id fleet.FleetID, p substrateParts) (*docker.Provider, error) {
	d := cfg.Docker
	host, _ := lookup(p.environ)("DOCKER_HOST") // empty where there is none
	return docker.New(docker.Options{
		Host: cmp.Or(d.Host, host), CertDir: d.Certs, Image: d.Image,
		// Two fleets on one engine have a network each.
		Network: cmp.Or(d.Network, "crawlfleet-"+string(id)), Subnet: d.Subnet,
		Offerings: dockerPlaces(cfg), Env: p.remote, Log: p.log,
		Limits: docker.Limits{Memory: int64(d.Memory) << 20, CPUs: d.CPUs, PIDs: int64(d.PIDs)},
	})
}
