package crawler

import (
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	// A page is tried again after about a second, then two, four … up to a minute:
	// short enough to be worth waiting for, long enough for a restart.
	firstBackoff, lastBackoff = time.Second, time.Minute
	// leastBackoff keeps the jitter from trying again at once.
	leastBackoff = 100 * time.Millisecond
	// longestWait is the longest Retry-After that is waited for. A site that asks
	// for more means "not today", and the ticket should say so.
	longestWait = time.Hour
)

// passing reports whether a status may be another one later.
func passing(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	case http.StatusNotImplemented, http.StatusHTTPVersionNotSupported:
		return false
	default:
		return status >= 500 && status <= 599
	}
}

// backoff is how long a page waits before its next try: exponential with full
// jitter, so that what failed together does not come back together.
func backoff(attempts int) time.Duration {
	// The shift is bounded so that it cannot overflow.
	ceiling := min(firstBackoff<<min(attempts, 10), lastBackoff)
	return leastBackoff + rand.N(ceiling)
}

// retryAfter reads a Retry-After header, seconds or a date; zero without one.
func retryAfter(h http.Header, now time.Time) time.Duration {
	value := h.Get("Retry-After")
	if value == "" {
		return 0
	}
	if seconds, err := strconv.Atoi(value); err == nil {
		// A day stands for everything longer, so that the product cannot overflow.
		return time.Duration(max(0, min(seconds, 86400))) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
