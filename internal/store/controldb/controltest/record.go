package controltest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func testRecord(t *testing.T, open Factory) {
	each(t, open, []part{
		{"ResultAndBill", resultAndBill},
		{"FreedSlotGoesToTheNext", freedSlotGoesToTheNext},
		{"TheFirstIntentCounts", theFirstIntentCounts},
		{"WithoutALease", withoutALease},
		{"OfAnOlderLeaseIsFenced", ofAnOlderLeaseIsFenced},
		{"OfAnotherWorkflowIsRefused", ofAnotherWorkflowIsRefused},
		{"UnknownTicket", unknownTicket},
		{"GrantToAClosedWorkflowPassesOn", grantToAClosedWorkflowPassesOn},
	})
}

func resultAndBill(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	l := r.cold(ticket("acme", "one"))
	r.clock.advance(10 * time.Second)
	a := r.record(l)
	require.Equal(t, fleet.OutcomeDone, a.Result.Outcome)
	require.EqualValues(t, 3, a.Result.Counters.Fetched)
	require.Equal(t, []fleet.GUID{l.GUID}, a.Result.Crawlers)
	require.Equal(t, []string{"127.0.0.2"}, a.Result.Addresses)
	require.Zero(t, a.Result.Moves)
	require.Equal(t, 1, a.Result.Attempt)
	require.Equal(t, euro(2500), a.Result.Bill, "10 s of one of four slots at a millieuro a second")
	require.Equal(t, r.clock.now(), a.Result.Times.Ended)
	require.Equal(t, l.TakenAt, a.Result.Times.Leased)

	again, err := r.Record(r.ctx, done(l))
	require.NoError(t, err)
	require.Equal(t, a, again)
	row := r.row("acme", "one")
	require.Equal(t, fleet.TicketEnded, row.State)
	require.Equal(t, a.Result, *row.Result)
	require.Nil(t, row.Lease)
	require.Equal(t, r.clock.now(), r.crawler(l.GUID).Times.IdleFrom)
	require.Equal(t, []fleet.DecisionKind{
		fleet.DecidedAccept, fleet.DecidedWait, fleet.DecidedStart, fleet.DecidedWait,
		fleet.DecidedLaunch, fleet.DecidedServe, fleet.DecidedGrant, fleet.DecidedEnd,
	}, r.kinds("acme", "one"))
}

func freedSlotGoesToTheNext(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1})
	l := r.cold(ticket("acme", "one"))
	for _, id := range []fleet.TicketID{"old", "new"} {
		r.waits(ticket("acme", id), fleet.WaitSlot)
		r.clock.advance(time.Second)
	}
	urgent := func(in *fleet.TicketInput) { in.Priority = 1 }
	r.waits(ticket("acme", "urgent", urgent), fleet.WaitSlot)
	for _, want := range []fleet.TicketID{"urgent", "old", "new"} {
		a := r.record(l)
		require.Len(t, a.Follow.Grants, 1)
		g := a.Follow.Grants[0]
		require.Equal(t, want, g.Ticket)
		require.Equal(t, fleet.TicketWorkflowID("acme", want), g.WorkflowID)
		require.Equal(t, a.Follow, r.record(l).Follow, "a repeat tells it again")
		req := ticket("acme", want)
		if want == "urgent" {
			req = ticket("acme", want, urgent)
		}
		l = r.leased(req)
		require.Equal(t, g.Epoch, l.Epoch)
	}
	require.Empty(t, r.record(l).Follow.Grants)
}

func theFirstIntentCounts(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	req := ticket("acme", "one")
	l := r.cold(req)
	cancel := fleet.Intent{Tenant: "acme", Ticket: "one", WorkflowID: "ticket/acme/one", Outcome: fleet.OutcomeCancelled, Reason: "asked"}
	i, err := r.Intend(r.ctx, cancel)
	require.NoError(t, err)
	require.Equal(t, cancel, i)
	i, err = r.Intend(r.ctx, fleet.Intent{Tenant: "acme", Ticket: "one", WorkflowID: "ticket/acme/one", Outcome: fleet.OutcomeExpired})
	require.NoError(t, err)
	require.Equal(t, cancel, i)
	row := r.row("acme", "one")
	require.Equal(t, fleet.TicketClosing, row.State)
	require.Equal(t, &cancel, row.Intent)
	require.NotNil(t, row.Lease, "until it is recorded")
	req.RunID = "run-2"
	r.waits(req, fleet.WaitConductor) // it is being ended
	unfinished, err := r.Unfinished(r.ctx, time.Hour)
	require.NoError(t, err)
	require.Len(t, unfinished, 1)

	late := done(l)
	late.Epoch = 0
	a, err := r.Record(r.ctx, late)
	require.NoError(t, err)
	require.Equal(t, fleet.OutcomeCancelled, a.Result.Outcome)
	require.Equal(t, "asked", a.Result.Reason)
	i, err = r.Intend(r.ctx, fleet.Intent{Tenant: "acme", Ticket: "one", WorkflowID: "ticket/acme/one", Outcome: fleet.OutcomeFailed})
	require.NoError(t, err)
	require.Equal(t, fleet.OutcomeCancelled, i.Outcome)
}

func withoutALease(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	r.route(ticket("acme", "one"))
	_, err := r.Intend(r.ctx, fleet.Intent{Tenant: "acme", Ticket: "one", WorkflowID: "ticket/acme/one", Outcome: fleet.OutcomeCancelled})
	require.NoError(t, err)
	a, err := r.Record(r.ctx, fleet.RecordRequest{Tenant: "acme", Ticket: "one", Outcome: fleet.OutcomeCancelled})
	require.NoError(t, err)
	require.Equal(t, fleet.Money{}, a.Result.Bill)
	require.Empty(t, a.Result.Crawlers)
	require.Zero(t, r.decide("acme").Unmet)
}

func ofAnOlderLeaseIsFenced(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	req := ticket("acme", "one")
	l := r.cold(req)
	req.RunID = "run-2"
	req.Fenced = r.route(req).Epoch
	next := r.leased(req)
	_, err := r.Record(r.ctx, done(l))
	refused(t, err, fleet.CodeFenced, "")
	require.Equal(t, 1, r.crawler(next.GUID).Leased)
	require.Equal(t, fleet.OutcomeDone, r.record(next).Result.Outcome)
}

func ofAnotherWorkflowIsRefused(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{})
	l := r.cold(ticket("acme", "one"))
	other := done(l)
	other.WorkflowID = "a second one"
	_, err := r.Record(r.ctx, other)
	refused(t, err, fleet.CodeConflict, "id")
	require.Equal(t, fleet.TicketRunning, r.row("acme", "one").State)
	r.record(l)
	_, err = r.Record(r.ctx, other)
	require.NoError(t, err, "an ended ticket answers anybody")
}

func unknownTicket(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	_, err := r.Record(r.ctx, fleet.RecordRequest{Tenant: "acme", Ticket: "one"})
	refused(t, err, fleet.CodeNotFound, "id")
	_, err = r.Intend(r.ctx, fleet.Intent{Tenant: "acme", Ticket: "one", WorkflowID: "ticket/acme/one"})
	refused(t, err, fleet.CodeNotFound, "id")
}

func grantToAClosedWorkflowPassesOn(t *testing.T, open Factory) {
	r := newRig(t, open, nil)
	r.tenant("acme", fleet.Plan{MaxCrawlers: 1, SlotsPerCrawler: 1})
	l := r.cold(ticket("acme", "one"))
	r.waits(ticket("acme", "closed"), fleet.WaitSlot)
	r.clock.advance(time.Second)
	r.waits(ticket("acme", "next"), fleet.WaitSlot)
	g := r.record(l).Follow.Grants[0]
	require.Equal(t, fleet.TicketID("closed"), g.Ticket)
	for range 2 {
		f, err := r.Ungrant(r.ctx, g)
		require.NoError(t, err)
		require.Len(t, f.Grants, 1)
		require.Equal(t, fleet.TicketID("next"), f.Grants[0].Ticket)
	}
	closed, err := r.Unfinished(r.ctx, time.Hour)
	require.NoError(t, err)
	require.Len(t, closed, 1, "the reaper finds out about it")
	// Its workflow was started again: it is as good as new.
	again := ticket("acme", "closed")
	again.RunID = "run-2"
	again.Fenced = r.route(again).Epoch
	r.waits(again, fleet.WaitSlot)
}
