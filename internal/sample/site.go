package sample

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

// hostCount is how many hosts the site has: the shop and the journal.
const hostCount = 2

// Options say where and how a Site serves. The zero value is good.
type Options struct {
	// Hosts are the addresses that the two hosts listen on, as host:port; port 0 is a free one, and
	// a name stays a name in the URLs. Without any, they are 127.0.0.1 and 127.0.0.2, or where the
	// machine has only the former, two ports of it.
	Hosts []string
	// Seed decides names, prices and some links. Zero is 1. The shape is the same for each seed.
	Seed uint64
	// Agent is the product token that robots.txt has a group for. Empty is "crawlfleet".
	Agent string
	// PageDelay passes before each answer but robots.txt and the sitemap.
	PageDelay time.Duration
	// SlowDelay passes before the slow page's answer, instead of PageDelay. Zero is 300 ms.
	SlowDelay time.Duration
	// BigSize is the least size of the big page in bytes. Zero is 1 MiB.
	BigSize int
	// Log also gets each request as a line of JSON, unless nil.
	Log io.Writer
}

func (o Options) withDefaults() Options {
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Agent == "" {
		o.Agent = "crawlfleet"
	}
	if o.SlowDelay == 0 {
		o.SlowDelay = 300 * time.Millisecond // long beside a page on loopback, short for a demo
	}
	if o.BigSize == 0 {
		o.BigSize = 1 << 20 // 200 times a usual page, yet below any sane cap on bodies
	}
	return o
}

// Site is the bundled web site. Create it with New; its methods may be called from any goroutine
// once Start has returned.
type Site struct {
	*AccessLog
	options   Options
	templates *template.Template
	origins   []string // "http://host:port" by host
	robots    []robots // by host
	pages     map[place]*page
	pageDelay atomic.Int64
	flaky     atomic.Int64 // requests to the flaky page
	servers   []*http.Server
	serving   sync.WaitGroup
	stopped   context.Context // done when Stop is called, which ends endless answers
	stop      context.CancelFunc
}

// New returns a site that serves nothing yet.
func New(options Options) *Site {
	s := &Site{options: options.withDefaults(), pages: map[place]*page{}}
	s.AccessLog = NewAccessLog(s.options.Log)
	s.robots = []robots{shopRobots(s.options.Agent), journalRobots(s.options.Agent)}
	s.pageDelay.Store(int64(s.options.PageDelay))
	return s
}

// Start listens, writes the pages and serves them; it returns when the first request can come.
// If it fails, nothing listens. A site starts once.
func (s *Site) Start(ctx context.Context) error {
	if s.origins != nil {
		return errors.New("start sample site: it was started before")
	}
	listeners, err := listen(ctx, s.options.Hosts)
	if err != nil {
		return fmt.Errorf("start sample site: %w", err)
	}
	if err := s.prepare(listeners); err != nil {
		for _, l := range listeners {
			err = errors.Join(err, l.Close())
		}
		return fmt.Errorf("start sample site: %w", err)
	}
	s.stopped, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	for host, l := range listeners {
		server := newServer(s.record(s.handler(host)))
		s.servers = append(s.servers, server)
		s.serving.Go(func() {
			// Always http.ErrServerClosed after Stop; a listener that breaks earlier shows up as
			// refused connections, which is what a site that is down looks like.
			_ = server.Serve(l)
		})
	}
	return nil
}

func (s *Site) prepare(listeners []boundHost) error {
	for _, l := range listeners {
		s.origins = append(s.origins, "http://"+authority(l.authority))
	}
	var err error
	if s.templates, err = template.ParseFS(templateFiles, "templates/*.html"); err != nil {
		return fmt.Errorf("parse templates: %w", err)
	}
	return s.build()
}

// Stop ends all answers, also the endless ones, and waits until nothing is served any more or ctx
// is done; connections left then are cut. It also returns an error of writing Options.Log.
// Stopping twice, or before Start, does nothing.
func (s *Site) Stop(ctx context.Context) error {
	if s.stop == nil {
		return nil
	}
	s.stop()
	errs := []error{s.Err()}
	for _, server := range s.servers {
		errs = append(errs, shutdown(ctx, server))
	}
	s.serving.Wait()
	return errors.Join(errs...)
}

// URL returns the home page of the shop, from which everything is reached that is linked at all.
func (s *Site) URL() string { return s.url(place{shop, "/"}) }

// Hosts returns the authorities of the shop and the journal, as host:port.
func (s *Site) Hosts() []string {
	hosts := make([]string, len(s.origins))
	for i, origin := range s.origins {
		hosts[i] = origin[len("http://"):]
	}
	return hosts
}

// ShopURL returns the canonical URL of a path of the shop.
func (s *Site) ShopURL(path string) string { return s.url(place{shop, path}) }

// JournalURL returns the canonical URL of a path of the journal.
func (s *Site) JournalURL(path string) string { return s.url(place{journal, path}) }

// Page returns what an extraction of the page of HTML with this canonical URL has to find, and
// whether there is one.
func (s *Site) Page(url string) (Page, bool) {
	p, ok := s.find(s.placeOf(url))
	if !ok || p.kind != document {
		return Page{}, false
	}
	return p.facts, true
}

// SetPageDelay changes Options.PageDelay for the requests to come.
func (s *Site) SetPageDelay(d time.Duration) { s.pageDelay.Store(int64(d)) }

func (s *Site) url(at place) string {
	if at.host == elsewhere {
		return at.path
	}
	return s.origins[at.host] + at.path
}

// find returns the page at a place; those of the traps are written when they are asked for.
func (s *Site) find(at place) (*page, bool) {
	if p, ok := s.pages[at]; ok {
		return p, true
	}
	return s.trapPage(at)
}
