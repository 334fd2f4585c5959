package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"time"

	uiserver "github.com/temporalio/ui-server/v2/server"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/server/common/authorization"
	"go.temporal.io/server/common/cluster"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/membership/static"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/temporal"
	"go.uber.org/zap"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

const (
	// clusterName is written into every namespace; the same as Temporal's development server's.
	clusterName = "active"

	// failoverIncrement is fixed for ever with the first start; it only matters to replication.
	failoverIncrement = 10

	// historyShards is fixed for ever with the first start. More brought nothing on one
	// connection.
	historyShards = 1

	// readyWithin bounds the time from listening to the first answer: 0.1 s measured, more on a
	// machine that is busy compiling.
	readyWithin = 60 * time.Second

	// probeEvery is how often an unready server or UI is asked again.
	probeEvery = 20 * time.Millisecond
)

// server is Temporal and its Web UI in this process.
type server struct {
	cfg      Config
	ports    *portPlan
	temporal temporal.Server
	ui       *uiserver.Server // nil without a UI
	uiDone   chan error       // gets the UI's end; nil before its start
}

func newServer(cfg Config, ports *portPlan, store *store, logger *zap.Logger) (*server, error) {
	conf := serverConfig(cfg, ports, store)
	hosts := map[primitives.ServiceName]static.Hosts{}
	for name, service := range conf.Services {
		address := net.JoinHostPort(service.RPC.BindOnIP, strconv.Itoa(service.RPC.GRPCPort))
		hosts[primitives.ServiceName(name)] = static.SingleLocalHost(address)
	}
	// Temporal listens as soon as it is set up.
	ports.release(ports.frontend, ports.history, ports.matching, ports.worker, ports.http)
	t, err := temporal.NewServer(
		temporal.WithConfig(conf),
		temporal.ForServices(temporal.DefaultServices),
		temporal.WithStaticHosts(hosts), // no gossip, no membership ports
		temporal.WithLogger(log.NewZapLogger(logger)),
		temporal.WithAuthorizer(authorization.NewNoopAuthorizer()),
		temporal.WithClaimMapper(func(*config.Config) authorization.ClaimMapper {
			return authorization.NewNoopClaimMapper()
		}),
		temporal.WithDynamicConfigClient(dynamicConfig(cfg.Dynamic)),
	)
	if err != nil {
		return nil, fmt.Errorf("set up the Temporal server: %w", err)
	}
	s := &server{cfg: cfg, ports: ports, temporal: t}
	if ports.ui != 0 {
		s.ui = newUI(cfg, ports)
	}
	return s, nil
}

func serverConfig(cfg Config, ports *portPlan, store *store) *config.Config {
	frontend := netip.AddrPortFrom(cfg.IP, uint16(ports.frontend)).String()
	information := cluster.ClusterInformation{
		Enabled: true, InitialFailoverVersion: 1, RPCAddress: frontend,
	}
	if ports.http != 0 {
		information.HTTPAddress = netip.AddrPortFrom(cfg.IP, uint16(ports.http)).String()
	}
	inner := func(port int) config.Service {
		return config.Service{RPC: config.RPC{GRPCPort: port, BindOnIP: cfg.loopback().String()}}
	}
	conf := &config.Config{
		Persistence: config.Persistence{
			DefaultStore:     "main",
			VisibilityStore:  "visibility",
			NumHistoryShards: historyShards,
			DataStores: map[string]config.DataStore{
				"main": {SQL: store.main}, "visibility": {SQL: store.visibility},
			},
		},
		ClusterMetadata: &cluster.Config{
			FailoverVersionIncrement: failoverIncrement,
			MasterClusterName:        clusterName,
			CurrentClusterName:       clusterName,
			ClusterInformation:       map[string]cluster.ClusterInformation{clusterName: information},
		},
		DCRedirectionPolicy: config.DCRedirectionPolicy{Policy: "noop"},
		Services: map[string]config.Service{
			string(primitives.FrontendService): {RPC: config.RPC{
				GRPCPort: ports.frontend, HTTPPort: ports.http, BindOnIP: cfg.IP.String(),
			}},
			string(primitives.HistoryService):  inner(ports.history),
			string(primitives.MatchingService): inner(ports.matching),
			string(primitives.WorkerService):   inner(ports.worker),
		},
		PublicClient: config.PublicClient{HostPort: frontend},
	}
	conf.Global.Membership.MaxJoinDuration = readyWithin / 2 // Temporal doubles it for its start
	conf.Global.Membership.BroadcastAddress = cfg.loopback().String()
	conf.Archival.History.State = "disabled"
	conf.Archival.Visibility.State = "disabled"
	conf.NamespaceDefaults.Archival.History.State = "disabled"
	conf.NamespaceDefaults.Archival.Visibility.State = "disabled"
	return conf
}

// start returns when both the server and the UI answer. After an error, stop frees what runs.
func (s *server) start(ctx context.Context) error {
	if err := s.temporal.Start(); err != nil {
		return fmt.Errorf("start the Temporal server: %w", err)
	}
	if s.ui != nil {
		s.ports.release(s.ports.ui)
		s.uiDone = make(chan error, 1)
		go func() { s.uiDone <- s.ui.Start() }()
	}
	ctx, cancel := context.WithTimeout(ctx, readyWithin)
	defer cancel()
	if err := s.awaitNamespace(ctx); err != nil {
		return fmt.Errorf("wait for the Temporal server: %w", err)
	}
	if err := s.awaitUI(ctx); err != nil {
		return fmt.Errorf("wait for the Web UI: %w", err)
	}
	return nil
}

// stop ends the UI first, so that no page waits for a server that is gone.
func (s *server) stop() error {
	var uiErr error
	if s.uiDone != nil {
		s.ui.Stop()
		uiErr = <-s.uiDone
	}
	if err := s.temporal.Stop(); err != nil {
		return errors.Join(uiErr, fmt.Errorf("stop the Temporal server: %w", err))
	}
	return uiErr
}

func (s *server) address() string {
	return netip.AddrPortFrom(s.cfg.IP, uint16(s.ports.frontend)).String()
}

// awaitNamespace asks until the frontend knows our namespace. A stop while waiting is no error.
func (s *server) awaitNamespace(ctx context.Context) error {
	conn, err := grpc.NewClient(s.address(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // nothing in flight
	client := workflowservice.NewWorkflowServiceClient(conn)
	return poll(ctx, func() error {
		_, err := client.DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{
			Namespace: s.cfg.Namespace,
		})
		return err
	})
}

// poll repeats probe until it succeeds. Cancelled, it returns nil: the caller is stopping; past
// its deadline, the last error.
func poll(ctx context.Context, probe func() error) error {
	for {
		err := probe()
		switch {
		case err == nil, errors.Is(ctx.Err(), context.Canceled):
			return nil
		case ctx.Err() != nil:
			return err
		}
		select {
		case <-ctx.Done():
		case <-time.After(probeEvery):
		}
	}
}
