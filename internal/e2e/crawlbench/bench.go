package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// bench is one run.
type bench struct {
	o       options
	dir     string
	out     io.Writer
	plane   *helper
	access  access
	tickets int
}

func (b *bench) run(ctx context.Context) (err error) {
	if b.plane, err = start(ctx, &b.access, planeCommand, b.dir); err != nil {
		return err
	}
	defer b.plane.stop()
	if err := os.Setenv("CRAWLBENCH_TOKEN", b.access.Token); err != nil {
		return err
	}
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{
		{partLayers, b.layers},
		{partLatency, b.latency},
		{partPolite, b.polite},
		{partMillion, b.million},
	} {
		if !b.o.has(part.name) {
			continue
		}
		if err := part.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.out, format+"\n", args...) }

// crawl runs L4 with a ticket.
func (b *bench) crawl(ctx context.Context, in fleet.TicketInput, args ...string) (m measured, err error) {
	b.tickets++
	in.Tenant, in.ID = benchTenant, fleet.TicketID(fmt.Sprintf("t-%d", b.tickets))
	if in, err = in.Normalise(); err != nil {
		return m, err
	}
	if in.Scope.MaxPages == 0 {
		in.Scope.MaxPages = 1_000_000
	}
	doc, err := json.Marshal(in)
	if err == nil {
		err = os.WriteFile(filepath.Join(b.dir, string(in.ID)+".json"), doc, 0o600)
	}
	if err != nil {
		return m, err
	}
	before, err := b.plane.used()
	if err != nil {
		return m, err
	}
	m, err = child(ctx, append([]string{"L4", "-plane", b.access.URL, "-ticket", string(in.ID)}, args...)...)
	if err != nil {
		return m, err
	}
	m.Plane, err = b.plane.used()
	m.Plane.CPU -= before.CPU
	return m, err
}

// ticket is L4's: no delay, and five selectors.
func (b *bench) ticket(urls ...string) fleet.TicketInput {
	none := fleet.Duration(0)
	return fleet.TicketInput{
		URLs: urls, Fetch: fleet.FetchOptions{Delay: &none, Concurrency: b.o.concurrency},
		Extract: map[string]fleet.Field{
			"heading": {CSS: "h1"}, "sections": {CSS: "h2", Many: true}, "code": {CSS: "pre", Many: true},
			"next": {CSS: `a[accesskey="n"]`, Attr: "href"}, "paragraph": {CSS: "div p"},
		},
	}
}

// layers measures L0 to L4 and wget, interleaved.
func (b *bench) layers(ctx context.Context) error {
	var urls []string
	s, err := start(ctx, &urls, siteCommand, "-dir", b.o.site)
	if err != nil {
		return err
	}
	defer s.stop()
	first := urls[0] + b.o.start
	known, err := child(ctx, "L1", "-start", first, "-concurrency", "1", "-tell")
	if err != nil {
		return err
	}
	list := filepath.Join(b.dir, "list")
	if err := os.WriteFile(list, []byte(strings.Join(known.URLs, "\n")), 0o600); err != nil {
		return err
	}
	b.say("layers: %d pages of %s, %d rounds, %d requests at a time", known.Pages, b.o.site, b.o.rounds, b.o.concurrency)
	names := []string{"L0", "L1", "L2", "L3", "L4", "wget"}
	if b.o.documented {
		names = append(names, "L3doc")
	}
	got := map[string][]measured{}
	for round := range b.o.rounds {
		for _, name := range names {
			m, err := b.layer(ctx, name, first, list, round)
			if err != nil {
				return err
			}
			got[name] = append(got[name], m)
		}
		slices.Reverse(names)
	}
	b.tellLayers(got)
	return nil
}

func (b *bench) layer(ctx context.Context, name, first, list string, round int) (measured, error) {
	switch name {
	case "wget":
		return wget(ctx, first, filepath.Join(b.dir, fmt.Sprint("wget-", round)))
	case "L4":
		var args []string
		if b.o.profile != "" {
			args = []string{"-profile", b.o.profile}
		}
		return b.crawl(ctx, b.ticket(first), args...)
	default:
		return child(ctx, name, "-start", first, "-list", list, "-concurrency", fmt.Sprint(b.o.concurrency))
	}
}
