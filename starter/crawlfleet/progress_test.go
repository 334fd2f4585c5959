package main

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestBar_ShowsCountersThatAddUp(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	p := newBar(&b)
	p.show(look{Ticket: "t-1", State: fleet.TicketRunning, Crawler: guidA, Counters: story().counters})
	p.end()
	require.Contains(t, b.String(), "5 URLs = 2 fetched + 1 in flight + 2 queued")
}

func TestSummary_SaysWhyATicketWaits(t *testing.T) {
	t.Parallel()
	require.Equal(t, "waiting (plan_slots): all 2 slots of the plan are in use",
		summary(look{State: fleet.TicketWaiting, Wait: story().tickets[2].Wait}))
	require.Equal(t, "running, no URL yet", summary(look{State: fleet.TicketRunning}))
}

func TestProgress_QuietShowsNothing(t *testing.T) {
	t.Parallel()
	got := runWith(t, program{terminal: true}, "ticket", "watch", "done-1", "-q")
	require.Empty(t, got.err)
}
