package main

import (
	"context"
	"fmt"
	"io"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// preview prints what the planner would do with each ticket now.
func (a *App) preview(ctx context.Context, requests []request) error {
	r, err := a.reader(ctx)
	if err != nil {
		return err
	}
	out, failed := stream[fleet.Preview]{app: a, text: a.printPreview}, false
	for _, q := range requests {
		p, err := fleet.Preview{}, q.err
		if err == nil {
			p, err = r.Preview(ctx, q.in)
		}
		switch {
		case err != nil && len(requests) == 1:
			return err
		case err != nil:
			failed = true
			a.printError(err, q.at)
			continue
		case len(requests) == 1:
			return printOne(a, p, func(w io.Writer) { a.printPreview(w, p) })
		}
		if err := out.add(p); err != nil {
			return err
		}
	}
	if err := out.end(); err != nil || !failed {
		return err
	}
	return &exitStatus{code: exitError}
}

func (a *App) printPreview(w io.Writer, p fleet.Preview) {
	switch {
	case p.Kind == fleet.RouteLeased:
		fmt.Fprintln(w, "It would start at once: "+p.Reason+".")
	case p.Start != "":
		fmt.Fprintf(w, "A crawler would be started at %s: %s.\n", p.Start, p.Reason)
	case p.Kind == fleet.RouteFinished:
		fmt.Fprintln(w, "It has ended already, and would answer its stored result.")
	case p.Wait != nil:
		fmt.Fprintf(w, "It would wait (%s): %s.\n", p.Wait.Code, p.Wait.Message)
	default:
		fmt.Fprintln(w, p.Reason)
	}
	for _, c := range p.Candidates {
		mark, name := " ", string(c.Offering)
		if c.GUID != "" {
			name = "crawler " + c.GUID.Short()
		}
		if c.Chosen {
			mark = a.paint(w, green, "✓")
		}
		fmt.Fprintf(w, "  %s %s: %s\n", mark, name, c.Reason)
	}
}
