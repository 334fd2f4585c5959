package e2e

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// identities are places of which one lies about where its crawlers come from.
func identities(t *testing.T) string {
	t.Helper()
	place := func(name, country string, micros int64, addresses ...string) fleet.Offering {
		return fleet.Offering{
			ID: fleet.OfferingID("process/" + name), Provider: "process", Account: "process", Region: name,
			Country: country, Price: fleet.Money{Micros: micros, Currency: "EUR"}, Grain: fleet.GrainSecond,
			Egress: fleet.EgressOwn, Capacity: 10, Addresses: addresses, IdleAfter: fleet.Duration(time.Minute),
		}
	}
	liar := place("liar", "LI", 30_000, "127.251.1.1", "127.251.1.2")
	liar.Networks = []string{"203.0.113.0/24"}
	list, err := json.Marshal([]fleet.Offering{
		place("honest", "LU", 20_000, "127.251.2.1", "127.251.2.2", "127.251.2.3", "127.251.2.4"),
		liar, place("spare", "LI", 40_000, "127.251.3.1", "127.251.3.2"),
	})
	require.NoError(t, err)
	return string(list)
}

func TestEgress_AnAddressIsWhatTheFleetSeesAndWhatHostsMakeOfIt(t *testing.T) {
	t.Parallel()
	f := own(t, Options{Settings: map[string]string{
		"process-offerings": identities(t), "crawler-idle-after": "1m", "cooldown-failure": "10m",
	}})
	t.Run("a crawler that comes from elsewhere gets no ticket", func(t *testing.T) { liar(t, f) })
	t.Run("a host that refuses an address is not given it again", func(t *testing.T) { refused(t, f) })
}

func liar(t *testing.T, f *Fleet) {
	s := site(t, sample.Options{})
	a := f.NewTenant(t, fleet.Plan{SlotsPerCrawler: 1})
	in := page(s.ShopURL("/about"))
	in.Place.Countries = []string{"LI"}
	k := a.Submit(in)
	k.Done()
	from := sourceOf(t, s, s.ShopURL("/about"))
	require.Regexp(t, `^127\.251\.3\.`, from, "elsewhere in the country")
	require.Equal(t, from, k.Pages()[0].Address)

	rows, err := f.Control.AllCrawlers(t.Context(), fleet.CrawlerFilter{Tenant: a.ID})
	require.NoError(t, err)
	lied := 0
	for _, c := range rows {
		if c.Offering == "process/liar" {
			lied++
			require.Equal(t, fleet.CrawlerGone, c.State)
			require.Zero(t, c.Served)
			require.Regexp(t, `egress mismatch: declared 203\.0\.113\.0/24, seen from 127\.251\.1\.\d`, c.Reason)
		}
	}
	require.Equal(t, 1, lied, show(rows))
	all, err := f.Control.Offerings(t.Context())
	require.NoError(t, err)
	for _, o := range all {
		require.Equal(t, o.ID == "process/liar", o.Cooldown != nil, show(all))
	}
	story := f.Crawlfleet(t, "", "ticket", "explain", string(k.Name), "-t", string(a.ID)).OK(t).Out
	require.Contains(t, story, "egress mismatch: declared 203.0.113.0/24, seen from 127.251.1.")
	f.Crawlfleet(t, "", "fleet", "audit", "--leftovers").OK(t)
}

func refused(t *testing.T, f *Fleet) {
	var enemy atomic.Pointer[string]
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		from, _, _ := net.SplitHostPort(r.RemoteAddr)
		enemy.CompareAndSwap(nil, &from)
		switch {
		case r.URL.Path == "/robots.txt":
			http.NotFound(w, r)
		case *enemy.Load() == from:
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			fmt.Fprint(w, "<title>welcome</title>")
		}
	}))
	t.Cleanup(s.Close)
	a := f.NewTenant(t, fleet.Plan{SlotsPerCrawler: 1})
	in := func(paths ...string) fleet.TicketInput {
		none, at := 0, fleet.Duration(0)
		k := fleet.TicketInput{
			Scope: fleet.Scope{MaxDepth: new(int)}, Fetch: fleet.FetchOptions{Retries: &none, Delay: &at},
		}
		k.Place.Countries = []string{"LU"}
		for _, p := range paths {
			k.URLs = append(k.URLs, s.URL+p)
		}
		return k
	}
	first := a.Submit(in("/1", "/2", "/3", "/4"))
	require.Equal(t, fleet.OutcomeFailed, first.End().Outcome)
	Await(t, "the address to be banned", func() (bool, string) {
		rows, err := f.Control.Egress(t.Context(), a.ID, 0)
		require.NoError(t, err)
		return len(rows) == 1 && rows[0].Banned.After(time.Now()) && rows[0].Address == *enemy.Load(), show(rows)
	})
	second := a.Submit(in("/5"))
	one := second.Done().Addresses
	require.NotContains(t, one, *enemy.Load())
	require.Contains(t, f.Crawlfleet(t, "", "tenant", "egress", string(a.ID)).OK(t).Out, "status 429")
	require.Contains(t, f.Crawlfleet(t, "", "ticket", "explain", string(first.Name), "-t", string(a.ID)).OK(t).Out,
		"refuses the address "+*enemy.Load())

	fresh := in("/6")
	fresh.Place.FreshAddress = true
	two := a.Submit(fresh).Done().Addresses
	require.Len(t, two, 1)
	require.NotContains(t, append(one, *enemy.Load()), two[0])
	asked := in("/7")
	asked.Place.Address = two[0]
	require.Equal(t, two, a.Submit(asked).Done().Addresses)
}
