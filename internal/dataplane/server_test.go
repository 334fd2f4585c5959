package dataplane_test

import (
	"context"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler/remote"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/dataplane"
)

func TestServer_ListensOnLoopbackOnly(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:80", "[::]:0", "example.com:80", "127.0.0.1"} {
		s := &dataplane.Server{Handler: http.NotFoundHandler(), Addr: addr}
		require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(s.Start(t.Context())), addr)
		require.NoError(t, s.Stop(t.Context()))
	}
}

func TestServer_SaysThatThePortIsHeld(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	s := &dataplane.Server{
		Handler: http.NotFoundHandler(), Addr: strings.TrimPrefix(p.server.URL(), "http://"),
	}
	err := s.Start(t.Context())
	require.Equal(t, fleet.CodeBusy, fleet.CodeOf(err))
	require.ErrorContains(t, err, s.Addr)
}

func TestServer_StopWaitsForRunningCalls(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	p := newPlace(t, func(o *dataplane.Options) {
		o.Data = broken{func(context.Context) error {
			close(entered)
			<-leave
			return fleet.Errorf(fleet.CodeFenced, "overtaken")
		}}
	})
	c := p.client()
	answered := make(chan error, 1)
	go func() {
		_, err := c.Claim(context.WithoutCancel(t.Context()), claimRequest())
		answered <- err
	}()
	<-entered
	stopped := make(chan error, 1)
	server := p.server
	go func() { stopped <- server.Stop(context.WithoutCancel(t.Context())) }()
	require.Eventually(t, func() bool { // it takes no new calls
		r, err := http.Post(server.URL(), "", nil)
		if err == nil {
			_ = r.Body.Close()
		}
		return err != nil
	}, time.Minute, time.Millisecond)
	require.Empty(t, stopped)
	close(leave)
	require.Equal(t, fleet.CodeFenced, fleet.CodeOf(<-answered))
	require.NoError(t, <-stopped)
	p.server = new(dataplane.Server)
}

func TestServer_StopCutsWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	p := newPlace(t, func(o *dataplane.Options) {
		o.Data = broken{func(ctx context.Context) error { close(entered); <-ctx.Done(); return ctx.Err() }}
	})
	c := p.client(func(o *remote.Options) { o.Patience = -1 })
	answered := make(chan error, 1)
	go func() {
		_, err := c.Claim(context.WithoutCancel(t.Context()), claimRequest())
		answered <- err
	}()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, p.server.Stop(ctx))
	require.Equal(t, fleet.CodeUnavailable, fleet.CodeOf(<-answered))
	p.server = new(dataplane.Server)
}

func TestEcho_SeesTheSourceAddress(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	a, err := p.client().Echo(t.Context(), fleet.EchoRequest{})
	require.NoError(t, err)
	require.Equal(t, "127.0.0.1", a.Address)

	source := ownAddress()
	a, err = p.client(func(o *remote.Options) { o.Source = source }).Echo(t.Context(), fleet.EchoRequest{})
	require.NoError(t, err)
	require.Equal(t, source.String(), a.Address)
	a, err = p.client(func(o *remote.Options) { o.Source, o.SourceAny = source, true }).Echo(t.Context(), fleet.EchoRequest{})
	require.NoError(t, err)
	require.Equal(t, source.String(), a.Address)
}

// anyLoopback is an address that only Linux lets everybody bind.
var anyLoopback = netip.AddrFrom4([4]byte{127, 0, 0, 77})
