package config_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/config"
)

func TestGateway_IsOffAndHasItsAddress(t *testing.T) {
	t.Parallel()
	c := config.Default("/d")
	require.False(t, c.Gateway.On())
	require.Empty(t, c.Gateway.Address())
	c.Gateway.Listen = "10.0.0.5:8237"
	require.NoError(t, c.Validate())
	require.True(t, c.Gateway.On())
	require.Equal(t, "https://10.0.0.5:8237", c.Gateway.Address())
	c.Gateway.Listen, c.Gateway.URL = "0.0.0.0:8237", "https://gateway.example.com/"
	require.NoError(t, c.Validate())
	require.Equal(t, "https://gateway.example.com", c.Gateway.Address())
}

func TestGateway_NamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]func(*config.Gateway){
		"gateway.listen":    func(g *config.Gateway) { g.Listen = "10.0.0.5:0" },
		"gateway.url":       func(g *config.Gateway) { g.Listen = "0.0.0.0:8237" },
		"gateway.cert":      func(g *config.Gateway) { g.Cert = "/cert.pem" },
		"gateway.all":       func(g *config.Gateway) { g.All = true },
		"gateway.rate":      func(g *config.Gateway) { g.Rate = 0 },
		"gateway.lasts":     func(g *config.Gateway) { g.Lasts = 1 },
		"gateway.dataPlane": func(g *config.Gateway) { g.DataPlane = "127.0.0.1:8234" },
		"gateway.http":      func(g *config.Gateway) { g.HTTP = "0.0.0.0:8238" },
	} {
		c := config.Default("/d")
		edit(&c.Gateway)
		var e *fleet.Error
		require.ErrorAs(t, c.Validate(), &e, name)
		require.Equal(t, name, e.Field)
	}
	c := config.Default("/d")
	c.Gateway.URL = "http://gateway.example.com"
	require.Error(t, c.Validate(), "a credential does not travel in the clear")
}
