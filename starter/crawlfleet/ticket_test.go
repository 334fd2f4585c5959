package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

func TestWait_TimeoutAndInterruptLeaveTheTicketAlone(t *testing.T) {
	t.Parallel()
	got := runWith(t, program{helm: &helm{waiting: make(chan struct{})}},
		"ticket", "submit", "http://a.example/", "-t", "demo", "--id", "x", "--wait", "--wait-timeout", "10ms", "-q")
	require.Equal(t, exitWaiting, got.code)
	require.Contains(t, got.err, "the wait timed out; ticket x goes on")
	require.Contains(t, got.err, "crawlfleet ticket watch x --tenant demo")

	ctx, interrupt := context.WithCancel(t.Context())
	h := &helm{waiting: make(chan struct{})}
	go func() { <-h.waiting; interrupt() }()
	got = runWith(t, program{helm: h, ctx: ctx}, "ticket", "submit", "http://a.example/", "-t", "demo", "--id", "x", "--wait")
	require.Equal(t, exitWaiting, got.code)
	require.Contains(t, got.err, "detached; ticket x goes on")
	require.Empty(t, h.cancelled)

	got = runWith(t, program{}, "ticket", "watch", "running-1", "--wait-timeout", "10ms")
	require.Equal(t, exitWaiting, got.code)
	require.Contains(t, got.err, "running-1: running on aaaaaaaa, 5 URLs = 2 fetched + 1 in flight + 2 queued")
}

func TestSubmit_FlagsMakeTheTicket(t *testing.T) {
	t.Parallel()
	h := &helm{}
	got := runWith(t, program{helm: h}, "ticket", "submit", "http://a.example/", "http://b.example/", "-t", "demo", "--id", "x",
		"--session", "ann", "--country", "DE,NL", "--max-pages", "9", "--max-depth", "0", "--delay", "0s", "--deadline", "10m",
		"--extract", "title=h1", "--extract", "price=.price", "--label", "k=v", "--priority", "1")
	require.Zero(t, got.code, got.err)
	depth, delay := 0, fleet.Duration(0)
	want, err := fleet.TicketInput{
		Tenant: "demo", ID: "x", URLs: []string{"http://a.example/", "http://b.example/"}, Labels: map[string]string{"k": "v"},
		Session: &fleet.Session{Key: "ann"}, Place: fleet.Place{Countries: []string{"DE", "NL"}},
		Scope: fleet.Scope{MaxPages: 9, MaxDepth: &depth}, Fetch: fleet.FetchOptions{Delay: &delay}, Deadline: "10m",
		Extract: map[string]fleet.Field{"title": {CSS: "h1"}, "price": {CSS: ".price"}}, Priority: 1,
	}.Normalise()
	require.NoError(t, err)
	require.Equal(t, []fleet.TicketInput{want}, h.started)
	require.Contains(t, got.err, "no operator contact")
	require.NotContains(t, runWith(t, program{}, "-q", "ticket", "submit", "http://a/", "-t", "demo").err, "contact")
}

func TestRetry_IsTheNextAttemptOfABadEnd(t *testing.T) {
	t.Parallel()
	h := &helm{}
	require.Zero(t, runWith(t, program{helm: h}, "ticket", "retry", "failed-1").code)
	require.Equal(t, 2, h.started[0].Attempt)
	for _, id := range []string{"done-1", "running-1"} {
		got := runWith(t, program{helm: h}, "ticket", "retry", id)
		require.Equal(t, exitError, got.code)
		require.Contains(t, got.err, "error [conflict]")
	}
	require.Len(t, h.started, 1)
}

func TestCancel_GoesToTheTicketsOwnWorkflow(t *testing.T) {
	t.Parallel()
	h := &helm{}
	require.Zero(t, runWith(t, program{helm: h}, "ticket", "cancel", "waiting-1", "-t", "demo").code)
	require.Equal(t, []string{"by-hand-waiting-1"}, h.cancelled)
	require.Contains(t, runWith(t, program{helm: h}, "ticket", "cancel", "done-1").err, "has ended already")
}
