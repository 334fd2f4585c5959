package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/devserver"
	"github.com/crawlfleet/crawlfleet/internal/image"
	"github.com/crawlfleet/crawlfleet/providers/docker"
)

// demoDocker is a demo's engine, with the network that its crawlers are in.
type demoDocker struct {
	engine   *client.Client
	provider *docker.Provider
}

// bindDocker has the crawlers run as containers of the engine on this machine, in a network
// of the demo's own: the gateway and the bundled site listen on this machine's address there.
func (d *demo) bindDocker(ctx context.Context) error {
	host := d.app.lookupEnv("DOCKER_HOST")
	engine, err := client.New(client.WithHost(orSocket(host)))
	if err != nil {
		return fleet.Invalid("DOCKER_HOST", err.Error(), "unix:///path")
	}
	d.docker.engine = engine
	if _, err := engine.Ping(ctx, client.PingOptions{}); err != nil {
		return fleet.Errorf(fleet.CodeUnavailable, "the Docker engine does not answer: "+err.Error()).
			WithHint("start it; this user has to reach its socket").Because(err)
	}
	d.cfg.Providers, d.cfg.Docker.Host = []fleet.ProviderKind{docker.Kind}, host
	if err := d.crawlerImage(ctx); err != nil {
		return err
	}
	n, err := d.demoNetwork(ctx)
	if err != nil {
		return err
	}
	ports, err := devserver.FreePorts(n.Gateway.String(), 1)
	if err != nil {
		return fmt.Errorf("%w: is the engine on another machine?", err)
	}
	d.cfg.Gateway.Listen = netip.AddrPortFrom(n.Gateway, uint16(ports[0])).String()
	d.cfg.Gateway.HTTP = ""
	if d.o.url == "" {
		site := netip.AddrPortFrom(n.Gateway, 0).String()
		d.siteHosts = []string{site, site}
		// Not loopback, which is the containers' own: this machine's one address there.
		d.cfg.AllowPrivate = append(slices.DeleteFunc(d.cfg.AllowPrivate, func(p netip.Prefix) bool {
			return p == demoLoopback()
		}), netip.PrefixFrom(n.Gateway, n.Gateway.BitLen()))
	}
	return nil
}

// orSocket is the system's own socket where the environment names no engine.
func orSocket(host string) string {
	if host == "" {
		return client.DefaultDockerHost
	}
	return host
}

// crawlerImage makes the image of the crawler's program where the engine does not have it.
// Its tag is the program's own, so that another program is another image.
func (d *demo) crawlerImage(ctx context.Context) error {
	sum, err := digest(d.cfg.Process.Crawler)
	if err != nil {
		return err
	}
	d.cfg.Docker.Image = image.Crawler + ":" + sum
	missing, err := image.Missing(ctx, d.docker.engine, d.cfg.Docker.Image)
	if err != nil || !missing {
		return err
	}
	d.screen.note("making the image %s, once", d.cfg.Docker.Image)
	_, err = image.Image{Ref: d.cfg.Docker.Image, Program: d.cfg.Process.Crawler}.Load(ctx, d.docker.engine)
	return err
}

// digest names a file by its content.
func digest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("read the crawler's program: %w", err)
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil))[:12], errors.Join(err, f.Close())
}

// demoSubnets is how many networks are tried: nobody has that many demos.
const demoSubnets = 64

// demoNetwork makes the network in a subnet that nobody has.
func (d *demo) demoNetwork(ctx context.Context) (n docker.Network, err error) {
	start := sha256.Sum256([]byte(d.dir.Stamp.Fleet))
	for i := range demoSubnets {
		d.cfg.Docker.Subnet = netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 213, start[0] + byte(i), 0}), 24)
		d.docker.provider, err = dockerProvider(d.cfg, d.dir.Stamp.Fleet, substrateParts{
			environ: d.app.Environ, ending: true, log: d.log,
		})
		if err != nil {
			return n, err
		}
		if n, err = d.docker.provider.Network(ctx); fleet.ClassOf(err) != fleet.ClassFatal {
			return n, err
		}
		if err := d.docker.provider.Close(); err != nil {
			return n, err
		}
	}
	return n, err
}

// containers lists the demo's crawlers as the engine has them, by their processes.
func (d *demo) containers(ctx context.Context) ([]machineProcess, error) {
	var all []machineProcess
	for i, err := range d.docker.provider.List(ctx, fleet.Filter{Fleet: d.dir.Stamp.Fleet}) {
		if err != nil {
			return nil, err
		}
		if i.Phase == fleet.PhaseExited || i.Phase == fleet.PhasePending {
			continue
		}
		c, err := d.docker.engine.ContainerInspect(ctx, i.ProviderID, client.ContainerInspectOptions{})
		if errdefs.IsNotFound(err) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("inspect container %s: %w", i.ProviderID, err)
		}
		all = append(all, machineProcess{PID: c.Container.State.Pid, GUID: i.GUID})
	}
	return all, nil
}

// killContainer sends the signal by way of the engine, behind the fleet's back.
func (d *demo) killContainer(ctx context.Context, victim machineProcess) error {
	i, err := d.docker.provider.Describe(ctx, fleet.Key{
		Fleet: d.dir.Stamp.Fleet, Tenant: d.tenant, GUID: victim.GUID,
	})
	if err != nil {
		return err
	}
	_, err = d.docker.engine.ContainerKill(ctx, i.ProviderID, client.ContainerKillOptions{Signal: "SIGKILL"})
	return err
}

// stopDocker keeps the crawlers' logs beside the fleet's, and removes their containers and
// the network.
func (d *demo) stopDocker(ctx context.Context) error {
	if d.docker.engine == nil {
		return nil
	}
	var err error
	if d.docker.provider != nil {
		d.keepLogs(ctx)
		err = errors.Join(d.docker.provider.Clear(ctx), d.docker.provider.Close())
	}
	return errors.Join(err, d.docker.engine.Close())
}

// keepLogs writes them where those of processes are, for crawlfleet crawler logs.
func (d *demo) keepLogs(ctx context.Context) {
	all, err := d.docker.provider.Left(ctx)
	err = errors.Join(err, os.MkdirAll(d.dir.Crawlers(), 0o700))
	for _, k := range all {
		err = errors.Join(err, d.keepLog(ctx, k))
	}
	if err != nil { // they are for a look afterwards, and no reason to fail
		d.log.Warn("keep the crawlers' logs", zap.Error(err))
	}
}

func (d *demo) keepLog(ctx context.Context, k fleet.Key) error {
	f, err := os.OpenFile(d.dir.CrawlerLog(k.GUID), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(d.docker.provider.Logs(ctx, k, f, false), f.Close())
}
