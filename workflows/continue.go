package workflows

import (
	"time"

	"go.temporal.io/sdk/workflow"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Continuing as new is invisible: what a query answers and what a signal does is
// the same before and after. Nothing that matters is carried, because the control
// store knows it; what is carried is for people, as a second argument that a
// caller leaves out:
//
//   - Ticket, while it waits: its document, and ticketCarry. It routes first of all,
//     so that a granted that came in between is not missed.
//   - Conductor: its input. It decides first of all, so demand may be dropped.
//   - Tenant, when no update is under way: the document of today, and its status.
//     What state the account is in, the control store answers.
//   - Crawler never: its looks at the idle time grow with its age (options.go), and
//     two Serves of one crawler must not be.

// ticketCarry is what a waiting ticket takes along.
type ticketCarry struct {
	Moves int `json:"moves,omitempty"` // crawlers lost
	Asks  int `json:"asks,omitempty"`  // timers fired in this wait
	Quick int `json:"quick,omitempty"` // crawlers lost in quick succession
	// Since is when this wait began.
	Since *time.Time `json:"since,omitempty"`
	// Pause is set while the ticket is paused.
	Pause *fleet.SteerRequest `json:"pause,omitempty"`
}

// full reports whether the server suggests to continue as new.
func full(ctx workflow.Context) bool { return workflow.GetInfo(ctx).GetContinueAsNewSuggested() }
