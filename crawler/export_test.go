package crawler

import "net/http"

// SetVisitor puts another Fetcher in the place of Colly's.
func (e *Engine) SetVisitor(f func(http.CookieJar) Fetcher) {
	e.visitor = func(s *session) Fetcher { return f(s.jar) }
}

// WindowSize is how many URLs a crawl of that concurrency holds.
func WindowSize(concurrency int) int { return windowSize(concurrency) }
