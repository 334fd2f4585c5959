package fleet

import (
	"fmt"
	"slices"
	"time"
)

// EchoRequest asks where the caller is seen to come from.
type EchoRequest struct {
	// Runs are the crawls that the crawler has: those that are under way, and those that
	// ended a moment ago, whose results may be on their way. Nil says nothing; empty says
	// that it has none.
	Runs []CrawlRef `json:"runs,omitzero"`
}

// RunsMost bounds EchoRequest.Runs: twice the slots that a crawler can have are 128.
const RunsMost = 1000

// Validate checks the form.
func (r EchoRequest) Validate() error {
	if len(r.Runs) > RunsMost {
		return Invalid("runs", fmt.Sprintf("has %d crawls", len(r.Runs)), fmt.Sprintf("%d at most", RunsMost))
	}
	for _, c := range r.Runs {
		if err := c.Ticket.Validate(); err != nil {
			return err
		}
	}
	return nil
}

// CrawlRef names a crawl of one of a crawler's tenant's tickets: under which lease.
type CrawlRef struct {
	Ticket TicketID `json:"ticket"`
	Epoch  int64    `json:"epoch"`
}

// Running is what a crawler said last of the crawls that it has.
type Running struct {
	At     time.Time // when it was heard, by the control side's clock
	Crawls []CrawlRef
}

// Has reports whether the crawl was among them.
func (r Running) Has(c CrawlRef) bool { return slices.Contains(r.Crawls, c) }

// EchoAnswer tells a crawler where it is seen to come from.
type EchoAnswer struct {
	Address string `json:"address"`
	// Proof is the control side's own signature of crawler, address and time: a Hello
	// without it is not believed.
	Proof string `json:"proof,omitempty"`
}
