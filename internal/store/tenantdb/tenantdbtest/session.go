package tenantdbtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// sessionMoves: what a session has become is there for the next claim of any of its
// tickets, and a crawler that has been fenced changes nothing.
func sessionMoves(t *testing.T, w *world) {
	in := wide()
	in.Session = &fleet.Session{Key: "shop"}
	state := func(version int64, value string) *fleet.SessionState {
		return &fleet.SessionState{Version: version, Cookies: []fleet.Cookie{
			{URL: "http://a.test/", Name: "login", Value: fleet.CookieValue(value), Path: "/"},
		}}
	}
	carry := func(s *fleet.SessionState) func(*fleet.ExchangeRequest) {
		return func(r *fleet.ExchangeRequest) { r.Session = s }
	}
	old := w.claim(t, ticket, 1, in)
	require.Nil(t, old.claim.Session)
	old.exchange(t, carry(state(5, "first")), func(r *fleet.ExchangeRequest) { r.Seeds = links("a", "b") })

	next := w.claim(t, ticket, 2, in)
	require.Equal(t, state(5, "first"), next.claim.Session)
	require.Equal(t, fleet.NextStop, old.exchange(t, carry(state(9, "stolen"))).Next)
	next.exchange(t, carry(state(7, "second")))

	other := w.claim(t, "another", 1, in)
	require.Equal(t, state(7, "second"), other.claim.Session, "another ticket of the session")
	other.exchange(t, carry(state(6, "late")), func(r *fleet.ExchangeRequest) { r.Seeds = links("a") })
	require.Equal(t, state(7, "second"), w.claim(t, ticket, 3, in).claim.Session, "the newest counts")

	in.Session = &fleet.Session{Key: "other"}
	require.Nil(t, w.claim(t, "third", 1, in).claim.Session)
	require.Nil(t, w.claim(t, "fourth", 1, wide()).claim.Session)
}

// sessionForgotten: what a session carries goes when no crawl of it is open.
func sessionForgotten(t *testing.T, w *world) {
	in := spec(1000, 1)
	in.Session = &fleet.Session{Key: "shop"}
	carried := &fleet.SessionState{Version: 5, Cookies: []fleet.Cookie{
		{URL: "http://a.test/", Name: "login", Value: "x", Path: "/"},
	}}
	c := w.claim(t, ticket, 1, in)
	c.exchange(t, func(r *fleet.ExchangeRequest) { r.Seeds, r.Session = links("a"), carried })
	require.NoError(t, w.ForgetSession(t.Context(), tenant, "shop"))
	require.Equal(t, carried, w.claim(t, ticket, 2, in).claim.Session, "it is open")

	c = w.claim(t, ticket, 3, in)
	require.Equal(t, fleet.NextEnd, c.report(t, fetched(c.claim.Work[0])).Next)
	require.NoError(t, w.ForgetSession(t.Context(), tenant, "other"))
	require.Equal(t, carried, w.claim(t, "t-2", 1, in).claim.Session)
	_, err := w.Close(t.Context(), tenant, "t-2", fleet.OutcomeCancelled, "")
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, w.ForgetSession(t.Context(), tenant, "shop"))
	}
	require.Nil(t, w.claim(t, "t-3", 1, in).claim.Session)
	require.NoError(t, w.ForgetSession(t.Context(), "nobody", "shop"))
}
