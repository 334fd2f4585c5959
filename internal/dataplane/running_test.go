package dataplane_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/dataplane"
)

func TestEcho_HearsWhichCrawlsACrawlerHas(t *testing.T) {
	t.Parallel()
	running := dataplane.NewRunning()
	p := newPlace(t, func(o *dataplane.Options) { o.Running = running })
	echo := func(r fleet.EchoRequest) error {
		_, err := p.client().Echo(t.Context(), r)
		return err
	}
	require.NoError(t, echo(fleet.EchoRequest{}), "an older crawler")
	_, said := running.Of(guid)
	require.False(t, said)

	own := fleet.CrawlRef{Ticket: "t-1", Epoch: 7}
	before := time.Now()
	require.NoError(t, echo(fleet.EchoRequest{Runs: []fleet.CrawlRef{own}}))
	r, said := running.Of(guid)
	require.True(t, said)
	require.True(t, r.Has(own))
	require.False(t, r.Has(fleet.CrawlRef{Ticket: "t-1", Epoch: 8}))
	require.False(t, r.At.Before(before))

	require.NoError(t, echo(fleet.EchoRequest{Runs: []fleet.CrawlRef{}}))
	r, said = running.Of(guid)
	require.True(t, said, "that it has none is a word too")
	require.False(t, r.Has(own))
	_, said = running.Of("00000000-0000-4000-8000-00000000dead")
	require.False(t, said)
}

func TestEcho_RefusesAListThatIsNone(t *testing.T) {
	t.Parallel()
	running := dataplane.NewRunning()
	p := newPlace(t, func(o *dataplane.Options) { o.Running = running })
	for field, runs := range map[string][]fleet.CrawlRef{
		"runs": make([]fleet.CrawlRef, fleet.RunsMost+1),
		"id":   {{Ticket: fleet.TicketID(strings.Repeat("x", 1<<20)), Epoch: 1}},
	} {
		_, err := p.client().Echo(t.Context(), fleet.EchoRequest{Runs: runs})
		var e *fleet.Error
		require.ErrorAs(t, err, &e, field)
		require.Equal(t, field, e.Field)
	}
	_, said := running.Of(guid)
	require.False(t, said)
}
