package dataplane

import (
	"sync"
	"time"

	"github.com/crawlfleet/crawlfleet/fleet"
)

// Running keeps what each crawler said last of the crawls that it has. A restart forgets
// it, and crawlers say it again within seconds. It is safe for concurrent use.
type Running struct {
	mu   sync.Mutex
	said map[fleet.GUID]fleet.Running
}

// runningFor is how long a crawler's word is kept: those of crawlers that are gone are of
// no use, and all others repeat theirs every ten seconds.
const runningFor = time.Minute

// runningTidy is from how many crawlers on old words are looked for.
const runningTidy = 1000

// NewRunning makes the memory of one data plane.
func NewRunning() *Running { return &Running{said: map[fleet.GUID]fleet.Running{}} }

// Of answers what the crawler said last; false where it has said nothing for a minute.
func (r *Running) Of(g fleet.GUID) (fleet.Running, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	said, ok := r.said[g]
	return said, ok && time.Since(said.At) < runningFor
}

func (r *Running) note(g fleet.GUID, crawls []fleet.CrawlRef, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.said) >= runningTidy {
		for other, said := range r.said {
			if now.Sub(said.At) >= runningFor {
				delete(r.said, other)
			}
		}
	}
	r.said[g] = fleet.Running{At: now, Crawls: crawls}
}
