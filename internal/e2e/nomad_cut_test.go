package e2e

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// offTheBox is a drill whose crawlers are jobs of a Nomad node and reach the fleet through the
// gateway alone, with wires that can be cut: to the gateway, and from there to Temporal and to
// the data plane, behind which the databases are.
func offTheBox(t *testing.T, settings map[string]string) (*drill, *api.Client) {
	t.Helper()
	_, jobs, all := node(t)
	maps.Copy(all, settings)
	return newDrill(t, Options{Gateway: true, Wires: true, Settings: all}, 2*slowly), jobs
}

// The wire from the gateway to Temporal is cut until the server has given up the crawler's
// Serve: longer than some heartbeats, and than a poll's connection lives without an answer.
// The crawl goes on and its pages are stored; one that ends meanwhile holds its result; the
// crawler is asked for a sign of life and takes it up when the wire is mended. A ticket that
// is leased a slot of it meanwhile is handed out into the cut, and comes out again.
func TestNomad_CutFromTemporalOnly(t *testing.T) {
	t.Parallel()
	d, jobs := offTheBox(t, map[string]string{"crawler-orphan-after": "10m"})
	a := d.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 3})
	running := d.crawl(a, "running")
	guid := running.Leased().GUID
	ends := d.crawl(a, "ends-meanwhile", func(in *fleet.TicketInput) { in.Scope.MaxPages = 60 })
	d.expect(ends, fleet.OutcomeLimited)
	ends.Leased()
	d.awaitRequests(20)

	d.Wires.Temporal.Cut()
	cut, stored := time.Now(), len(running.Pages())
	into := d.crawl(a, "into-the-cut", small)
	d.expect(into, fleet.OutcomeLimited)
	require.Equal(t, guid, into.Leased().GUID)
	d.lose(1) // it may arrive late, when it has been given again
	Await(t, "the crawler's Serve to be given up", func() (bool, string) {
		n := d.events(fleet.CrawlerWorkflowID(a.ID, guid), enumspb.EVENT_TYPE_ACTIVITY_TASK_TIMED_OUT)
		return n > 0, fmt.Sprintf("%d requests, %d pages", len(d.site.Log()), len(running.Pages()))
	})
	t.Logf("its Serve was given up %s after the cut; %d pages were stored meanwhile",
		time.Since(cut).Round(time.Millisecond), len(running.Pages())-stored)
	d.awaitRequests(10)
	require.Greater(t, len(running.Pages()), stored, "the crawl stores its results")
	require.Positive(t, d.Wires.Temporal.Held(), "somebody came up to the cut")
	require.NotEqual(t, fleet.TicketEnded, ends.Row().State, "nobody can say that it has ended")
	d.Wires.Temporal.Mend()
	mended := time.Now()
	into.End()
	t.Logf("cut for %s; the ticket that was handed out into it ended %s later", mended.Sub(cut).Round(time.Millisecond),
		time.Since(mended).Round(time.Millisecond))

	d.judge()
	for _, k := range []*Ticket{running, ends, into} {
		assert.Equal(t, []fleet.GUID{guid}, k.End().Crawlers, "one crawler, which was kept")
	}
	assert.Zero(t, running.End().Moves)
	assert.Zero(t, ends.End().Moves)
	assert.Empty(t, d.buried(a), "no healthy crawler was buried")
	noJobs(t, jobs)
}

// settled is a count once what had come through a wire before its cut is in it: two looks agree.
// It gives up soon, since a count that goes on rising is what the tests are after.
func settled(count func() int) (n int) {
	n = count()
	for range 5 {
		time.Sleep(2 * time.Second) // the time in which nothing may happen has to pass
		now := count()
		if now == n {
			break
		}
		n = now
	}
	return n
}

// The wire from the gateway to the data plane, and with it the databases, is cut; then that
// from the crawlers to the gateway; each for less than a crawler lives without them. Nothing
// is stored meanwhile, and the same crawler goes on. Then the first one is cut for longer:
// the crawler ends by itself, and what it had is taken up by another.
func TestNomad_CutFromTheDataPlaneOnly(t *testing.T) {
	t.Parallel()
	const crawls = 2
	d, jobs := offTheBox(t, map[string]string{"crawler-orphan-after": "30s"})
	a := d.NewTenant(t, fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: crawls})
	var tickets []*Ticket
	stored := func() (n int) {
		for _, k := range tickets {
			n += len(k.Pages())
		}
		return n
	}
	for i := range crawls {
		k := d.crawl(a, fleet.TicketID(fmt.Sprintf("t-%d", i)))
		k.Leased()
		tickets = append(tickets, k)
	}
	guid := tickets[0].Leased().GUID
	d.awaitRequests(20)
	for _, c := range []struct {
		name    string
		wire    *Wire
		forgets bool // the connections of before
	}{
		{"to the data plane", d.Wires.Plane, false},
		{"to the gateway", d.Wires.Gateway, true},
	} {
		c.wire.Cut()
		before := settled(stored)
		time.Sleep(4 * time.Second) // the outage itself
		assert.Equal(t, before, stored(), "stored while the wire %s is cut", c.name)
		require.Positive(t, c.wire.Held(), "nobody came up to the cut %s", c.name)
		if c.forgets {
			c.wire.Break()
		}
		c.wire.Mend()
		d.awaitRequests(20)
		Await(t, "pages again", func() (bool, string) { return stored() > before, fmt.Sprint(stored()) })
	}
	for _, k := range tickets {
		require.Equal(t, guid, k.Leased().GUID, "no lease was lost")
	}

	d.starve(crawls)
	d.Wires.Plane.Cut()
	cut := time.Now()
	Await(t, "the crawler to end by itself", func() (bool, string) {
		all, err := d.Crawlers()
		require.NoError(t, err)
		for _, p := range all {
			if p.GUID == guid {
				return false, show(p)
			}
		}
		return true, ""
	})
	t.Logf("it ended %s after the cut", time.Since(cut).Round(time.Millisecond))
	for _, k := range tickets {
		k.await("to have lost its crawler", func(r fleet.TicketRow) bool { return r.Lease == nil || r.Lease.GUID != guid })
	}
	d.Wires.Plane.Mend()
	d.judge()
	for _, k := range tickets {
		assert.Equal(t, 1, k.End().Moves, "taken up once")
	}
	noJobs(t, jobs)
}

// events counts the events of a type in a workflow's history.
func (d *drill) events(workflowID string, kind enumspb.EventType) (n int) {
	d.t.Helper()
	all := d.Client.Temporal().GetWorkflowHistory(d.t.Context(), workflowID, "", false,
		enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for all.HasNext() {
		e, err := all.Next()
		require.NoError(d.t, err)
		if e.GetEventType() == kind {
			n++
		}
	}
	return n
}

// noJobs wants no crawler's job to be left with Nomad.
func noJobs(t *testing.T, c *api.Client) {
	t.Helper()
	Await(t, "no crawler's job", func() (bool, string) {
		left := jobsOf(t, c)
		return len(left) == 0, show(left)
	})
}
