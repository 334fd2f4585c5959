package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
)

// submitView is the form of a new ticket: what was typed, and what is wrong with it.
type submitView struct {
	URLs, Pages, ID string
	// Errors are by the name of the input; "" for those that are at none.
	Errors map[string]string
}

func (s *site) submitForm(w http.ResponseWriter, r *http.Request, v *visit) error {
	s.showSubmit(w, r, v, http.StatusOK, submitView{})
	return nil
}

func (s *site) showSubmit(w http.ResponseWriter, r *http.Request, v *visit, status int, view submitView) {
	title := "New ticket"
	if len(view.Errors) > 0 {
		title = "Error: New ticket" // the first thing that a screen reader says
	}
	s.show(w, r, status, "submit", s.of(v, frame{Title: title, Here: "submit", Body: view}))
}

func (s *site) submit(w http.ResponseWriter, r *http.Request, v *visit) error {
	view := submitView{
		URLs: r.PostForm.Get("urls"), Pages: strings.TrimSpace(r.PostForm.Get("pages")),
		ID: strings.TrimSpace(r.PostForm.Get("id")),
	}
	in, err := view.ticket(v.tenant())
	if err == nil {
		var id fleet.TicketID
		if id, err = s.start(r.Context(), in); err == nil {
			http.Redirect(w, r, ticketPath(v.tenant(), id), http.StatusSeeOther)
			return nil
		}
	}
	shown := s.worded(r, err)
	view.Errors = map[string]string{inputOf(shown.Field): sentence(shown)}
	retryAfter(w, shown)
	status := statusOf(err)
	if status == http.StatusNotFound { // of something that the form names, not of the page
		status = http.StatusUnprocessableEntity
	}
	s.showSubmit(w, r, v, status, view)
	return nil
}

// ticket is what the form asks for.
func (f submitView) ticket(t fleet.TenantID) (fleet.TicketInput, error) {
	in := fleet.TicketInput{Tenant: t, ID: fleet.TicketID(f.ID), URLs: strings.Fields(f.URLs)}
	if f.Pages != "" {
		n, err := strconv.ParseInt(f.Pages, 10, 64)
		if err != nil || n < 1 {
			return in, fleet.Invalid("scope.maxPages", strconv.Quote(f.Pages)+" is not a number of pages", "a whole number, 1 or more")
		}
		in.Scope.MaxPages = n
	}
	if in.ID != "" {
		if err := in.ID.Validate(); err != nil {
			return in, err
		}
	}
	return in, nil
}

// inputOf is the input of the form in which a field of a ticket is.
func inputOf(field string) string {
	switch {
	case strings.HasPrefix(field, "urls"), strings.HasPrefix(field, "scope.hosts"):
		return "urls"
	case field == "scope.maxPages":
		return "pages"
	case field == "id":
		return "id"
	}
	return ""
}

// start submits a ticket and answers when it is accepted, or with why it is refused.
func (s *site) start(ctx context.Context, in fleet.TicketInput) (fleet.TicketID, error) {
	ctx, cancel := context.WithTimeout(ctx, steerWithin)
	defer cancel()
	to, err := s.Steer(ctx)
	if err != nil {
		return "", err
	}
	started, err := to.StartTicket(ctx, in)
	if err != nil {
		return "", err
	}
	return started.Ticket, client.Accepted(ctx, to, s.Control, started)
}
