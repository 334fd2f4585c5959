package fleet

// The environment of a crawler's process or container: with the Temporal SDK's
// own TEMPORAL_* variables, all that it is given.
const (
	EnvFleet     = "CRAWLFLEET_FLEET"
	EnvTenant    = "CRAWLFLEET_TENANT"
	EnvGUID      = "CRAWLFLEET_GUID"
	EnvSlots     = "CRAWLFLEET_SLOTS"
	EnvOffering  = "CRAWLFLEET_OFFERING"
	EnvDataPlane = "CRAWLFLEET_DATAPLANE" // base URL of the data plane
	EnvToken     = "CRAWLFLEET_TOKEN"     // credential at the data plane, or bootstrap token at the gateway; also …_FILE
	// EnvGateway is the gateway's URL: with it neither the data plane's nor any TEMPORAL_*
	// is read. EnvGatewayCA is the PEM of the authority that its certificate is checked
	// by, in base64; empty for those of the system.
	EnvGateway   = "CRAWLFLEET_GATEWAY"
	EnvGatewayCA = "CRAWLFLEET_GATEWAY_CA"
	// EnvSource is the source address to bind, with EnvSourceFor saying for which
	// targets: "loopback" or "any".
	EnvSource    = "CRAWLFLEET_SOURCE"
	EnvSourceFor = "CRAWLFLEET_SOURCE_FOR"
	// EnvIPv6 is "yes" where the place declares IPv6; else the crawler fetches over IPv4
	// alone.
	EnvIPv6 = "CRAWLFLEET_IPV6"
	// EnvAllowPrivate lists the networks (CIDR, comma-separated) that the operator
	// lets crawlers reach although they are private.
	EnvAllowPrivate = "CRAWLFLEET_ALLOW_PRIVATE"
	// EnvAllowPorts lists the ports (comma-separated) of public addresses that the operator
	// lets crawlers ask besides WebPorts.
	EnvAllowPorts = "CRAWLFLEET_ALLOW_PORTS"
	// EnvDenyNetworks lists the fleet's own networks, which no crawler ever reaches.
	EnvDenyNetworks = "CRAWLFLEET_DENY_NETWORKS"
	// EnvCodecKeys are the payload codec's keys; also …_FILE.
	EnvCodecKeys = "CRAWLFLEET_CODEC_KEYS"
	// EnvContact is the operator's contact, part of the User-Agent.
	EnvContact = "CRAWLFLEET_CONTACT"
	// EnvHTTP is the address of the crawler's /livez, /readyz and /metrics; none by
	// default: a machine with a hundred crawlers has no use for a hundred listeners.
	EnvHTTP = "CRAWLFLEET_HTTP_LISTEN"
	// EnvLaunchBudget is how long the crawler waits for its Hello before it exits
	// by itself; EnvOrphanAfter how long it goes on hearing nothing.
	EnvLaunchBudget = "CRAWLFLEET_LAUNCH_BUDGET"
	EnvOrphanAfter  = "CRAWLFLEET_ORPHAN_AFTER"
)
