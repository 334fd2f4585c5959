package main

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func newTicketCommand(app *App) *cobra.Command {
	return group("ticket", "submit, follow and read crawl requests",
		`A ticket is one crawl request of a tenant: seed URLs, scope, what to extract, a session, a
place, a deadline. Its id makes it idempotent: the same id and content is the same ticket.`,
		newTicketSubmitCommand(app), newTicketListCommand(app), newTicketShowCommand(app),
		newTicketWatchCommand(app), newTicketResultsCommand(app), newTicketExplainCommand(app),
		newTicketCancelCommand(app), newTicketPauseCommand(app), newTicketResumeCommand(app),
		newTicketRetryCommand(app), newTicketDeliveriesCommand(app), newTicketRedeliverCommand(app),
		newTicketScheduleCommand(app))
}

// tenantFlag names a command's tenant; it may be left out where there is one only.
type tenantFlag struct{ tenant string }

func (f *tenantFlag) add(c *cobra.Command) {
	c.Flags().StringVarP(&f.tenant, "tenant", "t", "", "the tenant (default the only one)")
}

func newTicketListCommand(app *App) *cobra.Command {
	var (
		filter fleet.TicketFilter
		tenant string
		state  string
	)
	c := command("list", "list tickets", "Lists tickets, the newest first.",
		`  crawlfleet ticket list --tenant demo --state waiting
  crawlfleet ticket list --label project=shop -o jsonl`, 0, 0,
		func(ctx context.Context, _ []string) error {
			filter.Tenant, filter.State = fleet.TenantID(tenant), fleet.TicketState(state)
			r, err := app.reader(ctx)
			if err != nil {
				return err
			}
			all, err := r.Tickets(ctx, filter)
			if err != nil {
				return err
			}
			return printList(app, all, ticketHead(), ticketCells)
		})
	c.Flags().StringVarP(&tenant, "tenant", "t", "", "of this tenant only")
	c.Flags().Var(&oneOfValue{value: &state, allowed: []string{"waiting", "running", "closing", "ended"}},
		"state", "in this state only")
	c.Flags().StringToStringVar(&filter.Label, "label", nil, "with this label only, name=value")
	c.Flags().IntVar(&filter.Limit, "limit", 100, "at most this many")
	return c
}

func ticketHead() []string {
	return []string{"TENANT", "TICKET", "STATE", "PAGES", "ACCEPTED", "SEEDS", "WHY"}
}

func ticketCells(row fleet.TicketRow) []cell {
	status, pages, why := state(row.State), "", ""
	switch {
	case row.Result != nil:
		status, why = state(row.Result.Outcome), row.Result.Reason
		pages = text(row.Result.Counters.Fetched).text
	case row.Wait != nil:
		why = row.Wait.Message
	case row.Lease != nil:
		why = "on " + row.Lease.GUID.Short()
	}
	return []cell{
		text(row.Input.Tenant), text(row.Input.ID), status, text(pages),
		text(moment(row.Times.Accepted)), text(row.Input.Subject()), text(why),
	}
}

// ticketRow reads the row of a ticket that is about to be steered: its workflow may
// have any id.
func (a *App) ticketRow(
	ctx context.Context, tenant string, id fleet.TicketID,
) (t fleet.TenantID, row fleet.TicketRow, err error) {
	r, t, err := a.readTenant(ctx, tenant)
	if err != nil {
		return t, row, err
	}
	row, err = r.Ticket(ctx, t, id)
	return t, row, err
}

// ticketView is what `ticket show` prints.
type ticketView struct {
	fleet.TicketRow
	Counters fleet.Counters `json:"counters"`
	Pace     fleet.Pace     `json:"pace,omitzero"`
	Bill     *fleet.Bill    `json:"bill,omitempty"`
}

func newTicketShowCommand(app *App) *cobra.Command {
	var tenant tenantFlag
	c := command("show TICKET", "show a ticket",
		"Shows a ticket: state, why it waits, counters, crawlers, times and what it cost so far.",
		"  crawlfleet ticket show t-1 --tenant demo", 1, 1,
		func(ctx context.Context, args []string) error {
			w, err := app.watcher(ctx)
			if err != nil {
				return err
			}
			t, err := tenantOf(ctx, w.control, tenant.tenant)
			if err != nil {
				return err
			}
			l, err := w.look(ctx, t, fleet.TicketID(args[0]))
			if err != nil {
				return err
			}
			view := ticketView{TicketRow: l.row, Counters: l.Counters, Pace: l.Pace}
			if bill, err := w.control.Bill(ctx, t, l.Ticket); err == nil {
				view.Bill = &bill
			}
			return printOne(app, view, func(out io.Writer) { app.printTicket(out, view) })
		})
	tenant.add(c)
	return c
}

func (a *App) printTicket(w io.Writer, v ticketView) {
	in := v.Input
	status, why, problem, crawlers, cost := state(v.State), "", "", "", ""
	if v.Wait != nil {
		why = v.Wait.Message
	}
	if v.Lease != nil {
		crawlers = string(v.Lease.GUID)
	}
	if r := v.Result; r != nil {
		status, why, crawlers = state(r.Outcome), r.Reason, join(r.Crawlers)
		if r.Error != nil && r.Error.Error() != r.Reason {
			problem = r.Error.Error()
		}
	}
	if v.Bill != nil {
		cost = bill(*v.Bill)
	}
	session := ""
	if in.Session != nil {
		session = fmt.Sprintf("%s (%s)", in.Session.Key, in.Session.OnLoss)
	}
	facts(w, "ticket", string(in.ID), "tenant", string(in.Tenant),
		"state", a.paint(w, status.color, status.text), "why", why, "error", problem,
		"seeds", in.Subject(), "session", session, "urls", counters(v.Counters)+least(v.Pace),
		"hosts", hosts(v.Pace),
		"crawlers", crawlers, "attempt", text(max(in.Attempt, 1)).text,
		"accepted", moment(v.Times.Accepted), "started", moment(v.Times.Started),
		"ended", moment(v.Times.Ended), "deadline", moment(v.Deadline), "cost", cost,
		"workflow", v.WorkflowID)
}

func bill(b fleet.Bill) string {
	if b.Final {
		return b.Total.String()
	}
	return b.Total.String() + " so far; start and idle shares follow when the crawler stops"
}

func join[S ~string](list []S) string {
	parts := make([]string, len(list))
	for i, s := range list {
		parts[i] = string(s)
	}
	return strings.Join(parts, ", ")
}
