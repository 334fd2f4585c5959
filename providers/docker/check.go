package docker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/client"

	"github.com/crawlfleet/crawlfleet/fleet"
)

var _ fleet.Checker = (*Provider)(nil)

// Check asks the engine for itself, the image and the network.
func (p *Provider) Check(ctx context.Context) []fleet.Finding {
	engine, err := p.api.ServerVersion(ctx, client.ServerVersionOptions{})
	if err != nil {
		return []fleet.Finding{{
			Thing: "engine", Says: "it does not answer: " + err.Error(), Fails: true,
			Type: "docker " + p.at() + "version  # runs it, and may this user reach its socket?",
		}}
	}
	return []fleet.Finding{
		{Thing: "engine", Says: fmt.Sprintf("version %s, %s/%s", engine.Version, engine.Os, engine.Arch)},
		p.checkImage(ctx, engine.Arch), p.checkNetwork(ctx),
	}
}

// at are the options with which the engine's own command line reaches it.
func (p *Provider) at() string {
	if p.o.Host == "" {
		return ""
	}
	tls := ""
	if p.o.CertDir != "" {
		tls = fmt.Sprintf("--tlsverify --tlscacert %[1]s/ca.pem --tlscert %[1]s/cert.pem --tlskey %[1]s/key.pem ", p.o.CertDir)
	}
	return "--host " + p.o.Host + " " + tls
}

func (p *Provider) checkImage(ctx context.Context, arch string) fleet.Finding {
	f := fleet.Finding{Thing: "image"}
	i, err := p.api.ImageInspect(ctx, p.o.Image)
	switch {
	case errdefs.IsNotFound(err):
		f.Fails, f.Says = true, fmt.Sprintf("the engine does not have %s, and the provider pulls none", p.o.Image)
		f.Type = "make images  # or: docker " + p.at() + "pull " + p.o.Image
	case err != nil:
		f.Fails, f.Says, f.Type = true, err.Error(), "docker "+p.at()+"image inspect "+p.o.Image
	case i.Architecture != "" && i.Architecture != arch:
		f.Says = fmt.Sprintf("%s is for %s, and the engine's machine is %s", p.o.Image, i.Architecture, arch)
		f.Type = "make images  # on such a machine"
	default:
		f.Says = fmt.Sprintf("%s, %.1f MiB", p.o.Image, float64(i.Size)/(1<<20))
	}
	return f
}

func (p *Provider) checkNetwork(ctx context.Context) fleet.Finding {
	f := fleet.Finding{Thing: "network"}
	n, there, err := p.lookNetwork(ctx)
	switch {
	case err != nil:
		f.Fails, f.Says, f.Type = true, err.Error(), "docker "+p.at()+"network inspect "+p.o.Network
		if e := (*fleet.Error)(nil); errors.As(err, &e) {
			f.Says, f.Type = strings.TrimSpace(e.Field+" "+e.Message), cmp.Or(e.Hint, f.Type)
		}
	case !there:
		f.Says = p.o.Network + " does not exist yet; the control worker makes it when it starts"
		f.Type = "crawlfleet dev  # or crawlfleet worker"
	default:
		f.Says = fmt.Sprintf("%s, %s, this machine is %s there", p.o.Network, n.Subnet, n.Gateway)
	}
	return f
}
