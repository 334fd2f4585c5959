package e2e

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// scenario drives one tenant along one path, whatever is killed meanwhile, and returns
// when all of it is as it would be without a kill. A new activity that none of them comes
// by fails TestKill_EveryActivity: it needs a scenario here.
type scenario struct {
	name string
	// opens says that the path is the opening of the account; all others begin after it.
	opens bool
	// calm says that its healing needs seconds in which nobody dies: its points are killed
	// when all others have been.
	calm bool
	run  func(*life)
}

// life is one tenant in one scenario.
type life struct {
	*drill
	a *Tenant
}

// scenarios are in the order of their length: a point is killed in the first that comes by it.
func scenarios() []scenario {
	return []scenario{
		{name: "open", opens: true, run: func(*life) {}},
		{name: "apply", run: (*life).apply},
		{name: "ticket", run: (*life).ticket},
		{name: "cancel", run: (*life).cancel},
		{name: "idle", run: (*life).idle},
		{name: "reset", run: (*life).reset},
		{name: "lost", run: (*life).lost},
		{name: "drained", run: (*life).drained},
		{name: "again", run: (*life).again},
		{name: "stillborn", run: (*life).stillborn},
		{name: "steered", run: (*life).steered},
		{name: "webhook", run: (*life).webhook},
		{name: "crowded", run: (*life).crowded},
		{name: "expired", run: (*life).expired},
		{name: "delete", calm: true, run: (*life).delete},
	}
}

// small is a crawl of three pages; long one of minutes, if nobody ends it.
func small(in *fleet.TicketInput) { in.Scope.MaxPages = 3 }

func long(in *fleet.TicketInput) {
	delay := fleet.Duration(2 * time.Second)
	in.Fetch.Delay, in.Fetch.Concurrency = &delay, 1
}

// fetch submits a small crawl and waits for its end.
func (l *life) fetch(id fleet.TicketID) {
	k := l.crawl(l.a, id, small)
	l.expect(k, fleet.OutcomeLimited)
	require.Equal(l.t, fleet.OutcomeLimited, k.End().Outcome)
}

// busy submits a long crawl and waits until it has fetched something.
func (l *life) busy(id fleet.TicketID, edits ...func(*fleet.TicketInput)) *Ticket {
	k := l.crawl(l.a, id, append(edits, long)...)
	l.expect(k, fleet.OutcomeCancelled)
	k.Leased()
	l.awaitPages(k, 1)
	return k
}

func (l *life) awaitPages(k *Ticket, n int) {
	Await(l.t, fmt.Sprintf("%d pages of %s", n, k.ID), func() (bool, string) {
		have := len(k.Pages())
		return have >= n, fmt.Sprintf("%d pages; %s", have, l.open())
	})
}

// over cancels a ticket and waits for its end. A cancel that a dying server or worker
// forgets is asked for again.
func (l *life) over(k *Ticket) {
	k.Cancel()
	require.Equal(l.t, fleet.OutcomeCancelled, k.End().Outcome)
}

func (l *life) ticket() { l.fetch("ticket") }

func (l *life) idle() {
	l.fetch("cold")
	l.a.AwaitNoCrawlers()
	l.settle()
}

// settle waits until the books of the tenant's crawlers that are gone are closed.
func (l *life) settle() {
	Await(l.t, "closed books of "+string(l.a.ID), func() (bool, string) {
		err := inspect(l.t.Context(), filepath.Join(l.DataDir(), "control.db"), []finding{{
			"the books of a crawler are open", fmt.Sprintf(`SELECT guid || ': ' || state FROM crawlers
				WHERE tenant = '%s' AND state = 'gone' AND booked = 0 AND launched_at > 0`, l.a.ID),
		}})
		return err == nil, fmt.Sprint(err)
	})
}

func (l *life) cancel() { l.over(l.busy("cancelled")) }

func (l *life) expired() {
	k := l.crawl(l.a, "expired", long, func(in *fleet.TicketInput) { in.Deadline = fleet.Moment("2s") })
	l.expect(k, fleet.OutcomeExpired)
	require.Equal(l.t, fleet.OutcomeExpired, k.End().Outcome)
}

// lost kills the crawler under a ticket, which goes on elsewhere.
func (l *life) lost() {
	k := l.busy("lost")
	first := l.killed(k)
	moved := k.await("to be elsewhere", func(r fleet.TicketRow) bool { return r.Lease != nil && r.Lease.GUID != first })
	require.Empty(l.t, moved.Result)
	l.awaitPages(k, len(k.Pages())+1) // it does go on there
	l.settledAt(first)
	l.over(k)
}

// killed kills the crawler that a ticket is crawled by, unless it is dead already.
func (l *life) killed(k *Ticket) fleet.GUID {
	g := k.Leased().GUID
	l.lose(1)
	for _, p := range k.Processes() {
		if p.GUID == g {
			Kill(p.PID)
		}
	}
	return g
}

// settledAt waits until a crawler's books are closed.
func (l *life) settledAt(g fleet.GUID) {
	Await(l.t, "the end of crawler "+string(g), func() (bool, string) {
		row, err := l.Control.Crawler(l.t.Context(), g)
		return err == nil && row.State == fleet.CrawlerGone, show(row)
	})
	l.settle()
}

// drained drains the crawler under a ticket, which goes on elsewhere.
func (l *life) drained() {
	k := l.busy("drained")
	first := k.Leased().GUID
	l.lose(1)
	require.NoError(l.t, l.Client.DrainCrawler(l.t.Context(), fleet.CrawlerRef{Tenant: l.a.ID, GUID: first},
		fleet.DrainRequest{Reason: "a drill", Grace: fleet.Duration(100 * time.Millisecond)}))
	k.await("to be elsewhere", func(r fleet.TicketRow) bool { return r.Lease != nil && r.Lease.GUID != first })
	l.settledAt(first)
	l.over(k)
}

// reset resets a running ticket: its next run raises the fence of the one before.
func (l *life) reset() {
	k := l.busy("reset")
	l.lose(1)
	l.TemporalCLI(l.t, "workflow", "reset", "-w", k.WorkflowID, "--type", "FirstWorkflowTask",
		"--reason", "a drill").OK(l.t)
	k.await("to run again", func(r fleet.TicketRow) bool { return r.RunID != k.RunID && r.Lease != nil })
	l.over(k)
}

// again makes another attempt of a cancelled ticket, which reopens its crawl.
func (l *life) again() {
	k := l.busy("again")
	l.over(k)
	Await(l.t, "its workflow to be closed", func() (bool, string) {
		ctx, cancel := context.WithTimeout(l.t.Context(), time.Second)
		defer cancel()
		_, err := l.Client.WaitTicket(ctx, k.WorkflowID, k.RunID)
		return err == nil, fmt.Sprint(err)
	})
	l.lose(1) // what was under way is fetched again
	second := l.crawl(l.a, "again", long, func(in *fleet.TicketInput) { in.Attempt = 2 })
	l.expect(second, fleet.OutcomeCancelled)
	second.Leased()
	l.awaitPages(second, 1)
	l.over(second)
}

// stillborn has the first crawler die before its Hello; another one serves the ticket.
func (l *life) stillborn() {
	l.arm("before Hello " + string(l.a.ID))
	l.fetch("stillborn")
	Await(l.t, "the end of the stillborn one", func() (bool, string) {
		rows := l.a.Crawlers(true)
		return slices.ContainsFunc(rows, func(c fleet.CrawlerRow) bool {
			return c.State == fleet.CrawlerGone && strings.Contains(c.Reason, "before its Hello")
		}), show(rows)
	})
}

// crowded asks for a place whose only address is taken: what could not be launched at once
// is launched from the queue, refused there too, and served elsewhere.
func (l *life) crowded() {
	place := func(t *fleet.TicketInput) { t.Place = in("IS") }
	var full []*Ticket
	for _, id := range []fleet.TicketID{"first", "second"} { // both slots of its crawler
		full = append(full, l.busy(id, place))
	}
	k := l.crawl(l.a, "third", small, place)
	l.expect(k, fleet.OutcomeLimited)
	require.Equal(l.t, fleet.OutcomeLimited, k.End().Outcome)
	for _, k := range full {
		l.over(k)
	}
}

// webhook has the end of a ticket told to a receiver that wants no more, and again to one
// that takes it.
func (l *life) webhook() {
	r := receives(l.t, http.StatusGone)
	k := l.crawl(l.a, "webhook", small, func(in *fleet.TicketInput) { in.Webhook = r.URL })
	l.expect(k, fleet.OutcomeLimited)
	k.End()
	k.message(fleet.DeliverySetAside)
	r.answer(http.StatusOK)
	k.redeliver()
	k.message(fleet.DeliveryDone)
	require.Positive(l.t, r.taken())
	l.a.sameMessage(r.requests())
}
