package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
)

// submitFlags are a ticket as flags say it.
type submitFlags struct {
	files                         []string
	tenant, id, session, deadline string
	countries                     []string
	address                       string
	fresh                         bool
	maxPages                      int64
	startAt, webhook              string
	maxCost                       *fleet.Money
	maxDepth, priority            int
	delay                         time.Duration
	extract, labels               map[string]string
	dryRun                        bool
	wait                          waitFlags
	changed                       func(flag string) bool
}

func newTicketSubmitCommand(app *App) *cobra.Command {
	var f submitFlags
	c := command("submit [URL...]", "submit tickets",
		`Submits one ticket of URLs and flags, or the tickets of documents: JSON or YAML, several in
one file, or JSON lines with one ticket a line. A bad document is reported and the others
go on; the exit code is then 1. --dry-run says what would happen and changes nothing.`,
		`  crawlfleet ticket submit https://example.com/ --tenant demo --max-pages 100 --wait
  crawlfleet ticket submit https://example.com/ -t demo --extract title=h1 --session ann
  crawlfleet ticket submit -f tickets.jsonl --tenant demo`, 0, -1,
		func(ctx context.Context, args []string) error { return app.submit(ctx, args, f) })
	f.changed = c.Flags().Changed
	f.add(c.Flags())
	return c
}

func (f *submitFlags) add(flags *pflag.FlagSet) {
	f.addContent(flags)
	flags.StringVar(&f.id, idFlag, "", "id of the ticket (default a new one)")
	flags.BoolVar(&f.dryRun, "dry-run", false, "say what would happen, submit nothing")
	f.wait.add(flags)
}

// addContent adds the flags that say what is crawled, and for whom.
func (f *submitFlags) addContent(flags *pflag.FlagSet) {
	flags.StringArrayVarP(&f.files, "file", "f", nil, "ticket documents; - for standard input")
	flags.StringVarP(&f.tenant, "tenant", "t", "", "the tenant; with -f for documents that name none")
	f.addFields(flags)
}

// addFields adds the flags that are fields of a document.
func (f *submitFlags) addFields(flags *pflag.FlagSet) {
	flags.StringVar(&f.session, "session", "", "session: same cookies, same address")
	flags.StringSliceVar(&f.countries, "country", nil, "where it may run, ISO 3166-1, several with commas")
	flags.StringVar(&f.address, "address", "", "the egress address that it is to have")
	flags.BoolVar(&f.fresh, "fresh-address", false, "an egress address that was not used at its hosts before")
	flags.Int64Var(&f.maxPages, "max-pages", 0, "most pages stored (default the plan's)")
	flags.IntVar(&f.maxDepth, "max-depth", 0, "links away from a seed (default 100)")
	flags.DurationVar(&f.delay, "delay", 0, "least time between two requests to a host (default 500ms)")
	flags.StringVar(&f.deadline, "deadline", "", "when it ends as expired: 10m, or an RFC 3339 instant")
	flags.StringVar(&f.startAt, "start-at", "", "when it may start: 1h, or an RFC 3339 instant")
	flags.Var(&moneyValue{&f.maxCost}, "max-cost", "end it as limited when it has cost this much, 0.50 EUR")
	flags.StringVar(&f.webhook, "webhook", "", "URL that is told how it ends")
	flags.StringToStringVar(&f.extract, "extract", nil, "value to extract from each page, name=css")
	flags.StringToStringVar(&f.labels, "label", nil, "label, name=value")
	flags.IntVar(&f.priority, "priority", 0, "1 first to 5 last (default 3)")
	for _, name := range []string{"extract", "label"} {
		flags.Lookup(name).DefValue = "" // its "[]" says nothing
	}
}

// idFlag is a field of a document too, but not of one that recurs.
const idFlag = "id"

// fieldFlags names the flags that documents have fields for.
func fieldFlags() []string {
	names := []string{idFlag}
	fields := pflag.NewFlagSet("", pflag.ContinueOnError)
	new(submitFlags).addFields(fields)
	fields.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// request is one ticket to submit, or why it is none.
type request struct {
	at  string
	in  fleet.TicketInput
	err error
}

func (a *App) submit(ctx context.Context, urls []string, f submitFlags) error {
	requests, err := a.requests(urls, f)
	if err != nil {
		return err
	}
	if f.dryRun {
		return a.preview(ctx, requests)
	}
	s, err := a.steer(ctx)
	if err != nil {
		return err
	}
	if len(requests) == 1 {
		return a.submitOne(ctx, s, requests[0], f.wait)
	}
	return a.submitBatch(ctx, s, requests, f.wait)
}

func (a *App) requests(urls []string, f submitFlags) ([]request, error) {
	switch {
	case len(f.files) > 0 && len(urls) > 0:
		return nil, &exitStatus{exitUsage, fleet.Invalid("file", "is given with URLs", "one of them")}
	case len(f.files) == 0 && len(urls) == 0:
		return nil, &exitStatus{exitUsage, fleet.Invalid("urls", "are missing", "URLs or -f FILE").
			WithHint("crawlfleet ticket submit --help")}
	case len(f.files) == 0:
		in, err := f.ticket(urls)
		return []request{{in: in, err: err}}, nil
	}
	for _, only := range fieldFlags() {
		if f.changed(only) {
			return nil, &exitStatus{exitUsage, fleet.Invalid(only, "is given with documents",
				"the field in the document")}
		}
	}
	docs, err := a.readDocuments(f.files)
	if err != nil {
		return nil, err
	}
	requests := make([]request, len(docs))
	for i, d := range docs {
		requests[i] = request{at: d.at, err: d.err}
		if d.err == nil {
			requests[i].in, requests[i].err = fleet.ParseTicket(withTenant(d.json, f.tenant))
		}
	}
	return requests, nil
}

func (f *submitFlags) ticket(urls []string) (fleet.TicketInput, error) {
	if f.tenant == "" {
		return fleet.TicketInput{}, fleet.Invalid("tenant", "is missing", "--tenant, which crawlfleet tenant list names")
	}
	in := fleet.TicketInput{
		Tenant: fleet.TenantID(f.tenant), ID: fleet.TicketID(f.id), URLs: urls, Labels: f.labels,
		Priority: f.priority, Deadline: fleet.Moment(f.deadline), StartAt: fleet.Moment(f.startAt),
		MaxCost: f.maxCost, Webhook: f.webhook,
		Scope: fleet.Scope{MaxPages: f.maxPages},
		Place: fleet.Place{Countries: f.countries, Address: f.address, FreshAddress: f.fresh},
	}
	if f.changed("max-depth") {
		in.Scope.MaxDepth = &f.maxDepth
	}
	if f.changed("delay") {
		in.Fetch.Delay = (*fleet.Duration)(&f.delay)
	}
	if f.session != "" {
		in.Session = &fleet.Session{Key: fleet.SessionKey(f.session)}
	}
	for name, css := range f.extract {
		if in.Extract == nil {
			in.Extract = map[string]fleet.Field{}
		}
		in.Extract[name] = fleet.Field{CSS: css}
	}
	return in.Normalise()
}

// withTenant completes a document that names no tenant.
func withTenant(doc []byte, tenant string) []byte {
	var fields map[string]json.RawMessage
	if tenant == "" || json.Unmarshal(doc, &fields) != nil || fields == nil || fields["tenant"] != nil {
		return doc
	}
	fields["tenant"], _ = json.Marshal(tenant) // a string always marshals
	b, err := json.Marshal(fields)
	if err != nil {
		return doc
	}
	return b
}

func (a *App) submitOne(ctx context.Context, s steering, r request, wait waitFlags) error {
	if r.err != nil {
		return r.err
	}
	t, err := s.StartTicket(ctx, r.in)
	if err != nil {
		return err
	}
	a.noteContact()
	if wait.wait {
		return a.await(ctx, s, t, wait)
	}
	word, err := a.accepted(ctx, s, t)
	if err != nil {
		return err
	}
	return printOne(a, t, func(w io.Writer) { printStarted(w, t, word) })
}

// notYet is said of a ticket that no worker has looked at.
const notYet = "submitted, and not accepted yet"

// accepted waits until a ticket is accepted, and says how far it came. The error is why it is
// refused. Where the stores are on another machine only Temporal knows it yet.
func (a *App) accepted(ctx context.Context, s steering, t client.Ticket) (word string, err error) {
	if t.Attached {
		return "runs already", nil
	}
	rows, err := a.reader(ctx)
	if err != nil {
		return "submitted", nil
	}
	err = client.Accepted(ctx, s, rows, t)
	switch {
	case err == nil:
		return "accepted", nil
	case ctx.Err() != nil || hasCode(err, fleet.CodeTimeout):
		return notYet, nil
	}
	return "", err
}

func printStarted(w io.Writer, t client.Ticket, word string) {
	fmt.Fprintf(w, "ticket %s of tenant %s %s\n", t.Ticket, t.Tenant, word)
}

// noteContact says once that sites cannot reach the operator.
func (a *App) noteContact() {
	d, err := a.dir()
	if err != nil {
		return // another machine's fleet: its operator knows
	}
	if r, err := d.Running(); err == nil && strings.TrimSpace(r.Contact) == "" {
		a.note("no operator contact is set, so sites cannot reach you: crawlfleet dev --contact you@example.com")
	}
}
