package dataplane_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/dataplane"
)

// memory is a fleet.EgressDesk that tells what it is told.
type memory struct {
	mu       sync.Mutex
	observed []string
	fails    error
	sights   chan []fleet.EgressSight
}

func (m *memory) Sighted(_ context.Context, all []fleet.EgressSight) error {
	m.sights <- all
	return nil
}

func (m *memory) Observed(_ context.Context, g fleet.GUID, seen string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.observed = append(m.observed, string(g)+" from "+seen)
	return m.fails
}

func (m *memory) seen() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]string(nil), m.observed...)
}

func watched(t *testing.T) (*place, *memory, *dataplane.Sights) {
	t.Helper()
	m := &memory{sights: make(chan []fleet.EgressSight, 8)}
	s := dataplane.NewSights(m, nil)
	return newPlace(t, func(o *dataplane.Options) { o.Sights = s }), m, s
}

// crawled claims the place's ticket and reports pages of it, as the gateway does for a
// crawler at an address.
func (p *place) crawled(peer string, pages ...fleet.PageResult) {
	p.t.Helper()
	var claimed fleet.ClaimAnswer
	require.Nil(p.t, p.asGateway(fleet.PathClaim, peer, claimRequest(), &claimed))
	r := fleet.ExchangeRequest{
		Tenant: "acme", Ticket: "t-1", GUID: guid, Fence: claimed.Fence, Seq: 1, Want: 8,
	}
	for _, page := range pages {
		r.Seeds = append(r.Seeds, fleet.Link{URL: page.URL, Key: page.URL})
	}
	var work fleet.ExchangeAnswer
	require.Nil(p.t, p.asGateway(fleet.PathExchange, peer, r, &work))
	require.Len(p.t, work.Work, len(pages))
	r.Seq, r.Seeds = 2, nil
	for _, page := range pages {
		for _, w := range work.Work {
			if w.URL == page.URL {
				page.ID = w.ID
			}
		}
		r.Pages = append(r.Pages, page)
	}
	require.Nil(p.t, p.asGateway(fleet.PathExchange, peer, r, &work))
}

func TestSights_SumWhatHostsAnswer(t *testing.T) {
	t.Parallel()
	p, m, s := watched(t)
	page := func(url string, status int, o fleet.PageOutcome) fleet.PageResult {
		return fleet.PageResult{
			URL: url, Status: status, Outcome: o, Took: fleet.Duration(time.Second),
			Address: "198.51.100.1", FetchedAt: time.Now(), // as it likes
		}
	}
	p.crawled("203.0.113.7",
		page("http://a.test/1", 200, fleet.PageFetched), page("http://a.test/2", 429, fleet.PageFailed),
		page("http://a.test/3", 200, fleet.PageBlocked), page("http://b.test:8080/", 200, fleet.PageFetched),
		fleet.PageResult{URL: "http://a.test/4", Outcome: fleet.PageSkipped, Reason: "robots"})
	s.Start(t.Context())
	all := <-m.sights // refusals do not wait
	s.Stop(t.Context())
	byHost := map[string]fleet.EgressSight{}
	for _, x := range all {
		require.Equal(t, "203.0.113.7", x.Address, "where the gateway saw it")
		require.Equal(t, fleet.TenantID("acme"), x.Tenant)
		require.Equal(t, guid, x.GUID)
		byHost[x.Host] = x
	}
	require.Len(t, byHost, 2)
	a := byHost["a.test"]
	require.Equal(t, []int{3, 2, 1}, []int{a.Pages, a.Refused, a.Challenged})
	require.Equal(t, 3*time.Second, a.Took)
	require.NotEmpty(t, a.Why)
	require.Equal(t, 1, byHost["b.test:8080"].Pages)

	rows, err := p.data.Pages(t.Context(), "acme", "t-1", 0, 10)
	require.NoError(t, err)
	require.Len(t, rows, 5)
	for _, row := range rows {
		want := "203.0.113.7"
		if row.Outcome == fleet.PageSkipped {
			want = "" // nothing was fetched
		}
		require.Equal(t, want, row.Address, row.URL)
	}
}

func TestSights_WhatIsLeftIsWrittenAtTheEnd(t *testing.T) {
	t.Parallel()
	p, m, s := watched(t)
	s.Start(t.Context())
	p.crawled("203.0.113.7", fleet.PageResult{URL: "http://a.test/", Status: 200, Outcome: fleet.PageFetched})
	s.Stop(t.Context())
	require.Len(t, <-m.sights, 1)
}

func TestSights_CompareAnAddressWhenItChanges(t *testing.T) {
	t.Parallel()
	p, m, _ := watched(t)
	echo := func(peer string) {
		var seen fleet.EchoAnswer
		require.Nil(t, p.asGateway(fleet.PathEcho, peer, struct{}{}, &seen))
		require.Equal(t, peer, seen.Address)
	}
	for range 3 {
		echo("203.0.113.7")
	}
	require.Len(t, m.seen(), 1, "once in a few minutes")
	echo("198.51.100.9")
	require.Equal(t, []string{string(guid) + " from 203.0.113.7", string(guid) + " from 198.51.100.9"}, m.seen())

	m.mu.Lock()
	m.fails = fleet.Errorf(fleet.CodeUnavailable, "away")
	m.mu.Unlock()
	echo("203.0.113.7") // the call itself does not fail
	echo("203.0.113.7")
	require.Len(t, m.seen(), 3, "and is not repeated with each call")
}

func TestSights_TheGatewaysOwnQuestionIsNobodysAddress(t *testing.T) {
	t.Parallel()
	m := &memory{sights: make(chan []fleet.EgressSight, 8)}
	p := newPlace(t, func(o *dataplane.Options) { o.Sights, o.Gate = dataplane.NewSights(m, nil), &door{} })
	var let fleet.Admission
	require.Nil(t, p.asGateway(fleet.PathAdmit, "0.0.0.0", fleet.AdmitRequest{Tenant: "acme", GUID: guid}, &let))
	require.Empty(t, m.seen())
	require.Nil(t, p.asGateway(fleet.PathEcho, "203.0.113.7", struct{}{}, &fleet.EchoAnswer{}))
	require.Len(t, m.seen(), 1)
}
