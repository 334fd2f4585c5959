package docker_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/providers/providertest"
)

func TestCrash_OfTheConnectionAfterTheRequestIsAmbiguousAndHealed(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/containers/create", "/start"} {
		t.Run(strings.Trim(path, "/"), func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			host, broken := b.lossy(t, path)
			o := b.options(b.places)
			o.Host = host
			p := b.openWith(t, o)
			s := b.spec(b.key(), "crawler")
			_, err := p.Launch(t.Context(), s)
			require.Equal(t, fleet.ClassAmbiguous, fleet.ClassOf(err), "%v", err)
			require.True(t, broken.Load())

			i, told := b.launch(t, p, s)
			require.Equal(t, string(s.GUID), told.GUID)
			require.Len(t, b.containers(t.Context(), t), 1)
			require.Equal(t, fleet.PhaseRunning, i.Phase)
		})
	}
}

// lossy is a socket that leads to the engine. The first answer to a POST of the path is
// lost: the engine has done it, and the connection breaks.
func (b *bench) lossy(t *testing.T, path string) (host string, broken *atomic.Bool) {
	t.Helper()
	broken = new(atomic.Bool)
	engine := &url.URL{Scheme: "http", Host: "docker"}
	proxy := httputil.NewSingleHostReverseProxy(engine)
	dial := b.engine.Dialer()
	proxy.Transport = &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return dial(ctx) },
	}
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.Request.Method == http.MethodPost && strings.HasSuffix(r.Request.URL.Path, path) &&
			broken.CompareAndSwap(false, true) {
			_, err := io.Copy(io.Discard, r.Body)
			return errors.Join(err, errors.New("lost"))
		}
		return nil
	}
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) {
		panic(http.ErrAbortHandler) // breaks the connection
	}
	socket := filepath.Join(t.TempDir(), "engine.sock")
	l, err := net.Listen("unix", socket)
	require.NoError(t, err)
	server := &http.Server{Handler: proxy, ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(l) }() // until it is closed
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return "unix://" + socket, broken
}

func TestCrash_BetweenCreateAndStartIsHealedByTheNextLaunch(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.open(t)
	s := b.spec(b.key(), "crawler")
	b.unstarted(t, s, b.places[0].Addresses[0])
	i, err := p.Describe(t.Context(), s.Key)
	require.NoError(t, err)
	require.Equal(t, fleet.PhasePending, i.Phase)
	require.NoError(t, p.Stop(t.Context(), s.Key, fleet.StopOptions{}), "who made it may still start it")

	i, told := b.launch(t, p, s)
	require.Equal(t, fleet.PhaseRunning, i.Phase)
	require.Equal(t, string(s.GUID), told.GUID)
	require.Len(t, b.containers(t.Context(), t), 1)
}

func TestCrash_AStopBetweenCreateAndStartIsHeeded(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	p := b.open(t)
	s := b.spec(b.key(), "crawler")
	b.launch(t, p, s)
	gone(t, p, s.Key, providertest.Patience)
	// The other control worker has looked for the crawler before that, and makes it now.
	b.unstarted(t, s, b.places[0].Addresses[5])
	i, err := p.Launch(t.Context(), s)
	require.NoError(t, err)
	require.Equal(t, fleet.PhaseExited, i.Phase)
	require.Len(t, b.told(s.GUID), 1)
	require.Equal(t, fleet.ClassNotFound, fleet.ClassOf(p.Stop(t.Context(), s.Key, fleet.StopOptions{})))
}

// unstarted makes the container of a launch that was cut short before its start.
func (b *bench) unstarted(t *testing.T, s fleet.Spec, address string) {
	t.Helper()
	env := []string{"CRAWLFLEET_GUID=" + string(s.GUID)}
	for k, v := range s.Env {
		env = append(env, k+"="+v)
	}
	b.create(t, "crawl-"+string(s.GUID), address, &container.Config{
		Image: b.image, Env: env, Labels: map[string]string{
			"crawlfleet.fleet": string(s.Fleet), "crawlfleet.tenant": string(s.Tenant),
			"crawlfleet.guid": string(s.GUID), "crawlfleet.offering": string(s.Offering),
			"crawlfleet.address": address, "crawlfleet.network": b.network,
		},
	})
}

// squat runs a container that is no crawler at an address.
func (b *bench) squat(t *testing.T, address string) string {
	t.Helper()
	id := b.create(t, "squatter-"+random(), address, &container.Config{
		Image: b.image, Env: []string{"STANDIN_HOME=" + b.home.Addr().String(), "CRAWLFLEET_GUID=none-" + random()},
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), providertest.Patience)
		defer cancel()
		_, err := b.engine.ContainerRemove(ctx, id, client.ContainerRemoveOptions{Force: true})
		require.True(t, err == nil || errdefs.IsNotFound(err), "%v", err)
	})
	_, err := b.engine.ContainerStart(t.Context(), id, client.ContainerStartOptions{})
	require.NoError(t, err)
	return id
}

func (b *bench) create(t *testing.T, name, address string, c *container.Config) string {
	t.Helper()
	made, err := b.engine.ContainerCreate(t.Context(), client.ContainerCreateOptions{
		Name: name, Config: c,
		NetworkingConfig: &network.NetworkingConfig{EndpointsConfig: map[string]*network.EndpointSettings{
			b.network: {IPAMConfig: &network.EndpointIPAMConfig{IPv4Address: netip.MustParseAddr(address)}},
		}},
	})
	require.NoError(t, err)
	return made.ID
}
