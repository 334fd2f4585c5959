package activities

import (
	"sync"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// answeredWithin is how long a crawl's result may be on its way: the SDK repeats it for 10 s.
const answeredWithin = 15 * time.Second

// Running are the crawls that a container has: those under way, and those that have ended
// a moment ago. It is safe for concurrent use.
type Running struct {
	mu     sync.Mutex
	crawls map[fleet.CrawlRef]time.Time // until when, zero while it is under way
}

// NewRunning makes an empty one.
func NewRunning() *Running { return &Running{crawls: map[fleet.CrawlRef]time.Time{}} }

// Begin notes a crawl; the caller calls what it returns at the end. From then on it is kept
// for as long as it took, answeredWithin at most: there are never many more than slots, and
// one that took a second has long been answered when anybody looks for it. A nil Running notes
// nothing.
func (r *Running) Begin(c fleet.CrawlRef) (end func()) {
	if r == nil {
		return func() {}
	}
	began := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.crawls[c] = time.Time{}
	return func() {
		now := time.Now()
		r.mu.Lock()
		defer r.mu.Unlock()
		r.crawls[c] = now.Add(min(now.Sub(began), answeredWithin))
		r.tidy(now)
	}
}

// List answers the crawls of this moment, never nil.
func (r *Running) List() []fleet.CrawlRef {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tidy(time.Now())
	out := make([]fleet.CrawlRef, 0, len(r.crawls))
	for c := range r.crawls {
		out = append(out, c)
	}
	return out
}

func (r *Running) tidy(now time.Time) {
	for c, until := range r.crawls {
		if !until.IsZero() && now.After(until) {
			delete(r.crawls, c)
		}
	}
}
