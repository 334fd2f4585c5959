package config

import (
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"slices"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Docker is a Docker Engine as a substrate.
type Docker struct {
	Host  string `name:"host" help:"where the Docker engine listens: unix:///path or tcp://host:port; empty for DOCKER_HOST, else the system's socket"`
	Certs string `name:"certs" help:"directory with ca.pem, cert.pem and key.pem for an engine that is reached over TCP"`
	Image string `name:"image" help:"the crawler's image"`
	// Network is made when it is missing.
	Network   string       `name:"network" help:"name of the crawlers' network; empty for one of the fleet's own"`
	Subnet    netip.Prefix `name:"subnet" help:"the network's subnet, in which each crawler has an address of its own; empty for one of the engine's choice, and none"`
	Addresses []netip.Addr `name:"addresses" help:"addresses of the subnet for crawlers (comma-separated); empty for all but the first 16"`
	Memory    int          `name:"memory" help:"MB for each crawler"`
	CPUs      float64      `name:"cpus" help:"processors for each crawler"`
	PIDs      int          `name:"pids" help:"processes and threads for each crawler"`
	// Offerings are the places; none for the provider's own two.
	Offerings []fleet.Offering `name:"offerings" help:"places of the engine, as a JSON list; empty for two with default prices"`
	Capacity  int              `name:"capacity" help:"crawlers at one time in each of the default places"`
}

func defaultDocker() Docker {
	return Docker{
		Image: "crawlfleet-crawler:dev", // as make images names it
		// 30 MB while idle, a window of large pages while busy, threads of a large machine.
		Memory: 256, CPUs: 1, PIDs: 256,
		Capacity: 8,
	}
}

// networkName is what the engine takes.
var networkName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$`)

// checkDocker is for a fleet that uses it.
func (c Config) checkDocker() error {
	if !slices.Contains(c.Providers, "docker") {
		return nil
	}
	d := c.Docker
	if err := d.checkEngine(); err != nil {
		return err
	}
	if err := d.checkNetwork(); err != nil {
		return err
	}
	switch {
	case d.Image == "":
		return fleet.Invalid("docker.image", "is empty", "the crawler's image")
	case d.Memory < 32: // a crawler does not start in less
		return fleet.Invalid("docker.memory", fmt.Sprintf("%d is out of range", d.Memory), "32 or more")
	case d.CPUs < 0.01: // the engine's own least
		return fleet.Invalid("docker.cpus", fmt.Sprintf("%g is out of range", d.CPUs), "0.01 or more")
	case d.PIDs < 16:
		return fleet.Invalid("docker.pids", fmt.Sprintf("%d is out of range", d.PIDs), "16 or more")
	case d.Capacity < 1 || d.Capacity > 1000:
		return fleet.Invalid("docker.capacity", fmt.Sprintf("%d is out of range", d.Capacity), "1 to 1000")
	}
	seen := map[fleet.OfferingID]bool{}
	for i, o := range d.Offerings {
		if err := checkOffering(fmt.Sprintf("docker.offerings[%d].", i), "docker", o, seen); err != nil {
			return err
		}
		seen[o.ID] = true
	}
	return nil
}

func (d Docker) checkEngine() error {
	if d.Host == "" {
		return nil
	}
	u, err := url.Parse(d.Host)
	if err != nil || u.Scheme != "unix" && u.Scheme != "tcp" || u.User != nil {
		return fleet.Invalid("docker.host", fmt.Sprintf("%q is not the address of an engine", d.Host),
			"unix:///path or tcp://host:port")
	}
	if u.Scheme == "tcp" && d.Certs == "" {
		if a, err := netip.ParseAddr(u.Hostname()); err != nil || !a.IsLoopback() {
			return fleet.Invalid("docker.certs", "is empty: whoever reaches that engine has its machine",
				"a directory with ca.pem, cert.pem and key.pem")
		}
	}
	return nil
}

func (d Docker) checkNetwork() error {
	if d.Network != "" && !networkName.MatchString(d.Network) {
		return fleet.Invalid("docker.network", fmt.Sprintf("%q is not a name", d.Network),
			"letters, digits, '_', '.' and '-'")
	}
	if !d.Subnet.IsValid() {
		if len(d.Addresses) > 0 {
			return fleet.Invalid("docker.addresses", "are of no network", "docker.subnet, too")
		}
		return nil
	}
	// Of 32 addresses, the first 16 and the last are nobody's.
	if !d.Subnet.Addr().Is4() || d.Subnet.Bits() > 27 || d.Subnet.Bits() < 8 {
		return fleet.Invalid("docker.subnet", d.Subnet.String()+" is not valid", "an IPv4 network of /8 to /27")
	}
	for i, a := range d.Addresses {
		if !d.Subnet.Contains(a) || a == d.Subnet.Masked().Addr() || a == d.Subnet.Masked().Addr().Next() {
			return fleet.Invalid(fmt.Sprintf("docker.addresses[%d]", i), a.String()+" is not one of the subnet's",
				"addresses of docker.subnet, its first one apart")
		}
	}
	return nil
}
