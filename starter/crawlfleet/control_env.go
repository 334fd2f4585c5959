package main

import (
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/guard"
)

// commonEnv is what every crawler gets, wherever it is, besides what is its own.
func commonEnv(cfg config.Config) map[string]string {
	return map[string]string{
		fleet.EnvContact:      cfg.Contact,
		fleet.EnvAllowPrivate: prefixes(cfg.AllowPrivate), fleet.EnvDenyNetworks: prefixes(cfg.DenyNetworks),
		fleet.EnvAllowPorts:   ports(cfg.AllowPorts),
		fleet.EnvLaunchBudget: cfg.Crawler.LaunchBudget.String(),
		fleet.EnvOrphanAfter:  cfg.Crawler.OrphanAfter.String(),
	}
}

// crawlerEnv is what a crawler of this machine gets, to reach the control side itself.
func (c *control) crawlerEnv(cfg config.Config, dial client.Options) map[string]string {
	env := commonEnv(cfg)
	for _, v := range dial.Environ {
		if name, value, ok := strings.Cut(v, "="); ok && strings.HasPrefix(name, "TEMPORAL_") {
			env[name] = value
		}
	}
	env["TEMPORAL_ADDRESS"] = c.client.Address()
	env["TEMPORAL_NAMESPACE"] = c.client.Namespace()
	env[fleet.EnvDataPlane] = c.plane.URL()
	env[fleet.EnvCodecKeys] = cfg.Codec.Keys.Reveal()
	return env
}

// ownEnv is what a crawler's place has it know, whatever the substrate.
func (c *control) ownEnv(in fleet.CrawlerInput) map[string]string {
	if c.store.Place(in.Offering).IPv6 {
		return map[string]string{fleet.EnvIPv6: "yes"}
	}
	return nil
}

// reach is what the operator lets crawlers and messages ask.
func reach(cfg config.Config) guard.Reach {
	return guard.Reach{AllowPrivate: cfg.AllowPrivate, AllowPorts: cfg.AllowPorts, Deny: cfg.DenyNetworks}
}

func ports(all []int) string {
	texts := make([]string, len(all))
	for i, p := range all {
		texts[i] = strconv.Itoa(p)
	}
	return strings.Join(texts, ",")
}

func prefixes(all []netip.Prefix) string {
	texts := make([]string, len(all))
	for i, p := range all {
		texts[i] = p.String()
	}
	return strings.Join(texts, ",")
}

// gatewayEnv is how a crawler is told of the gateway.
func gatewayEnv(cfg config.Config, ca []byte) map[string]string {
	return map[string]string{
		fleet.EnvGateway:   cfg.Gateway.Address(),
		fleet.EnvGatewayCA: base64.StdEncoding.EncodeToString(ca),
	}
}
