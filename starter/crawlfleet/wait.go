package main

import (
	"context"
	"time"

	"github.com/spf13/pflag"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// lookEvery is how often a ticket is looked at: often enough to look alive, and each
// look is two reads of local databases.
const lookEvery = 500 * time.Millisecond

// waitFlags say whether and how long a command waits.
type waitFlags struct {
	wait    bool
	timeout time.Duration
}

func (f *waitFlags) add(flags *pflag.FlagSet) {
	flags.BoolVar(&f.wait, "wait", false, "wait for the end; Ctrl-C stops waiting only")
	flags.DurationVar(&f.timeout, "wait-timeout", 0,
		"wait at most this long, then exit with code 4 (default for ever)")
}

func (f *waitFlags) context(ctx context.Context) (context.Context, context.CancelFunc) {
	if f.timeout <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, f.timeout)
}

// stillWaiting ends a wait that was interrupted or took too long: what was waited for
// goes on.
func (a *App) stillWaiting(ctx context.Context, what, back string) error {
	message := "the wait timed out; " + what + " goes on"
	if ctx.Err() != nil {
		message = "detached; " + what + " goes on"
	}
	return &exitStatus{code: exitWaiting, err: &fleet.Error{
		Code: fleet.CodeTimeout, Message: message, Hint: "come back with: " + back,
	}}
}

// look is one look at a ticket.
type look struct {
	Ticket   fleet.TicketID    `json:"ticket"`
	State    fleet.TicketState `json:"state"`
	Wait     *fleet.Wait       `json:"wait,omitempty"`
	Crawler  fleet.GUID        `json:"crawler,omitempty"`
	Outcome  fleet.Outcome     `json:"outcome,omitempty"`
	Counters fleet.Counters    `json:"counters"`
	Pace     fleet.Pace        `json:"pace,omitzero"` // of one that runs
	row      fleet.TicketRow
}

// watcher looks at tickets in the stores.
type watcher struct {
	control fleet.Reader
	tenants fleet.TenantReader
}

func (a *App) watcher(ctx context.Context) (*watcher, error) {
	control, err := a.reader(ctx)
	if err != nil {
		return nil, err
	}
	tenants, err := a.tenantReader(ctx)
	return &watcher{control: control, tenants: tenants}, err
}

// look reads a ticket's row and its counters.
func (w *watcher) look(ctx context.Context, t fleet.TenantID, id fleet.TicketID) (look, error) {
	row, err := w.control.Ticket(ctx, t, id)
	if err != nil {
		return look{}, err
	}
	l := look{Ticket: id, State: row.State, Wait: row.Wait, row: row}
	if row.Lease != nil {
		l.Crawler = row.Lease.GUID
	}
	// A ticket that has not been claimed has no row in the tenant's database yet.
	l.Counters, l.row.Times.Started, err = w.tenants.Progress(ctx, t, id)
	if err == nil {
		l.Pace, err = w.tenants.Pace(ctx, t, id)
	}
	if hasCode(err, fleet.CodeNotFound) {
		err = nil
	}
	if row.Result != nil {
		l.Outcome, l.Counters = row.Result.Outcome, row.Result.Counters
	}
	return l, err
}

// follow looks until stop says so, and gives each look to see.
func (w *watcher) follow(
	ctx context.Context, t fleet.TenantID, id fleet.TicketID, see func(look) (stop bool, err error),
) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		l, err := w.look(ctx, t, id)
		if err == nil {
			stop, err := see(l)
			if stop || err != nil {
				return err
			}
		} else if !hasCode(err, fleet.CodeNotFound, fleet.CodeUnavailable) { // accepted a moment later
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
