// Package fetch gets one URL: over a dialer that refuses private addresses, with
// a bounded, decoded and hashed body, through Colly.
//
// Colly is the fetch and callback engine and nothing else: requests are made one
// at a time by the caller's own workers, and everything in Colly that has state
// (visited set, robots.txt, limits, queue, cache, redirects, environment
// variables) is off, because it loses pages or cannot be bounded.
//
// It leaves redirects, robots.txt, politeness and retries to its caller. Used by
// the crawl engine.
package fetch
