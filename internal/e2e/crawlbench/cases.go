package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

const (
	// The site of the latency case adds this to each answer.
	latency = 50 * time.Millisecond
	// The hosts of the polite case, their pages and the interval between two requests.
	politeHosts, politePages = 20, 40
	politeDelay              = 100 * time.Millisecond
	// millionFetched is how many pages are fetched of the million that is known: the hubs,
	// and enough that the frontier is used while it is full.
	millionFetched = 3000
	// millionLimit is what a process may hold.
	millionLimit = 300 << 20
)

// latency is bound by concurrency over delay (Little's law).
func (b *bench) latency(ctx context.Context) error {
	var urls []string
	s, err := start(ctx, &urls, siteCommand, "-dir", b.o.site, "-delay", latency.String())
	if err != nil {
		return err
	}
	defer s.stop()
	m, err := b.crawl(ctx, b.ticket(urls[0]+b.o.start))
	if err != nil {
		return err
	}
	bound := float64(b.o.concurrency) / latency.Seconds()
	rate := float64(m.Pages) / m.Took.Seconds()
	b.say("latency: %d pages at %s each, %.0f pages/s of %.0f = %.3f (aim: at least 0.9)",
		m.Pages, latency, rate, bound, rate/bound)
	return nil
}

// polite is bound by the host with the most requests times its interval.
func (b *bench) polite(ctx context.Context) error {
	var urls []string
	s, err := start(ctx, &urls, siteCommand, "-hosts", strconv.Itoa(politeHosts), "-watch")
	if err != nil {
		return err
	}
	defer s.stop()
	for i := range urls {
		urls[i] += fmt.Sprintf("n/%d/0", politePages)
	}
	in := b.ticket(urls...)
	delay := fleet.Duration(politeDelay)
	in.Fetch.Delay = &delay
	m, err := b.crawl(ctx, in)
	if err != nil {
		return err
	}
	var seen []visit
	if err := s.ask("visits", &seen); err != nil {
		return err
	}
	least, longest, hosts, visits := gaps(seen)
	bound := politeDelay * time.Duration(politePages) // and robots.txt: one more request
	b.say("polite: %d pages, %d requests to %d hosts every %s: %s of a bound of %s = %.3f (aim: at least 0.95), whole crawl %s",
		m.Pages, visits, hosts, politeDelay, longest.Round(time.Millisecond), bound,
		float64(bound)/float64(longest), m.Took.Round(time.Millisecond))
	b.say("polite: the least gap that a host saw is %s (aim: never less than %s)", least, politeDelay)
	return nil
}

// million fills a frontier and looks at what both processes hold.
func (b *bench) million(ctx context.Context) error {
	var urls []string
	s, err := start(ctx, &urls, siteCommand)
	if err != nil {
		return err
	}
	defer s.stop()
	in := b.ticket(urls[0] + "m/")
	in.Scope.MaxPages = millionFetched
	m, err := b.crawl(ctx, in)
	if err != nil {
		return err
	}
	const known = hubs*hubPages + hubs + 1
	b.say("million: %s URLs known of %d, %d fetched in %s; crawler %d MB, data plane %d MB (aim: under %d)",
		m.Note, known, m.Pages, m.Took.Round(time.Millisecond), m.Used.RSS>>20, m.Plane.RSS>>20, millionLimit>>20)
	if m.Note != strconv.Itoa(known) || m.Pages != millionFetched {
		return fmt.Errorf("%s URLs known, want %d", m.Note, known)
	}
	return nil
}
