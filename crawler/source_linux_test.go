package crawler_test

import (
	"net"
	"net/http"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/crawler"
	"github.com/crawlfleet/crawlfleet/crawler/fetch"
	"github.com/crawlfleet/crawlfleet/fleet"
)

// Only Linux has the whole of 127.0.0.0/8 without setting anything up.
func TestSource_IsBound(t *testing.T) {
	t.Parallel()
	for _, sourceFor := range []fetch.SourceFor{fetch.SourceLoopback, fetch.SourceAny} {
		s := newSite(t)
		var from string
		s.handle("/{$}", func(_ http.ResponseWriter, r *http.Request) {
			from, _, _ = net.SplitHostPort(r.RemoteAddr)
		})
		in := s.ticket("/")
		p := newPlane(in)
		r := crawl(t, p, func(o *crawler.Options) {
			o.Source, o.SourceFor = netip.MustParseAddr("127.0.0.77"), sourceFor
		})
		require.Equal(t, fleet.OutcomeDone, r.Outcome)
		require.Equal(t, "127.0.0.77", from)
	}
}
