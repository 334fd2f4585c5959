package fleet

import "time"

// The wire names of the Conductor workflow.
const (
	ConductorWorkflow = "Conductor"

	// SignalDemand tells the Conductor that something changed: unmet demand, a
	// failed launch, a crawler gone. It carries nothing; Decide looks at the rows.
	SignalDemand = "demand"
	// ConductorQuery is the query that answers the last Decision.
	ConductorQuery = "status"
)

// ConductorWorkflowID is the workflow id of a tenant's dispatcher.
func ConductorWorkflowID(t TenantID) string { return "conductor/" + string(t) }

// ConductorInput starts a Conductor.
type ConductorInput struct {
	Tenant TenantID `json:"tenant"`
}

// Decision is what Decide answers: which crawlers to start now, and when to look again.
type Decision struct {
	// Version chooses the Conductor's behaviour; it is recorded with the answer.
	Version int `json:"version"`
	// Starts are all crawlers that are reserved and whose workflow is not known to
	// run: those of this decision and those of one that was cut short.
	Starts []CrawlerInput `json:"starts,omitempty"`
	// Drains is empty since Follow.Drains names the crawlers that the plan no longer
	// allows, with their grace; decisions in older histories have it.
	Drains []GUID `json:"drains,omitempty"`
	// Follow tells the tickets that were granted a slot, and those (with epoch 0)
	// that have to ask again to hear that waiting is of no use; and the crawlers, of
	// other tenants too, that have to drain.
	Follow Follow `json:"follow,omitzero"`
	Unmet  int    `json:"unmet"` // waiting tickets that nothing is under way for
	// Wake is when to decide again without being told; zero when only a change helps.
	Wake   time.Time `json:"wake,omitzero"`
	Reason string    `json:"reason"`
}

// DecisionKind says what a decision record is about.
type DecisionKind string

// The kinds of decision records. Together they are the answer to `explain`.
const (
	DecidedAccept   DecisionKind = "accept"
	DecidedRoute    DecisionKind = "route"  // leased, and why this crawler
	DecidedWait     DecisionKind = "wait"   // and for what
	DecidedStart    DecisionKind = "start"  // a crawler, and why another
	DecidedLaunch   DecisionKind = "launch" // accepted, refused, or of unknown fate
	DecidedServe    DecisionKind = "serve"  // ready, with the phases of its start
	DecidedGrant    DecisionKind = "grant"  // a freed slot handed over
	DecidedMove     DecisionKind = "move"   // the ticket goes elsewhere, and why
	DecidedCooldown DecisionKind = "cooldown"
	DecidedDrain    DecisionKind = "drain"
	DecidedRetire   DecisionKind = "retire"
	DecidedBury     DecisionKind = "bury"
	DecidedPause    DecisionKind = "pause"
	DecidedResume   DecisionKind = "resume"
	DecidedDeliver  DecisionKind = "deliver" // a webhook was told, or set aside
	DecidedMend     DecisionKind = "mend"    // rows contradicted each other
	DecidedBan      DecisionKind = "ban"     // a host refuses an address: it is not offered for it
	DecidedEnd      DecisionKind = "end"     // the ticket's outcome and cost
)

// DecisionRecord is one decision, with the reason a person reads. Tickets and
// crawlers have their own threads: Ticket or GUID may be empty.
type DecisionRecord struct {
	Seq    int64        `json:"seq"`
	At     time.Time    `json:"at"`
	Tenant TenantID     `json:"tenant"`
	Ticket TicketID     `json:"ticket,omitempty"`
	GUID   GUID         `json:"guid,omitempty"`
	Kind   DecisionKind `json:"kind"`
	Reason string       `json:"reason"`
}

// Cooldown keeps a place out of every decision until a moment.
type Cooldown struct {
	Scope  Scoped    `json:"scope"`
	Until  time.Time `json:"until"`
	Class  Class     `json:"class"`
	Reason string    `json:"reason"`
}

// Scoped is what cools down: an offering, an account, or a provider's region.
type Scoped struct {
	Offering OfferingID `json:"offering,omitempty"`
	Region   string     `json:"region,omitempty"`
	Account  Account    `json:"account,omitempty"`
	// Provider is whose region it is: two may have one of the same name.
	Provider ProviderKind `json:"provider,omitempty"`
}

// Covers reports whether a place is in it.
func (s Scoped) Covers(o Offering) bool {
	return s.Offering != "" && s.Offering == o.ID ||
		s.Region != "" && s.Region == o.Region && s.Provider == o.Provider ||
		s.Account != "" && s.Account == o.Account
}

// Candidate is one place or crawler that was looked at for a ticket, and the verdict.
type Candidate struct {
	Offering OfferingID `json:"offering,omitempty"`
	GUID     GUID       `json:"guid,omitempty"`
	Chosen   bool       `json:"chosen"`
	Reason   string     `json:"reason"`
}

// Preview answers `ticket submit --dry-run`: what Route and the planner would do now.
type Preview struct {
	Kind       RouteKind   `json:"kind"` // leased: a warm slot; wait: Wait says for what
	Wait       *Wait       `json:"wait,omitempty"`
	Start      OfferingID  `json:"start,omitempty"` // a crawler would be started here
	Candidates []Candidate `json:"candidates"`
	Reason     string      `json:"reason"`
}
