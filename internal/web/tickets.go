package web

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// ticketsPerPage is what a person looks through before asking for more.
const ticketsPerPage = 50

// card is a ticket in a list.
type card struct {
	ID       fleet.TicketID
	Seeds    string
	Labels   map[string]string
	State    string // of its outcome, where it has ended
	Why      string
	Counters fleet.Counters
	Accepted time.Time
	Open     bool
}

// Percent is how much of what is known is done.
func (c card) Percent() int64 { return percent(c.Counters) }

func percent(c fleet.Counters) int64 {
	if c.Discovered == 0 {
		return 0
	}
	return 100 * c.Done() / c.Discovered
}

// cards reads the progress of the tickets of a list.
func (s *site) cards(r *http.Request, rows []fleet.TicketRow) ([]card, error) {
	out := make([]card, len(rows))
	for i, row := range rows {
		c, err := s.card(r, row)
		if err != nil {
			return nil, err
		}
		out[i] = c
	}
	return out, nil
}

func (s *site) card(r *http.Request, row fleet.TicketRow) (card, error) {
	c := card{
		ID: row.Input.ID, Seeds: row.Input.Subject(), Labels: row.Input.Labels, State: string(row.State),
		Accepted: row.Times.Accepted, Open: row.State != fleet.TicketEnded,
	}
	switch {
	case row.Result != nil && !c.Open:
		c.State, c.Why, c.Counters = string(row.Result.Outcome), row.Result.Reason, row.Result.Counters
		if c.Why == c.State {
			c.Why = ""
		}
		return c, nil
	case row.Wait != nil:
		c.Why = row.Wait.Message
	case row.Lease != nil:
		c.Why = "on crawler " + row.Lease.GUID.Short()
	}
	var err error
	c.Counters, err = s.progress(r, row)
	return c, err
}

// progress counts a ticket's URLs; none where nobody has claimed it yet.
func (s *site) progress(r *http.Request, row fleet.TicketRow) (fleet.Counters, error) {
	counters, _, err := s.Data.Progress(r.Context(), row.Input.Tenant, row.Input.ID)
	if fleet.CodeOf(err) == fleet.CodeNotFound {
		err = nil
		if row.Result != nil { // its results are forgotten; the row remembers the sum
			counters = row.Result.Counters
		}
	}
	return counters, err
}

func anyOpen(rows []fleet.TicketRow) bool {
	for _, row := range rows {
		if row.State != fleet.TicketEnded {
			return true
		}
	}
	return false
}

// ticketsView is a list of tickets with its filter.
type ticketsView struct {
	Cards    []card
	States   []fleet.TicketState
	State    fleet.TicketState
	Label    string
	Filtered bool
	Before   fleet.TicketID // the cursor of this page
	Next     string         // path of the page that follows
	First    string         // path of the first page
}

func (s *site) tickets(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, label, err := filterOf(r.URL.Query())
	if err != nil {
		return err
	}
	f.Tenant, f.Limit = v.tenant(), ticketsPerPage+1 // one more tells that there is more
	rows, err := s.Control.Tickets(r.Context(), f)
	if err != nil {
		return err
	}
	view := ticketsView{
		States: []fleet.TicketState{
			fleet.TicketWaiting, fleet.TicketRunning, fleet.TicketClosing, fleet.TicketEnded,
		},
		State: f.State, Label: label, Filtered: f.State != "" || label != "", Before: f.Before,
	}
	query := url.Values{"state": {string(f.State)}, "label": {label}}
	view.First = r.URL.Path + "?" + query.Encode()
	if len(rows) > ticketsPerPage {
		rows = rows[:ticketsPerPage]
		query.Set("before", string(rows[len(rows)-1].Input.ID))
		view.Next = r.URL.Path + "?" + query.Encode()
	}
	if view.Cards, err = s.cards(r, rows); err != nil {
		return err
	}
	s.show(w, r, http.StatusOK, "tickets", s.of(v, frame{
		Title: "Tickets", Here: "tickets", Live: anyOpen(rows), Body: view,
	}))
	return nil
}

// filterOf reads a list's query; its errors name the parameter.
func filterOf(q url.Values) (f fleet.TicketFilter, label string, err error) {
	switch f.State = fleet.TicketState(q.Get("state")); f.State {
	case "", fleet.TicketWaiting, fleet.TicketRunning, fleet.TicketClosing, fleet.TicketEnded:
	default:
		return f, "", fleet.Invalid("state", fmt.Sprintf("%q is not a state", f.State),
			"waiting, running, closing or ended")
	}
	if label = strings.TrimSpace(q.Get("label")); label != "" {
		name, value, ok := strings.Cut(label, "=")
		if !ok || name == "" {
			return f, "", fleet.Invalid("label", fmt.Sprintf("%q is not a label", label), "name=value")
		}
		f.Label = map[string]string{name: value}
	}
	if f.Before = fleet.TicketID(q.Get("before")); f.Before != "" {
		err = f.Before.Validate()
	}
	return f, label, err
}
