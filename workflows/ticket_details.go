package workflows

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/activities"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// seedsOf says what a document asks for, whoever started the workflow; "" where it
// cannot be read, which Route says in its own words.
//
//workflowcheck:ignore
func seedsOf(document json.RawMessage) string {
	var in struct {
		URLs []string `json:"urls"`
	}
	if json.Unmarshal(document, &in) != nil {
		return ""
	}
	return fleet.Seeds(in.URLs)
}

// question is what the desk is asked, in words.
func (t *ticket) question(in activities.RouteInput) string {
	switch {
	case in.Pause != nil:
		return "route: it is paused, give its slot back"
	case in.Resume != nil:
		return "route: it goes on, find a slot"
	case in.Why == fleet.CodeCrawlerLost:
		return "route: its crawler was lost, find another slot"
	case in.Why == fleet.CodeDraining:
		return "route: its crawler drains, find another slot"
	case in.Why != "":
		return fmt.Sprintf("route: the crawl was cut off (%s), find another slot", in.Why)
	case t.accepted:
		return "route: ask again for a slot"
	default:
		return "route: find a slot"
	}
}

// show brings the answer of the desk into the status and the Web UI. It costs no event.
func (t *ticket) show(ctx workflow.Context) {
	s := &t.status
	if s.Result == nil {
		s.Tenant, s.Ticket, s.Wait = t.routed.Tenant, t.routed.Ticket, t.routed.Wait
		s.State, s.Crawler, s.Address = fleet.TicketWaiting, "", ""
		if lease := t.routed.Lease; lease != nil {
			s.State, s.Crawler, s.Address = fleet.TicketRunning, lease.GUID, lease.Address
		}
	}
	if s.State != fleet.TicketWaiting {
		t.carry.Since = nil
	} else if now := workflow.Now(ctx); t.carry.Since == nil {
		t.carry.Since = &now
	}
	t.details().show(ctx)
}

// details are where the ticket is and why, what it crawls and until when.
func (t *ticket) details() *details {
	s := &t.status
	var d *details
	switch {
	case s.Result != nil:
		d = t.over(*s.Result)
	case s.Wait != nil:
		d = describe(s.State, "%s (`%s`)", s.Wait.Message, s.Wait.Code)
		if since := s.Wait.Since; !since.IsZero() {
			d.moment("since", since)
		} else if t.carry.Since != nil {
			d.moment("since", *t.carry.Since)
		}
		d.moment("until", s.Wait.Until)
	case t.routed.Lease != nil:
		l := t.routed.Lease
		d = describe(s.State, "").moment("since", l.TakenAt).
			line("crawler", "`%s` at %s, address %s", l.GUID, l.Offering, l.Address).
			moment("may cost no more from", l.Until)
	default:
		d = describe(s.State, "")
	}
	d.line("crawls", "%s", t.seeds).line("moved to another crawler", "%s", times(s.Moves))
	if s.Result == nil {
		d.moment("deadline", t.routed.Deadline)
	}
	return d
}

// over is how the ticket ended.
func (t *ticket) over(r fleet.TicketResult) *details {
	d := describe(t.status.State, "%s", r.Outcome).line("why", "%s", r.Reason)
	n := r.Counters
	d.line("pages", "%d fetched, %d redirected, %d failed, %d skipped",
		n.Fetched, n.Redirected, n.Failed, n.Skipped)
	if n.Blocked > 0 {
		d.line("blocked", "%d pages", n.Blocked)
	}
	if took := r.Times.Ended.Sub(r.Times.Accepted); took > 0 && !r.Times.Accepted.IsZero() {
		d.line("took", "%s", spoken(took))
	}
	var crawlers []string
	for _, g := range r.Crawlers {
		crawlers = append(crawlers, "`"+string(g)+"`")
	}
	return d.line("crawled by", "%s", strings.Join(crawlers, ", "))
}
