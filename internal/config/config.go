package config

import (
	"net/netip"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Config is everything that an operator may set. The tag `name` is a value's path
// ("temporal.port"), from which its flag (--temporal-port) and its environment
// variable (CRAWLFLEET_TEMPORAL_PORT) follow; `help` says what it does.
type Config struct {
	DataDir string `name:"dataDir" help:"directory of the fleet's databases and logs"`
	// Store is a secret because it may hold a password; without one (PGPASSFILE) it is fit
	// for a command line.
	Store fleet.Secret `name:"store" flag:"yes" help:"PostgreSQL database of the control store and the tenants, postgres://user@host/database; empty for files in the data directory"`
	// Contact is part of the User-Agent: who a site's owner can write to.
	Contact      string         `name:"contact" help:"operator's contact (URL or mail address) in the User-Agent"`
	AllowPrivate []netip.Prefix `name:"allowPrivate" help:"private networks that crawlers may reach (CIDR, comma-separated)"`
	// AllowPorts are besides fleet.WebPorts; in AllowPrivate any port may be asked.
	AllowPorts []int `name:"allowPorts" help:"ports of public addresses that crawlers and webhooks may ask besides 80, 443, 8080 and 8443 (comma-separated)"`
	// DenyNetworks are where the fleet's own servers are, when their addresses are public.
	DenyNetworks []netip.Prefix `name:"denyNetworks" help:"the fleet's own networks, which are never crawled and get no webhooks (CIDR, comma-separated)"`
	// IgnoreRobots is a right that the operator gives; who uses it is in the audit trail.
	IgnoreRobots []fleet.TenantID `name:"ignoreRobots" help:"tenants whose tickets may ignore robots.txt (comma-separated)"`

	// Providers are the substrates that crawlers run on; the planner chooses among the
	// places of all of them.
	Providers []fleet.ProviderKind `name:"providers" help:"substrates that crawlers run on (comma-separated): process, nomad, docker"`

	Log       Log       `name:"log"`
	Temporal  Temporal  `name:"temporal"`
	HTTP      HTTP      `name:"http"`
	DataPlane DataPlane `name:"dataPlane"`
	Gateway   Gateway   `name:"gateway"`
	Web       Web       `name:"web"`
	Codec     Codec     `name:"codec"`
	Process   Process   `name:"process"`
	Nomad     Nomad     `name:"nomad"`
	Docker    Docker    `name:"docker"`
	Crawler   Crawler   `name:"crawler"`
	Webhook   Webhook   `name:"webhook"`
	Keeper    Keeper    `name:"keeper"`
	Cooldown  Cooldown  `name:"cooldown"`
	Egress    Egress    `name:"egress"`
}

// Log says what is logged, and how.
type Log struct {
	Level  string `name:"level" help:"lowest level that is logged: debug, info, warn or error"`
	Format string `name:"format" help:"json, console, or auto: console on a terminal"`
}

// Temporal is the embedded server; it is not used when the SDK's environment
// configuration names another one.
type Temporal struct {
	Server    string        `name:"server" help:"the program crawlfleet-server; default beside this program, then on PATH"`
	Port      int           `name:"port" help:"port of the embedded Temporal server; 0 for a free one"`
	UIPort    int           `name:"uiPort" help:"port of the Temporal Web UI; 0 for a free one, -1 for none"`
	Namespace string        `name:"namespace" help:"namespace of the embedded server"`
	Retention time.Duration `name:"retention" help:"how long the embedded server keeps closed workflows"`
}

// HTTP is the listener of the programs' health and metrics.
type HTTP struct {
	Listen string `name:"listen" help:"address of /livez, /readyz and /metrics; empty for none"`
}

// DataPlane is the listener that crawlers exchange with.
type DataPlane struct {
	Listen string `name:"listen" help:"address of the data plane"`
}

// Gateway is the door for crawlers off this machine.
type Gateway struct {
	Listen string `name:"listen" help:"address of the gateway, TLS, for crawlers off this machine; empty for none"`
	URL    string `name:"url" help:"how crawlers reach the gateway: https://host:port; default its address"`
	// Names are in the certificate besides the listener's addresses and the URL's host.
	Names []string `name:"names" help:"more names and addresses in the gateway's certificate (comma-separated)"`
	// Cert and Key are the operator's own; then crawlers trust the system's authorities.
	Cert string `name:"cert" help:"file of the gateway's certificate with its chain, PEM; default one of the fleet's own authority"`
	Key  string `name:"key" help:"file of the certificate's key, PEM"`
	HTTP string `name:"http" help:"address of the gateway's own /livez, /readyz and /metrics; empty for none"`
	// DataPlane is where the gateway finds the control worker.
	DataPlane string `name:"dataPlane" help:"URL of the data plane, as the gateway reaches it; default that of dataPlane.listen"`
	All       bool   `name:"all" help:"crawlers of this machine go through the gateway, too"`
	// Lasts and Rate are for each crawler.
	Lasts time.Duration `name:"lasts" help:"how long a crawler's credential is good for; it is renewed at half of it"`
	Rate  int           `name:"rate" help:"requests a second that one crawler may make over time"`
}

// On reports whether crawlers can be sent through the gateway.
func (g Gateway) On() bool { return g.Listen != "" || g.URL != "" }

// Address is the URL that crawlers are given.
func (g Gateway) Address() string {
	if g.URL != "" || g.Listen == "" {
		return strings.TrimSuffix(g.URL, "/")
	}
	return "https://" + g.Listen
}

// Web is the listener of the tenants' pages.
type Web struct {
	Listen string `name:"listen" help:"address of the tenants' pages; empty for none"`
	URL    string `name:"url" help:"how tenants reach their pages through a proxy: https://host; empty without one"`
}

// Codec encrypts what is written into workflow histories.
type Codec struct {
	// Keys are "<id>:<base64 of 32 bytes>", comma-separated; the first encrypts, all decrypt.
	Keys fleet.Secret `name:"keys" help:"AES-256 keys of the payload codec, id:base64, comma-separated, the first encrypts; empty for none"`
}

// Process is the substrate of this machine.
type Process struct {
	Crawler string `name:"crawler" help:"the program crawlfleet-crawler; default beside this program, then on PATH"`
	// Offerings are the places; none for the provider's own two.
	Offerings []fleet.Offering `name:"offerings" help:"places of this machine, as a JSON list; empty for two with default prices"`
	Capacity  int              `name:"capacity" help:"crawlers at one time in each of the default places"`
	// Loopback is where crawlers take their own address for loopback targets from.
	Loopback netip.Prefix `name:"loopback" help:"network of the crawlers' own source addresses for loopback targets"`
	// Addresses are the machine's own that crawlers may use for any target.
	Addresses []netip.Addr `name:"addresses" help:"addresses of this machine, one per crawler, for all targets (comma-separated)"`
}

// Crawler bounds the life of a crawler.
type Crawler struct {
	IdleAfter    time.Duration `name:"idleAfter" help:"how long a crawler may be idle; 0 for the offering's own time"`
	LaunchBudget time.Duration `name:"launchBudget" help:"how long a launched crawler may take to say hello"`
	OrphanAfter  time.Duration `name:"orphanAfter" help:"how long a crawler goes on that hears nothing from the fleet"`
}

// Webhook says how often a message to a webhook is tried.
type Webhook struct {
	RetryFirst time.Duration `name:"retryFirst" help:"pause before the second try of a message to a webhook; it doubles with each"`
	RetryMost  time.Duration `name:"retryMost" help:"longest pause between two tries"`
	RetryFor   time.Duration `name:"retryFor" help:"how long a message is tried before it is set aside"`
}

// Keeper says how often what need not be kept is looked for.
type Keeper struct {
	Every      time.Duration `name:"every" help:"pause between two rounds of forgetting results, logs and rows past their retention"`
	SpendEvery time.Duration `name:"spendEvery" help:"pause between two looks at the tenants' spend caps"`
}

// Cooldown says how long a place is left out of decisions after an error.
type Cooldown struct {
	Capacity time.Duration `name:"capacity" help:"after a place was full"`
	Quota    time.Duration `name:"quota" help:"after an account's limit was reached"`
	Failure  time.Duration `name:"failure" help:"after a launch failed or its fate is unknown"`
}

// Egress says what is remembered of addresses at the hosts that they crawl.
type Egress struct {
	Remember time.Duration `name:"remember" help:"how long an address counts as used at a host"`
	BanFirst time.Duration `name:"banFirst" help:"how long an address that a host refuses is not offered for it; each ban soon after is twice as long"`
	BanMost  time.Duration `name:"banMost" help:"longest such time"`
	Bans     string        `name:"bans" help:"who avoids a banned address: tenant (those who were refused) or shared (everybody, who then learns that somebody crawls that host)"`
}

// Default gives the configuration without any setting; dataDir is where the user's
// data directory is.
func Default(dataDir string) Config {
	return Config{
		DataDir: dataDir, Providers: []fleet.ProviderKind{"process"},
		Log: Log{Level: "info", Format: "auto"},
		Temporal: Temporal{
			// Temporal's own default ports, so that its CLI finds the server unasked.
			Port: 7233, UIPort: 8233, Namespace: "default",
			Retention: 72 * time.Hour, // over a weekend; tickets have their own retention
		},
		HTTP:      HTTP{Listen: "127.0.0.1:8235"},
		DataPlane: DataPlane{Listen: "127.0.0.1:8234"},
		Web:       Web{Listen: "127.0.0.1:8236"},
		Gateway: Gateway{
			HTTP: "127.0.0.1:8238",
			// Longer than crawlers go on without the control side.
			Lasts: 15 * time.Minute,
			// Several times what 64 slots at full speed make.
			Rate: 500,
		},
		Process: Process{
			// As many as a small machine runs beside its own work.
			Capacity: 8,
			// Away from 127.0.0.1 and its neighbours, which others use; a /24 for each place.
			Loopback: netip.MustParsePrefix("127.0.16.0/23"),
		},
		Nomad:  defaultNomad(),
		Docker: defaultDocker(),
		Crawler: Crawler{
			LaunchBudget: time.Minute,      // a slow image pull; a process takes milliseconds
			OrphanAfter:  10 * time.Minute, // longer than a restart of the control side
		},
		Webhook: Webhook{
			RetryFirst: 5 * time.Second, // a receiver that is just being restarted
			RetryMost:  time.Hour,       // a receiver that is down is not hammered
			RetryFor:   24 * time.Hour,  // then somebody has to look at it
		},
		Keeper: Keeper{
			Every:      time.Minute,     // retention is counted in hours
			SpendEvery: 5 * time.Second, // a cap is passed by what is spent in that time
		},
		Cooldown: Cooldown{
			Capacity: time.Minute,      // full places free up when a crawler ends
			Quota:    10 * time.Minute, // quotas are raised by people
			Failure:  15 * time.Second, // long enough that a broken place does not spin
		},
		Egress: Egress{
			Remember: 30 * 24 * time.Hour, // as long as sites usually keep their logs
			BanFirst: 10 * time.Minute,    // a rate limit's usual window
			BanMost:  24 * time.Hour,      // longer than that, the address may be another's
			Bans:     "tenant",            // which hosts a tenant crawls is its own business
		},
	}
}
