package e2e

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/crawlfleet/crawlfleet/fleet"
	"github.com/crawlfleet/crawlfleet/internal/sample"
)

// world is what all tests of a run share.
type world struct {
	programs Programs
	crashing func() (Programs, error) // built for the first who asks
	shared   func() (*Fleet, error)   // started by the first who asks
	started  bool
}

var the world

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "--guid" {
		time.Sleep(Patience) // a mute: it stands in for a crawler, and never says Hello
		os.Exit(1)
	}
	os.Exit(run(m))
}

// atOnce is how many tests run at one time, unless the command line says it: they wait
// for most of their time, and two of them would be the default of a small machine.
const atOnce = 4

func run(m *testing.M) int {
	ctx := context.Background()
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		_ = flag.Set("test.parallel", strconv.Itoa(atOnce)) // it exists, and takes numbers
	}
	dir, err := os.MkdirTemp("", "crawlfleet-e2e-bin-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }() // only programs
		the.programs, err = Build(ctx, dir)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	the.crashing = sync.OnceValues(func() (Programs, error) { return the.programs.Crashing(ctx) })
	the.shared = sync.OnceValues(func() (*Fleet, error) {
		the.started = true
		return Start(ctx, the.programs, Options{Settings: map[string]string{"process-offerings": places()}})
	})
	code := m.Run()
	if !the.started {
		return code
	}
	f, err := the.shared()
	if err == nil {
		err = f.Close(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "FAIL: the shared fleet, at its end:", err)
		return 1
	}
	return code
}

// shared is the fleet of all tests that disturb nobody.
func shared(t *testing.T) *Fleet {
	t.Helper()
	f, err := the.shared()
	require.NoError(t, err)
	return f
}

// own is a fleet for one test, audited when that ends.
func own(t *testing.T, o Options) *Fleet {
	t.Helper()
	f, err := Start(t.Context(), the.programs, o)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.Close(context.Background())) })
	return f
}

// places are those of the shared fleet: two large ones for everybody, and in countries
// of their own the small ones of the tests about capacity.
func places() string {
	const everybody = 200
	place := func(name, country string, price int64, capacity int, addresses ...string) fleet.Offering {
		return fleet.Offering{
			ID: fleet.OfferingID("process/" + name), Provider: "process", Account: "process",
			Region: name, Country: country, Grain: fleet.GrainSecond, Egress: fleet.EgressOwn,
			Price:    fleet.Money{Micros: price, Currency: "EUR"},
			Capacity: capacity, Addresses: addresses, IdleAfter: fleet.Duration(time.Second),
		}
	}
	list := []fleet.Offering{
		place("local-a", "DE", 36_000, everybody),
		place("local-b", "NL", 42_000, everybody),
		// One crawler each, the second dearer.
		place("alps-1", "AT", 50_000, 1, "127.250.1.1", "127.250.1.2"),
		place("alps-2", "AT", 60_000, 1, "127.250.1.3", "127.250.1.4"),
		// The second has the first one's only address: the planner sees room there and
		// the provider has none, as a cloud that is out of stock.
		place("ice-1", "IS", 50_000, 1, "127.250.2.1"),
		place("ice-2", "IS", 60_000, 5, "127.250.2.1"),
		place("ice-3", "IS", 70_000, 5, "127.250.2.2", "127.250.2.3"),
		// One crawler that one of two tenants can have.
		place("lux-1", "LU", 50_000, 1, "127.250.3.1", "127.250.3.2"),
		place("swiss-1", "CH", 50_000, 2, "127.250.4.1", "127.250.4.2", "127.250.4.3"),
		place("titano-1", "SM", 50_000, 2, "127.250.5.1", "127.250.5.2", "127.250.5.3"),
	}
	b, err := json.Marshal(list)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// in are the tickets' places by country.
func in(country string) fleet.Place { return fleet.Place{Countries: []string{country}} }

// site serves the bundled site with an access log of its own.
func site(t *testing.T, o sample.Options) *sample.Site {
	t.Helper()
	s := sample.New(o)
	require.NoError(t, s.Start(t.Context()))
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = s.Stop(ctx) // answers that are held up are cut
	})
	return s
}

// holding is a site whose slow page answers nobody: a ticket for it keeps its slot.
func holding(t *testing.T) *sample.Site {
	t.Helper()
	return site(t, sample.Options{SlowDelay: time.Hour})
}

// hold is a ticket that keeps a slot until it is cancelled.
func hold(s *sample.Site) fleet.TicketInput {
	in := page(s.ShopURL(sample.SlowPath))
	in.Fetch.Timeout = fleet.Duration(10 * time.Minute)
	return in
}

// page is a ticket of one page.
func page(url string) fleet.TicketInput {
	return fleet.TicketInput{URLs: []string{url}, Scope: fleet.Scope{MaxDepth: new(int)}}
}

// maze is a ticket of so many pages, one after the other, with a delay between them.
func maze(s *sample.Site, pages int64, delay time.Duration) fleet.TicketInput {
	d := fleet.Duration(delay)
	depth := 1000
	return fleet.TicketInput{
		URLs:  []string{s.ShopURL(sample.MazePath)},
		Scope: fleet.Scope{MaxPages: pages, MaxDepth: &depth}, Fetch: fleet.FetchOptions{Delay: &d},
	}
}

// requestsFor are the requests of a site's log for a canonical path or URL.
func requestsFor(s interface{ Log() []sample.Request }, url string) []sample.Request {
	var out []sample.Request
	for _, r := range s.Log() {
		if r.URL() == url || r.Path == url {
			out = append(out, r)
		}
	}
	return out
}

// sourceOf is the address that a URL was requested from, once.
func sourceOf(t *testing.T, s interface{ Log() []sample.Request }, url string) string {
	t.Helper()
	all := requestsFor(s, url)
	require.Len(t, all, 1, "requests for %s", url)
	return all[0].Source
}
