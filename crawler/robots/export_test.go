package robots

import (
	"net/http"
	"time"
)

// Freshness is how long a response may be used.
func Freshness(h http.Header, now time.Time) time.Duration { return freshness(h, now) }

// Expire makes what is known of an origin too old.
func (c *Cache) Expire(origin string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entries[origin].Until = time.Now()
}
