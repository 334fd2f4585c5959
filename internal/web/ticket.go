package web

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// pagesPerPage is what a person looks through before asking for more.
	pagesPerPage = 50
	// stepsShown bounds the timeline: a ticket that waits for days has many.
	stepsShown = 200
)

// ticketView is everything that is known of one ticket.
type ticketView struct {
	card
	Row        fleet.TicketRow
	Kept       bool // its pages are still there
	Parts      []part
	Steps      []step
	Left       int // steps that are not shown
	Bill       fleet.Bill
	Crawlers   []served
	Deliveries []fleet.Delivery
	Pages      []fleet.PageRow
	After      int64 // the cursor of the pages
	Previous   int64
	More       bool // pages follow
	Acts       []act
	Forms      []form
	ItemForms  []form
}

// part is one of the numbers that add up to the URLs that are known.
type part struct {
	Name, Meaning string
	Count         int64
}

// step is one decision on the ticket.
type step struct {
	fleet.DecisionRecord
	After time.Duration // since the ticket was accepted; what its crawler did before that is negative
}

// served is a crawler that served the ticket, and the address that sites saw.
type served struct {
	GUID    fleet.GUID
	Address string
	Now     bool
}

func (s *site) ticket(w http.ResponseWriter, r *http.Request, v *visit) error {
	row, err := s.row(r, v)
	if err != nil {
		return err
	}
	after, err := strconv.ParseInt(orZero(r.URL.Query().Get("after")), 10, 64)
	if err != nil || after < 0 {
		return fleet.Invalid("after", "is no number", "the number of a page")
	}
	view := ticketView{Row: row, After: after, Previous: max(0, after-pagesPerPage), Forms: formsOf(asPages), ItemForms: formsOf(asItems)}
	for _, read := range []func(*http.Request, *ticketView) error{s.readCounters, s.readStory, s.readPages} {
		if err := read(r, &view); err != nil {
			return err
		}
	}
	view.Acts = allowed(row)
	s.show(w, r, http.StatusOK, "ticket", s.of(v, frame{
		Title: "Ticket " + string(row.Input.ID), Here: "ticket", Live: view.Open,
		Notice: noticeOf(r.URL.Query().Get("did")), Body: view,
	}))
	return nil
}

// row reads the ticket of a request; one that cannot exist is not found either.
func (s *site) row(r *http.Request, v *visit) (fleet.TicketRow, error) {
	id := fleet.TicketID(r.PathValue("ticket"))
	if id.Validate() != nil {
		return fleet.TicketRow{}, fleet.Errorf(fleet.CodeNotFound, "no such ticket")
	}
	return s.Control.Ticket(r.Context(), v.tenant(), id)
}

func orZero(text string) string {
	if text == "" {
		return "0"
	}
	return text
}

func (s *site) readCounters(r *http.Request, view *ticketView) error {
	card, err := s.card(r, view.Row)
	if err != nil {
		return err
	}
	view.card = card
	c := card.Counters
	view.Parts = []part{
		{"fetched", "stored as a page", c.Fetched},
		{"redirected", "led to another URL, which is counted by itself", c.Redirected},
		{"failed", "answered with an error, or not at all", c.Failed},
		{"skipped", "left alone: robots.txt, a limit, or a content type", c.Skipped},
		{"in flight", "handed to a crawler, which fetches them", c.InFlight},
		{"queued", "found, and not yet asked for", c.Queued},
	}
	for _, p := range []part{ // rare ones, which most readers need not learn of
		{"not modified", "what they were when they were last fetched", c.NotModified},
		{"blocked", "a challenge or a captcha came instead of the page", c.Blocked},
	} {
		if p.Count > 0 {
			view.Parts = append(view.Parts, p)
		}
	}
	return nil
}

// Sum is what the parts add up to.
func (v ticketView) Sum() int64 {
	var sum int64
	for _, p := range v.Parts {
		sum += p.Count
	}
	return sum
}

// Line is the ticket in one sentence. It changes in steps of ten percent, so that a
// screen reader does not speak all the time.
func (v ticketView) Line() string {
	switch {
	case v.Row.State == fleet.TicketWaiting && v.Row.Wait != nil:
		return "Waits: " + v.Row.Wait.Message
	case !v.Open && v.Why != "":
		return fmt.Sprintf("Ended %s: %s", v.State, v.Why)
	case !v.Open:
		return "Ended " + v.State
	case v.Row.State == fleet.TicketClosing:
		return "Is being ended"
	case v.Counters.Discovered == 0:
		return "Starts: no URL is known yet"
	case v.Percent() == 100:
		return "Runs: every URL that is known is done"
	}
	from := v.Percent() / 10 * 10
	return fmt.Sprintf("Runs: %d to %d %% of the URLs that are known are done", from, from+10)
}

// readStory reads decisions, bill, crawlers and deliveries.
func (s *site) readStory(r *http.Request, view *ticketView) error {
	t, id := view.Row.Input.Tenant, view.Row.Input.ID
	decisions, err := s.Control.Decisions(r.Context(), t, id)
	if err != nil {
		return err
	}
	for _, d := range decisions {
		view.Steps = append(view.Steps, step{d, d.At.Sub(view.Row.Times.Accepted)})
	}
	view.Left = max(0, len(view.Steps)-stepsShown)
	view.Steps = view.Steps[view.Left:]
	if view.Bill, err = s.Control.Bill(r.Context(), t, id); err != nil {
		return err
	}
	view.Crawlers = crawlersOf(view.Row)
	view.Deliveries, err = s.Control.Deliveries(r.Context(), t, id)
	return err
}

func crawlersOf(row fleet.TicketRow) []served {
	var out []served
	if r := row.Result; r != nil {
		for i, g := range r.Crawlers {
			one := served{GUID: g}
			if i < len(r.Addresses) {
				one.Address = r.Addresses[i]
			}
			out = append(out, one)
		}
	}
	if row.Lease != nil {
		out = append(out, served{GUID: row.Lease.GUID, Address: row.Lease.Address, Now: true})
	}
	return out
}

func (s *site) readPages(r *http.Request, view *ticketView) error {
	pages, err := s.Data.Pages(r.Context(), view.Row.Input.Tenant, view.Row.Input.ID, view.After, pagesPerPage+1)
	var e *fleet.Error
	if errors.As(err, &e) && e.Code == fleet.CodeNotFound {
		return nil // nobody has claimed it, or its results are forgotten
	}
	if err != nil {
		return err
	}
	view.Kept = true
	if len(pages) > pagesPerPage {
		pages, view.More = pages[:pagesPerPage], true
	}
	view.Pages = pages
	if view.More || len(pages) == 0 {
		return nil
	}
	// Large pages come fewer at a time.
	next, err := s.Data.Pages(r.Context(), view.Row.Input.Tenant, view.Row.Input.ID, view.Last(), 1)
	view.More = len(next) > 0
	return err
}

// Last is the cursor of the pages that follow.
func (v ticketView) Last() int64 {
	if len(v.Pages) == 0 {
		return v.After
	}
	return v.Pages[len(v.Pages)-1].Seq
}
