// Package robots reads robots.txt as RFC 9309 says and keeps what was read.
//
// Rules parses and matches; Cache fetches each authority's file once at a time,
// through a function of its caller, and remembers it as long as it may.
//
// It leaves to its caller what becomes of a disallowed page and how the crawl
// delay is kept. Used by the crawl engine.
package robots
