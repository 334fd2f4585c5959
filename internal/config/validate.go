package config

import (
	"encoding/base64"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Validate names the first setting that is wrong, by its path.
func (c Config) Validate() error {
	checks := []func() error{
		c.checkDirectory, c.checkLog, c.checkTemporal, c.checkListeners,
		c.checkGateway, c.checkCodec, c.checkProviders, c.checkProcess, c.checkNomad, c.checkDocker, c.checkTimes,
	}
	for _, check := range checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) checkDirectory() error {
	if c.DataDir == "" || c.DataDir == "." {
		return fleet.Invalid("dataDir", "is empty", "a directory")
	}
	if strings.ContainsAny(c.Contact, "\r\n") || len(c.Contact) > 200 {
		return fleet.Invalid("contact", "is no line of at most 200 characters", "a URL or a mail address")
	}
	for i, p := range c.AllowPorts {
		if p < 1 || p > 65535 {
			return fleet.Invalid(fmt.Sprintf("allowPorts[%d]", i), fmt.Sprintf("%d is not a port", p), "1 to 65535")
		}
	}
	// Its own text is never shown: it may hold a password.
	if u := c.Store.Reveal(); u != "" && !strings.HasPrefix(u, "postgres://") && !strings.HasPrefix(u, "postgresql://") {
		return fleet.Invalid("store", "is not the URL of a PostgreSQL database",
			"postgres://user@host:port/database, or nothing")
	}
	return nil
}

func (c Config) checkLog() error {
	if err := oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error"); err != nil {
		return err
	}
	return oneOf("log.format", c.Log.Format, "auto", "json", "console")
}

func (c Config) checkTemporal() error {
	t := c.Temporal
	if t.Port < 0 || t.Port > 65535 {
		return fleet.Invalid("temporal.port", fmt.Sprintf("%d is out of range", t.Port), "0 to 65535")
	}
	if t.UIPort < -1 || t.UIPort > 65535 {
		return fleet.Invalid("temporal.uiPort", fmt.Sprintf("%d is out of range", t.UIPort), "-1 to 65535")
	}
	if t.UIPort > 0 && t.UIPort == t.Port {
		return fleet.Invalid("temporal.uiPort", "is the port of the server", "another port")
	}
	if t.Namespace == "" {
		return fleet.Invalid("temporal.namespace", "is empty", "a name")
	}
	if t.Retention < time.Hour { // Temporal takes no less
		return fleet.Invalid("temporal.retention", t.Retention.String()+" is too short", "at least 1h")
	}
	return nil
}

// checkListeners refuses other addresses than loopback: most listeners of one machine do
// not ask who is there, and to the tenants' pages keys would travel in the clear. The data
// plane asks, in the clear: it may be on a control network of the operator's, never on an
// address of the internet or on all that there are.
func (c Config) checkListeners() error {
	for _, l := range []struct{ path, value string }{
		{"http.listen", c.HTTP.Listen},
		{"dataPlane.listen", c.DataPlane.Listen},
		{"web.listen", c.Web.Listen},
		{"gateway.http", c.Gateway.HTTP},
	} {
		if l.value == "" && l.path != "dataPlane.listen" {
			continue
		}
		host, _, err := net.SplitHostPort(l.value)
		if err != nil {
			return fleet.Invalid(l.path, fmt.Sprintf("%q is not an address", l.value), "host:port")
		}
		a, err := netip.ParseAddr(host)
		if l.path == "dataPlane.listen" && err == nil && a.IsPrivate() {
			continue
		}
		if host != "localhost" && (err != nil || !a.IsLoopback()) {
			return fleet.Invalid(l.path, fmt.Sprintf("%q is not a loopback address", host), "127.0.0.1:port")
		}
	}
	return c.Web.check()
}

func (w Web) check() error {
	if w.URL == "" {
		return nil
	}
	u, err := url.Parse(w.URL)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return fleet.Invalid("web.url", fmt.Sprintf("%q is not the address of a host", w.URL), "https://host")
	}
	return nil
}

func (c Config) checkCodec() error {
	_, err := c.Codec.Parse()
	return err
}

// Key is one key of the payload codec.
type Key struct {
	ID     string
	Secret []byte // 32 bytes
}

var (
	keyID   = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	country = regexp.MustCompile(`^[A-Z]{2}$`)
)

// Parse reads the keys, the one that encrypts first; none when nothing is encrypted.
// Its errors never show a key.
func (c Codec) Parse() ([]Key, error) {
	text := strings.TrimSpace(c.Keys.Reveal())
	if text == "" {
		return nil, nil
	}
	var keys []Key
	for part := range strings.SplitSeq(text, ",") {
		id, encoded, ok := strings.Cut(strings.TrimSpace(part), ":")
		secret, err := base64.StdEncoding.DecodeString(encoded)
		if !ok || err != nil || len(secret) != 32 || !keyID.MatchString(id) ||
			slices.ContainsFunc(keys, func(k Key) bool { return k.ID == id }) {
			return nil, fleet.Invalid("codec.keys", fmt.Sprintf("key %d is not valid", len(keys)+1),
				"a new id, a colon and the base64 of 32 bytes").
				WithHint(`echo "k1:$(openssl rand -base64 32)"`)
		}
		keys = append(keys, Key{ID: id, Secret: secret})
	}
	return keys, nil
}

// providers are the substrates that there are.
var providers = []string{"process", "nomad", "docker"}

func (c Config) checkProviders() error {
	if len(c.Providers) == 0 {
		return fleet.Invalid("providers", "is empty", "one at least of "+strings.Join(providers, ", "))
	}
	for i, kind := range c.Providers {
		at := fmt.Sprintf("providers[%d]", i)
		if err := oneOf(at, string(kind), providers...); err != nil {
			return err
		}
		if slices.Contains(c.Providers[:i], kind) {
			return fleet.Invalid(at, fmt.Sprintf("%q is there twice", kind), "each once")
		}
	}
	return nil
}

func (c Config) checkProcess() error {
	p := c.Process
	if p.Capacity < 1 || p.Capacity > 1000 {
		return fleet.Invalid("process.capacity", fmt.Sprintf("%d is out of range", p.Capacity), "1 to 1000")
	}
	if !p.Loopback.IsValid() || !p.Loopback.Addr().IsLoopback() {
		return fleet.Invalid("process.loopback", p.Loopback.String()+" is not loopback", "a network in 127.0.0.0/8")
	}
	seen := map[fleet.OfferingID]bool{}
	for i, o := range p.Offerings {
		if err := checkOffering(fmt.Sprintf("process.offerings[%d].", i), "process", o, seen); err != nil {
			return err
		}
		seen[o.ID] = true
	}
	return nil
}

func checkOffering(
	at string, kind fleet.ProviderKind, o fleet.Offering, seen map[fleet.OfferingID]bool,
) error {
	place, ok := strings.CutPrefix(string(o.ID), string(kind)+"/")
	switch {
	case !ok || place == "" || seen[o.ID]:
		return fleet.Invalid(at+"id", fmt.Sprintf("%q is not valid", o.ID), string(kind)+"/<name>, each once")
	case o.Provider != kind:
		return fleet.Invalid(at+"provider", fmt.Sprintf("%q is not valid", o.Provider), string(kind))
	case o.Account == "":
		return fleet.Invalid(at+"account", "is empty", "a name")
	case !country.MatchString(o.Country):
		return fleet.Invalid(at+"country", fmt.Sprintf("%q is not a country", o.Country),
			"two capital letters (ISO 3166-1)")
	case o.Price.Micros < 0 || len(o.Price.Currency) != 3:
		return fleet.Invalid(at+"price", o.Price.String()+" is not a price", "micros and an ISO 4217 currency")
	case o.Capacity < 0:
		return fleet.Invalid(at+"capacity", "is negative", "0 for no limit, or more")
	case o.IdleAfter < 0:
		return fleet.Invalid(at+"idleAfter", "is negative", "a duration")
	}
	if err := oneOf(at+"grain", string(o.Grain), "second", "minute", "hour"); err != nil {
		return err
	}
	if err := oneOf(at+"egress", string(o.Egress), "", "own", "shared"); err != nil {
		return err
	}
	return checkIdentity(at, o)
}

// checkIdentity looks at what a place declares of its egress addresses.
func checkIdentity(at string, o fleet.Offering) error {
	for i, a := range o.Addresses {
		if _, err := netip.ParseAddr(a); err != nil {
			return fleet.Invalid(fmt.Sprintf("%saddresses[%d]", at, i), fmt.Sprintf("%q is not an address", a),
				"an IPv4 or IPv6 address")
		}
	}
	for i, n := range o.Networks {
		if _, err := netip.ParsePrefix(n); err != nil {
			return fleet.Invalid(fmt.Sprintf("%snetworks[%d]", at, i), fmt.Sprintf("%q is not a network", n),
				"CIDR, such as 203.0.113.0/24")
		}
	}
	return nil
}

func (c Config) checkTimes() error {
	if err := oneOf("egress.bans", c.Egress.Bans, "tenant", "shared"); err != nil {
		return err
	}
	for _, t := range []struct {
		path   string
		value  time.Duration
		lo, hi time.Duration
	}{
		// Seconds are for tests; a day is what a stolen one would be worth.
		{"gateway.lasts", c.Gateway.Lasts, 2 * time.Second, 24 * time.Hour},
		{"crawler.idleAfter", c.Crawler.IdleAfter, 0, 24 * time.Hour},
		{"crawler.launchBudget", c.Crawler.LaunchBudget, time.Second, time.Hour},
		{"crawler.orphanAfter", c.Crawler.OrphanAfter, time.Second, 24 * time.Hour},
		{"webhook.retryFirst", c.Webhook.RetryFirst, 100 * time.Millisecond, time.Hour},
		{"webhook.retryMost", c.Webhook.RetryMost, c.Webhook.RetryFirst, 24 * time.Hour},
		{"webhook.retryFor", c.Webhook.RetryFor, time.Second, 30 * 24 * time.Hour},
		{"keeper.every", c.Keeper.Every, 100 * time.Millisecond, 24 * time.Hour},
		{"keeper.spendEvery", c.Keeper.SpendEvery, 100 * time.Millisecond, time.Hour},
		{"cooldown.capacity", c.Cooldown.Capacity, 0, 24 * time.Hour},
		{"cooldown.quota", c.Cooldown.Quota, 0, 24 * time.Hour},
		{"cooldown.failure", c.Cooldown.Failure, 0, 24 * time.Hour},
		{"egress.remember", c.Egress.Remember, time.Minute, 400 * 24 * time.Hour},
		{"egress.banFirst", c.Egress.BanFirst, time.Second, 24 * time.Hour},
		{"egress.banMost", c.Egress.BanMost, c.Egress.BanFirst, 30 * 24 * time.Hour},
	} {
		if t.value < t.lo || t.value > t.hi {
			return fleet.Invalid(t.path, t.value.String()+" is out of range", fmt.Sprintf("%s to %s", t.lo, t.hi))
		}
	}
	return nil
}

func oneOf(path, value string, allowed ...string) error {
	if slices.Contains(allowed, value) {
		return nil
	}
	return fleet.Invalid(path, fmt.Sprintf("%q is not known", value), strings.Join(allowed, ", "))
}
