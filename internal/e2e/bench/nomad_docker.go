package main

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"github.com/hashicorp/nomad/api"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// nomadContainers compares cold starts by Nomad's docker driver, on a rig and a node of their
// own: the crawlers of both sides are containers of one image in one network.
func nomadContainers(ctx context.Context, o options, stderr io.Writer) (t coldTable, err error) {
	dir, err := os.MkdirTemp("", "crawlfleet-bench-nomad-")
	if err != nil {
		return t, err
	}
	agent, err := startAgent(ctx, o, filepath.Join(dir, "nomad"))
	if err != nil {
		return t, errors.Join(err, os.RemoveAll(dir))
	}
	d := &dockerRig{}
	// The node outlives what runs on it.
	defer func() {
		err = errors.Join(err, d.close(context.WithoutCancel(ctx)), agent.Stop(), agent.Remove(), os.RemoveAll(dir))
	}()
	jobs, err := api.NewClient(&api.Config{Address: agent.Address(), TLSConfig: &api.TLSConfig{}})
	if err != nil {
		return t, err
	}
	err = d.open(ctx, o, stderr, func() map[string]string {
		return map[string]string{
			"providers": "nomad", "nomad-address": agent.Address(), "nomad-driver": "docker",
			"nomad-image": d.image, "nomad-network": d.name, "nomad-cpu": "20", "nomad-memory": "96",
		}
	})
	if err != nil {
		return t, err
	}
	t, err = inTurns(ctx, o.cold, d.coldTicket, func(ctx context.Context) (moments, error) {
		return d.coldBare(ctx, func(ctx context.Context, g fleet.GUID, slots int) (func() error, error) {
			return register(ctx, jobs, bareJob(g, "docker", d.containerEnv(g, slots), map[string]any{
				"image": d.image, "force_pull": false, "network_mode": d.name,
				"args": []string{"--guid", string(g)},
			}))
		})
	})
	return t, errors.Join(err, d.noCrawler(context.WithoutCancel(ctx), coldTenant))
}
