package dataplane_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/credential"
)

// A ticket's session begins with the cookies that were sealed for it, until the session has
// gathered newer ones; sealed for another they are refused.
func TestClaim_BringsTheCookiesOfTheTicket(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	state := fleet.SessionState{Version: 10, Cookies: []fleet.Cookie{
		{URL: "http://a.test/", Name: "login", Value: "s3cret", Path: "/"},
	}}
	sealed, err := credential.Maker{Fleet: "f1", Secret: secret}.SealCookies("acme", "shop", state)
	require.NoError(t, err)
	p.lease.spec.Session = &fleet.Session{Key: "shop", Cookies: sealed}
	claim, err := p.client().Claim(t.Context(), claimRequest())
	require.NoError(t, err)
	require.Equal(t, &state, claim.Session)

	newer := fleet.SessionState{Version: 11, Cookies: []fleet.Cookie{
		{URL: "http://a.test/", Name: "login", Value: "rotated", Path: "/"},
	}}
	_, err = p.client().Exchange(t.Context(), fleet.ExchangeRequest{
		Tenant: "acme", Ticket: "t-1", GUID: guid, Fence: claim.Fence, Seq: 1, Session: &newer,
		Seeds: []fleet.Link{{URL: "http://a.test/", Key: "http://a.test/"}},
	})
	require.NoError(t, err)
	claim, err = p.client().Claim(t.Context(), claimRequest())
	require.NoError(t, err)
	require.Equal(t, &newer, claim.Session)

	p.lease.spec.Session = &fleet.Session{Key: "club", Cookies: sealed}
	_, err = p.client().Claim(t.Context(), claimRequest())
	require.Equal(t, fleet.CodeForbidden, fleet.CodeOf(err))
	require.Zero(t, p.logs.FilterMessageSnippet("s3cret").Len())
}
