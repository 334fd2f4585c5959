package controltest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// testStory reads what rows tell of a ticket, as explain prints it.
func testStory(t *testing.T, open Factory) {
	r := newRig(t, open, func(c *Config) { c.Offerings = []fleet.Offering{offering("a", 1), offering("b", 0)} })
	r.tenant("acme", fleet.Plan{MaxCrawlers: 2, SlotsPerCrawler: 1})
	first := r.cold(ticket("acme", "first"))
	mine := ticket("acme", "mine")
	r.waits(mine, fleet.WaitConductor)
	d := r.decide("acme")
	require.Len(t, d.Starts, 1)
	second := d.Starts[0]
	_, err := r.Launching(r.ctx, second)
	require.NoError(t, err)
	r.clock.advance(10 * time.Millisecond)
	require.NoError(t, r.Launched(r.ctx, second.GUID, fleet.Instance{ProviderID: "4711"}))
	r.clock.advance(50 * time.Millisecond)
	_, err = r.Serving(r.ctx, second.GUID, r.hello(second))
	require.NoError(t, err)
	l := r.leased(mine)
	r.clock.advance(time.Second)
	_, err = r.Bury(r.ctx, l.GUID, "killed by signal 9")
	require.NoError(t, err)
	mine.Lost, mine.Why = l.Epoch, fleet.CodeCrawlerLost
	mine.Fenced = r.route(mine).Epoch
	r.waits(mine, fleet.WaitConductor)
	pause := mine
	pause.Pause = &fleet.SteerRequest{By: "ada@desk", Reason: "lunch"}
	r.waits(pause, fleet.WaitPaused)
	require.Empty(t, r.record(first).Follow.Grants)
	mine.Resume = &fleet.SteerRequest{By: "ada@desk"}
	l = r.leased(mine)
	r.clock.advance(time.Second)
	r.record(l)

	records, err := r.Decisions(r.ctx, "acme", "mine")
	require.NoError(t, err)
	var got []string
	for _, d := range records {
		if d.Ticket != "" || d.GUID == second.GUID { // the first crawler's own life is another story
			got = append(got, d.Reason)
		}
	}
	require.Equal(t, []string{
		"It is accepted with 1 seed at priority 3.",
		"It waits: no slot is free; whether a crawler is started for it is being decided.",
		"No slot is free for ticket mine, so a crawler is started at process/b: the next in price, for process/a is full (1 of 1).",
		"It waits: a crawler is being started for it at process/b.",
		"Provider process accepts crawler 00000002 after 10ms, as 4711.",
		"Crawler 00000002 serves from 127.0.0.3, 60ms after it was decided on: the launch took 10ms.",
		"It is its turn, and it gets a slot of crawler 00000002 at process/b: the only one with a free slot (0 of 1 taken).",
		"It waits: its crawler was lost (killed by signal 9).",
		"Crawler 00000002 is lost: killed by signal 9.",
		"It is paused by ada@desk: lunch.",
		"It is resumed by ada@desk.",
		"It moves to crawler 00000001 at process/a: the only one with a free slot (0 of 1 taken).",
		"It ends done with 3 pages and has cost 0.002000 EUR so far.",
	}, got)
}
