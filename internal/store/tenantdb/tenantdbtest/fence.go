package tenantdbtest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func repeated(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "a")
	require.Equal(t, a, c.again(t))
	a = c.report(t, fetched(a.Work[0], "b", "c"))
	require.Equal(t, a, c.again(t))
	require.Equal(t, a, c.again(t))
	require.Len(t, w.pages(t), 1)

	a = c.exchange(t, with(fetched(a.Work[0], "d")), want(0))
	require.Empty(t, a.Work)
	require.Equal(t, a, c.again(t))
	require.EqualValues(t, 4, a.Counters.Discovered)
}

func repeatedEnd(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "a")
	a = c.report(t, page(a.Work[0], fleet.PageFailed))
	require.Equal(t, fleet.NextEnd, a.Next)
	require.Equal(t, a, c.again(t))
	require.Equal(t, a, c.exchange(t), "one more after the end hears it too")
}

func outOfOrder(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "a")
	old := c.last
	a = c.report(t, fetched(a.Work[0], "b"))
	_, err := w.Exchange(t.Context(), old)
	require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err), "an answer would hand out what is reported")
	c.seq++
	_, err = c.try(t, with(fetched(a.Work[0])))
	require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err))
	require.Len(t, w.pages(t), 1)
}

func notHandedOut(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "a", "b")
	a2, b2 := fetched(a.Work[0]), fetched(a.Work[1])
	_, err := c.try(t, with(a2, b2, a2))
	require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err))
	require.Empty(t, w.pages(t))
	c.seq-- // refused: the number is still free
	for _, p := range []fleet.PageResult{
		{ID: 999, Outcome: fleet.PageFetched},
		{ID: 999, Retry: true},
		{ID: a2.ID, Outcome: "lost"},
		{ID: a2.ID, Outcome: fleet.PageFetched, Links: []fleet.Link{{URL: "x"}}},
	} {
		_, err = c.try(t, with(p))
		require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err), "%+v", p)
		c.seq--
	}
	a = c.report(t, a2, b2)
	require.Equal(t, fleet.OutcomeDone, a.Outcome)
}

func newerClaim(t *testing.T, w *world) {
	old, a := w.begin(t, wide(), "a", "b")
	old.report(t, fetched(a.Work[0], "c"))
	c := w.claim(t, ticket, 2, wide())
	require.Greater(t, c.fence, old.fence)
	require.Equal(t, []string{"b", "c"}, urls(c.claim.Work))
	require.Equal(t,
		fleet.Counters{Discovered: 3, InFlight: 2, Fetched: 1, Refetched: 2, Bytes: 10}, c.claim.Counters)

	late := old.report(t, fetched(a.Work[1], "poison"))
	require.Equal(t, fleet.NextStop, late.Next)
	require.Empty(t, late.Work)
	require.Equal(t, c.claim.Counters, late.Counters)
	last := c.report(t, fetched(c.claim.Work[0]), fetched(c.claim.Work[1]))
	require.Equal(t, fleet.OutcomeDone, last.Outcome)
	pages := w.pages(t)
	require.Len(t, pages, 3)
	require.Equal(t, old.guid, pages[0].GUID)
	require.Equal(t, c.guid, pages[1].GUID)
	require.Equal(t, c.guid, pages[2].GUID)
	require.Equal(t, fleet.NextStop, old.report(t).Next, "an old claim does not hear the end")
}

// A fence is a small number that can be guessed: it counts with its crawler's GUID only.
func guessedFence(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "a")
	stranger := *c
	stranger.guid = "00000000-0000-0000-0000-00000000000f"
	require.Equal(t, fleet.NextStop, stranger.report(t, fetched(a.Work[0])).Next)
	require.Empty(t, stranger.again(t).Work)
	require.Empty(t, w.pages(t))
	require.Equal(t, fleet.OutcomeDone, c.report(t, fetched(a.Work[0])).Outcome)
}

func olderLease(t *testing.T, w *world) {
	c := w.claim(t, ticket, 5, wide())
	_, err := w.tryClaim(t, ticket, 4, wide())
	require.Equal(t, fleet.CodeFenced, fleet.CodeOf(err))
	a := c.exchange(t, func(r *fleet.ExchangeRequest) { r.Seeds = links("a") })
	require.Equal(t, fleet.NextGo, a.Next, "a refused claim stops nobody")
}

func repeatedClaim(t *testing.T, w *world) {
	w.begin(t, wide(), "a")
	lost := w.claim(t, ticket, 2, wide())
	require.EqualValues(t, 1, lost.claim.Counters.Refetched)
	c := w.claim(t, ticket, 2, wide())
	require.Equal(t, lost.claim.Work, c.claim.Work)
	require.EqualValues(t, 1, c.claim.Counters.Refetched)
	require.Equal(t, fleet.OutcomeDone, c.report(t, fetched(c.claim.Work[0])).Outcome)
}

func claimAfterEnd(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "a")
	a = c.report(t, page(a.Work[0], fleet.PageFailed))
	again := w.claim(t, ticket, 2, wide()).claim
	require.Equal(t, a.Outcome, again.Outcome)
	require.Equal(t, a.Error, again.Error)
	require.Equal(t, a.Counters, again.Counters)
	require.Empty(t, again.Work)
	require.False(t, again.Seed)
}

func raise(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "a")
	require.NoError(t, w.Raise(t.Context(), tenant, ticket, 2))
	require.Equal(t, fleet.NextStop, c.report(t, fetched(a.Work[0])).Next)
	_, err := w.tryClaim(t, ticket, 1, wide())
	require.Equal(t, fleet.CodeFenced, fleet.CodeOf(err))

	c = w.claim(t, ticket, 2, wide())
	require.NoError(t, w.Raise(t.Context(), tenant, ticket, 2))
	require.NoError(t, w.Raise(t.Context(), tenant, ticket, 1))
	a = c.report(t, fetched(c.claim.Work[0]))
	require.Equal(t, fleet.OutcomeDone, a.Outcome, "a repeat does not stop who was let in")
	require.EqualValues(t, 1, a.Counters.Refetched)
}

func raiseFirst(t *testing.T, w *world) {
	require.NoError(t, w.Raise(t.Context(), tenant, ticket, 7))
	_, err := w.tryClaim(t, ticket, 6, wide())
	require.Equal(t, fleet.CodeFenced, fleet.CodeOf(err))
	_, at, err := w.Progress(t.Context(), tenant, ticket)
	require.NoError(t, err)
	require.True(t, at.IsZero())
	require.True(t, w.claim(t, ticket, 7, wide()).claim.Seed)
}

func closing(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "a", "b")
	a = c.exchange(t, with(fetched(a.Work[0], "c", "d")), want(1))
	final := fleet.Counters{Discovered: 4, Fetched: 1, Skipped: 3, Bytes: 10}
	for range 2 {
		n, err := w.Close(t.Context(), tenant, ticket, fleet.OutcomeCancelled, "as asked")
		require.NoError(t, err)
		require.Equal(t, final, n)
	}
	n, err := w.Close(t.Context(), tenant, ticket, fleet.OutcomeExpired, "")
	require.NoError(t, err)
	require.Equal(t, final, n)
	a = c.report(t, fetched(a.Work[0]))
	require.Equal(t, fleet.NextStop, a.Next)
	require.Equal(t, final, a.Counters)
	require.Len(t, w.pages(t), 1)
	n, _, err = w.Progress(t.Context(), tenant, ticket)
	require.NoError(t, err)
	require.Equal(t, final, n)
	_, err = w.tryClaim(t, ticket, 2, wide())
	require.Equal(t, fleet.CodeFenced, fleet.CodeOf(err))
	require.ErrorContains(t, err, "cancelled")
}

func closeFirst(t *testing.T, w *world) {
	n, err := w.Close(t.Context(), tenant, ticket, fleet.OutcomeExpired, "")
	require.NoError(t, err)
	require.Zero(t, n)
	for _, epoch := range []int64{0, 1, 1 << 50} {
		_, err = w.tryClaim(t, ticket, epoch, wide())
		require.Equal(t, fleet.CodeFenced, fleet.CodeOf(err))
	}
	require.NoError(t, w.Reopen(t.Context(), tenant, ticket, 2))
	_, err = w.tryClaim(t, ticket, 1, wide())
	require.Equal(t, fleet.CodeFenced, fleet.CodeOf(err))
	require.True(t, w.claim(t, ticket, 2, wide()).claim.Seed)
}

func closeEnded(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "a")
	c.report(t, fetched(a.Work[0]))
	n, err := w.Close(t.Context(), tenant, ticket, fleet.OutcomeCancelled, "")
	require.NoError(t, err)
	require.Equal(t, fleet.Counters{Discovered: 1, Fetched: 1, Bytes: 10}, n)
	require.Equal(t, fleet.OutcomeDone, w.claim(t, ticket, 2, wide()).claim.Outcome)
	require.Equal(t, fleet.NextEnd, c.again(t).Next)
}

func reopen(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "a", "b", "c")
	b, cc := a.Work[1], a.Work[2]
	c.exchange(t, with(fetched(a.Work[0], "d"), page(b, fleet.PageFailed)), want(0))
	_, err := w.Close(t.Context(), tenant, ticket, fleet.OutcomeExpired, "")
	require.NoError(t, err)

	require.NoError(t, w.Reopen(t.Context(), tenant, ticket, 2))
	require.Equal(t, fleet.NextStop, c.report(t, fetched(cc)).Next)
	c = w.claim(t, ticket, 2, wide())
	require.Equal(t, []string{"b", "c", "d"}, urls(c.claim.Work))
	require.Equal(t,
		fleet.Counters{Discovered: 4, InFlight: 3, Fetched: 1, Refetched: 1, Bytes: 10}, c.claim.Counters)
	a = c.report(t, fetched(c.claim.Work[0]), fetched(c.claim.Work[1]), fetched(c.claim.Work[2]))
	require.Equal(t, fleet.OutcomeDone, a.Outcome)
	pages := w.pages(t)
	require.Len(t, pages, 4)
	require.Greater(t, pages[1].Seq, int64(2), "a reader's cursor does not skip what is stored later")
}

func reopenRepeated(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "a")
	c.report(t, page(a.Work[0], fleet.PageFailed))
	// A fence may be raised to the new lease first.
	require.NoError(t, w.Raise(t.Context(), tenant, ticket, 2))
	require.NoError(t, w.Reopen(t.Context(), tenant, ticket, 2))
	c = w.claim(t, ticket, 2, wide())
	require.NoError(t, w.Reopen(t.Context(), tenant, ticket, 2))
	a = c.report(t, page(c.claim.Work[0], fleet.PageFailed))
	require.Equal(t, fleet.NextEnd, a.Next)
	require.NoError(t, w.Reopen(t.Context(), tenant, ticket, 2))
	require.Equal(t, fleet.OutcomeFailed, w.claim(t, ticket, 2, wide()).claim.Outcome)
	require.Len(t, w.pages(t), 1)
}

func ticketsApart(t *testing.T, w *world) {
	c, a := w.begin(t, wide(), "a")
	other := w.claim(t, "t-2", 1, wide())
	b := other.exchange(t, func(r *fleet.ExchangeRequest) { r.Seeds = links("a") })
	require.Equal(t, []string{"a"}, urls(b.Work))
	_, err := c.try(t, with(fetched(b.Work[0])))
	require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(err), "another ticket's URL")
	c.seq--
	_, err = w.Close(t.Context(), tenant, "t-2", fleet.OutcomeCancelled, "")
	require.NoError(t, err)
	require.Equal(t, fleet.OutcomeDone, c.report(t, fetched(a.Work[0])).Outcome)
	list, err := w.Pages(t.Context(), tenant, "t-2", 0, 0)
	require.NoError(t, err)
	require.Empty(t, list)
}

func noTenant(t *testing.T, w *world) {
	_, err := w.Claim(t.Context(), fleet.ClaimRequest{Tenant: "nobody", Ticket: ticket, Epoch: 1}, wide())
	require.Equal(t, fleet.CodeNotFound, fleet.CodeOf(err))
	_, err = w.Exchange(t.Context(), fleet.ExchangeRequest{Tenant: "nobody", Ticket: ticket, Fence: 1, Seq: 1})
	require.Equal(t, fleet.CodeNotFound, fleet.CodeOf(err))
	require.Equal(t, fleet.CodeNotFound, fleet.CodeOf(w.Raise(t.Context(), "nobody", ticket, 1)))
	require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(w.Create(t.Context(), "../up")))
	require.Equal(t, fleet.CodeInvalid, fleet.CodeOf(w.Raise(t.Context(), "../up", ticket, 1)))
}

func destroy(t *testing.T, w *world) {
	w.begin(t, wide(), "a")
	require.NoError(t, w.Create(t.Context(), tenant), "create may be repeated")
	_, at, err := w.Progress(t.Context(), tenant, ticket)
	require.NoError(t, err)
	require.WithinDuration(t, w.clock(), at, time.Second)
	for range 2 {
		require.NoError(t, w.Destroy(t.Context(), tenant))
	}
	_, _, err = w.Progress(t.Context(), tenant, ticket)
	require.Equal(t, fleet.CodeNotFound, fleet.CodeOf(err))
	require.NoError(t, w.Create(t.Context(), tenant))
	n, _, err := w.Progress(t.Context(), tenant, ticket)
	require.NoError(t, err)
	require.Zero(t, n)
}
