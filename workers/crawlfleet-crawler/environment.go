package main

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/crawler/fetch"
	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
	"github.com/crawlfleet/crawlfleet/internal/config"
	"github.com/crawlfleet/crawlfleet/internal/guard"
)

// envLogLevel is the control side's variable too.
const envLogLevel = config.EnvPrefix + "LOG_LEVEL"

const (
	// defaultLaunchBudget is the ScheduleToStart of the control side's Hello.
	defaultLaunchBudget = time.Minute
	// defaultOrphanAfter is longer than a restart of the control side takes.
	defaultOrphanAfter = 10 * time.Minute
)

// settings are what the environment says.
type settings struct {
	fleet.Key
	Slots        int
	DataPlane    string // or the gateway, with Gateway
	Gateway      bool
	GatewayCA    []byte
	Token        fleet.Secret
	Source       netip.Addr // invalid for the system's choice
	SourceFor    fetch.SourceFor
	IPv6         bool
	Reach        guard.Reach
	Contact      string
	LaunchBudget time.Duration
	OrphanAfter  time.Duration
	LogLevel     string
	HTTP         string // address of health and metrics, empty for none
	Keys         []client.Key
	Environ      []string // for the SDK's envconfig
}

// reader reads variables and keeps the first thing that is wrong.
type reader struct {
	environ map[string]string
	list    []string // the same, as it was given
	err     error
}

// readEnvironment fails with a *fleet.Error whose field is the variable.
func readEnvironment(environ []string) (settings, error) {
	r := &reader{environ: make(map[string]string, len(environ)), list: environ}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		r.environ[name] = value
	}
	s := settings{
		Key: fleet.Key{
			Fleet:  fleet.FleetID(r.required(fleet.EnvFleet, "the fleet's id")),
			Tenant: fleet.TenantID(r.required(fleet.EnvTenant, "the tenant's id")),
			GUID:   fleet.GUID(r.required(fleet.EnvGUID, "the crawler's GUID")),
		},
		Slots:     r.slots(),
		Token:     r.secret(fleet.EnvToken),
		Source:    r.source(),
		SourceFor: r.sourceFor(),
		IPv6:      r.environ[fleet.EnvIPv6] == "yes",
		Reach: guard.Reach{
			AllowPrivate: r.networks(fleet.EnvAllowPrivate), AllowPorts: r.ports(fleet.EnvAllowPorts),
			Deny: r.networks(fleet.EnvDenyNetworks),
		},
		Contact:      r.environ[fleet.EnvContact],
		LaunchBudget: r.duration(fleet.EnvLaunchBudget, defaultLaunchBudget),
		OrphanAfter:  r.duration(fleet.EnvOrphanAfter, defaultOrphanAfter),
		LogLevel:     r.optional(envLogLevel, "info"),
		HTTP:         r.environ[fleet.EnvHTTP],
		Keys:         r.keys(),
		Environ:      environ,
	}
	r.sides(&s)
	r.check(fleet.EnvTenant, s.Tenant.Validate())
	r.check(fleet.EnvGUID, s.GUID.Validate())
	if s.Token == "" {
		r.fail(fleet.EnvToken, "is missing", "the credential at the data plane, or "+fleet.EnvToken+"_FILE")
	}
	return s, r.err
}

// sides are the two of the control side, or the gateway before them, beside which nothing
// that leads to either is read.
func (r *reader) sides(s *settings) {
	if s.Gateway = r.environ[fleet.EnvGateway] != ""; s.Gateway {
		s.DataPlane = r.environ[fleet.EnvGateway]
		u, err := url.Parse(s.DataPlane)
		if err != nil || u.Scheme != "https" || u.Host == "" {
			r.fail(fleet.EnvGateway, "is no https URL", "https://host:port")
		}
		s.GatewayCA, err = base64.StdEncoding.DecodeString(r.environ[fleet.EnvGatewayCA])
		r.check(fleet.EnvGatewayCA, err)
		s.Keys = nil
		return
	}
	s.DataPlane = r.required(fleet.EnvDataPlane, "the data plane's base URL")
	configured, err := client.Configured(r.list)
	r.check("TEMPORAL_ADDRESS", err)
	if !configured {
		r.fail("TEMPORAL_ADDRESS", "is missing", "host:port of the Temporal server")
	}
}

func (r *reader) fail(name, message, want string) {
	if r.err == nil {
		r.err = fleet.Invalid(name, message, want).
			WithHint("the provider that starts a crawler sets its environment")
	}
}

func (r *reader) check(name string, err error) {
	if err != nil {
		r.fail(name, err.Error(), "a valid value")
	}
}

func (r *reader) required(name, want string) string {
	v := r.environ[name]
	if v == "" {
		r.fail(name, "is missing", want)
	}
	return v
}

func (r *reader) optional(name, otherwise string) string {
	if v := r.environ[name]; v != "" {
		return v
	}
	return otherwise
}

// secret reads the variable, or the file that <name>_FILE names.
func (r *reader) secret(name string) fleet.Secret {
	if v := r.environ[name]; v != "" {
		return fleet.Secret(v)
	}
	file := r.environ[name+"_FILE"]
	if file == "" {
		return ""
	}
	b, err := os.ReadFile(file)
	if err != nil {
		r.fail(name+"_FILE", "cannot be read: "+err.Error(), "a readable file")
	}
	return fleet.Secret(strings.TrimSpace(string(b)))
}

func (r *reader) slots() int {
	text := r.optional(fleet.EnvSlots, "1")
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 64 {
		r.fail(fleet.EnvSlots, fmt.Sprintf("%q is not valid", text), "1 to 64")
	}
	return n
}

func (r *reader) duration(name string, otherwise time.Duration) time.Duration {
	text := r.environ[name]
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		r.fail(name, fmt.Sprintf("%q is not valid", text), "a duration such as 60s")
	}
	return d
}

func (r *reader) source() netip.Addr {
	text := r.environ[fleet.EnvSource]
	if text == "" {
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(text)
	r.check(fleet.EnvSource, err)
	return a
}

func (r *reader) sourceFor() fetch.SourceFor {
	s := fetch.SourceFor(r.optional(fleet.EnvSourceFor, string(fetch.SourceAny)))
	if s != fetch.SourceAny && s != fetch.SourceLoopback {
		r.fail(fleet.EnvSourceFor, fmt.Sprintf("%q is not valid", s), "loopback or any")
	}
	return s
}

func (r *reader) networks(name string) (out []netip.Prefix) {
	for text := range strings.SplitSeq(r.environ[name], ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		p, err := netip.ParsePrefix(text)
		r.check(name, err)
		out = append(out, p)
	}
	return out
}

func (r *reader) ports(name string) (out []int) {
	for text := range strings.SplitSeq(r.environ[name], ",") {
		if text = strings.TrimSpace(text); text == "" {
			continue
		}
		p, err := strconv.ParseUint(text, 10, 16)
		r.check(name, err)
		out = append(out, int(p))
	}
	return out
}

func (r *reader) keys() []client.Key {
	parsed, err := config.Codec{Keys: r.secret(fleet.EnvCodecKeys)}.Parse()
	r.check(fleet.EnvCodecKeys, err)
	out := make([]client.Key, len(parsed))
	for i, k := range parsed {
		out[i] = client.Key{ID: k.ID, Secret: k.Secret}
	}
	return out
}
