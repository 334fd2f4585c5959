package dataplane_test

import (
	"context"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/crawlfleet/crawlfleet/crawler/remote"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/dataplane"
	"github.com/crawlfleet/crawlfleet/internal/store/tenantdb"
)

// lease is a control store that knows one lease.
type lease struct {
	ticket fleet.TicketID
	guid   fleet.GUID
	epoch  atomic.Int64
	spec   fleet.TicketInput
}

func (l *lease) Claimable(
	_ context.Context, _ fleet.TenantID, id fleet.TicketID, g fleet.GUID, epoch int64,
) (fleet.TicketInput, error) {
	switch {
	case id != l.ticket:
		return fleet.TicketInput{}, fleet.Errorf(fleet.CodeNotFound, "there is no ticket "+string(id))
	case g != l.guid || epoch != l.epoch.Load():
		return fleet.TicketInput{}, fleet.Errorf(fleet.CodeFenced, "the lease is not held any more")
	default:
		return l.spec, nil
	}
}

// place is a data plane that serves real databases over real HTTP.
type place struct {
	t       *testing.T
	data    *tenantdb.Store
	lease   *lease
	server  *dataplane.Server
	options dataplane.Options
	logs    *observer.ObservedLogs
}

func newPlace(t *testing.T, change ...func(*dataplane.Options)) *place {
	t.Helper()
	data, err := tenantdb.Open(tenantdb.Options{Dir: t.TempDir()})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, data.Shutdown()) })
	require.NoError(t, data.Create(t.Context(), "acme"))
	depth := fleet.DefaultMaxDepth
	l := &lease{ticket: "t-1", guid: guid, spec: fleet.TicketInput{
		Tenant: "acme", ID: "t-1", URLs: []string{"http://a.test/"},
		Scope: fleet.Scope{MaxPages: 1000, MaxDepth: &depth},
	}}
	l.epoch.Store(1)
	core, logs := observer.New(zapcore.DebugLevel)
	p := &place{t: t, data: data, lease: l, logs: logs, options: dataplane.Options{
		Data: data, Leases: l, Tokens: dataplane.Tokens{Fleet: "f1", Secret: secret}, Log: zap.New(core),
	}}
	for _, f := range change {
		f(&p.options)
	}
	p.start("", nil)
	t.Cleanup(p.stop)
	return p
}

// start serves on an address, with something between the socket and the handler.
func (p *place) start(addr string, wrap func(http.Handler) http.Handler) {
	p.t.Helper()
	h := p.handler()
	if wrap != nil {
		h = wrap(h)
	}
	p.server = &dataplane.Server{Handler: h, Addr: addr}
	require.NoError(p.t, p.server.Start(context.WithoutCancel(p.t.Context())))
}

func (p *place) handler() http.Handler {
	p.t.Helper()
	h, err := dataplane.New(p.options)
	require.NoError(p.t, err)
	return h
}

func (p *place) stop() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NoError(p.t, p.server.Stop(ctx))
}

// client is a crawler's client with the right credential.
func (p *place) client(change ...func(*remote.Options)) *remote.Client {
	p.t.Helper()
	o := remote.Options{URL: p.server.URL(), Token: dataplane.Token(secret, keyOf("acme", guid))}
	for _, f := range change {
		f(&o)
	}
	c, err := remote.New(o)
	require.NoError(p.t, err)
	p.t.Cleanup(c.Close)
	return c
}

func claimRequest() fleet.ClaimRequest {
	return fleet.ClaimRequest{Tenant: "acme", Ticket: "t-1", GUID: guid, Epoch: 1, Want: 8}
}
