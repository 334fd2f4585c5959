package robots

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	// lifetime of what was read: RFC 9309 section 2.4 allows a day.
	lifetime = 24 * time.Hour
	// leastLifetime is what a site that allows no caching at all gets: asked before
	// every page, its robots.txt would be half of all requests.
	leastLifetime = 5 * time.Minute
	// An unreachable robots.txt is tried again after a second, then ever more
	// rarely: a page's own retries come after about as long.
	firstRetry, lastRetry = time.Second, 5 * time.Minute
	// maxRedirects is what RFC 9309 section 2.3.1.2 asks for.
	maxRedirects = 5
	// maxEntries bounds the memory of a crawler that lives for a month; most files
	// are a few hundred bytes, and one that was dropped is read again.
	maxEntries = 4096
)

// Response is what a Fetch brings back.
type Response struct {
	Status   int
	Body     []byte // at most MaxSize of it counts
	Location string // absolute, where the status is a redirect
	Header   http.Header
}

// Fetch gets one URL without following redirects. Its error is a network's.
type Fetch func(ctx context.Context, url string) (Response, error)

// StatusError is a status that makes a robots.txt unreachable: 429 or 5xx.
type StatusError int

// Error is the status in words.
func (s StatusError) Error() string { return fmt.Sprintf("status %d", int(s)) }

// Entry is what is known of one authority's robots.txt.
type Entry struct {
	Rules Rules
	// Err says why the file is unreachable; the rules then disallow everything.
	Err error
	// Until is when this has to be asked for again.
	Until time.Time

	failures int
}

// Cache reads and keeps robots.txt files. It is safe for concurrent use and has
// no goroutines of its own.
type Cache struct {
	product string
	fetch   Fetch

	mu      sync.Mutex
	entries map[string]*Entry
	calls   map[string]chan struct{} // closed when the fetch under way has ended
}

// NewCache makes a cache for the crawler with the given product token.
func NewCache(product string, fetch Fetch) *Cache {
	return &Cache{
		product: product, fetch: fetch,
		entries: map[string]*Entry{}, calls: map[string]chan struct{}{},
	}
}

// Peek gives what is known of an origin (scheme://host[:port]) without asking
// anybody, and nil when that is nothing or too old.
func (c *Cache) Peek(origin string) *Entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.fresh(origin)
}

func (c *Cache) fresh(origin string) *Entry {
	if e := c.entries[origin]; e != nil && time.Now().Before(e.Until) {
		return e
	}
	return nil
}

// Get gives what is known of an origin, after reading its robots.txt if need be;
// asked is whether this call did. One fetch per origin runs at a time, the other
// callers wait for it. It fails only when ctx ends.
func (c *Cache) Get(ctx context.Context, origin string) (e *Entry, asked bool, err error) {
	for {
		c.mu.Lock()
		if e := c.fresh(origin); e != nil {
			c.mu.Unlock()
			return e, false, nil
		}
		running := c.calls[origin]
		if running == nil {
			done := make(chan struct{})
			c.calls[origin] = done
			c.mu.Unlock()
			e, err := c.read(ctx, origin, done)
			return e, true, err
		}
		c.mu.Unlock()
		select {
		case <-running: // if that caller gave up, the next one takes its place
		case <-ctx.Done():
			return nil, false, ctx.Err()
		}
	}
}

func (c *Cache) read(ctx context.Context, origin string, done chan struct{}) (*Entry, error) {
	// Deferred, so that a panic in fetch leaves nobody waiting.
	defer func() {
		c.mu.Lock()
		delete(c.calls, origin)
		c.mu.Unlock()
		close(done)
	}()
	rules, fresh, err := c.load(ctx, origin)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.keep(origin, rules, fresh, err), nil
}

// keep stores what a fetch brought. A file that cannot be read again stays in
// force as it was (RFC 9309 section 2.3.1.4).
func (c *Cache) keep(origin string, rules Rules, fresh time.Duration, err error) *Entry {
	e := &Entry{Rules: rules, Until: time.Now().Add(fresh)}
	if err != nil {
		e.Rules, e.Err = Everything(), err
		if old := c.entries[origin]; old != nil {
			e.failures = old.failures + 1
			if old.Err == nil {
				e.Rules, e.Err = old.Rules, nil
			}
		}
		// The shift is bounded so that it cannot overflow.
		e.Until = time.Now().Add(min(firstRetry<<min(e.failures, 10), lastRetry))
	}
	if len(c.entries) >= maxEntries {
		c.evict()
	}
	c.entries[origin] = e
	return e
}

// evict drops what is too old, or else any one.
func (c *Cache) evict() {
	now := time.Now()
	for origin, e := range c.entries {
		if now.After(e.Until) {
			delete(c.entries, origin)
		}
	}
	for origin := range c.entries {
		if len(c.entries) < maxEntries {
			return
		}
		delete(c.entries, origin)
	}
}

// load fetches the file, over redirects, and says how long it may be used. A status
// 4xx means that there are no rules, but 429 is a server in distress, as 5xx is.
func (c *Cache) load(ctx context.Context, origin string) (Rules, time.Duration, error) {
	url := origin + "/robots.txt"
	for range maxRedirects + 1 {
		resp, err := c.fetch(ctx, url)
		if err != nil {
			return Rules{}, 0, err
		}
		fresh := freshness(resp.Header, time.Now())
		switch s := resp.Status; {
		case s >= 200 && s < 300:
			return Parse(resp.Body, c.product), fresh, nil
		case s >= 300 && s < 400 && resp.Location != "":
			url = resp.Location
		case s == http.StatusTooManyRequests || s >= 500:
			return Rules{}, 0, StatusError(s)
		default:
			return Rules{}, fresh, nil
		}
	}
	return Rules{}, lifetime, nil // too many redirects count as a file that is not there
}
