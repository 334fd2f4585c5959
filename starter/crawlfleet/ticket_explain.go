package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// explanation is all that is known of why a ticket went the way it went.
type explanation struct {
	Ticket    fleet.TicketRow        `json:"ticket"`
	Counters  fleet.Counters         `json:"counters"`
	Decisions []fleet.DecisionRecord `json:"decisions"`
	Bill      fleet.Bill             `json:"bill"`
}

func newTicketExplainCommand(app *App) *cobra.Command {
	var tenant tenantFlag
	c := command("explain TICKET", "say why a ticket went the way it went",
		`Tells a ticket's story: each decision on it and on the crawlers that were started for it,
with its reason, what it waited for, where it ran and what it cost.`,
		"  crawlfleet ticket explain t-1 --tenant demo", 1, 1,
		func(ctx context.Context, args []string) error {
			return app.explain(ctx, tenant.tenant, fleet.TicketID(args[0]))
		})
	tenant.add(c)
	return c
}

func (a *App) explain(ctx context.Context, tenant string, id fleet.TicketID) error {
	w, err := a.watcher(ctx)
	if err != nil {
		return err
	}
	t, err := tenantOf(ctx, w.control, tenant)
	if err != nil {
		return err
	}
	l, err := w.look(ctx, t, id)
	if err != nil {
		return err
	}
	e := explanation{Ticket: l.row, Counters: l.Counters}
	if e.Decisions, err = w.control.Decisions(ctx, t, id); err != nil {
		return err
	}
	if e.Bill, err = w.control.Bill(ctx, t, id); err != nil {
		return err
	}
	return printOne(a, e, func(out io.Writer) { a.narrate(out, e) })
}

// narrate writes the explanation as sentences and a thread.
func (a *App) narrate(w io.Writer, e explanation) {
	in := e.Ticket.Input
	fmt.Fprintf(w, "Ticket %s of tenant %s crawls %s.\n", in.ID, in.Tenant, in.Subject())
	fmt.Fprintln(w, life(e.Ticket))
	if e.Counters.Discovered > 0 {
		fmt.Fprintf(w, "It knows %s.\n", counters(e.Counters))
	}
	if r := e.Ticket.Result; r != nil && r.Error != nil && r.Error.Error() != r.Reason {
		fmt.Fprintf(w, "The error: %s.\n", r.Error)
	}
	if len(e.Decisions) > 0 {
		fmt.Fprintln(w)
		a.thread(w, e.Ticket.Times.Accepted, e.Decisions)
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, price(e.Bill))
}

// life is one sentence on a ticket's times.
func life(row fleet.TicketRow) string {
	t := row.Times
	var b strings.Builder
	fmt.Fprintf(&b, "It was accepted at %s", moment(t.Accepted))
	if !t.Leased.IsZero() {
		if waited := t.Leased.Sub(t.Accepted); waited <= 0 { // in the transaction that accepted it
			b.WriteString(", had a slot at once")
		} else {
			fmt.Fprintf(&b, ", waited %s for a slot", span(waited))
		}
	}
	switch {
	case row.Result != nil:
		if !t.Leased.IsZero() && !t.Ended.IsZero() {
			fmt.Fprintf(&b, ", ran for %s", span(t.Ended.Sub(t.Leased)))
		}
		fmt.Fprintf(&b, " and ended %s", row.Result.Outcome)
		if r := row.Result.Reason; r != "" && r != string(row.Result.Outcome) {
			fmt.Fprintf(&b, ": %s", r)
		}
	case row.Wait != nil:
		fmt.Fprintf(&b, " and waits (%s): %s", row.Wait.Code, row.Wait.Message)
	case row.Lease != nil:
		fmt.Fprintf(&b, " and runs on crawler %s", row.Lease.GUID.Short())
		if row.Lease.Address != "" {
			fmt.Fprintf(&b, " from %s", row.Lease.Address)
		}
	default:
		fmt.Fprintf(&b, " and is %s", row.State)
	}
	sentence := strings.TrimSuffix(b.String(), ".") + "."
	if r := row.Result; r != nil {
		if len(r.Crawlers) > 0 {
			sentence += fmt.Sprintf(" It ran on %s", crawlersOf(*r))
		}
		if r.Moves > 0 {
			sentence += fmt.Sprintf(" and moved %s", times(r.Moves))
		}
		if len(r.Crawlers) > 0 || r.Moves > 0 {
			sentence += "."
		}
	}
	return sentence
}

func crawlersOf(r fleet.TicketResult) string {
	parts := make([]string, len(r.Crawlers))
	for i, g := range r.Crawlers {
		parts[i] = "crawler " + g.Short()
		if i < len(r.Addresses) && r.Addresses[i] != "" {
			parts[i] += " from " + r.Addresses[i]
		}
	}
	return strings.Join(parts, ", then ")
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// thread writes each decision with its time since the ticket was accepted. What its crawler
// did before that has times with a minus.
func (a *App) thread(w io.Writer, accepted time.Time, decisions []fleet.DecisionRecord) {
	for _, d := range decisions {
		about := ""
		if d.GUID != "" {
			about = "crawler " + d.GUID.Short() + ": "
		}
		c := plain
		switch d.Kind {
		case fleet.DecidedWait, fleet.DecidedMove, fleet.DecidedCooldown:
			c = yellow
		case fleet.DecidedBury:
			c = red
		}
		fmt.Fprintf(w, "  %9s  %s%s%s%s\n", lapse(d.At.Sub(accepted)), a.paint(w, c, string(d.Kind)),
			strings.Repeat(" ", max(1, 10-len(d.Kind))), about, d.Reason)
	}
}

// price is the bill in words, one part for each kind of line.
func price(b fleet.Bill) string {
	if len(b.Lines) == 0 {
		return "It has cost nothing yet."
	}
	sums, kinds := map[fleet.LedgerKind]fleet.Money{}, []fleet.LedgerKind{}
	for _, l := range b.Lines {
		sum, seen := sums[l.Kind]
		if !seen {
			kinds = append(kinds, l.Kind)
		}
		added, err := sum.Add(l.Amount)
		if err != nil { // offerings of two currencies: the lines say it, the sum cannot
			return "It has cost " + b.Total.String() + ", in several currencies."
		}
		sums[l.Kind] = added
	}
	parts := make([]string, len(kinds))
	for i, k := range kinds {
		parts[i] = sums[k].String() + " " + ledgerWords(k)
	}
	s := fmt.Sprintf("It has cost %s: %s.", b.Total, strings.Join(parts, ", "))
	if !b.Final {
		s += " Its shares of the crawler's start and idle time follow when the crawler stops."
	}
	return s
}

func ledgerWords(k fleet.LedgerKind) string {
	switch k {
	case fleet.LedgerSlot:
		return "for its own time on a slot"
	case fleet.LedgerStart:
		return "for its share of the crawler's start"
	case fleet.LedgerIdle:
		return "for its share of the crawler's idle time"
	case fleet.LedgerUnused:
		return "for a crawler that served nobody"
	}
	return "for " + string(k)
}
