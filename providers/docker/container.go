package docker

import (
	"net/netip"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// guidFlag is the argument that makes a crawler findable in the machine's process table.
const guidFlag = "--guid"

// user is nobody of the image and of the machine.
const user = "65532:65532"

// The container's log is cut in turns: what a crawler writes in some days, and of a flood
// the end.
const (
	logDriver = "local"
	logSize   = "4m"
	logFiles  = "2"
)

// container describes one crawler to the engine.
func (p *Provider) container(
	s fleet.Spec, address string, n Network,
) client.ContainerCreateOptions {
	off, pids := false, p.o.Limits.PIDs
	endpoint := &network.EndpointSettings{NetworkID: n.ID}
	if o, _ := p.offering(s.Offering); o.Egress == fleet.EgressOwn {
		a := netip.MustParseAddr(address) // checked by New
		endpoint.IPAMConfig = &network.EndpointIPAMConfig{IPv4Address: a}
	}
	return client.ContainerCreateOptions{
		Name: name(s.GUID),
		Config: &container.Config{
			Image: p.o.Image, User: user, Env: p.environment(s), Cmd: []string{guidFlag, string(s.GUID)},
			Labels: map[string]string{
				labelFleet: string(s.Fleet), labelTenant: string(s.Tenant), labelGUID: string(s.GUID),
				labelOffering: string(s.Offering), labelAddress: address, labelNetwork: p.o.Network,
			},
		},
		HostConfig: &container.HostConfig{
			NetworkMode: container.NetworkMode(n.ID),
			// The workflow decides whether another is started.
			RestartPolicy:  container.RestartPolicy{Name: container.RestartPolicyDisabled},
			ReadonlyRootfs: true,
			CapDrop:        []string{"ALL"},
			SecurityOpt:    []string{"no-new-privileges"},
			IpcMode:        container.IPCModePrivate,
			// Its program is the first process: it takes SIGTERM itself, and has no children.
			Init: &off,
			LogConfig: container.LogConfig{Type: logDriver, Config: map[string]string{
				"max-size": logSize, "max-file": logFiles,
			}},
			Resources: container.Resources{
				// As much with swap as without: none.
				Memory: p.o.Limits.Memory, MemorySwap: p.o.Limits.Memory,
				NanoCPUs: int64(p.o.Limits.CPUs * 1e9), PidsLimit: &pids,
			},
		},
		NetworkingConfig: &network.NetworkingConfig{
			EndpointsConfig: map[string]*network.EndpointSettings{n.ID: endpoint},
		},
	}
}
