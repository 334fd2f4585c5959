package main

import (
	"context"
	"net/netip"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/providers/docker"
)

func dockerConfig(t *testing.T) (config.Config, *config.Dir) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "fleet")
	dir, err := openDir(t.Context(), path, zap.NewNop())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, dir.Close()) })
	cfg := config.Default(path)
	cfg.Providers = []fleet.ProviderKind{docker.Kind}
	// An engine that does not answer.
	cfg.Docker.Host = "unix://" + filepath.Join(path, "none.sock")
	return cfg, dir
}

func TestDocker_WantsAGateway(t *testing.T) {
	t.Parallel()
	cfg, dir := dockerConfig(t)
	_, err := openSubstrates(cfg, dir, substrateParts{log: zap.NewNop()})
	require.ErrorContains(t, err, "gateway.listen")
	_, err = openSubstrates(cfg, dir, substrateParts{log: zap.NewNop(), ending: true})
	require.NoError(t, err, "what ends needs none")
}

func TestDocker_StartsWhileTheEngineIsAway(t *testing.T) {
	t.Parallel()
	cfg, dir := dockerConfig(t)
	cfg.Gateway.URL = "https://gateway.example.com:8237"
	cfg.Docker.Subnet = netip.MustParsePrefix("10.98.7.0/24")
	all, err := openSubstrates(cfg, dir, substrateParts{log: zap.NewNop(), environ: []string{"DOCKER_HOST=unix:///other"}})
	require.NoError(t, err)
	p := all[docker.Kind]
	require.True(t, p.Capabilities().PinsAddress)
	require.Equal(t, []fleet.ProviderKind{docker.Kind}, pins(offerings(cfg)))
	_, err = p.Describe(context.Background(), fleet.Key{
		Fleet: dir.Stamp.Fleet, Tenant: "acme", GUID: newGUID(),
	})
	require.Equal(t, fleet.ClassRetryable, fleet.ClassOf(err), "%v", err)
	require.ErrorContains(t, err, "none.sock", "the configuration counts before the environment")

	cfg.Docker.Subnet = netip.Prefix{}
	require.Empty(t, pins(offerings(cfg)), "without a subnet there is no address to ask for")
}
