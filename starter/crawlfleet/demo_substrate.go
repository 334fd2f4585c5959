package main

import (
	"context"
	"errors"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/devserver"
	"github.com/crawlfleet/crawlfleet/internal/nomadagent"
	"github.com/crawlfleet/crawlfleet/providers/docker"
	"github.com/crawlfleet/crawlfleet/providers/nomad"
	"github.com/crawlfleet/crawlfleet/providers/process"
)

// demoSubstrate is what a demo on one kind of provider needs besides the fleet.
type demoSubstrate struct {
	// start brings up what is not there, and completes the configuration.
	start func(d *demo, ctx context.Context) error
}

// demoSubstrates are the providers that the acts can be played on.
func demoSubstrates() map[string]demoSubstrate {
	return map[string]demoSubstrate{
		string(process.Kind): {start: func(*demo, context.Context) error { return nil }},
		string(nomad.Kind):   {start: (*demo).bindNomad},
		string(docker.Kind):  {start: (*demo).bindDocker},
	}
}

// checkDemoProvider is for the flag.
func checkDemoProvider(name string) error {
	if _, ok := demoSubstrates()[name]; ok {
		return nil
	}
	names := slices.Sorted(maps.Keys(demoSubstrates()))
	return &exitStatus{code: exitUsage, err: fleet.Invalid("provider", name+" cannot be shown",
		"one of "+strings.Join(names, ", "))}
}

// bindNomad has the crawlers run as jobs of a Nomad: the one that NOMAD_ADDR names, which
// has to be on this machine and to run raw_exec, else two nodes of the demo's own.
func (d *demo) bindNomad(ctx context.Context) error {
	n := &d.cfg.Nomad
	n.Driver, n.Command = "raw_exec", d.cfg.Process.Crawler
	n.CPU = 50 // a node of the demo's own gives out more than there is
	d.cfg.Providers = []fleet.ProviderKind{nomad.Kind}
	// As from any other machine they reach the fleet through its gateway alone.
	ports, err := devserver.FreePorts("127.0.0.1", 1)
	if err != nil {
		return err
	}
	d.cfg.Gateway.Listen = net.JoinHostPort("127.0.0.1", strconv.Itoa(ports[0]))
	places := process.Addressed(process.DefaultOfferings(d.cfg.Process.Capacity), d.cfg.Process.Loopback, nil)
	external := d.app.lookupEnv("NOMAD_ADDR")
	for _, o := range places {
		o.Provider, o.Account = nomad.Kind, nomad.Account
		o.ID = fleet.OfferingID(strings.Replace(string(o.ID), string(process.Kind), string(nomad.Kind), 1))
		n.Offerings = append(n.Offerings, config.NomadPlace{Offering: o, Bind: true, Unlabelled: external != ""})
	}
	if external != "" {
		n.Address, n.Namespace = external, d.app.lookupEnv("NOMAD_NAMESPACE")
		n.Token = fleet.Secret(d.app.lookupEnv("NOMAD_TOKEN"))
		return nil
	}
	d.screen.status("starting Nomad")
	return d.startNomad(ctx)
}

// startNomad starts a server that is a node as well, and a second node: one for each of
// the demo's places.
func (d *demo) startNomad(ctx context.Context) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	program, err := nomadagent.Program(filepath.Dir(self))
	if err != nil {
		return err
	}
	var servers []string
	for i, o := range d.cfg.Nomad.Offerings {
		a, err := nomadagent.Start(ctx, nomadagent.Options{
			Program: program, Dir: filepath.Join(d.cfg.DataDir, "nomad", o.Region), Server: i == 0,
			Client: &nomadagent.Client{Servers: servers, Meta: map[string]string{
				"egress_country": o.Country, "egress_ip": strings.Join(o.Addresses, ","),
			}},
		})
		if err != nil {
			return err
		}
		d.nomad = append(d.nomad, a)
		servers = []string{d.nomad[0].RPC()}
	}
	d.cfg.Nomad.Address = d.nomad[0].Address()
	return nil
}

// stopNomad ends the demo's own nodes, which run nothing any more. Their logs stay.
func (d *demo) stopNomad() (err error) {
	for _, a := range slices.Backward(d.nomad) {
		err = errors.Join(err, a.Stop(), a.Tidy())
	}
	return err
}
