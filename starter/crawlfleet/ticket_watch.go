package main

import (
	"context"
	"io"
	"reflect"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func newTicketWatchCommand(app *App) *cobra.Command {
	var tenant tenantFlag
	var wait waitFlags
	c := command("watch TICKET", "follow a ticket to its end",
		`Follows a ticket until it ends, then prints its result. With -o jsonl each change is a line
on standard output. Ctrl-C stops watching; the ticket goes on.`,
		"  crawlfleet ticket watch t-1 --tenant demo", 1, 1,
		func(ctx context.Context, args []string) error {
			return app.watch(ctx, tenant.tenant, fleet.TicketID(args[0]), wait)
		})
	tenant.add(c)
	c.Flags().DurationVar(&wait.timeout, "wait-timeout", 0,
		"watch at most this long, then exit with code 4 (default for ever)")
	return c
}

func (a *App) watch(ctx context.Context, tenant string, id fleet.TicketID, wait waitFlags) error {
	w, err := a.watcher(ctx)
	if err != nil {
		return err
	}
	t, err := tenantOf(ctx, w.control, tenant)
	if err != nil {
		return err
	}
	last, err := w.look(ctx, t, id) // a ticket that is not there is an error at once
	if err != nil {
		return err
	}
	waiting, cancel := wait.context(ctx)
	defer cancel()
	p := a.progress()
	if a.output == outputJSONL {
		p = silence{}
		err = a.encode(last)
	}
	if err == nil {
		err = w.follow(waiting, t, id, func(l look) (bool, error) {
			p.show(l)
			changed := l.State != last.State || !reflect.DeepEqual(l.Wait, last.Wait) || l.Counters != last.Counters
			last = l
			if changed && a.output == outputJSONL {
				return l.State == fleet.TicketEnded, a.encode(l)
			}
			return l.State == fleet.TicketEnded, nil
		})
	}
	p.end()
	if waiting.Err() != nil && last.State != fleet.TicketEnded {
		return a.stillWaiting(ctx, "ticket "+string(id), watchCommand(t, id))
	}
	if err != nil || last.row.Result == nil {
		return err
	}
	if a.output != outputJSONL {
		err = printOne(a, *last.row.Result, func(w io.Writer) { a.printResult(w, *last.row.Result) })
	}
	if err != nil {
		return err
	}
	return outcomeStatus(*last.row.Result)
}
