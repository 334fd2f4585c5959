package activities

// Count is told what happened, for those who watch a fleet: what was counted and of
// which kind. Both have few values: no tenant, no ticket, no GUID. Nil counts nothing.
type Count func(what, kind string)

// What is counted.
const (
	CountedCure    = "cure"           // by the reaper; the kind is one of the cures below, or a fleet.MendCase
	CountedRound   = "round"          // of the reaper: ok or failed
	CountedKept    = "keep"           // rounds of the keeper: ok or failed
	CountedAsked   = "market"         // rounds of asking the providers what they offer: ok or failed
	CountedTry     = "delivery"       // of a message to a webhook: delivered, failed or set_aside
	CountedFailure = "launch_failure" // the kind is the class of the provider's error
)

// The kinds of rounds.
const (
	KindOK     = "ok"
	KindFailed = "failed"
)

// The cures of the reaper.
const (
	CureTicket   = "ticket"   // ended: its workflow runs no more
	CureCrawl    = "crawl"    // failed, and its ticket routed again: its crawler does not have it
	CureCrawler  = "crawler"  // stopped and buried: likewise
	CureDelivery = "delivery" // started: the word of it was lost
	CureOrphan   = "orphan"   // stopped: the provider has it, and no row
	CureExited   = "exited"   // told of: a row has it, and the provider does not
)

// How a try of a message went.
const (
	TryDelivered = "delivered"
	TryFailed    = "failed"
	TrySetAside  = "set_aside"
)

func (c Count) add(what, kind string) {
	if c != nil {
		c(what, kind)
	}
}

// round counts a round by its error.
func (c Count) round(what string, err error) {
	if err != nil {
		c.add(what, KindFailed)
		return
	}
	c.add(what, KindOK)
}
