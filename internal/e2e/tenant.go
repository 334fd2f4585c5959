package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/client"
)

// Tenant is an account of one test. When the test ends its tickets are cancelled and
// its crawlers drained.
type Tenant struct {
	*Fleet
	ID fleet.TenantID
	t  testing.TB
}

// NewTenant creates an account with a plan and waits until it is ready.
func (f *Fleet) NewTenant(t testing.TB, plan fleet.Plan) *Tenant {
	t.Helper()
	name := strings.ToLower(strings.TrimPrefix(strings.NewReplacer("_", "-", "/", "-").Replace(t.Name()), "Test"))
	id := fleet.TenantID(fmt.Sprintf("t%d-%.24s", f.tenants.Add(1), name))
	require.NoError(t, f.Client.StartTenant(t.Context(), fleet.TenantInput{Tenant: id, Plan: plan}))
	a := &Tenant{Fleet: f, ID: id, t: t}
	t.Cleanup(a.leave)
	a.AwaitReady()
	return a
}

// AwaitReady waits until the account is provisioned.
func (a *Tenant) AwaitReady() {
	a.t.Helper()
	Await(a.t, "tenant "+string(a.ID)+" to be ready", func() (bool, string) {
		s, err := a.Control.Tenant(a.t.Context(), a.ID)
		return err == nil && s.State == fleet.TenantReady, fmt.Sprintf("%+v %v", s, err)
	})
}

// leave ends what the account still has. The fleet's audit tells what it could not.
func (a *Tenant) leave() {
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	open, err := a.Control.OpenTickets(ctx, a.ID)
	if err != nil {
		return // the fleet is down; its Close brings it up again
	}
	for _, row := range open {
		_ = a.Client.CancelTicket(ctx, row.WorkflowID)
	}
	live, _ := a.Control.Crawlers(ctx, a.ID)
	for _, c := range live {
		_ = a.Client.DrainCrawler(ctx, fleet.CrawlerRef{Tenant: a.ID, GUID: c.GUID},
			fleet.DrainRequest{Reason: "the test is over", Grace: fleet.Duration(time.Second)})
	}
}

// Crawlers lists the account's crawlers by their rows, gone ones when asked; proofs of
// the provisioning are left out.
func (a *Tenant) Crawlers(gone bool) []fleet.CrawlerRow {
	a.t.Helper()
	var out []fleet.CrawlerRow
	for c, err := range fleet.EveryCrawler(a.t.Context(), a.Control, a.ID) {
		require.NoError(a.t, err)
		if !c.Proof && (gone || c.State.Live()) {
			out = append(out, c)
		}
	}
	return out
}

// Processes lists the account's crawlers in the process table.
func (a *Tenant) Processes() []Running {
	a.t.Helper()
	rows, err := a.Control.AllCrawlers(a.t.Context(), fleet.CrawlerFilter{Tenant: a.ID, Limit: math.MaxInt32})
	require.NoError(a.t, err)
	mine := map[fleet.GUID]bool{}
	for _, c := range rows {
		mine[c.GUID] = true
	}
	all, err := a.Fleet.Crawlers()
	require.NoError(a.t, err)
	var out []Running
	for _, p := range all {
		if mine[p.GUID] {
			out = append(out, p)
		}
	}
	return out
}

// AwaitNoCrawlers waits until the account has none, in the rows and in the process table.
func (a *Tenant) AwaitNoCrawlers() {
	a.t.Helper()
	Await(a.t, "no crawler of "+string(a.ID), func() (bool, string) {
		rows, processes := a.Crawlers(false), a.Processes()
		return len(rows) == 0 && len(processes) == 0, fmt.Sprintf("%+v %+v", rows, processes)
	})
}

// Ticket is a ticket of one test.
type Ticket struct {
	*Tenant
	Name       fleet.TicketID
	WorkflowID string
	RunID      string // of the run that was started
}

// Submit starts a ticket through the client library, and again while Temporal does not
// answer, as its id allows. Where the test says nothing of the delay, it is none.
func (a *Tenant) Submit(in fleet.TicketInput) *Ticket {
	a.t.Helper()
	in.Tenant = a.ID
	if in.ID == "" {
		in.ID = fleet.TicketID(uuid.NewString())
	}
	if in.Fetch.Delay == nil {
		in.Fetch.Delay = new(fleet.Duration)
	}
	var k client.Ticket
	var err error
	Await(a.t, "Temporal to take the ticket", func() (bool, string) {
		k, err = a.Client.StartTicket(a.t.Context(), in)
		return fleet.CodeOf(err) != fleet.CodeUnavailable, fmt.Sprint(err)
	})
	require.NoError(a.t, err)
	return a.Ticket(k)
}

// Ticket is a ticket that was started in another way.
func (a *Tenant) Ticket(k client.Ticket) *Ticket {
	return &Ticket{Tenant: a, Name: k.Ticket, WorkflowID: k.WorkflowID, RunID: k.RunID}
}

// Named is the ticket with an id, started as our own clients start it.
func (a *Tenant) Named(id fleet.TicketID) *Ticket {
	return a.Ticket(client.Ticket{Tenant: a.ID, Ticket: id, WorkflowID: fleet.TicketWorkflowID(a.ID, id)})
}

// Row reads the ticket's row.
func (k *Ticket) Row() fleet.TicketRow {
	k.t.Helper()
	row, err := k.Control.Ticket(k.t.Context(), k.ID, k.Name)
	require.NoError(k.t, err)
	return row
}

// await waits for a row of the ticket that is as the test wants it.
func (k *Ticket) await(what string, wanted func(fleet.TicketRow) bool) fleet.TicketRow {
	k.t.Helper()
	var row fleet.TicketRow
	Await(k.t, fmt.Sprintf("ticket %s of %s %s", k.Name, k.ID, what), func() (bool, string) {
		var err error
		if row, err = k.Control.Ticket(k.t.Context(), k.ID, k.Name); err != nil {
			return false, err.Error()
		}
		return wanted(row), show(row)
	})
	return row
}

// End waits for the ticket's end and gives its stored result.
func (k *Ticket) End() fleet.TicketResult {
	k.t.Helper()
	row := k.await("to end", func(r fleet.TicketRow) bool { return r.State == fleet.TicketEnded })
	require.NotNil(k.t, row.Result)
	return *row.Result
}

// Done waits for the ticket's end, which has to be a done one.
func (k *Ticket) Done() fleet.TicketResult {
	k.t.Helper()
	r := k.End()
	require.Equal(k.t, fleet.OutcomeDone, r.Outcome, show(r))
	return r
}

// Leased waits until the ticket has a slot, and gives its lease.
func (k *Ticket) Leased() fleet.Lease {
	k.t.Helper()
	return *k.await("to have a slot", func(r fleet.TicketRow) bool { return r.Lease != nil }).Lease
}

// Waits waits until the ticket waits for a reason, and gives what it says.
func (k *Ticket) Waits(code fleet.WaitCode) fleet.Wait {
	k.t.Helper()
	return *k.await("to wait for "+string(code), func(r fleet.TicketRow) bool {
		return r.Wait != nil && r.Wait.Code == code
	}).Wait
}

// Cancel asks for its end.
func (k *Ticket) Cancel() {
	k.t.Helper()
	require.NoError(k.t, k.Client.CancelTicket(k.t.Context(), k.WorkflowID))
}

// Pages reads all pages that the ticket has stored.
func (k *Ticket) Pages() []fleet.PageRow {
	k.t.Helper()
	all, err := k.Fleet.pages(k.t.Context(), k.ID, k.Name)
	require.NoError(k.t, err)
	return all
}

// Fetched gives the URLs of the stored pages with an outcome. One that is there twice
// ends the test.
func (k *Ticket) Fetched(outcomes ...fleet.PageOutcome) []string {
	k.t.Helper()
	if len(outcomes) == 0 {
		outcomes = []fleet.PageOutcome{fleet.PageFetched}
	}
	seen, urls := map[string]bool{}, []string{}
	for _, p := range k.Pages() {
		require.False(k.t, seen[p.URL], "%s is stored twice", p.URL)
		seen[p.URL] = true
		for _, o := range outcomes {
			if p.Outcome == o {
				urls = append(urls, p.URL)
			}
		}
	}
	return urls
}

// show is a value as a reader of a failure wants it.
func show(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(b)
}
