// Package plan decides: which crawler serves a ticket, which crawlers to start
// and where, who gets a freed slot, and why a ticket waits. It is pure: state and
// time in, decisions with their reasons out; no I/O, no clock, no randomness.
//
// The control store runs it inside its transactions (Route, Decide, Record), the
// command line for --dry-run.
package plan

import "github.com/crawlfleet/crawlfleet/fleet"

// Choice is where one ticket goes now.
type Choice struct {
	// GUID is the serving crawler with a free slot; empty means wait.
	GUID fleet.GUID
	// Wait says for what, when GUID is empty.
	Wait fleet.Wait
	// Fail is set when waiting is of no use: the session's address cannot be had
	// and the ticket asked to fail, or no offering fits its place.
	Fail       *fleet.Error
	Reason     string // why this crawler, or why none, for people
	Candidates []fleet.Candidate
}

// Start is one crawler to start.
type Start struct {
	Offering fleet.OfferingID
	Address  string // pinned, where a session needs it
	Session  fleet.SessionKey
	For      fleet.TicketID // the first ticket that it is started for
	Reason   string
}

// Decisions is the answer of Decide.
type Decisions struct {
	Starts []Start
	// Grants are free slots for waiting tickets (a wake-up that was lost is healed here).
	Grants map[fleet.TicketID]fleet.GUID
	// Waits says for every other waiting ticket what it waits for.
	Waits map[fleet.TicketID]fleet.Wait
	// Fails are tickets for which waiting is of no use.
	Fails map[fleet.TicketID]*fleet.Error
	// Drains are crawlers over the plan, emptiest first.
	Drains []fleet.GUID
	// Unmet counts waiting tickets for which nothing is under way.
	Unmet  int
	Wake   fleet.Wait // Until is when to decide again by itself, zero for never
	Reason string
}
