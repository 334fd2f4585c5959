package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// act is a button on a ticket's page.
type act struct {
	Name, Label string
	// Fits reports whether it makes sense for a ticket in its state.
	fits func(fleet.TicketRow) bool
	do   func(ctx context.Context, s Steering, row fleet.TicketRow) error
	// notice is what the ticket's page says after it.
	notice string
}

// allActs are the buttons in the order of the page.
func allActs() []act {
	return []act{
		{
			Name: "cancel", Label: "Cancel",
			fits: func(r fleet.TicketRow) bool { return r.State == fleet.TicketWaiting || r.State == fleet.TicketRunning },
			do: func(ctx context.Context, s Steering, r fleet.TicketRow) error {
				return s.CancelTicket(ctx, r.WorkflowID)
			},
			notice: "The ticket is being cancelled. What it has stored is kept.",
		},
		{
			Name: "retry", Label: "Try again",
			fits: func(r fleet.TicketRow) bool {
				return r.State == fleet.TicketEnded && r.Result != nil && !r.Result.Outcome.Good()
			},
			do: retry, notice: "Another attempt has begun. Pages that are stored are kept.",
		},
	}
}

func (s *site) acts() map[string]act {
	all := map[string]act{}
	for _, a := range allActs() {
		all[a.Name] = a
	}
	return all
}

// allowed are the acts that make sense for a ticket now.
func allowed(row fleet.TicketRow) []act {
	var out []act
	for _, a := range allActs() {
		if a.fits(row) {
			out = append(out, a)
		}
	}
	return out
}

func noticeOf(did string) string {
	for _, a := range allActs() {
		if a.Name == did {
			return a.notice
		}
	}
	return ""
}

// retry starts another attempt of a ticket that ended badly.
func retry(ctx context.Context, s Steering, row fleet.TicketRow) error {
	in := row.Input
	in.Attempt = max(in.Attempt, row.Result.Attempt, 1) + 1
	_, err := s.StartTicket(ctx, in)
	return err
}

// steer does an act on the ticket of a request and leads back to its page.
func (s *site) steer(name string, a act) page {
	return func(w http.ResponseWriter, r *http.Request, v *visit) error {
		row, err := s.row(r, v)
		if err != nil {
			return err
		}
		if !a.fits(row) {
			return fleet.Errorf(fleet.CodeConflict, "the ticket is not in a state for that any more")
		}
		to, err := s.Steer(r.Context())
		if err == nil {
			err = a.do(r.Context(), to, row)
		}
		if err != nil {
			return notAWorkflow(err)
		}
		s.Log.Info("ticket steered", zap.String("act", name),
			zap.String("tenant", string(v.tenant())), zap.String("ticket", string(row.Input.ID)))
		http.Redirect(w, r, ticketPath(v.tenant(), row.Input.ID)+"?did="+name, http.StatusSeeOther)
		return nil
	}
}

// notAWorkflow keeps a workflow that has just ended from looking like a page that does
// not exist.
func notAWorkflow(err error) error {
	var e *fleet.Error
	if errors.As(err, &e) && e.Code == fleet.CodeNotFound {
		return fleet.Errorf(fleet.CodeConflict, "the ticket has ended in the meantime").Because(err)
	}
	return err
}

func ticketPath(t fleet.TenantID, id fleet.TicketID) string {
	return "/t/" + url.PathEscape(string(t)) + "/tickets/" + url.PathEscape(string(id))
}
