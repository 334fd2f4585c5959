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
	Reason     string            // why this crawler, or why none, for people
	Candidates []fleet.Candidate // with State.Explain
}

// Start is one crawler to start.
type Start struct {
	Offering fleet.OfferingID
	Address  string // pinned, where a session needs it
	Session  fleet.SessionKey
	For      fleet.TicketID // the first ticket that it is started for
	Tickets  int            // how many waiting tickets count on it
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
