package docker

import (
	"context"
	"errors"
	"io"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/pkg/stdcopy"
	"github.com/moby/moby/client"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Logs copies a container's output, from its start or from where it was cut. There is one
// until the crawler is purged.
func (p *Provider) Logs(ctx context.Context, k fleet.Key, to io.Writer, follow bool) error {
	r, err := p.find(ctx, opLogs, k.GUID)
	if err != nil {
		return err
	}
	if r.Key != k {
		return notFound(opLogs, k)
	}
	both, err := p.api.ContainerLogs(ctx, r.ProviderID, client.ContainerLogsOptions{
		ShowStdout: true, ShowStderr: true, Follow: follow,
	})
	if errdefs.IsNotFound(err) {
		return notFound(opLogs, k)
	}
	if err != nil {
		return asked(opLogs, err)
	}
	// The engine sends both outputs in one stream, each piece with a head.
	_, err = stdcopy.StdCopy(to, to, both)
	err = errors.Join(err, both.Close())
	if ctx.Err() != nil || err == nil {
		return nil
	}
	return asked(opLogs, err)
}
