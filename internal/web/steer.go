package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"go.uber.org/zap"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// act is a button on a ticket's page.
type act struct {
	Name, Label string
	// fits reports whether it makes sense for a ticket in its state.
	fits func(fleet.TicketRow) bool
	do   func(ctx context.Context, s Steering, row fleet.TicketRow, r fleet.SteerRequest) error
	// notice is what the ticket's page says after it.
	notice string
}

// steerWithin bounds an act: a worker answers pause and resume in milliseconds.
const steerWithin = 20 * time.Second

// allActs are the buttons in the order of the page.
func allActs() []act {
	return []act{
		{
			Name: "pause", Label: "Pause", do: pause,
			fits:   func(r fleet.TicketRow) bool { return open(r) && !paused(r) },
			notice: "The ticket is paused. What it has stored is kept, and its slot is free for others.",
		},
		{
			Name: "resume", Label: "Resume", do: resume,
			fits:   func(r fleet.TicketRow) bool { return open(r) && paused(r) },
			notice: "The ticket goes on.",
		},
		{
			Name: "cancel", Label: "Cancel", do: cancel, fits: open,
			notice: "The ticket is being cancelled. What it has stored is kept.",
		},
		{
			Name: "retry", Label: "Try again", do: retry,
			fits: func(r fleet.TicketRow) bool {
				return r.State == fleet.TicketEnded && r.Result != nil && !r.Result.Outcome.Good()
			},
			notice: "Another attempt has begun. Pages that are stored are kept.",
		},
	}
}

func open(r fleet.TicketRow) bool {
	return r.State == fleet.TicketWaiting || r.State == fleet.TicketRunning
}

func paused(r fleet.TicketRow) bool { return r.Wait != nil && r.Wait.Code == fleet.WaitPaused }

func pause(ctx context.Context, s Steering, row fleet.TicketRow, r fleet.SteerRequest) error {
	_, err := s.PauseTicket(ctx, row.WorkflowID, r)
	return err
}

func resume(ctx context.Context, s Steering, row fleet.TicketRow, r fleet.SteerRequest) error {
	_, err := s.ResumeTicket(ctx, row.WorkflowID, r)
	return err
}

func cancel(ctx context.Context, s Steering, row fleet.TicketRow, _ fleet.SteerRequest) error {
	return s.CancelTicket(ctx, row.WorkflowID)
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
func retry(ctx context.Context, s Steering, row fleet.TicketRow, _ fleet.SteerRequest) error {
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
		ctx, cancel := context.WithTimeout(r.Context(), steerWithin)
		defer cancel()
		to, err := s.Steer(ctx)
		if err == nil {
			err = a.do(ctx, to, row, fleet.SteerRequest{By: "web, key " + v.key})
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
