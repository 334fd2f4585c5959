package e2e

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/crawlfleet/crawlfleet/internal/devserver"
)

// prepare settles ports, environment and the crawler's program.
func (f *Fleet) prepare() error {
	ports, err := devserver.FreePorts(loopback, 6)
	if err != nil {
		return err
	}
	f.ports.temporal, f.ports.plane, f.ports.health, f.ports.server = ports[0], ports[1], ports[2], ports[3]
	f.ports.gateway, f.ports.gatewayHealth = ports[4], ports[5]
	f.Temporal = net.JoinHostPort(loopback, strconv.Itoa(f.ports.temporal))
	f.Plane = net.JoinHostPort(loopback, strconv.Itoa(f.ports.plane))
	f.Health = net.JoinHostPort(loopback, strconv.Itoa(f.ports.health))
	f.ServerHealth = net.JoinHostPort(loopback, strconv.Itoa(f.ports.server))
	if f.o.Gateway {
		f.Gateway = net.JoinHostPort(loopback, strconv.Itoa(f.ports.gateway))
		f.GatewayHealth = net.JoinHostPort(loopback, strconv.Itoa(f.ports.gatewayHealth))
	}
	if f.o.Wires {
		if err := f.layWires(); err != nil {
			return err
		}
	}
	f.base = f.environment()
	if f.o.Data != "" {
		if err := os.Symlink(f.o.Data, f.DataDir()); err != nil {
			return err
		}
	}
	if err := os.Symlink(f.programs.Crawlfleet, f.command()); err != nil {
		return err
	}
	return f.UseCrawler(f.programs.Crawler)
}

// environment is what the programs are given: nothing of the user's own but what the
// system needs, and the settings.
func (f *Fleet) environment() []string {
	settings := map[string]string{
		"data-dir":      filepath.Join(f.Dir, "fleet"),
		"allow-private": "127.0.0.0/8", "contact": "e2e@example.org",
		"temporal-port": strconv.Itoa(f.ports.temporal), "temporal-ui-port": "-1",
		"temporal-server":   f.programs.Server,
		"data-plane-listen": f.Plane,
		"http-listen":       f.Health,
		"web-listen":        "",
		"process-crawler":   f.crawler(), "process-capacity": "200",
		"nomad-driver": "raw_exec", "nomad-command": f.crawler(), "nomad-cpu": "20", "nomad-memory": "96",
		// A network of its own: two fleets of one machine share no source address.
		"process-loopback":   fmt.Sprintf("127.%d.16.0/23", 64+fleets.Add(1)%128),
		"crawler-idle-after": "2s",
		// Crawlers of a run that was itself killed end by themselves.
		"crawler-orphan-after": "1m",
		"cooldown-capacity":    "2s", "cooldown-quota": "2s", "cooldown-failure": "2s",
	}
	if f.o.Gateway {
		settings["gateway-listen"], settings["gateway-http"] = f.Gateway, f.GatewayHealth
		settings["gateway-all"] = "true"
	}
	if f.o.Wires {
		settings["gateway-url"] = "https://" + f.Wires.Gateway.Address()
		settings["gateway-data-plane"] = "http://" + f.Wires.Plane.Address()
	}
	if f.o.Store != "" {
		settings["store"] = f.o.Store.Reveal()
	}
	maps.Copy(settings, f.o.Settings)
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + f.Dir, "NO_COLOR=1"}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		env = append(env, "CRAWLFLEET_"+strings.ToUpper(strings.ReplaceAll(name, "-", "_"))+"="+settings[name])
	}
	return env
}

// crawler is the name under which this fleet starts crawlers: in the process table it
// tells them from those of others.
func (f *Fleet) crawler() string { return filepath.Join(f.Dir, "crawlfleet-crawler") }

// command is the name under which this fleet starts the command line, for the same reason.
func (f *Fleet) command() string { return filepath.Join(f.Dir, "crawlfleet") }

// UseCrawler has the next crawlers started from another program.
func (f *Fleet) UseCrawler(program string) error {
	fresh := f.crawler() + ".new"
	if err := os.Symlink(program, fresh); err != nil {
		return err
	}
	return os.Rename(fresh, f.crawler())
}

// DataDir is the fleet's data directory.
func (f *Fleet) DataDir() string { return filepath.Join(f.Dir, "fleet") }

func (f *Fleet) log(name string) string { return filepath.Join(f.Dir, "logs", name+".log") }

// layWires makes the wires to what will listen.
func (f *Fleet) layWires() (err error) {
	for _, w := range []struct {
		wire **Wire
		to   string
	}{{&f.Wires.Gateway, f.Gateway}, {&f.Wires.Temporal, f.Temporal}, {&f.Wires.Plane, f.Plane}} {
		if *w.wire, err = NewWire(loopback, w.to); err != nil {
			return err
		}
	}
	f.Upstream = f.Wires.Temporal.Address()
	return nil
}

// atServer is the environment of a program that is to use this fleet's server.
func (f *Fleet) atServer() []string { return f.at(f.Temporal) }

func (f *Fleet) at(temporal string) []string {
	return append(slices.Clone(f.base), "TEMPORAL_ADDRESS="+temporal, "TEMPORAL_NAMESPACE=default")
}

// environ is the environment of a program that has to find this fleet: of one under dev
// it is found through the data directory.
func (f *Fleet) environ() []string {
	if f.o.Dev && !f.o.External {
		return f.base
	}
	return f.atServer()
}
