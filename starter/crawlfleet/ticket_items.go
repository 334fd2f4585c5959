package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/flat"
)

// itemSheet prints pages as items; what is wrong with those of a page goes to standard error.
type itemSheet struct {
	app      *App
	each     string
	complete bool // leave items out that lack a required field

	schema fleet.Items
	out    stream[fleet.Item]
	items  int64
	lack   int64 // items that lack a required field
}

func newItemSheet(a *App, each string, complete bool) *itemSheet {
	return &itemSheet{app: a, each: each, complete: complete}
}

// head takes the schema from the ticket.
func (s *itemSheet) head(in fleet.TicketInput) (err error) {
	if s.schema, err = fleet.NewItems(in.Extract, s.each); err != nil {
		return err
	}
	if s.out.app == nil {
		fields := s.schema.Fields()
		s.out = stream[fleet.Item]{
			app: s.app, text: printItem,
			open: func(w io.Writer) sheet[fleet.Item] { return flat.NewItems(w, fields) },
		}
	}
	return nil
}

func (s *itemSheet) add(p fleet.PageRow) error {
	found, flaw := s.schema.Of(p)
	if flaw.String() != "" {
		s.report(flaw)
	}
	for _, f := range found {
		s.items++
		if len(f.Missing) > 0 {
			if s.lack++; s.complete {
				continue
			}
		}
		if err := s.out.add(f.Item); err != nil {
			return err
		}
	}
	return nil
}

func (s *itemSheet) flush() error { return s.out.flush() }

func (s *itemSheet) end() error {
	if s.lack > 0 {
		what := "are printed all the same; --complete leaves them out"
		if s.complete {
			what = "are left out"
		}
		s.app.note("items that lack a required field: %d of %d, which %s", s.lack, s.items, what)
	}
	return s.out.end()
}

// report tells what is wrong with a page's items.
func (s *itemSheet) report(f fleet.Flaw) {
	if s.app.output == outputText {
		s.app.note("%s %s", f.URL, f)
	} else if !s.app.quiet {
		s.app.tell(map[string]fleet.Flaw{"flaw": f})
	}
}

func printItem(w io.Writer, item fleet.Item) {
	for _, name := range slices.Sorted(maps.Keys(item)) {
		fmt.Fprintf(w, "%s  %s\n", name, asJSON(item[name]))
	}
	fmt.Fprintln(w)
}
