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

func newCrawlerCommand(app *App) *cobra.Command {
	return group("crawler", "list, read and drain crawlers",
		`A crawler is one container (here: one process) with one GUID and one life. The beginning or
the end of a GUID is enough where only one crawler has it.`,
		newCrawlerListCommand(app), newCrawlerShowCommand(app), newCrawlerLogsCommand(app),
		newCrawlerDrainCommand(app))
}

func newCrawlerListCommand(app *App) *cobra.Command {
	var filter fleet.CrawlerFilter
	var gone bool
	c := command("list", "list crawlers", "Lists the crawlers that live, with --gone the ended ones too.",
		"  crawlfleet crawler list --tenant demo --gone", 0, 0,
		func(ctx context.Context, _ []string) error {
			r, err := app.reader(ctx)
			if err != nil {
				return err
			}
			var all []fleet.CrawlerRow
			if gone {
				all, err = r.AllCrawlers(ctx, filter)
			} else {
				all, err = r.Crawlers(ctx, filter.Tenant)
			}
			if err != nil {
				return err
			}
			head := []string{"CRAWLER", "TENANT", "STATE", "SLOTS", "SERVED", "OFFERING", "ADDRESS", "PID", "SINCE"}
			return printList(app, all, head, func(c fleet.CrawlerRow) []cell {
				pid := ""
				if c.PID > 0 {
					pid = text(c.PID).text
				}
				return []cell{
					text(c.GUID), text(c.Tenant), state(c.State), text(fmt.Sprintf("%d/%d", c.Leased, c.Slots)),
					text(c.Served), text(c.Offering), text(c.Address), text(pid), text(moment(c.Times.Reserved)),
				}
			})
		})
	c.Flags().StringVarP((*string)(&filter.Tenant), "tenant", "t", "", "of this tenant only")
	c.Flags().BoolVar(&gone, "gone", false, "ended ones too")
	c.Flags().IntVar(&filter.Limit, "limit", 100, "at most this many, with --gone")
	return c
}

func newCrawlerShowCommand(app *App) *cobra.Command {
	return command("show GUID", "show a crawler",
		"Shows a crawler: where it runs, from which address, and the phases of its start.",
		"  crawlfleet crawler show 5b8c6d2e", 1, 1,
		func(ctx context.Context, args []string) error {
			r, err := app.reader(ctx)
			if err != nil {
				return err
			}
			c, err := crawlerOf(ctx, r, args[0])
			if err != nil {
				return err
			}
			return printOne(app, c, func(w io.Writer) { app.printCrawler(w, c) })
		})
}

func (a *App) printCrawler(w io.Writer, c fleet.CrawlerRow) {
	t := c.Times
	since := func(at time.Time) string {
		if at.IsZero() || t.Reserved.IsZero() {
			return ""
		}
		return "+" + span(at.Sub(t.Reserved))
	}
	facts(w, "crawler", string(c.GUID), "tenant", string(c.Tenant),
		"state", a.paint(w, state(c.State).color, string(c.State)), "why", c.Reason,
		"offering", string(c.Offering), "country", c.Country, "address", c.Address,
		"slots", fmt.Sprintf("%d of %d leased", c.Leased, c.Slots), "served", text(c.Served).text+" tickets",
		"reserved", moment(t.Reserved), "launched", since(t.Launched), "main", since(t.Main),
		"dialled", since(t.Dialed), "serving", since(t.Serving), "idle from", moment(t.IdleFrom),
		"retired", moment(t.Retired), "gone", moment(t.Gone))
}

// crawlerOf finds a crawler by its GUID, or the beginning or end of it.
func crawlerOf(ctx context.Context, r fleet.Reader, part string) (fleet.CrawlerRow, error) {
	part = strings.ToLower(part)
	if fleet.GUID(part).Validate() == nil {
		return r.Crawler(ctx, fleet.GUID(part))
	}
	var found []fleet.CrawlerRow
	for c, err := range fleet.EveryCrawler(ctx, r, "") {
		if err != nil {
			return fleet.CrawlerRow{}, err
		}
		g := string(c.GUID)
		if part != "" && (strings.HasPrefix(g, part) || strings.HasSuffix(g, part)) {
			found = append(found, c)
		}
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return fleet.CrawlerRow{}, &fleet.Error{
			Code: fleet.CodeNotFound, Field: "guid", Message: fmt.Sprintf("no crawler %q", part),
			Want: "a GUID, its beginning or its end", Hint: "crawlfleet crawler list --gone",
		}
	}
	return fleet.CrawlerRow{}, fleet.Invalid("guid",
		fmt.Sprintf("%q fits %d crawlers", part, len(found)), "more of the GUID")
}

func newCrawlerDrainCommand(app *App) *cobra.Command {
	r := fleet.DrainRequest{Reason: "operator"}
	var grace time.Duration
	c := command("drain GUID", "let a crawler finish and end",
		`Takes a crawler out of every route: running tickets may finish within the grace and are
else handed to another crawler. Then it ends.`,
		"  crawlfleet crawler drain 5b8c6d2e --grace 1m", 1, 1,
		func(ctx context.Context, args []string) error {
			reader, err := app.reader(ctx)
			if err != nil {
				return err
			}
			row, err := crawlerOf(ctx, reader, args[0])
			if err != nil {
				return err
			}
			s, err := app.steer(ctx)
			if err != nil {
				return err
			}
			r.Grace = fleet.Duration(grace)
			ref := fleet.CrawlerRef{Tenant: row.Tenant, GUID: row.GUID}
			if err := s.DrainCrawler(ctx, ref, r); err != nil {
				return err
			}
			return printOne(app, ref, func(w io.Writer) { fmt.Fprintf(w, "crawler %s drains\n", row.GUID) })
		})
	c.Flags().StringVar(&r.Reason, "reason", r.Reason, "why, for the record")
	c.Flags().DurationVar(&grace, "grace", 30*time.Second, "how long running tickets may go on")
	return c
}
