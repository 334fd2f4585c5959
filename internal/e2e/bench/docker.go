package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/devserver"
	"github.com/crawlfleet/crawlfleet/internal/e2e"
	"github.com/crawlfleet/crawlfleet/internal/image"
	"github.com/crawlfleet/crawlfleet/providers/docker"
)

// dockerRow is what crawlers in containers behind a gateway take to start, beside
// containers of the same image that the engine is asked for, and that reach the same
// Temporal server directly.
type dockerRow struct {
	Cold     coldTable `json:"cold"`
	IdleMB   float64   `json:"idleMB"`   // of an idle crawler's container, without its page cache
	Crawlers int       `json:"crawlers"` // at once
	Seconds  float64   `json:"seconds"`  // until all serve
	Bound    float64   `json:"bound"`    // until as many bare ones have said hello
	Ratio    float64   `json:"ratio"`
}

const (
	dockerCrowd = fleet.TenantID("containers")
	// dockerAtATime is how many launches the bare side has under way: as many as two
	// processors keep busy, found by trying (facts of the engine: 8).
	dockerAtATime = 8
	// dockerTidy is for the removal of a hundred containers on a busy machine.
	dockerTidy = 5 * time.Minute
)

// dockerRig is a rig whose crawlers are containers.
type dockerRig struct {
	*rig
	engine   *client.Client
	provider *docker.Provider
	image    string
	name     string // of the network
	network  docker.Network
	ways     []*e2e.Wire // to Temporal and to the bare data plane: the bare side has no gateway
}

// docker measures on a rig of its own.
func (r *rig) docker(ctx context.Context, o options, stderr io.Writer) (row dockerRow, err error) {
	d := &dockerRig{}
	defer func() { err = errors.Join(err, d.close(context.WithoutCancel(ctx))) }()
	err = d.open(ctx, o, stderr, func() map[string]string {
		return map[string]string{
			"providers": string(docker.Kind), "docker-image": d.image, "docker-network": d.name,
			"docker-subnet": d.network.Subnet.String(), "docker-capacity": "200",
		}
	})
	if err != nil {
		return row, err
	}
	if row.Cold, err = inTurns(ctx, o.cold, d.coldTicket, d.coldContainer); err != nil {
		return row, fmt.Errorf("cold starts: %w", err)
	}
	if row.IdleMB, err = d.idleMB(ctx); err != nil {
		return row, fmt.Errorf("an idle container: %w", err)
	}
	row.Crawlers = o.atOnce
	if row.Bound, err = d.engineAtOnce(ctx, o.atOnce); err != nil {
		return row, fmt.Errorf("%d bare containers at once: %w", o.atOnce, err)
	}
	if row.Seconds, err = d.fleetAtOnce(ctx, o.atOnce); err != nil {
		return row, fmt.Errorf("%d crawlers at once: %w", o.atOnce, err)
	}
	row.Ratio = row.Seconds / row.Bound
	return row, nil
}

func (d *dockerRig) coldContainer(ctx context.Context) (moments, error) {
	return d.coldBare(ctx, d.contain)
}

// open makes image and network, then starts a fleet with settings that may name them.
func (d *dockerRig) open(
	ctx context.Context, o options, stderr io.Writer, settings func() map[string]string,
) (err error) {
	if d.engine, err = client.New(client.FromEnv); err != nil {
		return err
	}
	id := uuid.NewString()[:8]
	d.image = image.Crawler + ":bench-" + id
	i := image.Image{Ref: d.image, Program: o.bin + "/" + string(devserver.CrawlerProgram)}
	if _, err := i.Load(ctx, d.engine); err != nil {
		return fmt.Errorf("the part docker needs a Docker engine: %w", err)
	}
	d.name = "crawlfleet-bench-" + id
	if err := d.openNetwork(ctx); err != nil {
		return err
	}
	ip := d.network.Gateway.String()
	ports, err := devserver.FreePorts(ip, 1)
	if err != nil {
		return err
	}
	all := settings()
	all["gateway-listen"] = ip + ":" + strconv.Itoa(ports[0])
	d.rig, err = newRigAt(ctx, o, stderr, where{
		hosts: []string{ip + ":0", ip + ":0"}, allow: ip + "/32", gateway: true, settings: all,
	})
	if err != nil {
		return err
	}
	for _, target := range []string{d.fleet.Temporal, strings.TrimPrefix(d.plane, "http://")} {
		w, err := e2e.NewWire(ip, target)
		if err != nil {
			return err
		}
		d.ways = append(d.ways, w)
	}
	return nil
}

// openNetwork makes the crawlers' network in a subnet that nobody has, with room for a
// hundred of each side.
func (d *dockerRig) openNetwork(ctx context.Context) (err error) {
	for third := byte(0); third < 240; third += 4 {
		subnet := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 214, third, 0}), 22)
		d.provider, err = docker.New(docker.Options{Image: d.image, Network: d.name, Subnet: subnet})
		if err != nil {
			return err
		}
		if d.network, err = d.provider.Network(ctx); fleet.ClassOf(err) != fleet.ClassFatal {
			return err
		}
		if err := d.provider.Close(); err != nil {
			return err
		}
	}
	return err
}

// containerEnv is a bare crawler's that reaches its two listeners from a container.
func (d *dockerRig) containerEnv(g fleet.GUID, slots int) []string {
	return append(d.crawlerEnv(g, slots), "TEMPORAL_ADDRESS="+d.ways[0].Address(),
		fleet.EnvDataPlane+"=http://"+d.ways[1].Address())
}

// contain asks the engine for a container of the crawler's image, and nobody else.
func (d *dockerRig) contain(ctx context.Context, g fleet.GUID, slots int) (func() error, error) {
	env := d.containerEnv(g, slots)
	made, err := d.engine.ContainerCreate(ctx, client.ContainerCreateOptions{
		Name:       "bench-" + string(g),
		Config:     &container.Config{Image: d.image, Env: env},
		HostConfig: &container.HostConfig{NetworkMode: container.NetworkMode(d.network.ID)},
	})
	if err != nil {
		return nil, err
	}
	stop := func() error {
		_, err := d.engine.ContainerRemove(context.WithoutCancel(ctx), made.ID, client.ContainerRemoveOptions{Force: true})
		return err
	}
	if _, err := d.engine.ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
		return nil, errors.Join(err, stop())
	}
	return stop, nil
}

// idleMB is the memory of the fleet's crawler that has served a ticket and is idle.
func (d *dockerRig) idleMB(ctx context.Context) (float64, error) {
	if _, err := d.coldTicket(ctx); err != nil {
		return 0, err
	}
	select { // it gives back what it does not need after two
	case <-ctx.Done():
		return 0, ctx.Err()
	case <-time.After(5 * time.Second):
	}
	live, err := d.fleet.Control.Crawlers(ctx, coldTenant)
	if err != nil || len(live) != 1 {
		return 0, errors.Join(err, fmt.Errorf("%d crawlers are live", len(live)))
	}
	stats, err := d.engine.ContainerStats(ctx, "crawl-"+string(live[0].GUID), client.ContainerStatsOptions{})
	if err != nil {
		return 0, err
	}
	var s container.StatsResponse
	err = json.NewDecoder(stats.Body).Decode(&s)
	if err := errors.Join(err, stats.Body.Close()); err != nil {
		return 0, err
	}
	// Its own pages; by the names of the two versions of control groups.
	own := max(s.MemoryStats.Stats["total_rss"], s.MemoryStats.Stats["anon"])
	return float64(own) / (1 << 20), nil
}

// engineAtOnce asks the engine for n containers, and waits until all have said hello.
func (d *dockerRig) engineAtOnce(ctx context.Context, n int) (float64, error) {
	began := time.Now()
	stops, errs := make([]func() error, n), make([]error, n)
	turns := make(chan struct{}, dockerAtATime)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			g := newGUID()
			turns <- struct{}{}
			stops[i], errs[i] = d.contain(ctx, g, 1)
			<-turns
			if errs[i] == nil {
				_, errs[i] = d.hello(ctx, g)
			}
		})
	}
	all.Wait()
	seconds, err := time.Since(began).Seconds(), errors.Join(errs...)
	for _, stop := range stops {
		if stop != nil {
			err = errors.Join(err, stop())
		}
	}
	return seconds, err
}

// fleetAtOnce starts tickets that need a crawler each, and waits until all serve.
func (d *dockerRig) fleetAtOnce(ctx context.Context, n int) (seconds float64, err error) {
	if err := d.newTenant(ctx, dockerCrowd, fleet.Plan{MaxCrawlers: n, SlotsPerCrawler: 1}); err != nil {
		return 0, err
	}
	if err := d.noCrawler(ctx, dockerCrowd); err != nil {
		return 0, err
	}
	d.site.SetPageDelay(hold) // nobody is free before all are there
	defer d.site.SetPageDelay(0)
	began := time.Now()
	var ids []string
	for range n {
		k, err := d.fleet.Client.StartTicket(ctx, onePage(dockerCrowd, d.page))
		if err != nil {
			return 0, err
		}
		ids = append(ids, k.WorkflowID)
	}
	err = untilWithin(ctx, hold, "the crawlers to serve", func() (bool, error) {
		live, err := d.fleet.Control.Crawlers(ctx, dockerCrowd)
		serving := 0
		for _, c := range live {
			if !c.Times.Serving.IsZero() {
				serving++
				seconds = max(seconds, c.Times.Serving.Sub(began).Seconds())
			}
		}
		return serving >= n, err
	})
	for _, id := range ids {
		err = errors.Join(err, d.fleet.Client.CancelTicket(ctx, id))
	}
	return seconds, errors.Join(err, d.noCrawler(ctx, dockerCrowd))
}

func (d *dockerRig) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, dockerTidy)
	defer cancel()
	var err error
	if d.rig != nil {
		err = d.rig.close(ctx)
	}
	for _, w := range d.ways {
		err = errors.Join(err, w.Close())
	}
	if d.provider != nil && d.network.ID != "" {
		err = errors.Join(err, d.provider.Clear(ctx), d.provider.Close())
	}
	if d.engine == nil {
		return err
	}
	if d.image != "" {
		_, removing := d.engine.ImageRemove(ctx, d.image, client.ImageRemoveOptions{Force: true})
		err = errors.Join(err, removing)
	}
	return errors.Join(err, d.engine.Close())
}

func (row dockerRow) print(line func(...string)) {
	row.Cold.print(line, "on Docker", "container")
	line("idle container", fmt.Sprintf("%.1f MB", row.IdleMB))
	line(fmt.Sprintf("%d crawlers at once on Docker", row.Crawlers), "s", "bare containers s", "ratio")
	line("until all serve", fmt.Sprintf("%.2f", row.Seconds), fmt.Sprintf("%.2f", row.Bound),
		fmt.Sprintf("%.2f", row.Ratio), aim(row.Ratio <= aimAtOnce, fmt.Sprintf("≤ %d", aimAtOnce)))
	line()
}
