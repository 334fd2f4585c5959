package web

import (
	"net/http"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// latest is how many tickets the overview shows.
const latest = 10

// overviewView is a tenant at a glance.
type overviewView struct {
	Spent  string
	Used   int64 // percent of the spend cap
	Cards  []card
	Live   []fleet.CrawlerRow
	Leased int
	Slots  int
	Plan   fleet.Plan
}

func (s *site) overview(w http.ResponseWriter, r *http.Request, v *visit) error {
	rows, err := s.Control.Tickets(r.Context(), fleet.TicketFilter{Tenant: v.tenant(), Limit: latest})
	if err != nil {
		return err
	}
	cards, err := s.cards(r, rows)
	if err != nil {
		return err
	}
	live, err := s.Control.Crawlers(r.Context(), v.tenant())
	if err != nil {
		return err
	}
	view := overviewView{Cards: cards, Live: live, Plan: v.status.Plan.WithDefaults(), Spent: "nothing yet"}
	for _, c := range live {
		view.Leased += c.Leased
		view.Slots += c.Slots
	}
	if spent := v.status.Spent; spent.Micros != 0 {
		view.Spent = spent.String()
	}
	if most := v.status.Plan.MaxSpend; most != nil && most.Currency == v.status.Spent.Currency && most.Micros > 0 {
		view.Used = min(100, 100*v.status.Spent.Micros/most.Micros)
	}
	s.show(w, r, http.StatusOK, "overview", s.of(v, frame{
		Title: "Overview", Here: "overview", Live: anyOpen(rows) || len(live) > 0, Body: view,
	}))
	return nil
}

// Banner is what a tenant has to know on every page; "" where all is well.
func (f frame) Banner() string {
	if f.Status == nil {
		return ""
	}
	reason := ""
	if f.Status.Reason != "" {
		reason = " (" + f.Status.Reason + ")"
	}
	switch f.Status.State {
	case fleet.TenantReady:
	case fleet.TenantSuspended:
		return "This account is suspended" + reason + ". Its tickets wait, and new ones are taken and wait too."
	case fleet.TenantProvisioning:
		return "This account is being set up" + reason + ". Its tickets wait until it is ready."
	case fleet.TenantFailed:
		return "This account could not be set up" + reason + ". The operator has to create it again."
	case fleet.TenantDeleting, fleet.TenantDeleted:
		return "This account is being deleted" + reason + ". No ticket is taken any more."
	}
	if f.Status.Held != nil {
		return "Nothing runs at the moment: " + f.Status.Held.Message
	}
	return ""
}
