// Package tenantdbtest is the conformance suite of a tenant database: whatever stores
// crawls, frontiers and pages has to pass it, on every engine.
//
// Exercise holds each promise of the contract to one named case. Interleave plays random
// claims, batches, repeats, kills and closes against a model of the web and judges what
// was stored. Compete lets crawlers take a crawl from each other at the same time. Only
// tests use it.
package tenantdbtest
