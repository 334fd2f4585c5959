package config_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
)

func TestEnviron_GivesTheSameConfiguration(t *testing.T) {
	t.Parallel()
	c := config.Default("/data")
	c.DataDir, c.Contact = "/data/x", "ops@example.com"
	c.AllowPrivate = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	c.Crawler.IdleAfter = 5 * time.Second
	c.Store = "postgres://u:p@h/d"
	c.Codec.Keys = fleet.Secret("a:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
	c.Process.Addresses = []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")}

	c.Nomad.Token, c.Nomad.Offerings = "secret", []config.NomadPlace{{
		Offering: fleet.Offering{
			ID: "nomad/a", Provider: "nomad", Account: "nomad", Country: "DE", Grain: fleet.GrainSecond,
			Price: fleet.Money{Micros: 1, Currency: "EUR"}, Egress: fleet.EgressShared,
		},
		Pool: "crawl", Nodes: map[string]string{"rack": "a,b"}, Bind: true,
	}}

	c.Docker.Host, c.Docker.Certs, c.Docker.CPUs = "tcp://192.0.2.9:2376", "/c", 0.5
	c.Docker.Subnet = netip.MustParsePrefix("10.9.0.0/24")
	c.Docker.Addresses = []netip.Addr{netip.MustParseAddr("10.9.0.7")}

	l, err := config.Load(config.Source{Environ: append([]string{"HOME=/h"}, c.Environ()...)})
	require.NoError(t, err)
	require.Equal(t, c, l.Config)
}
