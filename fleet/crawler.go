package fleet

import "time"

// The wire names of the Crawler workflow and of the crawler's control queue.
const (
	CrawlerWorkflow = "Crawler"

	// SignalExited is a provider's hint that the crawler is gone; the workflow asks the provider.
	SignalExited = "exited"
	// SignalDrain asks the crawler to take no new tickets and to end (DrainRequest). Of
	// several the one whose grace ends first counts.
	SignalDrain = "drain"
	// CrawlerQuery is the query that answers a CrawlerRow.
	CrawlerQuery = "status"

	// ActivityHello is the handshake; its first poll is "ready: GUID".
	ActivityHello = "Hello"
	// ActivityServe is the crawler's liveness; it runs as long as the crawler.
	ActivityServe = "Serve"
)

// CrawlerWorkflowID is the workflow id of one container.
func CrawlerWorkflowID(t TenantID, g GUID) string { return "crawler/" + string(t) + "/" + string(g) }

// CrawlerRef names one crawler.
type CrawlerRef struct {
	Tenant TenantID `json:"tenant"`
	GUID   GUID     `json:"guid"`
}

// CrawlerState says where a crawler is in its one life.
type CrawlerState string

// The states of a crawler.
const (
	CrawlerReserved CrawlerState = "reserved" // decided and counted, its workflow not yet seen to run
	CrawlerStarting CrawlerState = "starting" // launch accepted or under way, no Hello yet
	CrawlerServing  CrawlerState = "serving"  // leases may be taken
	CrawlerDraining CrawlerState = "draining" // no new leases
	CrawlerRetired  CrawlerState = "retired"  // out of every route, being stopped
	CrawlerGone     CrawlerState = "gone"     // the provider says so; Reason says why it went
)

// Live reports whether a crawler in this state counts against plan and capacity.
func (s CrawlerState) Live() bool { return s != CrawlerGone && s != "" }

// CrawlerInput starts a Crawler workflow.
type CrawlerInput struct {
	Tenant   TenantID     `json:"tenant"`
	GUID     GUID         `json:"guid"`
	Offering OfferingID   `json:"offering"`
	Provider ProviderKind `json:"provider"`
	Account  Account      `json:"account"`
	Slots    int          `json:"slots"`
	// Address is the egress address that the crawler must have, where a session asks for one.
	Address string `json:"address,omitempty"`
	// IdleAfter is how long it may be idle before it is retired.
	IdleAfter Duration `json:"idleAfter"`
	// Grain is how its place bills time, which IdleAfter suits; empty where nobody knows.
	Grain Grain `json:"grain,omitempty"`
	// Proof makes it a provisioning proof: it ends after Hello and serves nothing.
	Proof bool `json:"proof,omitempty"`
}

// Hello is the crawler's answer to the handshake.
type Hello struct {
	Contract int    `json:"contract"`
	Build    string `json:"build"`
	GUID     GUID   `json:"guid"`
	Address  string `json:"address"`         // as the control side's echo sees it
	Proof    string `json:"proof,omitempty"` // the echo's own
	Slots    int    `json:"slots"`
	PID      int    `json:"pid,omitempty"`
	// The phases of the cold start as the crawler knows them.
	MainAt   time.Time `json:"mainAt"`   // first instruction of main
	DialedAt time.Time `json:"dialedAt"` // connected to Temporal
}

// ServeInput is what Serve is given.
type ServeInput struct {
	GUID GUID `json:"guid"`
}

// DrainRequest asks a crawler to drain.
type DrainRequest struct {
	Reason string `json:"reason"`
	// Grace is how long running tickets may go on before they are handed back; default 30s.
	Grace Duration `json:"grace,omitempty"`
}

// GraceDefault is the grace of a drain that does not say one.
const GraceDefault = 30 * time.Second

// GraceTickets is the grace of a drain that lets running tickets come to their end: a
// plan that became smaller cuts no ticket short. It is longer than a ticket takes and
// bounds what waits for one that never ends.
const GraceTickets = 30 * 24 * time.Hour

// CrawlerDrain is a crawler that has to drain, and how.
type CrawlerDrain struct {
	CrawlerRef
	DrainRequest
}

// CrawlerRow is a crawler as rows and readers know it.
type CrawlerRow struct {
	Tenant   TenantID     `json:"tenant"`
	GUID     GUID         `json:"guid"`
	State    CrawlerState `json:"state"`
	Reason   string       `json:"reason,omitempty"`
	Offering OfferingID   `json:"offering"`
	Provider ProviderKind `json:"provider"`
	Account  Account      `json:"account"`
	Country  string       `json:"country,omitempty"`
	Region   string       `json:"region,omitempty"`
	Address  string       `json:"address,omitempty"` // observed; before Hello the asked-for one
	Slots    int          `json:"slots"`
	Leased   int          `json:"leased"`
	Served   int          `json:"served"` // tickets so far
	Proof    bool         `json:"proof,omitempty"`
	PID      int          `json:"pid,omitempty"`
	Times    CrawlerTimes `json:"times"`
}

// CrawlerTimes are the moments of a crawler's life; a zero one has not come.
type CrawlerTimes struct {
	Reserved time.Time `json:"reserved,omitzero"`
	Launched time.Time `json:"launched,omitzero"` // the provider accepted
	Main     time.Time `json:"main,omitzero"`     // first instruction, by its own clock
	Dialed   time.Time `json:"dialed,omitzero"`   // connected to Temporal, by its own clock
	Serving  time.Time `json:"serving,omitzero"`
	IdleFrom time.Time `json:"idleFrom,omitzero"` // last lease given back
	Retired  time.Time `json:"retired,omitzero"`
	Gone     time.Time `json:"gone,omitzero"`
}
