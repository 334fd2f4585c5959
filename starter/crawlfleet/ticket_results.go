package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/flat"
)

// pageBatch is how many pages are read at once: enough that the reads do not show, and
// with 500 pages of a few hundred fields at most some MB in memory.
const pageBatch = 500

func newTicketResultsCommand(app *App) *cobra.Command {
	var (
		tenant  tenantFlag
		after   int64
		limit   int64
		follow  bool
		changes bool
		items   bool
		each    string
		whole   bool
	)
	c := command("results TICKET", "print the stored pages of a ticket",
		`Prints the pages that a ticket has stored, in the order they were stored. Each has a seq:
--after goes on behind it. --follow waits for more until the ticket ends. --changes prints
of a ticket that recrawls another one only what is new, changed or gone; "before" is the
digest that the page had.

--items prints what the ticket's "extract" found and nothing else: one item of each page, or with
--each one of each element of a list, always with all of its fields. Pages that lack a required
field are named on standard error; --complete leaves their items out.`,
		`  crawlfleet ticket results t-1 --tenant demo -o jsonl > pages.jsonl
  crawlfleet ticket results t-1 --tenant demo --after 1000 --limit 100
  crawlfleet ticket results t-2 --tenant demo --changes -o csv > changes.csv
  crawlfleet ticket results t-1 --tenant demo --items --each products -o csv > products.csv`, 1, 1,
		func(ctx context.Context, args []string) error {
			w, err := app.watcher(ctx)
			if err != nil {
				return err
			}
			t, err := tenantOf(ctx, w.control, tenant.tenant)
			if err != nil {
				return err
			}
			r := results{
				watcher: w, tenant: t, ticket: fleet.TicketID(args[0]), after: after, left: limit, follow: follow,
				changes: changes, out: &pageSheet{app: app},
			}
			switch {
			case items:
				r.out = newItemSheet(app, each, whole)
			case each != "" || whole:
				return fleet.Invalid("items", "is missing", "--items, which --each and --complete are about")
			}
			return r.print(ctx)
		})
	tenant.add(c)
	c.Flags().Int64Var(&after, "after", 0, "go on behind this seq")
	c.Flags().Int64Var(&limit, "limit", 0, "at most this many pages (default all)")
	c.Flags().BoolVar(&changes, "changes", false, "only what is not the same as in the ticket that this one recrawls")
	c.Flags().BoolVar(&items, "items", false, "what the ticket extracts and nothing else, one item of each page")
	c.Flags().StringVar(&each, "each", "", "with --items: one item of each element of this field")
	c.Flags().BoolVar(&whole, "complete", false, "with --items: only those that have all required fields")
	c.Flags().BoolVar(&follow, "follow", false, "wait for more until the ticket ends")
	return c
}

// results streams the pages of a ticket from a cursor.
type results struct {
	*watcher
	tenant  fleet.TenantID
	ticket  fleet.TicketID
	after   int64
	left    int64 // 0 for no limit
	follow  bool
	changes bool // leave out what is the same, and what cannot be compared
	out     pagePrinter
}

// pagePrinter prints pages as they come.
type pagePrinter interface {
	head(in fleet.TicketInput) error // before the first page, perhaps again
	add(p fleet.PageRow) error
	flush() error
	end() error
}

// pageSheet prints pages as they are stored.
type pageSheet struct {
	app *App
	stream[fleet.PageRow]
}

func (s *pageSheet) head(in fleet.TicketInput) error {
	if s.stream.app == nil {
		keys := flat.Keys{Column: "fields", Keys: slices.Sorted(maps.Keys(in.Extract))}
		s.stream = stream[fleet.PageRow]{
			app: s.app, text: s.app.printPage,
			open: func(w io.Writer) sheet[fleet.PageRow] { return flat.NewWriter[fleet.PageRow](w, keys) },
		}
	}
	return nil
}

func (r *results) print(ctx context.Context) error {
	for {
		// The state is read before the pages: what an ended ticket has stored is there.
		row, err := r.control.Ticket(ctx, r.tenant, r.ticket)
		if err != nil {
			return err
		}
		if err := r.out.head(row.Input); err != nil {
			return err
		}
		more, err := r.batch(ctx)
		if err != nil {
			return err
		}
		if more {
			continue
		}
		if !r.follow || row.State == fleet.TicketEnded {
			return r.out.end()
		}
		select {
		case <-ctx.Done():
			return r.out.end()
		case <-time.After(lookEvery):
		}
	}
}

// batch prints the next pages and reports whether there may be more.
func (r *results) batch(ctx context.Context) (more bool, err error) {
	want := int64(pageBatch)
	if r.left > 0 {
		want = min(want, r.left)
	}
	pages, err := r.tenants.Pages(ctx, r.tenant, r.ticket, r.after, int(want))
	if hasCode(err, fleet.CodeNotFound) { // not claimed yet
		return false, nil
	}
	if err != nil {
		return false, err
	}
	for _, p := range pages {
		r.after = p.Seq
		if r.changes && (p.Change == "" || p.Change == fleet.ChangeSame) {
			continue
		}
		if err := r.out.add(p); err != nil {
			return false, err
		}
	}
	if err := r.out.flush(); err != nil { // whoever follows sees what there is
		return false, err
	}
	if r.left > 0 {
		if r.left -= int64(len(pages)); r.left == 0 {
			r.follow = false
			return false, nil
		}
	}
	return len(pages) > 0, nil // there are fewer than wanted where they are large
}

func (a *App) printPage(w io.Writer, p fleet.PageRow) {
	status := string(p.Outcome)
	if p.Status != 0 {
		status = fmt.Sprint(p.Status)
	}
	c := green
	if p.Outcome != fleet.PageFetched {
		c = yellow
	}
	title := p.Title
	if title == "" {
		title = p.Reason
	}
	if p.Change != "" {
		title = strings.TrimSpace(string(p.Change) + "  " + title)
	}
	fmt.Fprintf(w, "%6d  %s  %s  %s\n", p.Seq, a.paint(w, c, status), p.URL, title)
}
